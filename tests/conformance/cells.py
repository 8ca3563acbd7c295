"""Asks for one feature in one dialect of one target, and tells what came of it.

The caller's bytes are written, read and translated as the gateway does; what goes out is held to the official
types and to what the provider refuses, and what the official SDK hears of the provider's answer is compared
with what the provider said. Anything that is not the same, and was not told, raises. Read next: `page`.
"""

import json
from typing import Any, Final, Literal

import msgspec
from tests.conformance.columns import Column
from tests.conformance.features import TEXT, VALUE, Feature
from tests.wire.dialects import official_clients
from tests.wire.dialects.provider_rules import broken_rules
from tests.wire.dialects.raw_gists import of_answer
from tests.wire.dialects.request_types import type_faults

from headgate.catalog.profiles import profile_of
from headgate.core.call import AnyDialect, Dialect, Usage
from headgate.core.chat import Candidate, ChatAnswer, ChatCall, Finish, Part, Reasoning, Text, ToolCall
from headgate.core.faults import NotTranslatable
from headgate.core.quirks import PLAIN, Quirks
from headgate.gateway.spoken import endpoint_of
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.folding import unfold
from headgate.wire.dialects.model import Asked
from headgate.wire.dialects.registry import CODECS
from headgate.wire.dialects.structured import answer_tool, manner_of
from headgate.wire.routes import match
from headgate.wire.translating import Translation

CALLERS: Final = official_clients.CALLERS
ASKED: Final = Asked(model="asked", created_s=1_700_000_000, request_id="req_1")
USAGE: Final = Usage(input=7, output=3)
_PATHS: Final = {
    "openai-chat": "/v1/chat/completions",
    "openai-responses": "/v1/responses",
    "anthropic": "/v1/messages",
    "google": "/v1beta/models/asked:generateContent",
}
Mark = Literal["passed", "same", "less", "refused", "unsaid", "no way"]


class Cell(msgspec.Struct, frozen=True):
    """What became of a feature: how well it fares, and what was told."""

    mark: Mark
    told: tuple[str, ...] = ()


def cell(caller: Dialect, column: Column, feature: Feature) -> Cell:
    """Ask for it. Raises AssertionError where something is lost that nobody was told of."""
    call = _as_read(caller, feature)
    if call is None:
        return Cell("unsaid")
    route = match("POST", _PATHS[caller])
    assert route is not None
    try:
        endpoint = endpoint_of(column.target, route)
    except NotTranslatable as fault:
        return Cell("no way", (fault.message,))
    dialect = endpoint.dialect
    if dialect == caller:
        return Cell("passed")
    quirks = profile_of(column.target, dialect).quirks
    translation = Translation.between(caller, dialect, quirks)
    assert translation is not None, f"no codec between {caller} and {dialect}"
    body, changes = translation.call(call, model=column.model, max_output=call.max_output)
    _is_taken(dialect, json.loads(body), quirks)
    altered = changes.of_weight("meaning")
    if altered:
        return Cell("refused", _told(altered))
    _is_heard(caller, translation, call, feature, quirks)
    lost = changes.of_weight("loss")
    return Cell("less", _told(lost)) if lost else Cell("same", _told(changes.of_weight("note")))


def _told(changes: list[Any]) -> tuple[str, ...]:
    return tuple(str(one) for one in changes)


def _as_read(caller: Dialect, feature: Feature) -> ChatCall | None:
    """The call as a client of that dialect says it; None where the dialect has no words for it."""
    codec, changes = CODECS[caller], Changes()
    meant = feature.call(caller)
    body = codec.write_call(meant, PLAIN, changes)
    if changes.of_weight("meaning") or changes.of_weight("loss"):
        return None
    return codec.read_call(body, model="asked", stream=meant.stream)


def _is_taken(dialect: AnyDialect, body: Any, quirks: Quirks) -> None:
    if dialect != "cohere":  # no types of Cohere's SDK are at hand: `tests/wire/dialects/test_cohere.py`
        fault = type_faults(dialect, body)
        assert not fault, fault
        broken = broken_rules(dialect, body, quirks)
        assert not broken, broken


def _is_heard(
    caller: Dialect, translation: Translation, call: ChatCall, feature: Feature, quirks: Quirks
) -> None:
    dialect = translation.other
    parts = _parts(call, feature, quirks)
    has_calls = any(isinstance(part, ToolCall) for part in parts)
    finish = Finish(reason="tool_calls" if has_calls else "stop")
    answer = ChatAnswer(
        dialect="anthropic" if dialect == "openai-chat" else "openai-chat",  # so that nothing is native
        id="answer-1",
        model="m",
        candidates=(Candidate(parts=parts, finish=finish),),
        usage=USAGE,
        created_s=ASKED.created_s,
    )
    said = _said(dialect, answer, is_stream=call.stream)
    if call.stream:
        reader = translation.stream_reader(call, ASKED, Changes())
        body = reader.feed(said).data + reader.end().data
        heard = official_clients.streamed(caller, body)
    else:
        body = translation.answer(said, call, ASKED, Changes()).body
        heard = official_clients.whole(caller, body)
        if any(isinstance(part, Reasoning) for part in feature.answer):
            found = CODECS[caller].read_answer(body).candidates[0].parts
            assert any(isinstance(part, Reasoning) and part.text for part in found), "no reasoning is heard"
    gist = of_answer(caller, heard)
    text, calls = _expected(feature)
    assert gist.calls == calls, gist.calls
    assert gist.text == text or (feature.is_structured and json.loads(gist.text) == VALUE), gist.text
    assert gist.finish == ("tool_calls" if calls else "stop"), gist.finish
    assert gist.tokens == (7, 0, 3), gist.tokens


def _parts(call: ChatCall, feature: Feature, quirks: Quirks) -> tuple[Part, ...]:
    """What a provider says, in the form that it was made to keep."""
    if not feature.is_structured:
        return feature.answer
    value = json.dumps(VALUE)
    if manner_of(call, quirks) == "tool":
        return (ToolCall(id="call_1", name=answer_tool(call), arguments=value),)
    return (Text(text=value),)


def _said(dialect: AnyDialect, answer: ChatAnswer, *, is_stream: bool) -> bytes:
    codec = CODECS[dialect]
    if not is_stream:
        return codec.write_answer(answer, ASKED, Changes())
    out = codec.events_out(ASKED, Changes())
    return b"".join([out.write(event) for event in unfold(answer)])


def _expected(feature: Feature) -> tuple[str, tuple[tuple[str, Any], ...]]:
    if feature.is_structured:
        return json.dumps(VALUE), ()
    calls = [part for part in feature.answer if isinstance(part, ToolCall)]
    text = "" if calls else TEXT
    return text, tuple((one.name, json.loads(one.arguments)) for one in calls)

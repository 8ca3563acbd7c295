"""Answers that are refusals in truth: all of their content was filtered (trap 22).

Google names a `blockReason` and no candidate, Azure ends in `content_filter` without content, Anthropic stops
for `refusal` with none, Bedrock's guardrail speaks in the model's place. What has words of the model, be it
its own declining, is an answer. Never changes one. Read next: `wire.refusals` (refusals that come as errors).
"""

from typing import Final, cast

from headgate.core.call import AnyDialect
from headgate.core.chat import ChatAnswer, FinishReason, Native, Part, Reasoning, Refusal, Text
from headgate.core.events import Finished
from headgate.core.faults import UpstreamError
from headgate.wire.dialects.registry import codec_of

DECLINING: Final[frozenset[FinishReason]] = frozenset({"content_filter", "refusal"})
GUARDRAIL: Final = "guardrail_intervened"


def declined(answer: ChatAnswer) -> str:
    """The provider's own word for why a whole answer is a refusal; empty where it is an answer."""
    word = ""
    for candidate in answer.candidates:
        finish = candidate.finish
        if finish is None or finish.reason not in DECLINING:
            return ""
        word = finish.native or finish.reason
        if any(map(_is_seen, candidate.parts)) and not (word == GUARDRAIL and _is_guardrail_s(answer)):
            return ""
    return word


def declined_whole(dialect: AnyDialect, body: bytes) -> str:
    """The same for the bytes of a whole answer; empty also for bytes that are none."""
    codec = codec_of(dialect)
    if codec is None:
        return ""
    try:
        return declined(codec.read_answer(body))
    except UpstreamError:
        return ""


def declined_stream(dialect: AnyDialect, data: bytes) -> str:
    """The same for the bytes of a whole stream of which nothing could be seen."""
    codec = codec_of(dialect)
    if codec is None:
        return ""
    reader = codec.events_in()
    try:
        events = [*reader.feed(data), *reader.end()]
    except UpstreamError:
        return ""
    word: str | None = None
    for event in events:
        if isinstance(event, Finished):
            word = declined_by(event, word)
    return word or ""


def declined_by(end: Finished, before: str | None) -> str:
    """The same from the end of one more candidate; `before`: from those that have ended, None for none."""
    if before == "" or end.finish.reason not in DECLINING:
        return ""
    return end.finish.native or end.finish.reason


def _is_seen(part: Part) -> bool:
    match part:
        case Text() | Refusal():
            return bool(part.text.strip())
        case Reasoning():
            return False
        case _:
            return True


def _is_guardrail_s(answer: ChatAnswer) -> bool:
    """Whether a guardrail has put its own words in the place of the model's: those of one that it stopped
    before the model said a token, or that its trace says it blocked. What it has only masked is an answer.

    Source: the Converse API's `trace.guardrail`; recorded answers that were masked.
    """
    if answer.usage is not None and not answer.usage.total_output:
        return True
    action = _inner(_inner(answer.native, "trace"), "guardrail").get("actionReason")
    return isinstance(action, str) and "blocked" in action.lower() and "masked" not in action.lower()


def _inner(outer: Native | dict[str, object] | None, name: str) -> dict[str, object]:
    fields = outer.fields if isinstance(outer, Native) else outer or {}
    value = fields.get(name)
    return cast("dict[str, object]", value) if isinstance(value, dict) else {}

"""What the tests of Responses share: recorded exchanges, streams as events, OpenAI's own reader of them."""

import functools
import json
import warnings
from collections.abc import Iterable
from typing import Any, cast

import msgspec
from openai import omit
from openai._models import construct_type_unchecked
from openai.lib.streaming.responses._responses import ResponseStreamState
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter
from tests.recorded_exchanges import Exchange, recorded

from headgate.core.chat import ChatAnswer, ChatCall, Message, Part, Text
from headgate.core.events import Event
from headgate.core.quirks import PLAIN, Quirks
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.folding import fold, unfold
from headgate.wire.dialects.model import Asked
from headgate.wire.dialects.openai_responses.codec import CODEC

ASKED = Asked(model="asked-for", created_s=1_700_000_000, request_id="req_7")

_event_type: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
SEALED_ANEW = "encrypted_content"
"""OpenAI encrypts reasoning anew for each event that shows it, so that no two are alike."""


@functools.cache
def exchanges() -> tuple[Exchange, ...]:
    return tuple(one for one, _ in recorded() if one.dialect == "openai-responses")


def calls() -> tuple[Exchange, ...]:
    return exchanges()


def answers() -> list[Exchange]:
    return [one for one in exchanges() if one.status == 200 and not one.stream]


def streams() -> list[Exchange]:
    return [one for one in exchanges() if one.status == 200 and one.stream]


def events_of(body: bytes, *, sizes: Iterable[int] = ()) -> list[Event]:
    reader = CODEC.events_in()
    events: list[Event] = []
    position = 0
    for size in sizes:
        events += reader.feed(body[position : position + size])
        position += size
        if position >= len(body):
            break
    if position < len(body):
        events += reader.feed(body[position:])
    return events + reader.end()


def stream_of(events: Iterable[Event], *, asked: Asked = ASKED, changes: Changes | None = None) -> bytes:
    out = CODEC.events_out(asked, Changes() if changes is None else changes)
    return b"".join(out.write(event) for event in events)


def raw_events(body: bytes) -> list[dict[str, Any]]:
    """Every event's data, found without the code under test."""
    found: list[dict[str, Any]] = []
    for block in body.decode().replace("\r\n", "\n").split("\n\n"):
        lines = [line[5:].strip() for line in block.split("\n") if line.startswith("data:")]
        if lines and lines[0] != "[DONE]":
            found.append(json.loads("\n".join(lines)))
    return found


def sdk_final(body: bytes) -> dict[str, Any]:
    """The response that OpenAI's SDK accumulates from a stream."""
    with warnings.catch_warnings():
        # Its own union of web searches is one that it can't write back; ours is checked by `check_events`.
        warnings.simplefilter("ignore", UserWarning)
        return _accumulated(body)


def _accumulated(body: bytes) -> dict[str, Any]:
    state: ResponseStreamState[Any] = ResponseStreamState(input_tools=[], text_format=omit)
    for data in raw_events(body):
        event = construct_type_unchecked(type_=cast("Any", ResponseStreamEvent), value=data)
        state.handle_event(event)
    final = state._completed_response
    assert final is not None, "no response.completed"
    return final.to_dict()


def check_events(body: bytes) -> list[dict[str, Any]]:
    """Every event passes the SDK's types and stands in its place; returns them."""
    events = raw_events(body)
    heads = [line[7:] for line in body.decode().split("\n") if line.startswith("event: ")]
    assert heads == [event["type"] for event in events]
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    for event in events:
        read = _event_type.validate_python(event)
        read.model_dump_json()
    return events


def check_response(fields: dict[str, Any]) -> Response:
    """A response passes the SDK's types, and is written by them without a warning."""
    read = Response.model_validate(fields)
    read.model_dump_json()
    return read


def written_answer(answer: ChatAnswer, changes: Changes | None = None) -> dict[str, Any]:
    return json.loads(CODEC.write_answer(answer, ASKED, Changes() if changes is None else changes))


def streamed_answer(answer: ChatAnswer) -> bytes:
    return stream_of(unfold(answer))


def written_call(call: ChatCall, quirks: Quirks = PLAIN, changes: Changes | None = None) -> dict[str, Any]:
    return json.loads(CODEC.write_call(call, quirks, Changes() if changes is None else changes))


def rewritten(body: dict[str, Any], quirks: Quirks = PLAIN) -> tuple[dict[str, Any], Changes]:
    changes = Changes()
    call = CODEC.read_call(msgspec.json.encode(body))
    return json.loads(CODEC.write_call(call, quirks, changes)), changes


def foreign_call(*messages: Message, **members: Any) -> ChatCall:
    return ChatCall(dialect="anthropic", model="m", messages=messages, **members)


def user(text: str = "Hello") -> Message:
    return Message(role="user", parts=(Text(text=text),))


def assistant(*parts: Part) -> Message:
    return Message(role="assistant", parts=parts)


def without(value: Any, *names: str) -> Any:
    """The same without some members, at any depth."""
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value)
        return {name: without(one, *names) for name, one in members.items() if name not in names}
    if isinstance(value, list):
        return [without(one, *names) for one in cast("list[Any]", value)]
    return value


def folded(body: bytes) -> ChatAnswer:
    return fold(events_of(body))

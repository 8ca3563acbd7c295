"""Recorded exchanges in Anthropic's dialect, and what Anthropic's own SDK makes of what we write."""

import functools
import gzip
import json
from collections.abc import Iterable, Iterator
from typing import Any

import anthropic
import httpx2
import msgspec
import pytest
from anthropic.types import Message
from anthropic.types.beta import BetaMessage
from tests.recorded_exchanges import Exchange, _folder

from headgate.core.chat import ChatAnswer, ChatCall, Part, Text
from headgate.core.chat import Message as Said
from headgate.core.events import Event
from headgate.core.quirks import Quirks
from headgate.wire.dialects.anthropic.codec import CODEC
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.folding import fold
from headgate.wire.dialects.model import Asked

ASKED = Asked(model="asked", created_s=1, request_id="req_1")
DEFAULTS = Quirks(output_limit_default=8192)


@functools.cache
def exchanges() -> tuple[Exchange, ...]:
    """Every recorded exchange whose bodies are Anthropic's: with itself, by gateways, and with Bedrock."""
    file = _folder() / "exchanges.jsonl.gz"
    if not file.exists():
        pytest.skip("no recorded exchanges; HEADGATE_RECORDED names the folder of exchanges.jsonl.gz")
    with gzip.open(file) as lines:
        found = [msgspec.json.decode(line, type=Exchange) for line in lines if b"anthropic" in line]
    return tuple(one for one in found if _is_ours(one))


def _is_ours(one: Exchange) -> bool:
    """One exchange of OpenAI's threads, whose path ends alike, is filed under Anthropic's messages."""
    if one.dialect == "bedrock-invoke":
        return "/anthropic.claude" in one.path
    return one.dialect in ("anthropic-messages", "anthropic-count-tokens") and "/threads/" not in one.path


def calls() -> list[Exchange]:
    return list(exchanges())


def answers() -> list[Exchange]:
    """Those that were answered whole, and with no error."""
    return [one for one in exchanges() if _is_answered(one) and not one.stream]


def streams() -> list[Exchange]:
    return [one for one in exchanges() if _is_answered(one) and one.stream]


def _is_answered(one: Exchange) -> bool:
    return one.status == 200 and one.dialect != "anthropic-count-tokens"


def read_call(one: Exchange) -> ChatCall:
    """A recorded call as it is read: Bedrock's path names the model."""
    return CODEC.read_call(one.body, model="m" if one.dialect == "bedrock-invoke" else None)


def said(call: ChatCall, quirks: Quirks = DEFAULTS) -> tuple[Any, Changes]:
    """The body that is written for a target, and what changed."""
    changes = Changes()
    return json.loads(CODEC.write_call(call, quirks, changes)), changes


def answered(answer: ChatAnswer) -> tuple[Any, Changes]:
    """The body that is written for a client, and what changed."""
    changes = Changes()
    return json.loads(CODEC.write_answer(answer, ASKED, changes)), changes


def events_of(body: bytes, sizes: Iterator[int] | None = None) -> list[Event]:
    """What a stream says, cut into pieces of these sizes."""
    stream = CODEC.events_in()
    found: list[Event] = []
    position = 0
    while position < len(body):
        size = next(sizes) if sizes is not None else len(body)
        found += stream.feed(body[position : position + size])
        position += size
    return found + stream.end()


def written(events: Iterable[Event], changes: Changes | None = None) -> bytes:
    """A stream as it is written for a client."""
    stream = CODEC.events_out(ASKED, Changes() if changes is None else changes)
    return b"".join(stream.write(event) for event in events)


def folded(body: bytes) -> ChatAnswer:
    return fold(events_of(body))


def event_bytes(kind: str, **fields: Any) -> bytes:
    """One event as Anthropic sends it."""
    data = json.dumps({"type": kind, **fields}, ensure_ascii=False)
    return f"event: {kind}\ndata: {data}\n\n".encode()


def stream_bytes(*blocks: tuple[Any, Any], stop: str = "end_turn", **usage: Any) -> bytes:
    """A whole stream: each block with its deltas."""
    message: Any = {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "claude", "content": [],
        "stop_reason": None, "stop_sequence": None, "usage": {"input_tokens": 10, "output_tokens": 1},
    }  # fmt: skip
    out = event_bytes("message_start", message=message)
    for index, (block, deltas) in enumerate(blocks):
        out += event_bytes("content_block_start", index=index, content_block=block)
        for delta in deltas:
            out += event_bytes("content_block_delta", index=index, delta=delta)
        out += event_bytes("content_block_stop", index=index)
    delta = {"stop_reason": stop, "stop_sequence": None}
    return (
        out
        + event_bytes("message_delta", delta=delta, usage=usage or {"output_tokens": 7})
        + event_bytes("message_stop")
    )


def raw_events(body: bytes) -> list[tuple[str, Any]]:
    """The events of a stream by nothing that is tested here: names and data."""
    found: list[tuple[str, Any]] = []
    for event in body.decode().replace("\r\n", "\n").split("\n\n"):
        lines = event.split("\n")
        names = [line[7:] for line in lines if line.startswith("event: ")]
        datas = [line[6:] for line in lines if line.startswith("data: ")]
        if datas:
            found.append((names[0] if names else "", json.loads("\n".join(datas))))
    return found


def _client(body: bytes, content_type: str) -> anthropic.Anthropic:
    def respond(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers={"content-type": content_type}, content=body)

    return anthropic.Anthropic(
        api_key="none",
        base_url="http://localhost",
        max_retries=0,
        http_client=anthropic.DefaultHttpxClient(transport=httpx2.MockTransport(respond)),
    )


def sdk_streamed(body: bytes) -> Message:
    """What the SDK's accumulator makes of a stream."""
    with (
        _client(body, "text/event-stream") as client,
        client.messages.stream(
            model="m", max_tokens=1, messages=[{"role": "user", "content": "hi"}]
        ) as stream,
    ):
        return stream.get_final_message()


def sdk_beta_streamed(body: bytes) -> BetaMessage:
    """The same by the accumulator for what is in trial, which knows more blocks."""
    with (
        _client(body, "text/event-stream") as client,
        client.beta.messages.stream(
            model="m", max_tokens=1, messages=[{"role": "user", "content": "hi"}]
        ) as stream,
    ):
        return stream.get_final_message()


def sdk_answer(body: bytes) -> Message:
    """A whole answer as the SDK's types take it, every member checked."""
    return Message.model_validate(json.loads(body))


def user(text: str) -> Said:
    return Said(role="user", parts=(Text(text=text),))


def assistant(*parts: Part) -> Said:
    return Said(role="assistant", parts=parts)


def foreign(*messages: Said, **options: Any) -> ChatCall:
    """A call of another dialect."""
    return ChatCall(dialect="openai-chat", model="m", messages=messages, **options)


def own(**fields: Any) -> ChatCall:
    """A call of this dialect."""
    body = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}], **fields}
    return CODEC.read_call(json.dumps(body).encode())


TEXT: Any = {"type": "text", "text": ""}
TOOL: Any = {"type": "tool_use", "id": "toolu_1", "name": "t", "input": {}}


def json_delta(text: str) -> Any:
    return {"type": "input_json_delta", "partial_json": text}


def text_delta(text: str) -> Any:
    return {"type": "text_delta", "text": text}


def blocks_of(body: Any, place: int = 0) -> list[Any]:
    """The content of a message of a call."""
    return body["messages"][place]["content"]


def weights(changes: Changes) -> set[str]:
    return {one.weight for one in changes}

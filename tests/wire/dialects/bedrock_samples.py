"""Recorded exchanges with Bedrock, and streams made of them byte by byte, by nothing that is tested here."""

import base64
import functools
import gzip
import json
import struct
import zlib
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from tests.recorded_exchanges import Exchange, _folder

from headgate.core.events import Event
from headgate.wire.dialects.bedrock.codec import CODEC
from headgate.wire.dialects.model import Asked

ASKED = Asked(model="m")
Named = tuple[str, Any]
"""The name of an event of a stream, and what it holds."""


@functools.cache
def exchanges() -> tuple[Exchange, ...]:
    """Every recorded exchange with Converse."""
    file = _folder() / "exchanges.jsonl.gz"
    if not file.exists():
        pytest.skip("no recorded exchanges; HEADGATE_RECORDED names the folder of exchanges.jsonl.gz")
    with gzip.open(file) as lines:
        found = [msgspec.json.decode(line, type=Exchange) for line in lines if b"bedrock-converse" in line]
    return tuple(one for one in found if one.dialect == "bedrock-converse")


@functools.cache
def answers() -> tuple[tuple[str, Any], ...]:
    """The id and the body of every answer that is no error."""
    return tuple((one.id, json.loads(one.response)) for one in exchanges() if one.status == 200)


def frame(headers: dict[str, str], payload: bytes) -> bytes:
    """One frame, by the specification."""
    block = b"".join(
        struct.pack("!B", len(name)) + name.encode() + struct.pack("!BH", 7, len(value)) + value.encode()
        for name, value in headers.items()
    )
    prelude = struct.pack("!II", 16 + len(block) + len(payload), len(block))
    head = prelude + struct.pack("!I", zlib.crc32(prelude)) + block + payload
    return head + struct.pack("!I", zlib.crc32(head))


def event(name: str, fields: Any) -> bytes:
    """One event, with the headers that Bedrock gives it."""
    headers = {":event-type": name, ":content-type": "application/json", ":message-type": "event"}
    return frame(headers, json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode())


def exception(name: str, fields: Any) -> bytes:
    """One exception inside a stream."""
    headers = {":exception-type": name, ":content-type": "application/json", ":message-type": "exception"}
    return frame(headers, json.dumps(fields).encode())


def stream_of(answer: Any, piece: int = 5) -> bytes:
    """The stream that would have brought a whole answer, its texts in pieces, each event padded."""
    return b"".join(event(name, fields | {"p": "abcdefgh"[: place % 8]}) for place, (name, fields) in
                    enumerate(events_of(answer, piece)))  # fmt: skip


def events_of(answer: Any, piece: int) -> Iterator[Named]:
    """The same as names and what they hold."""
    message = answer["output"]["message"]
    yield "messageStart", {"role": message["role"]}
    for index, block in enumerate(message["content"]):
        for name, fields in _block(block, piece):
            yield name, {"contentBlockIndex": index, **fields}
        yield "contentBlockStop", {"contentBlockIndex": index}
    also = "additionalModelResponseFields"
    yield (
        "messageStop",
        {"stopReason": answer["stopReason"], **({also: answer[also]} if also in answer else {})},
    )
    yield "metadata", {name: answer[name] for name in answer if name not in ("output", "stopReason", also)}


def _block(block: Any, piece: int) -> Iterator[Named]:
    [(kind, value)] = block.items()
    if kind == "text":
        yield from (("contentBlockDelta", {"delta": {"text": one}}) for one in _cut(value, piece))
    elif kind == "toolUse":
        start = {name: inner for name, inner in value.items() if name != "input"}
        yield "contentBlockStart", {"start": {"toolUse": start}}
        text = json.dumps(value["input"], separators=(",", ":"), ensure_ascii=False)
        yield from (
            ("contentBlockDelta", {"delta": {"toolUse": {"input": one}}}) for one in _cut(text, piece)
        )
    elif kind == "toolResult":
        start = {name: inner for name, inner in value.items() if name != "content"}
        yield "contentBlockStart", {"start": {"toolResult": start}}
        for one in value["content"]:
            yield "contentBlockDelta", {"delta": {"toolResult": [one]}}
    else:
        assert kind == "reasoningContent", kind
        for said in _reasoning(value, piece):
            yield "contentBlockDelta", {"delta": {"reasoningContent": said}}


def _reasoning(value: Any, piece: int) -> Iterator[dict[str, str]]:
    if "redactedContent" in value:
        data = base64.b64decode(value["redactedContent"])
        for start in range(0, len(data), 100):
            yield {"redactedContent": base64.b64encode(data[start : start + 100]).decode()}
        return
    shown = value["reasoningText"]
    yield from ({"text": one} for one in _cut(shown["text"], piece))
    if "signature" in shown:
        yield {"signature": shown["signature"]}


def _cut(text: str, piece: int) -> list[str]:
    return [text[start : start + piece] for start in range(0, len(text), piece)] or [""]


def read(stream: bytes, size: int | None = None) -> list[Event]:
    """The events of a stream that arrives in pieces of a size."""
    reader = CODEC.events_in()
    events: list[Event] = []
    for start in range(0, len(stream), size or max(len(stream), 1)):
        events += reader.feed(stream[start : start + (size or len(stream))])
    return events + reader.end()

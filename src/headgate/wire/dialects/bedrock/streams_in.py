"""Bedrock's event stream, read into events. Sans-I/O: bytes cut anywhere give the same events.

A vendor's own frames, such as `amazon-bedrock-invocationMetrics`, are native events (trap 18). Blocks that no
other dialect has come whole, at their end. Source: the API's ConverseStreamOutput. Read next: `frames`.
"""

import base64
from collections.abc import Callable
from typing import Final, cast

import msgspec

from headgate.core.chat import Fields, Native, Part, Reasoning, Text, ToolCall
from headgate.core.events import (
    ArgumentsDelta,
    Began,
    Broke,
    CitationDelta,
    Ended,
    Event,
    Finished,
    NativeEvent,
    PartBegan,
    PartEnded,
    SealDelta,
    TextDelta,
    UsageSeen,
)
from headgate.core.faults import UpstreamError
from headgate.wire.dialects.bedrock.answers import ADDITIONAL, ASSISTANT, MESSAGE
from headgate.wire.dialects.bedrock.errors import status_of
from headgate.wire.dialects.bedrock.frames import Frame, FrameReader
from headgate.wire.dialects.bedrock.parts_in import OWN, read_citation
from headgate.wire.dialects.bedrock.pieces import joined, whole_block
from headgate.wire.dialects.bedrock.reasons import finish_of
from headgate.wire.dialects.fields import Taking
from headgate.wire.dialects.seals import unwrapped
from headgate.wire.dialects.stream_reading import StreamReading
from headgate.wire.usage import bedrock_usage

PADDING: Final = "p"
"""The member of every event that hides its length and says nothing (16)."""
PIECES_MAX: Final = 100_000
"""Of one block that comes whole, and of open blocks."""

_decode = msgspec.json.Decoder(Fields).decode


class _Block:
    """A block while it comes: `kind` says which deltas are its own."""

    __slots__ = ("held", "kind", "number", "pieces", "seals")

    def __init__(self, kind: str, number: int, held: Fields | None = None) -> None:
        self.kind = kind
        self.number = number
        self.held = held
        self.pieces: list[object] = []
        self.seals: list[str] = []


class StreamReader(StreamReading):
    """Reads one stream of a provider."""

    def __init__(self) -> None:
        super().__init__()
        self._frames = FrameReader()
        self._blocks: dict[int, _Block] = {}
        self._next = 0
        self._has_begun = False
        self._has_calls = False
        self._is_stopped = False
        self._is_ended = False
        self._takers: dict[str, Callable[[Fields, list[Event]], None]] = {
            "messageStart": self._message_start,
            "contentBlockStart": self._block_start,
            "contentBlockDelta": self._block_delta,
            "contentBlockStop": self._block_stop,
            "messageStop": self._message_stop,
            "metadata": self._metadata,
        }

    def _feed(self, data: bytes, events: list[Event]) -> None:
        self._frames.check()
        for frame in self._frames.feed(data):
            self._take(frame, events)

    def _end(self, events: list[Event]) -> None:
        """A message that had stopped is whole, though its metadata never came."""
        self._frames.check()
        if self._is_stopped and not self._is_ended and self._frames.is_idle:
            self._is_ended = True
            events.append(Ended())

    def _take(self, frame: Frame, events: list[Event]) -> None:
        kind = frame.headers.get(":message-type", "event")
        if kind != "event":
            events.append(_broke(kind, frame))
            return
        name = frame.headers.get(":event-type", "")
        taker = self._takers.get(name)
        if taker is None:
            events.append(NativeEvent(dialect=OWN, kind=name, value=_vendor(frame.payload)))
            return
        try:
            taker(_decode(frame.payload), events)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise UpstreamError(f"the provider's event {name} is no JSON object: {error}") from None

    def _message_start(self, fields: Fields, events: list[Event]) -> None:
        if self._has_begun:
            return
        left = {name: value for name, value in fields.items() if name != PADDING}
        if left.get("role") == ASSISTANT:
            del left["role"]
        self._begin(events, Native(dialect=OWN, fields={MESSAGE: left}) if left else None)

    def _begin(self, events: list[Event], native: Native | None = None) -> None:
        self._has_begun = True
        events.append(Began(dialect=OWN, native=native))

    def _block_start(self, fields: Fields, events: list[Event]) -> None:
        index, start = _index(fields), _object(fields, "start")
        self._close(index, events)
        inner = start.get("toolUse")
        if isinstance(inner, dict):
            call = _tool_call(cast("Fields", inner))
            if call is not None:
                self._has_calls = True
                self._open(index, "toolUse", call, events)
                return
        member = next(iter(start), "")
        if not self._has_begun:
            self._begin(events)
        self._keep(index, _Block(member, -1, start))

    def _open(self, index: int, kind: str, part: Part, events: list[Event]) -> _Block:
        if not self._has_begun:
            self._begin(events)
        block = _Block(kind, self._next)
        self._next += 1
        self._keep(index, block)
        events.append(PartBegan(number=block.number, part=part))
        return block

    def _keep(self, index: int, block: _Block) -> None:
        if len(self._blocks) >= PIECES_MAX:
            raise UpstreamError("the provider's stream has more open blocks than are read")
        self._blocks[index] = block

    def _block_delta(self, fields: Fields, events: list[Event]) -> None:
        delta = fields.get("delta")
        if not isinstance(delta, dict):
            raise UpstreamError("the provider's stream has a contentBlockDelta without its delta")
        index = _index(fields)
        for kind, value in cast("Fields", delta).items():
            block = self._blocks.get(index)
            if kind == "text":
                if block is None or block.kind != "text":
                    block = self._change(index, "text", Text(text=""), events)
                events.append(TextDelta(number=block.number, text=_text(value)))
            elif block is not None and block.held is not None:
                _add_piece(block, value)
            elif kind == "toolUse":
                self._arguments(block, value, events)
            elif kind == "reasoningContent":
                self._reasoning(index, value, events)
            elif kind == "citation" and isinstance(value, dict):
                if block is None or block.kind != "text":
                    block = self._change(index, "text", Text(text=""), events)
                citation = read_citation(cast("Fields", value))
                events.append(CitationDelta(number=block.number, citation=citation))
            else:
                own = fields | {"delta": {kind: value}}
                events.append(NativeEvent(dialect=OWN, kind="contentBlockDelta", value=own))

    def _change(self, index: int, kind: str, part: Part, events: list[Event]) -> _Block:
        """Begin a part in a block that had another kind, or none: only tools announce themselves."""
        self._close(index, events)
        return self._open(index, kind, part, events)

    def _arguments(self, block: _Block | None, value: object, events: list[Event]) -> None:
        if block is None or block.kind != "toolUse":
            raise UpstreamError("the provider's stream has arguments of a tool that it never called")
        given = cast("Fields", value).get("input", "") if isinstance(value, dict) else None
        events.append(ArgumentsDelta(number=block.number, json=_text(given)))

    def _reasoning(self, index: int, value: object, events: list[Event]) -> None:
        if not isinstance(value, dict):
            raise UpstreamError("the provider's stream has reasoning that is no object")
        said = cast("Fields", value)
        kind = "redacted" if "redactedContent" in said else "reasoning"
        block = self._blocks.get(index)
        if block is None or block.kind != kind:
            block = self._change(index, kind, Reasoning(is_redacted=kind == "redacted"), events)
        for name, piece in said.items():
            if name == "text":
                events.append(TextDelta(number=block.number, text=_text(piece)))
            elif name in ("signature", "redactedContent"):
                block.seals.append(_text(piece))

    def _block_stop(self, fields: Fields, events: list[Event]) -> None:
        self._close(_index(fields), events)

    def _close(self, index: int, events: list[Event]) -> None:
        block = self._blocks.pop(index, None)
        if block is None:
            return
        if block.held is not None:
            number = self._next
            self._next += 1
            events.append(PartBegan(number=number, part=whole_block(block.held, block.pieces)))
            events.append(PartEnded(number=number))
            return
        if block.seals:
            data = joined(block.seals) if block.kind == "redacted" else "".join(block.seals)
            events.append(SealDelta(number=block.number, seal=unwrapped(data, OWN)))
        events.append(PartEnded(number=block.number))

    def _message_stop(self, fields: Fields, events: list[Event]) -> None:
        if not self._has_begun:
            self._begin(events)
        for index in list(self._blocks):
            self._close(index, events)
        if self._is_stopped:
            return
        self._is_stopped = True
        word = _text(fields.get("stopReason"))
        additional = fields.get(ADDITIONAL)
        native = Native(dialect=OWN, fields={ADDITIONAL: additional}) if ADDITIONAL in fields else None
        finish = finish_of(word, additional, has_calls=self._has_calls)
        events.append(Finished(finish=finish, native=native))

    def _metadata(self, fields: Fields, events: list[Event]) -> None:
        if not self._has_begun:
            self._begin(events)
        taking = Taking(fields)
        taking.left.pop(PADDING, None)
        usage = taking.object("usage")
        if usage is not None:
            events.append(
                UsageSeen(usage=bedrock_usage(usage), native=Native(dialect=OWN, fields={"usage": usage}))
            )
        if self._is_stopped and not self._is_ended:
            self._is_ended = True
            events.append(Ended(native=taking.native(OWN)))


def _tool_call(inner: Fields) -> ToolCall | None:
    """The beginning of a call that is the client's to run; None where the provider runs it."""
    taking = Taking(inner)
    identifier, name = taking.text("toolUseId"), taking.text("name")
    if identifier is None or name is None:
        raise UpstreamError("the provider's stream has a tool call without id or name")
    if inner.get("type", "tool_use") != "tool_use":
        return None
    return ToolCall(id=identifier, name=name, arguments="", native=taking.native(OWN))


def _add_piece(block: _Block, value: object) -> None:
    if len(block.pieces) >= PIECES_MAX:
        raise UpstreamError("the provider's stream has a block of more pieces than are read")
    block.pieces.append(value)


def _index(fields: Fields) -> int:
    index = fields.get("contentBlockIndex")
    if type(index) is not int:
        raise UpstreamError("the provider's stream has a block without contentBlockIndex")
    return index


def _object(fields: Fields, name: str) -> Fields:
    value = fields.get(name)
    if not isinstance(value, dict):
        raise UpstreamError(f"the provider's stream has an event without {name}")
    return cast("Fields", value)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise UpstreamError("the provider's stream has something else where it says text")
    return value


def _vendor(payload: bytes) -> Fields:
    try:
        return _decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {"payload": base64.b64encode(payload).decode("ascii")}


def _broke(kind: str, frame: Frame) -> Broke:
    """An exception in the stream, or an error of its transport."""
    headers = frame.headers
    if kind == "error":
        word = headers.get(":error-code", "")
        return Broke(message=headers.get(":error-message", word), kind=word, status=status_of(word))
    word = headers.get(":exception-type", kind)
    fields = _vendor(frame.payload)
    said = fields.get("message", fields.get("Message"))
    status = fields.get("originalStatusCode")
    message = said if isinstance(said, str) and said else word
    return Broke(message=message, kind=word, status=status_of(word, status if type(status) is int else None))

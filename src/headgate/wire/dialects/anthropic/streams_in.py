"""Streams of the Messages API read into events.

Usage is cumulative (3, 4). A block that only Anthropic knows is one event when it is whole; everything else
is said as it comes. Never raises for a stream that is cut: it has no `Ended`. Read next: `streams_out`.
"""

from typing import Any, Final, cast

import msgspec

from headgate.core.chat import Fields, Native, NativePart, Part, Reasoning, Seal, Text, ToolCall
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
from headgate.wire.anthropic_stream import merge_usage
from headgate.wire.dialects.anthropic.answers import read_finish
from headgate.wire.dialects.anthropic.parts_in import (
    read_citation,
    read_part,
    read_parts,
    read_redacted,
    seal_of,
    with_seal,
)
from headgate.wire.dialects.anthropic.words import DIALECT, Malformed, error_status
from headgate.wire.dialects.fields import Taking, decode
from headgate.wire.dialects.stream_reading import StreamReading
from headgate.wire.event_reader import message_of
from headgate.wire.sse import EventSplitter, data_of
from headgate.wire.usage import usage_of


class _Delta(msgspec.Struct):
    type: str = ""
    text: str = ""
    thinking: str = ""
    partial_json: str = ""
    signature: str = ""
    citation: dict[str, Any] | None = None


class _Event(msgspec.Struct):
    type: str = ""
    index: int = -1
    delta: _Delta | None = None


_decode: Final = msgspec.json.Decoder(_Event).decode
_encode: Final = msgspec.json.Encoder().encode
_BLOCK_EVENTS: Final = frozenset({"content_block_start", "content_block_delta", "content_block_stop"})


class _Block:
    """A block while it is open. `value` is that of a block of no word, until it is whole."""

    __slots__ = ("arguments", "json", "kind", "number", "value")

    def __init__(self, number: int, part: Part) -> None:
        self.number = number
        self.kind = type(part)
        self.value: Fields = dict(part.value) if isinstance(part, NativePart) else {}
        self.json: list[str] = []
        self.arguments = ""
        """What a tool call began with; deltas, where there are any, say it again."""


class StreamIn(StreamReading):
    """Reads one stream."""

    def __init__(self) -> None:
        super().__init__()
        self._splitter = EventSplitter()
        self._open: dict[int, _Block] = {}
        self._count = 0
        self._last: tuple[int, Part] | None = None
        self._waiting: Reasoning | None = None
        self._merged: Fields = {}
        self._closing: Fields = {}
        self._is_begun = False
        self._is_over = False

    def _feed(self, data: bytes, events: list[Event]) -> None:
        for event in self._splitter.feed(data):
            self._take(data_of(event), events)

    def _end(self, events: list[Event]) -> None:
        """A last event that no blank line has ended counts if it is whole."""
        rest = data_of(self._splitter.rest())
        try:
            decode(rest)
        except ValueError:
            return
        self._take(rest, events)

    def _take(self, data: bytes, out: list[Event]) -> None:
        if not data or self._is_over:
            return
        try:
            found = _decode(data)
        except msgspec.ValidationError:
            found = None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise UpstreamError("the stream holds an event that is no JSON") from None
        try:
            if found is not None and found.type == "content_block_delta" and found.delta is not None:
                self._delta(found.index, found.delta, data, out)
            else:
                self._take_rare(data, out)
        except Malformed as error:
            raise UpstreamError(f"the stream is malformed: {error}") from None
        except RecursionError:
            raise UpstreamError("an event of the stream is nested too deeply") from None

    def _delta(self, index: int, delta: _Delta, data: bytes, out: list[Event]) -> None:
        block = self._block(index)
        kind = block.kind
        match delta.type:
            case "text_delta" if kind is Text:
                if delta.text:
                    out.append(TextDelta(number=block.number, text=delta.text))
            case "input_json_delta" if kind is ToolCall or kind is NativePart:
                self._input(block, delta.partial_json, out)
            case "thinking_delta" if kind is Reasoning:
                if delta.thinking:
                    out.append(TextDelta(number=block.number, text=delta.thinking))
            case "signature_delta" if kind is Reasoning:
                if delta.signature:
                    out.append(SealDelta(number=block.number, seal=seal_of(delta.signature)))
            case "citations_delta" if kind is Text and delta.citation is not None:
                out.append(CitationDelta(number=block.number, citation=read_citation(delta.citation)))
            case _:
                self._odd_delta(block, data, out)

    def _input(self, block: _Block, json: str, out: list[Event]) -> None:
        """Arguments in pieces; an empty one says nothing (15)."""
        if not json:
            return
        if block.kind is ToolCall:
            block.arguments = ""
            out.append(ArgumentsDelta(number=block.number, json=json))
        else:
            block.json.append(json)

    def _odd_delta(self, block: _Block, data: bytes, out: list[Event]) -> None:
        """A delta of no word: what it sets in a block of no word, else an event with its part's number."""
        event = _object(data)
        delta = cast("Fields", event["delta"])
        if block.kind is NativePart:
            block.value.update({name: value for name, value in delta.items() if name != "type"})
        else:
            value = {**event, "index": block.number}
            out.append(NativeEvent(dialect=DIALECT, kind="content_block_delta", value=value))

    def _block(self, index: int) -> _Block:
        block = self._open.get(index)
        if block is None:
            raise Malformed("index", f"is {index}, and no such block is open")
        return block

    def _take_rare(self, data: bytes, out: list[Event]) -> None:
        """Everything but deltas."""
        event = _object(data)
        kind = event.get("type")
        if not isinstance(kind, str):
            raise Malformed("type", "is not the name of an event")
        if kind == "error":
            self._is_over = True
            out.append(_broke(event.get("error")))
        elif kind == "message_start":
            self._start(event, out)
        elif kind == "ping" or (kind not in _BLOCK_EVENTS and not kind.startswith("message_")):
            out.append(NativeEvent(dialect=DIALECT, kind=kind, value=event))
        elif not self._is_begun:
            raise Malformed(kind, "comes before the message has begun")
        elif kind in _BLOCK_EVENTS:
            self._take_block(kind, event, out)
        elif kind == "message_delta":
            self._message_delta(Taking(event), out)
        elif kind == "message_stop":
            self._stop(out)
        else:
            out.append(NativeEvent(dialect=DIALECT, kind=kind, value=event))

    def _start(self, event: Fields, out: list[Event]) -> None:
        if self._is_begun:
            raise Malformed("message_start", "comes twice")
        self._is_begun = True
        said = Taking(event).object("message")
        if said is None:
            raise Malformed("message", "is no object")
        taking = Taking(said)
        for name in ("type", "role"):
            taking.left.pop(name, None)
        for name in ("stop_reason", "stop_sequence"):
            if taking.left.get(name) is None:
                taking.left.pop(name, None)
        blocks = taking.objects("content") or []
        taking.left.pop("content", None)
        usage = taking.left.get("usage")
        stated = cast("Fields", usage) if isinstance(usage, dict) else {}
        tier = stated.get("service_tier")
        out.append(
            Began(
                dialect=DIALECT,
                id=taking.text("id") or "",
                model=taking.text("model") or "",
                service_tier=tier if isinstance(tier, str) else None,
                native=taking.native(DIALECT),
            )
        )
        self._see_usage(stated, out)
        for part in read_parts(blocks):
            self._whole(part, out)

    def _see_usage(self, stated: Fields, out: list[Event]) -> None:
        if stated:
            merge_usage(self._merged, stated)
            usage = dict(self._merged)
            native = Native(dialect=DIALECT, fields={"usage": usage})
            out.append(UsageSeen(usage=usage_of(DIALECT, "chat", usage), native=native))

    def _take_block(self, kind: str, event: Fields, out: list[Event]) -> None:
        index = event.get("index")
        if not isinstance(index, int) or isinstance(index, bool):
            raise Malformed("index", "is no whole number")
        if kind == "content_block_stop":
            self._end_block(index, out)
            return
        said = event.get("content_block")
        if kind == "content_block_delta" or not isinstance(said, dict):
            raise Malformed("delta" if kind == "content_block_delta" else "content_block", "is malformed")
        if index in self._open:
            raise Malformed("index", f"is {index}, and such a block is open")
        self._begin_block(index, cast("Fields", said), out)

    def _begin_block(self, index: int, said: Fields, out: list[Event]) -> None:
        if said.get("type") == "redacted_thinking":
            part, whose = read_redacted(said)
            if whose == "next":
                self._flush(out)
                self._waiting = part
            elif whose == "last" and self._last is not None and with_seal(self._last[1], part):
                out.append(SealDelta(number=self._last[0], seal=cast("Seal", part.seal)))
            else:
                self._open[index] = self._begin(part, out)
                return
            self._open[index] = _Block(-1, part)
            return
        self._open[index] = self._begin(_placeholders_gone(read_part(said)), out)

    def _begin(self, part: Part, out: list[Event]) -> _Block:
        """Say that a part begins, with the seal that stands before it; one of no word is said as it ends."""
        if self._waiting is not None:
            sealed = with_seal(part, self._waiting)
            if sealed is None:
                self._flush(out)
            else:
                part, self._waiting = sealed, None
        number, self._count = self._count, self._count + 1
        block = _Block(number, part)
        if isinstance(part, ToolCall):
            block.arguments = "" if part.arguments == "{}" else part.arguments
            part = msgspec.structs.replace(part, arguments="")
        self._last = (number, part)
        if not isinstance(part, NativePart):
            out.append(PartBegan(number=number, part=part))
        return block

    def _flush(self, out: list[Event]) -> None:
        """A seal before a part that can't have it is a part of its own."""
        part, self._waiting = self._waiting, None
        if part is not None:
            self._whole(part, out)

    def _whole(self, part: Part, out: list[Event]) -> None:
        number, self._count = self._count, self._count + 1
        out.extend((PartBegan(number=number, part=part), PartEnded(number=number)))

    def _end_block(self, index: int, out: list[Event]) -> None:
        block = self._block(index)
        del self._open[index]
        if block.number < 0:
            return
        if block.arguments:
            out.append(ArgumentsDelta(number=block.number, json=block.arguments))
        if block.kind is NativePart:
            value = _with_input(block.value, "".join(block.json))
            part = NativePart(dialect=DIALECT, kind=str(value.get("type")), value=value)
            out.append(PartBegan(number=block.number, part=part))
        out.append(PartEnded(number=block.number))

    def _message_delta(self, taking: Taking, out: list[Event]) -> None:
        delta = Taking(taking.object("delta") or {})
        usage = taking.object("usage")
        for name in ("type", "delta", "usage"):  # nothing is kept that would stand in their place
            taking.left.pop(name, None)
            delta.left.pop(name, None)
        finish = read_finish(delta)
        if finish is not None:
            out.append(Finished(finish=finish, native=delta.native(DIALECT)))
        else:
            self._closing.update({name: one for name, one in delta.left.items() if one is not None})
        self._closing.update(taking.left)
        self._see_usage(usage or {}, out)

    def _stop(self, out: list[Event]) -> None:
        for index in list(self._open):
            self._end_block(index, out)
        self._flush(out)
        self._is_over = True
        native = Native(dialect=DIALECT, fields=self._closing) if self._closing else None
        out.append(Ended(native=native))


def _object(data: bytes) -> Fields:
    try:
        fields = decode(data)
    except ValueError:
        raise Malformed("data", "is no JSON") from None
    if not isinstance(fields, dict):
        raise Malformed("data", "is no JSON object")
    return cast("Fields", fields)


def _placeholders_gone(part: Part) -> Part:
    """Thinking begins with an empty signature, which only says that one may follow."""
    if not isinstance(part, Reasoning) or part.native is None or part.native.fields.get("signature") != "":
        return part
    fields = {name: value for name, value in part.native.fields.items() if name != "signature"}
    return msgspec.structs.replace(part, native=Native(dialect=DIALECT, fields=fields) if fields else None)


def _with_input(value: Fields, json: str) -> Fields:
    """A block of no word with the input that came in pieces; one that is cut off is kept as a text."""
    if not json:
        return value
    try:
        return {**value, "input": decode(json)}
    except ValueError:
        return {**value, "partial_json": json}


def _broke(error: object) -> Broke:
    fields = cast("Fields", error) if isinstance(error, dict) else {}
    kind = fields.get("type")
    named = kind if isinstance(kind, str) else ""
    return Broke(message=message_of(_encode(error)), kind=named, status=error_status(named))

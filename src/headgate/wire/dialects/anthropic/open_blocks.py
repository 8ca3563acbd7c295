"""One part of a stream as its block: what opens it, what is said while it is open, and what closes it. Pure.

A text or reasoning that goes on after its block was closed gets another one; a tool call can't. Read next:
`streams_out`, which decides which block is open.
"""

from typing import Final, Literal

import msgspec

from headgate.core.chat import Fields, Part, Reasoning, Refusal, Seal, Text, ToolCall
from headgate.core.events import ArgumentsDelta, CitationDelta, PartBegan, PartEnded, SealDelta, TextDelta
from headgate.wire.dialects.anthropic.parts_out import BlockWriter
from headgate.wire.dialects.anthropic.words import DIALECT
from headgate.wire.dialects.carrying import carried, carried_beside
from headgate.wire.dialects.fields import decode

PartEvent = TextDelta | ArgumentsDelta | SealDelta | CitationDelta | PartEnded

Kind = Literal["text", "thinking", "tool", "whole", "nothing"]

_encode: Final = msgspec.json.Encoder().encode
_TAIL: Final = b"}}\n\n"


class Block:
    """One part. `waiting` holds what can't be said before another block is closed."""

    __slots__ = (
        "_fields",
        "_json",
        "_part",
        "_seal",
        "_text_head",
        "_was_opened",
        "_writer",
        "index",
        "is_ended",
        "is_lazy",
        "kind",
        "number",
        "waiting",
    )

    def __init__(self, number: int, part: Part, writer: BlockWriter, *, is_lazy: bool) -> None:
        self.number = number
        self.is_lazy = is_lazy
        """Reasoning of which there may be a seal only: it is opened by what comes first."""
        self.is_ended = False
        self.waiting: list[PartBegan | PartEvent] = []
        self.kind: Kind
        self._part = part
        self._writer = writer
        self.index = -1
        self._text_head = b""
        self._was_opened = False
        self._json: list[str] = []
        self._seal: Seal | None = None
        """A seal that is not said yet, but has to be said as the block is closed."""
        self._fields: Fields = {}
        self.kind = self._begun(part, f"content[{number}]")

    def _begun(self, part: Part, where: str) -> Kind:
        """What opens the block, and how it is told."""
        match part:
            case Text() | Refusal():
                empty = Text(text="", native=part.native)
                self._fields = self._writer.block(empty, where) or {}
                return "text"
            case ToolCall():
                empty_call = msgspec.structs.replace(part, arguments="")
                self._fields = {"input": {}} | (self._writer.block(empty_call, where) or {})
                self._json.append(part.arguments)
                return "tool"
            case Reasoning() if self.is_lazy or not part.is_redacted:
                fields: Fields = {"type": "thinking", "thinking": "", "signature": ""}
                self._fields = self._writer.put(fields, part.native, where)
                self._seal = part.seal
                return "thinking"
            case _:
                self._fields = self._writer.block(part, where) or {}
                return "whole" if self._fields else "nothing"

    def may_close(self) -> bool:
        """Whether another block may be opened: a tool call has to be whole, for it opens once only."""
        return self.is_ended or self.kind != "tool" or self._is_whole_json()

    def _is_whole_json(self) -> bool:
        if not self._json[-1].rstrip().endswith("}"):
            return False
        try:
            decode("".join(self._json))
        except ValueError:
            return False
        return True

    def needs_opening(self, event: PartBegan | PartEvent) -> bool:
        """Whether an event is said inside of a block, and so opens this one, which is not open."""
        match event:
            case PartBegan():
                return self.kind != "nothing"
            case TextDelta():
                return self.kind in ("text", "thinking") and bool(event.text)
            case ArgumentsDelta():
                return self.kind == "tool" and not self._was_opened
            case CitationDelta():
                return self.kind == "text"
            case SealDelta():
                return self.kind == "thinking"
            case PartEnded():
                return self.is_lazy and not self._was_opened and self._seal is not None

    def opened(self, event: PartBegan | PartEvent, index: int) -> tuple[bytes, int, bool]:
        """Open it with an event, from an index on; return also the next one, and if the block stays open."""
        out = b""
        part = self._part
        is_first, self._was_opened = not self._was_opened, True
        if self.kind == "whole":
            return whole_block(self._fields, index), index + 1, False
        if self.kind == "thinking" and isinstance(event, SealDelta | PartEnded):
            seal = event.seal if isinstance(event, SealDelta) else self._seal
            self._seal = None
            return self._sealed_only(seal, index), index + 1, False
        if is_first and isinstance(part, Text | ToolCall) and part.seal is not None:
            held: Fields = {"type": "redacted_thinking", "data": carried_beside(part.seal, "next")}
            out, index = whole_block(held, index), index + 1
        self.index = index
        member = "text" if self.kind == "text" else "thinking"
        if self.kind != "tool":
            self._text_head = self._delta_head(f"{member}_delta", member)
        out += _start(self._fields, index)
        return (out + self._first_words() if is_first else out), index + 1, True

    def _sealed_only(self, seal: Seal | None, index: int) -> bytes:
        """A block of nothing but a seal: of reasoning that is not shown, or was shown before."""
        part = self._part
        if seal is None or not isinstance(part, Reasoning):
            return b""
        only = Reasoning(seal=seal, is_redacted=part.is_redacted, is_summary=part.is_summary, id=part.id)
        return whole_block(self._writer.block(only, "content") or {}, index)

    def _first_words(self) -> bytes:
        """What the part began with, as deltas."""
        part = self._part
        if isinstance(part, ToolCall):
            return self._json_delta(part.arguments) if part.arguments != "{}" else b""
        out = self.text(part.text) if isinstance(part, Text | Refusal | Reasoning) else b""
        if isinstance(part, Text):
            for citation in part.citations:
                out += self.said(CitationDelta(number=self.number, citation=citation))
        return out

    def said(self, event: PartBegan | PartEvent) -> bytes:
        """Say an event inside of the block, which is open."""
        match event:
            case TextDelta():
                return self.text(event.text)
            case ArgumentsDelta():
                if self.kind != "tool":
                    return b""
                self._json.append(event.json)
                return self._json_delta(event.json)
            case CitationDelta():
                citation = self._writer.citation(event.citation, f"content[{self.number}]")
                if citation is None or self.kind != "text":
                    return b""
                return self._delta_head("citations_delta", "citation") + _encode(citation) + _TAIL
            case SealDelta():
                self._seal = event.seal
                return self._signature() if self.kind == "thinking" else b""
            case PartBegan() | PartEnded():
                return b""

    def text(self, text: str) -> bytes:
        """Say more of a text or reasoning."""
        if not text or not self._text_head:
            return b""
        return self._text_head + _encode(text) + _TAIL

    def closed(self, index: int) -> tuple[bytes, int]:
        """Close it; return also the next index. The seal of a text or call that came late is behind it."""
        out = self._signature() if self.kind == "thinking" else b""
        out += _event(b"content_block_stop", b'{"type":"content_block_stop","index":%d}' % self.index)
        if self._seal is None:
            return out, index
        behind, index = self.sealed_behind(self._seal, index)
        self._seal = None
        return out + behind, index

    def sealed_behind(self, seal: Seal, index: int) -> tuple[bytes, int]:
        """The seal of a text or call whose block has just been closed."""
        held: Fields = {"type": "redacted_thinking", "data": carried_beside(seal, "last")}
        return whole_block(held, index), index + 1

    def _signature(self) -> bytes:
        seal, self._seal = self._seal, None
        if seal is None or not isinstance(self._part, Reasoning):
            return b""
        return (
            self._delta_head("signature_delta", "signature")
            + _encode(carried(DIALECT, seal, self._part, keeps_id=True))
            + _TAIL
        )

    def _json_delta(self, json: str) -> bytes:
        return self._delta_head("input_json_delta", "partial_json") + _encode(json) + _TAIL if json else b""

    def _delta_head(self, kind: str, member: str) -> bytes:
        return (
            'event: content_block_delta\ndata: {"type":"content_block_delta","index":'
            f'{self.index},"delta":{{"type":"{kind}","{member}":'
        ).encode()


def whole_block(fields: Fields, index: int) -> bytes:
    """A block that comes at once. A tool's input comes as its delta, as clients expect it."""
    given = fields.get("input")
    is_call = isinstance(given, dict) and str(fields.get("type")).endswith("tool_use")
    out = _start({**fields, "input": {}} if is_call else fields, index)
    if is_call:
        out += (
            b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,"delta":'
            b'{"type":"input_json_delta","partial_json":' % index
        )
        out += _encode(_encode(given).decode()) + _TAIL
    return out + _event(b"content_block_stop", b'{"type":"content_block_stop","index":%d}' % index)


def _start(fields: Fields, index: int) -> bytes:
    data = b'{"type":"content_block_start","index":%d,"content_block":' % index + _encode(fields) + b"}"
    return _event(b"content_block_start", data)


def _event(kind: bytes, data: bytes) -> bytes:
    return b"event: " + kind + b"\ndata: " + data + b"\n\n"

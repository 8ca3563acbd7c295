"""Streams written as the Messages API streams: a strict life cycle, one block open at a time (trap 12).

Nothing is held back that can be said now: only what would need a second open block waits, until the open one
is whole, and the end, until usage is known. Read next: `streams_in`, `open_blocks`.
"""

from collections import deque
from typing import Final

import msgspec

from headgate.core.call import Usage
from headgate.core.chat import Fields, Finish, Native, Reasoning, Refusal, ToolCall
from headgate.core.events import (
    ArgumentsDelta,
    Began,
    Broke,
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
from headgate.wire.dialects.anthropic.answers import foreign_finish, put_rest
from headgate.wire.dialects.anthropic.open_blocks import Block, PartEvent
from headgate.wire.dialects.anthropic.parts_out import BlockWriter
from headgate.wire.dialects.anthropic.usages import usage_fields
from headgate.wire.dialects.anthropic.words import DIALECT, error_kind
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.model import Asked

_encode: Final = msgspec.json.Encoder().encode


class StreamOut:
    """Writes one stream: implements `wire.dialects.model.EventsOut`."""

    def __init__(self, asked: Asked, changes: Changes) -> None:
        self._asked = asked
        self._changes = changes
        self._began: Began | None = None
        self._writer = BlockWriter(changes, is_own=False, to_client=True)
        self._blocks: dict[int, Block] = {}
        self._open: Block | None = None
        self._closed: Block | None = None
        """The one whose seal may still stand behind it."""
        self._waiting: deque[Block] = deque()
        self._index = 0
        self._finish: Finish | None = None
        self._finish_native: Native | None = None
        self._usage: Usage | None = None
        self._usage_native: Native | None = None
        self._has_calls = False
        self._has_refusal = False
        self._is_over = False

    def write(self, event: Event) -> bytes:
        """Return the bytes that say it, maybe none."""
        block = self._open
        if type(event) is TextDelta and block is not None and block.number == event.number:
            return block.text(event.text)
        if self._is_over:
            return b""
        match event:
            case Began():
                return self._begin(event)
            case UsageSeen():
                self._usage, self._usage_native = event.usage, event.native
                return b""
            case Finished():
                return self._finished(event)
            case Ended():
                return self._end(event)
            case Broke():
                return self._broke(event)
            case NativeEvent():
                return self._native(event) if event.dialect == DIALECT else b""
            case PartBegan():
                return self._ensure_begun() + self._part_began(event)
            case _:
                return self._part_event(event)

    def _native(self, event: NativeEvent) -> bytes:
        """An event of no word; a delta goes into its block, if that is the open one."""
        if event.kind == "content_block_delta":
            block = self._open
            if block is None or event.value.get("index") != block.number:
                return b""
            return _event(event.kind, {**event.value, "index": block.index})
        return _event(event.kind, event.value) if event.kind.isprintable() else b""

    def _begin(self, began: Began) -> bytes:
        if self._began is not None:
            return b""
        self._began = began
        is_own = began.dialect == DIALECT
        identifier = began.id or self._asked.request_id
        self._writer = BlockWriter(self._changes, is_own=is_own, to_client=True, answer_id=identifier)
        message: Fields = {
            "id": identifier,
            "type": "message",
            "role": "assistant",
            "model": began.model or self._asked.model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": {"input_tokens": 0, "output_tokens": 0},
        }
        put_rest(message, began.native, self._changes)
        return _event("message_start", {"type": "message_start", "message": message})

    def _ensure_begun(self) -> bytes:
        return b"" if self._began is not None else self._begin(Began(dialect="openai-chat"))

    def _part_began(self, event: PartBegan) -> bytes:
        if event.candidate:
            self._changes.alter("candidates", f"{DIALECT} has one answer only; the others are left out")
            return b""
        part = event.part
        self._has_calls = self._has_calls or isinstance(part, ToolCall)
        self._has_refusal = self._has_refusal or isinstance(part, Refusal)
        block = Block(event.number, part, self._writer, is_lazy=self._is_lazy(part))
        self._blocks[event.number] = block
        return b"" if block.is_lazy else self._say(block, event)

    def _is_lazy(self, part: object) -> bool:
        """Whether nothing is to be said yet: foreign reasoning, of which there may be a seal only."""
        is_own = self._began is not None and self._began.dialect == DIALECT
        return isinstance(part, Reasoning) and not is_own and not part.text

    def _part_event(self, event: PartEvent) -> bytes:
        block = self._blocks.get(event.number)
        if block is None:
            return b""
        out = self._say(block, event)
        if isinstance(event, PartEnded):
            block.is_ended = True
            if block is self._open:
                out += self._close(block)
            out += self._drain()
        elif self._waiting:
            out += self._drain()
        return out

    def _say(self, block: Block, event: PartBegan | PartEvent) -> bytes:
        """Say what happens to a part, now if no other block has to stay open."""
        if block.waiting:
            block.waiting.append(event)
            return b""
        if block is self._open:
            return block.said(event)
        if not block.needs_opening(event):
            return self._too_late(block, event)
        if self._open is not None and not self._open.may_close():
            block.waiting.append(event)
            self._waiting.append(block)
            return b""
        return self._switch(block, event)

    def _switch(self, block: Block, event: PartBegan | PartEvent) -> bytes:
        """Close what is open, and open another with what it has to say."""
        out = b"" if self._open is None else self._close(self._open)
        opened, self._index, stays_open = block.opened(event, self._index)
        self._closed = None
        if stays_open:
            self._open = block
            opened += block.said(event)
        return out + opened

    def _close(self, block: Block) -> bytes:
        out, self._index = block.closed(self._index)
        self._open, self._closed = None, block
        return out

    def _too_late(self, block: Block, event: PartBegan | PartEvent) -> bytes:
        """What is said of a block that was closed, and can't be opened again."""
        if isinstance(event, SealDelta) and block.kind in ("text", "tool"):
            if block is self._closed:
                out, self._index = block.sealed_behind(event.seal, self._index)
                return out
            self._changes.lose("content", "a signature that comes long after its part is left out")
        elif isinstance(event, ArgumentsDelta) and block.kind == "tool" and event.json.strip():
            self._changes.alter("content", "arguments that come after they were whole are left out")
        return b""

    def _drain(self) -> bytes:
        """Say what has waited, as far as the open block may be closed now."""
        out = b""
        while self._waiting and (self._open is None or self._open.may_close()):
            block = self._waiting.popleft()
            events, block.waiting = block.waiting, []
            for event in events:
                out += self._say(block, event)
            if block.is_ended and block is self._open:
                out += self._close(block)
        return out

    def _finished(self, event: Finished) -> bytes:
        if event.candidate:
            return b""
        self._finish, self._finish_native = event.finish, event.native
        return self._close_all()

    def _close_all(self) -> bytes:
        """Nothing more comes of any part that is said."""
        for block in self._blocks.values():
            block.is_ended = True
        out = b"" if self._open is None else self._close(self._open)
        return out + self._drain()

    def _end(self, ended: Ended) -> bytes:
        out = self._ensure_begun() + self._close_all()
        began = self._began
        is_own = began is not None and began.dialect == DIALECT
        delta: Fields = {"stop_reason": None, "stop_sequence": None}
        put_rest(delta, self._finish_native, self._changes)
        if not is_own:
            delta |= foreign_finish(
                self._finish, self._changes, has_calls=self._has_calls, has_refusal=self._has_refusal
            )
        elif self._finish is not None:
            delta["stop_reason"] = self._finish.native
            if self._finish.sequence is not None:
                delta["stop_sequence"] = self._finish.sequence
        event: Fields = {"type": "message_delta", "delta": delta, "usage": self._usage_said()}
        put_rest(event, ended.native, self._changes)
        self._is_over = True
        return out + _event("message_delta", event) + _event("message_stop", {"type": "message_stop"})

    def _usage_said(self) -> Fields:
        """All of the usage: the SDK overwrites what it had with whatever is there."""
        native = self._usage_native
        if native is not None and native.dialect == DIALECT:
            said = native.fields.get("usage")
            if isinstance(said, dict):
                return {"output_tokens": 0, **said}
        if self._usage is None:
            return {"output_tokens": 0}
        return usage_fields(self._usage)

    def _broke(self, broke: Broke) -> bytes:
        self._is_over = True
        error = {"type": error_kind(broke.kind, broke.status), "message": broke.message}
        event: Fields = {"type": "error", "error": error}
        if self._asked.request_id:
            event["request_id"] = self._asked.request_id
        return _event("error", event)


def _event(kind: str, fields: Fields) -> bytes:
    return b"event: " + kind.encode() + b"\ndata: " + _encode(fields) + b"\n\n"

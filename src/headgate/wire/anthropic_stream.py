"""Streams of the Anthropic Messages API.

Usage is cumulative: `message_start` begins it, `message_delta` overwrites it field by field and often leaves
fields out. It is final with `message_delta` only. Read next: `wire.streams`.
"""

import msgspec

from headgate.wire.answers import short_text, tier_of
from headgate.wire.dialects.anthropic.words import finish_reason
from headgate.wire.endings import NOTHING
from headgate.wire.event_reader import EventReader
from headgate.wire.sse import data_of
from headgate.wire.usage import Fields, count, fields_of, inner, usage_of


class _Delta(msgspec.Struct):
    type: str = ""
    text: msgspec.Raw = NOTHING
    thinking: msgspec.Raw = NOTHING
    partial_json: msgspec.Raw = NOTHING
    citation: msgspec.Raw = NOTHING
    stop_reason: msgspec.Raw = NOTHING


class _Event(msgspec.Struct):
    type: str = ""
    delta: _Delta | None = None
    content_block: msgspec.Raw = NOTHING
    message: msgspec.Raw = NOTHING
    usage: msgspec.Raw = NOTHING
    error: msgspec.Raw = NOTHING


class _Block(msgspec.Struct):
    type: str = ""
    text: msgspec.Raw = NOTHING


class _Message(msgspec.Struct):
    id: msgspec.Raw = NOTHING
    model: msgspec.Raw = NOTHING
    usage: msgspec.Raw = NOTHING


_event = msgspec.json.Decoder(_Event).decode
_block = msgspec.json.Decoder(_Block).decode
_message = msgspec.json.Decoder(_Message).decode
_DECODE_ERRORS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_QUIET_BLOCKS = frozenset({"text", "thinking"})


def merge_usage(merged: Fields, said: Fields) -> None:
    """Take what a stream says next of its usage: each count overwrites, what is null or left out stays."""
    stated = {name: value for name, value in said.items() if value is not None}
    written = stated.get("cache_creation_input_tokens")
    if written is not None and "cache_creation" not in stated:
        split = inner(merged, "cache_creation")
        if sum(count(split, name) for name in split) != written:
            merged.pop("cache_creation", None)  # the split of a sum that was corrected
    merged.update(stated)


class AnthropicReader(EventReader):
    """The Messages API."""

    __slots__ = ("_merged",)

    def __init__(self) -> None:
        super().__init__()
        self._merged: Fields = {}

    def _read(self, event: bytes) -> bytes:
        data = data_of(event)
        if data[:1] != b"{":
            return event
        try:
            found = _event(data)
        except _DECODE_ERRORS:
            return event
        match found.type:
            case "content_block_delta":
                self._take_delta(found.delta)
            case "content_block_start":
                self._take_block(found.content_block)
            case "message_start":
                self._take_start(found.message)
            case "message_delta":
                self._take_usage(found.usage, final=True)
                word = "" if found.delta is None else short_text(found.delta.stop_reason)
                self._end_with(finish_reason(word) if word else self.finish)
            case "message_stop":
                self.finished = True
            case "error":
                self._fail(bytes(found.error))
            case _:
                pass
        return event

    def _take_delta(self, delta: _Delta | None) -> None:
        if delta is None:
            return
        all_made = [bytes(made) for made in (delta.text, delta.thinking, delta.partial_json, delta.citation)]
        made_now = [made for made in all_made if made != b"null"]
        for made in made_now:
            self._made(made)
        if len(made_now) == 1:
            self._delta = made_now[0]

    def _take_block(self, raw: msgspec.Raw) -> None:
        """A tool, a result or hidden reasoning that begins is a visible delta; text may begin empty."""
        try:
            block = _block(raw)
        except _DECODE_ERRORS:
            return
        self.tool_calls += block.type == "tool_use"
        if block.type in _QUIET_BLOCKS:
            self._made(bytes(block.text))
        else:
            self._committed = True
            self.output_bytes += len(bytes(raw))

    def _take_start(self, raw: msgspec.Raw) -> None:
        try:
            message = _message(raw)
        except _DECODE_ERRORS:
            return
        self.model = short_text(message.model)
        self.response_id = short_text(message.id)
        self._take_usage(message.usage, final=False)

    def _take_usage(self, raw: msgspec.Raw, *, final: bool) -> None:
        fields = fields_of(raw)
        if fields is None:
            return
        merge_usage(self._merged, fields)
        if final:
            self._count(usage_of("anthropic", "chat", self._merged), msgspec.json.encode(self._merged))
            self.service_tier = tier_of(self._merged, None)

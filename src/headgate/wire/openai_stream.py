"""Streams of the OpenAI API: chat and text completions, Responses, and the rest (images, audio).

Usage comes as a chunk without choices, on the last content chunk, on every chunk as a running sum, or under
`x_groq`; only what stands at or after a finish reason is final. Read next: `wire.streams`.
"""

import re

import msgspec

from headgate.core.call import Operation
from headgate.core.faults import InvalidRequest
from headgate.wire.answers import served_units, short_text, tier_of, with_units
from headgate.wire.endings import CALLS_OF_RESPONSES, NOTHING, chat_finish, is_filled, response_finish
from headgate.wire.event_reader import EventReader, is_set
from headgate.wire.members import Watched, read_members
from headgate.wire.sse import data_of
from headgate.wire.usage import fields_of, inner, usage_of


class _Delta(msgspec.Struct):
    content: msgspec.Raw = NOTHING
    reasoning_content: msgspec.Raw = NOTHING
    reasoning: msgspec.Raw = NOTHING
    refusal: msgspec.Raw = NOTHING
    tool_calls: msgspec.Raw = NOTHING
    function_call: msgspec.Raw = NOTHING
    audio: msgspec.Raw = NOTHING
    images: msgspec.Raw = NOTHING


class _Choice(msgspec.Struct):
    delta: _Delta | None = None
    text: msgspec.Raw = NOTHING
    finish_reason: msgspec.Raw = NOTHING


class _ToolDelta(msgspec.Struct):
    index: int | None = None


class _Chunk(msgspec.Struct):
    choices: list[_Choice] | None = None
    usage: msgspec.Raw = NOTHING
    error: msgspec.Raw = NOTHING
    id: msgspec.Raw = NOTHING
    model: msgspec.Raw = NOTHING
    service_tier: msgspec.Raw = NOTHING
    system_fingerprint: msgspec.Raw = NOTHING
    x_groq: msgspec.Raw = NOTHING


_chunk = msgspec.json.Decoder(_Chunk).decode
_tool_deltas = msgspec.json.Decoder(list[_ToolDelta]).decode
_DECODE_ERRORS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

# `"usage":null` of the chunk itself: only flat text members stand between it and the chunk's last brace.
_NULL_USAGE = re.compile(
    rb',\s*"usage"\s*:\s*null(?=(?:\s*,\s*"[^"\\]*"\s*:\s*(?:"[^"\\]*"|null))*\s*\}\s*$)'
)
_USAGE = Watched("usage")


class ChatReader(EventReader):
    """Chat and text completions."""

    __slots__ = ("_ending", "_latest", "_refuses", "_strip")

    def __init__(self, *, strip_usage: bool) -> None:
        super().__init__()
        self._strip = strip_usage
        self._ending = self._refuses = False
        self._latest = b""

    def _read(self, event: bytes) -> bytes:
        data = data_of(event)
        if not data:
            return event
        if data[:1] != b"{":
            self.finished = self.finished or data.strip() == b"[DONE]"
            return event
        try:
            chunk = _chunk(data)
        except _DECODE_ERRORS:
            return event
        for choice in chunk.choices or ():
            self._take_choice(choice)
        if is_set(chunk.error):
            self._fail(bytes(chunk.error))
        elif b"event: error" in event[:16] and self.error is None:
            self._fail(data)
        self._take_names(chunk)
        self._take_usage(chunk)
        self._delta = self._content_alone(chunk)
        return self._stripped(event, data, chunk) if self._strip else event

    def _content_alone(self, chunk: _Chunk) -> bytes:
        """Return the content that a chunk adds, as JSON, where it says nothing else; else nothing."""
        choices = chunk.choices
        if not choices or len(choices) > 1 or choices[0].delta is None or self.error is not None:
            return b""
        if chunk.x_groq is not NOTHING or is_set(chunk.usage):
            return b""
        content = choices[0].delta.content
        alone = choices[0] == _Choice(_Delta(content), finish_reason=choices[0].finish_reason)
        return bytes(content) if alone else b""

    def _take_choice(self, choice: _Choice) -> None:
        delta = choice.delta
        if delta is not None:
            self._made(bytes(delta.content))
            for extra in (
                delta.reasoning_content,
                delta.reasoning,
                delta.refusal,
                delta.tool_calls,
                delta.function_call,
                delta.audio,
                delta.images,
            ):
                if extra is not NOTHING:
                    self._made(bytes(extra))
            if delta.tool_calls is not NOTHING:
                self._take_tools(delta.tool_calls)
            elif delta.function_call is not NOTHING and b'"name"' in bytes(delta.function_call):
                self.tool_calls = 1
            self._refuses = self._refuses or is_filled(delta.refusal)
        if choice.text is not NOTHING:
            self._made(bytes(choice.text))
        if choice.finish_reason is not NOTHING and is_set(choice.finish_reason):
            self._ending = True
            word = short_text(choice.finish_reason) or ""
            self._end_with(chat_finish(word, calls=self.tool_calls, refuses=self._refuses))

    def _take_tools(self, raw: msgspec.Raw) -> None:
        """Count calls by their places; those of which nothing says the place stand for themselves."""
        if b'"name"' not in bytes(raw):  # more of a call's arguments
            return
        try:
            deltas = _tool_deltas(raw)
        except _DECODE_ERRORS:
            return
        for delta in deltas:
            place = self.tool_calls if delta.index is None else delta.index
            self.tool_calls = max(self.tool_calls, place + 1)

    def _take_names(self, chunk: _Chunk) -> None:
        # Azure's first chunk has neither choices nor names.
        if self.model is None and chunk.choices:
            self.model = short_text(chunk.model)
            self.response_id = short_text(chunk.id)
            if chunk.system_fingerprint is not NOTHING:
                self.fingerprint = short_text(chunk.system_fingerprint)
        if chunk.service_tier is not NOTHING and is_set(chunk.service_tier):
            self.service_tier = short_text(chunk.service_tier)

    def _take_usage(self, chunk: _Chunk) -> None:
        raw = b""
        if chunk.usage is not NOTHING and is_set(chunk.usage):
            raw = bytes(chunk.usage)
        elif chunk.x_groq is not NOTHING and b'"usage"' in bytes(chunk.x_groq):
            usage = inner(fields_of(chunk.x_groq) or {}, "usage")
            raw = msgspec.json.encode(usage) if usage else b""
        if raw:
            self._latest = raw
        if self._latest and (self._ending or not chunk.choices):
            fields = fields_of(self._latest)
            if fields is not None:
                self._count(usage_of("openai-chat", "chat", fields), self._latest)
            self._latest = b""

    def _stripped(self, event: bytes, data: bytes, chunk: _Chunk) -> bytes:
        """The event without what asking for usage had added to it."""
        if chunk.usage is NOTHING:
            return event
        if chunk.choices is not None and not chunk.choices and is_set(chunk.usage):
            return b""
        if is_set(chunk.usage):
            return event
        found = _NULL_USAGE.search(event)
        if found is not None and event.count(b'"usage"') == 1:
            return event[: found.start()] + event[found.end() :]
        return _without_usage(event, data)


def _without_usage(event: bytes, data: bytes) -> bytes:
    """The same for a chunk whose `usage` stands anywhere else: found by reading its members.

    One whose members can't be told for sure, such as one with a member given twice, is relayed as it came.
    """
    offset = event.find(data)
    if offset < 0:
        return event
    try:
        members = list(read_members(data, _USAGE).values())
    except InvalidRequest:  # says what is wrong with a caller's body; this is the provider's
        return event
    at = next(index for index, member in enumerate(members) if member.key == "usage")
    if at > 0:
        start, end = members[at - 1].end, members[at].end
    elif len(members) > 1:
        start = data.index(b'"')
        end = data.index(b",", members[0].end) + 1
    else:
        start, end = data.index(b'"'), members[0].end
    return event[: offset + start] + event[offset + end :]


class _Event(msgspec.Struct):
    type: str = ""
    delta: msgspec.Raw = NOTHING
    item: msgspec.Raw = NOTHING
    response: msgspec.Raw = NOTHING
    error: msgspec.Raw = NOTHING
    message: msgspec.Raw = NOTHING
    usage: msgspec.Raw = NOTHING


class _Response(msgspec.Struct):
    id: msgspec.Raw = NOTHING
    model: msgspec.Raw = NOTHING
    service_tier: msgspec.Raw = NOTHING
    status: msgspec.Raw = NOTHING
    incomplete_details: msgspec.Raw = NOTHING
    usage: msgspec.Raw = NOTHING
    error: msgspec.Raw = NOTHING
    output: msgspec.Raw = NOTHING
    tool_usage: msgspec.Raw = NOTHING


class _Item(msgspec.Struct):
    type: str = ""


_event = msgspec.json.Decoder(_Event).decode
_response = msgspec.json.Decoder(_Response).decode
_item = msgspec.json.Decoder(_Item).decode

_LAST = frozenset({"response.completed", "response.incomplete", "response.failed"})
_QUIET_ITEMS = frozenset({"message", "reasoning", ""})


class ResponsesReader(EventReader):
    """The Responses API: over 45 kinds of event, of which deltas, the last one and errors mean something."""

    __slots__ = ()

    def _read(self, event: bytes) -> bytes:
        data = data_of(event)
        if data[:1] != b"{":
            return event
        try:
            found = _event(data)
        except _DECODE_ERRORS:
            return event
        if found.delta is not NOTHING:
            self._made(bytes(found.delta))
        if found.type == "response.output_item.added":
            self._take_item(found.item)
        if found.type == "error":
            self._fail(bytes(found.error) if is_set(found.error) else data)
        elif found.type in _LAST:
            self._take_last(found)
        elif self.response_id is None and found.response is not NOTHING:
            self._take_response(found.response)
        return event

    def _take_item(self, raw: msgspec.Raw) -> None:
        """A tool that begins is a visible delta, though it may have no arguments yet."""
        try:
            kind = _item(raw).type
        except _DECODE_ERRORS:
            return
        self.tool_calls += kind in CALLS_OF_RESPONSES
        if kind not in _QUIET_ITEMS:
            self._committed = True
            self.output_bytes += len(bytes(raw))

    def _take_response(self, raw: msgspec.Raw) -> _Response | None:
        try:
            response = _response(raw)
        except _DECODE_ERRORS:
            return None
        self.response_id = short_text(response.id) or self.response_id
        self.model = short_text(response.model) or self.model
        self.service_tier = short_text(response.service_tier) or self.service_tier
        return response

    def _take_last(self, found: _Event) -> None:
        response = self._take_response(found.response)
        self.finished = True
        if response is None:
            return
        if is_set(response.error) or found.type == "response.failed":
            self._fail(bytes(response.error) if is_set(response.error) else b"response failed")
        details = fields_of(response.incomplete_details) or {}
        self._end_with(
            response_finish(short_text(response.status), details.get("reason"), calls=self.tool_calls)
        )
        fields = fields_of(response.usage)
        if fields is not None:
            units = served_units("openai-responses", b"", response.output, response.tool_usage)
            usage = usage_of("openai-responses", "chat", fields)
            self._count(with_units(usage, units), bytes(response.usage))


_PLAIN_LAST = frozenset(
    {"transcript.text.done", "speech.audio.done", "image_generation.completed", "image_edit.completed"}
)


class PlainReader(EventReader):
    """Images, transcriptions and speech as events."""

    __slots__ = ("_operation",)

    def __init__(self, operation: Operation) -> None:
        super().__init__()
        self._operation: Operation = operation

    def _read(self, event: bytes) -> bytes:
        data = data_of(event)
        if data[:1] != b"{":
            self.finished = self.finished or data.strip() == b"[DONE]"
            return event
        try:
            found = _event(data)
        except _DECODE_ERRORS:
            return event
        if is_set(found.error) or found.type == "error":
            self._fail(bytes(found.error) if is_set(found.error) else data)
            return event
        self._committed = True
        self.output_bytes += len(data)
        self.finished = self.finished or found.type in _PLAIN_LAST
        fields = fields_of(found.usage)
        if fields is not None:
            self._count(usage_of("openai", self._operation, fields), bytes(found.usage))
            self.service_tier = tier_of(fields, self.service_tier)
        return event

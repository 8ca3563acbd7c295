"""Streams of Google's generateContent: server-sent events, or one JSON array when `alt=sse` is not asked for.

Usage changes from chunk to chunk; the last one counts, once a finish reason has been seen.
Read next: `wire.streams`.
"""

import re

import msgspec

from headgate.core.faults import UpstreamError
from headgate.wire.answers import google_searches, short_text, tier_of, with_units
from headgate.wire.dialects.google.finishing import finish_of
from headgate.wire.endings import NOTHING
from headgate.wire.event_reader import EventReader, is_set
from headgate.wire.model import StreamEvent
from headgate.wire.sse import EVENT_BYTES_MAX, data_of
from headgate.wire.usage import fields_of, usage_of


class _Content(msgspec.Struct):
    parts: list[dict[str, msgspec.Raw]] | None = None


class _Candidate(msgspec.Struct):
    content: _Content | None = None
    finishReason: msgspec.Raw = NOTHING  # noqa: N815


class _Feedback(msgspec.Struct):
    blockReason: msgspec.Raw = NOTHING  # noqa: N815


class _Chunk(msgspec.Struct):
    candidates: list[_Candidate] | None = None
    usageMetadata: msgspec.Raw = NOTHING  # noqa: N815
    modelVersion: msgspec.Raw = NOTHING  # noqa: N815
    responseId: msgspec.Raw = NOTHING  # noqa: N815
    promptFeedback: _Feedback | None = None  # noqa: N815
    error: msgspec.Raw = NOTHING


_chunk = msgspec.json.Decoder(_Chunk).decode
_DECODE_ERRORS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_SILENT_MEMBERS = frozenset({"thought", "thoughtSignature", "partMetadata", "mediaResolution"})


class GoogleReader(EventReader):
    """generateContent, as events or as an array: its first byte tells."""

    __slots__ = ("_array", "_events", "_latest", "_searches")

    def __init__(self) -> None:
        super().__init__()
        self._array: ArraySplitter | None = None
        self._events = False
        self._latest: msgspec.Raw = NOTHING
        self._searches = 0

    def feed(self, data: bytes) -> StreamEvent:
        """Take the next bytes; return what may be relayed now. Raises UpstreamError for a huge event."""
        if self._events:
            return super().feed(data)
        if self._array is None:
            begin = data.lstrip()[:1]
            if begin != b"[":
                self._events = bool(begin)
                return super().feed(data) if begin else StreamEvent(data)
            self._array = ArraySplitter()
        pieces = self._array.feed(data)
        for _, value in pieces:
            self._take(value)
        return StreamEvent(b"".join([piece for piece, _ in pieces]), self._committed)

    def end(self) -> StreamEvent:
        """The stream has ended; return what was still held."""
        if self._array is None:
            return super().end()
        return StreamEvent(self._array.rest(), self._committed)

    def _read(self, event: bytes) -> bytes:
        data = data_of(event)
        if data:
            self._take(data)
        return event

    def _take(self, data: bytes) -> None:
        try:
            chunk = _chunk(data)
        except _DECODE_ERRORS:
            return
        if is_set(chunk.error):
            self._fail(bytes(chunk.error))
        for candidate in chunk.candidates or ():
            self._take_candidate(candidate)
        if chunk.promptFeedback is not None and is_set(chunk.promptFeedback.blockReason):
            self.finished = True
            self._end_with("content_filter")
        self.model = self.model or short_text(chunk.modelVersion)
        self.response_id = self.response_id or short_text(chunk.responseId)
        if b'"webSearchQueries"' in data:
            self._searches = max(self._searches, google_searches(data))
        if is_set(chunk.usageMetadata):
            self._latest = chunk.usageMetadata.copy()
        if self.finished and is_set(self._latest):
            self._take_usage()

    def _take_candidate(self, candidate: _Candidate) -> None:
        for part in (candidate.content.parts if candidate.content is not None else None) or ():
            for name, raw in part.items():
                if name not in _SILENT_MEMBERS:
                    self._made(bytes(raw))
                self.tool_calls += name == "functionCall"
        if is_set(candidate.finishReason):
            self.finished = True
            word = short_text(candidate.finishReason)
            self._end_with(finish_of(word, has_calls=self.tool_calls > 0).reason if word else None)

    def _take_usage(self) -> None:
        fields = fields_of(self._latest)
        if fields is None:
            return
        units = {"web_search": self._searches} if self._searches else {}
        self._count(with_units(usage_of("google", "chat", fields), units), bytes(self._latest))
        self.service_tier = tier_of(fields, None)


_TOKEN = re.compile(rb'["\\{}\[\]]')


class ArraySplitter:
    """Cuts a JSON array into its objects, with the bytes around them kept as they were.

    What follows the array is passed on unread.
    """

    __slots__ = ("_depth", "_held", "_in_text", "_is_over", "_opened", "_position")

    def __init__(self) -> None:
        self._held = bytearray()
        self._position = 0
        self._depth = 0
        self._opened = 0
        self._in_text = False
        self._is_over = False

    def feed(self, data: bytes) -> list[tuple[bytes, bytes]]:
        """Take the next bytes; return pieces to relay, each with the object that it ends in."""
        if self._is_over:
            return [(data, b"")] if data else []
        held = self._held
        held += data
        pieces: list[tuple[bytes, bytes]] = []
        start = 0
        position = self._position
        while (found := _TOKEN.search(held, position)) is not None:
            position = found.end()
            token = found.group()
            if token == b"\\":
                if not self._in_text:
                    continue
                if position >= len(held):
                    position -= 1  # what it escapes has not come yet
                    break
                position += 1
            elif token == b'"':
                self._in_text = not self._in_text
            elif not self._in_text:
                if self._moved(token, position):
                    pieces.append((bytes(held[start:position]), bytes(held[self._opened : position])))
                    start = position
                elif self._depth == 0:
                    self._is_over = True
                    break
        else:
            position = len(held)
        if start:
            del held[:start]
            self._opened -= start
        self._position = position - start
        if self._is_over:
            pieces.append((self.rest(), b""))
        elif len(held) > EVENT_BYTES_MAX:
            raise UpstreamError(f"an item of the stream is larger than {EVENT_BYTES_MAX} bytes")
        return pieces

    def _moved(self, token: bytes, position: int) -> bool:
        """Follow the depth; say whether an object of the array ends here."""
        if token in (b"{", b"["):
            self._depth += 1
            if self._depth == 2:
                self._opened = position - 1
            return False
        self._depth -= 1
        return self._depth == 1

    def rest(self) -> bytes:
        """What is held: an unfinished object, or what follows the array."""
        rest = bytes(self._held)
        self._held.clear()
        self._position = 0
        return rest

"""What the stream readers of all dialects share: cutting events, counting, and the facts that are kept.

Knows no dialect. Read next: `wire.streams`.
"""

import msgspec

from headgate.core.call import Usage
from headgate.core.chat import FinishReason
from headgate.wire.known_delta import KnownDelta
from headgate.wire.model import StreamEvent
from headgate.wire.sse import EventSplitter
from headgate.wire.usage import Fields, fields_of

_EMPTY = (b"null", b'""', b"[]", b"{}", b"")
ERROR_LENGTH_MAX = 2000
_MISSES_MAX = 16
"""After so many events in a row that nothing was like, none is compared any more."""


class EventReader:
    """Reads one stream of server-sent events. A dialect says in `_read` what an event means."""

    __slots__ = (
        "_committed",
        "_delta",
        "_known",
        "_misses",
        "_splitter",
        "error",
        "fingerprint",
        "finish",
        "finished",
        "model",
        "output_bytes",
        "response_id",
        "service_tier",
        "tool_calls",
        "usage",
        "usage_raw",
    )

    usage: Usage | None
    usage_raw: bytes
    model: str | None
    service_tier: str | None
    response_id: str | None
    fingerprint: str | None
    finish: FinishReason | None
    tool_calls: int
    finished: bool
    error: str | None
    output_bytes: int

    def __init__(self) -> None:
        self._splitter = EventSplitter()
        self._committed = False
        self._known: KnownDelta | None = None
        self._delta = b""
        """What a delta adds, as JSON, where its event says no more; a text in it may be all that differs."""
        self._misses = 0
        self.usage = None
        self.usage_raw = b""
        self.model = None
        self.service_tier = None
        self.response_id = None
        self.fingerprint = None
        self.finish = None
        self.tool_calls = 0
        self.finished = False
        self.error = None
        self.output_bytes = 0

    def feed(self, data: bytes) -> StreamEvent:
        """Take the next bytes; return what may be relayed now. Raises UpstreamError for a huge event."""
        if self._known is not None and not self._splitter.holds:
            # Most often one whole event: like a known one, it can hold no end of another.
            relayed = self._like_known(data)
            if relayed is not None:
                return StreamEvent(relayed, True)
        events = self._splitter.feed(data)
        if len(events) == 1:
            return StreamEvent(self._see(events[0]), self._committed)
        return StreamEvent(b"".join([self._see(event) for event in events]), self._committed)

    def end(self) -> StreamEvent:
        """The stream has ended; return what was still held, though no blank line has ended it."""
        rest = self._splitter.rest()
        return StreamEvent(self._see(rest) if rest else b"", self._committed)

    def _see(self, event: bytes) -> bytes:
        """Take an event; return the bytes to relay."""
        if self._known is not None:
            relayed = self._like_known(event)
            if relayed is not None:
                return relayed
            self._known = None
        sent = self._read(event)
        delta, self._delta = self._delta, b""
        if delta[:1] == b'"' and len(delta) > 2 and self._misses < _MISSES_MAX:
            self._misses += 1
            self._known = KnownDelta.of(event, sent, delta)
        return sent

    def _like_known(self, event: bytes) -> bytes | None:
        """Take an event that differs from the known one in its text alone; None: it does not."""
        known = self._known
        assert known is not None
        text = known.text_of(event)
        if text is None:
            return None
        self._misses = 0
        self.output_bytes += len(text)
        return known.relayed(event, text)

    def _read(self, event: bytes) -> bytes:
        """Read what an event says; return the bytes to relay. Notes `_delta` where it says no more."""
        raise NotImplementedError

    def _made(self, raw: bytes) -> None:
        """A visible delta, as raw JSON. JSON is never shorter than the text that it stands for."""
        if raw not in _EMPTY:
            self._committed = True
            self.output_bytes += len(raw) - 2 if raw.startswith(b'"') else len(raw)

    def _end_with(self, finish: FinishReason | None) -> None:
        """Why the answer ended."""
        self.finish = finish

    def _count(self, usage: Usage, raw: bytes) -> None:
        """Final usage, and the bytes that said so."""
        self.usage = usage
        self.usage_raw = raw

    def _fail(self, raw: bytes) -> None:
        """An error member that is no null: keep its message."""
        self.error = message_of(raw)


def message_of(raw: bytes) -> str:
    """The message of an error as providers write one: an object with a message, or a text."""
    fields: Fields | None = fields_of(raw)
    if fields is not None:
        for name in ("message", "detail", "type", "code", "status"):
            value = fields.get(name)
            if value:
                return str(value)[:ERROR_LENGTH_MAX]
    return raw[:ERROR_LENGTH_MAX].decode("utf-8", "replace").strip('"') or "unnamed error"


def is_set(raw: msgspec.Raw) -> bool:
    """Whether a member is there and not null."""
    return bytes(raw) != b"null"

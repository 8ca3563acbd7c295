"""A stream on its way to a client, read in passing until it ends; its end alone is held back.

What goes out is read in the client's own dialect, so that what is judged is what the client gets, translated
or not. Never holds back what comes before the end; never judges. Read next: `gateway.validated`.
"""

from collections.abc import Callable
from typing import Final

from headgate.core.chat import ChatAnswer
from headgate.core.events import Ended, Event
from headgate.core.faults import UpstreamError
from headgate.wire.dialects.folding import Fold
from headgate.wire.dialects.model import EventsIn
from headgate.wire.sse import EventSplitter

WATCHED_BYTES_MAX: Final = 64 * 1024 * 1024


class WatchedStream:
    """Lets a stream pass up to its terminator, and keeps what it said.

    Joined, what passes and what `release` gives are the bytes that were taken.
    """

    __slots__ = (
        "_bytes",
        "_fold",
        "_in",
        "_is_array",
        "_is_over",
        "_passes_rest",
        "_splitter",
        "_tail",
        "fault",
    )

    def __init__(self, events_in: EventsIn, *, is_array: bool) -> None:
        """`is_array`: the stream is one JSON array, whose end is its last bracket."""
        self._in = events_in
        self._is_array = is_array
        self._splitter = EventSplitter()
        self._fold = Fold()
        self._tail: list[bytes] = []
        self._bytes = 0
        self._is_over = False
        self._passes_rest = True
        self.fault = ""
        """Why the stream could not be read to its end, if it could not."""

    @property
    def is_over(self) -> bool:
        """Whether it has been decided how the stream ends."""
        return self._is_over

    def take(self, data: bytes) -> bytes:
        """Take what is to go out next; return what may."""
        if self._is_over:
            return data if self._passes_rest else b""
        if self._is_array:
            return self._of_array(data)
        passed: list[bytes] = []
        for event in self._splitter.feed(data):
            if self._tail or self._is_end(event):
                self._tail.append(event)
            else:
                passed.append(event)
        return b"".join(passed)

    def answer(self) -> ChatAnswer | None:
        """What the stream said, once it has ended; None where nothing of it can be read."""
        if not self.fault:
            rest = self._splitter.rest()
            if rest:
                self._tail.append(rest)
                self._read(rest)
            self._see(self._in.end)
        try:
            return self._fold.answer()
        except ValueError:
            return None

    def release(self) -> bytes:
        """The stream may end as it does: return what was held back."""
        self._is_over = True
        rest, self._tail = b"".join(self._tail), []
        return rest + self._splitter.rest()

    def cut(self) -> None:
        """The stream ends otherwise: nothing more of it passes."""
        self._is_over, self._passes_rest = True, False
        self._tail.clear()

    def _of_array(self, data: bytes) -> bytes:
        self._read(data)
        if self._tail:  # what looked like the end was an inner one
            data = b"".join((*self._tail, data))
            self._tail.clear()
        if not data.rstrip().endswith(b"]"):
            return data
        place = data.rindex(b"]")
        self._tail.append(data[place:])
        return data[:place]

    def _is_end(self, event: bytes) -> bool:
        return any(isinstance(one, Ended) for one in self._read(event))

    def _read(self, data: bytes) -> list[Event]:
        self._bytes += len(data)
        if self._bytes > WATCHED_BYTES_MAX:
            self.fault = f"it is longer than {WATCHED_BYTES_MAX} bytes"
        return [] if self.fault else self._see(lambda: self._in.feed(data))

    def _see(self, read: Callable[[], list[Event]]) -> list[Event]:
        try:
            events = read()
        except UpstreamError as error:
            self.fault = error.message
            return []
        for event in events:
            self._fold.take(event)
        return events

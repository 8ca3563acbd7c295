"""Server-sent events cut out of bytes that come in any pieces, each with its own bytes kept as they were.

Knows nothing of what events mean. Source: WHATWG HTML, section 9.2.6 (CRLF, LF or CR; a byte order mark;
comments; several data lines). Read next: `wire.streams`.
"""

import re

from headgate.core.faults import UpstreamError

EVENT_BYTES_MAX = 16 * 1024 * 1024

# Two line ends in a row. Atomic, so that the CRLF of one line is not taken for two ends.
_BLANK = re.compile(rb"(?>\r\n|\n|\r){2}")
_LINE_END = re.compile(rb"\r\n|\n|\r")


class EventSplitter:
    """Cuts a stream into events. Joined, the events and the rest are the bytes that were fed."""

    __slots__ = ("_held", "_scanned")

    def __init__(self) -> None:
        self._held = bytearray()
        self._scanned = 0

    @property
    def holds(self) -> bool:
        """Whether the beginning of an event is held."""
        return bool(self._held)

    def feed(self, data: bytes) -> list[bytes]:
        """Take the next bytes; return the events that are whole now, each with the blank line that ends it.

        Raises UpstreamError for an event of over 16 MiB.
        """
        held = self._held
        if not held:
            if b"\r" not in data:
                return self._feed_plain(data)
            if _is_one_event(data):
                return [data]
        held += data
        # A CR at the end may be half of a CRLF: which one it is decides where the event ends.
        limit = len(held) - 1 if held.endswith(b"\r") else len(held)
        events: list[bytes] = []
        start = 0
        position = max(self._scanned - 3, 0)
        while (found := _BLANK.search(held, position, limit)) is not None:
            events.append(bytes(held[start : found.end()]))
            start = position = found.end()
        if start:
            del held[:start]
        self._scanned = len(held)
        self._check_size()
        return events

    def _feed_plain(self, data: bytes) -> list[bytes]:
        """The same for what almost every stream is: LF only, and whole events."""
        events: list[bytes] = []
        start = 0
        while (stop := data.find(b"\n\n", start)) >= 0:
            events.append(data[start : stop + 2])
            start = stop + 2
        if start < len(data):
            self._hold(data[start:])
        return events

    def _hold(self, data: bytes) -> None:
        self._held += data
        self._scanned = 0
        self._check_size()

    def _check_size(self) -> None:
        if len(self._held) > EVENT_BYTES_MAX:
            raise UpstreamError(f"an event of the stream is larger than {EVENT_BYTES_MAX} bytes")

    def rest(self) -> bytes:
        """What is left at the end: an event that no blank line has ended."""
        rest = bytes(self._held)
        self._held.clear()
        self._scanned = 0
        return rest


def _is_one_event(data: bytes) -> bool:
    """Whether bytes with CRLF are exactly one event: any other blank line holds one of these pairs, too."""
    return (
        data.endswith(b"\r\n\r\n")
        and data.find(b"\n\r") == len(data) - 3
        and b"\n\n" not in data
        and b"\r\r" not in data
    )


def data_of(event: bytes) -> bytes:
    """The data of one event: its data lines joined by LF; empty for comments."""
    if event.startswith(b"data: "):
        end = event.find(b"\n", 6)
        if end + 2 >= len(event) and b"\r" not in event:
            return event[6:end] if end >= 0 else event[6:]
        if end == len(event) - 3 and event.find(b"\r") == end - 1 and event.endswith(b"\r\n\r\n"):
            return event[6 : end - 1]
    lines: list[bytes] = []
    for line in _LINE_END.split(event.removeprefix(b"\xef\xbb\xbf")):
        name, _, value = line.partition(b":")
        if name == b"data":
            lines.append(value.removeprefix(b" "))
    return b"\n".join(lines)

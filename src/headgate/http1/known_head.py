"""Recognises a head that has come before on the same connection, so that it need not be parsed again.

Clients that keep a connection say the same head with each request: only the digits of `content-length`
change. A head that equals, byte for byte but for those digits, one that the parser took and `checks` let pass
means the same, with that length. Anything else goes to the parser; so does everything while it is not certain
that the parser stands between two messages.

Pure. Never here: connections, bodies. Read next: `inbound`, which asks this before it asks the parser.
"""

import re
from typing import Final

from headgate.core.fields import announced_bytes
from headgate.core.ports import Headers
from headgate.http1.inbound_exchange import InboundExchange, Line

_HEAD_BYTES_MAX: Final = 2048
"""Longer heads are not kept: a connection costs little memory even where there are thousands."""
_MISSES_MAX: Final = 4
"""After so many other heads in a row a client is not one that repeats itself, and no more is learned."""
_DIGITS_MAX: Final = 9
_LENGTH: Final = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,9})[ \t]*\r\n", re.IGNORECASE)


class KnownHead:
    """A head that was good: its bytes before and after the digits of its length, and what they mean."""

    __slots__ = ("_after", "_before", "_headers", "_index", "_length_at", "_method", "_target")

    def __init__(self, head: bytes, exchange: InboundExchange) -> None:
        length = _LENGTH.search(head)
        self._before = head if length is None else head[: length.start(1)]
        self._after = b"" if length is None else head[length.end(1) :]
        # Copies: a handler may do with its own what it likes.
        self._headers: Headers = exchange.headers.copy()
        self._index = exchange.index.copy()
        self._method = exchange.method
        self._target = exchange.path, exchange.query
        names = [name for name, _ in self._headers]
        self._length_at = -1 if length is None else names.index(b"content-length")

    def read(self, data: bytes) -> tuple[int, bytes] | None:
        """Return where the head ends in `data` and the digits of its length; None for another head."""
        before = self._before
        if not data.startswith(before):
            return None
        if self._length_at < 0:
            return len(before), b"0"
        begin = len(before)
        end = data.find(b"\r", begin, begin + _DIGITS_MAX + 1)
        digits = data[begin:end]
        # Only where nothing but digits stands between them do the two parts make the head that was good.
        if end < 0 or not digits.isdigit() or not data.startswith(self._after, end):
            # A blank after the digits belongs to `after`; such clients are rare, and go to the parser.
            return None
        return end + len(self._after), digits

    def exchange(self, line: Line, digits: bytes) -> InboundExchange:
        """Return a new exchange with this head and that length."""
        headers = self._headers.copy()
        index = self._index.copy()
        if self._length_at >= 0:
            headers[self._length_at] = (b"content-length", digits)
            index[b"content-length"] = digits
        return InboundExchange(line, self._method, self._target, headers, index)


class HeadMemory:
    """What a connection remembers: the last good head, and whether its parser stands between two messages."""

    __slots__ = ("_due_bytes", "_misses", "between", "known")

    def __init__(self) -> None:
        self.known: KnownHead | None = None
        self.between = True
        """Whether all that the parser was fed were whole messages. Once in doubt, it stays in doubt."""
        self._due_bytes = 0
        self._misses = 0

    def matched(self, hit: bool) -> None:
        """Count how well the memory serves."""
        self._misses = 0 if hit else self._misses + 1

    def fed(self, data: bytes, exchange: InboundExchange | None, *, complete: bool) -> None:
        """Note what the parser was fed, the one exchange whose head was in it, and if all of it was."""
        if self.between:
            self.between = False
            if exchange is not None and _is_plain(exchange, data):
                self._note(data, exchange)
        elif self._due_bytes > 0:
            self._due_bytes -= len(data)
            self.between = complete and self._due_bytes == 0

    def _note(self, data: bytes, exchange: InboundExchange) -> None:
        end = data.find(b"\r\n\r\n") + 4
        length = exchange.index.get(b"content-length")
        due_bytes = end + announced_bytes(length or b"0") - len(data)
        if due_bytes < 0:
            return  # more than this one request was in it
        self.between = due_bytes == 0
        self._due_bytes = due_bytes
        head = data[:end]
        # The parser takes spellings of a length that are not looked for here. A head that has one would be
        # known as a head without a body, and its body be read as the next request.
        if end <= _HEAD_BYTES_MAX and self._misses < _MISSES_MAX and _length_in(head) == length:
            known = KnownHead(head, exchange)
            self.known = known if known.read(data) is not None else None


def _length_in(head: bytes) -> bytes | None:
    """Return the digits of the length that can be found in a head."""
    found = _LENGTH.search(head)
    return None if found is None else found[1]


def _is_plain(exchange: InboundExchange, data: bytes) -> bool:
    """Say whether nothing but `content-length` frames the request, and `data` begins with its head."""
    return (
        exchange.refusal is None
        and exchange.keeps
        and not exchange.expects
        and b"transfer-encoding" not in exchange.index
        and data.startswith(exchange.method.encode("ascii") + b" ")
    )

"""Writes the head of an answer to a client, and refuses what could smuggle a second answer into it.

Pure. Framing and the end of the connection are the caller's to decide (`inbound_exchange`); here are the
status line, the fields and the check of them.
"""

import http
from collections.abc import Sequence
from typing import Final

from headgate.core.faults import Fault
from headgate.http1.checks import Refusal

WITHOUT_BODY: Final = frozenset({204, 304})
"""Statuses whose answers have no body, whatever their fields say. Source: RFC 9110, 6.4.1."""

CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
CLOSE: Final = b"connection: close\r\n"
CHUNKED: Final = b"transfer-encoding: chunked\r\n"
LAST_CHUNK: Final = b"0\r\n\r\n"

_JOINED: Final = b": ".join
_JSON: Final = (b"content-type", b"application/json")


def _phrase(status: int) -> bytes:
    try:
        return http.HTTPStatus(status).phrase.encode("ascii")
    except ValueError:
        return b""


_STATUS_LINES: Final = {status: b"HTTP/1.1 %d %b" % (status, _phrase(status)) for status in range(100, 600)}


def answer_head(status: int, headers: Sequence[tuple[bytes, bytes]]) -> bytes:
    """Return the status line and the fields, each with its line end, without the blank line after them.

    Raises Fault for a status outside of 100 to 599, or a field with CR, LF or NUL in it: such a field could
    end the head early, and what follows would count as another answer.
    """
    line = _STATUS_LINES.get(status)
    if line is None:
        raise Fault(f"status {status} is none of HTTP's")
    fields = [*map(_JOINED, headers)]
    # One look at all fields costs less than one at each; by number, since a search for bytes is slower.
    together = b"".join(fields)
    if 13 in together or 10 in together or 0 in together:
        raise Fault(f"the answer's field {_broken(headers)} holds CR, LF or NUL")
    return b"\r\n".join([line, *fields, b""])


def refused_answer(refusal: Refusal, date: bytes, *, bodiless: bool) -> bytes:
    """Return the whole answer to a request that no handler gets to see; the connection ends after it."""
    body = refusal.body()
    head = answer_head(refusal.status, (_JSON, *refusal.headers))
    shown = b"" if bodiless else body
    return b"%b%b%bcontent-length: %d\r\n\r\n%b" % (head, date, CLOSE, len(body), shown)


def _broken(headers: Sequence[tuple[bytes, bytes]]) -> str:
    for name, value in headers:
        if any(byte in name + value for byte in b"\r\n\0"):
            return repr(name.decode("latin-1"))
    return "?"

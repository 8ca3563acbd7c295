"""Writes the head of a request, and refuses what could smuggle a second one into it.

Pure. Framing (`content-length`, `transfer-encoding`) and the connection are this package's: such fields of
the caller are left out. Read next: `connection`, which sends what is made here.
"""

import re
from typing import Final

from headgate.core.faults import InvalidRequest
from headgate.core.ports import Origin, Outgoing

_TOKEN: Final = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_OURS: Final = frozenset(
    {
        b"connection",
        b"content-length",
        b"keep-alive",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_KNOWN_NAMES_MAX: Final = 1024
_HEADS_MAX: Final = 128
_HEAD_BREAKERS: Final = re.compile(rb"[\x00-\x20\x7f]")


def host_field(origin: Origin) -> bytes:
    """Return the value of `host` for an origin: without the port where it is the scheme's own.

    Raises InvalidRequest for a host name that can't be written in ASCII.
    """
    if origin.scheme == "unix":
        return b"localhost"
    host = authority_host(origin.host)
    if origin.port == _DEFAULT_PORTS.get(origin.scheme):
        return host
    return b"%b:%d" % (host, origin.port)


def authority_host(host: str) -> bytes:
    """Return a host as it stands in a URL: brackets around IPv6, IDNA for other than ASCII."""
    try:
        written = host.encode("ascii") if host.isascii() else host.encode("idna")
    except UnicodeError:
        raise InvalidRequest(f"{host!r} is no host name; correct the provider's base_url") from None
    if not written or _HEAD_BREAKERS.search(written):
        raise InvalidRequest(f"{host!r} is no host name; correct the provider's base_url")
    return b"[%b]" % written if b":" in written else written


class HeadWriter:
    """Writes request heads for one origin. `target_prefix` makes targets absolute for a plain proxy."""

    __slots__ = ("_extra", "_heads", "_host", "_known_names", "_target_prefix")

    def __init__(self, origin: Origin, *, target_prefix: bytes = b"", extra: bytes = b"") -> None:
        self._host = host_field(origin)
        self._target_prefix = target_prefix
        self._extra = extra
        self._known_names: set[bytes] = set()
        self._heads: dict[tuple[str, bytes, tuple[tuple[bytes, bytes], ...]], bytes] = {}

    def write(self, outgoing: Outgoing) -> bytes:
        """Return the head of `outgoing`, with the blank line that ends it.

        Raises InvalidRequest where the method, the target or a header field would break the head.
        """
        said = (outgoing.method, outgoing.target, tuple(outgoing.headers))
        head = self._heads.get(said)
        if head is None:
            head = self._write(outgoing)
            if len(self._heads) >= _HEADS_MAX:
                self._heads.clear()
            self._heads[said] = head
        return b"%b%b\r\n" % (head, _framing(outgoing))

    def _write(self, outgoing: Outgoing) -> bytes:
        """Return all of the head but the framing: the same for calls that say the same."""
        method = outgoing.method
        if method not in _METHODS:
            raise InvalidRequest(f"method {method!r} is not sent; use one of {', '.join(sorted(_METHODS))}")
        target = outgoing.target
        if target[:1] != b"/" or _HEAD_BREAKERS.search(target):
            raise InvalidRequest(
                f"target {target[:100]!r} is no path; it starts with '/' and holds no space or control byte"
            )
        lines = [b"%b %b%b HTTP/1.1" % (method.encode("ascii"), self._target_prefix, target)]
        has_host = False
        known = self._known_names
        for name, value in outgoing.headers:
            if name not in known:
                name = self._checked(name)
            if name in _OURS:
                continue
            if name == b"host":
                if has_host:
                    raise InvalidRequest("host is set twice; set it once", parameter="host")
                has_host = True
            lines.append(b"%b: %b" % (name, value))
        if not has_host:
            lines.insert(1, b"host: " + self._host)
        head = b"\r\n".join(lines)
        # One look at the whole head costs less than one at each value: a clean head holds exactly the line
        # ends that were just put there.
        ends = len(lines) - 1
        if head.count(b"\r") != ends or head.count(b"\n") != ends or 0 in head:
            raise InvalidRequest(f"{_broken_field(outgoing)} holds CR, LF or NUL; take it out")
        return b"%b%b\r\n" % (head, self._extra)

    def _checked(self, name: bytes) -> bytes:
        if not _TOKEN.fullmatch(name):
            raise InvalidRequest(f"{name[:100]!r} is no header name; use letters, digits and '-'")
        lower = name.lower()
        if lower == name and len(self._known_names) < _KNOWN_NAMES_MAX:
            self._known_names.add(name)
        return lower


def _framing(outgoing: Outgoing) -> bytes:
    body = outgoing.body
    if isinstance(body, bytes):
        if body or outgoing.method in ("POST", "PUT", "PATCH"):
            return b"content-length: %d\r\n" % len(body)
        return b""
    if outgoing.content_length is None:
        return b"transfer-encoding: chunked\r\n"
    if outgoing.content_length < 0:
        raise InvalidRequest(f"content_length is {outgoing.content_length}; it can't be negative")
    return b"content-length: %d\r\n" % outgoing.content_length


def _broken_field(outgoing: Outgoing) -> str:
    for name, value in outgoing.headers:
        if any(byte in value for byte in (b"\r", b"\n", b"\0")):
            return f"header field {name.decode('latin-1')!r}"
    return "the head of the request"

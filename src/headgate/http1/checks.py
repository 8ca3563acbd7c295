"""What a request's head must not be, beyond what the parser refuses by itself.

Pure. The parser (llhttp) refuses conflicting framing, bare line feeds, folded fields and NUL; a missing,
second or impossible Host, a second credential, codings other than chunked, size, methods and Upgrade are
refused here. Read next: `targets`, `inbound`.
"""

import re
from typing import Final

import msgspec

from headgate.core.ports import Headers
from headgate.http1.limits import ServerLimits

METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_HOST: Final = re.compile(
    rb"(?:\[[0-9A-Fa-f:.]+\]|(?:[0-9A-Za-z._~!$&'()*+;=-]|%[0-9A-Fa-f]{2})*)(?::[0-9]*)?"
)
"""RFC 3986, 3.2.2, without the comma: behind some proxies it joins two hosts."""
_HOST_BYTES_MAX: Final = 260
_SINGLE: Final = frozenset(
    {
        b"authorization",
        b"content-length",
        b"content-type",
        b"host",
        b"proxy-authorization",
        b"x-api-key",
        b"x-goog-api-key",
    }
)


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """A request refused by its head alone; the connection closes after it."""

    status: int
    message: str
    headers: tuple[tuple[bytes, bytes], ...] = ()

    def body(self) -> bytes:
        """Return the JSON that clients of any dialect can read."""
        return msgspec.json.encode(
            {
                "type": "error",
                "error": {
                    "message": self.message,
                    "type": "invalid_request_error",
                    "code": "request_too_large" if self.status in (413, 414, 431) else "invalid_request",
                    "param": None,
                    "status": "INVALID_ARGUMENT",
                },
            }
        )


MALFORMED: Final = Refusal(
    status=400, message="The request is not valid HTTP/1.1; check the client or the proxy."
)


_UPGRADE: Final = Refusal(
    status=400,
    message="Upgrade is not served; speak plain HTTP/1.1 (Java: HttpClient.Version.HTTP_1_1).",
)


def head_too_large(limits: ServerLimits) -> Refusal:
    """Return the refusal of a head beyond the limits."""
    return Refusal(
        status=431,
        message=f"The request's headers exceed {limits.header_bytes_max} bytes or "
        f"{limits.header_fields_max} fields; send fewer or shorter ones.",
    )


def target_too_long(limits: ServerLimits) -> Refusal:
    """Return the refusal of a request target beyond the limit."""
    return Refusal(
        status=414,
        message=f"The request's target exceeds {limits.target_bytes_max} bytes; send a shorter URL.",
    )


def refusal_of(method: str, http_version: str, headers: Headers, limits: ServerLimits) -> Refusal | None:
    """Return why a request is refused by its head, None where it is not. Names are in lower case."""
    if http_version not in ("1.1", "1.0"):
        return Refusal(status=505, message=f"HTTP/{http_version} is not spoken here; use HTTP/1.1.")
    if len(headers) > limits.header_fields_max:
        return head_too_large(limits)
    size = 0
    seen = 0
    names: set[bytes] = set()
    for name, value in headers:
        size += len(name) + len(value) + 4
        if name in _SINGLE:
            seen += 1
            names.add(name)
            if name == b"host" and not is_host(value):
                return Refusal(status=400, message="Host is not a host with an optional port.")
        elif name == b"transfer-encoding":
            if http_version != "1.1" or value.lower() != b"chunked" or name in names:
                return _coding_refusal(http_version)
            names.add(name)
            seen += 1
        elif name == b"upgrade":
            return _UPGRADE
    if size > limits.header_bytes_max:
        return head_too_large(limits)
    if seen != len(names):
        return Refusal(status=400, message=f"{_repeated(headers)} is set twice; send it once.")
    if b"host" not in names and http_version == "1.1":
        return Refusal(status=400, message="Host is missing; HTTP/1.1 requires it.")
    if method not in METHODS:
        allowed = ", ".join(sorted(METHODS))
        return Refusal(
            status=405,
            message=f"Method {method} is not served; use one of {allowed}.",
            headers=((b"allow", allowed.encode("ascii")),),
        )
    return None


def is_host(value: bytes) -> bool:
    """Return whether a value of Host is one. Source: RFC 9112, 3.2."""
    return len(value) <= _HOST_BYTES_MAX and _HOST.fullmatch(value) is not None


def _coding_refusal(http_version: str) -> Refusal:
    if http_version != "1.1":
        return Refusal(status=400, message="Transfer-Encoding needs HTTP/1.1; send Content-Length.")
    return Refusal(
        status=400, message="Transfer-Encoding is understood as `chunked` alone, once; send that or a length."
    )


def _repeated(headers: Headers) -> str:
    names = [name for name, _ in headers if name in _SINGLE]
    twice = next(name for name in names if names.count(name) > 1)
    return twice.decode("ascii").title()

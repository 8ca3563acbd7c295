"""Which credential a request presents, from the places where SDKs put one. Pure.

Never checks the credential: that is `access.book`.
"""

import base64
import binascii
from urllib.parse import unquote_to_bytes

from headgate.core.faults import InvalidKey
from headgate.core.ports import Headers

PRESENTED_BYTES_MAX = 512

_BEARER = b"bearer "
_BASIC = b"basic "


def present(headers: Headers, query: bytes = b"", *, takes_basic: bool = False) -> bytes:
    """Return the credential of `Authorization: Bearer`, `x-api-key`, `x-goog-api-key` or `?key=`.

    With `takes_basic` also the password of `Authorization: Basic`, else its user: so exporters send keys.
    Raises InvalidKey when there is none, when two places name different ones, when Authorization is sent
    twice, or when its scheme is not Bearer. The same credential in several places is fine.
    """
    found: bytes | None = None
    authorizations = 0
    for name, value in headers:
        if name == b"authorization":
            authorizations += 1
            password = _password(value) if takes_basic else None
            candidate = _bearer(value) if password is None else password
        elif name in (b"x-api-key", b"x-goog-api-key"):
            candidate = value.strip()
        else:
            continue
        if candidate:
            found = _agreed(found, candidate)
    if authorizations > 1:
        raise InvalidKey("Authorization is sent twice; send it once")
    if query and b"key=" in query:
        for pair in query.split(b"&"):
            if pair.startswith(b"key="):
                found = _agreed(found, unquote_to_bytes(pair[4:].replace(b"+", b" ")).strip())
    if not found:
        raise InvalidKey(
            "no key was sent; send it as `Authorization: Bearer`, `x-api-key`, `x-goog-api-key` or `?key=`"
        )
    if len(found) > PRESENTED_BYTES_MAX:
        raise InvalidKey(f"the key has more than {PRESENTED_BYTES_MAX} bytes; it can be none of this server")
    return found


def _bearer(value: bytes) -> bytes:
    stripped = value.strip()
    if stripped[:7].lower() == _BEARER:
        return stripped[7:].strip()
    if stripped.lower() == b"bearer" or not stripped:
        return b""
    raise InvalidKey("Authorization has another scheme than Bearer; write `Authorization: Bearer KEY`")


def _agreed(found: bytes | None, candidate: bytes) -> bytes | None:
    if not candidate:
        return found
    if found is not None and found != candidate:
        raise InvalidKey("two different keys were sent in one request; send one")
    return candidate


def _password(value: bytes) -> bytes | None:
    stripped = value.strip()
    if stripped[:6].lower() != _BASIC:
        return None
    try:
        user, _, password = base64.b64decode(stripped[6:].strip(), validate=True).partition(b":")
    except binascii.Error:
        raise InvalidKey(
            "Authorization: Basic is no base64; write base64(NAME:KEY), or `Authorization: Bearer KEY`"
        ) from None
    return password or user

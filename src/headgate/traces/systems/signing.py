"""Whether a body was signed with a secret that is known, and of late. Pure.

Compares in constant time, and says of a signature that does not fit no more than that.
Read next: `systems.http`.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Final

from headgate.core.faults import InvalidKey
from headgate.core.secret import Secret
from headgate.traces.systems.model import BusinessSystem

STANDARD_PREFIX: Final = "whsec_"
DIGEST_BYTES: Final = 32
_SIGNATURES_MAX: Final = 8


def check_signature(
    system: BusinessSystem,
    secrets: Sequence[Secret],
    headers: Mapping[str, str],
    body: bytes,
    *,
    now_s: float,
) -> None:
    """Raise InvalidKey unless a body bears a signature by one of the secrets, made within the tolerance."""
    stated = headers.get(system.header, "")
    if not stated:
        raise InvalidKey(f"the header {system.header} is missing; it bears the signature")
    match system.signature:
        case "timestamped":
            parts = [part.strip().partition("=") for part in stated.split(",")]
            sent = next((value for name, _, value in parts if name == "t"), "")
            signatures = [_digest(value) for name, _, value in parts if name == "v1"]
            signed = f"{sent}.".encode() + body
            _check_time(system, sent, now_s)
        case "standard-webhooks":
            sent, identity = headers.get("webhook-timestamp", ""), headers.get("webhook-id", "")
            split = [part.partition(",") for part in stated.split()]
            signatures = [_digest(value) for version, _, value in split if version == "v1"]
            signed = f"{identity}.{sent}.".encode() + body
            _check_time(system, sent, now_s)
        case "body":
            signatures = [_digest(stated.removeprefix("sha256="))]
            signed = body
    keys = [_key(system, secret) for secret in secrets]
    made = [hmac.digest(key, signed, "sha256") for key in keys if key]
    fits = False
    for signature in signatures[:_SIGNATURES_MAX]:
        for digest in made:
            fits |= hmac.compare_digest(signature, digest)
    if not fits:
        raise InvalidKey(
            f"the signature in {system.header} fits no secret of {system.name}; sign the body as it is "
            "sent, byte for byte, with the secret that headgate.toml names"
        )


def digest_of(body: bytes) -> bytes:
    """What a body is known again by."""
    return hashlib.sha256(body).digest()


def _check_time(system: BusinessSystem, sent: str, now_s: float) -> None:
    if not (sent.isascii() and sent.isdigit() and len(sent) <= 12):
        raise InvalidKey("the signature has no time in seconds since 1970; send it as it was signed")
    away_s = abs(int(sent) - now_s)
    if away_s > system.tolerance_s:
        raise InvalidKey(
            f"the signature's time is {away_s:.0f} s away from this server's clock, where "
            f"{system.tolerance_s:.0f} s are allowed; sign it anew, and check both clocks"
        )


def _key(system: BusinessSystem, secret: Secret) -> bytes:
    text = secret.reveal()
    if system.signature != "standard-webhooks":
        return text.encode()
    try:
        return base64.b64decode(text.removeprefix(STANDARD_PREFIX), validate=True)
    except binascii.Error:
        return b""


def _digest(text: str) -> bytes:
    """Read a digest in hex or base64; empty where it is neither, which fits nothing."""
    try:
        found = (
            bytes.fromhex(text) if len(text) == 2 * DIGEST_BYTES else base64.b64decode(text, validate=True)
        )
    except ValueError:
        return b""
    return found if len(found) == DIGEST_BYTES else b""

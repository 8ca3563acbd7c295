"""The text of a key: made, taken apart, checked for typing errors. Pure.

A key is `hg_<id>_<secret><check>`: 12 characters of id, 33 of secret (196 bits), 6 of check digits over all
that comes before them, all letters and digits, so that one regular expression finds a leaked key. The check
only tells a mistyped or truncated key from an unknown one; what authenticates is the digest.
Never here: tables of keys (`access.book`), the database (`access.store`).
"""

import hashlib
import re
import zlib
from collections.abc import Callable

import msgspec

from headgate.access.model import Key
from headgate.core.faults import InvalidKey, InvalidRequest
from headgate.core.secret import Secret

PREFIX = "hg_"
ID_CHARACTERS = 12
SECRET_CHARACTERS = 33
CHECK_CHARACTERS = 6
KEY_CHARACTERS = len(PREFIX) + ID_CHARACTERS + 1 + SECRET_CHARACTERS + CHECK_CHARACTERS

ID_FROM = len(PREFIX)
ID_TO = ID_FROM + ID_CHARACTERS

FREE_TEXT_CHARACTERS_MIN = 24
ADMIN_ID = "admin"
ADMIN_NAME = "HEADGATE_ADMIN_KEY"

_ID_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SHAPE = re.compile(
    rf"{PREFIX}[0-9a-z]{{{ID_CHARACTERS}}}_[0-9A-Za-z]{{{SECRET_CHARACTERS + CHECK_CHARACTERS}}}"
)

RandomBytes = Callable[[int], bytes]
"""Such as `secrets.token_bytes`: that many bytes from a source fit for secrets."""


class MintedKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key just made. The text is shown once, and only its digest is kept."""

    id: str
    text: Secret
    digest: bytes


def mint(random_bytes: RandomBytes, identity: str | None = None) -> MintedKey:
    """Make a new key text with its digest from a source of random bytes: of a new id, or of that one."""
    if identity is None:
        identity = _digits(int.from_bytes(random_bytes(8), "big"), _ID_ALPHABET, ID_CHARACTERS)
    # Two bytes more than the digits hold keep the bias of the remainder below 2^-16.
    secret = _digits(int.from_bytes(random_bytes(27), "big"), _ALPHABET, SECRET_CHARACTERS)
    body = f"{PREFIX}{identity}_{secret}"
    text = body + check_digits(body)
    return MintedKey(id=identity, text=Secret(text), digest=digest_of(text.encode()))


def parse(presented: bytes) -> str:
    """Return the id of a well-formed key text.

    Raises InvalidKey that says if the text is no key, cut short, too long or mistyped, without showing it.
    """
    text = presented.decode("ascii", errors="replace")
    if not text.startswith(PREFIX):
        raise InvalidKey("the key is not one of this server: its keys begin with hg_")
    if len(text) < KEY_CHARACTERS:
        raise InvalidKey(
            f"the key is cut short: it has {len(text)} of {KEY_CHARACTERS} characters; copy it whole"
        )
    if len(text) > KEY_CHARACTERS:
        raise InvalidKey(
            f"the key has {len(text)} characters, {len(text) - KEY_CHARACTERS} too many; copy it "
            "without what stands around it"
        )
    if not _SHAPE.fullmatch(text) or check_digits(text[:-CHECK_CHARACTERS]) != text[-CHECK_CHARACTERS:]:
        raise InvalidKey("the key is mistyped: its check digits do not fit; copy it again")
    return text[ID_FROM:ID_TO]


def digest_of(presented: bytes) -> bytes:
    """Return the SHA-256 digest under which a key is kept."""
    return hashlib.sha256(presented).digest()


def display_prefix(identity: str) -> str:
    """Return what may be shown of a key in lists and messages: `hg_<id>`, or the name of a free text."""
    return PREFIX + identity if len(identity) == ID_CHARACTERS else identity


def check_digits(body: str) -> str:
    """Return six digits to base 62 of the CRC-32 of what comes before them."""
    return _digits(zlib.crc32(body.encode()), _ALPHABET, CHECK_CHARACTERS)


def admin_key(text: str, *, now_ms: int) -> Key:
    """Return the admin key of a text that the operator chose. Its id is `admin` whatever the text, so that a
    new text takes the place of the one before.

    Raises InvalidRequest when it is shorter than 24 characters or holds what no header can carry.
    """
    if len(text) < FREE_TEXT_CHARACTERS_MIN or not text.isascii() or not text.isprintable() or " " in text:
        raise InvalidRequest(
            f"an admin key needs {FREE_TEXT_CHARACTERS_MIN} or more printable ASCII characters, no spaces",
            parameter="admin_key",
        )
    return Key(
        id=ADMIN_ID,
        name=ADMIN_NAME,
        digest=digest_of(text.encode()),
        role="admin",
        may_assert=True,
        created_ms=now_ms,
    )


def _digits(number: int, alphabet: str, count: int) -> str:
    base = len(alphabet)
    digits: list[str] = []
    for _ in range(count):
        number, digit = divmod(number, base)
        digits.append(alphabet[digit])
    return "".join(reversed(digits))

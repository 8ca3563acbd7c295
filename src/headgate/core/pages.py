"""What lists of the control API look like: pages with an opaque cursor, instants as RFC 3339 text. Pure.

Never here: what a cursor means; each list packs what it sorts by. Read next: each slice's `http.py`.
"""

import base64
import binascii
from datetime import UTC, datetime
from typing import Generic, TypeVar, cast

import msgspec

from headgate.core.faults import InvalidRequest
from headgate.core.ports import Clock

Item = TypeVar("Item")
Cursor = TypeVar("Cursor")

LIMIT_DEFAULT = 50
LIMIT_MAX = 500
CURSOR_CHARACTERS_MAX = 1024

_PLACE_MAX = 2**63 - 1
_INSTANT_MS_MAX = 253_402_300_799_999


class Page(msgspec.Struct, Generic[Item], frozen=True, kw_only=True):
    """Some items of a list, and where the next page begins: null at the end."""

    items: list[Item]
    next: str | None = None


def encode_cursor(place: object) -> str:
    """Pack where a list goes on; any JSON value of ours."""
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).decode("ascii").rstrip("=")


def decode_cursor(text: str, expected: type[Cursor]) -> Cursor:
    """Unpack what `encode_cursor` made. Raises InvalidRequest for anything else."""
    refusal = InvalidRequest(
        "next is no cursor of this list; pass on what the page before said", parameter="next"
    )
    if len(text) > CURSOR_CHARACTERS_MAX:
        raise refusal
    try:
        packed = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
        place = msgspec.json.decode(packed, type=expected)
    except (UnicodeEncodeError, binascii.Error, msgspec.MsgspecError):
        raise refusal from None
    if not _is_ours(place):
        raise refusal
    return place


def _is_ours(place: object) -> bool:
    """Say whether the database can hold all of a place."""
    match place:
        case int():
            return 0 <= place <= _PLACE_MAX
        case str():
            return "\x00" not in place
        case tuple():
            return all(map(_is_ours, cast("tuple[object, ...]", place)))
        case _:
            return True


def format_ms(instant_ms: int) -> str:
    """Write Unix milliseconds as RFC 3339 in UTC, to the millisecond."""
    whole = datetime.fromtimestamp(instant_ms // 1000, UTC)
    return f"{whole:%Y-%m-%dT%H:%M:%S}.{instant_ms % 1000:03d}Z"


def now_of(clock: Clock) -> datetime:
    """Return a clock's time as statements and reports take it."""
    return datetime.fromtimestamp(clock.now_ms() / 1000, UTC)


def format_datetime(instant: datetime) -> str:
    """Write a point in time as RFC 3339 in UTC, to the millisecond."""
    return f"{instant.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{instant.microsecond // 1000:03d}Z"


def parse_instant_ms(text: str, parameter: str) -> int:
    """Read RFC 3339 text, which has to name its offset, as Unix milliseconds.

    Raises InvalidRequest that names the parameter.
    """
    try:
        instant = datetime.fromisoformat(text.strip())
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise InvalidRequest(
            f"{parameter} is {text[:64]!r}; write a time such as 2026-11-21T08:00:00Z", parameter=parameter
        )
    instant_ms = int(instant.timestamp() * 1000)
    if not 0 <= instant_ms <= _INSTANT_MS_MAX:
        raise InvalidRequest(f"{parameter} lies outside the years 1970 to 9999", parameter=parameter)
    return instant_ms

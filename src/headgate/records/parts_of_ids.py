"""A part of a request's id, as a log or a person cuts it: its beginning, its end, or both with dots between.

An id begins with its time (`core.identity`), so that a beginning is a range of ids and of days. Pure. Read
next: `records.picking`.
"""

import re
import uuid
from datetime import date
from typing import Final

import msgspec

from headgate.core.faults import InvalidRequest
from headgate.records.rows import day_of

DIGITS: Final = 32
END_DIGITS_MAX: Final = 12
"""So many, from the end, stand in the index of ends."""
DIGITS_MIN: Final = 6
_GAP: Final = re.compile(r"(?:…|\.{2,}|\*)")
_HEX: Final = re.compile(r"[0-9a-f]*")


class IdPart(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of an id: the least and the largest that begin so, with their days, and its last digits,
    from behind. `low` None: nothing of its beginning; `end` empty: nothing of its end."""

    low: uuid.UUID | None = None
    high: uuid.UUID | None = None
    low_day: date | None = None
    high_day: date | None = None
    end: str = ""

    @property
    def end_after(self) -> str:
        """The first text, in the order of bytes, after all that begin with `end`."""
        return self.end[:-1] + chr(ord(self.end[-1]) + 1) if self.end else ""


def parts_of(text: str) -> list[IdPart]:
    """Return what a text may mean: `0197a2f3…` a beginning, `…b4f29a1c` an end, `0197…9a1c` both, and without
    dots either. Raises InvalidRequest for a text that is no part of an id, or too short for one."""
    plain = text.strip().lower()
    pieces = [piece.replace("-", "") for piece in _GAP.split(plain)]
    digits = sum(map(len, pieces))
    if len(pieces) > 2 or digits > DIGITS or not all(_HEX.fullmatch(piece) for piece in pieces):
        raise _refusal(text, "is no part of a request's id")
    if digits < DIGITS_MIN:
        raise _refusal(text, f"is too short: {digits} digits")
    if len(pieces) == 2:
        return [_part(pieces[0], pieces[1])]
    if digits == DIGITS:
        return [_part(plain.replace("-", ""), "")]
    return [_part(pieces[0], ""), _part("", pieces[0])]


def _refusal(text: str, why: str) -> InvalidRequest:
    return InvalidRequest(
        f"id {text[:64]!r} {why}; write {DIGITS_MIN} or more of its first or last digits", parameter="id"
    )


def _part(begin: str, end: str) -> IdPart:
    low = high = None
    if begin:
        low, high = (uuid.UUID(begin.ljust(DIGITS, digit)) for digit in "0f")
    return IdPart(
        low=low,
        high=high,
        low_day=_day(low),
        high_day=_day(high),
        end=end[-END_DIGITS_MAX:][::-1],
    )


def _day(identity: uuid.UUID | None) -> date | None:
    """The day of an id; the last that there is of one beyond the calendar."""
    if identity is None:
        return None
    try:
        return day_of(identity)
    except ValueError:
        return date.max

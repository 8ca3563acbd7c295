"""Values and times as people, files, warehouses and other systems write them. Pure.

Every reader raises ValueError whose text goes after a field's name: what is wrong, and what to write instead.
Never guesses: a decimal comma is refused, for it might be a thousands separator. Read next: `core.pages`.
"""

import re
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Final, Literal

from headgate.core.pages import format_ms

AHEAD_MS_MAX: Final = 24 * 3_600_000
"""How far ahead of our clock a time may lie: other clocks are wrong by hours at most, not by years."""
EARLIEST_MS: Final = 946_684_800_000
"""The year 2000. What is said to be earlier is a date that was never set, such as 1970 or 1900."""
SHOWN_CHARACTERS_MAX: Final = 60

Wanted = Literal["any", "number", "yes-no", "text"]
"""What a value has to be."""

_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_COMMAS: Final = re.compile(r"[+-]?[0-9]+(?:[.,'\u00a0\u202f ][0-9]+)*,[0-9]+")
_ENDLESS: Final = re.compile(r"[+-]?(?:nan|inf|infinity)", re.IGNORECASE)
_WORDS: Final = {"yes": True, "true": True, "no": False, "false": False}
_EPOCH: Final = re.compile(r"[0-9]{10}|[0-9]{13}")
_SECONDS_BELOW: Final = 100_000_000_000


def shown(value: object) -> str:
    """Write a value in a message, cut where it is long."""
    text = repr(value)
    return text if len(text) <= SHOWN_CHARACTERS_MAX else f"{text[: SHOWN_CHARACTERS_MAX - 3]}..."


def read_value(value: object, wanted: Wanted = "any") -> bool | float | str:
    """Read yes or no, a number, or a text; texts that say a yes, a no or a number are read as such."""
    read = _plain(value) if wanted != "text" else _text(value)
    match wanted:
        case "number" if isinstance(read, (bool, str)):
            raise ValueError(f"is {shown(value)}, which is no number")
        case "yes-no" if isinstance(read, bool):
            return read
        case "yes-no" if isinstance(read, str) or read not in (0, 1):
            raise ValueError(f"is {shown(value)}; write yes or no, true or false, 1 or 0")
        case "yes-no":
            return bool(read)
        case _:
            return read


def _plain(value: object) -> bool | float | str:
    match value:
        case bool():
            return value
        case int() | float() | Decimal():
            return _finite(value)
        case str():
            return _of_text(value)
        case _:
            raise ValueError(f"is {_kind(value)}; write a number, yes or no, or a text")


def _of_text(value: str) -> bool | float | str:
    word = value.strip()
    if not word:
        raise ValueError("is empty; write a number, yes or no, or a text, or leave the line out")
    if word.lower() in _WORDS:
        return _WORDS[word.lower()]
    if _NUMBER.fullmatch(word):
        return _finite(float(word))
    if _ENDLESS.fullmatch(word):
        raise ValueError(f"is {shown(word)}, which is no number to count with; leave the line out")
    if _COMMAS.fullmatch(word):
        raise ValueError(f"is {shown(word)}; write numbers with a point and nothing else, such as 1234.5")
    return value


def _finite(value: float | Decimal) -> float:
    try:
        number = float(value)
    except (OverflowError, ValueError):
        number = float("inf")
    if number - number != 0:
        raise ValueError(f"is {shown(value)}, which is no number to count with; leave it out")
    return number


def _text(value: object) -> str:
    if isinstance(value, str) and value.strip():
        return value
    raise ValueError(f"is {shown(value) if isinstance(value, str) else _kind(value)}; write a text")


def read_word(value: object) -> str:
    """Read a name or an id: a text, or a whole number."""
    match value:
        case str():
            return value
        case int() if not isinstance(value, bool):
            return str(value)
        case _:
            raise ValueError(f"is {_kind(value)}; write a text")


def read_time(value: object, now_ms: int) -> str:
    """Read a time as RFC 3339: of ISO 8601, a date (midnight), or seconds or milliseconds since 1970.

    A time without an offset is UTC. Raises ValueError for one before 2000 or a day ahead of `now_ms`.
    """
    instant_ms = _instant_ms(value)
    check_time(instant_ms, now_ms)
    return format_ms(instant_ms)


def check_time(instant_ms: int, now_ms: int) -> None:
    """Raise ValueError for a time before the year 2000, or more than a day ahead of now."""
    if EARLIEST_MS <= instant_ms <= now_ms + AHEAD_MS_MAX:
        return
    when = "before the year 2000" if instant_ms < EARLIEST_MS else "more than a day ahead"
    raise ValueError(f"is {_year_and_on(instant_ms)}, {when}; write when it was so")


def _year_and_on(instant_ms: int) -> str:
    try:
        return format_ms(instant_ms)
    except (ValueError, OverflowError, OSError):
        return str(instant_ms)


def _instant_ms(value: object) -> int:
    refusal = ValueError(f"is {shown(value)}; write a time such as 2026-11-21T08:00:00Z")
    match value:
        case datetime():
            return _ms_of(value)
        case date():
            return _ms_of(datetime.combine(value, time()))
        case int() | float() if not isinstance(value, bool) and value - value == 0:
            return int(value * 1000) if abs(value) < _SECONDS_BELOW else int(value)
        case str() if _EPOCH.fullmatch(value.strip()):
            return _instant_ms(int(value))
        case str():
            try:
                return _ms_of(datetime.fromisoformat(value.strip()))
            except (ValueError, OverflowError):
                raise refusal from None
        case _:
            raise refusal


def _ms_of(instant: datetime) -> int:
    whole = instant if instant.tzinfo is not None else instant.replace(tzinfo=UTC)
    return int(whole.timestamp() * 1000)


def _kind(value: object) -> str:
    match value:
        case None:
            return "empty"
        case bool():
            return "yes or no"
        case int() | float() | Decimal():
            return "a number"
        case list() | tuple():
            return "a list"
        case dict():
            return "an object"
        case _:
            return f"a {type(value).__name__}"

"""A filter by what was said of traces, such as `csat>=4`, `helpful:false` or `outcome:resolved`. Pure.

Read next: `trace_scored` in `reading/queries.sql`, `traces.scores`.
"""

import math
import re
from typing import Any, Final

import msgspec

from headgate.core.faults import InvalidRequest
from headgate.traces.scores.model import NAME_CHARACTERS_MAX, Kind

_COMPARED: Final = re.compile(r"(?P<name>[^<>=]+)(?P<sign>>=|<=|>|<|=)(?P<value>.*)", re.DOTALL)
_SIGNS: Final = frozenset("<>=")
_TRUTHS: Final = {"true": 1.0, "yes": 1.0, "false": 0.0, "no": 0.0}


class ScoreFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which scores: of a name, of a kind, with a number from `low` to `high` (both count), or with a text."""

    name: str
    kind: Kind | None = None
    low: float | None = None
    high: float | None = None
    text: str | None = None

    def parameters(self) -> dict[str, Any]:
        """Return what `trace_scored` takes."""
        return {f"score_{name}": value for name, value in msgspec.structs.asdict(self).items()}


def read_score(text: str) -> ScoreFilter:
    """Read NAME, NAME:VALUE or NAME>=VALUE. Raises InvalidRequest that says what is wrong."""
    found = _COMPARED.fullmatch(text)
    name, sign, value = found.groups() if found else _named(text)
    name, value = name.strip(), value.strip()
    if not 0 < len(name) <= NAME_CHARACTERS_MAX or _SIGNS & set(name) or (sign and not value):
        raise _unclear(text)
    if not sign:
        return ScoreFilter(name=name)
    number = _number(value)
    if sign in (">", ">=", "<", "<="):
        if number is None:
            raise _unclear(text)
        return _compared(name, sign, number)
    if value.lower() in _TRUTHS:
        truth = _TRUTHS[value.lower()]
        return ScoreFilter(name=name, kind="boolean", low=truth, high=truth)
    if number is not None:
        return ScoreFilter(name=name, kind="number", low=number, high=number)
    return ScoreFilter(name=name, kind="text", text=value)


def _named(text: str) -> tuple[str, str, str]:
    name, sign, value = text.rpartition(":")
    return (name, sign, value) if sign else (value, "", "")


def _compared(name: str, sign: str, number: float) -> ScoreFilter:
    match sign:
        case ">":
            return ScoreFilter(name=name, kind="number", low=math.nextafter(number, math.inf))
        case ">=":
            return ScoreFilter(name=name, kind="number", low=number)
        case "<":
            return ScoreFilter(name=name, kind="number", high=math.nextafter(number, -math.inf))
        case _:
            return ScoreFilter(name=name, kind="number", high=number)


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _unclear(text: str) -> InvalidRequest:
    return InvalidRequest(
        f"score is {text[:64]!r}; write such as csat>=4, helpful:false, outcome:resolved, or a name alone",
        parameter="score",
    )

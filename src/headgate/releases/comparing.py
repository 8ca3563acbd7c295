"""How the calls of two releases differ: traffic, cost, latency, errors and tokens, each with intervals. Pure.

What a release's calls were is a sample, the newest first; the intervals say what such a sample can tell.
Never says that a release caused a difference: calls of two times differ in more than their release. Read
next: `releases.intervals`, `releases.comparison_http`.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from headgate.core.money import format_usd
from headgate.releases.intervals import (
    LEVEL,
    Interval,
    Moments,
    difference,
    mean_difference,
    mean_interval,
    quantile_interval,
    rate_difference,
    wilson,
)

Unit = Literal["share", "ms", "usd", "tokens", "calls_an_hour"]
HOURS_MAX = 24 * 366
CLIENT_CLOSED = 499
FEEDBACK = "none recorded"
"""What stands for feedback as long as nothing collects it."""


class CallSeen(msgspec.Struct, frozen=True, kw_only=True):
    """What is compared of a call. `cost_pico_usd` is None where no price is known."""

    started_at: datetime
    status: int
    duration_ms: int
    first_token_ms: int | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    cost_pico_usd: int | None = None

    @property
    def is_error(self) -> bool:
        """Whether the call failed; one that its client gave up did not."""
        return self.status >= 400 and self.status != CLIENT_CLOSED


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """An estimate with the interval around it; null where nothing bounds it. Money is in USD, as text."""

    value: float | str | None
    low: float | str | None
    high: float | str | None


class Measure(msgspec.Struct, frozen=True, kw_only=True):
    """One quantity before and after. `is_clear`: the interval of its change holds no zero."""

    name: str
    unit: Unit
    before: Estimate
    after: Estimate
    change: Estimate
    is_clear: bool
    calls_before: int
    calls_after: int
    sentence: str


class _Words(msgspec.Struct, frozen=True):
    """How a quantity is spoken of: its amounts, and what stands behind a change of it."""

    name: str
    unit: Unit
    amount: Callable[[float], str]


def compare(before: Sequence[CallSeen], after: Sequence[CallSeen]) -> list[Measure]:
    """Return every measure of two samples of calls, errors first; sentences say what is clear."""
    measures = [_errors(before, after), _traffic(before, after)]
    for words, values in (
        (_Words("cost a call", "usd", _usd), _costs),
        (_Words("input tokens a call", "tokens", _tokens), _inputs),
        (_Words("output tokens a call", "tokens", _tokens), _outputs),
    ):
        measures.append(_means(words, values(before), values(after)))
    for name, share, times in (
        ("median latency", 0.5, _durations),
        ("95th percentile of latency", 0.95, _durations),
        ("median time to first token", 0.5, _first_tokens),
        ("95th percentile of time to first token", 0.95, _first_tokens),
    ):
        one, other = sorted(times(before)), sorted(times(after))
        if one or other:
            measures.append(_quantiles(_Words(name, "ms", _ms), share, one, other))
    return measures


def _errors(before: Sequence[CallSeen], after: Sequence[CallSeen]) -> Measure:
    one = (sum(call.is_error for call in before), len(before))
    other = (sum(call.is_error for call in after), len(after))
    words = _Words("errors", "share", _points)
    sides = (wilson(*one), wilson(*other))
    return _measure(words, sides, rate_difference(one, other), (one[1], other[1]))


def _traffic(before: Sequence[CallSeen], after: Sequence[CallSeen]) -> Measure:
    """Calls by whole hours between the first call and the last: the edges don't count."""
    one, other = by_hour(before), by_hour(after)
    words = _Words("traffic", "calls_an_hour", _calls)
    moments = (Moments.of(one), Moments.of(other))
    return _measure(
        words,
        (mean_interval(moments[0]), mean_interval(moments[1])),
        mean_difference(*moments),
        (len(before), len(after)),
    )


def by_hour(calls: Sequence[CallSeen]) -> list[float]:
    """Return the number of calls of each whole hour that lies between the first and the last."""
    if not calls:
        return []
    starts = [call.started_at.replace(minute=0, second=0, microsecond=0) for call in calls]
    counts = Counter(starts)
    hour, last = min(starts) + timedelta(hours=1), max(starts)
    hours: list[float] = []
    while hour < last and len(hours) < HOURS_MAX:
        hours.append(counts[hour])
        hour += timedelta(hours=1)
    return hours


def _means(words: _Words, before: Sequence[float], after: Sequence[float]) -> Measure:
    moments = (Moments.of(before), Moments.of(after))
    return _measure(
        words,
        (mean_interval(moments[0]), mean_interval(moments[1])),
        mean_difference(*moments),
        (len(before), len(after)),
    )


def _quantiles(words: _Words, share: float, before: Sequence[float], after: Sequence[float]) -> Measure:
    sides = (quantile_interval(before, share), quantile_interval(after, share))
    change = difference(*sides)
    return _measure(words, sides, change, (len(before), len(after)))


def _measure(
    words: _Words, sides: tuple[Interval, Interval], change: Interval, counts: tuple[int, int]
) -> Measure:
    return Measure(
        name=words.name,
        unit=words.unit,
        before=_estimate(words.unit, sides[0]),
        after=_estimate(words.unit, sides[1]),
        change=_estimate(words.unit, change),
        is_clear=change.is_clear,
        calls_before=counts[0],
        calls_after=counts[1],
        sentence=_sentence(words, sides, change),
    )


def _sentence(words: _Words, sides: tuple[Interval, Interval], change: Interval) -> str:
    """Say in plain words how a quantity changed, as far as the sample can tell."""
    name, amount = words.name, words.amount
    if math.isnan(sides[0].estimate) or math.isnan(sides[1].estimate):
        return f"{name}: too few calls on one side to tell"
    was = f"from {_level(words, sides[0].estimate)} to {_level(words, sides[1].estimate)}"
    if math.isinf(change.low) or math.isinf(change.high) or math.isnan(change.estimate):
        return f"{name}: too few calls to tell ({was})"
    if not change.is_clear:
        if change.low == change.high == 0:
            return f"{name}: the same ({_level(words, sides[0].estimate)})"
        return (
            f"{name}: no clear change ({was}; between {amount(-change.low)} less and "
            f"{amount(change.high)} more)"
        )
    verb = "rose" if change.low > 0 else "fell"
    least, most = sorted((abs(change.low), abs(change.high)))
    by = amount(least) if least == most else f"{amount(least).partition(' ')[0]} to {amount(most)}"
    return f"{name} {verb} by {by} ({was})"


def _level(words: _Words, value: float) -> str:
    return f"{value * 100:.1f} %" if words.unit == "share" else words.amount(value)


def _estimate(unit: Unit, interval: Interval) -> Estimate:
    def edge(value: float) -> float | str | None:
        if math.isnan(value) or math.isinf(value):
            return None
        return format_usd(round(value)) if unit == "usd" else round(value, 6)

    return Estimate(value=edge(interval.estimate), low=edge(interval.low), high=edge(interval.high))


def _points(value: float) -> str:
    return f"{abs(value) * 100:.1f} points"


def _usd(value: float) -> str:
    """Three digits that count: an amount a call is small."""
    amount = abs(value) / 10**12
    if amount == 0:
        return "$0"
    places = max(2, 2 - math.floor(math.log10(amount)))
    return f"${amount:.{min(places, 12)}f}"


def _tokens(value: float) -> str:
    return f"{abs(value):.1f} tokens"


def _ms(value: float) -> str:
    return f"{abs(value):.0f} ms"


def _calls(value: float) -> str:
    return f"{abs(value):.1f} calls an hour"


def _costs(calls: Iterable[CallSeen]) -> list[float]:
    return [float(call.cost_pico_usd) for call in calls if call.cost_pico_usd is not None]


def _inputs(calls: Iterable[CallSeen]) -> list[float]:
    return [float(call.input_tokens) for call in calls if not call.is_error]


def _outputs(calls: Iterable[CallSeen]) -> list[float]:
    return [float(call.output_tokens) for call in calls if not call.is_error]


def _durations(calls: Iterable[CallSeen]) -> list[float]:
    return [float(call.duration_ms) for call in calls if not call.is_error]


def _first_tokens(calls: Iterable[CallSeen]) -> list[float]:
    return [float(call.first_token_ms) for call in calls if call.first_token_ms is not None]


METHOD = (
    f"{LEVEL * 100:.0f} % intervals over the newest calls of each release: rates by Newcombe 1998, means by "
    "Welch 1947, quantiles by binomial ranks (Conover 1999), their differences by Zou and Donner 2008. "
    "Latency and tokens count calls that did not fail. Calls of two times differ in more than their release."
)

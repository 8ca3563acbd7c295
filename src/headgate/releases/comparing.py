"""How the calls of two releases differ, and what was said of them, each quantity with intervals. Pure.

What a release's calls were is a sample, the newest first; the intervals say what such a sample can tell.
Never says that a release caused a difference: calls of two times differ in more than their release. Read
next: `releases.intervals`, `releases.comparison_http`.
"""

import math
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from headgate.core.entries import CLIENT_CLOSED
from headgate.core.money import format_usd
from headgate.releases.intervals import (
    LEVEL,
    Interval,
    Moments,
    difference,
    mean_difference,
    mean_interval,
    quantile_interval,
    share_difference,
    share_interval,
)

Unit = Literal["share", "ms", "usd", "tokens", "calls_an_hour", "score"]
ClusteredBy = Literal["user", "session"]
HOURS_MAX = 24 * 366
NAMES_MAX = 20
"""So many names of feedback are compared, the most frequent."""


class CallSeen(msgspec.Struct, frozen=True, kw_only=True):
    """What is compared of a call. `cost_pico_usd` is None where no price is known."""

    user: str = ""
    session: str = ""
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


class SaidOf(msgspec.Struct, frozen=True, kw_only=True):
    """Feedback on a release's calls: a number, or yes (1) and no (0)."""

    name: str
    value: float
    is_yes_no: bool
    user: str = ""
    session: str = ""


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """What there is of one release."""

    calls: Sequence[CallSeen]
    said: Sequence[SaidOf] = ()


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
    counted: str = "calls"


class _Values(msgspec.Struct, frozen=True):
    """Numbers of one side, and whose each is."""

    values: list[float]
    groups: list[Hashable]

    def moments(self) -> Moments:
        return Moments.of(self.values, self.groups)


class _Side:
    """One sample, each of its calls in the group that it belongs to."""

    def __init__(self, sample: Sample, by: ClusteredBy | None, place: str) -> None:
        self.calls = sample.calls
        self.said = sample.said
        self._by = by
        self._place = place
        self._groups = [self.group(call, number) for number, call in enumerate(sample.calls)]

    def group(self, one: CallSeen | SaidOf, number: int) -> Hashable:
        """A user or a session, on both sides the same; what is nobody's is by itself."""
        name = "" if self._by is None else one.user if self._by == "user" else one.session
        return name or (self._place, number)

    def of(self, pick: Callable[[CallSeen], float | None]) -> _Values:
        found = [
            (value, self._groups[n]) for n, call in enumerate(self.calls) if (value := pick(call)) is not None
        ]
        return _Values([value for value, _ in found], [group for _, group in found])

    def answers(self, name: str) -> _Values:
        found = [(each.value, self.group(each, n)) for n, each in enumerate(self.said) if each.name == name]
        return _Values([value for value, _ in found], [group for _, group in found])


def clustered_by(before: Sample, after: Sample) -> ClusteredBy | None:
    """Say by what calls are grouped: by user where both sides have several, else by session, else not."""
    kinds: tuple[tuple[ClusteredBy, Callable[[CallSeen], str]], ...] = (
        ("user", lambda call: call.user),
        ("session", lambda call: call.session),
    )
    for kind, named in kinds:
        if all(len({name for call in side.calls if (name := named(call))}) > 1 for side in (before, after)):
            return kind
    return None


def compare(before: Sample, after: Sample, by: ClusteredBy | None) -> list[Measure]:
    """Return every measure of two samples, errors and feedback first; sentences say what is clear.

    `by` is what `clustered_by` says of them.
    """
    one, other = _Side(before, by, "before"), _Side(after, by, "after")
    measures = [_shares(_Words("errors", "share", _points), one.of(_failed), other.of(_failed))]
    measures += _feedback(one, other)
    measures.append(_traffic(before.calls, after.calls))
    for words, pick in (
        (_Words("cost a call", "usd", _usd), _cost),
        (_Words("input tokens a call", "tokens", _tokens), _input),
        (_Words("output tokens a call", "tokens", _tokens), _output),
    ):
        measures.append(_means(words, one.of(pick), other.of(pick)))
    for name, share, pick in (
        ("median latency", 0.5, _duration),
        ("95th percentile of latency", 0.95, _duration),
        ("median time to first token", 0.5, _first_token),
        ("95th percentile of time to first token", 0.95, _first_token),
    ):
        sides = (one.of(pick), other.of(pick))
        if sides[0].values or sides[1].values:
            measures.append(_quantiles(_Words(name, "ms", _ms), share, *sides))
    return measures


def _feedback(before: _Side, after: _Side) -> list[Measure]:
    """Names that stand on both sides, the most frequent first."""
    counts = [Counter(each.name for each in side.said) for side in (before, after)]
    names = sorted(
        counts[0].keys() & counts[1].keys(), key=lambda name: (-(counts[0] + counts[1])[name], name)
    )
    measures: list[Measure] = []
    for name in names[:NAMES_MAX]:
        sides = (before.answers(name), after.answers(name))
        if all(each.is_yes_no for side in (before, after) for each in side.said if each.name == name):
            measures.append(_shares(_Words(f"feedback {name}", "share", _points, "answers"), *sides))
        else:
            measures.append(_means(_Words(f"feedback {name}", "score", _points_of_score, "answers"), *sides))
    return measures


def _shares(words: _Words, before: _Values, after: _Values) -> Measure:
    moments = (before.moments(), after.moments())
    sides = (share_interval(moments[0]), share_interval(moments[1]))
    return _measure(words, sides, share_difference(*moments), (len(before.values), len(after.values)))


def _traffic(before: Sequence[CallSeen], after: Sequence[CallSeen]) -> Measure:
    """Calls by whole hours between the first call and the last: the edges don't count."""
    words = _Words("traffic", "calls_an_hour", _calls)
    moments = (Moments.of(by_hour(before)), Moments.of(by_hour(after)))
    sides = (mean_interval(moments[0]), mean_interval(moments[1]))
    return _measure(words, sides, mean_difference(*moments), (len(before), len(after)))


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


def _means(words: _Words, before: _Values, after: _Values) -> Measure:
    moments = (before.moments(), after.moments())
    sides = (mean_interval(moments[0]), mean_interval(moments[1]))
    return _measure(words, sides, mean_difference(*moments), (len(before.values), len(after.values)))


def _quantiles(words: _Words, share: float, before: _Values, after: _Values) -> Measure:
    sides = (_quantile(before, share), _quantile(after, share))
    return _measure(words, sides, difference(*sides), (len(before.values), len(after.values)))


def _quantile(found: _Values, share: float) -> Interval:
    order = sorted(range(len(found.values)), key=found.values.__getitem__)
    ordered = [found.values[place] for place in order]
    return quantile_interval(ordered, share, groups=[found.groups[place] for place in order])


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
        return f"{name}: too few {words.counted} on one side to tell"
    was = f"from {_level(words, sides[0].estimate)} to {_level(words, sides[1].estimate)}"
    if math.isinf(change.low) or math.isinf(change.high) or math.isnan(change.estimate):
        return f"{name}: too few {words.counted} to tell ({was})"
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


def _points_of_score(value: float) -> str:
    return f"{abs(value):.2f} points"


def _failed(call: CallSeen) -> float:
    return float(call.is_error)


def _cost(call: CallSeen) -> float | None:
    return None if call.cost_pico_usd is None else float(call.cost_pico_usd)


def _input(call: CallSeen) -> float | None:
    return None if call.is_error else float(call.input_tokens)


def _output(call: CallSeen) -> float | None:
    return None if call.is_error else float(call.output_tokens)


def _duration(call: CallSeen) -> float | None:
    return None if call.is_error else float(call.duration_ms)


def _first_token(call: CallSeen) -> float | None:
    return None if call.first_token_ms is None else float(call.first_token_ms)


def method(by: ClusteredBy | None) -> str:
    """Say how intervals are made, and by what calls are grouped."""
    together = "Each call is taken as independent of the others."
    if by is not None:
        together = f"Calls of one {by} may resemble each other, and intervals allow for it."
    return (
        f"{LEVEL * 100:.0f} % intervals over the newest calls of each release: rates by Newcombe 1998 and "
        "Korn and Graubard 1998, means by Welch 1947 and Liang and Zeger 1986, quantiles by binomial ranks "
        "(Conover 1999, Woodruff 1952), their differences by Zou and Donner 2008. "
        f"{together} Latency and tokens count calls that did not fail. Calls of two times differ in more "
        "than their release."
    )

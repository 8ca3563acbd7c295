"""Units with calls that have no known price, or no tokens: left out where arms have as many of them. Pure.

Such calls would count as free. A unit with one is left out of what reads costs, which favours no arm while
the arms' rates of such units don't differ. Where they do for a time, as when a new target had no price yet,
all units that came in that time are left out, of every arm alike: so costs come back once prices are known.
Where they do all along, what is said of costs is withheld. All of it follows from which prices are missing,
and from no cost. Read next: `experiments.reading`, `experiments.reporting`.
"""

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, Literal

import msgspec
import numpy as np

from headgate.experiments.model import TOKENS, Experiment, Metric
from headgate.experiments.report import Comparison, MetricReport
from headgate.statistics.sequences import UNITS_LEAST

Lack = Literal["price", "tokens"]

NAMED: Final = 5
"""How many targets a sentence names."""
APART: Final = 3.5
"""From so many standard errors on, the arms' rates in a stretch of time are taken to differ: by chance
a given stretch is in one of two thousand, and some stretch or other of up to 32 steps in about one scan of a
hundred. What is left out for nothing costs its units, and nothing else."""
HOUR_S: Final = 3600
STEPS_MOST: Final = 32
"""With more, some stretch or other would seem to differ by chance."""
_WORDS: Final[dict[Lack, str]] = {
    "price": "have calls without a known price",
    "tokens": "have calls whose answers say no tokens",
}
_NEXT: Final[dict[Lack, str]] = {
    "price": "write it under [prices] in headgate.toml: units that come from then on count",
    "tokens": "have their provider say usage: units that come from then on count",
}

Came = Mapping[int, tuple[int, int]]
"""Of an arm, by step of time: how many complete units came, and how many of them lack something."""


class Lacking(msgspec.Struct, frozen=True, kw_only=True):
    """What of a metric's complete units is left out of it."""

    what: Lack
    units: dict[str, tuple[int, int]]
    """Of each arm, how many are complete, and how many of them lack it."""
    stretches: tuple[tuple[datetime, datetime], ...] = ()
    """From when to when all units are left out that came."""
    unequal: frozenset[str] = frozenset()
    """The arms that can't be compared with the baseline."""
    targets: dict[str, tuple[str, ...]] = {}
    """Of each arm, what has no price."""


def lacks_of(metric: Metric) -> tuple[Lack, ...]:
    """Return what calls may lack that a metric reads."""
    reads = {metric.measure, metric.per}
    lacks: tuple[Lack, ...] = ("price",) if "cost" in reads else ()
    return (*lacks, "tokens") if reads & TOKENS else lacks


def step_s(first_at: datetime, last_at: datetime) -> int:
    """Return by which steps of time units are looked at: hours at first, and twice as long whenever there are
    too many."""
    step = HOUR_S
    while (last_at - first_at).total_seconds() > STEPS_MOST * step:
        step *= 2
    return step


def lacking_of(
    experiment: Experiment,
    what: Lack,
    came: Mapping[str, Came],
    step: int,
    targets: Mapping[str, tuple[str, ...]],
) -> Lacking:
    """Return what is left out, and which arms can't be compared, of units by arm and step of time."""
    baseline = experiment.baseline.name
    base = came.get(baseline, {})
    out: set[int] = set()
    unequal: set[str] = set()
    for arm in experiment.arms[1:]:
        here = came.get(arm.name, {})
        apart = unequal_steps(base, here)
        if _is_comparable(base, here, apart):
            out |= apart
        else:
            unequal.add(arm.name)
    return Lacking(
        what=what,
        units={
            arm: (sum(units for units, _ in each.values()), sum(lacking for _, lacking in each.values()))
            for arm, each in came.items()
        },
        stretches=_stretches(out, step),
        unequal=frozenset(unequal),
        targets=dict(targets),
    )


def unequal_steps(one: Came, other: Came) -> set[int]:
    """Return the steps of time in which two arms' rates differ: the stretch in which they do most, then
    that of what is left, until none does.

    Source: Kulldorff, "A spatial scan statistic", Communications in Statistics 26(6), 1997, in time.
    """
    left = sorted({*one, *other})
    found: set[int] = set()
    while left:
        begin, end, apart = _most_apart([(*one.get(each, (0, 0)), *other.get(each, (0, 0))) for each in left])
        if apart < APART:
            break
        found.update(left[begin:end])
        del left[begin:end]
    return found


def _most_apart(counts: Sequence[tuple[int, int, int, int]]) -> tuple[int, int, float]:
    """The stretch of steps whose rates are the most standard errors apart."""
    sums = np.concatenate([np.zeros((1, 4)), np.cumsum(np.asarray(counts, dtype=np.float64), axis=0)])
    units, lacking, others, others_lacking = (
        sums[None, :, place] - sums[:, None, place] for place in range(4)
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = (lacking + others_lacking) / (units + others)
        error = np.sqrt(rate * (1 - rate) * (1 / units + 1 / others))
        apart = np.abs(lacking / units - others_lacking / others) / error
    apart[~np.isfinite(apart)] = 0.0
    apart = np.triu(apart)
    begin, end = divmod(int(apart.argmax()), apart.shape[1])
    return begin, end, float(apart[begin, end])


def _is_comparable(one: Came, other: Came, out: set[int]) -> bool:
    """Whether enough is left of two arms, where it is not as unequal as what was taken out.

    What is taken out of arms that differ all along are the steps in which they happen to do most.
    """
    left = [_counts(came, {*came} - out) for came in (one, other)]
    known = [units - lacking for units, lacking in left]
    if not out:
        return not (one and other) or all(known)
    if min(known) < UNITS_LEAST:
        return False
    gone = [_counts(came, out) for came in (one, other)]
    (apart, error), (apart_left, error_left) = _difference(*gone), _difference(*left)
    return abs(apart - apart_left) >= APART * math.hypot(error, error_left)


def _counts(came: Came, steps: set[int]) -> tuple[int, int]:
    """How many units came in some steps, and how many of them lack something."""
    told = [came[step] for step in steps if step in came]
    return sum(units for units, _ in told), sum(lacking for _, lacking in told)


def _difference(one: tuple[int, int], other: tuple[int, int]) -> tuple[float, float]:
    """How far the rates of two arms are apart, and the error of that, each with one unit more of either kind.

    Source: Agresti, Caffo, "Simple and effective confidence intervals for proportions and differences of
    proportions", The American Statistician 54(4), 2000.
    """
    rates = [(lacking + 1) / (units + 2) for units, lacking in (one, other)]
    errors = [
        math.sqrt(rate * (1 - rate) / (units + 2))
        for rate, (units, _) in zip(rates, (one, other), strict=True)
    ]
    return rates[0] - rates[1], math.hypot(*errors)


def _stretches(steps: set[int], step: int) -> tuple[tuple[datetime, datetime], ...]:
    found: list[tuple[int, int]] = []
    for place in sorted(steps):
        if found and found[-1][1] == place:
            found[-1] = (found[-1][0], place + 1)
        else:
            found.append((place, place + 1))
    return tuple([(_at(begin * step), _at(end * step)) for begin, end in found])


def _at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def with_lacking(experiment: Experiment, metric: MetricReport, lacking: Sequence[Lacking]) -> MetricReport:
    """Say what was left out of a metric; withhold what it says of arms that can't be compared by it."""
    notes = [*metric.notes]
    comparisons = metric.comparisons
    for each in lacking:
        told = [_words(each, arm.name) for arm in experiment.arms if arm.name in each.units]
        notes.append(f"left out: {' and '.join(told)} {_WORDS[each.what]}")
        notes += [
            f"left out of all arms: units that came from {begin:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC, "
            "when arms had such units at rates that differ"
            for begin, end in each.stretches
        ]
        comparisons = [
            Comparison(arm=one.arm, finding="none", units=one.units, note=_why(experiment, each, one.arm))
            if one.arm in each.unequal
            else one
            for one in comparisons
        ]
    return msgspec.structs.replace(metric, notes=notes, comparisons=comparisons)


def _why(experiment: Experiment, lacking: Lacking, arm: str) -> str:
    told = " and ".join([_words(lacking, name) for name in (arm, experiment.baseline.name)])
    return f"{told} {_WORDS[lacking.what]}, too unequal to leave them out; {_NEXT[lacking.what]}"


def _words(lacking: Lacking, arm: str) -> str:
    units, without = lacking.units.get(arm, (0, 0))
    return f"{without} of {units} units of {arm}{named_targets(lacking.targets.get(arm, ()))}"


def named_targets(targets: Sequence[str]) -> str:
    """Return the first of some targets in brackets, after a space; nothing where there are none."""
    more = ", ..." if len(targets) > NAMED else ""
    return f" ({', '.join(targets[:NAMED])}{more})" if targets else ""

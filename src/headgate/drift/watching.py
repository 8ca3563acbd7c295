"""What a watch knows: first what is usual, then how much speaks for a change. Frozen states; pure.

A watch sees one thing (a canary at a target, or one target's live traffic) through several signals, each a
value from 0 to 1. The first values are the reference; from then on each signal and side has a detector, and
their mean is the watch's evidence: it holds however the signals depend on one another. Never decides what to
do about an alarm. Read next: `drift.findings`, `statistics.detectors`.
"""

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Final, Literal

import msgspec

from headgate.core.faults import InvalidRequest
from headgate.drift.model import DriftRule, Side, Signal, scaled
from headgate.statistics.detectors import MeanDetector
from headgate.statistics.model import Interval
from headgate.statistics.multiplicity import combined_evidence
from headgate.statistics.proportions import exact
from headgate.statistics.sequences import betting
from headgate.statistics.wordings import HALF_LEAST, Wording, distance, summed, unusual

REFERENCE_ERROR: Final = 0.05
"""The chance that any end of the reference's intervals is wrong; shared by all signals of a watch."""

REFERENCE_LEAST: Final = 20
"""Values without which a signal is not watched."""

BASELINE_MOST: Final = 0.95
"""A mean that may be larger leaves no room to see it rise."""

ALIKE_LEAST: Final = 2
"""Answers to a case, of the reference's first quarter, without which it is held against those to all."""

CASES_APART_MAX: Final = 40
"""So many cases have a usual wording of their own."""

Phase = Literal["reference", "watching", "alarmed"]


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """One answer, or one period of many: shares from 0 to 1, and amounts of 0 or more in their own units.

    `answer` tells one answer from another.
    """

    values: dict[Signal, float]
    amounts: dict[Signal, float] = {}
    case: str = ""
    answer: str = ""
    wording: Wording = ()
    """Of the answer, or the mean of several: what it is made of (`statistics.wordings`)."""


class Usual(msgspec.Struct, frozen=True, kw_only=True):
    """The sum of the wordings of so many answers."""

    sum: Wording = ()
    answers: int = 0

    def plus(self, wording: Wording) -> "Usual":
        """Return it with one more."""
        return Usual(sum=summed(self.sum, wording), answers=self.answers + 1)


class Lookout(msgspec.Struct, frozen=True, kw_only=True):
    """A signal that is watched for one side."""

    signal: Signal
    side: Side
    detector: MeanDetector

    def value_of(self, value: float) -> float:
        """Return a value as the detector takes it: one that falls is one whose rest rises."""
        return value if self.side == "up" else 1 - value


class Watch(msgspec.Struct, frozen=True, kw_only=True):
    """What is known so far. `reference` is how many values say what is usual."""

    reference: int
    gathered: dict[Signal, tuple[float, ...]] = {}
    amounts: dict[Signal, tuple[float, ...]] = {}
    """Of the reference's first quarter, whose medians are the halves."""
    halves: dict[Signal, float] = {}
    """Where each amount is a half on its scale from 0 to 1."""
    answers: dict[str, tuple[str, ...]] = {}
    """Answers of the reference's first half, by case."""
    wordings: dict[str, Usual] = {}
    """Of the reference's first quarter, by case, and of all cases together (an empty name)."""
    apart: tuple[float, ...] = ()
    """How far those of the second quarter are from them."""
    apart_half: float = 0.0
    """Their median: where a distance is a half on its scale from 0 to 1."""
    seen: int = 0
    lookouts: tuple[Lookout, ...] = ()
    shared: int = 1
    """The most watches that have shared the promise since its evidence began."""
    is_alarmed: bool = False
    note: str = ""

    @property
    def phase(self) -> Phase:
        """Whether it still learns what is usual, watches, or waits for somebody to look at its alarm."""
        if self.is_alarmed:
            return "alarmed"
        return "watching" if self.lookouts else "reference"

    @property
    def evidence(self) -> float:
        """How much speaks for a change."""
        if not self.lookouts:
            return 0.0
        return combined_evidence([each.detector.evidence for each in self.lookouts])


class Promise(msgspec.Struct, frozen=True, kw_only=True):
    """How often a watch may be wrong: its share of what all of `watches` may be together.

    The evidence of a watch without a change is on average at most the number of its values so far. So with an
    alarm at `run_length` values it is wrong at most once in that many, which is `days` times `watches` days.
    Where watches come and go, `watches` is the most that there were since the watch's evidence began
    (`sharing`): what it gathered while many shared is worth no more when few are left.
    """

    rule: DriftRule
    watches: int
    values_a_day: float

    @property
    def run_length(self) -> float:
        """The evidence that is an alarm."""
        return max(1.0, self.rule.days * self.watches * self.values_a_day)

    def bar_of(self, watch: Watch) -> float:
        """Return the evidence that is an alarm of a watch with which more may have shared before."""
        return msgspec.structs.replace(self, watches=max(self.watches, watch.shared)).run_length

    def once_in_days(self, evidence: float) -> float:
        """In how many days all watches together would come to as much once, without a change."""
        return evidence / (self.watches * self.values_a_day)


def observe(watch: Watch, all_seen: Sequence[Seen]) -> tuple[Watch, list[dict[Signal, float]]]:
    """Return the watch after more values, and these with what only the watch can say (`new_answer`)."""
    found: list[dict[Signal, float]] = []
    for seen in all_seen:
        values = _values(watch, seen)
        found.append(values)
        if watch.phase == "reference":
            watch = _gather(watch, seen, values)
            if watch.seen >= watch.reference:
                watch = _begin(watch)
        elif watch.phase == "watching":
            lookouts = tuple([_looked(each, values) for each in watch.lookouts])
            watch = msgspec.structs.replace(watch, lookouts=lookouts, seen=watch.seen + 1)
    return watch, found


def sharing(watch: Watch, watches: int) -> Watch:
    """Return a watch that shares the promise with so many, itself among them; never with fewer than before.

    Its bar then only rises, by what was known before its next value. So its false alarms up to any time are,
    on average, at most the sum over its values of one by the bar then; and at any time those of all watches
    together at most one in `days`. Source: optional stopping of the e-detector (Shin, Ramdas, Rinaldo, arXiv
    2203.03532, definition 2.2), added up over watches.
    """
    shared = max(watches, watch.shared if watch.phase == "watching" else 1)
    return msgspec.structs.replace(watch, shared=shared)


def anew(watch: Watch, note: str = "") -> Watch:
    """Return a watch that learns again what is usual."""
    return Watch(reference=watch.reference, note=note)


def alarmed(watch: Watch) -> Watch:
    """Return a watch that waits until its alarm is acknowledged."""
    return msgspec.structs.replace(watch, is_alarmed=True)


def reads_wordings(watch: Watch) -> bool:
    """Whether it matters to a watch what the next answer is made of: where not, nobody has to read it."""
    if watch.phase == "reference" and not watch.apart_half:
        return "" in watch.wordings or _learns_wordings(watch)
    return watch.phase != "alarmed" and watch.apart_half > 0


def _values(watch: Watch, seen: Seen) -> dict[Signal, float]:
    """Return all that a watch can make of what was seen, from 0 to 1."""
    values: dict[Signal, float] = {**seen.values}
    for signal, amount in seen.amounts.items():
        if signal in watch.halves:
            values[signal] = scaled(amount, watch.halves[signal])
    known = watch.answers.get(seen.case)
    if seen.answer and known is not None and not _learns_answers(watch):
        values["new_answer"] = float(seen.answer not in known)
    if seen.wording and watch.apart_half:
        values["wording"] = unusual(_apart(watch, seen), watch.apart_half)
    return values


def _apart(watch: Watch, seen: Seen) -> float:
    """How far an answer is from those to its case; from all, where the case was hardly asked."""
    usual = watch.wordings.get(seen.case)
    if usual is None or usual.answers < ALIKE_LEAST:
        usual = watch.wordings[""]
    return distance(seen.wording, usual.sum, usual.answers)


def _learns_answers(watch: Watch) -> bool:
    return watch.phase == "reference" and 2 * watch.seen < watch.reference


def _learns_wordings(watch: Watch) -> bool:
    return watch.phase == "reference" and 4 * watch.seen < watch.reference


def _gather(watch: Watch, seen: Seen, values: Mapping[Signal, float]) -> Watch:
    gathered = {**watch.gathered}
    for signal, value in values.items():
        if not 0 <= value <= 1:
            raise InvalidRequest(f"{signal} is {value}, which is not between 0 and 1; scale values first")
        gathered[signal] = (*gathered.get(signal, ()), value)
    answers = watch.answers
    if seen.answer and _learns_answers(watch):
        known = answers.get(seen.case, ())
        if seen.answer not in known:
            answers = {**answers, seen.case: (*known, seen.answer)}
    watch = _with_wordings(watch, seen)
    watch = msgspec.structs.replace(watch, gathered=gathered, answers=answers, seen=watch.seen + 1)
    return _with_halves(watch, seen) if not watch.halves else watch


def _with_wordings(watch: Watch, seen: Seen) -> Watch:
    """Learn what answers are made of, then how far others are from that; baselines are of those after."""
    if not seen.wording or watch.apart_half:
        return watch
    if _learns_wordings(watch):
        names = {"", seen.case} if len(watch.wordings) < CASES_APART_MAX else {""}
        wordings = {name: watch.wordings.get(name, Usual()).plus(seen.wording) for name in names}
        return msgspec.structs.replace(watch, wordings={**watch.wordings, **wordings})
    if "" not in watch.wordings:
        return watch
    apart = (*watch.apart, _apart(watch, seen))
    if 2 * (watch.seen + 1) < watch.reference:
        return msgspec.structs.replace(watch, apart=apart)
    half = max(statistics.median(apart), HALF_LEAST)
    return msgspec.structs.replace(watch, apart=(), apart_half=half)


def _with_halves(watch: Watch, seen: Seen) -> Watch:
    """Learn the scale of amounts: their medians, of answers that the baselines are then not made of."""
    amounts = {**watch.amounts}
    for signal, amount in seen.amounts.items():
        amounts[signal] = (*amounts.get(signal, ()), amount)
    if 4 * watch.seen < watch.reference:
        return msgspec.structs.replace(watch, amounts=amounts)
    medians = {signal: statistics.median(values) for signal, values in amounts.items()}
    # One that is 0, as is the cost of a model without a price, has no scale, and is not watched.
    halves = {signal: half for signal, half in medians.items() if 0 < half < math.inf}
    return msgspec.structs.replace(watch, amounts={}, halves=halves)


def _begin(watch: Watch) -> Watch:
    """Turn the reference into detectors, each of the worst mean that the reference leaves open."""
    usable: dict[Signal, tuple[float, ...]]
    usable = {name: values for name, values in watch.gathered.items() if len(values) >= REFERENCE_LEAST}
    lookouts: list[Lookout] = []
    try:
        for signal, values in usable.items():
            interval = baseline_of(values, alpha=REFERENCE_ERROR / len(usable))
            lookouts += _lookouts(signal, interval)
    except InvalidRequest as fault:
        return anew(watch, f"the reference was not steady, and is taken again: {fault.message}")
    if not lookouts:
        return anew(
            watch, f"no signal has {REFERENCE_LEAST} values that can be watched; ask for a larger one"
        )
    return msgspec.structs.replace(watch, gathered={}, lookouts=tuple(lookouts), seen=0, note="")


def baseline_of(values: Sequence[float], *, alpha: float) -> Interval:
    """Return where the mean of a reference lies; of yes and no whatever their order."""
    if set(values) <= {0.0, 1.0}:
        return exact(int(sum(values)), len(values), alpha=alpha)
    return betting(values, alpha=alpha)


def _lookouts(signal: Signal, interval: Interval) -> list[Lookout]:
    sides: list[tuple[Side, float]] = [("up", interval.high)]
    if signal != "new_answer":
        sides.append(("down", 1 - interval.low))
    return [
        Lookout(signal=signal, side=side, detector=MeanDetector(baseline=baseline, run_length=1))
        for side, baseline in sides
        if 0 < baseline <= BASELINE_MOST
    ]


def _looked(lookout: Lookout, values: Mapping[Signal, float]) -> Lookout:
    value = values.get(lookout.signal)
    if value is None:
        return lookout
    detector = lookout.detector.observe(lookout.value_of(value))
    return msgspec.structs.replace(lookout, detector=detector)

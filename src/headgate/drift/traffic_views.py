"""What the API shows of the watches of live traffic, and how rows become it. Pure.

Read next: `drift.traffic_http`, `drift.hours` (which moves these watches on).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from headgate.core.pages import format_datetime
from headgate.drift.hours import HOURS_A_DAY, seen_in
from headgate.drift.model import DriftRule, Signal, unscaled
from headgate.drift.sentences import SAYS, SHARES
from headgate.drift.signals import SignalLine
from headgate.drift.watching import Phase, Promise, Watch


class WatchedSignal(msgspec.Struct, frozen=True, kw_only=True):
    """One signal of a watch, in its own unit; a share is from 0 to 1, times are in seconds.

    `latest` is the mean of the last hour that was looked at, null where that hour says nothing of it. What is
    usual lies from `usual_low` to `usual_high`, as the reference leaves open; null at a side that is not
    watched. The watch's evidence is the mean of `evidence_up` and `evidence_down` over all its signals.
    """

    signal: Signal
    words: str
    is_share: bool
    latest: float | None
    usual_low: float | None
    usual_high: float | None
    evidence_up: float | None
    evidence_down: float | None


class TrafficWatch(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of live traffic that is watched: a target's calls of a project for a name of models, with a
    prompt's version and a release.

    `evidence` becomes an alarm at `alarm_at`. `hours` are those of the reference while it learns what is
    usual, then those since; `calls` are all since `since`.
    """

    id: str
    target: str
    project: str
    model: str
    prompt: str
    release: str
    phase: Phase
    hours: int
    reference_hours: int
    evidence: float
    alarm_at: float
    since: str
    last_hour: str
    last_calls: int
    calls: int
    note: str
    signals: tuple[WatchedSignal, ...]


class TrafficDetail(TrafficWatch, frozen=True, kw_only=True):
    """A watch of live traffic with its last hours, the first first: for charts."""

    at: tuple[str, ...]
    calls_an_hour: tuple[int, ...]
    is_reference: tuple[bool, ...]
    lines: tuple[SignalLine, ...]


class Served(msgspec.Struct, frozen=True, kw_only=True):
    """What answers of a target say of themselves: `fact` is `model` or `fingerprint`."""

    target: str
    fact: str
    value: str
    first_at: str
    last_at: str
    calls: int


def traffic_watch(row: Mapping[str, Any], rule: DriftRule, watches: int) -> TrafficWatch:
    """Return a row of `list_traffic_watches` as it is shown."""
    watch = msgspec.convert(row["state"], Watch)
    promise = Promise(rule=rule, watches=watches, values_a_day=HOURS_A_DAY)
    names = {name: row[name] for name in ("target", "project", "model", "prompt", "release")}
    return TrafficWatch(
        id=str(row["stratum"]),
        **names,
        phase=watch.phase,
        hours=watch.seen,
        reference_hours=watch.reference,
        evidence=watch.evidence,
        alarm_at=promise.bar_of(watch),
        since=format_datetime(row["since"]),
        last_hour=format_datetime(row["slot"]),
        last_calls=row["last_calls"],
        calls=row["calls"],
        note=watch.note,
        signals=_signals(watch, row),
    )


def traffic_detail(shown: TrafficWatch, hours: Sequence[Mapping[str, Any]]) -> TrafficDetail:
    """Return a watch with its hours, the first first."""
    means = [_means(hour) for hour in hours]
    signals: list[Signal] = sorted(set[Signal]().union(*means))
    return TrafficDetail(
        **msgspec.structs.asdict(shown),
        at=tuple([format_datetime(hour["slot"]) for hour in hours]),
        calls_an_hour=tuple([hour["calls"] for hour in hours]),
        is_reference=tuple([hour["is_reference"] for hour in hours]),
        lines=tuple(
            [
                SignalLine(signal=signal, values=tuple([each.get(signal) for each in means]))
                for signal in signals
            ]
        ),
    )


def served_view(row: Mapping[str, Any]) -> Served:
    """Return what answers say of themselves as it is shown."""
    times = {name: format_datetime(row[name]) for name in ("first_at", "last_at")}
    return Served(target=row["target"], fact=row["fact"], value=row["value"], calls=row["calls"], **times)


def _means(hour: Mapping[str, Any]) -> dict[Signal, float]:
    seen = seen_in(hour)
    return {**seen.values, **seen.amounts}


def _signals(watch: Watch, row: Mapping[str, Any]) -> tuple[WatchedSignal, ...]:
    latest = _means(row)
    sides = {(each.signal, each.side): each.detector for each in watch.lookouts}
    shown: list[WatchedSignal] = []
    named: list[Signal] = [each.signal for each in watch.lookouts]
    named += sorted(latest)
    for signal in dict.fromkeys(named):
        up, down = sides.get((signal, "up")), sides.get((signal, "down"))
        half = watch.halves.get(signal)
        shown.append(
            WatchedSignal(
                signal=signal,
                words=SAYS[signal],
                is_share=signal in SHARES,
                latest=latest.get(signal),
                usual_low=None if down is None else _in_unit(1 - down.baseline, half),
                usual_high=None if up is None else _in_unit(up.baseline, half),
                evidence_up=None if up is None else up.evidence,
                evidence_down=None if down is None else down.evidence,
            )
        )
    return tuple(shown)


def _in_unit(value: float, half: float | None) -> float:
    return value if half is None else unscaled(value, half)

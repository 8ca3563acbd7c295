"""What the API shows of drift, and how rows become it. Read next: `drift.http`."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from headgate.core.pages import format_datetime
from headgate.drift.findings import Change, Finding, Touched
from headgate.drift.model import Canary, Signal
from headgate.drift.running import watch_of
from headgate.drift.sentences import how_sure
from headgate.drift.watching import Phase, Promise, Watch


class AlarmView(msgspec.Struct, frozen=True, kw_only=True):
    """An alarm: what changed, since when, how sure that is, and what it touches.

    `kind` is `canary`, `traffic` or `served`; `once_in_years` is null where the change is certain.
    """

    id: str
    at: str
    kind: str
    watch: str
    target: str
    project: str | None
    since: str
    sentence: str
    changes: tuple[Change, ...]
    how_sure: str
    once_in_years: float | None
    by_hand: tuple[str, ...]
    touches: tuple[Touched, ...]
    acknowledged_at: str | None
    acknowledged_by: str | None
    note: str


class RunView(msgspec.Struct, frozen=True, kw_only=True):
    """A run of a canary at a target. A run that failed or was abandoned is no evidence."""

    id: str
    target: str
    state: str
    asked_by: str
    due_at: str
    started_at: str | None
    ended_at: str | None
    answers: int
    failed: int
    cost_usd: str
    note: str


class TargetView(msgspec.Struct, frozen=True, kw_only=True):
    """How far a canary is at a target: `reference` of `reference_answers`, `watching`, or `alarmed`.

    `evidence` becomes an alarm at `alarm_at`.
    """

    target: str
    phase: Phase
    answers: int
    reference_answers: int
    evidence: float
    alarm_at: float
    signals: tuple[Signal, ...]
    since: str | None
    note: str
    last_run: str | None
    last_state: str | None


class CanaryView(msgspec.Struct, frozen=True, kw_only=True):
    """A canary of the configuration in force."""

    name: str
    version: str
    dataset: str | None
    """Where its cases are those of a dataset; then `cases` is 0 where there is none to ask."""
    cases: int
    cases_a_run: int
    every_s: float
    project: str
    targets: tuple[TargetView, ...]


class CaseView(msgspec.Struct, frozen=True, kw_only=True):
    """What a target answered to a case since the watch began."""

    target: str
    case: str
    answers: int
    score: float | None
    new_answers: float | None
    characters: float
    last_text: str
    last_at: str


class CanaryDetail(CanaryView, frozen=True, kw_only=True):
    """A canary with what it found case by case, and its last runs."""

    results: list[CaseView]
    runs: list[RunView]


def alarm_view(row: Mapping[str, Any]) -> AlarmView:
    """Return an alarm as it is shown."""
    finding = msgspec.convert(row["finding"], Finding)
    return AlarmView(
        id=str(row["id"]),
        at=format_datetime(row["at"]),
        kind=row["kind"],
        watch=row["watch"],
        target=row["target"],
        project=row["project"] or None,
        since=format_datetime(row["since"]),
        sentence=row["sentence"],
        changes=finding.changes,
        how_sure=how_sure(finding),
        once_in_years=finding.once_in_years,
        by_hand=finding.by_hand,
        touches=finding.touches,
        acknowledged_at=_time(row["acknowledged_at"]),
        acknowledged_by=row["acknowledged_by"],
        note=row["note"],
    )


def run_view(row: Mapping[str, Any]) -> RunView:
    """Return a run as it is shown."""
    return RunView(
        id=str(row["id"]),
        target=row["target"],
        state=row["state"],
        asked_by=row["asked_by"],
        due_at=format_datetime(row["due_at"]),
        started_at=_time(row["started_at"]),
        ended_at=_time(row["ended_at"]),
        answers=row["answers"],
        failed=row["failed"],
        cost_usd=row["cost_usd"],
        note=row["note"],
    )


def target_view(
    canary: Canary,
    target: str,
    known: Mapping[str, Mapping[str, Any]],
    last: Mapping[tuple[str, str], Mapping[str, Any]],
    promise: Promise,
) -> TargetView:
    """Return how far a canary is at a target."""
    row = known.get(watch_of(canary.name, target))
    watch, since = Watch(reference=canary.reference), None
    if row is not None and row["version"] == canary.version:
        watch, since = msgspec.convert(row["state"], Watch), row["since"]
    run = last.get((canary.name, target))
    return TargetView(
        target=target,
        phase=watch.phase,
        answers=watch.seen,
        reference_answers=watch.reference,
        evidence=watch.evidence,
        alarm_at=promise.bar_of(watch),
        signals=tuple(dict.fromkeys(each.signal for each in watch.lookouts)),
        since=_time(since),
        note=watch.note or ("" if run is None else run["note"]),
        last_run=None if run is None else format_datetime(run["due_at"]),
        last_state=None if run is None else run["state"],
    )


def case_view(target: str, row: Mapping[str, Any]) -> CaseView:
    """Return what a target answered to a case."""
    return CaseView(
        target=target,
        case=row["case"],
        answers=row["answers"],
        score=row["score"],
        new_answers=row["new_answers"],
        characters=row["characters"],
        last_text=row["last_text"],
        last_at=format_datetime(row["last_at"]),
    )


def _time(at: datetime | None) -> str | None:
    return None if at is None else format_datetime(at)

"""What runs of a canary found, signal by signal over time: for charts. Intervals and alarms are not here.

Read next: `drift.findings` (what an alarm says), `drift.http`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from headgate.core.pages import format_datetime


class SignalLine(msgspec.Struct, frozen=True, kw_only=True):
    """One signal: its mean in each run, null where a run says nothing of it. Shares are from 0 to 1."""

    signal: str
    values: tuple[float | None, ...]


class TargetSignals(msgspec.Struct, frozen=True, kw_only=True):
    """The runs of a canary at a target, the first first, and their signals. `length` is in characters."""

    target: str
    runs: tuple[str, ...]
    at: tuple[str, ...]
    answers: tuple[int, ...]
    is_reference: tuple[bool, ...]
    lines: tuple[SignalLine, ...]


class CanarySignals(msgspec.Struct, frozen=True, kw_only=True):
    """What a canary's runs found, target by target."""

    targets: tuple[TargetSignals, ...]


def signals_of(target: str, rows: Sequence[Mapping[str, Any]]) -> TargetSignals:
    """Return rows of `signals_by_run` as lines over the same runs."""
    runs = {row["run"]: row for row in rows}
    means: dict[str, dict[object, float]] = {}
    for row in rows:
        value = row["characters"] if row["signal"] == "length" else row["mean"]
        means.setdefault(row["signal"], {})[row["run"]] = value
    return TargetSignals(
        target=target,
        runs=tuple([str(run) for run in runs]),
        at=tuple([format_datetime(row["at"]) for row in runs.values()]),
        answers=tuple([row["answers"] for row in runs.values()]),
        is_reference=tuple([row["is_reference"] for row in runs.values()]),
        lines=tuple(
            [
                SignalLine(signal=signal, values=tuple([found.get(run) for run in runs]))
                for signal, found in sorted(means.items())
            ]
        ),
    )

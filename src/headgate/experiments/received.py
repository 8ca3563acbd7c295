"""Feedback that came and joined no unit: how much of it, and why.

Looks at the last values alone, so that it stays cheap. Read next: `experiments.reading`.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

import msgspec

from headgate.experiments.analysis import ArmSums
from headgate.experiments.definitions import QUERIES
from headgate.experiments.model import Metric
from headgate.experiments.reading import View
from headgate.experiments.report import Comparison, MetricReport, Received
from headgate.store.database import Connection

LOOKED_AT_MAX: Final = 5_000
"""Values that one report looks up, of all metrics together."""

_REASONS: Final = {
    "late": "came after their unit's window",
    "early": "are of before their unit's first call",
    "unknown": "name nobody who is in it",
    "shared": "are of a trace or session that units share",
}


async def received_by_name(connection: Connection, view: View, began: datetime) -> dict[str, Received]:
    """Return what came under each name that metrics read; nothing of names under which nothing came."""
    names = sorted({name for metric in view.experiment.metrics for name in metric.feedbacks})
    if not names:
        return {}
    most = LOOKED_AT_MAX // len(names)
    asked = {**view.parameters(), "project_ids": view.projects, "names": names, "began": began, "most": most}
    cursor = await connection.execute(QUERIES.received, asked)
    counts: dict[str, dict[str, int]] = {}
    for name, reason, values in await cursor.fetchall():
        counts.setdefault(name, {})[reason] = values
    return {
        name: Received(values=sum(each.values()), is_all=sum(each.values()) < most, **each)
        for name, each in counts.items()
    }


def with_received(
    metric: Metric, told: MetricReport, received: Mapping[str, Received], sums: Mapping[str, ArmSums]
) -> MetricReport:
    """Say what of a metric's feedback joined no unit; where none of it did, there is no number."""
    known = received.get(metric.reads)
    if known is None:
        return told
    words = _words(metric.reads, known)
    notes = [*told.notes, words] if known.joined < known.values else told.notes
    comparisons = told.comparisons
    if not known.joined and not _has_values(metric, list(sums.values())):
        comparisons = [Comparison(arm=one.arm, finding="none", units=0, note=words) for one in comparisons]
    return msgspec.structs.replace(told, received=known, notes=notes, comparisons=comparisons)


def _has_values(metric: Metric, arms: Sequence[ArmSums]) -> bool:
    said = [arm.moments.x if metric.per == metric.reads else arm.moments.y for arm in arms if arm.moments.n]
    return any(said)


def _words(name: str, known: Received) -> str:
    left = {reason: getattr(known, reason) for reason in _REASONS}
    reasons = ", ".join([f"{left[reason]} {words}" for reason, words in _REASONS.items() if left[reason]])
    of = f"the {known.values}" if known.is_all else f"the last {known.values}"
    count = known.values - known.joined
    return f"{count} of {of} values of {name} since the start joined no unit: {reasons}"

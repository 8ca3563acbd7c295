"""What a settled trace puts into the sums by hour and day, and the difference to what it had put there. Pure.

Each trace remembers its contributions, so that they can be taken out again when it has grown: sums are so
always those of traces as they were last settled. Read next: `keeping.settling`.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from datetime import UTC, datetime
from typing import Final

import msgspec

from headgate.core.money import format_usd
from headgate.records.sketch import bucket_of
from headgate.traces.keeping.counting import Item, Totals

HOUR_S: Final = 3600
HOURS_A_DAY: Final = 24
VALUES_MAX: Final = 200
"""How many values of a dimension are told apart in a project and hour."""
OTHER: Final = "other"

RollupKey = tuple[str, int, str, str]
"""Project, hour (Unix time / 3600), dimension, value."""

SUMS: Final = (
    *("traces", "spans", "calls", "errors", "input", "cache_read", "cache_write", "output", "reasoning"),
    *("cost_pico_usd", "unpriced"),
)


class Contribution(msgspec.Struct, frozen=True, array_like=True):
    """What a trace has put under one value: the SUMS, and durations by bucket of their sketch."""

    hour: int
    dimension: str
    value: str
    sums: list[int]
    durations: dict[int, int]


class SettledTrace(msgspec.Struct, frozen=True, kw_only=True):
    """A trace as its row says, and its names by dimension."""

    project: str
    started_at: datetime
    duration_ms: int
    spans: int
    names: dict[str, str]


def contributions(trace: SettledTrace, totals: Totals) -> list[Contribution]:
    """Return what a trace puts into the sums."""
    hour = int(trace.started_at.timestamp()) // HOUR_S
    sums = [
        *(1, trace.spans, totals.calls, totals.errors, *_tokens(totals.items)),
        *(totals.cost or 0, totals.unpriced),
    ]
    durations = {bucket_of(trace.duration_ms): 1}
    names = {"": "", **{dimension: name for dimension, name in trace.names.items() if name}}
    found = [Contribution(hour, dimension, name, sums, durations) for dimension, name in names.items()]
    models: dict[str, list[Item]] = {}
    for item in totals.items:
        if item.model:
            models.setdefault(item.model, []).append(item)
    return found + [_of_model(hour, model, items) for model, items in sorted(models.items())]


def capped(
    project: str, found: Sequence[Contribution], known: Set[RollupKey], counts: Mapping[RollupKey, int]
) -> list[Contribution]:
    """Put what has a new value under `other`, where there are too many. `counts` are by the empty value."""
    kept: list[Contribution] = []
    for each in found:
        key = (project, each.hour, each.dimension, each.value)
        is_full = counts.get((*key[:3], ""), 0) >= VALUES_MAX
        if key not in known and is_full:
            each = msgspec.structs.replace(each, value=OTHER)
        kept.append(each)
    return kept


class Change(msgspec.Struct):
    """What is added to a row of the sums; below zero it is taken away."""

    sums: list[int]
    durations: Counter[int]

    @property
    def is_nothing(self) -> bool:
        """Whether the row stays as it is."""
        return not any(self.sums) and not any(self.durations.values())

    def row(self, key: RollupKey) -> dict[str, object]:
        """Return it as `add_to_rollups` reads it."""
        named: dict[str, object] = dict(zip(SUMS, self.sums, strict=True))
        sketch = [self.durations[bucket] for bucket in range(max(self.durations, default=-1) + 1)]
        return {
            **named,
            "project": key[0],
            "slot": datetime.fromtimestamp(key[1] * HOUR_S, UTC).isoformat(),
            "dimension": key[2],
            "value": key[3],
            "cost_usd": format_usd(self.sums[SUMS.index("cost_pico_usd")]),
            "duration_sketch": sketch,
        }


def changes(
    traces: Iterable[tuple[str, Sequence[Contribution], Sequence[Contribution]]],
) -> dict[RollupKey, Change]:
    """Return by how much rows change when the first contributions of a project take the place of the second.

    In the order of keys, in which rows are locked everywhere.
    """
    found: dict[RollupKey, Change] = {}
    for project, new, old in traces:
        for sign, each in [*((1, one) for one in new), *((-1, one) for one in old)]:
            key = (project, each.hour, each.dimension, each.value)
            change = found.setdefault(key, Change([0] * len(SUMS), Counter()))
            change.sums = [total + sign * one for total, one in zip(change.sums, each.sums, strict=True)]
            for bucket, number in each.durations.items():
                change.durations[bucket] += sign * number
    return {key: change for key, change in sorted(found.items()) if not change.is_nothing}


def by_day(found: Mapping[RollupKey, Change]) -> dict[RollupKey, Change]:
    """Return the same changes by day, each under the first hour of its day."""
    days: dict[RollupKey, Change] = {}
    for (project, hour, dimension, value), change in found.items():
        key = (project, hour - hour % HOURS_A_DAY, dimension, value)
        day = days.setdefault(key, Change([0] * len(SUMS), Counter()))
        day.sums = [total + one for total, one in zip(day.sums, change.sums, strict=True)]
        for bucket, number in change.durations.items():
            day.durations[bucket] += number
    return {key: change for key, change in sorted(days.items()) if not change.is_nothing}


def _of_model(hour: int, model: str, items: Sequence[Item]) -> Contribution:
    costs = [item.cost for item in items if item.cost is not None]
    failed = sum(item.has_failed for item in items)
    sums = [*(1, 0, len(items), failed, *_tokens(items)), *(sum(costs), len(items) - len(costs))]
    durations = Counter(bucket_of(item.duration_us // 1000) for item in items)
    return Contribution(hour, "model", model, sums, dict(durations))


def _tokens(items: Iterable[Item]) -> list[int]:
    sums = [0] * 5
    for item in items:
        usage = item.usage
        tokens = (usage.input, usage.cache_read, usage.cache_write, usage.output, usage.reasoning)
        sums = [total + one for total, one in zip(sums, tokens, strict=True)]
    return sums

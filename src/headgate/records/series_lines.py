"""The lines of charts: what is read of sums and of single calls, by group and step. Pure.

Money never leaves as a float. Read next: `records.series`.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import msgspec

from headgate.records.axis import Axis
from headgate.records.queries import format_amount
from headgate.records.sketch import of_number, quantiles_ms

CODES_MAX: Final = 8


class SeriesGroup(msgspec.Struct, kw_only=True):
    """One line of each chart: a value for each instant of `at`.

    `name` is null for all calls together, and for those of groups beyond the largest. Latencies are null
    where no call says one, and at most 15 % too high.
    """

    name: str | None
    is_rest: bool = False
    """Whether these are the calls of all groups beyond the largest."""
    calls: int
    cost: str
    ok: list[int]
    client_errors: list[int]
    server_errors: list[int]
    unknown: list[int]
    """Calls whose status and latencies nothing tells: of users and tags, counted before these were kept."""
    cost_usd: list[str]
    unpriced: list[int]
    estimated: list[int]
    duration_p50_ms: list[int | None]
    duration_p95_ms: list[int | None]
    duration_p99_ms: list[int | None]
    first_token_p50_ms: list[int | None]
    first_token_p95_ms: list[int | None]


class FailureLine(msgspec.Struct, frozen=True, kw_only=True):
    """How many calls failed with one code, at each instant of `at`; `code` is null for all rarer ones.

    `by_group` is how many of them each of `groups` has, in their order; empty where that is not asked for.
    """

    code: str | None
    calls: int
    counts: list[int]
    by_group: list[int] = []


class _Sums(msgspec.Struct):
    """What one group came to, by step."""

    ok: list[int]
    client_errors: list[int]
    server_errors: list[int]
    unknown: list[int]
    cost_usd: list[Decimal]
    unpriced: list[int]
    estimated: list[int]
    durations: list[list[int]]
    first_tokens: list[list[int]]


class Gathered:
    """What is read for charts, by group."""

    def __init__(self, axis: Axis) -> None:
        self.axis = axis
        self.counted_from: datetime | None = None
        self._sums: dict[str | None, _Sums] = {}

    def sums_of(self, name: str | None) -> _Sums:
        """The sums of a group, which may be the first of it."""
        if name not in self._sums:
            self._sums[name] = _empty(self.axis.count)
        return self._sums[name]

    def groups(self, *, is_grouped: bool) -> list[SeriesGroup]:
        """The largest first, and all others last."""
        groups = [
            _group(name, sums, is_rest=name is None and is_grouped) for name, sums in self._sums.items()
        ]
        return sorted(groups, key=lambda group: (group.is_rest, -group.calls, group.name or ""))

    def add_sums(self, rows: Iterable[Sequence[Any]]) -> None:
        """Add sums by step, group and class of the status."""
        for step, name, status_class, requests, cost_usd, unpriced, estimated in rows:
            sums, place = self.sums_of(name), int(step) - self.axis.first
            _count(sums, place, int(status_class), int(requests))
            sums.cost_usd[place] += cost_usd or 0
            sums.unpriced[place] += int(unpriced)
            sums.estimated[place] += int(estimated)

    def add_days(self, rows: Iterable[Sequence[Any]]) -> None:
        """Add sums by day of users or tags: `records/series.sql`, `sums_by_value`."""
        for step, name, *counts, cost_usd, unpriced, estimated, durations, first_tokens in rows:
            requests, measured, client_errors, server_errors = map(int, counts)
            sums, place = self.sums_of(name), int(step) - self.axis.first
            sums.ok[place] += measured - client_errors - server_errors
            sums.client_errors[place] += client_errors
            sums.server_errors[place] += server_errors
            sums.unknown[place] += requests - measured
            sums.cost_usd[place] += cost_usd
            sums.unpriced[place] += int(unpriced)
            sums.estimated[place] += int(estimated)
            if durations is not None:
                sums.durations[place], sums.first_tokens[place] = (
                    of_number(durations),
                    of_number(first_tokens),
                )

    def add_named(self, rows: Sequence[Sequence[Any]]) -> None:
        """Add sums by one name alone, with latencies of all classes."""
        self.add_sums([row[:7] for row in rows if row[2] is not None])
        for step, name, status_class, *_, durations, first_tokens in rows:
            if status_class is None and durations is not None:
                sums, place = self.sums_of(name), int(step) - self.axis.first
                sums.durations[place], sums.first_tokens[place] = (
                    of_number(durations),
                    of_number(first_tokens),
                )

    def add_sketches(self, rows: Iterable[Sequence[Any]]) -> None:
        """Add latencies by bucket."""
        for step, name, bucket, durations, first_tokens in rows:
            sums, place = self.sums_of(name), int(step) - self.axis.first
            _fill(sums.durations[place], bucket, int(durations))
            _fill(sums.first_tokens[place], bucket, int(first_tokens))

    def add_calls(self, rows: Iterable[Sequence[Any]]) -> None:
        """Add single calls."""
        for step, name, status_class, duration, first_token, count, cost_usd, unpriced, estimated in rows:
            sums, place = self.sums_of(name), int(step) - self.axis.first
            _count(sums, place, int(status_class), int(count))
            sums.cost_usd[place] += cost_usd or 0
            sums.unpriced[place] += int(unpriced)
            sums.estimated[place] += int(estimated)
            _fill(sums.durations[place], duration, int(count))
            if first_token is not None:
                _fill(sums.first_tokens[place], first_token, int(count))


def _empty(count: int) -> _Sums:
    return _Sums(
        ok=[0] * count,
        client_errors=[0] * count,
        server_errors=[0] * count,
        unknown=[0] * count,
        cost_usd=[Decimal(0)] * count,
        unpriced=[0] * count,
        estimated=[0] * count,
        durations=[[] for _ in range(count)],
        first_tokens=[[] for _ in range(count)],
    )


def _count(sums: _Sums, place: int, status_class: int, calls: int) -> None:
    if status_class in (1, 2, 3):
        sums.ok[place] += calls
    elif status_class == 4:
        sums.client_errors[place] += calls
    else:
        sums.server_errors[place] += calls


def _fill(sketch: list[int], bucket: int, count: int) -> None:
    sketch.extend([0] * (bucket + 1 - len(sketch)))
    sketch[bucket] += count


def _group(name: str | None, sums: _Sums, *, is_rest: bool) -> SeriesGroup:
    durations = [quantiles_ms(each, (0.5, 0.95, 0.99)) for each in sums.durations]
    first_tokens = [quantiles_ms(each, (0.5, 0.95)) for each in sums.first_tokens]
    return SeriesGroup(
        name=name,
        is_rest=is_rest,
        calls=sum(map(sum, (sums.ok, sums.client_errors, sums.server_errors, sums.unknown))),
        cost=_amount(sum(sums.cost_usd, Decimal(0))),
        ok=sums.ok,
        client_errors=sums.client_errors,
        server_errors=sums.server_errors,
        unknown=sums.unknown,
        cost_usd=[_amount(amount) for amount in sums.cost_usd],
        unpriced=sums.unpriced,
        estimated=sums.estimated,
        duration_p50_ms=[each[0] for each in durations],
        duration_p95_ms=[each[1] for each in durations],
        duration_p99_ms=[each[2] for each in durations],
        first_token_p50_ms=[each[0] for each in first_tokens],
        first_token_p95_ms=[each[1] for each in first_tokens],
    )


def _amount(amount: Decimal) -> str:
    return format_amount(amount) or "0"


def failures_of(axis: Axis, rows: Iterable[Sequence[Any]]) -> list[FailureLine]:
    """Return the commonest codes of failed calls, and one line for all others."""
    counts: dict[str, list[int]] = {}
    for step, code, calls in rows:
        counts.setdefault(code, [0] * axis.count)[int(step) - axis.first] += int(calls)
    ordered = sorted(counts.items(), key=lambda each: (-sum(each[1]), each[0]))
    lines = [FailureLine(code=code, calls=sum(line), counts=line) for code, line in ordered[:CODES_MAX]]
    rest = [line for _, line in ordered[CODES_MAX:]]
    if rest:
        together = [sum(column) for column in zip(*rest, strict=True)]
        lines.append(FailureLine(code=None, calls=sum(together), counts=together))
    return lines


def with_groups(
    failures: Iterable[FailureLine], groups: Sequence[SeriesGroup], rows: Iterable[Sequence[Any]]
) -> list[FailureLine]:
    """Return the lines with how many of each are of each group."""
    lines = {line.code: [0] * len(groups) for line in failures}
    places = {group.name: place for place, group in enumerate(groups)}
    for code, name, calls in rows:
        # A call that failed since the groups were read may be of one that has none yet.
        counts, place = lines.get(code if code in lines else None), places.get(name)
        if counts is not None and place is not None:
            counts[place] += int(calls)
    return [msgspec.structs.replace(line, by_group=lines[line.code]) for line in failures]

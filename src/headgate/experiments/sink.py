"""What the shipper applies of the journal: which units were exposed, and what their calls came to.

Runs inside the shipper's transaction, so that each call counts once. Read next: `experiments.reading`.
"""

import uuid
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from headgate.core.entries import CLIENT_CLOSED, END, REFUSED, End, Exposure
from headgate.core.money import format_usd
from headgate.core.ports import Envelope
from headgate.experiments.definitions import QUERIES
from headgate.records.rows import identity, instant, name
from headgate.records.sink import INTERRUPTED, interrupted_calls
from headgate.store.database import Connection

PAST_MAX: Final = 1_000
"""How many of a unit's calls before its first exposure tell what it was like."""
WAITED_MS_MAX: Final = 600_000
"""Of a call that died with its gateway, which is on record until somebody noticed, hours later perhaps."""
_TRACE_DIGITS: Final = 32

_decode = msgspec.msgpack.Decoder(End).decode
_encode = msgspec.json.encode

UnitPlace = tuple[str, str, str]
"""Version, project, unit."""


class _Sums(msgspec.Struct):
    """What a batch adds to one unit."""

    arm: str
    at_ms: int
    unit_kind: str
    epoch: int = 0
    calls: int = 0
    errors: int = 0
    refusals: int = 0
    duration_ms: float = 0.0
    cost_pico_usd: int = 0
    unpriced: int = 0
    tokens: int = 0
    output_tokens: int = 0
    uncounted: int = 0
    by_arm: dict[str, int] = msgspec.field(default_factory=dict[str, int])
    """How many calls each arm served."""

    def count(self, end: End, arm: str) -> None:
        refused = end.code == REFUSED
        self.calls += 1
        self.refusals += refused
        self.errors += end.status >= 400 and end.status != CLIENT_CLOSED and not refused
        self.duration_ms += end.duration_ms
        self.cost_pico_usd += end.cost_pico_usd or 0
        self.unpriced += _lacks_price(end)
        self.tokens += end.usage.total
        self.output_tokens += end.usage.total_output
        self.uncounted += end.status < 400 and not end.truncated and not end.usage.total
        self.by_arm[arm] = self.by_arm.get(arm, 0) + 1


class ExperimentSink:
    """Applies END to the units of experiments (`core.ports.Sink`).

    Stands before the sink of records, which forgets open calls.
    """

    kinds = frozenset({END})

    async def apply(self, connection: Connection, batch: Sequence[Envelope]) -> None:
        """Write a batch. Calls that take part in no experiment cost a look at a field."""
        await _count(connection, [_decode(each.payload) for each in batch if each.kind == END])

    async def close_journal(self, connection: Connection, boot: uuid.UUID) -> None:
        """Count what a process had begun and not ended when it died: as errors of its arm."""
        ends = await interrupted_calls(connection, boot)
        await _count(
            connection,
            [msgspec.structs.replace(end, duration_ms=min(end.duration_ms, WAITED_MS_MAX)) for end in ends],
        )


async def _count(connection: Connection, ends: Sequence[End]) -> None:
    ended = sorted([end for end in ends if end.exposures], key=lambda end: end.started_ms)
    if not ended:
        return
    units: dict[UnitPlace, _Sums] = {}
    calls: list[dict[str, Any]] = []
    strays: Counter[tuple[str, str]] = Counter()
    unpriced: Counter[tuple[str, str, str, str]] = Counter()
    for end in ended:
        project = name(end.project)
        for exposure in end.exposures:
            if exposure.is_shadow:
                continue
            if not exposure.arm:
                strays[exposure.version, project] += 1
                continue
            unit = name(exposure.unit)
            sums = units.setdefault(
                (exposure.version, project, unit),
                _Sums(
                    arm=exposure.arm,
                    at_ms=end.started_ms,
                    unit_kind=exposure.unit_kind,
                    epoch=exposure.epoch,
                ),
            )
            sums.count(end, exposure.arm)
            unpriced.update(
                [(exposure.version, project, exposure.arm, target) for target in _without_price(end)]
            )
            if exposure.unit_kind != "call":
                calls.append(_call(end, project, exposure, unit))
    # In the order of keys, so that two shippers lock rows in one order.
    await _write(
        connection,
        "add_units",
        [_unit(place, units[place]) for place in sorted(units)],
        project_ids=sorted({project for _, project, _ in units}),
        past_max=PAST_MAX,
        client_closed=CLIENT_CLOSED,
        refused=REFUSED,
    )
    await _write(connection, "add_calls", calls)
    await _write(
        connection,
        "add_strays",
        [
            {"version": version, "project": project, "calls": strays[version, project]}
            for version, project in sorted(strays)
        ],
    )
    places = ("version", "project", "arm", "target")
    rows = [{**dict(zip(places, place, strict=True)), "calls": unpriced[place]} for place in sorted(unpriced)]
    await _write(connection, "add_unpriced", rows)


def _lacks_price(end: End) -> bool:
    """Whether a call may have cost something that nobody knows.

    Of one that died with its gateway nothing is known at all: it is an error of its arm, and costs nothing.
    """
    return end.cost_pico_usd is None and end.code != INTERRUPTED


def _without_price(end: End) -> set[str]:
    """The targets that it was sent to and that have no price."""
    if not _lacks_price(end):
        return set()
    found = {each.target for each in end.attempts if each.cost_pico_usd is None}
    return {name(target) for target in found or {end.target} if target}


async def _write(
    connection: Connection, statement: str, rows: list[dict[str, Any]], **parameters: Any
) -> None:
    if rows:
        await connection.execute(QUERIES[statement], {"rows": _encode(rows).decode(), **parameters})


def _unit(place: UnitPlace, sums: _Sums) -> dict[str, Any]:
    version, project, unit = place
    row = msgspec.structs.asdict(sums)
    row |= {"at": instant(row.pop("at_ms")), "cost_usd": format_usd(row.pop("cost_pico_usd"))}
    return {**row, "version": version, "project": project, "unit": unit}


def _call(end: End, project: str, exposure: Exposure, unit: str) -> dict[str, Any]:
    trace = end.trace_id if len(end.trace_id) == _TRACE_DIGITS else None
    return {
        "version": exposure.version,
        "project": project,
        "request": identity(end.call),
        "trace_id": trace,
        "session": name(end.session),
        "unit": unit,
        "arm": exposure.arm,
        "at": instant(end.started_ms),
    }

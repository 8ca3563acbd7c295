"""What a report reads of the database: the same sums as by hand, in as many scans for any metrics."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import numpy as np
import psycopg
import pytest
from psycopg.rows import TupleRow

from headgate.experiments.definitions import sync_experiments
from headgate.experiments.model import Arm, Experiment, FeedbackKind, Metric, version_of
from headgate.experiments.ratios import read_sums
from headgate.experiments.reading import Defined, Sums, View, defined
from headgate.statistics.moments import Moments
from headgate.store.database import Database

NOW = datetime.now(UTC)
BEGAN = NOW - timedelta(days=20)
KINDS: tuple[FeedbackKind, ...] = ("answer", "event", "amount")
FEEDBACK = tuple(Metric(name=kind, kind=kind) for kind in KINDS)
RECORDS = (
    Metric(name="cost", measure="cost"),
    Metric(name="latency", measure="latency"),
    Metric(name="errors", measure="errors"),
    Metric(name="refusals", measure="refusals"),
)


def experiment(*metrics: Metric) -> Experiment:
    arms = (Arm(name="now", share=1), Arm(name="new", share=1, targets=("mock/tiny",)))
    made = Experiment(name="tiny", alias="assistant", arms=arms, metrics=metrics)
    return msgspec.structs.replace(made, version=version_of(made))


async def fill(database: Database, version: str) -> dict[str, list[dict[str, Any]]]:
    """Write units with feedback of each kind, before and after, and return the units of each arm."""
    draw = random.Random(8)
    arms: dict[str, list[dict[str, Any]]] = {"now": [], "new": []}
    async with database.transaction() as connection:
        for number in range(160):
            arm = "now" if number % 2 else "new"
            one: dict[str, Any] = {"calls": draw.randint(1, 5), "cost": draw.random(), "values": {}}
            arms[arm].append(one)
            await connection.execute(
                "insert into experiment_units (version, project, unit, arm, first_at, calls, errors, "
                "refusals, duration_ms, cost_usd, unpriced, crossed) "
                "values (%s, 'default', %s, %s, %s, %s, 1, 0, 50, %s, 0, 0)",
                (version, f"u{number}", arm, BEGAN, one["calls"], one["cost"]),
            )
            for kind in KINDS:
                for side, share in (("after", 0.6), ("before", 0.4)):
                    values = [draw.choice([0, 1, 3]) for _ in range(2) if draw.random() < share]
                    one["values"][kind, side] = values
                    for place, value in enumerate(values):
                        await say(connection, f"u{number}", kind, (side, place), value)
    return arms


async def say(
    connection: psycopg.AsyncConnection[TupleRow], user: str, name: str, when: tuple[str, int], value: float
) -> None:
    side, place = when
    at = BEGAN + timedelta(days=1 if side == "after" else -1)
    await connection.execute(
        "insert into scores (project, id, key, name, kind, value, text, comment, source, said_by, at, "
        "subject, session, \"user\", business_id) values ('default', %s, 'k', %s, 'number', %s, '', '', "
        "'person', '', %s, 'user', '', %s, '')",
        (f"{user} {name} {side} {place}", name, value, at, user),
    )


def of_unit(kind: str, values: list[float]) -> float | None:
    if kind == "answer":
        return sum(values) / len(values) if values else None
    return float(any(values)) if kind == "event" else float(sum(values))


def by_hand(arms: dict[str, list[dict[str, Any]]], kind: str, arm: str) -> tuple[int, float, float, float]:
    """Count, mean, mean of before, and the sum of products; who said nothing before has the mean."""
    pairs = {
        name: [
            (of_unit(kind, one["values"][kind, "after"]), of_unit(kind, one["values"][kind, "before"]))
            for one in units
        ]
        for name, units in arms.items()
    }
    known = [
        before
        for each in pairs.values()
        for after, before in each
        if after is not None and before is not None
    ]
    middle = float(np.mean(known))
    told = [
        (after, middle if before is None else before) for after, before in pairs[arm] if after is not None
    ]
    y, x = np.array(told).T
    return len(told), float(y.mean()), float(x.mean()), float(((y - y.mean()) * (x - x.mean())).sum())


async def read(connection: psycopg.AsyncConnection[TupleRow], one: Experiment) -> Sums:
    found: list[Defined] = await defined(connection, one.name)
    return await read_sums(connection, found[0], View(experiment=one, now=NOW, project_ids=("default",)))


async def test_sums_are_those_of_the_units_one_by_one(database: Database) -> None:
    one = experiment(*FEEDBACK, *RECORDS)
    async with database.transaction() as connection:
        await sync_experiments(connection, (one,))
    arms = await fill(database, one.version)
    async with database.transaction() as connection:
        sums = await read(connection, one)
    for kind in KINDS:
        for arm in arms:
            found = sums.metrics[kind][arm].moments
            expected = by_hand(arms, kind, arm)
            assert (found.n, found.y, found.x, found.xy) == pytest.approx(expected, rel=1e-9, abs=1e-9), (
                kind,
                arm,
            )
    for arm, units in arms.items():
        costs: Moments = sums.metrics["cost"][arm].moments
        assert costs.y == pytest.approx(np.mean([unit["cost"] for unit in units]))
        assert costs.yyy == pytest.approx(np.mean([unit["cost"] ** 3 for unit in units]))
        assert (costs.x, costs.xx) == (0.0, 0.0), "nothing is known of the time before"
        assert sums.metrics["latency"][arm].moments.yy == pytest.approx(0, abs=1e-6)
        assert (sums.units[arm].units, sums.units[arm].complete) == (80, 80)


async def test_what_units_did_before_is_read_beside_what_they_do(database: Database) -> None:
    """Every third unit has no past, and counts with the mean of the others."""
    one = experiment(*RECORDS)
    async with database.transaction() as connection:
        await sync_experiments(connection, (one,))
    await fill(database, one.version)
    draw = random.Random(9)
    pasts: dict[str, list[tuple[float, float] | None]] = {"now": [], "new": []}
    async with database.transaction() as connection:
        for number in range(160):
            past = None if number % 3 == 0 else (draw.randint(1, 5), draw.random())
            pasts["now" if number % 2 else "new"].append(past)
            if past is not None:
                await connection.execute(
                    "update experiment_units set past_calls = %s, past_cost_usd = %s, past_call_ms = %s, "
                    "past_error_rate = 0.5 where unit = %s",
                    (past[0], past[1], 1000 * past[1] / past[0], f"u{number}"),
                )
    async with database.transaction() as connection:
        sums = await read(connection, one)
    known = [past for each in pasts.values() for past in each if past is not None]
    cost = float(np.mean([dear for _, dear in known]))
    slow = float(np.mean([1000 * dear / calls for calls, dear in known]))
    for arm, units in pasts.items():
        before = np.array([cost if past is None else past[1] for past in units])
        found = sums.metrics["cost"][arm].moments
        assert (found.n, found.x, found.xx) == pytest.approx((80, before.mean(), before.var() * 80), rel=1e-5)
        before = np.array([slow if past is None else 1000 * past[1] / past[0] for past in units])
        found = sums.metrics["latency"][arm].moments
        assert (found.n, found.z, found.zz) == pytest.approx((80, before.mean(), before.var() * 80), rel=1e-5)
        assert found.zzz == pytest.approx((before**3).mean(), rel=0.2)
        assert abs(found.xz) > 0 and found.yz == pytest.approx(0, abs=1e-3)


async def test_a_further_metric_adds_no_scan(database: Database) -> None:
    many = experiment(*FEEDBACK, *RECORDS)
    async with database.transaction() as connection:
        await sync_experiments(connection, (many,))
    await fill(database, many.version)
    scans = [await scans_of(database, one) for one in (experiment(FEEDBACK[0], RECORDS[0]), many)]
    assert scans[0] == scans[1] == {"experiment_units": 2, "scores": 2}


async def scans_of(database: Database, one: Experiment) -> dict[str, int]:
    async with database.transaction() as connection:
        # One plan, whatever the statistics of a table that was filled just now say.
        await connection.execute("set local enable_nestloop = off")
        before = await scans(connection)
        await read(connection, one)
        after = await scans(connection)
        return {name: after[name] - before[name] for name in after if after[name] > before[name]}


async def scans(connection: psycopg.AsyncConnection[TupleRow]) -> dict[str, int]:
    cursor = await connection.execute(
        "select relname, seq_scan + coalesce(idx_scan, 0) from pg_stat_xact_user_tables "
        "where relname in ('experiment_units', 'experiment_calls', 'scores')"
    )
    return dict(await cursor.fetchall())

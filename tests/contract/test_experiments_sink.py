"""What the shipper keeps of experiments: a row a unit, in whatever order; erased with its user."""

import uuid
from typing import Any

import msgspec
import pytest
from tests.contract.made_entries import BOOT, envelope, make_begin, make_end, new_call, now_ms

from headgate.core.entries import Begin, End, Exposure
from headgate.core.faults import InvalidRequest
from headgate.experiments.definitions import read_secret, sync_experiments
from headgate.experiments.model import Arm, Experiment, Metric, UnitKind, version_of
from headgate.experiments.sink import PAST_MAX, ExperimentSink
from headgate.records.model import RequestFilters
from headgate.records.queries import list_requests
from headgate.records.sink import RecordSink
from headgate.store.database import Database
from headgate.store.live import LiveObjects
from headgate.store.rows import fetch_rows
from headgate.traces.erasure.erasing import QUERIES, Eraser

DAY_MS = 86_400_000


def experiment(unit: UnitKind = "user", name: str = "tiny") -> Experiment:
    made = Experiment(
        name=name,
        alias="assistant",
        arms=(Arm(name="now", share=1), Arm(name="new", share=1, targets=("mock/tiny",))),
        metrics=(Metric(name="solved"),),
        unit=unit,
    )
    return msgspec.structs.replace(made, version=version_of(made))


TINY = experiment()


def exposed(arm: str = "new", unit: str = "ann", of: Experiment = TINY, **changes: Any) -> End:
    exposure = Exposure(of.name, of.version, arm, unit, of.unit)
    return make_end(new_call(), exposures=(exposure,), **changes)


async def ship(database: Database, *entries: Begin | End) -> None:
    batch = [envelope(entry) for entry in entries]
    async with database.transaction() as connection:
        await sync_experiments(connection, (TINY,))
        for sink in (ExperimentSink(), RecordSink()):
            await sink.apply(connection, batch)


async def units(database: Database) -> list[dict[str, Any]]:
    async with database.connection() as connection:
        return await fetch_rows(connection, "select * from experiment_units order by unit", {})


async def test_a_unit_has_one_row_and_its_calls_are_summed_up(database: Database) -> None:
    await ship(
        database,
        exposed(duration_ms=100, cost_pico_usd=2 * 10**12),
        exposed(duration_ms=200, status=502, code="upstream_error", cost_pico_usd=None),
        exposed(status=400, code="content_policy_violation", duration_ms=0),
        exposed(status=499, code="client_closed", duration_ms=0),
        exposed("now", "bob"),
        make_end(new_call()),
    )
    await ship(database, exposed(duration_ms=300, cost_pico_usd=10**12))
    ann, bob = await units(database)
    assert (ann["arm"], ann["calls"], ann["errors"], ann["refusals"]) == ("new", 5, 1, 1)
    assert (ann["duration_ms"], ann["unpriced"], ann["crossed"]) == (600, 1, 0)
    assert f"{ann['cost_usd']:.6f}" == "3.000002"
    assert (bob["arm"], bob["calls"]) == ("now", 1)
    async with database.connection() as connection:
        asked = "select exposures from requests where exposures::text like '%%ann%%' limit 1"
        [row] = await fetch_rows(connection, asked, {})
    assert row["exposures"][0]["arm"] == "new"


@pytest.mark.parametrize("in_one_batch", [True, False])
async def test_the_first_exposure_by_its_time_has_the_arm_and_crossing_is_counted(
    database: Database, in_one_batch: bool
) -> None:
    early, late = exposed("now", started_ms=now_ms() - 60_000), exposed("new")
    if in_one_batch:
        await ship(database, late, early)
    else:
        await ship(database, late)
        await ship(database, early)
    [ann] = await units(database)
    assert (ann["arm"], ann["calls"], ann["crossed"]) == ("now", 2, 1)
    assert int(ann["first_at"].timestamp() * 1000) == early.started_ms


async def crossed_calls(database: Database, arm: str) -> set[bytes]:
    async with database.connection() as connection:
        filters = RequestFilters(experiment=TINY.name, crossed=arm)
        page = await list_requests(connection, ["default"], filters)
    return {uuid.UUID(item.id).bytes for item in page.items}


async def test_calls_that_another_arm_served_are_as_many_as_are_counted(database: Database) -> None:
    """However they come: in one batch or several, first the unit's own arm's or another's."""
    now = now_ms()
    arms = ("now", "new", "new", "now", "new", "new", "now")
    ends = [exposed(arm, started_ms=now - 60_000 + place) for place, arm in enumerate(arms)]
    others = [exposed("new", "bob", started_ms=now), exposed("now", "bob", started_ms=now + 1)]
    await ship(database, *ends[:3])
    await ship(database, *ends[3:4], *others)
    await ship(database, *ends[4:])
    ann, bob = await units(database)
    assert (ann["arm"], ann["calls"], ann["crossed"]) == ("now", 7, 4)
    assert (bob["arm"], bob["crossed"]) == ("new", 1)
    assert await crossed_calls(database, "now") == {
        end.call for end, arm in zip(ends, arms, strict=True) if arm == "new"
    }
    assert await crossed_calls(database, "new") == {others[1].call}
    async with database.connection() as connection:
        elsewhere = RequestFilters(experiment=TINY.version, crossed="now")
        assert (await list_requests(connection, ["blue"], elsewhere)).items == []
        with pytest.raises(InvalidRequest, match="name its experiment"):
            await list_requests(connection, None, RequestFilters(crossed="now"))


async def test_calls_after_the_window_do_not_count(database: Database) -> None:
    began = now_ms() - 30 * DAY_MS
    await ship(database, exposed(started_ms=began))
    await ship(database, exposed(started_ms=began + 6 * DAY_MS))
    await ship(database, exposed(started_ms=began + 8 * DAY_MS), exposed(started_ms=began + 9 * DAY_MS))
    [ann] = await units(database)
    assert ann["calls"] == 2


async def test_calls_of_nobody_are_counted_apart(database: Database) -> None:
    await ship(database, exposed("", ""), exposed("", ""))
    await ship(database, exposed("", ""))
    assert await units(database) == []
    async with database.connection() as connection:
        [row] = await fetch_rows(connection, "select calls from experiment_strays", {})
    assert row["calls"] == 3


async def test_names_that_the_database_can_not_hold_are_kept_as_the_records_have_them(
    database: Database,
) -> None:
    await ship(database, exposed(unit="a\0b"), exposed(unit="x" * 300))
    found = [row["unit"] for row in await units(database)]
    assert found == ["a\ufffdb", "x" * 200]


async def test_the_secret_is_made_once_and_definitions_are_kept(database: Database) -> None:
    async with database.transaction() as connection:
        assert await read_secret(connection) is None
        await sync_experiments(connection, ())
        assert await read_secret(connection) is None
        await sync_experiments(connection, (TINY,))
        first = await read_secret(connection)
        await sync_experiments(connection, (TINY, experiment("session")))
        assert await read_secret(connection) == first
        assert first is not None
        assert len(first) == 32
        kinds = [each.kind for each in await LiveObjects.changes_since(connection, 0)]
        assert kinds == ["assignment"]
        rows = await fetch_rows(connection, "select changed_at from experiments", {})
    assert [row["changed_at"] for row in rows] == [None, None]


async def test_an_erased_user_is_in_no_experiment_any_more(database: Database) -> None:
    trace = experiment("trace", "by-trace")
    traced = exposed(unit="0af7651916cd43dd8448eb211c80319c", of=trace, user="ann")
    async with database.transaction() as connection:
        await sync_experiments(connection, (TINY, trace))
    await ship(database, exposed(user="ann"), exposed(unit="bob", user="bob"), traced)
    assert len(await units(database)) == 3
    async with database.transaction() as connection:
        await connection.execute(
            QUERIES.ask,
            {
                "id": "0190a0a0-0000-7000-8000-0000000000aa",
                "project": "default",
                "kind": "user",
                "subject": "ann",
                "subject_digest": b"digest",
                "cutoff": None,
                "asked_by": "tests",
                "dry_run": False,
                "days": 30,
            },
        )
    await Eraser(database).work()
    assert [row["unit"] for row in await units(database)] == ["bob"]
    async with database.connection() as connection:
        [told] = await fetch_rows(connection, "select removed, remained, second_look from erasures", {})
    for name in ("experiment_units", "experiment_calls"):
        assert told["removed"][name] >= 1
        assert (told["remained"][name], told["second_look"][name]) == (0, 0)
    await ship(database, exposed(user="ann", started_ms=now_ms() + 60_000))
    async with database.transaction() as connection:
        await connection.execute("update erasures set next_look = now()")
    await Eraser(database).work()
    assert [row["unit"] for row in await units(database)] == ["ann", "bob"], "what comes later stays"
    async with database.connection() as connection:
        rows = await fetch_rows(connection, "select unit from experiment_calls order by 1", {})
    assert [row["unit"] for row in rows] == ["ann", "bob"]


async def test_calls_that_die_with_their_process_count_as_errors_of_their_arm(database: Database) -> None:
    began = now_ms() - 2 * 3600 * 1000
    exposure = Exposure(TINY.name, TINY.version, "new", "a\0nn", TINY.unit)
    nobody = Exposure(TINY.name, TINY.version, "", "", TINY.unit)
    ended = new_call()
    await ship(database, exposed("now", "a\0nn", started_ms=began - 1000))
    begun = [
        make_begin(new_call(), exposures=(exposure,), started_ms=began, session="s"),
        make_begin(new_call(), exposures=(nobody,)),
        make_begin(new_call()),
        make_begin(ended, exposures=(exposure,)),
    ]
    await ship(database, *begun)
    await ship(database, make_end(ended))
    async with database.transaction() as connection:
        for sink in (ExperimentSink(), RecordSink()):
            await sink.close_journal(connection, BOOT)
    [ann] = await units(database)
    assert (ann["arm"], ann["calls"], ann["errors"], ann["crossed"]) == ("now", 2, 1, 1)
    assert ann["duration_ms"] <= 600_050, "whoever asked has not waited for hours"
    async with database.connection() as connection:
        asked = "select exposures from requests where code = 'interrupted' and exposures <> '[]' order by 1"
        rows = await fetch_rows(connection, asked, {})
        strays = await fetch_rows(connection, "select calls from experiment_strays", {})
        calls = await fetch_rows(connection, "select session from experiment_calls order by 1", {})
    assert {row["exposures"][0].get("arm") for row in rows} == {"new", None}
    assert [row["calls"] for row in strays] == [1]
    assert "s" in [row["session"] for row in calls], "feedback on its session finds its unit"


async def own(database: Database) -> list[dict[str, Any]]:
    return [unit for unit in await units(database) if unit["version"] == TINY.version]


async def test_a_unit_keeps_what_its_calls_came_to_before_its_first_exposure(database: Database) -> None:
    """Of the same alias, within a window, and in no arm of an earlier version, by which they were served."""
    began = now_ms() - 10 * DAY_MS
    earlier = Exposure(TINY.name, "0123", "new", "ann", "user")
    other = Exposure("another", "4567", "new", "ann", "user")

    def before(days: float, **changes: Any) -> End:
        told = {"user": "ann", "model": "assistant", "duration_ms": 100, "cost_pico_usd": 10**10} | changes
        at_ms = began - int(days * DAY_MS)
        call = new_call()  # with the time at which it began, as gateways make it
        return make_end(at_ms.to_bytes(6) + call[6:], started_ms=at_ms, **told)

    await ship(
        database,
        before(1),
        before(2, status=502, code="upstream_error", duration_ms=300, cost_pico_usd=None),
        before(3, exposures=(other,)),
        before(4, status=400, code="content_policy_violation", cost_pico_usd=0),
        before(8),
        before(1, model="another"),
        before(1, user="eve"),
        before(1, project="another"),
        before(1, exposures=(earlier,)),
    )
    await ship(database, exposed(started_ms=began, user="ann"), exposed(unit="bob", started_ms=began))
    ann, bob = await own(database)
    assert (ann["past_calls"], ann["past_error_rate"]) == (4, 0.25)
    assert (ann["past_call_ms"], ann["past_cost_usd"]) == (150, pytest.approx(0.02))
    assert (bob["past_calls"], bob["past_cost_usd"], bob["calls"]) == (None, None, 1)
    # Another host's journal comes later, and has an earlier call: the time before is before that.
    await ship(database, exposed(started_ms=began - int(2.5 * DAY_MS), user="ann"))
    ann, _ = await own(database)
    assert (ann["past_calls"], ann["past_error_rate"], ann["calls"]) == (3, 0, 2)
    # What comes after the first exposure changes nothing of it.
    await ship(database, exposed(started_ms=began + DAY_MS, user="ann"))
    ann, _ = await own(database)
    assert (ann["past_calls"], ann["calls"]) == (3, 3)


async def test_what_a_unit_was_like_is_told_by_its_newest_calls(database: Database) -> None:
    """A service may have a million of them, which a shipper would have to read."""
    began = now_ms() - 2 * DAY_MS
    ends: list[End] = []
    for number in range(PAST_MAX + 5):
        at_ms = began - (number + 1) * 1000
        call = at_ms.to_bytes(6) + new_call()[6:]
        took = 100 if number < PAST_MAX else 100_000
        ends.append(make_end(call, started_ms=at_ms, user="ann", model="assistant", duration_ms=took))
    await ship(database, *ends)
    await ship(database, exposed(started_ms=began, user="ann"))
    [ann] = await own(database)
    assert (ann["past_calls"], ann["past_call_ms"]) == (PAST_MAX, 100)

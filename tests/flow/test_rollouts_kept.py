"""What rollouts keep, and for how long: by retention, and by an erasure of whose calls were compared."""

import uuid

import msgspec
import pytest
from tests.contract.made_entries import new_call
from tests.flow.control_app import control
from tests.flow.test_api_erasures import erased
from tests.flow.test_api_requests import ended, record
from tests.flow.test_rollouts_together import CLOCK, CONFIG
from tests.rollout_settings import only_rollout

from headgate.core.entries import COMPARED, END, SHADOW, Answered, Compared, Exposure
from headgate.core.ports import Envelope
from headgate.experiments.definitions import sync_experiments
from headgate.experiments.sink import ExperimentSink
from headgate.rollouts.model import BACK, LIVE_STAGE, Rollout, Standing
from headgate.rollouts.moving import STAYS_BACK, begin, last_back, move, moves, standings
from headgate.rollouts.retention import expire_stages
from headgate.rollouts.sink import PairSink
from headgate.store.database import Database
from headgate.store.live import LiveObjects

DAY_MS = 86_400_000
DAYS = {"default": 30, "shop": 90}
ANSWERED = Answered(False, False, 100, 1000, 10)


@pytest.fixture
def rollout() -> Rollout:
    return only_rollout(CONFIG)


async def compare(database: Database, version: str, call: bytes, shadow: bytes, **more: object) -> None:
    pair = Compared(version, "default", "u", CLOCK.now_ms(), call, shadow, ANSWERED, ANSWERED)
    entry = msgspec.msgpack.encode(msgspec.structs.replace(pair, **more))
    async with database.transaction() as connection:
        await PairSink().apply(connection, [Envelope(b"", COMPARED, entry)])


async def left(database: Database, table: str) -> list[tuple[str, str]]:
    async with database.connection() as connection:
        cursor = await connection.execute(f"select version, project from {table} order by 1, 2".encode())
        return [(str(version), str(project)) for version, project in await cursor.fetchall()]


async def test_an_erased_session_takes_the_shadows_of_its_calls(database: Database, rollout: Rollout) -> None:
    version = rollout.stages[0].experiment.version
    call, other, shadow = new_call(), new_call(), new_call()
    exposure = Exposure("rollout:smaller", version, "candidate", str(uuid.UUID(bytes=call)), SHADOW)
    async with control(database) as api:
        of_session, of_another, beside = await record(
            database,
            ended(call=call, session="s1"),
            ended(call=other, session="s2"),
            ended(call=shadow, session="", exposures=(exposure,)),
        )
        await compare(database, version, call, shadow)
        await compare(database, version, other, new_call())
        await erased(api, database, session="s1")
        kept = {each["id"] for each in (await api.get("/requests"))["items"]}
        assert (of_another in kept, of_session in kept, beside in kept) == (True, False, False)
    assert await left(database, "rollout_pairs") == [(version, "default")], "that of the other session"


async def test_what_a_stage_was_decided_by_goes_with_retention_once_it_is_left(
    database: Database, rollout: Rollout
) -> None:
    first, second, third, _ = [stage.experiment.version for stage in rollout.stages]
    now_ms = CLOCK.now_ms()
    async with database.transaction() as connection:
        await sync_experiments(connection, [stage.experiment for stage in rollout.stages])
        await begin(connection, rollout)
        standing = (await standings(connection, (rollout,)))[rollout.version]
        await move(connection, rollout, standing, action="advance", actor="k1", why="")
    for version in (first, second):
        for project, days in (("default", 40), ("default", 1), ("shop", 40)):
            at_ms = now_ms - days * DAY_MS
            await compare(
                database, version, new_call(), new_call(), project=project, at_ms=at_ms, unit=f"{days}"
            )
    exposure = Exposure("rollout:smaller", third, "candidate", "ann", "user")
    old = ended(started_ms=now_ms - 40 * DAY_MS, exposures=(exposure,))
    async with database.transaction() as connection:
        await ExperimentSink().apply(connection, [Envelope(b"", END, msgspec.msgpack.encode(old))])
    async with database.connection() as connection:
        await expire_stages(connection, (rollout,), DAYS)
    kept = await left(database, "rollout_pairs")
    assert sorted(kept) == sorted(
        [(first, "default"), (first, "shop"), (second, "default"), (second, "default"), (second, "shop")]
    )
    assert await left(database, "experiment_units") == []
    assert await left(database, "experiment_calls") == []
    async with database.connection() as connection:
        await expire_stages(connection, (), DAYS)
    assert [project for _, project in await left(database, "rollout_pairs")].count("default") == 2


async def test_what_fell_back_stays_back_when_what_serves_its_alias_changes(
    database: Database, rollout: Rollout
) -> None:
    other = only_rollout(CONFIG.replace('targets = ["mock/large"]', 'targets = ["mock/huge"]'))
    entry = only_rollout(CONFIG.replace("units = 50", "units = 60"))
    assert len({rollout.version, other.version, entry.version}) == 3
    async with database.transaction() as connection:
        assert await begin(connection, rollout)
        (standing,) = (await standings(connection, (rollout,))).values()
        await move(connection, rollout, standing, action="back", actor="ann", why="it is worse")
        assert await begin(connection, other)
        assert not await begin(connection, other)
        assert await begin(connection, entry)
        found = await standings(connection, (rollout, other, entry))
        assert {name: each.stage for name, each in found.items()} == {
            rollout.version: BACK,
            other.version: BACK,
            entry.version: 0,
        }
        (told,) = await moves(connection, other)
        assert (told.to_stage, told.why) == ("back", STAYS_BACK)
        for each in (rollout, other):
            back = await last_back(connection, each)
            assert back is not None
            assert (back.from_stage, back.moved_by, back.why) == ("shadow", "ann", "it is worse")
        assert await last_back(connection, entry) is None
        live = await LiveObjects.get(connection, LIVE_STAGE, other.version)
        assert live is not None and live.body is not None
        assert msgspec.json.decode(live.body, type=Standing).stage == BACK

"""What canaries were answered to a user's cases goes when the user is erased, however late it comes."""

import uuid
from typing import Any, cast

import msgspec
from tests.contract.made_entries import envelope, make_end, new_call
from tests.contract.test_drift_runs import Gateways, World, canary
from tests.contract.test_erasures import erase, read, removed

from headgate.core.secret import Secret
from headgate.datasets.model import Case, checked_case
from headgate.datasets.store import Source, add_cases, get_dataset, make_dataset
from headgate.drift.calling import Answered
from headgate.drift.model import Canary
from headgate.records.sink import RecordSink
from headgate.store.database import Database
from headgate.traces.erasure.erasing import Eraser
from headgate.traces.erasure.model import shown

HERS, HIS, FILED = (Case(id=name, input=f"{name}: where is it?") for name in ("hers", "his", "filed"))
ORDERS = {"dataset": "orders", "cases": (), "draws": 20, "reference": 60}


class Recording(Gateways):
    """Answers, and has each call on record."""

    def __init__(self, database: Database) -> None:
        super().__init__("on its way")
        self.database = database
        self.erased_in_the_midst = ""

    async def chat(self, key: Secret, body: bytes) -> Answered:
        answered = await super().chat(key, body)
        if self.calls == 10:
            self.erased_in_the_midst = (await erase(self.database, "user", "anna")).id
        call = new_call()
        end = make_end(call, project="default", user="", session="", trace_id="", tags=("canary",))
        async with self.database.transaction() as connection:
            await RecordSink().apply(connection, [envelope(end)])
        return msgspec.structs.replace(answered, call=str(uuid.UUID(bytes=call)))


async def collect(database: Database) -> None:
    """A dataset of three cases: one of each of two users, and one of a file."""
    async with database.transaction() as connection:
        assert await make_dataset(connection, "default", "orders")
        dataset = await get_dataset(connection, "default", "orders")
        cases = [(checked_case(HERS), Source(user="anna")), (checked_case(HIS), Source(user="ben"))]
        await add_cases(connection, dataset, [*cases, (checked_case(FILED), Source(key="k1"))], by="k1")


async def answered(database: Database) -> dict[str, tuple[int, int]]:
    """Of each case how many answers there are, and how many of their calls are on record."""
    async with database.connection() as connection:
        cursor = await connection.execute(
            'select a."case", count(*), count(r.id) from drift_answers a '
            "left join requests r on r.id = a.call group by 1 order by 1"
        )
        return {case: (answers, calls) for case, answers, calls in await cursor.fetchall()}


async def watched(database: Database) -> int:
    async with database.connection() as connection:
        cursor = await connection.execute(
            "select count(*) from drift_watches where state::text like '%hers%'"
        )
        return cast("tuple[int]", await cursor.fetchone())[0]


def asks(name: str = "orders") -> Canary:
    fields: dict[str, Any] = {**ORDERS, "dataset": name}
    return canary(**fields)


async def test_answers_to_a_users_cases_go_with_their_calls(database: Database) -> None:
    await collect(database)
    gateways = Recording(database)
    gateways.calls = 10_000  # no erasure in the midst
    world = World(database, gateways, asks())
    await world.job.look()
    before = await answered(database)
    assert sorted(before) == ["filed", "hers", "his"]
    assert all(answers == calls > 0 for answers, calls in before.values())
    assert await watched(database) == 1
    dry = await erase(database, "user", "anna", dry_run=True)
    assert removed(dry)["drift_answers"] == before["hers"][0]
    assert await answered(database) == before
    erasure = await erase(database, "user", "anna")
    assert removed(erasure) == {
        "requests": before["hers"][0],
        "dataset_cases": 1,
        "drift_answers": before["hers"][0],
        "drift_watches": 1,
    }
    assert all(row.found == 0 for row in erasure.second_look)
    assert await answered(database) == {name: before[name] for name in ("filed", "his")}
    await world.again()
    after = await answered(database)
    assert (sorted(after), await watched(database)) == (["filed", "his"], 0)
    assert after["his"] > before["his"]


async def test_a_run_that_is_under_way_brings_its_answers_late(database: Database) -> None:
    await collect(database)
    gateways = Recording(database)
    world = World(database, gateways, asks("orders@1"))
    await world.job.look()
    late = (await answered(database))["hers"]
    assert late[0] == late[1] > 0, "they were asked before the case went"
    erasure = gateways.erased_in_the_midst
    assert removed(shown(await read(database, erasure))) == {"dataset_cases": 1}
    async with database.transaction() as connection:
        await connection.execute("update erasures set next_look = clock_timestamp()")
    await Eraser(database).work()
    told = removed(shown(await read(database, erasure)))
    assert (told["drift_answers"], told["requests"], told["drift_watches"]) == (late[0], late[0], 1)
    assert sorted(await answered(database)) == ["filed", "his"]
    # The same words from a file, added afterwards, are nobody's: their answers stay.
    async with database.transaction() as connection:
        dataset = await get_dataset(connection, "default", "orders")
        await add_cases(connection, dataset, [(checked_case(HERS), Source(key="k1"))], by="k1")
        await connection.execute("update erasures set next_look = clock_timestamp() + interval '1 minute'")
    again = World(database, gateways, asks())
    await again.again()
    async with database.transaction() as connection:
        await connection.execute("update erasures set next_look = clock_timestamp()")
    await Eraser(database).work()
    assert "hers" in await answered(database)

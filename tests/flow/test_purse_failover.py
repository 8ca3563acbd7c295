"""Another server has taken over: nothing is granted until all have said what they hold."""

import asyncio
import uuid

import pytest
from tests.flow.meter_parts import Journal, bound, budget, purse_on, subject, windows

from headgate.access.gateways import heartbeat
from headgate.core.faults import BudgetExhausted, Limited, Unavailable
from headgate.meters.purse import Purse, Reservation
from headgate.meters.sink import release_boot
from headgate.store.database import Database

REGISTERED_S_MAX = 20.0


class Gateway:
    """A purse whose process the database has heard of."""

    def __init__(self, database: Database) -> None:
        self.boot = uuid.uuid4()
        self.purse: Purse = purse_on(database, processes=2, boot=self.boot)
        self._database = database

    async def start(self) -> "Gateway":
        async with self._database.connection() as connection:
            await heartbeat(connection, self.boot, f"gateway {self.boot}", 0, "")
        await self.purse.start()
        await registered(self, 1)
        return self


async def run(database: Database, *statements: str) -> None:
    async with database.transaction() as connection:
        for statement in statements:
            await connection.execute(statement.encode())


async def take_over(database: Database, timeline: int) -> None:
    """Let the database say that it is another server from now on."""
    await run(
        database,
        "create or replace function database_identity() returns text language sql stable "
        f"as $$ select '77/{timeline:08X}/1' $$",
    )


async def epochs(database: Database) -> list[tuple[str, bool]]:
    async with database.connection() as connection:
        cursor = await connection.execute(
            "select identity, opened_at is not null from grant_epochs order by epoch"
        )
        return [(str(row[0]), bool(row[1])) for row in await cursor.fetchall()]


async def opened(database: Database, identity: str) -> None:
    async with asyncio.timeout(REGISTERED_S_MAX):
        while (identity, True) not in await epochs(database):  # noqa: ASYNC110 (the database has no events)
            await asyncio.sleep(0.05)


async def registered(gateway: Gateway, times: int) -> None:
    async with asyncio.timeout(REGISTERED_S_MAX):
        while gateway.purse.snapshot().registrations < times:  # noqa: ASYNC110 (a purse has no events)
            await asyncio.sleep(0.02)


async def test_a_grant_that_the_standby_lacks_is_not_granted_again(database: Database) -> None:
    one = budget(limit=100, reserve_wait_s=0.0)
    await take_over(database, 1)
    holder, other = await Gateway(database).start(), await Gateway(database).start()
    held = await holder.purse.reserve([one], subject(), bound(60))
    await run(database, "update leases set granted = 0", "update meter_windows set leased = 0")
    await take_over(database, 2)
    await opened(database, "77/00000002/1")
    await registered(holder, 2)
    await registered(other, 2)
    (window,) = await windows(database)
    assert window["leased"] >= 60
    with pytest.raises(Limited):
        await other.purse.reserve([one], subject(), bound(50))
    rest = await other.purse.reserve([one], subject(), bound(40))
    other.purse.release(rest)
    holder.purse.release(held)
    await holder.purse.stop()
    await other.purse.stop()
    (window,) = await windows(database)
    assert window["leased"] == 0


async def test_nothing_is_granted_while_a_live_holder_is_silent(database: Database) -> None:
    deny, allow = budget("deny", 100), budget("allow", 100, on_outage="allow")
    await take_over(database, 1)
    silent = Gateway(database)
    held = await silent.purse.reserve([deny], subject(), bound(60))
    async with database.connection() as connection:
        await heartbeat(connection, silent.boot, "silent", 0, "")
    other = await Gateway(database).start()
    await take_over(database, 2)
    await registered(other, 2)
    for _ in range(3):
        with pytest.raises(Unavailable, match="failover"):
            await other.purse.reserve([deny], subject(), bound(40))
        # Where an outage allows calls, so does this.
        other.purse.release(await other.purse.reserve([allow], subject(), bound(40)))
    assert (await epochs(database))[-1] == ("77/00000002/1", False)

    # Waited for in vain; what it has on record is not released.
    await run(database, "update grant_epochs set began_at = began_at - interval '31 seconds'")
    other.purse.release(await reserve_soon(other.purse, 40))
    with pytest.raises(Limited):
        await other.purse.reserve([budget("deny", 100, reserve_wait_s=0.0)], subject(), bound(41))
    # Whoever comes back is registered then.
    await silent.purse.start()
    await registered(silent, 1)
    silent.purse.settle(held, 60)
    await silent.purse.stop()
    await other.purse.stop()


async def reserve_soon(purse: Purse, amount: int) -> Reservation:
    async with asyncio.timeout(REGISTERED_S_MAX):
        while True:
            try:
                return await purse.reserve([budget("deny", 100)], subject(), bound(amount))
            except Unavailable:
                await asyncio.sleep(0.05)


async def test_a_holder_that_an_operator_gave_up_is_not_waited_for(database: Database) -> None:
    await take_over(database, 1)
    gone, other = Gateway(database), await Gateway(database).start()
    async with database.connection() as connection:
        await heartbeat(connection, gone.boot, "gone", 0, "")
    await gone.purse.reserve([budget("deny", 100)], subject(), bound(60))
    await take_over(database, 2)
    await registered(other, 2)
    with pytest.raises(Unavailable):
        await other.purse.reserve([budget("deny", 100)], subject(), bound(100))
    async with database.transaction() as connection:
        await release_boot(connection, gone.boot, "its host burnt down")
    other.purse.release(await reserve_soon(other.purse, 100))
    await other.purse.stop()


async def test_a_window_that_the_standby_lacks_is_made_anew(database: Database) -> None:
    one = budget(limit=100, reserve_wait_s=0.0)
    await take_over(database, 1)
    holder = await Gateway(database).start()
    journal, call = Journal(holder.boot), uuid.uuid4()
    held = await holder.purse.reserve([one], subject(), bound(60))
    journal.begin(call, held.holds)
    journal.end(call, held.holds, 50)
    await run(database, "delete from leases", "delete from meter_windows", "delete from meters")
    await take_over(database, 2)
    await registered(holder, 2)
    (window,) = await windows(database)
    assert window["id"] == held.holds[0].window and window["leased"] >= 60
    holder.purse.settle(held, 50)
    await journal.ship(database)
    with pytest.raises(BudgetExhausted):
        await purse_on(database).reserve([one], subject(), bound(51))
    (window,) = await windows(database)
    assert window["spent"] == 50
    await holder.purse.stop()


async def test_a_window_whose_place_is_taken_is_given_up(database: Database) -> None:
    one = budget(limit=100, reserve_wait_s=0.0)
    await take_over(database, 1)
    holder = await Gateway(database).start()
    held = await holder.purse.reserve([one], subject(), bound(60))
    await run(
        database,
        "delete from leases",
        "update meter_windows set leased = 0",
        "alter table meter_windows alter column id drop identity",
        "update meter_windows set id = id + 1000",
        "alter table meter_windows alter column id add generated always as identity (start 5000)",
    )
    await take_over(database, 2)
    await registered(holder, 2)
    holder.purse.settle(held, 50)
    after = await holder.purse.reserve([one], subject(), bound(70))
    assert after.holds[0].window == held.holds[0].window + 1000
    holder.purse.release(after)
    await holder.purse.stop()


async def test_a_server_that_was_left_behind_is_not_believed(database: Database) -> None:
    one = budget(limit=100, reserve_wait_s=0.0)
    await take_over(database, 2)
    holder = await Gateway(database).start()
    await take_over(database, 1)
    with pytest.raises(Unavailable, match="replaced"):
        await holder.purse.reserve([one], subject(), bound(10))
    assert holder.purse.snapshot().available == 0
    await take_over(database, 2)
    await registered(holder, 2)
    async with asyncio.timeout(REGISTERED_S_MAX):
        while True:
            try:
                held = await holder.purse.reserve([one], subject(), bound(10))
                break
            except Unavailable:
                await asyncio.sleep(0.05)
    holder.purse.release(held)
    await holder.purse.stop()

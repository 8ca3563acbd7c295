"""What must hold when something goes wrong: lost answers, dead processes, no database, a window that ends."""

import asyncio
import uuid

import pytest
from tests.flow.meter_parts import Journal, bound, budget, purse_on, subject, windows

from headgate.core.call import Unbounded
from headgate.core.entries import Alert
from headgate.core.faults import BudgetExhausted, Limited, NotAllowed, Unavailable
from headgate.meters.purse import Reservation
from headgate.meters.sink import close_journal, release_boot
from headgate.meters.till import PurseSettings
from headgate.store.database import Database


async def test_a_grant_whose_caller_has_gone_is_taken_in(database: Database) -> None:
    one = budget(limit=100)
    purse = purse_on(database)
    for _ in range(20):
        caller = asyncio.create_task(purse.reserve([one], subject(), bound(100)))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        caller.cancel()
        await asyncio.wait({caller})
    held = await purse.reserve([one], subject(), bound(100))
    purse.release(held)
    await purse.stop()
    (window,) = await windows(database)
    assert window["leased"] == 0


async def test_a_grant_whose_answer_is_lost_is_neither_doubled_nor_lost(
    database: Database,
) -> None:
    """The first purse of a boot is granted money and never learns of it; the second speaks for the boot."""
    one = budget(limit=130)
    boot = uuid.uuid4()
    deaf = purse_on(database, boot=boot)
    await deaf.reserve([one], subject(), bound(60))
    again = purse_on(database, boot=boot)
    held = await again.reserve([one], subject(), bound(60))
    (window,) = await windows(database)
    assert window["leased"] == 60
    with pytest.raises(Limited):
        await again.reserve([budget(limit=130, reserve_wait_s=0.0)], subject(), bound(80))
    again.settle(held, 60)
    await again.stop()


async def test_a_crash_charges_what_had_begun_and_gives_back_the_rest(database: Database) -> None:
    one = budget(limit=100)
    boot = uuid.uuid4()
    purse, journal = purse_on(database, boot=boot), Journal(boot)
    seen, lost = uuid.uuid4(), uuid.uuid4()
    first = await purse.reserve([one], subject(), bound(30))
    journal.begin(seen, first.holds)
    second = await purse.reserve([one], subject(), bound(40))
    journal.begin(lost, second.holds)
    journal.end(seen, first.holds, 10)
    await journal.ship(database)

    async with database.transaction() as connection:
        closing = await close_journal(connection, boot)
        again = await close_journal(connection, boot)
    assert (closing.attempts, closing.charged, closing.given_back) == (1, 40, 20)
    assert (again.attempts, again.charged, again.given_back) == (0, 0, 0)
    (window,) = await windows(database)
    assert (window["spent"], window["leased"], window["entered"]) == (50, 0, 50)

    # Whoever was thought dead gets nothing more; the money is free for others.
    with pytest.raises(Unavailable):
        await purse.reserve([one], subject(), bound(90))
    other = purse_on(database)
    assert (await other.reserve([one], subject(), bound(50))).holds


async def test_a_journal_that_turns_up_late_is_settled_at_its_true_cost(database: Database) -> None:
    one = budget(limit=100)
    boot, call, unseen = uuid.uuid4(), uuid.uuid4(), uuid.uuid4()
    purse, journal = purse_on(database, boot=boot), Journal(boot)
    held = await purse.reserve([one], subject(), bound(40))
    other = await purse.reserve([one], subject(), bound(20))
    journal.begin(call, held.holds)
    await journal.ship(database)
    async with database.transaction() as connection:
        await release_boot(connection, boot, "the host burnt down")
    journal.end(call, held.holds, 5)
    journal.begin(unseen, other.holds)
    journal.end(unseen, other.holds, 7)
    await journal.ship(database)
    (window,) = await windows(database)
    assert (window["spent"], window["leased"], window["entered"]) == (12, 0, 12)


async def test_a_cost_above_its_bound_is_charged_and_told(database: Database) -> None:
    one = budget(limit=100)
    alerts: list[Alert] = []
    boot, call = uuid.uuid4(), uuid.uuid4()
    purse, journal = purse_on(database, boot=boot, on_alert=alerts.append), Journal(boot)
    held = await purse.reserve([one], subject(), bound(90))
    journal.begin(call, held.holds)
    journal.end(call, held.holds, 105)
    assert purse.settle(held, 105) == 15
    assert [alert.kind for alert in alerts] == ["overrun"]
    with pytest.raises(BudgetExhausted):
        await purse.reserve([one], subject(), bound(1))
    await journal.ship(database)
    (window,) = await windows(database)
    assert (window["spent"], window["leased"], window["overrun"]) == (105, 0, 15)
    with pytest.raises(BudgetExhausted, match=r"has 0 of 0\.0000000001 USD left"):
        await purse_on(database).reserve([one], subject(), bound(1))


async def test_an_overrun_is_paid_from_what_the_budget_still_has(database: Database) -> None:
    one = budget(limit=100)
    boot, call = uuid.uuid4(), uuid.uuid4()
    purse, journal = purse_on(database, boot=boot), Journal(boot)
    held = await purse.reserve([one], subject(), bound(10))
    journal.begin(call, held.holds)
    journal.end(call, held.holds, 30)
    purse.settle(held, 30)
    with pytest.raises(BudgetExhausted):
        await purse.reserve([one], subject(), bound(71))
    last = await purse.reserve([one], subject(), bound(70))
    await journal.ship(database)
    (window,) = await windows(database)
    assert (window["spent"], window["leased"]) == (30, 70)
    purse.release(last)
    await purse.stop()


async def test_calls_in_flight_make_others_wait_and_not_fail(database: Database) -> None:
    one = budget(limit=100, reserve_wait_s=5.0)
    holder, waiter = purse_on(database, processes=2), purse_on(database, processes=2)
    await holder.start()
    held = await holder.reserve([one], subject(), bound(80))
    waiting = asyncio.create_task(waiter.reserve([one], subject(), bound(50)))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    holder.release(held)
    # No recall is heard here: what lies idle comes back by itself.
    waiter.release(await asyncio.wait_for(waiting, 5))
    blocking = await waiter.reserve([one], subject(), bound(80))
    with pytest.raises(Limited) as refused:
        await holder.reserve([budget(limit=100, reserve_wait_s=0.05)], subject(), bound(50))
    assert refused.value.code == "budget_reserved" and refused.value.retry_after_s
    waiter.release(blocking)
    await holder.stop()
    await waiter.stop()
    (window,) = await windows(database)
    assert window["leased"] == 0


async def test_a_call_waits_for_its_own_process_too(database: Database) -> None:
    one = budget(limit=100)
    purse = purse_on(database)
    held = await purse.reserve([one], subject(), bound(100))
    waiting = asyncio.create_task(purse.reserve([one], subject(), bound(60)))
    await asyncio.sleep(0.05)
    purse.settle(held, 40)
    next_held = await asyncio.wait_for(waiting, 5)
    purse.settle(next_held, 60)
    with pytest.raises(BudgetExhausted):
        await purse.reserve([one], subject(), bound(1))


async def test_a_changed_limit_keeps_what_was_spent(database: Database) -> None:
    boot, call = uuid.uuid4(), uuid.uuid4()
    purse, journal = purse_on(database, boot=boot), Journal(boot)
    held = await purse.reserve([budget(limit=100)], subject(), bound(100))
    journal.begin(call, held.holds)
    journal.end(call, held.holds, 100)
    purse.settle(held, 100)
    await journal.ship(database)
    with pytest.raises(BudgetExhausted):
        await purse.reserve([budget(limit=100)], subject(), bound(1))
    async with database.connection() as connection:
        await connection.execute("update budgets set limit_pico = 150")
    await asyncio.sleep(0.3)  # for so long a refusal is believed
    held = await purse.reserve([budget(limit=150)], subject(), bound(50))
    with pytest.raises(Limited):
        await purse.reserve([budget(limit=150, reserve_wait_s=0.0)], subject(), bound(1))
    purse.release(held)


async def test_unbounded_costs_reserve_what_each_budget_says(database: Database) -> None:
    endless = Unbounded("file ids have no price")
    rich, poor = budget("rich", 100, max_cost_per_call_pico_usd=70), budget("poor", 100)
    purse = purse_on(database)
    held = await purse.reserve([rich], subject(), endless)
    assert [hold.pico_usd for hold in held.holds] == [70]
    with pytest.raises(NotAllowed, match="poor") as refused:
        await purse.reserve([rich, poor], subject(), endless)
    assert refused.value.code == "unbounded_cost"
    assert (await purse.reserve([], subject(), endless)).holds == ()


async def test_what_is_affordable_is_what_is_left(database: Database) -> None:
    near, other = budget("near", 100, when_near="clamp"), budget("other", 50)
    purse = purse_on(database)
    assert purse.affordable([other], subject()) is None
    assert purse.affordable([near, other], subject()) == 100
    held = await purse.reserve([near], subject(), bound(60))
    purse.settle(held, 50)
    assert purse.affordable([near], subject()) == 50
    with pytest.raises(BudgetExhausted):
        await purse.reserve([near], subject(), bound(51))
    assert (await purse.reserve([near], subject(), bound(50))).holds


async def test_a_reservation_is_settled_once(database: Database) -> None:
    purse = purse_on(database)
    held = await purse.reserve([budget()], subject(), bound(10))
    purse.settle(held, 4)
    with pytest.raises(AssertionError):
        purse.settle(held, 4)
    lenient = purse_on(database, settings=PurseSettings(grant_timeout_s=20.0))
    held = await lenient.reserve([budget()], subject(), bound(10))
    lenient.settle(held, 4)
    lenient.release(held)
    assert lenient.snapshot().settled_twice == 1
    assert lenient.snapshot().available <= 6


async def test_without_the_database_leases_are_used_up_and_then_denied() -> None:
    nowhere = Database("host=/nonexistent dbname=none", connections_max=1, wait_s=0.2)
    async with nowhere:
        hasty = PurseSettings(grant_timeout_s=0.25, strict=True)
        purse = purse_on(nowhere, settings=hasty)
        with pytest.raises(Unavailable, match="'all' can't be checked"):
            await purse.reserve([budget()], subject(), bound(10))
        held = await purse.reserve([budget(on_outage="allow")], subject(), bound(10))
        assert held.holds == ()
        purse.settle(held, 5)
        await purse.stop()


async def test_an_outage_costs_all_that_wait_one_timeout_together() -> None:
    nowhere = Database("host=/nonexistent dbname=none", connections_max=1, wait_s=10)
    async with nowhere:
        purse = purse_on(nowhere, settings=PurseSettings(grant_timeout_s=0.25))
        began = asyncio.get_running_loop().time()
        results = await asyncio.gather(
            *(purse.reserve([budget()], subject(), bound(10)) for _ in range(50)), return_exceptions=True
        )
        assert all(isinstance(result, Unavailable) for result in results)
        assert asyncio.get_running_loop().time() - began < 5
        await purse.stop()


async def test_a_reservation_settles_into_its_own_window(database: Database) -> None:
    """The window ends while a call is in flight: it is moved into the past, as time would."""
    one = budget(limit=100, window="hour")
    boot, call = uuid.uuid4(), uuid.uuid4()
    purse, journal = purse_on(database, boot=boot), Journal(boot)
    old: Reservation = await purse.reserve([one], subject(), bound(70))
    journal.begin(call, old.holds)
    async with database.connection() as connection:
        await connection.execute(
            "update meter_windows set starts_at = starts_at - interval '1 hour',"
            " ends_at = least(ends_at - interval '1 hour', clock_timestamp())"
        )
    # The old lease is used up first, since this process can't know better; then the new window opens.
    new = await purse.reserve([one], subject(), bound(90))
    assert new.holds[0].window != old.holds[0].window
    journal.end(call, old.holds, 65)
    purse.settle(old, 65)
    purse.settle(new, 10)
    await journal.ship(database)
    await purse.stop()
    before, after = await windows(database)
    assert (before["spent"], before["leased"]) == (65, 0)
    assert (after["spent"], after["leased"]) == (0, 10)


async def test_a_call_of_unbounded_cost_holds_one_amount_of_all_budgets(database: Database) -> None:
    purse = purse_on(database)
    wide = budget("wide", 1000, max_cost_per_call_pico_usd=300)
    narrow = budget("narrow", 1000, max_cost_per_call_pico_usd=20)
    reservation = await purse.reserve([wide, narrow], subject(), Unbounded("a server tool"))
    assert [hold.pico_usd for hold in reservation.holds] == [300, 300]
    assert purse.settle(reservation, 300) == 0, "charged in full, it is nobody's overrun"

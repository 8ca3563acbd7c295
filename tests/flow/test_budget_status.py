"""Budgets in the database: definitions, what was spent before they began, what is shown, what alerts."""

import uuid

from tests.flow.meter_parts import Journal, bound, budget, purse_on, subject, windows

from headgate.meters.budgets import prune_meters, sync_budgets
from headgate.meters.model import Budget, Scope
from headgate.meters.status import due_alerts, list_budgets
from headgate.store.database import Database


async def spend(database: Database, budgets: list[Budget], amount: int, user: str = "anna") -> None:
    boot, call = uuid.uuid4(), uuid.uuid4()
    purse, journal = purse_on(database, boot=boot), Journal(boot)
    held = await purse.reserve(budgets, subject(user=user), bound(amount))
    # The begin tells who it was; the end is of another boot's making and says anna.
    journal.begin(call, held.holds, user=user, tags=("nightly",))
    journal.settled(call, held.holds, amount)
    purse.settle(held, amount)
    await journal.ship(database)
    await purse.stop()


async def sync(database: Database, budgets: list[Budget]) -> None:
    async with database.transaction() as connection:
        await sync_budgets(connection, budgets)


async def test_a_new_budget_begins_with_what_its_window_has_spent(database: Database) -> None:
    await spend(database, [], 30)
    await spend(database, [], 12, user="bert")
    everyone = budget("everyone", 100, window="day")
    each = budget("each", 40, scope=Scope(user="*", provider="mock", tag="nightly"))
    nobody = budget("nobody", 100, scope=Scope(provider="openai"))
    of_model = budget("model", 100, scope=Scope(model="assistant", tag="*"))
    await sync(database, [everyone, each, nobody, of_model])
    await sync(database, [everyone, each, nobody, of_model])
    found = {(row["name"], row["subject"]): row["spent"] for row in await windows_of(database)}
    assert found == {
        ("everyone", ""): 42,
        ("each", "user=anna,provider=mock,tag=nightly"): 30,
        ("each", "user=bert,provider=mock,tag=nightly"): 12,
        ("model", "model=assistant,tag=nightly"): 42,
    }


async def windows_of(database: Database) -> list[dict[str, object]]:
    return [dict(row) for row in await windows(database)]


async def test_what_a_gateway_charged_before_control_knew_is_not_counted_twice(database: Database) -> None:
    await spend(database, [], 30)
    one = budget("late", 100)
    await spend(database, [one], 5)
    await sync(database, [one])
    (window,) = await windows(database)
    assert window["spent"] == 35


async def test_a_limit_that_changes_keeps_its_meter(database: Database) -> None:
    await sync(database, [budget(limit=100)])
    await spend(database, [budget(limit=100)], 90)
    await sync(database, [budget(limit=50)])
    async with database.connection() as connection:
        (shown,) = await list_budgets(connection, [budget(limit=50)])
    assert (shown.limit_usd, shown.spent_usd) == ("0.00000000005", "0.00000000009")


async def test_budgets_are_listed_with_their_windows(database: Database) -> None:
    unused = budget("unused", 10**12, window="day")
    each = budget("each", 5 * 10**12, scope=Scope(user="*"))
    quiet = budget("quiet", 1, scope=Scope(key="*"))
    await spend(database, [each], 10**12, user="anna")
    await spend(database, [each], 2 * 10**12, user="b,e=rt")
    async with database.connection() as connection:
        shown = await list_budgets(connection, [unused, each, quiet])
    assert [(one.name, one.scope, one.spent_usd) for one in shown] == [
        ("unused", {}, "0"),
        ("each", {"user": "b,e=rt"}, "2"),
        ("each", {"user": "anna"}, "1"),
    ]
    assert shown[0].window_end is not None and shown[0].window_end.endswith("T00:00:00Z")
    assert shown[1].window_end is None and shown[1].reserved_usd == "0"


async def test_each_threshold_alerts_once(database: Database) -> None:
    one = budget("month", 100)

    async def alerts() -> list[str]:
        async with database.transaction() as connection:
            return [alert.message for alert in await due_alerts(connection)]

    await spend(database, [one], 49)
    assert await alerts() == []
    await spend(database, [one], 35)
    (message,) = await alerts()
    assert "has passed 80 % of its limit" in message
    assert await alerts() == []
    await spend(database, [one], 16)
    assert ["100 %" in message for message in await alerts()] == [True]


async def test_what_is_old_is_pruned_and_spend_stays(database: Database) -> None:
    one = budget(limit=100)
    await spend(database, [one], 40)
    async with database.transaction() as connection:
        await connection.execute("update ledger set at = at - interval '500 days'")
        await prune_meters(connection)
        rows = await (await connection.execute("select count(*) from ledger")).fetchall()
        (shown,) = await list_budgets(connection, [one])
    assert rows == [(0,)] and shown.spent_usd == "0.00000000004"

"""What a call's cost is made of, through the control API: the prices of its configuration and of its day."""

from datetime import UTC, date, datetime
from typing import Any

from tests.contract.made_entries import make_attempt
from tests.flow.control_app import control, put_in_force
from tests.flow.test_api_requests import ended, record

from headgate.catalog.prices import cost, facts_for, price_table_version
from headgate.core.call import Usage
from headgate.core.money import parse_usd
from headgate.store.database import Database

FILE = """
[providers.openai]
kind = "openai"
api_key = "env:OPENAI_API_KEY"

[providers.mock]
kind = "mock"

[prices."mock/small"]
input = "{price}"
output = "2"
input_audio = "9"
"""
AUDIO = Usage(input=11, cache_read=7, output=13, input_audio=5)


def settled(snapshot: str, target: str, pico_usd: int | None, usage: Usage, **parts: Any) -> Any:
    attempt = make_attempt(target=target, cost_pico_usd=pico_usd, usage=usage)
    told = {
        "model": target,
        "target": target,
        "cost_pico_usd": pico_usd,
        "usage": usage,
        "snapshot": snapshot,
    }
    return ended(attempts=(attempt,), **told, **parts)


def amounts(detail: Any) -> int:
    return sum(parse_usd(item["amount_usd"]) for item in detail["cost"]["items"])


async def test_a_call_without_an_alias_shows_the_tables_price_of_its_day(database: Database) -> None:
    today = datetime.now(UTC).date()
    price = cost(facts_for("openai", "gpt-5-mini", on=today), AUDIO)
    assert price is not None
    async with control(database) as api:
        snapshot = await put_in_force(database, FILE.format(price=1))
        [request] = await record(database, settled(snapshot, "openai/gpt-5-mini", price, AUDIO))
        detail = await api.get(f"/requests/{request}")
        assert [item["bucket"] for item in detail["cost"]["items"]] == [
            "input",
            "cache_read",
            "output",
            "input_audio",
        ]
        assert amounts(detail) == price == parse_usd(detail["cost_usd"])
        [used] = detail["cost"]["prices"]
        assert (used["source"], used["date"]) == (price_table_version(), today.isoformat())
        assert detail["cost"]["unknown"] is None


async def test_a_price_of_ones_own_is_that_of_the_calls_snapshot(database: Database) -> None:
    async with control(database) as api:
        before = await put_in_force(database, FILE.format(price=1))
        await put_in_force(database, FILE.format(price=4))
        spent = (11 * 1 + 7 * 1 + 13 * 2 + 5 * 9) * 10**6
        [request] = await record(database, settled(before, "mock/small", spent, AUDIO))
        detail = await api.get(f"/requests/{request}")
        items = {item["bucket"]: (item["units"], item["price_usd"]) for item in detail["cost"]["items"]}
        assert items == {
            "input": (11, "1"),
            "cache_read": (7, "1"),
            "output": (13, "2"),
            "input_audio": (5, "9"),
        }
        assert amounts(detail) == spent
        [used] = detail["cost"]["prices"]
        assert (used["source"], used["date"]) == ("headgate.toml", None)


async def test_what_cant_be_told_is_said(database: Database) -> None:
    async with control(database) as api:
        snapshot = await put_in_force(database, FILE.format(price=1))
        spent = (11 * 1 + 7 * 1 + 13 * 2 + 5 * 9) * 10**6
        calls = [
            settled(snapshot, "mock/small", spent + 1, AUDIO),
            settled("of another server", "mock/small", spent, AUDIO),
            settled(snapshot, "mock/large", None, AUDIO),
        ]
        why: list[str] = []
        for request in await record(database, *calls):
            detail = await api.get(f"/requests/{request}")
            assert detail["cost"]["items"] == [] and detail["cost"]["prices"] == []
            why.append(detail["cost"]["unknown"])
        assert why == [
            "no price that is at hand comes to what mock/small was settled at",
            "the configuration that mock/small was settled by is not at hand",
            "mock/large has no known price",
        ]


async def test_a_table_that_was_changed_since_is_asked_for_the_calls_own_day(database: Database) -> None:
    old, new = (facts_for("openai", "o3", on=date(2025, 6, day)) for day in (9, 11))
    usage = Usage(input=1000, output=100)
    before, after = cost(old, usage), cost(new, usage)
    assert before is not None and after is not None and before != after
    async with control(database) as api:
        snapshot = await put_in_force(database, FILE.format(price=1))
        async with database.transaction() as connection:
            await connection.execute(
                "update snapshots set created_at = '2025-06-09T12:00:00Z' where id = %s", (snapshot,)
            )
        found: list[tuple[int, str]] = []
        for request in await record(
            database,
            settled(snapshot, "openai/o3", before, usage),
            settled(snapshot, "openai/o3", after, usage),
        ):
            detail = await api.get(f"/requests/{request}")
            found.append((amounts(detail), detail["cost"]["prices"][0]["date"]))
        today = datetime.now(UTC).date().isoformat()
        assert found == [(before, "2025-06-09"), (after, today)]

"""Forecasts of budgets: they begin at what the meter counts, and lead where past days say, or say why not."""

import uuid
from datetime import datetime, timedelta
from typing import Any

import msgspec
from tests.contract.made_entries import make_attempt
from tests.flow.control_app import Api, control
from tests.flow.test_api_requests import ended, record

from headgate.core.entries import END, End, Excluded
from headgate.core.money import parse_usd
from headgate.core.ports import Envelope
from headgate.meters.sink import MeterSink
from headgate.store.clock import SystemClock
from headgate.store.database import Database

DAY_MS = 86_400_000


async def spent_before(database: Database, days: float, usd: str = "1", **more: Any) -> None:
    """A call of so many days ago, on record and in the ledger of budgets."""
    at = SystemClock().now_ms() - int(days * DAY_MS)
    cost = parse_usd(usd)
    attempt = make_attempt(
        target=more.get("target", "mock/small"), started_ms=at, cost_pico_usd=cost, charged_pico_usd=cost
    )
    call = ended(started_ms=at, cost_pico_usd=cost, attempts=(attempt,), **more)
    await record(database, call)
    await enter(database, call)


async def enter(database: Database, call: End) -> None:
    async with database.transaction() as connection:
        await MeterSink().apply(connection, [Envelope(uuid.uuid4().bytes, END, msgspec.msgpack.encode(call))])


async def one(api: Api, name: str, **budget: Any) -> Any:
    await api.post("/budgets", {"name": name, "limit": "10 USD", "window": "total", **budget})
    (found,) = (await api.get("/forecasts", budget=name))["items"]
    return found


async def test_a_forecast_goes_on_from_what_is_spent(database: Database) -> None:
    async with control(database) as api:
        for number in range(1, 6):
            await spent_before(database, number - 0.5)
        found = await one(api, "steady")
        assert found["too_little"] is None
        assert found["past_days"] == 4
        assert found["spent_usd"][-1] == "5"
        assert found["ahead_from"] == len(found["spent_usd"]) - 1
        assert [float(each) for each in found["spent_usd"]] == sorted(map(float, found["spent_usd"]))
        ahead = len(found["at"]) - found["ahead_from"]
        assert [len(each["usd"]) for each in found["quantiles"]] == [ahead] * 5
        assert [each["share"] for each in found["quantiles"]] == [0.1, 0.25, 0.5, 0.75, 0.9]
        # A dollar a day, five of them left: the days are alike, so all projections agree.
        assert found["runs_out"]["share"] == 1
        end = datetime.fromisoformat(found["runs_out"]["at"])
        assert abs(end - datetime.fromisoformat(found["now"]) - timedelta(days=4.75)) < timedelta(days=0.5)
        assert found["runs_out"]["earliest"] == found["runs_out"]["at"] == found["runs_out"]["latest"]


async def test_too_little_is_said_in_words(database: Database) -> None:
    async with control(database) as api:
        await spent_before(database, 1.2)
        found = await one(api, "new")
        assert found["quantiles"] == []
        assert found["runs_out"] is None
        assert found["too_little"] == "1 whole days with spend are on record; a projection takes 3"
        found = await one(api, "narrow", scope={"user": "anna", "key": "k1"})
        assert "not by what else this budget names" in found["too_little"]
        found = await one(api, "hourly", scope={"user": "anna"}, window="hour")
        assert "begins anew each hour" in found["too_little"]
        assert found["spent_usd"][-1] == "0"


async def test_each_scope_has_its_own_sums(database: Database) -> None:
    async with control(database) as api:
        for number in range(1, 6):
            await spent_before(database, number - 0.5, "1")
            await spent_before(database, number - 0.5, "2", target="other/large", model="large")
            await spent_before(database, number - 0.5, "4", user="ben", tags=("blue",), project="blue")
        for name, scope, a_day in (
            ("of-provider", {"provider": "mock"}, 5),
            ("of-target", {"model": "other/large"}, 2),
            ("of-alias", {"model": "large"}, 2),
            ("of-project", {"project": "blue"}, 4),
            ("of-user", {"user": "ben"}, 4),
            ("of-tag", {"tag": "blue"}, 4),
        ):
            found = await one(api, name, scope=scope, limit="100 USD")
            assert found["scope"] == scope
            assert float(found["spent_usd"][-1]) == 5 * a_day, name
            middle = float(found["quantiles"][2]["usd"][-1])
            assert abs(middle - (5 + 30) * a_day) <= 1.5 * a_day, name
        listed = (await api.get("/forecasts"))["items"]
        assert listed[0]["budget"] == "of-provider"
        assert len({each["budget"] for each in listed}) == len(listed) >= 6


async def test_the_moment_of_the_fallback_is_told(database: Database) -> None:
    async with control(database) as api:
        for number in range(1, 7):
            await spent_before(database, number - 0.5, "1.5")
        other = Excluded("other/large", "budget 'full-up' has 0 of 1 USD left")
        ours = Excluded("mock/small", "budget 'full' has 0.1 of 10 USD left until tomorrow")
        for days, excluded, more in (
            (0.4, other, {}),
            (0.3, ours, {"status": 402, "code": "budget_exhausted"}),
            (0.2, ours, {}),
            (0.1, ours, {}),
        ):
            at = SystemClock().now_ms() - int(days * DAY_MS)
            await record(database, ended(started_ms=at, excluded=(excluded,), cost_pico_usd=0, **more))
        found = await one(api, "full")
        told = datetime.fromisoformat(found["fallback_at"])
        wanted = datetime.fromisoformat(found["now"]) - timedelta(days=0.2)
        assert abs(told - wanted) < timedelta(minutes=5)
        assert (await one(api, "wide", limit="1000 USD"))["fallback_at"] is None


async def test_who_sees_no_budget_sees_no_forecast(database: Database) -> None:
    async with control(database) as api:
        await one(api, "of-all")
        await one(api, "of-blue", scope={"project": "blue"})
        text = (await api.post("/keys", {"name": "looks", "role": "viewer", "project": "blue"}))["key"]
        seen = (await api.as_key(text).get("/forecasts"))["items"]
        assert [each["budget"] for each in seen] == ["of-blue"]
        status, _ = await api.as_key(text).ask("GET", "/api/v1/forecasts", budget="of-all")
        assert status == 404

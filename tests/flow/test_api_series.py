"""Charts: what `/series` adds up is what the records say, by quarter of an hour and by the minute."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from tests.flow.control_app import Api, control
from tests.flow.test_api_requests import ended, record

from headgate.core.money import parse_usd
from headgate.records.axis import POINTS_MAX, axis_of
from headgate.records.sketch import GROWTH
from headgate.store.clock import SystemClock
from headgate.store.database import Database

HOUR_MS = 3_600_000
LINES = ("ok", "client_errors", "server_errors", "cost_usd", "unpriced", "estimated", "duration_p99_ms")
BACKWARDS: dict[str, Any] = {"from": "2026-01-02T00:00:00Z", "to": "2026-01-01T00:00:00Z"}


def at(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat().replace("+00:00", "Z")


async def made(database: Database) -> None:
    """Calls of three hours, with what they say of themselves."""
    now = SystemClock().now_ms()
    calls = [ended(started_ms=now - 60_000, duration_ms=100 + number) for number in range(20)]
    calls += [ended(started_ms=now - 90_000, duration_ms=4000, model="other", project="blue")]
    failed = ended(started_ms=now - 120_000, status=429, code="budget_exhausted", target="")
    calls += [failed, ended(started_ms=now - 150_000, status=502, code="provider_error")]
    calls += [ended(started_ms=now - 160_000, cost_pico_usd=None, first_token_ms=None)]
    await record(database, *calls)


async def asked(api: Api, hours: int, **query: Any) -> Any:
    now = SystemClock().now_ms()
    return await api.get("/series", **{"from": at(now - hours * HOUR_MS), "to": at(now + 60_000), **query})


def total(group: Any, name: str) -> int:
    return sum(group[name])


@pytest.mark.parametrize("hours", [1, 24])
async def test_sums_are_what_the_records_say(database: Database, hours: int) -> None:
    async with control(database) as api:
        await made(database)
        found = await asked(api, hours)
        (group,) = found["groups"]
        assert found["step_s"] == (60 if hours == 1 else 900)
        assert group["name"] is None
        assert (total(group, "ok"), total(group, "client_errors"), total(group, "server_errors")) == (
            22,
            1,
            1,
        )
        assert group["calls"] == 24
        assert Decimal(group["cost"]) == sum(map(Decimal, group["cost_usd"])) == Decimal("0.023")
        assert total(group, "unpriced") == 1
        assert {line["code"]: sum(line["counts"]) for line in found["failures"]} == {
            "budget_exhausted": 1,
            "provider_error": 1,
        }
        assert {len(group[name]) for name in LINES} == {len(found["at"])}
        latest = max(place for place, calls in enumerate(group["ok"]) if calls > 10)
        assert 110 <= group["duration_p50_ms"][latest] <= 119 * GROWTH
        assert group["first_token_p50_ms"][latest] <= 5 * GROWTH + 1
        # A call without a first token counts in none of its quantiles.
        assert max(each or 0 for each in group["first_token_p95_ms"]) <= 5 * GROWTH + 1
        costs = (await api.get("/costs", group_by="project"))["items"]
        assert sum(row["requests"] for row in costs) == group["calls"]
        assert sum(Decimal(row["cost_usd"] or 0) for row in costs) == Decimal(group["cost"])


@pytest.mark.parametrize("hours", [1, 24])
async def test_groups_and_filters(database: Database, hours: int) -> None:
    async with control(database) as api:
        await made(database)
        groups = (await asked(api, hours, group_by="model"))["groups"]
        assert [(group["name"], group["calls"]) for group in groups] == [("assistant", 23), ("other", 1)]
        (blue,) = (await asked(api, hours, project="blue"))["groups"]
        assert blue["calls"] == 1
        (none,) = (await asked(api, hours, model="nothing"))["groups"]
        assert (none["calls"], none["cost"]) == (0, "0")
        assert set(none["duration_p95_ms"]) == {None}
        (mock,) = (await asked(api, hours, target="mock"))["groups"]
        assert mock["calls"] == 23
        await record(
            database,
            *[ended(environment=name, status=502, code="mended") for name in ("live", "test", "live")],
        )
        found = await asked(api, hours, environment="live")
        assert [group["server_errors"] for group in found["groups"]] == [found["failures"][0]["counts"]]
        assert [(line["code"], line["calls"]) for line in found["failures"]] == [("mended", 2)]
        groups = (await asked(api, hours, group_by="environment"))["groups"]
        assert {group["name"]: group["calls"] for group in groups} == {"": 24, "live": 2, "test": 1}
        (of,) = (await asked(api, hours, group_by="provider", environment="live"))["groups"]
        assert (of["name"], of["calls"]) == ("mock", 2)


@pytest.mark.parametrize("hours", [1, 24])
async def test_many_groups_are_eight_and_the_rest(database: Database, hours: int) -> None:
    async with control(database) as api:
        calls = [ended(model=f"model-{number}") for number in range(12) for _ in range(12 - number)]
        await record(database, *calls)
        groups = (await asked(api, hours, group_by="model"))["groups"]
        assert [group["name"] for group in groups] == [*(f"model-{number}" for number in range(8)), None]
        assert [group["is_rest"] for group in groups] == [False] * 8 + [True]
        assert groups[-1]["calls"] == 4 + 3 + 2 + 1


async def test_others_see_only_what_is_theirs(database: Database) -> None:
    async with control(database) as api:
        await made(database)
        viewer = (await api.post("/keys", {"name": "a", "role": "viewer", "project": "blue"}))["key"]
        made_member = await api.post("/keys", {"name": "b", "role": "member"})
        identity, member = made_member["id"], made_member["key"]
        await record(database, ended(key=""), ended(key=identity, cost_pico_usd=parse_usd("1")))
        for hours in (1, 24):
            (seen,) = (await asked(api.as_key(viewer), hours))["groups"]
            assert seen["calls"] == 1
            (own,) = (await asked(api.as_key(member), hours))["groups"]
            assert (own["calls"], own["cost"]) == (1, "1")
            for other in ("k1", "-"):
                (none,) = (await asked(api.as_key(member), hours, key=other))["groups"]
                assert none["calls"] == 0
                assert (await api.as_key(member).get("/costs", group_by="key", key=other))["items"] == []
            (foreign,) = (await asked(api.as_key(viewer), hours, project="default"))["groups"]
            assert foreign["calls"] == 0


async def test_a_time_that_is_none_is_refused(database: Database) -> None:
    async with control(database) as api:
        status, found = await api.ask("GET", "/api/v1/series", **BACKWARDS)
        assert (status, "from" in found["error"]["message"]) == (400, True)
        status, found = await api.ask("GET", "/api/v1/series", group_by="colour")
        assert (status, "colour" in found["error"]["message"]) == (400, True)


@pytest.mark.parametrize("days", [0.01, 0.08, 0.1, 1, 2, 7, 30, 90, 365, 36_500])
def test_a_chart_never_has_more_points_than_it_may(days: float) -> None:
    begin = datetime(2026, 3, 1, 12, 7, tzinfo=UTC)
    end = begin + timedelta(days=days)
    axis = axis_of(begin, end)
    assert 1 <= axis.count <= POINTS_MAX
    assert axis.end >= end
    if axis.count < POINTS_MAX:
        assert axis.begin <= begin

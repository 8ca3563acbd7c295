"""What numbers lead to: costs within a part of all calls, and calls by price."""

import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from tests.flow.control_app import Api, control
from tests.flow.test_api_requests import ended, record

from headgate.core.entries import PromptUsed
from headgate.core.money import parse_usd
from headgate.records import counting
from headgate.store.database import Database


async def made(database: Database) -> list[str]:
    return await record(
        database,
        ended(key="k1"),
        ended(key="k2", cost_pico_usd=parse_usd("0.002")),
        ended(key="k2", model="large", target="other/large", cost_pico_usd=parse_usd("0.004")),
        ended(key="k3", model="large", target="mock/large", cost_pico_usd=None),
    )


async def costs(api: Api, group: str, **query: Any) -> dict[str, tuple[int, Decimal]]:
    rows = (await api.get("/costs", group_by=group, **query))["items"]
    return {row[group]: (row["requests"], Decimal(row["cost_usd"] or 0)) for row in rows}


async def test_costs_are_opened_by_any_dimension(database: Database) -> None:
    async with control(database) as api:
        await made(database)
        assert await costs(api, "key", model="assistant") == {
            "k1": (1, Decimal("0.001")),
            "k2": (1, Decimal("0.002")),
        }
        assert await costs(api, "model", key="k2", target="other") == {"large": (1, Decimal("0.004"))}
        assert await costs(api, "target", model="large") == {
            "other/large": (1, Decimal("0.004")),
            "mock/large": (1, Decimal(0)),
        }
        assert await costs(api, "key", prompt="none") == {}
        assert await costs(api, "provider") == {
            "mock": (3, Decimal("0.003")),
            "other": (1, Decimal("0.004")),
        }
        assert await costs(api, "provider", key="k2", environment="-") == {
            "mock": (1, Decimal("0.002")),
            "other": (1, Decimal("0.004")),
        }
        status, found = await api.ask("GET", "/api/v1/costs", group_by="user", model="large")
        assert status == 400
        assert "model" in found["error"]["message"]


async def test_calls_are_found_by_whether_their_price_is_known(database: Database) -> None:
    async with control(database) as api:
        ids = await made(database)
        unknown = (await api.get("/requests", price="unknown"))["items"]
        assert [each["id"] for each in unknown] == ids[3:]
        assert len((await api.get("/requests", price="known"))["items"]) == 3
        status, found = await api.ask("GET", "/api/v1/requests", price="high")
        assert status == 400
        assert found["error"]["message"] == "price is 'high'; write known or unknown"


async def test_calls_without_a_name_are_asked_for_by_a_dash(database: Database) -> None:
    async with control(database) as api:
        bare = ended(user="", session="", tags=(), target="", model="", cost_pico_usd=parse_usd("0.5"))
        (wanted,) = await record(database, bare)
        await record(database, ended(release="r1", environment="live", prompts=(PromptUsed("greeting", 1),)))
        for name in ("user", "session", "tag", "target", "model", "prompt", "release", "environment"):
            found = (await api.get("/requests", **{name: "-"}))["items"]
            assert [each["id"] for each in found] == [wanted], name
        for name in ("target", "model", "prompt", "release", "environment"):
            (row,) = (await api.get("/costs", group_by=name, **{name: "-"}))["items"]
            assert (row[name], row["requests"], row["cost_usd"]) == ("", 1, "0.5")
            for hours in (1, 30, 24 * 30):
                begin = (datetime.now(UTC) - timedelta(hours=hours)).isoformat()
                (group,) = (await api.get("/series", **{name: "-", "from": begin}))["groups"]
                assert (group["calls"], group["cost"]) == (1, "0.5"), (name, hours)


async def test_a_call_in_the_last_instant_of_a_step_counts_in_it(database: Database) -> None:
    minute = (datetime.now(UTC) - timedelta(minutes=5)).replace(second=0, microsecond=0)
    last_ms = int(minute.timestamp() * 1000) + 59_900
    times = {
        "from": (minute - timedelta(minutes=9)).isoformat(),
        "to": (minute + timedelta(minutes=1)).isoformat(),
    }
    async with control(database) as api:
        call = uuid.UUID(int=last_ms << 80 | 7 << 76 | 2 << 62).bytes
        failed = ended(call=call, user="bob", started_ms=last_ms, status=502, code="upstream_error")
        await record(database, failed)
        series = await api.get("/series", **times)
        assert series["step_s"] == 60
        assert series["groups"][0]["server_errors"] == [0] * 9 + [1]
        assert [failure["counts"] for failure in series["failures"]] == [[0] * 9 + [1]]
        counts = await api.get("/requests/counts", user="bob", **times)
        assert counts["server_errors"] == [0] * 9 + [1]


async def test_any_filter_is_counted_by_time(database: Database) -> None:
    async with control(database) as api:
        await made(database)
        await record(
            database, ended(user="bob", status=429, code="rate_limited"), ended(user="bob", status=502)
        )
        counts = await api.get("/requests/counts", user="bob")
        assert (counts["calls"], counts["counted_from"]) == (2, None)
        assert [sum(counts[name]) for name in ("ok", "client_errors", "server_errors")] == [0, 1, 1]
        assert {len(counts[name]) for name in ("at", "ok", "client_errors", "server_errors")} == {
            len(counts["at"])
        }
        assert (await api.get("/requests/counts", price="unknown", min_duration_ms="1"))["calls"] == 1
        assert (await api.get("/requests/counts", text="nothing says this"))["calls"] == 0
        viewer = (await api.post("/keys", {"name": "a", "role": "viewer", "project": "blue"}))["key"]
        assert (await api.as_key(viewer).get("/requests/counts"))["calls"] == 0
        status, _ = await api.ask("GET", "/api/v1/requests/counts", status="sometimes")
        assert status == 400


async def test_too_many_calls_are_counted_in_part(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting, "COUNTED_MAX", 3)
    now = datetime.now(UTC)
    async with control(database) as api:
        for hours in (5, 4, 3, 2, 1):
            started = int((now - timedelta(hours=hours)).timestamp() * 1000)
            await record(database, ended(user="bob", started_ms=started))
        counts = await api.get("/requests/counts", user="bob")
        assert counts["calls"] == 4
        assert datetime.fromisoformat(counts["counted_from"]) > now - timedelta(hours=4.1)
        monkeypatch.setattr(counting, "LOOKED_MS", 1)
        async with database.transaction() as connection:
            # A list that waits is one that takes too long.
            await connection.execute("lock table requests in access exclusive mode")
            counts = await api.get("/requests/counts", user="bob")
        assert (counts["calls"], counts["counted_from"]) == (0, counts["end"])

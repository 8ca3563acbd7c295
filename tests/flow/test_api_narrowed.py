"""What numbers lead to: costs within a part of all calls, and calls by price."""

from decimal import Decimal
from typing import Any

from tests.flow.control_app import Api, control
from tests.flow.test_api_requests import ended, record

from headgate.core.money import parse_usd
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

"""The whole system: a budget under 50 concurrent clients is never exceeded, nearly all of it can be spent,
and calls go on at the next target."""

import asyncio
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import httpx
import pytest
from demo.running import Running, headgate

CONFIG = """
[providers.first]
kind = "mock"
output_tokens = 400
latency = "5ms"

[providers.second]
kind = "mock"
output_tokens = 50

[providers.third]
kind = "mock"
output_tokens = 400

[prices."third/model"]
input = "10"
output = "40"

[models.only-third]
targets = ["third/model"]

[prices."first/model"]
input = "10"
output = "40"

[prices."second/model"]
input = "0.1"
output = "0.4"

[models.assistant]
targets = ["first/model", "second/model"]

[models.only-first]
targets = ["first/model"]

[[budgets]]
name = "first-hourly"
scope = { provider = "first" }
limit = "1 USD"
window = "total"
"""

BODY = {"messages": [{"role": "user", "content": "Write me a long story."}], "max_tokens": 500}


async def loop_calls(house: Running, key: str, model: str, calls: int) -> list[httpx.Response]:
    limits = httpx.Limits(max_connections=50)
    async with httpx.AsyncClient(base_url=house.url, timeout=60, limits=limits, trust_env=False) as client:
        slots = asyncio.Semaphore(50)

        async def one() -> httpx.Response:
            async with slots:
                return await client.post(
                    "/v1/chat/completions",
                    json={"model": model, **BODY},
                    headers={"authorization": f"Bearer {key}"},
                )

        return await asyncio.gather(*(one() for _ in range(calls)))


def spent_at(records: list[dict[str, Any]], target: str) -> Decimal:
    return sum(
        (
            Decimal(attempt["cost_usd"])
            for record in records
            for attempt in [record]
            if record["target"] == target
        ),
        Decimal(0),
    )


@pytest.fixture(scope="module")
def house() -> Iterator[Running]:
    with headgate(CONFIG, workers=2) as running:
        yield running


async def test_one_dollar_under_fifty_clients(house: Running) -> None:
    key = house.make_key()
    answers = await loop_calls(house, key, "assistant", 120)
    assert {answer.status_code for answer in answers} == {200}
    targets = {answer.headers["x-headgate-target"] for answer in answers}
    assert targets == {"first/model", "second/model"}, "calls go on at the next target"

    refused = await loop_calls(house, key, "only-first", 8)
    assert 402 in {answer.status_code for answer in refused}
    error = next(answer for answer in refused if answer.status_code == 402).json()["error"]
    assert error["code"] == "budget_exhausted"
    assert "first-hourly" in error["message"]

    records = house.wait_for_requests(len(answers) + len(refused))
    assert len(records) == len(answers) + len(refused)
    spent = spent_at(records, "first/model")
    headers = sum(
        (
            Decimal(answer.headers["x-headgate-cost-usd"])
            for answer in [*answers, *refused]
            if answer.headers.get("x-headgate-target") == "first/model"
        ),
        Decimal(0),
    )
    assert spent == headers, "the records and the answers agree to the last digit"
    assert spent <= 1, "not a cent over"
    assert spent >= Decimal("0.9"), "at least 90 % can be spent before the first 402"
    budget = next(item for item in house.get("/budgets")["items"] if item["name"] == "first-hourly")
    assert Decimal(budget["spent_usd"]) == spent
    assert Decimal(budget["reserved_usd"]) >= 0
    costs = house.get("/costs", group_by="target")["items"]
    assert sum(Decimal(row["cost_usd"]) for row in costs if row["target"] == "first/model") == spent


async def test_a_key_comes_with_its_own_budget(house: Running) -> None:
    budget = {"name": "tiny", "limit": "0.05 USD", "window": "total"}
    key = house.make_key("spender", budgets=[budget])
    other = house.make_key("other")
    answers = await loop_calls(house, key, "only-third", 10)
    assert 402 in {answer.status_code for answer in answers}
    paid = [answer for answer in answers if answer.status_code == 200]
    total = sum((Decimal(answer.headers["x-headgate-cost-usd"]) for answer in paid), Decimal(0))
    assert total <= Decimal("0.05")
    assert [answer.status_code for answer in await loop_calls(house, other, "only-third", 1)] == [200]

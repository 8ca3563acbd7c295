"""The whole system: costs are exact to 10^-12 USD wherever they are said, and null where nobody knows them.

The budget, the list, the sums and the database are held against plain arithmetic on decimals.
"""

import random
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import httpx
import psycopg
import pytest
from demo.running import Running, chat, headgate
from tests.flow.scripted_provider import ScriptedProvider, answer, completion

PICO = Decimal(10) ** -12
CALLS = 40
PRICE = {"input": 7, "output": 1_000_003}
"""In pico-USD a token: primes, so that no rounding goes unseen."""
CONFIG = """
[providers.shop]
kind = "openai-compatible"
base_url = "http://127.0.0.1:{port}/shop/v1"

[models.odd]
targets = ["shop/odd"]

[prices."shop/odd"]
input = "0.000007"
output = "1.000003"

[[budgets]]
name = "odd"
scope = {{ model = "shop/odd" }}
limit = "100 USD"
window = "total"

[models.unheard-of]
targets = ["shop/unheard-of"]
"""


@pytest.fixture(scope="module")
def provider() -> Iterator[ScriptedProvider]:
    with ScriptedProvider() as running:
        yield running


@pytest.fixture(scope="module")
def house(provider: ScriptedProvider) -> Iterator[Running]:
    with headgate(CONFIG.format(port=provider.port)) as running:
        yield running


def ask(house: Running, provider: ScriptedProvider, model: str, taken: int, given: int) -> httpx.Response:
    usage = {"prompt_tokens": taken, "completion_tokens": given, "total_tokens": taken + given}
    provider.on("shop", model, answer(completion(usage=usage)))
    answered = chat(house.url, house.admin_key, model, max_tokens=100_000)
    assert answered.status_code == 200, answered.text
    return answered


def test_a_cost_is_exact_to_the_last_pico_wherever_it_is_said(
    house: Running, provider: ScriptedProvider
) -> None:
    chance = random.Random(11)
    expected: dict[str, Decimal] = {}
    for _ in range(CALLS):
        taken, given = chance.randint(0, 99), chance.randint(0, 99_999)
        answered = ask(house, provider, "odd", taken, given)
        cost = (taken * PRICE["input"] + given * PRICE["output"]) * PICO
        assert Decimal(answered.headers["x-headgate-cost-usd"]) == cost
        expected[answered.headers["x-headgate-request-id"]] = cost
    house.wait_for_requests(CALLS, model="odd")
    found = {row["id"]: Decimal(row["cost_usd"]) for row in house.requests(model="odd")}
    assert found == expected
    total = sum(expected.values())
    [budget] = house.get("/budgets")["items"]
    assert Decimal(budget["spent_usd"]) == total
    assert Decimal(group_of(house, "odd")["cost_usd"]) == total
    assert in_database(house, "odd") == total


def test_what_nobody_knows_is_null_and_never_zero(house: Running, provider: ScriptedProvider) -> None:
    answered = ask(house, provider, "unheard-of", 5, 7)
    assert "x-headgate-cost-usd" not in answered.headers
    [row] = house.wait_for_requests(1, model="unheard-of")
    assert row["cost_usd"] is None
    assert (row["usage"]["input"], row["usage"]["output"]) == (5, 7)
    assert in_database(house, "unheard-of") is None
    group = group_of(house, "unheard-of")
    assert (group["cost_usd"], group["unpriced"]) == (None, 1)


def group_of(house: Running, model: str) -> dict[str, Any]:
    """What the sums of costs say of a model."""
    [found] = [row for row in house.get("/costs", group_by="model")["items"] if row["model"] == model]
    return found


def in_database(house: Running, model: str) -> Decimal | None:
    """The sum of a model's costs in USD; null where all of them are."""
    with psycopg.connect(house.database_url()) as connection:
        row = connection.execute("select sum(cost_usd) from requests where model = %s", (model,)).fetchone()
    return None if row is None else row[0]

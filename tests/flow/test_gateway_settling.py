"""What a call is charged, as the ledger says it: nothing, its usage, a bound, or all that was reserved."""

import threading
import time
from decimal import Decimal
from typing import Any

import httpx
import pytest
from tests.flow.gateway_house import House
from tests.flow.scripted_provider import DONE, FINISH, Reply, answer, completion, delta, error, head, stream

PRICE = Decimal("0.00005")
MOST = Decimal("0.01")
"""More than the reservation of one of these calls: about 4,300 tokens in, and 100 out."""


def charged(house: House, given: httpx.Response) -> tuple[Decimal, Decimal, bool]:
    """Charge and reservation of the last attempt, and whether the charge is an estimate."""
    row = house.record(given.headers["x-headgate-request-id"])
    last = row["attempts"][-1]
    return Decimal(last["charged_usd"]), Decimal(last["reserved_usd"]), bool(last["estimated"])


def call(house: House, reply: Reply, **fields: Any) -> tuple[str, httpx.Response]:
    alias = house.alias("money")
    house.provider.on("b", alias, reply)
    return alias, house.chat(alias, max_tokens=100, **fields)


def wait_for_spent(house: House, budget: str, amount: Decimal) -> None:
    deadline = time.monotonic() + 10
    while house.spent(budget) != amount:
        assert time.monotonic() < deadline, f"{house.spent(budget)} is spent, not {amount}"
        time.sleep(0.1)


@pytest.mark.parametrize("reply", [error(500), error(429), error(400, "odd"), error(401)])
def test_what_a_provider_refuses_costs_nothing(house: House, reply: Reply) -> None:
    alias, given = call(house, reply)
    assert given.status_code >= 400
    amount, reserved, _ = charged(house, given)
    assert (amount, reserved > 0) == (0, True)
    wait_for_spent(house, alias, Decimal(0))


def test_usage_is_charged_to_the_last_digit(house: House) -> None:
    alias, given = call(house, answer(completion()))
    amount, reserved, estimated = charged(house, given)
    assert (amount, estimated) == (PRICE, False)
    assert PRICE < reserved < MOST
    wait_for_spent(house, alias, PRICE)


@pytest.mark.parametrize(
    "reply",
    [
        (b"x", 0.2, "cut"),
        (head(200, "content-length: 99"), b"{", 0.1, "cut"),
        answer({"id": "without usage"}),
        error(504, "gateway timeout"),
        (head(200, "content-length: 99"), b"{", "wait"),
    ],
)
def test_what_nobody_can_know_is_charged_in_full(house: House, reply: Reply) -> None:
    alias, given = call(house, reply)
    amount, reserved, estimated = charged(house, given)
    assert (amount, estimated) == (reserved, True)
    assert 0 < reserved < MOST
    wait_for_spent(house, alias, reserved)


def test_a_cut_stream_of_a_model_that_may_reason_unseen_is_charged_in_full(house: House) -> None:
    alias, given = call(house, stream(delta("Hel"), 0.05, "cut", end=False), stream=True)
    amount, reserved, estimated = charged(house, given)
    assert (amount, estimated) == (reserved, True)
    wait_for_spent(house, alias, reserved)


def test_a_stream_without_usage_is_charged_in_full(house: House) -> None:
    alias, given = call(house, stream(delta("Hel"), FINISH, DONE), stream=True)
    assert given.content.endswith(DONE)
    amount, reserved, estimated = charged(house, given)
    assert (amount, estimated) == (reserved, True)
    wait_for_spent(house, alias, reserved)


def test_an_unpriced_model_under_a_budget_is_refused(house: House) -> None:
    given = house.chat("unpriced", max_tokens=5)
    assert (given.status_code, given.json()["error"]["code"]) == (403, "unbounded_cost")
    assert not house.provider.received("b", "unpriced")


def test_an_unpriced_model_reserves_what_a_call_may_cost(house: House) -> None:
    given = house.chat("unpriced-capped", max_tokens=5)
    assert given.status_code == 200
    amount, reserved, estimated = charged(house, given)
    assert (amount, reserved, estimated) == (Decimal("0.25"), Decimal("0.25"), True)
    assert "x-headgate-cost-usd" not in given.headers
    wait_for_spent(house, "unpriced-capped", Decimal("0.25"))
    statuses = [house.chat("unpriced-capped", max_tokens=5).status_code for _ in range(4)]
    assert statuses == [200, 200, 200, 402]


def test_an_exhausted_budget_goes_on_to_the_next_target_or_refuses(house: House) -> None:
    given = house.chat("goes-on", max_tokens=5)
    assert (given.status_code, given.headers["x-headgate-target"]) == (200, "b/goes-on-next")
    given = house.chat("rejects", max_tokens=5)
    assert (given.status_code, given.json()["error"]["code"]) == (402, "budget_exhausted")
    assert not house.provider.received("b", "rejects") and not house.provider.received("b", "rejects-next")


def test_near_its_end_a_budget_lowers_the_output_limit(house: House) -> None:
    given = house.chat("clamps", max_tokens=900)
    assert given.status_code == 200
    sent = house.provider.received("b", "clamps")[0].body
    limit = int(sent.partition(b'"max_tokens":')[2].strip().partition(b"}")[0].partition(b",")[0])
    assert 16 <= limit < 900
    assert str(limit) in given.headers["x-headgate-changes"]


def test_money_held_by_calls_in_flight_is_waited_for_and_then_429(house: House) -> None:
    house.provider.on("b", "tight", (0.45, *answer(completion())))
    results: list[httpx.Response] = []
    threads = [
        threading.Thread(target=lambda: results.append(house.chat("tight", max_tokens=100))) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(given.status_code for given in results) == [200, 429, 429]
    codes = {given.json()["error"]["code"] for given in results if given.status_code == 429}
    assert codes == {"budget_reserved"}
    assert all("retry-after" in given.headers for given in results if given.status_code == 429)
    assert house.chat("tight", max_tokens=100).status_code == 200, "what was held is free again"

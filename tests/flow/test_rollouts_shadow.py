"""The shadow stage through a real Headgate: compared, not shown, metered, in bounds, moved by evidence."""

import time
from collections.abc import Iterator
from decimal import Decimal

import pytest
from demo.running import headgate
from tests.flow.rollout_house import ROLLOUT, SOON_S, House
from tests.flow.scripted_provider import (
    DONE,
    FINISH,
    PROVIDERS,
    ScriptedProvider,
    answer,
    completion,
    delta,
    error,
    stream,
)

CONFIG = (
    PROVIDERS
    + """
[prices."a/paid"]
input = "0"
output = "1000"

[prices."b/paid"]
input = "0"
output = "1000"

[[budgets]]
name = "paid"
scope = {{ model = "paid" }}
limit = "1 USD"
window = "total"

[[rate_limits]]
name = "limited"
scope = {{ model = "b/limited" }}
limit = "10 requests"
window = "day"
"""
)
SHADOW = "shadow = { share = 1.0, agree = { finish = 0.8 } }"


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with ScriptedProvider() as provider:
        config = CONFIG.format(port=provider.port)
        config += ROLLOUT.format(name="alike", more=f'users = ["ann"]\n{SHADOW}', units=20)
        for name in ("worse", "other", "paid", "limited", "away", "streamed"):
            config += ROLLOUT.format(name=name, more=SHADOW, units=10_000 if name != "other" else 20)
        config += '\n[projects.european]\nregions = ["eu"]\n'
        with headgate(config) as running:
            yield House(running, provider)


def test_it_moves_on_by_evidence_from_shadows_over_internal_callers(house: House) -> None:
    shown, served = house.ask_until("alike", "internal")
    assert served == {"a"}, "shadows are shown to nobody"
    assert shown["moves"][0]["why"].startswith("All guardrails hold at shadow")
    assert house.ask("alike").headers["x-headgate-target"].startswith("a/")
    shown, _ = house.ask_until("alike", "50 %", "ann")
    assert (shown["moves"][0]["moved_by"], shown["moves"][0]["from_stage"]) == ("system", "internal")
    assert "calls that both arms answered" in shown["moves"][0]["why"]


def test_a_shadow_is_a_call_of_its_own_that_names_the_one_it_shadows(house: House) -> None:
    house.begun("streamed")
    asked = house.ask("streamed", headers={"x-headgate-session": "s-1"})
    identity = asked.headers["x-headgate-request-id"]
    deadline = time.monotonic() + SOON_S
    while True:
        found = house.running.requests(experiment="rollout:streamed", arm="candidate")
        linked = [
            each
            for each in (house.running.get(f"/requests/{one['id']}") for one in found)
            if each["exposures"][0]["unit"] == identity
        ]
        if linked:
            break
        assert time.monotonic() < deadline, found
        time.sleep(0.1)
    (shadow,) = linked
    assert (shadow["exposures"][0]["by"], shadow["target"]) == ("shadow", "b/streamed")
    assert (shadow["session"], shadow["status"]) == (None, 200)
    assert house.running.get(f"/requests/{identity}")["exposures"] == []
    alone = house.running.requests(shadow="yes", model="streamed")
    assert shadow["id"] in [each["id"] for each in alone]
    assert {(each["shadow"], each["target"]) for each in alone} == {(True, "b/streamed")}
    others = house.running.requests(shadow="no", model="streamed")
    assert identity in [each["id"] for each in others]
    assert {(each["shadow"], each["target"]) for each in others} == {(False, "a/streamed")}


def test_streams_are_compared_and_their_shadows_read_to_the_end(house: House) -> None:
    house.begun("streamed")
    before = len(house.provider.received("b", "streamed"))
    house.provider.on("a", "streamed", stream(delta("hello"), FINISH, DONE))
    house.provider.on("b", "streamed", stream(delta("hello"), FINISH, DONE))
    deadline = time.monotonic() + SOON_S
    while len(house.provider.received("b", "streamed")) < before + 3:
        told = house.ask("streamed", stream=True)
        assert told.text.count("hello") == 1 and told.text.endswith("data: [DONE]\n\n")
        assert time.monotonic() < deadline
    while True:
        report = house.shown("streamed")["report"]
        (same,) = [each for each in report["metrics"] if each["name"] == "the same text"]
        if same["comparisons"][0]["units"] >= before + 2:
            break
        assert time.monotonic() < deadline, report
        time.sleep(0.2)
    assert same["comparisons"][0]["mean"] == 100


def test_a_candidate_that_fails_in_the_shadow_sends_it_back_and_nobody_notices(house: House) -> None:
    house.provider.on("b", "worse", error(500, "no"))
    shown, served = house.ask_until("worse", "back")
    assert served == {"a"}
    assert shown["moves"][0]["why"].startswith("errors is worse by at least")


def test_answers_that_end_otherwise_than_is_asked_for_send_it_back(house: House) -> None:
    cut = completion("hello")
    cut["choices"][0]["finish_reason"] = "length"
    house.provider.on("b", "other", answer(cut))
    shown, _ = house.ask_until("other", "back")
    assert "Both answers have the same reason to end in at most" in shown["moves"][0]["why"]


def test_shadows_take_at_most_half_of_a_budget_and_refuse_nobody(house: House) -> None:
    house.begun("paid")
    served = 0
    while True:
        answered = house.ask("paid")
        if not answered.is_success:
            break
        served += 1
        assert served <= 50
    assert (answered.status_code, answered.json()["error"]["code"]) == (402, "budget_exhausted")
    house.running.wait_for_requests(1, model="paid", status="402")
    (budget,) = [each for each in house.running.get("/budgets")["items"] if each["name"] == "paid"]
    shadows = house.running.requests(model="paid", target="b/paid")
    cost = sum(Decimal(each["cost_usd"]) for each in shadows)
    assert 0 < cost <= Decimal("0.52"), "they stop once half of it is used"
    assert Decimal(budget["spent_usd"]) <= 1
    assert house.running.requests(model="paid", status="402") != []
    house.wait_for_note("paid", "half of a budget is used")


def test_a_rate_limit_of_the_candidate_keeps_half_for_callers(house: House) -> None:
    house.begun("limited")
    deadline = time.monotonic() + SOON_S
    while not any("half of a rate limit" in each for each in house.shown("limited")["report"]["notes"]):
        assert house.ask("limited").is_success
        assert time.monotonic() < deadline, house.shown("limited")
    assert 1 <= len(house.provider.received("b", "limited")) <= 6


def test_who_may_not_be_served_by_the_candidate_has_no_shadow(house: House) -> None:
    key = house.running.make_key("european", project="european")
    house.begun("away")
    before = house.provider.received("b", "away")
    for _ in range(10):
        told = house.ask("away", headers={"authorization": f"Bearer {key}"})
        assert told.headers["x-headgate-target"] == "a/away"
    house.ask("alike")
    house.running.wait_for_requests(1, model="away")
    time.sleep(0.5)
    assert len(house.provider.received("b", "away")) == len(before)

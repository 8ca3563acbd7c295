"""The path of a call: each step that it takes is on record with what it took, and the API tells the same."""

from typing import Any

import httpx
from tests.flow.gateway_house import House
from tests.flow.scripted_provider import answer, completion, error

from headgate.core.entries import STEPS


def path_of(house: House, given: httpx.Response) -> tuple[list[str], dict[str, Any]]:
    """The names of a call's steps as the API says them, and all that it says; the record says the same."""
    request = given.headers["x-headgate-request-id"]
    row = house.record(request)
    detail: dict[str, Any] = house.running.get(f"/requests/{request}")
    names = [each["step"] for each in detail["steps"]]
    took_us = [each["duration_us"] for each in detail["steps"]]
    assert [STEPS[number] for number in row["steps"][::2]] == names
    assert row["steps"][1::2] == took_us
    # The whole is recorded in milliseconds, rounded down as each step is in microseconds.
    assert min(took_us) >= 0
    assert row["duration_ms"] * 1000 - len(took_us) <= sum(took_us) < (row["duration_ms"] + 1) * 1000
    return names, detail


def test_a_call_that_is_answered_passes_every_step(house: House) -> None:
    alias = house.alias("solo")
    house.provider.on("b", alias, (0.05, *answer(completion())))
    names, detail = path_of(house, house.chat(alias))
    assert names == ["authenticate", "read", "admit", "reserve", "attempt", "settle"]
    attempt = detail["steps"][4]
    assert (attempt["target"], attempt["attempt"]) == (f"b/{alias}", 1)
    assert attempt["duration_us"] >= 50_000, "what took long is the step that did"
    assert attempt["duration_us"] <= detail["attempts"][0]["duration_ms"] * 1000 + 1000


def test_a_second_try_waits_and_reserves_again(house: House) -> None:
    alias = house.alias("again")
    house.provider.on("b", alias, error(500), answer(completion()))
    names, detail = path_of(house, house.chat(alias))
    assert names[3:] == ["reserve", "attempt", "wait", "reserve", "attempt", "settle"]
    assert [each["attempt"] for each in detail["steps"]][3:] == [1, 1, None, 2, 2, None]


def test_a_target_that_cant_be_tried_is_a_step_of_its_own(house: House) -> None:
    house.provider.on("b", "keyless-then-b", answer(completion()))
    names, detail = path_of(house, house.chat("keyless-then-b"))
    assert names[3:] == ["left_out", "reserve", "attempt", "settle"]
    assert detail["steps"][3]["target"] == detail["excluded"][0]["target"] == "keyless/x"
    assert detail["steps"][4]["target"] == "b/keyless-then-b"


def test_a_call_that_is_refused_ends_in_the_step_that_refused_it(house: House) -> None:
    given = house.post("/v1/chat/completions", {"model": "nothing-of-the-kind", "messages": []})
    assert given.status_code == 404
    names, _ = path_of(house, given)
    assert names == ["authenticate", "read", "admit"]

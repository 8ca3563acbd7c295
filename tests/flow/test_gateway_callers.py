"""Who calls, and which target comes first: budgets by user, tag, project and key, and the strategies."""

import json
import socket
from collections import Counter
from typing import Any

import httpx
import pytest
from tests.flow.gateway_house import House
from tests.flow.scripted_provider import DONE, FINISH, answer, completion, delta, error, stream, usage_chunk

MESSAGES = [{"role": "user", "content": "hi"}]


def chat_with(house: House, key: str, model: str, headers: dict[str, str] | None = None) -> httpx.Response:
    return house.post(
        "/v1/chat/completions",
        {"model": model, "messages": MESSAGES, "max_tokens": 10},
        {"authorization": f"Bearer {key}", **(headers or {})},
    )


@pytest.mark.parametrize(
    ("fields", "headers", "budget"),
    [
        ({"user": "poor-user"}, {}, "of-user"),
        ({"may_assert": True}, {"x-headgate-user": "poor-user"}, "of-user"),
        ({"tags": ["team:poor"]}, {}, "of-tag"),
        ({"may_assert": True}, {"x-headgate-tags": "team:poor, other"}, "of-tag"),
        ({"project": "poor-project"}, {}, "of-project"),
    ],
)
def test_budgets_count_callers(
    house: House, fields: dict[str, Any], headers: dict[str, str], budget: str
) -> None:
    alias = house.alias("solo")
    poor = house.make_key(**fields)
    given = chat_with(house, poor, alias, headers)
    assert (given.status_code, given.json()["error"]["code"]) == (402, "budget_exhausted")
    assert budget in given.json()["error"]["message"]
    assert not house.provider.received("b", alias)
    assert chat_with(house, house.make_key(), alias).status_code == 200


def test_a_key_has_a_budget_of_its_own(house: House) -> None:
    alias = house.alias("solo")
    limit = {"name": "own", "limit": "0.000001 USD", "window": "total"}
    poor = house.make_key(budgets=[limit])
    assert chat_with(house, poor, alias).status_code == 402
    assert chat_with(house, house.make_key(), alias).status_code == 200


def test_what_a_key_says_wins_over_what_the_request_asserts(house: House) -> None:
    alias = house.alias("solo")
    key = house.make_key(user="anna")
    given = chat_with(house, key, alias, {"x-headgate-user": "poor-user"})
    assert given.status_code == 200
    assert house.record(given.headers["x-headgate-request-id"])["user"] == "anna"


def test_a_key_that_names_models_opens_no_others(house: House) -> None:
    alias, other = house.alias("solo"), house.alias("solo")
    key = house.make_key(models=[alias])
    assert chat_with(house, key, alias).status_code == 200
    for model in (other, f"b/{alias}"):
        given = chat_with(house, key, model)
        assert (given.status_code, given.json()["error"]["code"]) == (403, "not_allowed")
        assert house.record(given.headers["x-headgate-request-id"])["status"] == 403
    listed = httpx.get(house.url + "/v1/models", headers={"x-api-key": key}, trust_env=False).json()
    assert [item["id"] for item in listed["data"]] == [alias]


@pytest.mark.parametrize("mode", ["full", "metadata", "none"])
def test_bodies_are_recorded_as_the_key_says(house: House, mode: str) -> None:
    alias = house.alias("solo")
    key = house.make_key(record=mode)
    request_id = chat_with(house, key, alias).headers["x-headgate-request-id"]
    after = chat_with(house, house.make_key(record="full"), alias).headers["x-headgate-request-id"]
    house.record(after)
    house.find("select id from request_bodies where id = %s", after)
    rows = house.query("select record from requests where id = %s", request_id)
    assert [row["record"] for row in rows] == ([] if mode == "none" else [mode])
    bodies = house.query("select id from request_bodies where id = %s", request_id)
    assert len(bodies) == (1 if mode == "full" else 0)
    assert house.query("select pico_usd from ledger where request = %s", request_id), (
        "it is paid for all the same"
    )


def test_weights_say_how_often_a_target_comes_first(house: House) -> None:
    seen = Counter(house.chat("weighted").headers["x-headgate-target"] for _ in range(40))
    assert set(seen) <= {"a/weighted", "b/weighted"}
    assert seen["a/weighted"] > seen["b/weighted"]


def test_the_cheapest_comes_first_and_the_unpriced_last(house: House) -> None:
    assert house.chat("cheapest").headers["x-headgate-target"] == "b/cheap"
    house.provider.on("b", "cheap", error(500))
    assert house.chat("cheapest").headers["x-headgate-target"] == "a/dear"
    house.provider.on("a", "dear", error(500))
    assert house.chat("cheapest").headers["x-headgate-target"] == "b/unknown-price"


def test_the_fastest_comes_first_once_both_are_known(house: House) -> None:
    house.provider.on("a", "fastest", (0.15, *answer(completion())))
    for _ in range(6):
        house.chat("fastest")
    seen = Counter(house.chat("fastest").headers["x-headgate-target"] for _ in range(10))
    assert seen["b/fastest"] == 10


def test_a_client_that_hangs_up_at_any_byte_of_its_answer_leaves_nothing_behind(house: House) -> None:
    host, port = house.url.removeprefix("http://").split(":")
    aliases = [house.alias("money") for _ in range(4)]
    for length in range(1, 1200, 61):
        alias = aliases[length % 4]
        parts = (delta("Hel"), 0.03, delta("lo" * 200), 0.03, FINISH, usage_chunk(10, 20), DONE)
        house.provider.on("b", alias, stream(*parts))
        body = json.dumps({"model": alias, "messages": MESSAGES, "stream": True, "max_tokens": 20}).encode()
        request = (
            f"POST /v1/chat/completions HTTP/1.1\r\nhost: h\r\nauthorization: Bearer {house.key}\r\n"
            f"connection: close\r\ncontent-length: {len(body)}\r\n\r\n"
        ).encode() + body
        with socket.create_connection((host, int(port)), timeout=5) as raw:
            raw.sendall(request)
            received = 0
            while received < length and (data := raw.recv(length - received)):
                received += len(data)
    gauges = house.gauges()
    assert gauges['headgate_calls_open{gateway="gateway 1"}'] == 0
    assert gauges['headgate_reserved_usd{gateway="gateway 1"}'] == 0

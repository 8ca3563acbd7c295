"""Fallback and retries: which failures go on to the next target, and what the client is told at the end."""

import threading
import time

import httpx
import pytest
from tests.flow.gateway_house import CANARY, House
from tests.flow.scripted_provider import Reply, answer, completion, error, head, whole


def targets_of(house: House, given: httpx.Response) -> list[str]:
    row = house.record(given.headers["x-headgate-request-id"])
    return [attempt["target"] for attempt in row["attempts"]]


def test_a_refused_connection_costs_nothing_and_the_next_target_answers(house: House) -> None:
    given = house.chat("nobody-then-b")
    assert (given.status_code, given.headers["x-headgate-target"]) == (200, "b/nobody-then-b")
    row = house.record(given.headers["x-headgate-request-id"])
    first, second = row["attempts"]
    assert (first["target"], second["target"]) == ("nobody/x", "b/nobody-then-b")
    assert float(first["cost_usd"]) == 0 and not first["estimated"]


def test_a_provider_without_its_credential_is_left_out_with_the_reason(house: House) -> None:
    given = house.chat("keyless-then-b")
    assert given.headers["x-headgate-target"] == "b/keyless-then-b"
    row = house.record(given.headers["x-headgate-request-id"])
    assert [item["target"] for item in row["excluded"]] == ["keyless/x"]
    assert "NOT_SET_ANYWHERE" in str(row["excluded"])


@pytest.mark.parametrize(
    "failing",
    [
        error(302, "elsewhere", "location: http://127.0.0.1:1/"),
        error(500),
        error(503),
        error(429, "slow down", "retry-after: 1"),
        error(401, "bad key"),
        error(402, "pay"),
        error(403, "no"),
        error(404, "no such model"),
        error(429, "You exceeded your quota", code="insufficient_quota"),
        error(400, "Your credit balance is too low to access the API"),
        (head(200, "content-length: 100"), b'{"id":', "cut"),
        (b"HTTP/1.1 nonsense\r\n\r\n",),
        ("cut",),
    ],
)
def test_a_targets_own_failure_goes_on_to_the_next(house: House, failing: Reply) -> None:
    alias = house.alias("pair")
    house.provider.on("a", alias, failing)
    given = house.chat(alias)
    assert (given.status_code, given.headers["x-headgate-target"]) == (200, f"b/{alias}")
    # A kept connection that dies at once may have been dead before: then the request is sent once more.
    assert len(house.provider.received("a", alias)) == 1 or failing == ("cut",)
    assert len(house.provider.received("b", alias)) == 1
    assert targets_of(house, given) == [f"a/{alias}", f"b/{alias}"]


@pytest.mark.parametrize("status", [401, 402, 403, 404])
def test_when_every_target_fails_on_its_own_account_it_is_502_with_all_reasons(
    house: House, status: int
) -> None:
    alias = house.alias("pair")
    house.provider.on("a", alias, error(status, "first reason"))
    house.provider.on("b", alias, error(500, "second reason"))
    given = house.chat(alias)
    message = given.json()["error"]["message"]
    assert (given.status_code, given.json()["error"]["code"]) == (502, "upstream_error")
    assert f"a/{alias}" in message and f"answered {status}: first reason" in message
    assert f"b/{alias}" in message and "second reason" in message
    assert "x-headgate-target" not in given.headers


def test_all_429_is_429_with_the_least_wait(house: House) -> None:
    alias = house.alias("pair")
    house.provider.on("a", alias, error(429, "a", "retry-after: 40"))
    house.provider.on("b", alias, error(429, "b", "retry-after: 7"))
    given = house.chat(alias)
    assert (given.status_code, given.headers["retry-after"]) == (429, "7")
    for _ in range(6):  # limits don't open the breaker: what is told stays true
        assert house.chat(alias).status_code == 429


def test_a_target_that_limits_its_rate_comes_last_until_it_may_be_asked_again(house: House) -> None:
    alias = house.alias("pair")
    house.provider.on("a", alias, error(429, "a", "retry-after: 30"), answer(completion()))
    assert house.chat(alias).headers["x-headgate-target"] == f"b/{alias}"
    assert house.chat(alias).headers["x-headgate-target"] == f"b/{alias}"
    assert len(house.provider.received("a", alias)) == 1
    house.provider.on("b", alias, error(500))
    assert house.chat(alias).headers["x-headgate-target"] == f"a/{alias}", "last is not never"


def test_retry_after_is_honoured_where_there_is_no_other_target(house: House) -> None:
    alias = house.alias("again")
    house.provider.on("b", alias, error(429, "later", "retry-after: 1"), answer(completion()))
    began = time.monotonic()
    given = house.chat(alias)
    assert (given.status_code, len(house.provider.received("b", alias))) == (200, 2)
    assert time.monotonic() - began >= 1.0


def test_a_wait_that_is_too_long_is_left_to_the_client(house: House) -> None:
    alias = house.alias("again")
    house.provider.on("b", alias, error(429, "later", "retry-after: 60"))
    given = house.chat(alias)
    assert (given.status_code, given.headers["retry-after"]) == (429, "60")
    assert len(house.provider.received("b", alias)) == 1


def test_retries_at_one_target_end(house: House) -> None:
    alias = house.alias("again")
    house.provider.on("b", alias, error(500), error(502), answer(completion()))
    given = house.chat(alias)
    assert (given.status_code, len(house.provider.received("b", alias))) == (200, 3)
    refused = house.alias("again")
    house.provider.on("b", refused, error(401, "bad key"))
    assert house.chat(refused).status_code == 502
    assert len(house.provider.received("b", refused)) == 1, "the same key stays wrong"


def test_the_callers_own_error_is_passed_on_as_the_provider_said_it(house: House) -> None:
    alias = house.alias("pair")
    body = b'{"error": {"message": "messages.0 is too odd", "type": "invalid_request_error", "code": null}}'
    house.provider.on("a", alias, (whole(body, 400, "x-request-id: req-of-theirs"),))
    given = house.chat(alias)
    assert (given.status_code, given.content) == (400, body)
    assert given.headers["x-request-id"] == "req-of-theirs"
    assert not house.provider.received("b", alias), "another target would say the same"
    row = house.record(given.headers["x-headgate-request-id"])
    assert (row["status"], row["code"], row["provider_request_id"]) == (
        400,
        "upstream_refused",
        "req-of-theirs",
    )
    assert "too odd" in row["message"]
    assert row["cost_usd"] == 0


@pytest.mark.parametrize("stalling", [("wait",), (head(200, "content-length: 9"), b"{", "wait")])
def test_a_stalled_target_is_left_in_time(house: House, stalling: Reply) -> None:
    alias = house.alias("pair")
    house.provider.on("a", alias, stalling)
    began = time.monotonic()
    given = house.chat(alias, stream=True)
    assert (given.status_code, given.headers["x-headgate-target"]) == (200, f"b/{alias}")
    assert time.monotonic() - began < 3.0
    assert house.provider.received("a", alias)[0].hung_up.wait(2.0), "and its connection is cut"


def test_all_too_slow_is_504(house: House) -> None:
    alias = house.alias("solo")
    house.provider.on("b", alias, ("wait",))
    given = house.chat(alias, stream=True)
    assert (given.status_code, given.json()["error"]["code"]) == (504, "upstream_timeout")
    whole_alias = house.alias("solo")
    house.provider.on("b", whole_alias, (head(200, "content-length: 9"), b"{", "wait"))
    given = house.chat(whole_alias)
    assert (given.status_code, given.json()["error"]["code"]) == (504, "upstream_timeout")
    assert "0.5 s" in given.json()["error"]["message"]


def test_the_total_time_ends_a_call_that_goes_on_and_on(house: House) -> None:
    alias = house.alias("solo")
    drip = [step for _ in range(300) for step in (b" ", 0.2)]
    house.provider.on("b", alias, (head(200, "content-length: 1000"), *drip))
    began = time.monotonic()
    assert house.chat(alias).status_code == 504
    assert 2.5 < time.monotonic() - began < 20.0


def test_a_connection_that_is_refused_everywhere_is_502(house: House) -> None:
    given = house.chat("only-nobody")
    assert given.status_code == 502
    assert "nobody/y" in given.json()["error"]["message"]


def test_a_breaker_opens_and_says_why(house: House) -> None:
    alias = house.alias("solo")
    house.provider.on("b", alias, error(500, "on fire"))
    for _ in range(5):
        assert house.chat(alias).status_code == 502
    given = house.chat(alias)
    assert given.status_code == 503
    assert "on fire" in given.json()["error"]["message"]
    assert len(house.provider.received("b", alias)) == 5


def test_slots_are_bounded_and_the_queue_too(house: House) -> None:
    house.provider.on("a", "narrow", (0.4, whole(b'{"usage":{"prompt_tokens":1,"completion_tokens":1}}')))
    statuses: list[int] = []
    threads = [
        threading.Thread(target=lambda: statuses.append(house.chat("narrow").status_code)) for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200, 200, 200, 503, 503, 503]
    assert house.gauges()['headgate_target_calls_in_flight{gateway="gateway 1",target="a/narrow"}'] == 0


def test_a_key_that_a_provider_echoes_is_masked_in_the_reasons(house: House) -> None:
    alias = house.alias("solo")
    house.provider.on("b", alias, error(401, f"Incorrect API key provided: {CANARY}."))
    given = house.chat(alias)
    assert given.status_code == 502
    assert CANARY not in given.text and "***" in given.text

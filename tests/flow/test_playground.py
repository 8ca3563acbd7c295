"""Calls from the console: made as who is signed in, under the same limits, and by nobody else."""

import contextlib
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from demo.running import Running, headgate

CONFIG = """
[providers.mock]
kind = "mock"
output_tokens = 30

[prices."mock/small"]
input = "10"
output = "40"
max_output = 1000
context_window = 100000

[models.assistant]
targets = ["mock/small"]

[[budgets]]
name = "tiny"
scope = { user = "poor" }
limit = "0.000001 USD"
window = "day"
"""
OWN = {"x-headgate-console": "1"}
BODY: dict[str, Any] = {"model": "assistant", "messages": [{"role": "user", "content": "Hello"}]}
CHAT = "/api/v1/playground/v1/chat/completions"


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with headgate(CONFIG) as opened:
        yield opened


def signed_in(running: Running, key: str) -> httpx.Client:
    client = httpx.Client(base_url=running.url, trust_env=False, timeout=30)
    answer = client.post("/api/v1/sign-in", json={"key": key}, headers=OWN)
    assert answer.status_code == 200, answer.text
    return client


def made(running: Running, **fields: Any) -> dict[str, Any]:
    answer = running.api.post("/keys", json=fields)
    assert answer.status_code == 201, answer.text
    return answer.json()


def code_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def test_a_call_is_made_as_who_is_signed_in(running: Running) -> None:
    key = made(running, name="a person", role="member", user="anna")
    with contextlib.closing(signed_in(running, key["key"])) as client:
        answer = client.post(CHAT, json=BODY, headers={**OWN, "x-api-key": "hg_somebody_else"})
        assert answer.status_code == 200, answer.text
        assert answer.json()["choices"][0]["message"]["content"]
        identity = answer.headers["x-headgate-request-id"]
        with client.stream("POST", CHAT, json={**BODY, "stream": True}, headers=OWN) as streamed:
            lines = [line for line in streamed.iter_lines() if line.startswith("data:")]
        assert streamed.headers["content-type"].startswith("text/event-stream")
        assert lines[-1] == "data: [DONE]"
        assert len(lines) > 3
        claude = client.post("/api/v1/playground/v1/messages", json={**BODY, "max_tokens": 20}, headers=OWN)
        assert claude.json()["type"] == "message"
    running.wait_for_requests(3, key=key["id"])
    record: Any = running.get(f"/requests/{identity}")
    assert (record["key"], record["user"], record["project"]) == (key["id"], "anna", "default")
    assert record["status"] == 200


def test_budgets_hold(running: Running) -> None:
    key = made(running, name="a poor person", role="member", user="poor")
    with contextlib.closing(signed_in(running, key["key"])) as client:
        assert code_of(client.post(CHAT, json=BODY, headers=OWN)) == (402, "budget_exhausted")


def test_nobody_else_makes_a_call(running: Running) -> None:
    viewer = made(running, name="who looks on", role="viewer")
    with contextlib.closing(signed_in(running, viewer["key"])) as client:
        assert code_of(client.post(CHAT, json=BODY, headers=OWN)) == (403, "not_allowed")
    member = made(running, name="who leaves", role="member")
    with contextlib.closing(signed_in(running, member["key"])) as client:
        # What a page elsewhere could send: without the console's own header, or from another origin.
        assert code_of(client.post(CHAT, json=BODY)) == (403, "not_allowed")
        elsewhere = {**OWN, "origin": "https://evil.example"}
        assert code_of(client.post(CHAT, json=BODY, headers=elsewhere)) == (403, "not_allowed")
        sent = {**OWN, "sec-fetch-site": "cross-site"}
        assert code_of(client.post(CHAT, json=BODY, headers=sent)) == (403, "not_allowed")
        # Model routes take no cookie.
        assert code_of(client.post("/v1/chat/completions", json=BODY, headers=OWN))[0] == 401
        assert running.api.delete(f"/keys/{member['id']}").status_code == 200
        assert code_of(client.post(CHAT, json=BODY, headers=OWN))[0] == 401
    with httpx.Client(base_url=running.url, trust_env=False) as client:
        assert code_of(client.post(CHAT, json=BODY, headers=OWN))[0] == 401


def test_only_calls_are_made(running: Running) -> None:
    with contextlib.closing(signed_in(running, running.admin_key)) as client:
        for method, path in (
            ("GET", "v1/models"),
            ("POST", "v1/files"),
            ("POST", "api/v1/keys"),
            ("POST", ""),
            ("POST", "v1/audio/transcriptions"),
        ):
            answer = client.request(method, f"/api/v1/playground/{path}", json={}, headers=OWN)
            assert answer.status_code == 404, (path, answer.text)

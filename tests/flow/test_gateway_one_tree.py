"""Calls join the application's trace: by `traceparent`, and by the id that the answer gives itself.

Every dialect in front of every dialect, whole, as events and as Google's array: the id on record is the one
that the client read, since that is what the client's instrumentation reports.
"""

import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from demo.running import Running, headgate

SPOKEN = ("openai-chat", "openai-responses", "anthropic", "google")
_PROVIDER = """
[providers.only-{dialect}]
kind = "mock"
dialects = ["{dialect}"]
"""
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "80f067aa0ba902b7"
TRACEPARENT = f"00-{TRACE}-{SPAN}-01"


@pytest.fixture(scope="module")
def house() -> Iterator[Running]:
    with headgate("".join(_PROVIDER.format(dialect=dialect) for dialect in SPOKEN)) as running:
        yield running


@pytest.fixture(scope="module")
def key(house: Running) -> str:
    return house.make_key(may_assert=True)


def ask(
    house: Running, key: str, dialect: str, model: str, way: str = "whole", **headers: str
) -> httpx.Response:
    """One call in a dialect; `way` is whole, stream, or array (Google's stream without `alt=sse`)."""
    said = [{"role": "user", "content": "Say: hello there"}]
    stream = {"stream": True} if way == "stream" else {}
    body: dict[str, Any]
    match dialect:
        case "openai-chat":
            path, body = "/v1/chat/completions", {"model": model, "messages": said, **stream}
        case "openai-responses":
            path, body = "/v1/responses", {"model": model, "input": said, "store": False, **stream}
        case "anthropic":
            path, body = "/v1/messages", {"model": model, "messages": said, "max_tokens": 50, **stream}
        case _:
            verbs = {"whole": "generateContent", "array": "streamGenerateContent"}
            verb = verbs.get(way, "streamGenerateContent?alt=sse")
            path = f"/v1beta/models/{model}:{verb}"
            body = {"contents": [{"role": "user", "parts": [{"text": "Say: hello there"}]}]}
    sent = {"authorization": f"Bearer {key}", "traceparent": TRACEPARENT}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    given = httpx.post(house.url + path, json=body, headers=sent, trust_env=False, timeout=30)
    assert given.status_code == 200, given.text
    return given


def ids_in(dialect: str, given: httpx.Response) -> set[str]:
    """The ids that an answer gives itself, as a client reads them."""
    lines = [given.text]
    if "event-stream" in given.headers["content-type"]:
        sent = [line.removeprefix("data: ") for line in given.text.splitlines() if line.startswith("data: ")]
        lines = [line for line in sent if line != "[DONE]"]
    elif given.text.startswith("["):
        lines = [json.dumps(one) for one in json.loads(given.text)]
    values: list[dict[str, Any]] = [json.loads(line) for line in lines]
    match dialect:
        case "openai-responses":
            whole = [value.get("response", value) for value in values]
            return {value["id"] for value in whole if value.get("object") == "response"}
        case "anthropic":
            whole = [value.get("message", value) for value in values]
            return {value["id"] for value in whole if value["type"] == "message"}
        case "google":
            return {value["responseId"] for value in values}
        case _:
            return {value["id"] for value in values}


def record(house: Running, given: httpx.Response) -> dict[str, Any]:
    """The record of the call that an answer's headers name, once it is written."""
    deadline = time.monotonic() + 15
    while True:
        found = house.api.get(f"/requests/{given.headers['x-headgate-request-id']}")
        if found.status_code == 200:
            return found.json()
        assert time.monotonic() < deadline, found.text
        time.sleep(0.1)


WAYS = [
    pytest.param(client, provider, way, id=f"{client}-to-{provider}-{way}")
    for client in SPOKEN
    for provider in SPOKEN
    for way in (("whole", "stream", "array") if client == "google" else ("whole", "stream"))
]


@pytest.mark.parametrize(("client", "provider", "way"), WAYS)
def test_a_call_is_found_by_its_trace_and_by_its_answer(
    house: Running, key: str, client: str, provider: str, way: str
) -> None:
    given = ask(house, key, client, f"only-{provider}/m", way)
    (said,) = ids_in(client, given)
    assert said
    row = record(house, given)
    assert (row["trace_id"], row["parent_span_id"], row["response_id"]) == (TRACE, SPAN, said)
    listed = house.api.get("/requests", params={"response_id": said}).json()["items"]
    assert row["id"] in [item["id"] for item in listed]


@pytest.mark.parametrize(
    ("traceparent", "joins"),
    [
        (f"00-{TRACE}-{SPAN}-00", True),
        (f"cc-{TRACE}-{SPAN}-01-what-a-later-version-adds", True),
        (f"ff-{TRACE}-{SPAN}-01", False),
        (f"00-{'0' * 32}-{SPAN}-01", False),
        (f"00-{TRACE}-{'0' * 16}-01", False),
        (f"00-{TRACE.upper()}-{SPAN}-01", False),
        (f"00-{TRACE}-{SPAN}", False),
        ("", False),
    ],
)
def test_only_a_traceparent_that_is_one_joins_a_trace(
    house: Running, key: str, traceparent: str, joins: bool
) -> None:
    row = record(house, ask(house, key, "openai-chat", "only-openai-chat/m", traceparent=traceparent))
    assert (row["trace_id"], row["parent_span_id"]) == ((TRACE, SPAN) if joins else (None, None))


def test_calls_without_a_trace_are_turns_of_their_session(house: Running, key: str) -> None:
    """Three that name the session alone, and one whose trace is settled: each counts once."""
    model, traceparent = "only-openai-chat/m", f"00-{'5' * 32}-{SPAN}-01"
    given = [
        ask(house, key, "openai-chat", model, traceparent=said, x_headgate_session="chat-7")
        for said in ("", "", "", traceparent)
    ]
    rows = [record(house, one) for one in given]
    deadline = time.monotonic() + 60
    while (found := house.api.get("/sessions/chat-7").json()).get("calls") != 4:
        assert time.monotonic() < deadline, found
        time.sleep(0.2)
    assert (found["traces"], found["untraced"]) == (1, 3)
    assert [call["id"] for call in found["requests"]] == [row["id"] for row in rows[:3]]
    listed = [item for item in house.api.get("/sessions").json()["items"] if item["session"] == "chat-7"]
    assert [item["calls"] for item in listed] == [4]
    refused = house.api.get("/sessions/chat-8").json()["error"]
    assert "`headgate traces sessions` lists them" in refused["message"]
    assert "nearest" not in refused["hint"]


def test_session_user_and_tags_of_a_call_stand_beside_its_trace(house: Running, key: str) -> None:
    said = {"x_headgate_session": "s-1", "x_headgate_user": "anna", "x_headgate_tags": "team:a, team:b"}
    row = record(house, ask(house, key, "anthropic", "only-openai-chat/m", **said))
    assert (row["session"], row["user"], row["tags"]) == ("s-1", "anna", ["team:a", "team:b"])
    other = house.make_key("ben", user="ben", tags=["own"])
    row = record(house, ask(house, other, "anthropic", "only-openai-chat/m", **said))
    assert (row["session"], row["user"], row["tags"]) == ("s-1", "ben", ["own"])
    assert (row["trace_id"], row["parent_span_id"]) == (TRACE, SPAN)

"""Streams: bytes come through as they were, faults are told in the dialect, and what they cost is known."""

import json
import socket
import threading
import time
from decimal import Decimal
from typing import Any

import httpx
import pytest
from tests.flow.gateway_house import CANARY, House
from tests.flow.scripted_provider import (
    DONE,
    FINISH,
    Reply,
    chunked,
    completion,
    delta,
    error,
    head,
    stream,
    usage_chunk,
    whole,
)

MESSAGES = [{"role": "user", "content": "hi"}]
PRICE = Decimal("0.00005")
"""Of 10 tokens in and 20 out, at 1 and 2 USD a million."""


def asked(house: House, alias: str, **fields: Any) -> httpx.Response:
    return house.chat(alias, stream=True, **fields)


def cost_of(house: House, given: httpx.Response) -> tuple[Decimal | None, bool]:
    row = house.record(given.headers["x-headgate-request-id"])
    return row["cost_usd"], row["estimated"]


def test_usage_is_asked_for_and_taken_out_again(house: House) -> None:
    alias = house.alias("solo")
    with_null = [delta(text, usage=None) for text in ("Hel", "lo")]
    finish = FINISH.replace(b"}\n\n", b',"usage":null}\n\n')
    house.provider.on("b", alias, stream(*with_null, finish, usage_chunk(10, 20), DONE))
    given = asked(house, alias)
    assert (
        given.content
        == b"".join(
            [
                part.replace(b', "usage": null', b"").replace(b',"usage":null', b"")
                for part in (*with_null, finish)
            ]
        )
        + DONE
    )
    sent = json.loads(house.provider.received("b", alias)[0].body)
    assert sent == {
        "model": alias,
        "messages": MESSAGES,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    assert cost_of(house, given) == (PRICE, False)


def test_usage_that_was_asked_for_stays(house: House) -> None:
    alias = house.alias("solo")
    parts = (delta("Hel", usage=None), FINISH, usage_chunk(10, 20), DONE)
    house.provider.on("b", alias, stream(*parts))
    given = asked(house, alias, stream_options={"include_usage": True})
    assert given.content == b"".join(parts)
    assert cost_of(house, given) == (PRICE, False)


@pytest.mark.parametrize("size", [1, 7, 4096])
def test_comments_line_ends_and_chunking_are_left_alone(house: House, size: int) -> None:
    alias = house.alias("solo")
    body = (
        b": a comment\r\n\r\nretry: 500\r\n\r\n"
        + delta("H\u00e9llo \U0001f600").replace(b"\n", b"\r\n")
        + b": ping\n\n"
        + FINISH
        + usage_chunk(10, 20)
        + DONE
    )
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    house.provider.on("b", alias, stream(*pieces))
    given = asked(house, alias, stream_options={"include_usage": True})
    assert given.content == body
    assert given.headers["content-type"] == "text/event-stream"
    assert cost_of(house, given) == (PRICE, False)


@pytest.mark.parametrize(
    "first",
    [
        stream(b'data: {"error": {"message": "overloaded", "code": 503}}\n\n'),
        stream(b": nothing\n\n", DONE[:4]),
        stream(delta(""), "wait"),
        (head(200, "transfer-encoding: chunked", kind="text/event-stream"), chunked(delta("")), 0.1, "cut"),
        error(529, "overloaded"),
    ],
)
def test_what_fails_before_the_first_token_never_reaches_the_client(house: House, first: Reply) -> None:
    alias = house.alias("pair")
    house.provider.on("a", alias, first)
    good = (delta("good"), FINISH, DONE)
    house.provider.on("b", alias, stream(*good))
    given = asked(house, alias)
    assert (given.status_code, given.content) == (200, b"".join(good))
    assert given.headers["x-headgate-target"] == f"b/{alias}"


@pytest.mark.parametrize(
    "ending", [("cut",), ("wait",), (), (b'data: {"choices":[{"index":0,"delta":{"conte',)]
)
def test_a_stream_that_breaks_off_ends_in_an_error_event(house: House, ending: Reply) -> None:
    alias = house.alias("pair")
    house.provider.on(
        "a", alias, stream(delta("Hel"), 0.05, *ending, end=not ending or ending[0] not in ("cut", "wait"))
    )
    given = asked(house, alias)
    begun, said = given.content.split(b"\n\n", 1)
    assert begun + b"\n\n" == delta("Hel")
    assert said.startswith(b"data: ") and said.endswith(b"\n\n")
    told = json.loads(said[6:])["error"]
    assert (told["code"], told["request_id"]) == ("upstream_error", given.headers["x-headgate-request-id"])
    assert b"[DONE]" not in given.content
    assert not house.provider.received("b", alias), "after the first token there is no other target"
    row = house.record(given.headers["x-headgate-request-id"])
    assert row["truncated"] and row["estimated"]
    assert row["cost_usd"] > 0


def test_a_providers_own_error_event_is_told_once(house: House) -> None:
    alias = house.alias("solo")
    failing = b'data: {"error": {"message": "broke, key ' + CANARY.encode() + b'"}}\n\n'
    house.provider.on("b", alias, stream(delta("Hel"), 0.05, failing))
    given = asked(house, alias)
    assert given.content == delta("Hel") + failing.replace(CANARY.encode(), b"***")
    row = house.record(given.headers["x-headgate-request-id"])
    assert row["truncated"] and row["code"] == "upstream_error"
    assert "broke" in row["message"] and CANARY not in row["message"]


def test_a_provider_that_does_not_hang_up_after_the_end_is_not_waited_for(house: House) -> None:
    alias = house.alias("solo")
    parts = (delta("Hel"), FINISH, usage_chunk(10, 20), DONE)
    house.provider.on("b", alias, stream(*parts, "wait", end=False))
    began = time.monotonic()
    given = asked(house, alias)
    assert given.content.endswith(DONE) and b"error" not in given.content
    assert time.monotonic() - began < 3.0
    assert cost_of(house, given) == (PRICE, False)


ANTHROPIC = [
    b'event: message_start\ndata: {"type":"message_start","message":{"id":"msg_1","model":"m","usage":'
    b'{"input_tokens":10,"output_tokens":1}}}\n\n',
    b'event: content_block_start\ndata: {"type":"content_block_start","index":0,"content_block":'
    b'{"type":"text","text":""}}\n\n',
    b'event: ping\ndata: {"type": "ping"}\n\n',
    b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":'
    b'{"type":"text_delta","text":"Hello"}}\n\n',
    b'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":'
    b'{"output_tokens":20}}\n\n',
    b'event: message_stop\ndata: {"type":"message_stop"}\n\n',
]


def test_anthropic_streams(house: House) -> None:
    alias = house.alias("claude")
    house.provider.on("claude", alias, stream(*ANTHROPIC))
    given = house.post(
        "/v1/messages", {"model": alias, "max_tokens": 50, "stream": True, "messages": MESSAGES}
    )
    assert given.content == b"".join(ANTHROPIC)
    assert cost_of(house, given) == (PRICE, False)

    broken = house.alias("claude")
    house.provider.on("claude", broken, stream(*ANTHROPIC[:4], 0.05, "cut", end=False))
    given = house.post(
        "/v1/messages", {"model": broken, "max_tokens": 50, "stream": True, "messages": MESSAGES}
    )
    rest = given.content.removeprefix(b"".join(ANTHROPIC[:4]))
    assert rest.startswith(b"event: error\ndata: ")
    assert json.loads(rest.partition(b"data: ")[2])["type"] == "error"


def gemini(text: str, *, finish: bool = False, output: int = 0) -> bytes:
    candidate: dict[str, object] = {"content": {"role": "model", "parts": [{"text": text}]}, "index": 0}
    if finish:
        candidate["finishReason"] = "STOP"
    usage = {"promptTokenCount": 10, "candidatesTokenCount": output, "totalTokenCount": 10 + output}
    return json.dumps({"candidates": [candidate], "usageMetadata": usage}).encode()


def test_google_streams_in_both_forms(house: House) -> None:
    alias = house.alias("gemini")
    parts = [b"data: " + part + b"\r\n\r\n" for part in (gemini("Hel"), gemini("lo", finish=True, output=20))]
    house.provider.on("gemini", alias, stream(*parts))
    body = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}
    path = f"/v1beta/models/{alias}:streamGenerateContent?alt=sse&key={house.key}"
    given = httpx.post(house.url + path, json=body, timeout=20, trust_env=False)
    assert given.content == b"".join(parts)
    assert house.provider.received("gemini", alias)[0].target == (
        f"/gemini/v1beta/models/{alias}:streamGenerateContent?alt=sse"
    )
    assert cost_of(house, given) == (PRICE, False)

    array = house.alias("gemini")
    pieces = [b"[" + gemini("Hel"), b"\n,\r\n" + gemini("lo", finish=True, output=20), b"\n]"]
    house.provider.on("gemini", array, stream(*pieces, kind="application/json; charset=UTF-8"))
    given = house.post(f"/v1beta/models/{array}:streamGenerateContent", body)
    assert given.content == b"".join(pieces)
    assert cost_of(house, given) == (PRICE, False)

    broken = house.alias("gemini")
    house.provider.on("gemini", broken, stream(pieces[0], 0.05, "cut", end=False, kind="application/json"))
    given = house.post(f"/v1beta/models/{broken}:streamGenerateContent", body)
    told = json.loads(given.content + b"]")
    assert told[0] == json.loads(gemini("Hel"))
    assert told[1]["error"]["status"] == "INTERNAL"


def test_usage_of_candidates_that_finish_one_by_one_is_that_of_all(house: House) -> None:
    alias = house.alias("gemini")
    first = gemini("one", finish=True, output=5)
    second = gemini("two", finish=True, output=20).replace(b'"index": 0', b'"index": 1')
    parts = [b"data: " + part + b"\n\n" for part in (first, second)]
    house.provider.on("gemini", alias, stream(parts[0], 0.1, parts[1]))
    body = {"contents": [{"parts": [{"text": "hi"}]}], "generationConfig": {"candidateCount": 2}}
    given = house.post(f"/v1beta/models/{alias}:streamGenerateContent?alt=sse", body)
    assert given.content == b"".join(parts)
    assert cost_of(house, given) == (PRICE, False)


RESPONSES = [
    b'event: response.created\ndata: {"type":"response.created","response":{"id":"resp_1","model":"m"}}\n\n',
    b'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","delta":"Hello"}\n\n',
    b'event: response.completed\ndata: {"type":"response.completed","response":{"id":"resp_1","model":"m",'
    b'"output":[],"usage":{"input_tokens":10,"output_tokens":20,"total_tokens":30}}}\n\n',
]


def test_responses_streams(house: House) -> None:
    alias = house.alias("solo")
    house.provider.on("b", alias, stream(*RESPONSES))
    given = house.post("/v1/responses", {"model": alias, "input": "hi", "stream": True})
    assert given.content == b"".join(RESPONSES)
    assert cost_of(house, given) == (PRICE, False)
    broken = house.alias("solo")
    house.provider.on("b", broken, stream(*RESPONSES[:2], 0.05, "cut", end=False))
    given = house.post("/v1/responses", {"model": broken, "input": "hi", "stream": True})
    rest = given.content.removeprefix(b"".join(RESPONSES[:2]))
    assert json.loads(rest.partition(b"data: ")[2])["type"] == "error"


def test_a_client_that_hangs_up_ends_the_providers_work(house: House) -> None:
    alias = house.alias("solo")
    house.provider.on(
        "b", alias, stream(delta("Hel"), *[step for _ in range(40) for step in (0.2, b": on\n\n")])
    )
    with (
        house.client() as client,
        client.stream(
            "POST",
            "/v1/chat/completions",
            json={"model": alias, "messages": MESSAGES, "stream": True, "max_tokens": 100},
        ) as given,
    ):
        assert next(given.iter_raw())
        request_id = given.headers["x-headgate-request-id"]
    received = house.provider.received("b", alias)[0]
    assert received.hung_up.wait(1.5)
    row = house.record(request_id)
    assert (row["status"], row["code"], row["truncated"], row["estimated"]) == (
        499,
        "client_closed",
        True,
        True,
    )


@pytest.mark.parametrize("streams", [True, False])
def test_a_client_that_hangs_up_before_the_first_byte(house: House, streams: bool) -> None:
    alias = house.alias("solo")
    house.provider.on("b", alias, (0.3, "wait"))
    with house.client(timeout_s=0.25) as client, pytest.raises(httpx.ReadTimeout):
        client.post("/v1/chat/completions", json={"model": alias, "messages": MESSAGES, "stream": streams})
    row = house.record_of(alias)
    assert (row["status"], row["code"], row["estimated"]) == (499, "client_closed", True)
    assert row["duration_ms"] < 1500


def test_a_client_that_hangs_up_at_any_byte_of_its_request_leaves_nothing_behind(house: House) -> None:
    alias = house.alias("solo")
    body = json.dumps({"model": alias, "messages": MESSAGES}).encode()
    request = (
        f"POST /v1/chat/completions HTTP/1.1\r\nhost: h\r\nauthorization: Bearer {house.key}\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    ).encode() + body
    host, port = house.url.removeprefix("http://").split(":")
    for length in range(1, len(request) + 1, 5):
        with socket.create_connection((host, int(port)), timeout=5) as raw:
            raw.sendall(request[:length])
    assert house.chat(alias).status_code == 200
    gauges = house.gauges()
    assert gauges['headgate_calls_open{gateway="gateway 1"}'] == 0


def test_a_slow_reader_gets_everything(house: House) -> None:
    alias = house.alias("solo")
    parts = [delta("x" * 20_000) for _ in range(100)]
    house.provider.on("b", alias, stream(*parts, FINISH, usage_chunk(10, 20), DONE))
    received = bytearray()
    with (
        house.client() as client,
        client.stream(
            "POST", "/v1/chat/completions", json={"model": alias, "messages": MESSAGES, "stream": True}
        ) as given,
    ):
        for number, part in enumerate(given.iter_raw(65536)):
            received += part
            if number < 10:
                time.sleep(0.05)
    assert bytes(received) == b"".join(parts) + FINISH + DONE


def test_an_answer_that_is_no_stream_is_passed_on_whole(house: House) -> None:
    alias = house.alias("solo")
    body = json.dumps(completion()).encode()
    house.provider.on("b", alias, (whole(body),))
    given = asked(house, alias)
    assert (given.status_code, given.content) == (200, body)
    assert cost_of(house, given) == (PRICE, False)


def test_many_streams_at_once_stay_apart(house: House) -> None:
    aliases = [house.alias("solo") for _ in range(6)]
    for alias in aliases:
        house.provider.on(
            "b", alias, stream(*[step for _ in range(20) for step in (delta(alias), 0.005)], FINISH, DONE)
        )
    answers: dict[str, bytes] = {}

    def ask(alias: str) -> None:
        answers[alias] = asked(house, alias).content

    threads = [threading.Thread(target=ask, args=(alias,)) for alias in aliases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == {alias: delta(alias) * 20 + FINISH + DONE for alias in aliases}

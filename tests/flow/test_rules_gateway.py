"""Override rules through a real gateway: what the provider gets, and what stands on the record."""

import json
import time
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import httpx
import pytest
from tests.flow.gateway_house import House
from tests.flow.scripted_provider import (
    DONE,
    FINISH,
    Reply,
    answer,
    completion,
    delta,
    stream,
    usage_chunk,
)


@contextmanager
def rule(house: House, name: str, **said: Any) -> Generator[dict[str, Any]]:
    """A rule that is in force within the block."""
    made = house.running.api.post("/rules", json={"name": name, **said})
    assert made.status_code == 201, made.text
    assert made.json()["not_acknowledged"] == []
    try:
        yield made.json()
    finally:
        assert house.running.api.delete(f"/rules/{name}").status_code == 200


def sent(house: House, provider: str, alias: str) -> bytes:
    received = house.provider.received(provider, alias)
    assert len(received) == 1
    return received[0].body


def detail(house: House, given: httpx.Response) -> dict[str, Any]:
    """The record of an answered call, as soon as it is there with its bodies."""
    request_id = given.headers["x-headgate-request-id"]
    house.find("select id from request_bodies where id = %s", request_id)
    house.record(request_id)
    return house.running.get(f"/requests/{request_id}")


def test_a_temperature_is_changed_without_touching_the_library(house: House) -> None:
    alias = house.alias("solo")
    body = (
        b'{ "temperature":0.90,"messages" : [{"role":"user","content":"hi"}],\n"model":"%b" }'
        % alias.encode()
    )
    with rule(house, "calm", match={"model": alias}, set={"temperature": 0.1}) as made:
        given = house.post("/v1/chat/completions", body)
    assert given.status_code == 200
    assert sent(house, "b", alias) == body.replace(b"0.90", b"0.1"), "no other byte changes"
    shown = detail(house, given)
    assert shown["overrides"] == [
        {"source": f"rule calm@{made['version']}", "field": "temperature", "before": 0.9, "after": 0.1}
    ]
    assert shown["request"] == json.loads(sent(house, "b", alias)), "the record is what the provider got"
    assert shown["parameters"] == [
        {"name": "temperature", "value": 0.1, "source": f"rule calm@{made['version']}", "before": 0.9}
    ]


def test_no_call_is_changed_after_a_rule_is_deleted(house: House) -> None:
    alias = house.alias("solo")
    with rule(house, "short-lived", match={"model": alias}, set={"temperature": 0}):
        pass
    assert house.chat(alias).status_code == 200
    assert b"temperature" not in sent(house, "b", alias)


def test_the_size_of_an_embedding_is_changed(house: House) -> None:
    alias = house.alias("solo")
    house.provider.on("b", alias, answer({"object": "list", "data": [], "usage": {"prompt_tokens": 1}}))
    with rule(house, "small-vectors", match={"model": alias}, set={"dimensions": 256, "temperature": 0}):
        given = house.post("/v1/embeddings", {"model": alias, "input": "a", "dimensions": 3072})
    assert given.status_code == 200
    assert json.loads(sent(house, "b", alias)) == {"model": alias, "input": "a", "dimensions": 256}
    assert "x-headgate-changes" not in given.headers, "a temperature is nothing to an embedding"


def test_a_limit_is_clamped_and_the_bound_counts_what_is_sent(house: House) -> None:
    """The budget would refuse 1,000,000 tokens of output; after the clamp it pays for 500."""
    alias = house.alias("money")
    refused = house.chat(alias, max_tokens=1_000_000)
    assert refused.status_code == 402
    with rule(house, "no-novels", match={"model": alias}, clamp={"max_output": {"most": 500}}):
        assert house.chat(alias, max_tokens=1_000_000).status_code == 200
        assert house.chat(alias, max_tokens=20).status_code == 200
    bodies = [json.loads(each.body) for each in house.provider.received("b", alias)]
    assert [body["max_tokens"] for body in bodies] == [500, 20]


def test_what_a_rule_cannot_change_goes_as_it_came_and_says_so(house: House) -> None:
    alias = house.alias("solo")
    with rule(
        house, "unfit", match={"model": alias}, clamp={"top_p": {"most": 0.5}}, set={"reasoning_budget": 9}
    ):
        given = house.chat(alias, top_p="much")
    assert given.status_code == 200
    assert json.loads(sent(house, "b", alias))["top_p"] == "much"
    changes = given.headers["x-headgate-changes"]
    assert 'top_p is "much", no number to clamp' in changes
    assert "reasoning_budget is no parameter of openai-chat" in changes
    assert detail(house, given)["overrides"] == []


ALIAS = "the alias"
GREETING = "You are a pirate.\n\tSay \u201carr\u201d \U0001f3f4 often/always."
STREAMS: dict[str, tuple[str, str, str, dict[str, Any], Reply]] = {
    "openai-chat": (
        "solo",
        "b",
        "/v1/chat/completions",
        {
            "model": ALIAS,
            "stream": True,
            "stream_options": {"include_usage": True},
            "messages": [{"role": "system", "content": GREETING}],
        },
        stream(delta("a"), FINISH, usage_chunk(1, 1), DONE),
    ),
    "anthropic": (
        "claude",
        "claude",
        "/v1/messages",
        {
            "model": ALIAS,
            "stream": True,
            "max_tokens": 9,
            "system": [{"type": "text", "text": GREETING, "cache_control": {"type": "ephemeral"}}],
            "messages": [{"role": "user", "content": "hi"}],
        },
        stream(
            b'event: message_start\ndata: {"type":"message_start","message":'
            b'{"usage":{"input_tokens":1}}}\n\n',
            b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":'
            b'{"type":"text_delta","text":"a"}}\n\n',
            b'event: message_delta\ndata: {"type":"message_delta","delta":{},'
            b'"usage":{"output_tokens":1}}\n\n',
            b'event: message_stop\ndata: {"type":"message_stop"}\n\n',
        ),
    ),
    "google": (
        "gemini",
        "gemini",
        "/v1beta/models/{alias}:streamGenerateContent?alt=sse",
        {
            "systemInstruction": {"parts": [{"text": GREETING}]},
            "contents": [{"role": "user", "parts": [{"text": "hi"}]}],
        },
        stream(
            b'data: {"candidates":[{"content":{"parts":[{"text":"a"}]},"finishReason":"STOP"}],'
            b'"usageMetadata":'
            b'{"promptTokenCount":1,"candidatesTokenCount":1,"totalTokenCount":2}}\n\n'
        ),
    ),
}


@pytest.mark.parametrize("escaped", [True, False], ids=["escaped", "utf-8"])
@pytest.mark.parametrize("dialect", STREAMS)
def test_a_fragment_is_replaced_in_a_streamed_call(house: House, dialect: str, escaped: bool) -> None:
    kind, provider, path, asking, reply = STREAMS[dialect]
    alias = house.alias(kind)
    house.provider.on(provider, alias, reply)
    body = json.dumps(asking, ensure_ascii=escaped).replace(ALIAS, alias).encode()
    replaced = {
        "old": "pirate.\n\tSay \u201carr\u201d \U0001f3f4 often/always",
        "new": 'clerk \u2013 "sober"\n',
    }
    with rule(house, "sober", match={"model": alias}, replace=[replaced]):
        given = house.post(path.format(alias=alias), body)
    assert given.status_code == 200, given.text
    got = sent(house, provider, alias)
    assert 'You are a clerk \u2013 "sober"\n.' in list(texts(json.loads(got)))
    assert got.isascii() == escaped, "the style of the body stays"
    shown = detail(house, given)
    assert shown["request"] == json.loads(got)
    assert [each["before"] for each in shown["overrides"]] == [replaced["old"]]
    assert [each["after"] for each in shown["overrides"]] == [replaced["new"]]


def texts(value: Any) -> Generator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for each in cast("list[Any]", value):
            yield from texts(each)
    elif isinstance(value, dict):
        yield from texts(list(cast("dict[str, Any]", value).values()))


def test_a_fragment_is_replaced_in_responses_and_nowhere_but_in_text(house: House) -> None:
    body: dict[str, Any] = {
        "model": "mock/pirate",
        "instructions": "You are a pirate.",
        "input": [
            {"role": "user", "content": [{"type": "input_text", "text": "a pirate"}]},
            {"type": "function_call", "call_id": "pirate", "name": "pirate", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "pirate", "output": "pirate"},
        ],
        "metadata": {"pirate": "pirate"},
        "stream": True,
    }
    with rule(house, "clerks", match={"model": "mock/pir*"}, replace=[{"old": "pirate", "new": "clerk"}]):
        given = house.post("/v1/responses", body)
    assert given.status_code == 200
    shown = detail(house, given)
    assert shown["request"]["instructions"] == "You are a clerk."
    assert shown["request"]["input"][0]["content"][0]["text"] == "a clerk"
    assert shown["request"]["input"][1:] == body["input"][1:]
    assert shown["request"]["metadata"] == {"pirate": "pirate"}
    assert [each["field"] for each in shown["overrides"]] == ["instructions", "input[0].content[0].text"]


def test_a_pinned_model_takes_the_call_of_a_key_that_may_not_ask_for_it(house: House) -> None:
    asked, pinned = house.alias("solo"), house.alias("solo")
    key = house.make_key(models=[asked])
    headers = {"authorization": f"Bearer {key}"}
    body = {"model": asked, "messages": [{"role": "user", "content": "hi"}]}
    with rule(house, "moved", match={"model": asked}, model=pinned):
        given = httpx.post(f"{house.url}/v1/chat/completions", json=body, headers=headers, trust_env=False)
        assert given.status_code == 200
        assert given.headers["x-headgate-target"] == f"b/{pinned}"
        direct = httpx.post(
            f"{house.url}/v1/chat/completions",
            json={**body, "model": pinned},
            headers=headers,
            trust_env=False,
        )
        assert direct.status_code == 403, "the pin opens nothing to who asks for it by name"
        other = httpx.post(
            f"{house.url}/v1/chat/completions",
            json={**body, "model": asked},
            headers=headers,
            trust_env=False,
        )
        assert other.status_code == 200, "what was refused is remembered for the name that was asked for"
    assert not house.provider.received("b", asked)
    assert detail(house, given)["overrides"][0]["before"] == asked


def test_a_pin_of_googles_model_moves_its_path(house: House) -> None:
    asked, pinned = house.alias("gemini"), house.alias("gemini")
    reply: dict[str, Any] = {"candidates": [], "usageMetadata": {"promptTokenCount": 1, "totalTokenCount": 1}}
    house.provider.on("gemini", pinned, answer(reply))
    with rule(house, "moved-google", match={"model": asked}, model=pinned):
        path = f"/v1beta/models/{asked}:generateContent"
        given = house.post(path, {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]})
    assert given.status_code == 200
    (received,) = house.provider.received("gemini", pinned)
    assert received.target == f"/gemini/v1beta/models/{pinned}:generateContent"
    assert not house.provider.received("gemini", asked)


def test_a_pin_to_a_model_that_is_gone_leaves_calls_alone(house: House) -> None:
    refused = house.running.api.post("/rules", json={"name": "gone", "model": "pair-nothing"})
    assert refused.status_code == 400
    assert "pair-" in refused.json()["error"]["message"], "the nearest names are listed"


def test_a_share_of_users_is_changed_always_the_same_ones(house: House) -> None:
    alias = house.alias("solo")
    house.provider.on("b", alias, answer(completion()))
    with rule(house, "half", match={"model": alias}, set={"seed": 7}, share=0.5):
        for _ in range(2):
            for user in range(40):
                assert house.chat(alias, user=f"user-{user}").status_code == 200
    bodies = [json.loads(each.body) for each in house.provider.received("b", alias)]
    changed = [{body["user"] for body in half if "seed" in body} for half in (bodies[:40], bodies[40:])]
    assert changed[0] == changed[1]
    assert 8 <= len(changed[0]) <= 32


def test_a_rule_ends_when_it_expires(house: House) -> None:
    alias = house.alias("solo")
    soon, later = (datetime.now(UTC) + timedelta(seconds=seconds) for seconds in (1, 3600))
    with (
        rule(house, "brief", match={"model": alias}, set={"seed": 7}, expires_at=soon.isoformat()),
        rule(house, "longer", match={"model": alias}, set={"top_p": 1}, expires_at=later.isoformat()),
    ):
        time.sleep(max(0, (soon - datetime.now(UTC)).total_seconds()) + 0.2)
        assert house.chat(alias).status_code == 200
    body = json.loads(sent(house, "b", alias))
    assert (body.get("seed"), body.get("top_p")) == (None, 1)


def test_rules_match_tags_and_headers(house: House) -> None:
    alias = house.alias("solo")
    house.provider.on("b", alias, answer(completion()))
    match = {"model": alias, "tag": "team:red", "headers": {"X-Client": "old"}}
    with rule(house, "narrow", match=match, set={"seed": 7}):
        for headers in ({}, {"x-headgate-tags": "team:red"}, {"x-client": "old"}):
            asking = {"model": alias, "messages": [{"role": "user", "content": "hi"}]}
            assert house.post("/v1/chat/completions", asking, dict(headers)).status_code == 200
        key = house.make_key(tags=["team:red"])
        headers = {"authorization": f"Bearer {key}", "x-client": "old"}
        assert house.post("/v1/chat/completions", asking, headers).status_code == 200
    bodies = [json.loads(each.body) for each in house.provider.received("b", alias)]
    assert ["seed" in body for body in bodies] == [False, False, False, True]


def test_a_later_rule_sees_what_an_earlier_one_made(house: House) -> None:
    asked, pinned = house.alias("solo"), house.alias("solo")
    with (
        rule(house, "b-second", match={"model": pinned}, clamp={"temperature": {"most": 1}}),
        rule(house, "a-first", match={"model": asked}, set={"temperature": 1.5}, model=pinned),
    ):
        given = house.chat(asked)
    assert json.loads(sent(house, "b", pinned))["temperature"] == 1
    fields = [(each["source"].partition("@")[0], each["field"]) for each in detail(house, given)["overrides"]]
    assert fields == [
        ("rule a-first", "temperature"),
        ("rule a-first", "model"),
        ("rule b-second", "temperature"),
    ]

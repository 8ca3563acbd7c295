"""Counts of tokens across dialects: official clients of three, in front of providers that count or do not."""

import json
import time
from collections.abc import Iterator
from typing import Any

import anthropic
import httpx
import openai
import pytest
from demo.running import Running, headgate
from google import genai
from google.genai import types
from tests.flow.scripted_provider import Reply, ScriptedProvider, answer, completion, error
from tests.recorded_exchanges import Exchange, every_exchange

from headgate.core.chat import Seal
from headgate.wire.dialects.seals import wrapped

PROVIDERS = """
[providers.responses]
kind = "openai"
base_url = "http://127.0.0.1:{port}/responses/v1"
api_key = "env:KEY_OF_ALL"

[providers.claude]
kind = "anthropic"
base_url = "http://127.0.0.1:{port}/claude/v1"
api_key = "env:KEY_OF_ALL"

[providers.gemini]
kind = "google"
base_url = "http://127.0.0.1:{port}/gemini/v1beta"
api_key = "env:KEY_OF_ALL"

[providers.own]
kind = "openai-compatible"
base_url = "http://127.0.0.1:{port}/own/v1"
api_key = "env:KEY_OF_ALL"

[models.own-first]
targets = ["own/m", "claude/m"]

[models.claude-first]
targets = ["claude/broken", "gemini/m"]
"""
COUNTS: dict[str, Any] = {
    "responses": {"object": "response.input_tokens", "input_tokens": 31},
    "claude": {"input_tokens": 31},
    "gemini": {"totalTokens": 31, "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 31}]},
}
PATHS = {
    "responses": "/responses/v1/responses/input_tokens",
    "claude": "/claude/v1/messages/count_tokens",
    "gemini": "/gemini/v1beta/models/m:countTokens",
}
QUESTION = "What is the weather in Lisbon, and what was it yesterday?"
SCHEMA: dict[str, Any] = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


class House:
    """A running Headgate, its providers, and the three clients, each as one question: how many tokens?"""

    def __init__(self, running: Running, provider: ScriptedProvider) -> None:
        self.running = running
        self.provider = provider
        self.key = running.make_key()
        self.openai = openai.OpenAI(base_url=f"{running.url}/v1", api_key=self.key, max_retries=0)
        self.anthropic = anthropic.Anthropic(base_url=running.url, api_key=self.key, max_retries=0)
        options = types.HttpOptions(base_url=running.url)
        self.google = genai.Client(api_key=self.key, http_options=options)

    def count(self, dialect: str, model: str) -> int | None:
        match dialect:
            case "openai-responses":
                tool: Any = {"type": "function", "name": "f", "parameters": SCHEMA, "strict": False}
                counted = self.openai.responses.input_tokens.count(
                    model=model, input=QUESTION, instructions="Be brief.", tools=[tool]
                )
                return counted.input_tokens
            case "anthropic":
                offered: Any = {"name": "f", "input_schema": SCHEMA}
                return self.anthropic.messages.count_tokens(
                    model=model,
                    system="Be brief.",
                    messages=[{"role": "user", "content": QUESTION}],
                    tools=[offered],
                    thinking={"type": "enabled", "budget_tokens": 2048},
                ).input_tokens
            case _:
                return self.google.models.count_tokens(model=model, contents=QUESTION).total_tokens

    def post(self, path: str, body: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {self.key}"}
        return httpx.post(f"{self.running.url}{path}", json=body, headers=headers, trust_env=False)

    def record(self, request_id: str) -> dict[str, Any]:
        deadline = time.monotonic() + 15
        while True:
            given = self.running.api.get(f"/requests/{request_id}")
            if given.status_code == 200 and given.json()["status"]:
                return given.json()
            assert time.monotonic() < deadline, given.text
            time.sleep(0.1)


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with ScriptedProvider() as provider:
        environment = {"KEY_OF_ALL": "sk-of-all"}
        with headgate(PROVIDERS.format(port=provider.port), environment=environment) as running:
            house = House(running, provider)
            for name, counted in COUNTS.items():
                provider.on(name, "m", answer(counted))
            yield house
            house.openai.close()
            house.anthropic.close()
            house.google.close()


CLIENTS = ("openai-responses", "anthropic", "google")


@pytest.mark.parametrize("target", COUNTS)
@pytest.mark.parametrize("client", CLIENTS)
def test_a_target_counts_in_whichever_dialect_it_has(house: House, client: str, target: str) -> None:
    assert house.count(client, f"{target}/m") == 31
    sent = house.provider.received(target, "m")[-1]
    assert sent.target == PATHS[target]
    body = json.loads(sent.body)
    assert QUESTION in sent.body.decode()
    if client != "google":
        assert "Be brief." in sent.body.decode() and '"city"' in sent.body.decode()
    members = set(body.get("generateContentRequest", body))
    beyond = {"max_tokens", "max_output_tokens", "store", "stream", "include", "temperature"}
    assert not members & beyond, "no counting takes them"


def questions() -> list[Exchange]:
    found = [one for one in every_exchange() if one.dialect == "anthropic-count-tokens"]
    assert len(found) == 4
    return found


@pytest.mark.parametrize("target", COUNTS)
def test_every_recorded_question_is_answered(house: House, target: str) -> None:
    for one in questions():
        given = house.post("/v1/messages/count_tokens?beta=true", {**one.request, "model": f"{target}/m"})
        assert (given.status_code, given.json()) == (200, {"input_tokens": 31}), one.id
        assert "(meaning)" not in given.headers.get("x-headgate-changes", "")
        row = house.record(given.headers["x-headgate-request-id"])
        assert (row["operation"], row["target"], row["estimated"]) == ("count_tokens", f"{target}/m", False)
        assert float(row["cost_usd"]) == 0


def test_recorded_counts_come_back_as_they_were(house: House) -> None:
    for one in questions():
        house.provider.on("claude", "recorded", answer(json.loads(one.response)))
        tokens = json.loads(one.response)["input_tokens"]
        given = house.post("/v1/messages/count_tokens", {**one.request, "model": "claude/recorded"})
        assert given.json() == json.loads(one.response)
        assert house.google.models.count_tokens(model="claude/recorded", contents="a").total_tokens == tokens


@pytest.mark.parametrize("client", CLIENTS)
def test_a_target_that_counts_nothing_is_answered_for_by_an_estimate(house: House, client: str) -> None:
    before = len(house.provider.received("own", "m"))
    tokens = house.count(client, "own/m")
    assert tokens is not None and 12 < tokens < 80
    assert len(house.provider.received("own", "m")) == before
    body = {"model": "own/m", "messages": [{"role": "user", "content": QUESTION}]}
    given = house.post("/v1/messages/count_tokens", body)
    assert given.headers["x-headgate-changes"] == (
        "input_tokens: own/m counts none; they are estimated (loss)"
    )
    assert given.headers["x-headgate-target"] == "own/m"
    row = house.record(given.headers["x-headgate-request-id"])
    assert (row["status"], row["attempts"]) == (200, [])
    assert row["changes"] == ["input_tokens: own/m counts none; they are estimated (loss)"]
    assert float(row["cost_usd"]) == 0


def test_every_recorded_question_of_an_agent_gets_an_estimate(house: House) -> None:
    for one in questions():
        given = house.post("/v1/messages/count_tokens?beta=true", {**one.request, "model": "own/m"})
        real = json.loads(one.response)["input_tokens"]
        assert given.status_code == 200
        assert 0 < given.json()["input_tokens"] < 2 * real, one.id


def test_the_first_target_is_what_counts(house: House) -> None:
    before = len(house.provider.received("claude", "m"))
    given = house.post(
        "/v1/messages/count_tokens", {"model": "own-first", "messages": [{"role": "user", "content": "a"}]}
    )
    assert given.headers["x-headgate-target"] == "own/m"
    assert len(house.provider.received("claude", "m")) == before, "nobody else is shown the text"


NOT_THERE: list[tuple[str, Reply]] = [
    ("route", error(404, "Not Found")),
    ("model", error(404, "model: none", type="not_found_error")),
]


@pytest.mark.parametrize(("name", "reply"), NOT_THERE, ids=[name for name, _ in NOT_THERE])
def test_a_provider_without_counting_is_answered_for_and_stays_well(
    house: House, name: str, reply: Reply
) -> None:
    """Its kind says that it counts; that it does not is no failure that would keep calls from it."""
    model = f"without-{name}"
    house.provider.on("claude", model, reply)
    question = {"model": f"claude/{model}", "messages": [{"role": "user", "content": QUESTION}]}
    counted = [house.post("/v1/messages/count_tokens", question) for _ in range(8)]
    assert all("estimated" in given.headers["x-headgate-changes"] for given in counted)
    assert {given.status_code for given in counted} == {200}
    row = house.record(counted[-1].headers["x-headgate-request-id"])
    assert [one["status"] for one in row["attempts"]] == [404]
    message = {
        "id": "m1", "type": "message", "role": "assistant", "model": "m", "stop_reason": "end_turn",
        "content": [{"type": "text", "text": "hello"}], "usage": {"input_tokens": 1, "output_tokens": 1},
    }  # fmt: skip
    house.provider.on("claude", model, answer(message))
    assert house.post("/v1/messages", {**question, "max_tokens": 5}).status_code == 200


def test_a_provider_that_fails_is_followed_by_the_next(house: House) -> None:
    house.provider.on("claude", "broken", error(500))
    question = {"model": "claude-first", "messages": [{"role": "user", "content": "a"}]}
    given = house.post("/v1/messages/count_tokens", question)
    assert (given.json(), given.headers["x-headgate-target"]) == ({"input_tokens": 31}, "gemini/m")
    alone = house.post("/v1/messages/count_tokens", {**question, "model": "claude/broken"})
    assert alone.status_code == 502, "one that counts, and fails, is not guessed for"


@pytest.mark.parametrize("value", [{}, {"input_tokens": "31"}, completion()])
def test_what_is_no_count_is_an_error(house: House, value: Any) -> None:
    house.provider.on("claude", "odd", answer(value))
    given = house.post("/v1beta/models/claude%2Fodd:countTokens", {"contents": [{"parts": [{"text": "a"}]}]})
    assert given.status_code in (502, 503) and given.json()["error"]["status"] == "UNAVAILABLE"


def test_a_question_that_is_none_is_refused_in_its_dialect(house: House) -> None:
    body: Any = {"model": "own/m", "input": 7}
    with pytest.raises(openai.BadRequestError) as refused:
        house.openai.responses.input_tokens.count(**body)
    assert refused.value.param == "input"
    given = house.post("/v1/messages/count_tokens", {"model": "own/m", "messages": "a"})
    assert given.status_code == 400 and given.json()["error"]["type"] == "invalid_request_error"


def test_what_the_target_can_t_be_told_is_no_reason_to_refuse_a_count(house: House) -> None:
    body = {
        "model": "gemini/m",
        "messages": [{"role": "user", "content": "a"}],
        "nobody_knows_this": {"x": 1},
    }
    given = house.post("/v1/messages/count_tokens", body)
    assert given.json() == {"input_tokens": 31}
    assert "nobody_knows_this" in given.headers["x-headgate-changes"]
    assert "(meaning)" not in given.headers["x-headgate-changes"]
    strict = house.post("/v1/messages", {**body, "max_tokens": 5})
    assert strict.status_code == 422, "the call itself would be refused"


def test_seals_of_others_are_taken_out_of_what_anthropic_counts(house: House) -> None:
    """An agent's history with another provider's reasoning in it, which Anthropic would refuse."""
    seal = wrapped(Seal("google", "abc"), "anthropic")
    body = {
        "model": "claude/m",
        "messages": [
            {"role": "user", "content": "a"},
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "foreign", "signature": seal},
                    {"type": "text", "text": "b"},
                ],
            },
            {"role": "user", "content": "c"},
        ],
    }
    assert house.post("/v1/messages/count_tokens", body).json() == {"input_tokens": 31}
    sent = json.loads(house.provider.received("claude", "m")[-1].body)
    assert [one["content"] for one in sent["messages"]] == ["a", [{"type": "text", "text": "b"}], "c"]
    assert sent.keys() == {"model", "messages"}

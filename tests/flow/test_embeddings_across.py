"""Embeddings across dialects: official clients of OpenAI and Google, in front of providers of three dialects.

The providers answer what real ones have answered, where that is at hand.
"""

import json
import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import httpx
import msgspec
import openai
import pytest
from demo.running import Running, headgate
from google import genai
from google.genai import errors, types
from tests.flow.scripted_provider import ScriptedProvider, answer, whole
from tests.recorded_exchanges import Exchange, every_exchange

from headgate.core.embedding import EmbeddingDialect
from headgate.wire.dialects.embeddings import read_answer
from headgate.wire.dialects.vectors import values_of

PROVIDERS = """
[providers.openai]
kind = "openai-compatible"
base_url = "http://127.0.0.1:{port}/openai/v1"
api_key = "env:KEY_OF_ALL"

[providers.google]
kind = "google"
base_url = "http://127.0.0.1:{port}/google/v1beta"
api_key = "env:KEY_OF_ALL"
dialects = ["google"]

[providers.cohere]
kind = "cohere"
base_url = "http://127.0.0.1:{port}/cohere/v2"
api_key = "env:KEY_OF_ALL"

[models.google-first]
targets = ["google/m", "openai/m"]

[models.easy]
targets = ["google/m"]
translation = "lenient"
"""
BROKEN: dict[str, Any] = {
    "none": {"embeddings": []},
    "too-few": {"embeddings": [{"values": [1.0]}]},
    "no-numbers": {"embeddings": [{"values": ["x"]}, {"values": [1.0]}]},
    "another-answer": {"candidates": []},
}
MODEL = """
[models.to-{provider}]
targets = ["{provider}/m"]
"""
PRICED = """
[prices."{target}"]
input = "2"
context_window = 8000
"""
DIALECTS: tuple[EmbeddingDialect, ...] = ("openai", "google", "cohere")
PRICE = Decimal("0.000002")
VALUES = [0.25, -1.5, 3.0, 0.0]


class House:
    """A running Headgate in front of one provider of each dialect, and its clients."""

    def __init__(self, running: Running, provider: ScriptedProvider) -> None:
        self.running = running
        self.provider = provider
        self.key = running.make_key()
        self.openai = openai.OpenAI(base_url=f"{running.url}/v1", api_key=self.key, max_retries=0)
        options = types.HttpOptions(base_url=running.url)
        self.google = genai.Client(api_key=self.key, http_options=options)

    def post(self, path: str, body: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {self.key}"}
        return httpx.post(f"{self.running.url}{path}", json=body, headers=headers, trust_env=False)

    def say(self, dialect: str, value: object, status: int = 200) -> None:
        self.provider.on(dialect, "m", answer(value, status))

    def sent(self, dialect: str) -> tuple[str, dict[str, Any]]:
        """Target and body of what has reached a provider last."""
        last = self.provider.received(dialect, "m")[-1]
        return last.target, json.loads(last.body)

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
        config = PROVIDERS.format(port=provider.port)
        config += "".join(MODEL.format(provider=dialect) for dialect in DIALECTS)
        targets = [*[f"{dialect}/m" for dialect in DIALECTS], *[f"google/{model}" for model in BROKEN]]
        config += "".join(PRICED.format(target=target) for target in targets)
        with headgate(config, environment={"KEY_OF_ALL": "sk-of-all"}) as running:
            house = House(running, provider)
            yield house
            house.openai.close()
            house.google.close()


ANSWERS: dict[EmbeddingDialect, Any] = {
    "openai": {
        "object": "list",
        "data": [{"object": "embedding", "index": 0, "embedding": VALUES}],
        "model": "m",
        "usage": {"prompt_tokens": 7, "total_tokens": 7},
    },
    "google": {"embeddings": [{"values": VALUES}], "usageMetadata": {"promptTokenCount": 7}},
    "cohere": {
        "id": "e1",
        "embeddings": {"float": [VALUES]},
        "texts": ["a"],
        "meta": {"billed_units": {"input_tokens": 7}},
    },
}


def recorded(dialect: EmbeddingDialect) -> list[Exchange]:
    def is_it(one: Exchange) -> bool:
        if dialect == "cohere":
            return "cohere.embed" in one.path
        names = {"openai": "openai-embeddings", "google": "google-embed"}
        # What Ollama answers by itself has a path and a form of its own.
        return one.dialect == names[dialect] and "/api/" not in one.path

    found = [one for one in every_exchange() if is_it(one) and one.status == 200]
    assert len(found) >= 5
    return found


@pytest.mark.parametrize("dialect", ["google", "cohere"])
def test_trap_49_recorded_vectors_reach_openai_s_client(house: House, dialect: EmbeddingDialect) -> None:
    for one in recorded(dialect):
        house.provider.on(dialect, "m", (whole(one.response.encode()),))
        real = read_answer(dialect, one.response.encode())
        raw = house.openai.embeddings.with_raw_response.create(
            model=f"to-{dialect}", input=["a text"] * len(real.vectors)
        )
        given = raw.parse()
        for row, vector in zip(given.data, real.vectors, strict=True):
            assert row.embedding == pytest.approx(values_of(vector), rel=1e-6, abs=1e-9), one.id
        usage = real.usage
        if usage is not None:
            assert given.usage.prompt_tokens == given.usage.total_tokens == usage.total_input
            assert Decimal(raw.headers["x-headgate-cost-usd"]) == usage.total_input * PRICE


@pytest.mark.parametrize("dialect", ["openai", "cohere"])
def test_trap_49_recorded_vectors_reach_google_s_client(house: House, dialect: EmbeddingDialect) -> None:
    for one in recorded(dialect):
        house.provider.on(dialect, "m", (whole(one.response.encode()),))
        real = read_answer(dialect, one.response.encode())
        given = house.google.models.embed_content(
            model=f"to-{dialect}", contents=["a text"] * len(real.vectors)
        )
        assert given.embeddings is not None and len(given.embeddings) == len(real.vectors)
        for row, vector in zip(given.embeddings, real.vectors, strict=True):
            assert row.values == pytest.approx(values_of(vector), rel=1e-6, abs=1e-9), one.id


def test_what_openai_s_client_asks_reaches_every_dialect(house: House) -> None:
    for dialect in DIALECTS:
        house.say(dialect, ANSWERS[dialect])
        raw = house.openai.embeddings.with_raw_response.create(
            model=f"to-{dialect}", input="a", dimensions=4, encoding_format="float", user="u"
        )
        assert raw.parse().data[0].embedding == VALUES
        row = house.record(raw.headers["x-headgate-request-id"])
        assert (row["usage"]["input"], Decimal(row["cost_usd"])) == (7, 7 * PRICE)
        assert (row["dialect"], row["operation"], row["estimated"]) == ("openai", "embeddings", False)
    target, body = house.sent("google")
    assert target == "/google/v1beta/models/m:batchEmbedContents"
    text = {"parts": [{"text": "a"}]}
    assert body == {"requests": [{"model": "models/m", "content": text, "outputDimensionality": 4}]}
    target, body = house.sent("cohere")
    assert target == "/cohere/v2/embed"
    assert house.provider.received("cohere", "m")[-1].header("authorization") == "Bearer sk-of-all"
    assert body == {
        "model": "m",
        "texts": ["a"],
        "input_type": "search_document",
        "embedding_types": ["float"],
        "output_dimension": 4,
    }


def test_trap_49_what_google_s_client_asks_reaches_every_dialect(house: House) -> None:
    for dialect in DIALECTS:
        house.say(dialect, ANSWERS[dialect])
        config = types.EmbedContentConfig(task_type="RETRIEVAL_QUERY", output_dimensionality=4)
        given = house.google.models.embed_content(model=f"to-{dialect}", contents="a", config=config)
        assert given.embeddings is not None and given.embeddings[0].values == VALUES
    assert house.sent("openai")[1] == {"model": "m", "input": ["a"], "dimensions": 4}
    assert house.sent("cohere")[1]["input_type"] == "search_query"
    one = house.post("/v1/models/to-openai:embedContent", {"content": {"parts": [{"text": "a"}]}})
    assert one.json() == {"embedding": {"values": VALUES}, "usageMetadata": {"promptTokenCount": 7}}
    told = house.post(
        "/v1beta/models/to-openai:embedContent",
        {"content": {"parts": [{"text": "a"}]}, "taskType": "CLUSTERING", "title": "T"},
    )
    changes = told.headers["x-headgate-changes"]
    assert "task: the target's vectors are the same for every task (loss)" in changes
    assert "(meaning)" not in changes and told.status_code == 200


def test_encodings_are_those_that_the_client_asked_for(house: House) -> None:
    house.say("google", ANSWERS["google"])
    body = {"model": "to-google", "input": ["a"]}
    assert house.post("/v1/embeddings", body).json()["data"][0]["embedding"] == VALUES
    packed = house.post("/v1/embeddings", {**body, "encoding_format": "base64"}).json()
    assert packed["data"][0]["embedding"] == "AACAPgAAwL8AAEBAAAAAAA=="
    assert packed["model"] == "to-google"


def test_trap_49_strict_translation_refuses_what_changes_the_vectors(house: House) -> None:
    house.say("google", ANSWERS["google"])
    body = {"model": "to-google", "input": "a", "input_type": "classification"}
    refused = house.post("/v1/embeddings", body)
    assert refused.status_code == 422 and refused.json()["error"]["code"] == "not_translatable"
    assert "input_type" in refused.json()["error"]["message"]
    easy = house.post("/v1/embeddings", {**body, "model": "easy"})
    assert easy.status_code == 200
    assert "input_type: google has no such member (meaning)" in easy.headers["x-headgate-changes"]
    moved = house.post("/v1/embeddings", {**body, "model": "google-first"})
    assert moved.headers["x-headgate-target"] == "openai/m", "which knows more members than we do"


@pytest.mark.parametrize("tokens", [[1, 2, 3], [[1, 2], [3]]], ids=["one", "several"])
def test_trap_49_tokens_go_only_where_they_are_known(house: House, tokens: Any) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        house.openai.embeddings.create(model="to-google", input=tokens)
    assert refused.value.param == "input" and "tokens" in refused.value.message
    house.say("openai", ANSWERS["openai"])
    assert house.openai.embeddings.create(model="google-first", input=tokens).data[0].embedding == VALUES
    assert house.sent("openai")[1]["input"] == tokens


@pytest.mark.parametrize(("dialect", "most"), [("google", 100), ("cohere", 96)])
def test_trap_49_more_inputs_than_a_provider_takes_are_refused_by_number(
    house: House, dialect: EmbeddingDialect, most: int
) -> None:
    before = len(house.provider.received(dialect, "m"))
    with pytest.raises(openai.BadRequestError) as refused:
        house.openai.embeddings.create(model=f"to-{dialect}", input=["a"] * (most + 1))
    assert refused.value.param == "input"
    assert f"at most {most} inputs a call, not {most + 1}" in refused.value.message
    assert len(house.provider.received(dialect, "m")) == before


def test_a_provider_s_refusal_is_told_in_the_caller_s_dialect(house: House) -> None:
    error = {"error": {"code": 400, "message": "The text is odd.", "status": "INVALID_ARGUMENT"}}
    house.say("google", error, 400)
    with pytest.raises(openai.BadRequestError) as refused:
        house.openai.embeddings.create(model="to-google", input="a")
    assert refused.value.code == "upstream_refused" and "The text is odd." in refused.value.message
    house.say("cohere", {"id": "x", "message": "invalid request: model does not take dimensions"}, 400)
    with pytest.raises(errors.ClientError) as said:
        house.google.models.embed_content(model="to-cohere", contents="a")
    assert said.value.status == "INVALID_ARGUMENT" and "does not take dimensions" in (
        said.value.message or ""
    )


@pytest.mark.parametrize("model", BROKEN)
def test_answers_without_the_vectors_are_errors(house: House, model: str) -> None:
    house.provider.on("google", model, answer(BROKEN[model]))
    with pytest.raises(openai.InternalServerError) as broken:
        house.openai.embeddings.create(model=f"google/{model}", input=["a", "b"])
    assert broken.value.status_code == 502
    row = house.record(broken.value.response.headers["x-headgate-request-id"])
    assert row["estimated"] and Decimal(row["cost_usd"]) > 0, "it was made, and may be billed"


def test_an_answer_without_usage_is_charged_by_its_bound(house: House) -> None:
    house.say("google", {"embeddings": [{"values": VALUES}]})
    given = house.post("/v1/embeddings", {"model": "to-google", "input": "a"})
    assert given.json()["usage"] == {"prompt_tokens": 0, "total_tokens": 0}
    row = house.record(given.headers["x-headgate-request-id"])
    assert row["estimated"] and Decimal(row["cost_usd"]) > 7 * PRICE


def test_a_call_that_is_passed_keeps_its_bytes(house: House) -> None:
    house.say("openai", ANSWERS["openai"])
    body = {"model": "to-openai", "input": ["a"], "one_more": {"x": 1}}
    given = house.post("/v1/embeddings", body)
    assert given.json() == ANSWERS["openai"]
    assert house.sent("openai")[1] == {**body, "model": "m"}
    assert msgspec.json.decode(house.provider.received("openai", "m")[-1].body)["one_more"] == {"x": 1}

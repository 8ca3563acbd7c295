"""Counts of tokens at the clouds, in whichever dialect is there."""

import json
from typing import Any

import pytest
from tests.flow.cloud_house import Clouds
from tests.flow.cloud_provider import aws_error
from tests.flow.scripted_provider import answer

QUESTION: dict[str, Any] = {"system": "Be brief.", "messages": [{"role": "user", "content": "Hi"}]}
TOOLS = [{"name": "f", "input_schema": {"type": "object"}}]
HERE = "/vertex/v1/projects/my-project/locations/europe-west4/publishers"


def ask(clouds: Clouds, model: str) -> tuple[int, dict[str, str]]:
    given = clouds.post("/v1/messages/count_tokens", {**QUESTION, "tools": TOOLS, "model": model})
    assert given.status_code == 200, given.text
    return given.json()["input_tokens"], dict(given.headers)


def test_bedrock_counts_a_converse_call(clouds: Clouds) -> None:
    model = clouds.fresh("anthropic.claude")
    clouds.provider.on("bedrock", model, answer({"inputTokens": 31}))
    assert ask(clouds, f"bedrock/{model}")[0] == 31
    (received,) = clouds.provider.received("bedrock", model)
    assert received.target == f"/bedrock/model/{model}/count-tokens"
    assert (received.header("authorization") or "").startswith("AWS4-HMAC-SHA256 ")
    converse = json.loads(received.body)["input"]["converse"]
    assert converse["system"] == [{"text": "Be brief."}]
    assert converse["messages"] == [{"role": "user", "content": [{"text": "Hi"}]}]
    assert converse.keys() == {"system", "messages", "toolConfig"}


def test_a_model_that_bedrock_does_not_count_for_is_estimated(clouds: Clouds) -> None:
    model = clouds.fresh("amazon.nova")
    said = "The provided model doesn't support counting tokens."
    clouds.provider.on("bedrock", model, aws_error(400, "ValidationException", said))
    tokens, headers = ask(clouds, f"bedrock/{model}")
    assert 5 < tokens < 60 and "estimated" in headers["x-headgate-changes"]


@pytest.mark.parametrize("is_own", [True, False], ids=["google", "anthropic"])
def test_vertex_counts_for_gemini_without_a_wrapping(clouds: Clouds, is_own: bool) -> None:
    model = clouds.fresh("gemini-3")
    clouds.provider.on("vertex", model, answer({"totalTokens": 31}))
    if is_own:
        body = {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]}
        given = clouds.post(f"/v1/models/vertex%2F{model}:countTokens", body)
        assert given.json()["totalTokens"] == 31
    else:
        assert ask(clouds, f"vertex/{model}")[0] == 31
    (received,) = clouds.provider.received("vertex", model)
    assert received.target == f"{HERE}/google/models/{model}:countTokens"
    assert (received.header("authorization") or "").startswith("Bearer ya29.")
    assert json.loads(received.body)["contents"] == [{"role": "user", "parts": [{"text": "Hi"}]}]


def test_vertex_counts_for_claude_at_an_address_of_its_own(clouds: Clouds) -> None:
    model = clouds.fresh("claude-opus")
    clouds.provider.on("vertex", "count-tokens", answer({"input_tokens": 31}))
    assert ask(clouds, f"vertex/{model}")[0] == 31
    received = clouds.provider.received("vertex", "count-tokens")[-1]
    assert received.target == f"{HERE}/anthropic/models/count-tokens:rawPredict"
    body = json.loads(received.body)
    assert (body["model"], body["anthropic_version"]) == (model, "vertex-2023-10-16")

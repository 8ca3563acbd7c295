"""Calls of Amazon's Bedrock through a real gateway: signed, answered by Converse, settled, moved on."""

import json
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import pytest
from tests.flow.cloud_house import Clouds, usd
from tests.flow.cloud_provider import API_KEY, KEY_ID, aws_error
from tests.flow.scripted_provider import answer, completion, stream
from tests.wire.dialects.bedrock_samples import answers, event, exception, stream_of

USAGE = {"inputTokens": 10, "outputTokens": 20, "totalTokens": 30}
COST = Decimal("0.00005")
"""Of that usage, at 1 and 2 USD a million."""
BINARY = "application/vnd.amazon.eventstream"


def converse(text: str = "hello", **more: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": [{"text": text}]}
    return {"output": {"message": message}, "stopReason": "end_turn", "usage": USAGE, **more}


def streamed(said: dict[str, Any]) -> Any:
    return stream(stream_of(said), kind=BINARY)


DIALECTS = ("openai-chat", "openai-responses", "anthropic", "google")


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_client_of_any_dialect_is_answered_whole_and_streamed(clouds: Clouds, dialect: str) -> None:
    alias, model = clouds.target("bedrock")
    clouds.provider.on("bedrock", model, answer(converse()), streamed(converse()))
    client = clouds.clients[dialect]
    whole = client.ask(alias, [client.user("hi")])
    live = client.stream(alias, [client.user("hi")])
    for said in (whole, live):
        assert (said.text, said.tokens) == ("hello", (10, 20))
        row = clouds.record(said.headers["x-headgate-request-id"])
        assert (row["target"], row["status"], row["cost_usd"]) == (f"bedrock/{model}", 200, COST)
        assert not row["estimated"] and not row["truncated"]
    received = clouds.provider.received("bedrock", model)
    assert [one.target for one in received] == [
        f"/bedrock/model/{model}/converse",
        f"/bedrock/model/{model}/converse-stream",
    ]
    for one in received:
        assert "model" not in json.loads(one.body) and "stream" not in json.loads(one.body)
        assert (one.header("authorization") or "").startswith(f"AWS4-HMAC-SHA256 Credential={KEY_ID}/")
        assert one.header("x-api-key") is None and one.header("x-amz-security-token") is None
    assert clouds.spent(alias) == 2 * COST


def said_by(recorded: Any) -> tuple[str, list[tuple[str, Any]]]:
    """The text and the calls of a recorded answer."""
    blocks = recorded["output"]["message"]["content"]
    text = "".join(block.get("text", "") for block in blocks)
    used = [block["toolUse"] for block in blocks if "toolUse" in block]
    return text, [(one["name"], one["input"]) for one in used if one.get("type") != "server_tool_use"]


def test_recorded_answers_are_heard_as_they_were(clouds: Clouds) -> None:
    """Each by one dialect's own library, whole and as the stream that would have brought it."""
    heard = 0
    for place, (name, recorded) in enumerate(answers()):
        text, calls = said_by(recorded)
        if not text and not calls:
            continue
        # OpenAI's library raises for a stream that was filtered or cut.
        is_done = recorded["stopReason"] in ("end_turn", "tool_use", "stop_sequence")
        client = clouds.clients[DIALECTS[place % len(DIALECTS)] if is_done else "anthropic"]
        model = clouds.fresh("recorded")
        clouds.provider.on("bedrock", model, answer(recorded), streamed(recorded))
        for ask in (client.ask, client.stream):
            said = ask(f"bedrock/{model}", [client.user("hi")], tool=True)
            assert said.text == text, name
            assert [(one, given) for _, one, given in said.tools] == calls, name
        heard += 1
    assert heard > 80


ARN = "arn:aws:bedrock:eu-central-1:123456789012:application-inference-profile/mi1dadi0g15f"


@pytest.mark.parametrize("model", ["eu.anthropic.claude-sonnet-4-5-20250929-v1:0", ARN, "a.b@c+d_e:f/g:0"])
def test_names_with_signs_of_their_own_are_one_segment_of_the_path(clouds: Clouds, model: str) -> None:
    """The signature is over what is sent: colons and slashes percent-encoded, and once more for Amazon."""
    clouds.provider.on("bedrock", model, answer(converse()))
    given = clouds.chat(f"bedrock/{model}")
    assert given.status_code == 200, given.text
    (received,) = clouds.provider.received("bedrock", model)
    assert received.target == f"/bedrock/model/{quote(model, safe='')}/converse"


def test_a_temporary_key_shows_its_session_and_an_api_key_is_a_bearer(clouds: Clouds) -> None:
    model = clouds.fresh("m")
    for provider in ("session", "bearer"):
        clouds.provider.on(provider, model, answer(converse()))
        given = clouds.chat(f"{provider}/{model}")
        assert given.status_code == 200, given.text
    (received,) = clouds.provider.received("bearer", model)
    assert received.header("authorization") == f"Bearer {API_KEY}"
    assert received.header("x-amz-date") is None


def test_a_throttled_call_goes_on_to_the_next_target(clouds: Clouds) -> None:
    alias, model = clouds.target("bedrock")
    clouds.provider.on("bedrock", model, aws_error(429, "ThrottlingException", "Too many requests"))
    clouds.provider.on("backup", alias, answer(completion("from the other")))
    given = clouds.chat(alias)
    assert given.json()["choices"][0]["message"]["content"] == "from the other"
    row = clouds.record(given.headers["x-headgate-request-id"])
    assert [one["code"] for one in row["attempts"]] == ["rate_limited", ""]
    assert clouds.spent(alias) == 0


def test_a_stream_that_is_throttled_before_its_first_token_goes_on(clouds: Clouds) -> None:
    alias, model = clouds.target("bedrock")
    begun = event("messageStart", {"role": "assistant"})
    refused = exception("throttlingException", {"message": "Too many tokens"})
    clouds.provider.on("bedrock", model, stream(begun, refused, kind=BINARY))
    clouds.provider.on("backup", alias, answer(completion("from the other")))
    given = clouds.chat(alias, stream=True)
    assert given.status_code == 200 and "from the other" in given.text


def test_a_stream_that_breaks_ends_in_an_error_and_is_charged(clouds: Clouds) -> None:
    alias, model = clouds.target("bedrock")
    begun = stream_of(converse("hello there"))[:-150]
    clouds.provider.on("bedrock", model, stream(begun, 0.05, "cut", end=False, kind=BINARY))
    given = clouds.chat(alias, stream=True)
    assert "[DONE]" not in given.text and '"error"' in given.text
    row = clouds.record(given.headers["x-headgate-request-id"])
    assert row["truncated"] and row["estimated"] and row["cost_usd"] > 0


@pytest.mark.parametrize(
    ("status", "kind", "message", "expected"),
    [
        (400, "ValidationException", "messages.0: this is malformed", (400, "malformed")),
        (400, "ValidationException", "The provided model identifier is invalid.", (502, "identifier")),
        (403, "AccessDeniedException", "You don't have access to the model", (502, "access")),
        (424, "ModelErrorException", "the model failed", (502, "the model failed")),
        (503, "ServiceUnavailableException", "try again", (502, "try again")),
    ],
)
def test_errors_are_whose_they_are(
    clouds: Clouds, status: int, kind: str, message: str, expected: tuple[int, str]
) -> None:
    model = clouds.fresh("m")
    clouds.provider.on("bedrock", model, aws_error(status, kind, message, "x-amzn-requestid: req-aws-1"))
    given = clouds.chat(f"bedrock/{model}")
    assert given.status_code == expected[0]
    assert expected[1] in given.json()["error"]["message"]
    if status == 400 and given.status_code == 400:
        assert given.headers["x-request-id"] == "req-aws-1"


def test_what_openai_s_dialects_answer_there_passes_by_bytes(clouds: Clouds) -> None:
    """A model that Bedrock serves in the caller's own dialect is not translated, and signed all the same."""
    chat = completion("as it is") | {"x_own": 1}
    model = "openai.gpt-oss-120b-1:0"
    clouds.provider.on("bedrock", model, answer(chat))
    given = clouds.chat(f"bedrock/{model}")
    assert given.json() == chat
    assert usd(given) > 0, "its price is known"
    assert clouds.provider.received("bedrock", model)[0].target == "/bedrock/openai/v1/chat/completions"
    model = "anthropic.claude-haiku-4-5"
    said = {
        "id": "msg_1", "type": "message", "role": "assistant", "model": model, "stop_sequence": None,
        "content": [{"type": "text", "text": "from mantle"}], "stop_reason": "end_turn",
        "usage": {"input_tokens": 10, "output_tokens": 20},
    }  # fmt: skip
    clouds.provider.on("mantle", model, answer(said), answer(said))
    assert clouds.chat(f"mantle/{model}").json()["choices"][0]["message"]["content"] == "from mantle"
    own = {"model": f"mantle/{model}", "max_tokens": 5, "messages": [{"role": "user", "content": "hi"}]}
    assert clouds.post("/v1/messages", own).json() == said
    translated, passed = clouds.provider.received("mantle", model)
    assert translated.target == passed.target == "/mantle/anthropic/v1/messages"
    assert passed.header("anthropic-version") == "2023-06-01"


def test_a_call_of_a_region_stays_there(clouds: Clouds) -> None:
    """What a provider's region and a model's name say decides, without a word in the configuration."""
    key = clouds.make_key(project="european")
    body = {"messages": [{"role": "user", "content": "hi"}]}
    headers = {"authorization": f"Bearer {key}"}
    for model, status in {
        "m-of-here": 200,
        "eu.anthropic.claude-haiku-4-5": 200,
        "us.anthropic.claude-haiku-4-5": 403,
        "global.anthropic.claude-haiku-4-5": 403,
        "arn:aws:bedrock:eu-central-1:123456789012:inference-profile/x": 403,
    }.items():
        clouds.provider.on("bedrock", model, answer(converse()))
        given = clouds.post("/v1/chat/completions", {"model": f"bedrock/{model}", **body}, headers)
        assert given.status_code == status, (model, given.text)
        assert len(clouds.provider.received("bedrock", model)) == (status == 200)

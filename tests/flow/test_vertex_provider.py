"""Calls of Google's Vertex through a real gateway: tokens over TLS, projects, locations, makers' dialects."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest
from tests.flow.cloud_house import Clouds
from tests.flow.scripted_provider import DONE, FINISH, answer, completion, delta, stream, usage_chunk

COST = Decimal("0.00005")
DIALECTS = ("openai-chat", "openai-responses", "anthropic", "google")
HERE = "/vertex/v1/projects/my-project/locations/europe-west4"
GENERATED = {
    "candidates": [{"content": {"parts": [{"text": "hello"}], "role": "model"}, "finishReason": "STOP"}],
    "usageMetadata": {"promptTokenCount": 10, "candidatesTokenCount": 20, "totalTokenCount": 30},
}
MESSAGE: dict[str, Any] = {
    "id": "msg_vrtx_1",
    "type": "message",
    "role": "assistant",
    "model": "claude",
    "content": [{"type": "text", "text": "hello"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 10, "output_tokens": 20},
}
MESSAGES = [{"role": "user", "content": "hi"}]


def google_stream(said: Any) -> Any:
    return stream(b"data: " + json.dumps(said).encode() + b"\r\n\r\n")


def named(kind: str, **fields: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()


def anthropic_stream() -> Any:
    return stream(
        named("message_start", message={**MESSAGE, "content": [], "stop_reason": None}),
        named("content_block_start", index=0, content_block={"type": "text", "text": ""}),
        named("content_block_delta", index=0, delta={"type": "text_delta", "text": "hello"}),
        named("content_block_stop", index=0),
        named(
            "message_delta",
            delta={"stop_reason": "end_turn", "stop_sequence": None},
            usage={"output_tokens": 20},
        ),
        named("message_stop"),
    )


def check(clouds: Clouds, alias: str, model: str, client: Any) -> None:
    """Ask whole and streamed; both are heard, recorded and charged."""
    for ask in (client.ask, client.stream):
        said = ask(alias, [client.user("hi")])
        assert (said.text, said.tokens) == ("hello", (10, 20))
        row = clouds.record(said.headers["x-headgate-request-id"])
        assert (row["target"], row["cost_usd"], row["estimated"]) == (f"vertex/{model}", COST, False)
    assert clouds.spent(alias) == 2 * COST


@pytest.mark.parametrize("dialect", DIALECTS)
def test_gemini_answers_a_client_of_any_dialect(clouds: Clouds, dialect: str) -> None:
    alias, model = clouds.target("gemini")
    clouds.provider.on("vertex", model, answer(GENERATED), google_stream(GENERATED))
    check(clouds, alias, model, clouds.clients[dialect])
    whole, live = clouds.provider.received("vertex", model)
    place = f"{HERE}/publishers/google/models/{model}"
    assert (whole.target, live.target) == (
        f"{place}:generateContent",
        f"{place}:streamGenerateContent?alt=sse",
    )
    for one in (whole, live):
        assert (one.header("authorization") or "").startswith("Bearer ya29.")
        assert one.header("x-goog-api-key") is None and "key=" not in one.target


@pytest.mark.parametrize("dialect", DIALECTS)
def test_claude_answers_there_with_the_model_in_the_path_alone(clouds: Clouds, dialect: str) -> None:
    alias, model = clouds.target("claude")
    clouds.provider.on("vertex", model, answer(MESSAGE), anthropic_stream())
    check(clouds, alias, model, clouds.clients[dialect])
    whole, live = clouds.provider.received("vertex", model)
    place = f"{HERE}/publishers/anthropic/models/{model}"
    assert (whole.target, live.target) == (f"{place}:rawPredict", f"{place}:streamRawPredict")
    for one, is_stream in ((whole, False), (live, True)):
        body = json.loads(one.body)
        assert "model" not in body and body["anthropic_version"] == "vertex-2023-10-16"
        assert body.get("stream", False) is is_stream
        assert body["messages"][0]["role"] == "user"


def test_what_passes_to_claude_there_keeps_its_bytes(clouds: Clouds) -> None:
    """A body of Anthropic's own loses the model and gains a version, and nothing else of it is touched."""
    model = clouds.fresh("claude-3@2025")
    clouds.provider.on("vertex", model, answer(MESSAGE))
    said = b'"messages": [{"role":"user","content":"h\\u00e9"}]'
    body = b'{"model": "vertex/%b", "max_tokens":5,  "x_own": [1.50, 1e2], ' + said + b"}"
    given = clouds.post("/v1/messages", body % model.encode(), {"anthropic-beta": "context-1m"})
    assert given.status_code == 200, given.text
    (received,) = clouds.provider.received("vertex", model)
    assert received.body == (
        b'{"max_tokens":5,"x_own":[1.50, 1e2],"messages":[{"role":"user","content":"h\\u00e9"}],'
        b'"anthropic_version":"vertex-2023-10-16"}'
    )
    assert received.target.endswith(f"/publishers/anthropic/models/{model}:rawPredict")
    assert received.header("anthropic-beta") == "context-1m"


def test_what_others_have_made_answers_as_openai_does(clouds: Clouds) -> None:
    model = "meta/llama-4-maverick-17b-128e-instruct-maas"
    replies = [answer(completion()), stream(delta("hello"), FINISH, usage_chunk(10, 20), DONE)]
    clouds.provider.on("vertex-global", model, *replies)
    client = clouds.clients["anthropic"]
    for ask in (client.ask, client.stream):
        assert ask(f"vertex-global/{model}", [client.user("hi")]).text == "hello"
    for one in clouds.provider.received("vertex-global", model):
        place = "/vertex-global/v1/projects/my-project/locations/global/endpoints/openapi"
        assert one.target == f"{place}/chat/completions"
        assert json.loads(one.body)["model"] == model


def test_embeddings_of_google_s_own_dialect_pass(clouds: Clouds) -> None:
    model = "gemini-embedding-2"
    said = {"embedding": {"values": [0.5, 0.25]}}
    clouds.provider.on("vertex-global", model, answer(said))
    asked = {"content": {"parts": [{"text": "hi"}]}}
    given = clouds.post(f"/v1beta/models/vertex-global%2F{model}:embedContent", asked)
    assert given.json() == said
    (received,) = clouds.provider.received("vertex-global", model)
    place = "/vertex-global/v1beta1/projects/my-project/locations/global/publishers/google/models"
    assert received.target == f"{place}/{model}:embedContent"


def test_one_token_serves_all_calls_and_a_refused_one_is_replaced_once(clouds: Clouds) -> None:
    alias, model = clouds.target("gemini")
    clouds.provider.on("vertex", model, answer(GENERATED))
    assert clouds.chat(alias).status_code == 200
    given = len(clouds.token_server.given)
    with ThreadPoolExecutor(8) as threads:
        assert {one.status_code for one in threads.map(clouds.chat, [alias] * 16)} == {200}
    assert len(clouds.token_server.given) == given, "the token is kept"
    clouds.provider.tokens.clear()  # revoked: it is refused from now on
    served = len(clouds.provider.received("vertex", model))
    again = clouds.chat(alias)
    assert again.status_code == 200, again.text
    assert len(clouds.token_server.given) == given + 1
    tries = clouds.provider.received("vertex", model)[served:]
    assert [one.header("authorization") for one in tries] == [
        f"Bearer {token}" for token in clouds.token_server.given[-2:]
    ]
    row = clouds.record(again.headers["x-headgate-request-id"])
    assert len(row["attempts"]) == 1 and row["cost_usd"] == COST


def test_a_token_that_is_refused_again_moves_the_call_and_shows_in_no_message(clouds: Clouds) -> None:
    """The stand-in quotes the token that it refuses."""
    model = clouds.fresh("gemini")
    refused = {"error": {"code": 401, "message": "", "status": "UNAUTHENTICATED"}}

    def quoting(token: str) -> Any:
        refused["error"]["message"] = f"no such token: Bearer {token}"
        return answer(refused, 401)

    clouds.provider.on("vertex", model, answer(GENERATED))
    assert clouds.chat(f"vertex/{model}").status_code == 200
    clouds.provider.on("vertex", model, quoting("first"), quoting(clouds.token_server.given[-1]))
    before = len(clouds.token_server.given)
    given = clouds.chat(f"vertex/{model}")
    assert given.status_code == 502 and "answered 401" in given.json()["error"]["message"]
    assert "***" in given.json()["error"]["message"]
    assert "canarytoken" not in given.text
    assert len(clouds.token_server.given) == before + 1, "asked for once more, not again and again"


def test_no_token_is_the_target_s_failure_of_which_nothing_was_sent(clouds: Clouds) -> None:
    alias, model = clouds.target("gemini")
    clouds.provider.on("vertex", model, answer(GENERATED))
    clouds.provider.on("backup", alias, answer(completion("from the other")))
    clouds.provider.tokens.clear()
    clouds.token_server.failing = True
    try:
        given = clouds.chat(alias)
        assert given.json()["choices"][0]["message"]["content"] == "from the other"
        alone = clouds.chat(f"vertex/{model}")
    finally:
        clouds.token_server.failing = False
        clouds.provider.on("vertex", "gemini-again", answer(GENERATED))
        until = time.monotonic() + 10
        while clouds.chat("vertex/gemini-again").status_code != 200:  # nobody asks again for a second
            assert time.monotonic() < until
            time.sleep(0.1)
    row = clouds.record(given.headers["x-headgate-request-id"])
    assert row["attempts"][0]["code"] == "upstream_error"
    assert clouds.spent(alias) == 0
    message = alone.json()["error"]["message"]
    assert alone.status_code == 502 and "no access token" in message and "invalid_grant" in message
    assert clouds.token_server.assertions[-1].startswith("eyJ") and "eyJ" not in alone.text


def test_what_is_wrong_with_a_key_file_is_said_without_its_words(clouds: Clouds) -> None:
    broken, short = clouds.chat("vertex-broken/m"), clouds.chat("vertex-short/m")
    assert broken.status_code == short.status_code == 503
    assert "is no JSON of a service account's key file" in broken.json()["error"]["message"]
    assert "private_key of the service account can't be read" in short.json()["error"]["message"]
    ready = clouds.running.api.get(f"{clouds.url}/readyz")
    assert ready.status_code == 200
    assert "provider vertex-broken is left out: env:BROKEN_JSON does not serve" in ready.text
    listed = {one["name"]: one for one in clouds.running.get("/providers")["items"]}
    assert listed["vertex-broken"]["state"] == "no key" and listed["vertex"]["has_key"]
    assert listed["vertex-short"]["state"] == "no key" and "can't be read" in listed["vertex-short"]["reason"]
    assert "checks fail" in clouds.running.command("doctor", status=1)
    log = clouds.running.log.read_text()
    assert "provider vertex-short is left out" in log
    for text in (broken.text, short.text, ready.text, log):
        assert "BEGIN PRIVATE" not in text and "my-project.example" not in text


def test_the_location_says_where_a_call_is_processed(clouds: Clouds) -> None:
    headers = {"authorization": f"Bearer {clouds.make_key(project='european')}"}
    body = {"messages": MESSAGES}
    model = clouds.fresh("gemini")
    for provider, status in {"vertex": 200, "vertex-global": 403}.items():
        clouds.provider.on(provider, model, answer(GENERATED))
        given = clouds.post("/v1/chat/completions", {"model": f"{provider}/{model}", **body}, headers)
        assert given.status_code == status, given.text

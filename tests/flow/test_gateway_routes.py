"""What crosses, both ways: every route, byte for byte, and of the headers only those that are listed."""

import gzip
import json
import re
from decimal import Decimal

import httpx
import pytest
from tests.flow.gateway_house import CANARY, House
from tests.flow.scripted_provider import Received, answer, completion, error, whole

PRICE = Decimal("0.00005")
USAGE = {"prompt_tokens": 10, "completion_tokens": 20, "total_tokens": 30}


def only(received: list[Received]) -> Received:
    assert len(received) == 1
    return received[0]


def sent_on(house: House, provider: str, alias: str) -> Received:
    return only(house.provider.received(provider, alias))


ODD = (
    '{ "temperature":0.10,"messages" : [{"role":"user","content":"caf\\u00e9 \u00e9 \\/"}],\n'
    '"model":"ALIAS", "x_unknown":{"b":1,"a":[1.0,1e3]} , "big":12345678901234567890 }'
)


def test_a_body_with_the_same_model_is_the_same_bytes(house: House) -> None:
    alias = house.alias("solo")
    body = ODD.replace("ALIAS", alias).encode()
    given = house.post("/v1/chat/completions", body, {"content-type": "application/json"})
    assert given.status_code == 200
    assert sent_on(house, "b", alias).body == body
    assert sent_on(house, "b", alias).target == "/b/v1/chat/completions"
    assert sent_on(house, "b", alias).header("content-length") == str(len(body))


def test_only_the_models_name_is_replaced(house: House) -> None:
    body = ODD.replace("ALIAS", "capped").encode()
    assert house.post("/v1/chat/completions", body).status_code == 200
    sent = sent_on(house, "b", "capped").body
    assert json.loads(sent)["max_tokens" if b"max_tokens" in sent else "max_completion_tokens"] == 77
    plain = ODD.replace("ALIAS", "b/solo-renamed").encode()
    assert house.post("/v1/chat/completions", plain).status_code == 200
    assert sent_on(house, "b", "solo-renamed").body == plain.replace(b"b/solo-renamed", b"solo-renamed")


def test_a_default_limit_is_named_among_the_changes(house: House) -> None:
    given = house.chat("capped", max_completion_tokens=None)
    assert "77" in given.headers["x-headgate-changes"]
    row = house.record(given.headers["x-headgate-request-id"])
    assert "77" in row["changes"][0]


def test_answers_come_back_as_they_are(house: House) -> None:
    alias = house.alias("solo")
    body = b'{ "id":"x",\n "usage" : {"prompt_tokens":10,"completion_tokens":20,"total_tokens":30}, "o":1 }'
    house.provider.on("b", alias, (whole(body),))
    given = house.chat(alias)
    assert given.content == body
    assert given.headers["x-headgate-target"] == f"b/{alias}"
    assert Decimal(given.headers["x-headgate-cost-usd"]) == PRICE
    assert re.fullmatch(r"[0-9a-f]{12,}", given.headers["x-headgate-snapshot"])
    assert re.fullmatch(r"[0-9a-f-]{36}", given.headers["x-headgate-request-id"])
    row = house.record(given.headers["x-headgate-request-id"])
    assert (row["cost_usd"], row["status"], row["usage"]["output"]) == (PRICE, 200, 20)


def test_headers_cross_by_list_to_the_provider(house: House) -> None:
    alias = house.alias("solo")
    house.post(
        "/v1/chat/completions",
        {"model": alias, "messages": [{"role": "user", "content": "hi"}]},
        {
            "cookie": "session=1",
            "openai-organization": "org-mine",
            "openai-project": "proj-mine",
            "x-forwarded-for": "10.0.0.1",
            "x-headgate-tags": "team=x",
            "user-agent": "me",
            "idempotency-key": "once",
            "openai-beta": "assistants=v2",
            "x-anything": "else",
            "accept-encoding": "gzip, br",
            "traceparent": "00-" + "a" * 32 + "-" + "b" * 16 + "-01",
        },
    )
    sent = dict(sent_on(house, "b", alias).headers)
    assert set(sent) == {
        "host",
        "authorization",
        "accept",
        "content-type",
        "idempotency-key",
        "openai-beta",
        "accept-encoding",
        "content-length",
    }
    assert sent["authorization"] == f"Bearer {CANARY}"
    assert sent["accept-encoding"] == "identity"
    assert sent["host"] == f"127.0.0.1:{house.provider.port}"


def test_headers_cross_by_list_to_the_client(house: House) -> None:
    alias = house.alias("solo")
    extra = (
        "set-cookie: a=b",
        "x-ratelimit-remaining-requests: 5",
        "anthropic-ratelimit-requests-remaining: 5",
        "retry-after: 3",
        "openai-organization: org-theirs",
        "x-api-key: theirs",
        "server: theirs",
        "x-headgate-target: forged",
        "x-headgate-cost-usd: 0",
        "x-request-id: req-1",
        f"openai-version: {CANARY}",
        "access-control-allow-origin: *",
    )
    house.provider.on("b", alias, answer(completion(), 200, *extra))
    given = house.chat(alias)
    assert given.headers["x-request-id"] == "req-1"
    assert given.headers.get_list("x-headgate-target") == [f"b/{alias}"]
    assert len(given.headers.get_list("x-headgate-cost-usd")) == 1
    assert CANARY not in str(given.headers)
    named = {line.partition(":")[0] for line in extra if not line.startswith("x-headgate")}
    assert named & set(given.headers) == {"x-request-id", "openai-version"}


TOKENS = {"input_tokens": 10, "output_tokens": 20, "total_tokens": 30}
NOTHING: list[object] = []
JSON_ROUTES: list[tuple[str, dict[str, str], dict[str, object], Decimal | None]] = [
    ("/v1/completions", {"prompt": "hi"}, {"usage": USAGE, "choices": [{"text": "a"}]}, PRICE),
    (
        "/v1/embeddings",
        {"input": "hi"},
        {"data": [], "usage": {"prompt_tokens": 10, "total_tokens": 10}},
        None,
    ),
    ("/v1/moderations", {"input": "hi"}, {"results": NOTHING}, Decimal(0)),
    (
        "/v1/responses",
        {"input": "hi"},
        {
            "id": "resp_1",
            "output": [],
            "usage": {"input_tokens": 10, "output_tokens": 20, "total_tokens": 30},
        },
        PRICE,
    ),
    (
        "/v1/images/generations",
        {"prompt": "a cat"},
        {"data": NOTHING, "usage": TOKENS},
        None,
    ),
]


@pytest.mark.parametrize(("path", "body", "said", "cost"), JSON_ROUTES)
def test_openai_routes(
    house: House, path: str, body: dict[str, object], said: dict[str, object], cost: Decimal | None
) -> None:
    alias = house.alias("solo")
    house.provider.on("b", alias, answer(said))
    given = house.post(path, {"model": alias, **body})
    assert (given.status_code, given.json()) == (200, said)
    assert sent_on(house, "b", alias).target == "/b" + path
    row = house.record(given.headers["x-headgate-request-id"])
    assert row["cost_usd"] is not None
    assert cost is None or row["cost_usd"] == cost


def test_speech_comes_back_as_bytes(house: House) -> None:
    alias = house.alias("solo")
    sound = bytes(range(256)) * 100
    house.provider.on("b", alias, (whole(sound, kind="audio/mpeg"),))
    given = house.post("/v1/audio/speech", {"model": alias, "input": "hi", "voice": "x"})
    assert (given.content, given.headers["content-type"]) == (sound, "audio/mpeg")


def test_what_a_provider_compressed_unasked_can_still_be_read(house: House) -> None:
    alias = house.alias("solo")
    body = gzip.compress(b'{"id": "x"}')
    house.provider.on("b", alias, (whole(body, 200, "content-encoding: gzip"),))
    assert house.chat(alias).json() == {"id": "x"}


def form(alias: str, size: int) -> bytes:
    sound = bytes(range(256)) * (size // 256)
    return (
        b'--line\r\ncontent-disposition: form-data; name="file"; filename="a.wav"\r\n'
        b"content-type: audio/wav\r\n\r\n"
        + sound
        + b'\r\n--line\r\ncontent-disposition: form-data; name="model"'
        b"\r\n\r\n" + alias.encode() + b"\r\n--line--\r\n"
    )


@pytest.mark.parametrize("size", [2048, 3 * 1024 * 1024])
def test_uploads_are_sent_again_on_fallback(house: House, size: int) -> None:
    alias = house.alias("pair")
    house.provider.on("a", alias, error(500))
    house.provider.on("b", alias, answer({"text": "hello"}))
    body = form(alias, size)
    kind = {"content-type": "multipart/form-data; boundary=line"}
    given = house.post("/v1/audio/transcriptions", body, kind)
    assert (given.status_code, given.json()) == (200, {"text": "hello"})
    first, second = sent_on(house, "a", alias), sent_on(house, "b", alias)
    assert first.body == second.body == body
    assert second.header("content-type") == kind["content-type"]
    left = list((house.running.folder / "data" / "spool").iterdir())
    assert not left, "nothing of it stays on disk"
    request_id = given.headers["x-headgate-request-id"]
    house.record(request_id)


def test_a_large_upload_with_another_model_name(house: House) -> None:
    body = form("b/solo-upload", 2 * 1024 * 1024)
    given = house.post(
        "/v1/audio/transcriptions", body, {"content-type": "multipart/form-data; boundary=line"}
    )
    assert given.status_code == 200
    assert sent_on(house, "b", "solo-upload").body == body.replace(b"b/solo-upload", b"solo-upload")


def test_anthropic_whole_and_counting(house: House) -> None:
    alias = house.alias("claude")
    said = {"id": "msg_1", "type": "message", "usage": {"input_tokens": 10, "output_tokens": 20}}
    house.provider.on("claude", alias, answer(said, 200, "request-id: req_9"))
    body = {"model": alias, "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
    with httpx.Client(base_url=house.url, trust_env=False) as client:
        given = client.post(
            "/anthropic/v1/messages",
            json=body,
            headers={"x-api-key": house.key, "anthropic-version": "2023-01-01", "anthropic-beta": "x"},
        )
    assert (given.json(), given.headers["request-id"]) == (said, "req_9")
    assert Decimal(given.headers["x-headgate-cost-usd"]) == PRICE
    sent = sent_on(house, "claude", alias)
    assert (sent.target, sent.header("x-api-key")) == ("/claude/v1/messages", CANARY)
    assert [value for name, value in sent.headers if name == "anthropic-version"] == ["2023-01-01"]
    assert sent.header("authorization") is None

    counted = house.alias("claude")
    house.provider.on("claude", counted, answer({"input_tokens": 12}))
    given = house.post("/v1/messages/count_tokens", {"model": counted, "messages": []})
    assert given.json() == {"input_tokens": 12}
    assert sent_on(house, "claude", counted).header("anthropic-version") == "2023-06-01"
    assert house.record(given.headers["x-headgate-request-id"])["cost_usd"] == 0


def test_google_whole(house: House) -> None:
    alias = house.alias("gemini")
    usage = {"promptTokenCount": 10, "candidatesTokenCount": 20, "totalTokenCount": 30}
    said = {"candidates": NOTHING, "usageMetadata": usage}
    house.provider.on("gemini", alias, answer(said))
    body = b'{"contents": [{"parts": [{"text": "hi"}]}] }'
    given = house.post(f"/v1beta/models/{alias}:generateContent", body)
    assert given.json() == said
    sent = sent_on(house, "gemini", alias)
    assert sent.body == body
    assert sent.target == f"/gemini/v1beta/models/{alias}:generateContent"
    assert sent.header("x-goog-api-key") == CANARY
    assert house.record(given.headers["x-headgate-request-id"])["cost_usd"] == PRICE


def test_what_can_t_be_said_in_the_provider_s_dialect_is_422(house: House) -> None:
    alias = house.alias("claude")
    given = house.post("/v1/embeddings", {"model": alias, "input": "a"})
    assert given.status_code == 422
    assert given.json()["error"]["code"] == "not_translatable"
    assert not house.provider.received("claude", alias)


def test_models_are_listed_without_a_call(house: House) -> None:
    given = httpx.get(
        house.url + "/v1/models", headers={"authorization": f"Bearer {house.key}"}, trust_env=False
    )
    names = {item["id"] for item in given.json()["data"]}
    assert {"capped", "narrow", "rejects"} <= names

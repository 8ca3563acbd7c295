"""The whole system: bad input gets a clear 4xx in the dialect's shape, and the process lives on."""

import json
import socket
from collections.abc import Iterator

import httpx
import pytest
from demo.running import Running, chat, headgate

CONFIG = """
[providers.mock]
kind = "mock"

[models.assistant]
targets = ["mock/model"]

[projects.default]
models = ["assistant", "mock/*"]

[server]
body_bytes_max = 200000
"""

CHAT = "/v1/chat/completions"
GOOD = '{"model": "assistant", "messages": [{"role": "user", "content": "hi"}]'


@pytest.fixture(scope="module")
def house() -> Iterator[Running]:
    with headgate(CONFIG) as running:
        yield running


@pytest.fixture(scope="module")
def key(house: Running) -> str:
    return house.make_key()


def post(house: Running, key: str, path: str, body: str | bytes) -> httpx.Response:
    return httpx.post(
        house.url + path,
        content=body,
        headers={"authorization": f"Bearer {key}", "content-type": "application/json"},
        timeout=30,
        trust_env=False,
        verify=False,
    )


@pytest.mark.parametrize(
    ("body", "status", "named"),
    [
        ("{", 400, ""),
        ("[]", 400, "object"),
        ("", 400, ""),
        (GOOD + "} trailing", 400, ""),
        (GOOD + ', "model": "other"}', 400, "model"),
        (GOOD + ', "Model": "other"}', 400, "Model"),
        (GOOD + ', "mod\\u0065l": "other"}', 400, "model"),
        (GOOD + ', "max_tokens": -1}', 400, "max_tokens"),
        (GOOD + ', "max_tokens": "many"}', 400, "max_tokens"),
        (GOOD + ', "stream": "yes"}', 400, "stream"),
        (GOOD + ', "n": 0}', 400, "n"),
        ('{"model": 7, "messages": []}', 400, "model"),
        ('{"messages": []}', 400, "model"),
        ('{"model": "assistnt", "messages": []}', 404, "assistant"),
        ('{"model": "other/model", "messages": []}', 404, "other/model"),
        (GOOD.replace("hi", "x" * 300_000) + "}", 413, "200000"),
    ],
)
def test_openai_errors(house: Running, key: str, body: str, status: int, named: str) -> None:
    answer = post(house, key, CHAT, body)
    error = answer.json()["error"]
    assert (answer.status_code, named in error["message"]) == (status, True), error
    assert error["code"] and error["type"]
    assert answer.headers["x-headgate-request-id"] in json.dumps(error)
    assert chat(house.url, key, "assistant").status_code == 200


def test_invalid_utf_8(house: Running, key: str) -> None:
    answer = post(house, key, CHAT, GOOD.encode().replace(b"hi", b"\xff\xfe") + b"}")
    assert answer.status_code == 400


def test_each_dialect_has_its_own_shape(house: Running, key: str) -> None:
    anthropic = post(house, key, "/v1/messages", "{").json()
    assert anthropic["type"] == "error"
    assert anthropic["error"]["type"] == "invalid_request_error"
    google = post(house, key, "/v1beta/models/nothing-here:generateContent", '{"contents": []}').json()
    assert google["error"]["status"] == "NOT_FOUND"


@pytest.mark.parametrize("presented", ["", "hg_wrong", "hg_" + "a" * 500, "sk-something", "Ünïcode"])
def test_wrong_keys_are_401_and_never_echoed(house: Running, presented: str) -> None:
    headers = [(b"authorization", b"Bearer " + presented.encode())] if presented else []
    answer = httpx.post(
        house.url + CHAT,
        json={"model": "assistant", "messages": []},
        headers=headers,
        timeout=30,
        trust_env=False,
        verify=False,
    )
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "invalid_key"
    assert len(presented) < 10 or presented not in answer.text


def test_unknown_routes_are_404(house: Running, key: str) -> None:
    assert post(house, key, "/v1/nothing", "{}").status_code == 404
    assert post(house, key, "/v1beta/models/x:inventContent", "{}").status_code == 404
    assert httpx.get(house.url + "/api/v1/nothing", trust_env=False).status_code in (401, 404)


RAW = {
    "no host": b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
    "two lengths": (
        b"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"
    ),
    "both framings": (
        b"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    ),
    "two authorizations": (
        b"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer a\r\n"
        b"Authorization: Bearer b\r\nContent-Length: 0\r\n\r\n"
    ),
    "no http": b"hello there\r\n\r\n",
    "huge header": b"GET /healthz HTTP/1.1\r\nHost: a\r\nX-Long: " + b"x" * 200_000 + b"\r\n\r\n",
}


@pytest.mark.parametrize("name", RAW)
def test_malformed_http_is_refused_and_the_process_lives(house: Running, key: str, name: str) -> None:
    host, port = house.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as raw:
        try:
            raw.sendall(RAW[name])
            first = raw.recv(65536)
        except ConnectionError:
            first = b""
    assert first == b"" or first.startswith(b"HTTP/1.1 4"), first[:200]
    assert chat(house.url, key, "assistant").status_code == 200

"""A whole gateway under bad input that is large or slow: it refuses or cuts, keeps its memory, and serves on.

What is small and malformed stands in the corpus (`test_attack_conformance`). Nothing is half-recorded: what
was refused before it was read is not on record, what was answered is, whole and once.
"""

import contextlib
import json
import re
import time
import uuid
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from demo.running import Running, chat, headgate
from tests.attack.raw_line import Answer, Broken, RawLine

BODY_BYTES_MAX = 2_000_000
LINES = 200
MEMORY_GROWTH_BYTES_MAX = 60 * 1024 * 1024

CONFIG = f"""
[providers.mock]
kind = "mock"

[providers.pours]
kind = "mock"
output_tokens = 20000
tokens_per_second = 50000

[projects.default]
models = ["mock/*", "pours/*"]

[server]
body_bytes_max = {BODY_BYTES_MAX}
"""

ROUTES = {
    "openai": "/v1/chat/completions",
    "responses": "/v1/responses",
    "anthropic": "/v1/messages",
    "google": "/v1beta/models/mock:generateContent",
}


@pytest.fixture(scope="module")
def house() -> Iterator[Running]:
    with headgate(CONFIG) as running:
        yield running


@pytest.fixture(scope="module")
def key(house: Running) -> str:
    return house.make_key()


@contextlib.contextmanager
def line_to(house: Running, wait_s: float = 20.0, receive_bytes: int = 0) -> Generator[RawLine]:
    host, port = house.url.removeprefix("http://").split(":")
    with RawLine((host, int(port)), wait_s=wait_s, receive_bytes=receive_bytes) as line:
        yield line


def head(path: str, key: str, *fields: str) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: h", f"Authorization: Bearer {key}", *fields, "", ""]
    return "\r\n".join(lines).encode("latin-1")


def rss_bytes(house: Running) -> int:
    [pid] = house.worker_pids("gateway")
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) * 1024


def handles(house: Running) -> int:
    [pid] = house.worker_pids("gateway")
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def settled(house: Running, key: str) -> None:
    """It serves, and what it records is whole: the call is on record once."""
    model = f"mock/m{uuid.uuid4().hex}"
    assert chat(house.url, key, model).status_code == 200
    until(lambda: bool(_records_of(house, model)))
    [record] = _records_of(house, model)
    assert (record["status"], record["code"], record["attempts"]) == (200, None, 1)


def _records_of(house: Running, model: str) -> list[dict[str, Any]]:
    return [record for record in house.get("/requests", limit=100)["items"] if record["model"] == model]


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline, "it does not come to hold"
        time.sleep(0.1)


def judge_shape(dialect: str, answer: Answer) -> None:
    body = json.loads(answer.body)
    assert body["error"]["message"]
    if dialect == "anthropic":
        assert body["type"] == "error" and body["error"]["type"]
    elif dialect == "google":
        assert body["error"]["status"]
    else:
        assert body["error"]["type"] and "code" in body["error"]


@pytest.mark.parametrize("dialect", ROUTES)
def test_100_000_headers_are_refused_in_the_dialects_shape(house: Running, key: str, dialect: str) -> None:
    with line_to(house) as line:
        line.send(head(ROUTES[dialect], key)[:-2] + b"X-Many: y\r\n" * 100_000 + b"\r\n")
        answer = line.answer()
        if answer is not None:
            assert answer.status == 431
            judge_shape(dialect, answer)
            assert line.ended()
    settled(house, key)


@pytest.mark.parametrize("dialect", ROUTES)
@pytest.mark.parametrize("framing", ["announced", "in chunks"])
def test_50_mb_bodies_are_refused_in_the_dialects_shape(
    house: Running, key: str, dialect: str, framing: str
) -> None:
    piece = b'{"model": "mock/model", "messages": [' + b" " * 65499
    assert len(piece) == 65536
    before = rss_bytes(house)
    with line_to(house) as line:
        if framing == "announced":
            line.send(head(ROUTES[dialect], key, "Content-Length: 52428800"))
        else:
            line.send(head(ROUTES[dialect], key, "Transfer-Encoding: chunked"))
            piece = b"10000\r\n" + piece + b"\r\n"
        for _ in range(800):
            line.send(piece)
            if line.reset:
                break
        answer = answer_or_end(line)
        if answer is not None:
            assert answer.status == 413
            judge_shape(dialect, answer)
            assert b"request_too_large" in answer.body or dialect in ("anthropic", "google")
    settled(house, key)
    assert rss_bytes(house) - before < MEMORY_GROWTH_BYTES_MAX


def answer_or_end(line: RawLine) -> Answer | None:
    """The answer, or None where the connection was cut, if need be in the middle of it."""
    try:
        return line.answer()
    except Broken:
        if line.reset:
            return None
        raise


def test_a_body_of_the_greatest_size_is_read(house: Running, key: str) -> None:
    start = b'{"model": "mock/model", "messages": [{"role": "user", "content": "'
    body = start + b"x" * (BODY_BYTES_MAX - len(start) - 4) + b'"}]}'
    with line_to(house) as line:
        line.send(head(ROUTES["openai"], key, f"Content-Length: {len(body)}") + body)
        answer = line.answer()
        assert answer is not None and answer.status == 200, answer
    settled(house, key)


def test_slow_senders_hold_nothing_up(house: Running, key: str) -> None:
    """Two hundred connections that each send a byte now and then; calls beside them stay quick."""
    before_bytes, before_handles = rss_bytes(house), handles(house)
    whole = head(ROUTES["openai"], key, "Content-Length: 1000") + b'{"model": "mock/model"'
    with contextlib.ExitStack() as stack:
        lines = [stack.enter_context(line_to(house)) for _ in range(LINES)]
        for at in range(0, len(whole), 8):
            for number, line in enumerate(lines):
                line.send(whole[at : at + 1 + number % 8])
        waits: list[float] = []
        for _ in range(20):
            started = time.monotonic()
            assert chat(house.url, key, "mock/model").status_code == 200
            waits.append(time.monotonic() - started)
        # Bounded loosely: another test may have the machine. A server that waited for them would take 60 s.
        assert sorted(waits)[10] < 2.0, waits
    settled(house, key)
    until(lambda: handles(house) <= before_handles + 5)
    assert rss_bytes(house) - before_bytes < MEMORY_GROWTH_BYTES_MAX


def test_slow_readers_hold_nothing_up_and_keep_memory_bounded(house: Running, key: str) -> None:
    """Streams that nobody reads: what waits for a reader stays small, and others are served meanwhile."""
    before_bytes, before_handles = rss_bytes(house), handles(house)
    body = b'{"model": "pours/model", "stream": true, "messages": [{"role": "user", "content": "hi"}]}'
    with contextlib.ExitStack() as stack:
        # The stand-in makes each stream at once, in the loop: more of them would be taken for a hang.
        lines = [stack.enter_context(line_to(house, receive_bytes=4096)) for _ in range(4)]
        for line in lines:
            line.send(head(ROUTES["openai"], key, f"Content-Length: {len(body)}") + body)
        time.sleep(2)
        assert chat(house.url, key, "mock/model").status_code == 200
        assert rss_bytes(house) - before_bytes < MEMORY_GROWTH_BYTES_MAX
    # All of them have hung up now, and are on record, each once.
    until(lambda: handles(house) <= before_handles + 5)
    settled(house, key)


def test_hundreds_that_connect_and_say_nothing(house: Running, key: str) -> None:
    before_handles = handles(house)
    with contextlib.ExitStack() as stack:
        for _ in range(300):
            stack.enter_context(line_to(house))
        assert chat(house.url, key, "mock/model").status_code == 200
    until(lambda: handles(house) <= before_handles + 5)
    settled(house, key)

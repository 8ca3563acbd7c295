"""Slow clients against our own server with short limits: each is cut in time, and nothing is left of it."""

import time
from collections.abc import Iterator

import pytest
from tests.attack.echo_server import running
from tests.attack.raw_line import Broken, RawLine

HEAD_S = 0.6
STALLED_S = 0.4
CUT_S_MAX = 10.0
"""Far above any limit that is set here, far below those that are the default."""


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with running(
        "own", head_s=HEAD_S, stalled_request_s=STALLED_S, keep_alive_s=STALLED_S, linger_s=STALLED_S
    ) as (_, port):
        yield port


def seconds_to_cut(port: int, begin: bytes, drip: bytes) -> float:
    """Send a beginning, then a little again and again, until the server cuts; return how long that took."""
    started = time.monotonic()
    with RawLine(("127.0.0.1", port)) as line:
        line.send(begin)
        while time.monotonic() - started < CUT_S_MAX:
            if drip:
                line.send(drip)
            if line.reset or not line.silent(0.1):
                return time.monotonic() - started
    raise AssertionError(f"not cut in {CUT_S_MAX} s")


POST = b"POST /echo HTTP/1.1\r\nHost: h\r\n"


@pytest.mark.parametrize(
    ("begin", "drip", "least_s"),
    [
        (b"", b"", STALLED_S),
        (b"", b"\r\n", STALLED_S),
        (b"GET", b"", STALLED_S),
        (b"GET /", b"a", HEAD_S),
        (POST, b"X: y\r\n", HEAD_S),
        (POST + b"X: ", b"y", HEAD_S),
        (POST + b"Content-Length: 100\r\n\r\n", b"", STALLED_S),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n", b"", STALLED_S),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhel", b"", STALLED_S),
    ],
)
def test_who_is_slow_is_cut_in_time_and_not_before(
    port: int, begin: bytes, drip: bytes, least_s: float
) -> None:
    assert seconds_to_cut(port, begin, drip) >= least_s * 0.5
    with RawLine(("127.0.0.1", port)) as line:
        line.send(b"GET /echo HTTP/1.1\r\nHost: h\r\n\r\n")
        answer = line.answer()
        assert answer is not None and answer.status == 200


def test_an_idle_connection_ends_politely(port: int) -> None:
    with RawLine(("127.0.0.1", port)) as line:
        line.send(b"GET /echo HTTP/1.1\r\nHost: h\r\n\r\n")
        assert line.answer() is not None
        assert line.ended()
        assert not line.reset


def test_a_refused_body_that_never_comes_is_not_waited_for(port: int) -> None:
    with RawLine(("127.0.0.1", port), wait_s=CUT_S_MAX) as line:
        line.send(POST + b"Content-Length: 50000000\r\n\r\n")
        answer = line.answer()
        assert answer is not None and answer.status == 413
        assert line.ended()


def test_who_reads_nothing_is_cut() -> None:
    with running("own", unread_answer_s=0.4) as (_, other):
        with RawLine(("127.0.0.1", other), wait_s=CUT_S_MAX, receive_bytes=4096) as line:
            request = POST + b"X: " + b"y" * 30_000 + b"\r\nContent-Length: 10000\r\n\r\n" + b"z" * 10_000
            started = time.monotonic()
            while not line.reset and time.monotonic() - started < CUT_S_MAX:
                line.send(request)
            assert line.reset
        with RawLine(("127.0.0.1", other)) as line:
            line.send(b"GET /echo HTTP/1.1\r\nHost: h\r\n\r\n")
            try:
                answer = line.answer()
            except Broken as broken:
                raise AssertionError("it serves no more") from broken
            assert answer is not None and answer.status == 200

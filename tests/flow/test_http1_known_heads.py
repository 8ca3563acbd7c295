"""However its bytes are cut, a client gets the same answers: recognised heads mean what parsed heads mean."""

import asyncio
import re
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import uvloop
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.core.ports import Exchange
from headgate.http1.http_server import HttpServer
from headgate.http1.inbound import Inbound

DATE = re.compile(rb"date: [^\r]+\r\n")


class Wire(asyncio.Transport):
    """A transport whose other end is the test."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.closing = False

    def write(self, data: Any) -> None:
        self.written += bytes(data)

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return self.closing

    def close(self) -> None:
        self.closing = True

    def abort(self) -> None:
        self.closing = True

    def can_write_eof(self) -> bool:
        return False

    def pause_reading(self) -> None:
        return

    def resume_reading(self) -> None:
        return


async def echo(exchange: Exchange) -> None:
    """Answer with all that a handler can see; change what is its own; leave the body of /unread alone."""
    body = b"unread" if exchange.path == "/unread" else await exchange.body(100_000)
    seen = repr((exchange.method, exchange.path, exchange.query, exchange.headers, body)).encode()
    exchange.headers.append((b"mine", b"1"))
    await exchange.respond(200, [(b"content-type", b"text/plain")], seen)


async def converse(pieces: Sequence[bytes], rest: int, *, steps: int = 4) -> bytes:
    """Return what is answered to bytes in those pieces; handlers get time after every `rest`-th, or none."""
    server = HttpServer([])
    serving = asyncio.create_task(server.serve(echo))
    await asyncio.sleep(0)
    connection, wire = Inbound(server), Wire()
    connection.connection_made(wire)
    for number, piece in enumerate(pieces):
        if not wire.closing:
            connection.data_received(piece)
        if rest and number % rest == 0:
            await _settled(steps)
    for _ in range(20 + len(pieces)):
        await _settled(20)
    connection.connection_lost(None)
    await server.drain(1)
    await serving
    return DATE.sub(b"", wire.written)


async def _settled(steps: int) -> None:
    for _ in range(steps):
        await asyncio.sleep(0)


def run(scenario: Callable[[], Any]) -> Any:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(scenario())


def post(body: bytes, *, path: bytes = b"/v1/chat", length: bytes | None = None) -> bytes:
    digits = b"%d" % len(body) if length is None else length
    return b"POST %b HTTP/1.1\r\nHost: h\r\nX-A: b\r\nContent-Length: %b\r\nX-B: 7\r\n\r\n%b" % (
        path,
        digits,
        body,
    )


GET = b"GET /v1/models?a=b HTTP/1.1\r\nHost: h\r\nX-A: b\r\n\r\n"
CHUNKED = b"POST /v1/chat HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
LAST_LENGTH = b"POST /v1/chat HTTP/1.1\r\nhost: h\r\ncontent-length: %d\r\n\r\n%b"

BODIES = st.one_of(
    st.binary(max_size=30),
    st.sampled_from([post(b"inner"), post(b""), GET, b"\r\n\r\n", b"POST ", post(b"x" * 50)[:40]]),
    st.integers(0, 70_000).map(bytes),
)
REQUESTS = st.one_of(
    BODIES.map(post),
    BODIES.map(lambda body: post(body, path=b"/unread")),
    BODIES.map(lambda body: LAST_LENGTH % (len(body), body)),
    BODIES.map(lambda body: post(body, length=b"%06d" % len(body))),
    BODIES.map(lambda body: post(body, length=b"%d \t" % len(body))),
    BODIES.map(lambda body: b"\r\n" + post(body)),
    BODIES.map(lambda body: CHUNKED + (b"%x\r\n%b\r\n" % (len(body), body) if body else b"") + b"0\r\n\r\n"),
    st.just(GET),
    st.just(GET.replace(b"GET", b"HEAD")),
    st.just(GET.replace(b"X-A: b", b"Connection: keep-alive")),
)


def cut(data: bytes, places: Sequence[int]) -> list[bytes]:
    ends = sorted({place % (len(data) + 1) for place in places} | {len(data)})
    begins = [0, *ends]
    return [data[begin:end] for begin, end in zip(begins, ends, strict=False) if begin < end]


@settings(max_examples=150, deadline=None)
@given(
    requests=st.lists(REQUESTS, min_size=1, max_size=8),
    places=st.lists(st.integers(0, 1 << 20), max_size=12),
    rest=st.integers(0, 2),
)
def test_any_cut_gives_the_answers_of_whole_requests_on_connections_of_their_own(
    requests: list[bytes], places: list[int], rest: int
) -> None:
    data = b"".join(requests)

    async def scenario() -> tuple[bytes, bytes]:
        # A connection of its own for each: nothing has come before, so nothing is recognised.
        apart = [await converse([request], 1) for request in requests]
        return b"".join(apart), await converse(cut(data, places), rest)

    alone, together = run(scenario)
    assert together == alone


@settings(max_examples=60, deadline=None)
@given(
    bodies=st.lists(BODIES, min_size=2, max_size=6),
    places=st.lists(st.integers(0, 1 << 20), max_size=3),
)
def test_requests_that_come_one_by_one_are_answered_one_by_one(
    bodies: list[bytes], places: list[int]
) -> None:
    async def scenario() -> tuple[bytes, bytes]:
        pieces = [post(bodies[0])]
        for body in bodies[1:]:
            pieces += cut(post(body), places)
        apart = [await converse([post(body)], 1) for body in bodies]
        return b"".join(apart), await converse(pieces, 1)

    alone, together = run(scenario)
    assert together == alone


BLANKS = st.sampled_from([b"", b" ", b"\t", b" \t ", b"  "])
INNER = b"GET /inner HTTP/1.1\r\nHost: h\r\n\r\n"


@st.composite
def length_fields(draw: st.DrawFn) -> Callable[[int], bytes]:
    """A field that says a length, in any spelling that is taken."""
    name = draw(st.sampled_from([b"content-length", b"Content-Length", b"CONTENT-LENGTH", b"cOnTeNt-LeNgTh"]))
    before, after = draw(BLANKS), draw(BLANKS)
    zeros = draw(st.one_of(st.integers(0, 20), st.sampled_from([1000, 5000])))
    return lambda size: b"%b:%b%b%d%b\r\n" % (name, before, b"0" * zeros, size, after)


@st.composite
def said_again(draw: st.DrawFn) -> list[list[bytes]]:
    """Requests of one head but for the length's digits, each in pieces; bodies may look like requests."""
    field = draw(length_fields())
    fields = draw(st.permutations([b"Host: h\r\n", b"X-A: Content-Length: 3\r\n", b"X-B: \r\n", b""]))
    place = draw(st.integers(0, len(fields)))
    said: list[list[bytes]] = []
    for body in draw(st.lists(st.sampled_from([INNER, INNER * 2, b"", b"a" * 9]), min_size=2, max_size=5)):
        lines = [*fields[:place], field(len(body)), *fields[place:]]
        head = b"POST /v1/chat HTTP/1.1\r\n%b\r\n" % b"".join(lines)
        places = draw(st.lists(st.integers(0, 1 << 20), max_size=2))
        # Where a head ends is where a cut could do harm.
        places += draw(st.sampled_from([[], [len(head)], [len(head), len(head) + 1]]))
        said.append(cut(head + body, places))
    return said


@settings(max_examples=150, deadline=None)
@given(said=said_again())
def test_a_length_means_the_same_however_it_is_spelt_and_cut(said: list[list[bytes]]) -> None:
    async def scenario() -> tuple[bytes, bytes]:
        apart = [await converse([b"".join(pieces)], 1) for pieces in said]
        return b"".join(apart), await converse([piece for pieces in said for piece in pieces], 1)

    alone, together = run(scenario)
    assert alone.count(b"HTTP/1.1 200 OK") == len(said)
    assert b"/inner'" not in alone
    assert together == alone


@pytest.mark.parametrize("zeros", [0, 7, 8, 18, 30, 5000])
def test_the_body_of_a_head_said_again_is_never_a_request(zeros: int) -> None:
    request = post(INNER, length=b"0" * zeros + b"%d" % len(INNER))
    pieces = [request[: -len(INNER)], INNER] * 3
    answers = run(lambda: converse(pieces, 1))
    assert answers.count(b"HTTP/1.1 200 OK") == 3
    assert answers.count(b"'/inner'") == 0


UNREAD = post(b"x", path=b"/unread")
EVIL = b"GET /evil HTTP/1.1\r\nX: "
SPOKEN = {
    "a head as the body that nobody reads": [
        [UNREAD],
        [post(UNREAD, path=b"/unread")[: -len(UNREAD)], UNREAD],
    ],
    "a head as a field's value": [[post(b"a")], [EVIL, post(b"")]],
    "a head as a field's value, after a body in pieces": [
        [post(b"a")],
        [CHUNKED + b"5\r\nab", b"cde\r\n0\r\n\r\n"],
        [EVIL, post(b"")],
    ],
    "two requests at once": [[post(b"a")], [post(b"b"), post(b"cc")], [post(b"ddd")]],
}


@pytest.mark.parametrize("name", SPOKEN)
@pytest.mark.parametrize("joined", [False, True])
def test_a_head_is_recognised_between_messages_only(name: str, joined: bool) -> None:
    spoken = SPOKEN[name]

    async def scenario() -> tuple[bytes, bytes]:
        apart = [await converse([b"".join(pieces)], 1) for pieces in spoken]
        said = [[b"".join(pieces)] if joined else pieces for pieces in spoken]
        return b"".join(apart), await converse([piece for pieces in said for piece in pieces], 1)

    alone, together = run(scenario)
    assert together == alone


@pytest.mark.parametrize("before", [[], [post(b"a")]])
def test_what_comes_with_the_end_of_a_body_is_not_forgotten(before: list[bytes]) -> None:
    first = post(b"a" * 100)
    pieces = [*before, first[:-50], first[-50:] + EVIL, post(b"")]
    answers = run(lambda: converse(pieces, 1))
    assert answers.count(b"HTTP/1.1 200 OK") == len(before) + 2
    assert answers.count(b"'GET', '/evil'") == 1


@pytest.mark.parametrize("steps", [1, 2, 3, 5])
def test_more_requests_than_are_parsed_at_once_are_answered_in_order(steps: int) -> None:
    numbers = range(1000, 1700)
    burst = b"".join(post(b"%d" % number) for number in numbers[:600])
    assert len(burst) > 40_000
    pieces = [post(b"999"), burst, *[post(b"%d" % number) for number in numbers[600:]]]
    answers = run(lambda: converse(pieces, 1, steps=steps))
    assert [int(found) for found in re.findall(rb"\], b'(\d+)'\)", answers)] == [999, *numbers]


@pytest.mark.parametrize(
    "later",
    [
        post(b"hi").replace(b"Content-Length: 2", b"Content-Length: -2"),
        post(b"hi").replace(b"Content-Length: 2", b"Content-Length: 2a"),
        post(b"hi").replace(b"Content-Length: 2", b"Content-Length: "),
        post(b"hi").replace(b"Content-Length: 2", b"Content-Length: 0x2"),
        post(b"hi").replace(b"Content-Length: 2", b"Content-Length: 2\r\nContent-Length: 3"),
        post(b"hi").replace(b"Content-Length: 2", b"Content-Length: 2\nX: y"),
        post(b"hi").replace(b"X-B: 7", b"X-B: 7\r\nTransfer-Encoding: chunked"),
        post(b"hi").replace(b"Host: h\r\n", b""),
    ],
)
def test_a_head_that_is_nearly_the_known_one_is_looked_at(later: bytes) -> None:
    answers = run(lambda: converse([post(b"one"), post(b"two"), later], 1))
    assert answers.count(b"HTTP/1.1 200 OK") == 2
    assert answers.count(b"HTTP/1.1 400 ") == 1
    assert b"connection: close" in answers


def test_the_known_head_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[bytes] = []
    feed = Inbound._feed

    def counted(self: Inbound, data: bytes) -> None:
        parsed.append(data)
        feed(self, data)

    monkeypatch.setattr(Inbound, "_feed", counted)
    first, large = post(b"first"), post(bytes(50_000))
    answers = run(lambda: converse([first, post(b"second!"), large[:20_000], large[20_000:], post(b"")], 1))
    assert answers.count(b"HTTP/1.1 200 OK") == 4
    assert parsed == [first]
    parsed.clear()
    # One that arrived in pieces is recognised again once its last byte has come, and not before.
    answers = run(lambda: converse([first[:-2], first[-2:], post(b"again")], 1))
    assert answers.count(b"HTTP/1.1 200 OK") == 2
    assert parsed == [first[:-2], first[-2:]]


def test_a_client_that_never_repeats_itself_is_not_learned_from() -> None:
    heads = [post(b"x").replace(b"X-B: 7", b"X-B: %d" % number) for number in range(10)]
    answers = run(lambda: converse([*heads, post(b"again")], 1))
    assert answers.count(b"HTTP/1.1 200 OK") == 11

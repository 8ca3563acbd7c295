"""Any cutting of an answer into pieces gives the same status, headers and body."""

import asyncio
from itertools import pairwise
from typing import Any, cast

from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.core.faults import UpstreamError
from headgate.core.ports import Headers, Origin, Outgoing
from headgate.http1.connection import Connection
from headgate.http1.limits import ClientLimits

EXAMPLES = [
    b"HTTP/1.1 200 OK\r\ncontent-length: 11\r\nx-a: b\r\n\r\nhello world",
    b"HTTP/1.1 200 Y\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n6;q=1\r\n world\r\n0\r\nt: u\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nX-Close: yes\r\n\r\nhello until the end",
    b"HTTP/1.1 100 Go\r\nlink: a\r\n\r\nHTTP/1.1 429 No\r\nretry-after: 1\r\ncontent-length: 2\r\n\r\nno",
    b"HTTP/1.1 204 No Content\r\n\r\n",
    b"HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\ncut short",
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\nzz",
    b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nno",
    b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nnoHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nxx",
]


class Line(asyncio.Transport):
    """The other end of a connection: takes what is written, and closes when told."""

    def __init__(self, connection: Connection) -> None:
        super().__init__()
        self.connection = connection
        self.closing = False

    def write(self, data: Any) -> None:
        assert data

    def is_closing(self) -> bool:
        return self.closing

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def abort(self) -> None:
        self.close()

    def close(self) -> None:
        if not self.closing:
            self.closing = True
            asyncio.get_running_loop().call_soon(self.connection.connection_lost, None)


class Home:
    def __init__(self) -> None:
        self.kept = False

    def released(self, connection: Connection) -> None:
        self.kept = True

    def lost(self, connection: Connection) -> None: ...


async def receive(pieces: list[bytes]) -> tuple[int, Headers, bytes, bool, bool]:
    """Return status, headers, body, whether it was whole, and whether the connection was kept."""
    home = Home()
    connection = Connection(home, "http://test", ClientLimits())
    line = Line(connection)
    connection.connection_made(line)
    outgoing = Outgoing(origin=Origin("http", "test", 80), method="GET", target=b"/", headers=[])
    loop = asyncio.get_running_loop()
    sending = loop.create_task(connection.exchange(outgoing, b"GET / HTTP/1.1\r\n\r\n", loop.time()))
    await asyncio.sleep(0)
    for piece in pieces:
        if not line.closing and not home.kept:
            connection.data_received(piece)
    line.close() if not home.kept else None
    answer = await sending
    body = b""
    try:
        while piece := await answer.chunk():
            body += piece
    except UpstreamError:
        return answer.status, answer.headers, body, False, home.kept
    finally:
        line.close()
        await asyncio.sleep(0)
    return answer.status, answer.headers, body, True, home.kept


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(EXAMPLES[:-1]), st.lists(st.integers(0, 130), max_size=12))
def test_any_chunking_gives_the_same_answer(example: bytes, cuts: list[int]) -> None:
    places = sorted({0, *(cut for cut in cuts if cut < len(example)), len(example)})
    pieces = [example[start:end] for start, end in pairwise(places)]
    assert asyncio.run(receive(pieces)) == asyncio.run(receive([example]))


def test_the_examples_are_what_they_seem() -> None:
    results = [asyncio.run(receive([example])) for example in EXAMPLES]
    assert [(status, body, whole, kept) for status, _, body, whole, kept in results] == [
        (200, b"hello world", True, True),
        (200, b"hello world", True, True),
        (200, b"hello until the end", True, False),
        (429, b"no", True, True),
        (204, b"", True, True),
        (200, b"cut short", False, False),
        (200, b"hello", False, False),
        (200, b"no", True, False),
        (200, b"no", True, False),
    ]
    assert results[0][1] == [(b"content-length", b"11"), (b"x-a", b"b")]
    assert results[2][1] == [(b"x-close", b"yes")]
    assert results[3][1] == [(b"retry-after", b"1"), (b"content-length", b"2")]
    assert cast("object", results[1][1]) == [(b"transfer-encoding", b"chunked")]

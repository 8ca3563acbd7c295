"""Fuzzes what reads and writes HTTP: our server's connection, our client's, and the heads of both.

The second opinion is h11, which shares no code with llhttp: where both give a request or an answer, it is the
same one.
"""

import asyncio
from collections.abc import Iterable
from typing import Any, Final

import h11
from tests.attack.corpus_cases import load, pieces
from tests.attack.fuzz.fuzz_target import CUT, Draw, Target
from tests.attack.memory_line import Answered, Heard, Request, ask, hear

from headgate.core.faults import Fault, InvalidRequest
from headgate.core.ports import Headers, Origin, Outgoing, Timeouts
from headgate.http1.answer_head import answer_head
from headgate.http1.checks import METHODS
from headgate.http1.heads import HeadWriter

_LOOP: Final = asyncio.new_event_loop()
_SEED_BYTES_MAX: Final = 2000


def serve_requests(data: bytes) -> None:
    """Any chunking gives the handler the same requests, which are those that h11 reads too."""
    draw = Draw(data)
    cutter = Draw(draw.take(8))
    # Heads that come whole and alone may be recognised instead of parsed, so cuts can be asked for in place.
    segments = draw.rest().split(CUT)
    sent = b"".join(segments)
    whole: Heard = _LOOP.run_until_complete(hear([sent]))
    cut: Heard = _LOOP.run_until_complete(hear(segments if len(segments) > 1 else cutter.cuts(sent)))
    assert whole.served == cut.served, (whole.served, cut.served)
    second = _read_by_h11(sent, len(whole.served))
    for ours, theirs in zip(whole.served, second, strict=False):
        _compare(ours, theirs)


def _read_by_h11(data: bytes, count: int) -> list[tuple[h11.Request, bytes]]:
    reading = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20)
    reading.receive_data(data)
    found: list[tuple[h11.Request, bytes]] = []
    try:
        while len(found) < count:
            request: Any = reading.next_event()
            if not isinstance(request, h11.Request):
                return found
            body = b""
            while isinstance(event := reading.next_event(), h11.Data):
                body += event.data
            if not isinstance(event, h11.EndOfMessage):
                return found
            found.append((request, body))
            reading.send(h11.Response(status_code=200, headers=[("content-length", "0")]))
            reading.send(h11.EndOfMessage())
            if reading.our_state is h11.MUST_CLOSE:
                return found
            reading.start_next_cycle()
    except h11.ProtocolError:
        pass  # h11 refuses more in some places; what it has given until here counts
    return found


def _compare(ours: Request, theirs: tuple[h11.Request, bytes]) -> None:
    request, body = theirs
    assert ours.method.encode() == request.method
    assert ours.body == body, (ours, body)
    target = bytes(request.target)
    assert target.partition(b"#")[0].partition(b"?")[0].endswith(ours.path.encode()) or ours.path == "/"
    mine = [(name, b" ".join(value.split())) for name, value in ours.headers]
    their = [(bytes(name), b" ".join(value.split())) for name, value in request.headers]
    assert _without_framing(mine) == _without_framing(their), (mine, their)


def _without_framing(headers: Headers) -> Headers:
    """h11 writes lengths and codings anew."""
    return [field for field in headers if field[0] not in (b"content-length", b"transfer-encoding")]


def read_answers(data: bytes) -> None:
    """Any chunking gives the same answer or fault, and where h11 reads a whole answer it is ours."""
    draw = Draw(data)
    method = "HEAD" if draw.number(8) == 7 else "POST"
    cutter = Draw(draw.take(8))
    sent = draw.rest()
    whole: Answered = _LOOP.run_until_complete(ask([sent], method=method))
    cut: Answered = _LOOP.run_until_complete(ask(cutter.cuts(sent), method=method))
    assert (whole.fault, whole.status) == (cut.fault, cut.status), (whole, cut)
    if whole.fault is None:
        assert (whole.headers, whole.body) == (cut.headers, cut.body), (whole, cut)
        second = _answer_by_h11(sent, method)
        if second is not None:
            assert second == (whole.status, whole.body), (second, whole)


def _answer_by_h11(data: bytes, method: str) -> tuple[int, bytes] | None:
    reading = h11.Connection(h11.CLIENT, max_incomplete_event_size=1 << 20)
    reading.send(h11.Request(method=method, target="/", headers=[("host", "h")]))
    reading.send(h11.EndOfMessage())
    reading.receive_data(data)
    reading.receive_data(b"")
    body = b""
    status = 0
    try:
        while True:
            event: Any = reading.next_event()
            if isinstance(event, h11.Response):
                status = event.status_code
            elif isinstance(event, h11.Data):
                body += event.data
            elif isinstance(event, h11.EndOfMessage):
                return status, body
            elif not isinstance(event, h11.InformationalResponse):
                return None
    except h11.ProtocolError:
        return None


def write_heads(data: bytes) -> None:
    """What is written is one head, with the fields that were given, whatever stands in them."""
    draw = Draw(data)
    method = sorted(METHODS)[draw.number(len(METHODS))]
    target = b"/" + draw.take(draw.number(32))
    headers = [(draw.take(draw.number(16)), draw.take(draw.number(32))) for _ in range(draw.number(6))]
    outgoing = Outgoing(
        origin=Origin("http", "h", 80),
        method=method,
        target=target,
        headers=headers,
        body=b"",
        timeouts=Timeouts(),
    )
    try:
        head = HeadWriter(outgoing.origin).write(outgoing)
    except InvalidRequest:
        pass
    else:
        lines = head.split(b"\r\n")
        assert lines[0] == b"%b %b HTTP/1.1" % (method.encode(), target)
        assert lines[-2:] == [b"", b""] and b"" not in lines[:-2]
        assert len(lines) <= len(headers) + 5
        names = [line.partition(b":")[0] for line in lines[1:-2]]
        assert names.count(b"host") == 1 and names.count(b"content-length") <= 1
        assert b"transfer-encoding" not in names
    try:
        head = answer_head(200, headers)
    except Fault:
        return
    assert head.count(b"\r\n") == len(headers) + 1 and head.count(b"\n") == head.count(b"\r")


def _requests() -> Iterable[bytes]:
    for case in load():
        sent = b"".join(piece for piece in pieces(case) if isinstance(piece, bytes))
        if len(sent) < _SEED_BYTES_MAX:
            yield b"\5\1\2\1\7\3\1\4" + sent
    put = b"PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\n"
    yield bytes(8) + CUT.join([b"GET /a HTTP/1.1\r\nHost: h\r\n\r\n"] * 4)
    yield bytes(8) + CUT.join([put + b"body", put + b"body", put + b"body" + put, b"body"])
    for zeros in (8, 9, 25):
        yield bytes(8) + CUT.join([put.replace(b"4", b"0" * zeros + b"4"), b"body"] * 3)
    for other in (b"12345", b"0012", b"+4", b"4 ", b"4, 4", b"\xb2", b"", b"4_0", b"4\r\nX: y", b"9" * 20):
        yield bytes(8) + CUT.join([put + b"body"] * 4 + [put.replace(b"4", other) + b"more", b"body"])


def _answers() -> Iterable[bytes]:
    for answer in (
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 x\r\na: b\r\n\r\nHTTP/1.1 200 OK\r\n"
        b"content-length: 0\r\n\r\n",
        b"HTTP/1.0 200 OK\r\n\r\nuntil the end",
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nhi",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhiHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nconnection: close\r\ntransfer-encoding: gzip\r\n\r\nx",
    ):
        yield b"\0\5\1\2\1\7\3\1\4" + answer
        yield b"\7\5\1\2\1\7\3\1\4" + answer


_WORDS: Final = (
    CUT, b"\r\n", b"\r\n\r\n", b"\n", b"\r", b"\0", b" ", b"\t", b":", b"GET ", b"POST ", b"HEAD ",
    b" HTTP/1.1\r\n", b" HTTP/1.0\r\n",
    b"Host: h\r\n", b"Content-Length: 5\r\n", b"Content-Length: 0\r\n", b"chunked",
    b"Transfer-Encoding: chunked\r\n", b"0\r\n\r\n", b"5\r\nhello\r\n", b";x=y", b"Connection: close\r\n",
    b"Connection: keep-alive\r\n", b"Upgrade: h2c\r\n", b"Expect: 100-continue\r\n", b"http://h/",
    b"HTTP/1.1 200 OK\r\n", b"OPTIONS * HTTP/1.1\r\n", b"\r\n ",
    b"HTTP/1.1 100 Continue\r\n\r\n", b"ffffffffffffffff",
)  # fmt: skip

TARGETS: Final = (
    Target(name="server", run=serve_requests, seeds=_requests, words=_WORDS),
    Target(name="client", run=read_answers, seeds=_answers, words=_WORDS),
    Target(
        name="heads",
        run=write_heads,
        seeds=lambda: [b"\0\3abc\2\1x\2yz", b"\1\3a\r\nb\1\1x\4a\r\nb", b"\2\0\3\4host\1h\4Host\1x\1:\0"],
        words=_WORDS,
    ),
)

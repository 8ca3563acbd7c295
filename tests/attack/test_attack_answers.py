"""Hostile providers against our client pool: no byte of one answer is ever read as another's.

After each hostile answer the same pool makes a good call to the same provider: it must get its own answer, on
a new connection wherever the one before can't be trusted any more.
"""

import asyncio
from dataclasses import dataclass

import pytest
from tests.flow.http1_scripted import post, read_request, scripted, whole

from headgate.core.faults import Failed, UpstreamError
from headgate.core.ports import Timeouts
from headgate.http1.limits import ClientLimits
from headgate.http1.pool import HttpTransport

LENGTH = b"content-length: 2\r\n"
CHUNKED = b"transfer-encoding: chunked\r\n"
CANARY = b"the answer to the second call"
EVIL = whole(b"smuggled")


@dataclass(frozen=True, kw_only=True)
class Hostile:
    """What a provider sends, and what is made of it: a body, or None for a fault."""

    sends: bytes
    body: bytes | None = None
    reused: bool = False
    method: str = "POST"
    ends: bool = False


def ok(fields: bytes, rest: bytes = b"", status: bytes = b"200 OK") -> bytes:
    return b"HTTP/1.1 %b\r\n%b\r\n%b" % (status, fields, rest)


CASES = {
    "two lengths": Hostile(sends=ok(b"content-length: 2\r\ncontent-length: 3\r\n", b"hi!")),
    "two equal lengths": Hostile(sends=ok(LENGTH * 2, b"hi") + EVIL),
    "length and chunks": Hostile(sends=ok(LENGTH + CHUNKED, b"0\r\n\r\n") + EVIL),
    "chunks and length": Hostile(sends=ok(CHUNKED + LENGTH, b"0\r\n\r\n") + EVIL),
    "signed length": Hostile(sends=ok(b"content-length: +2\r\n", b"hi")),
    "negative length": Hostile(sends=ok(b"content-length: -1\r\n", b"hi")),
    "listed lengths": Hostile(sends=ok(b"content-length: 2, 2\r\n", b"hi")),
    "length beyond counting": Hostile(sends=ok(b"content-length: 99999999999999999999\r\n", b"hi")),
    "bad chunk size": Hostile(sends=ok(CHUNKED, b"zz\r\nhi\r\n0\r\n\r\n")),
    "negative chunk size": Hostile(sends=ok(CHUNKED, b"-2\r\nhi\r\n0\r\n\r\n")),
    "chunk size beyond counting": Hostile(sends=ok(CHUNKED, b"fffffffffffffffff\r\nhi\r\n0\r\n\r\n")),
    "chunk without its end": Hostile(sends=ok(CHUNKED, b"2\r\nhiXX0\r\n\r\n")),
    "bare line feeds in chunks": Hostile(sends=ok(CHUNKED, b"2\nhi\n0\n\n")),
    "space before colon": Hostile(sends=ok(b"content-length : 2\r\n", b"hi")),
    "folded field": Hostile(sends=ok(b"x: a\r\n b\r\n" + LENGTH, b"hi")),
    "nul in a field": Hostile(sends=ok(b"x: a\0b\r\n" + LENGTH, b"hi")),
    "bare line feeds": Hostile(sends=b"HTTP/1.1 200 OK\ncontent-length: 2\n\nhi"),
    "no status": Hostile(sends=b"HTTP/1.1 OK\r\ncontent-length: 2\r\n\r\nhi"),
    "status of one digit": Hostile(sends=b"HTTP/1.1 2 OK\r\ncontent-length: 2\r\n\r\nhi"),
    "another protocol": Hostile(sends=b"SSH-2.0-OpenSSH_9.6\r\n"),
    "http/2": Hostile(sends=b"\0\0\x12\x04\0\0\0\0\0\0\3\0\0\0\x64"),
    "switches protocols": Hostile(
        sends=ok(b"connection: upgrade\r\nupgrade: h2c\r\n", b"", b"101 Switching Protocols") + EVIL
    ),
    "flood of interim answers": Hostile(sends=b"HTTP/1.1 100 Continue\r\n\r\n" * 50_000 + ok(LENGTH, b"hi")),
    "interim answers with many fields": Hostile(
        sends=(b"HTTP/1.1 103 Early Hints\r\n" + b"link: </x>\r\n" * 100 + b"\r\n") * 500 + ok(LENGTH, b"hi")
    ),
    "a few interim answers": Hostile(
        sends=b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 x\r\nlink: y\r\n\r\n" + ok(LENGTH, b"hi"),
        body=b"hi",
        reused=True,
    ),
    "fields of an interim answer": Hostile(
        sends=b"HTTP/1.1 100 Continue\r\ncontent-length: 5\r\n\r\n" + ok(LENGTH, b"hi"),
        body=b"hi",
        reused=True,
    ),
    "100,000 fields": Hostile(sends=ok(b"x: y\r\n" * 100_000 + LENGTH, b"hi")),
    "a field without end": Hostile(sends=b"HTTP/1.1 200 OK\r\nx: " + b"y" * 1_000_000),
    "a status line without end": Hostile(sends=b"HTTP/1.1 200 " + b"y" * 1_000_000),
    "bytes after the answer": Hostile(sends=ok(LENGTH, b"hi") + b"more", body=b"hi"),
    "a whole answer after the answer": Hostile(sends=ok(LENGTH, b"hi") + EVIL, body=b"hi"),
    "a whole answer after chunks": Hostile(sends=ok(CHUNKED, b"2\r\nhi\r\n0\r\n\r\n") + EVIL, body=b"hi"),
    "a whole answer after no content": Hostile(sends=b"HTTP/1.1 204 No Content\r\n\r\n" + EVIL, body=b""),
    "a body with no content": Hostile(
        sends=b"HTTP/1.1 204 No Content\r\ncontent-length: 8\r\n\r\nsmuggled", body=b""
    ),
    "a body of a HEAD": Hostile(sends=ok(LENGTH, b"hi") + EVIL, body=b"", method="HEAD"),
    "http/1.0 without length": Hostile(
        sends=b"HTTP/1.0 200 OK\r\n\r\nall of it", body=b"all of it", ends=True
    ),
    "http/1.0 with length": Hostile(sends=b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nhi", body=b"hi"),
    "no length": Hostile(sends=ok(b"", b"all of it"), body=b"all of it", ends=True),
    "a coding other than chunked": Hostile(
        sends=ok(b"transfer-encoding: gzip\r\n", b"all of it"), body=b"all of it", ends=True
    ),
    "trailers": Hostile(sends=ok(CHUNKED, b"2\r\nhi\r\n0\r\nx: y\r\n\r\n"), body=b"hi", reused=True),
    "a length in trailers": Hostile(sends=ok(CHUNKED, b"2\r\nhi\r\n0\r\ncontent-length: 5\r\n\r\n") + EVIL),
    "compressed though not asked": Hostile(
        sends=ok(b"content-encoding: gzip\r\n" + LENGTH, b"\x1f\x8b"), body=b"\x1f\x8b", reused=True
    ),
    "close": Hostile(sends=ok(b"connection: close\r\n" + LENGTH, b"hi") + EVIL, body=b"hi"),
    "cut in the body": Hostile(sends=ok(b"content-length: 5\r\n", b"hi"), ends=True),
    "cut in a chunk": Hostile(sends=ok(CHUNKED, b"5\r\nhi"), ends=True),
    "cut before the last chunk": Hostile(sends=ok(CHUNKED, b"2\r\nhi\r\n"), ends=True),
    "cut in the head": Hostile(sends=b"HTTP/1.1 200 OK\r\ncontent-le", ends=True),
}


async def exchange(case: Hostile, bytewise: bool) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        served = 0
        while True:
            await read_request(reader)
            served += 1
            if number > 1 or served > 1:
                writer.write(whole(CANARY))
                await writer.drain()
                continue
            if bytewise:
                for at in range(len(case.sends)):
                    writer.write(case.sends[at : at + 1])
                    await asyncio.sleep(0)
            else:
                writer.write(case.sends)
            await writer.drain()
            if case.ends:
                return

    async with scripted(script) as server:
        transport = HttpTransport()
        body: bytes | None = None
        try:
            answer = await transport.send(post(server.origin, method=case.method))
            body = await answer.read(100_000)
        except Failed as fault:
            assert isinstance(fault, UpstreamError), fault
            assert fault.sent, "it may have been worked on"
        assert body == case.body
        await asyncio.sleep(0.02)
        answer = await transport.send(post(server.origin))
        assert (answer.status, await answer.read(1000)) == (200, CANARY)
        assert server.connections == (1 if case.reused else 2)
        await transport.close()


@pytest.mark.parametrize("name", CASES)
async def test_a_hostile_answer_is_a_fault_or_itself_and_the_next_is_its_own(name: str) -> None:
    case = CASES[name]
    async with asyncio.timeout(60):
        await exchange(case, bytewise=False)
        if len(case.sends) < 1000:
            await exchange(case, bytewise=True)


@pytest.mark.parametrize("framing", [b"", CHUNKED, b"content-length: 9999999999\r\n"])
async def test_an_endless_body_is_cut_at_the_readers_limit(framing: bytes) -> None:
    sent = 0

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        nonlocal sent
        await read_request(reader)
        writer.write(ok(framing))
        while True:
            writer.write((b"10000\r\n%b\r\n" if framing == CHUNKED else b"%b") % bytes(65536))
            await writer.drain()
            sent += 65536

    async with scripted(script) as server, asyncio.timeout(30):
        transport = HttpTransport()
        answer = await transport.send(post(server.origin))
        with pytest.raises(UpstreamError, match="larger than 1000000 bytes"):
            await answer.read(1_000_000)
        await server.until_closed(1)
        assert sent < 40_000_000
        assert transport.idle == 0
        await transport.close()


async def test_a_provider_that_answers_before_it_has_read_is_not_used_again() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(whole(b"early" if number == 1 else CANARY))
        await writer.drain()
        await reader.read()

    async with scripted(script) as server, asyncio.timeout(30):
        transport = HttpTransport(limits=ClientLimits())
        answer = await transport.send(post(server.origin, bytes(20_000_000)))
        assert await answer.read(100) == b"early"
        answer = await transport.send(post(server.origin))
        assert await answer.read(100) == CANARY
        assert server.connections == 2
        await transport.close()


async def test_a_head_that_drips_ends_at_the_time_allowed_in_all() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            writer.write(b"x: y\r\n")
            await writer.drain()
            await asyncio.sleep(0.05)

    async with scripted(script) as server, asyncio.timeout(30):
        transport = HttpTransport()
        timeouts = Timeouts(connect_s=5, first_byte_s=5, idle_s=5, total_s=0.5)
        with pytest.raises(Failed, match="total time"):
            await transport.send(post(server.origin, timeouts=timeouts))
        await server.until_closed(1)
        await transport.close()

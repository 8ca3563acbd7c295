"""Small real servers on loopback whose every byte a test decides, and loops to run them on."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine
from dataclasses import dataclass, field

import pytest
import uvloop

from headgate.core.ports import Origin, Outgoing, Timeouts

LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.new_event_loop,
    "uvloop": uvloop.new_event_loop,
}

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter, int], Awaitable[None]]


def on_both_loops(scenario: Callable[[], Coroutine[None, None, None]]) -> Callable[[str], None]:
    """Make a test of a scenario, run on asyncio's own loop and on uvloop, within 30 seconds."""

    @pytest.mark.parametrize("loop_name", list(LOOPS))
    def test(loop_name: str) -> None:
        with asyncio.Runner(loop_factory=LOOPS[loop_name]) as runner:
            runner.run(asyncio.wait_for(scenario(), 30))

    test.__name__ = scenario.__name__
    test.__doc__ = scenario.__doc__
    return test


@dataclass
class Scripted:
    origin: Origin
    connections: int = 0
    closed: int = 0
    requests: list[bytes] = field(default_factory=list[bytes])
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def until_closed(self, count: int) -> None:
        async with asyncio.timeout(5):
            while self.closed < count:
                self.changed.clear()
                await self.changed.wait()


@contextlib.asynccontextmanager
async def scripted(
    script: Script, *, tls: ssl.SSLContext | None = None, path: str | None = None, host: str = "127.0.0.1"
) -> AsyncGenerator[Scripted]:
    """Serve connections with `script(reader, writer, number of the connection from 1)`."""
    server_state = Scripted(Origin("http", host, 0))
    tasks: set[asyncio.Task[None]] = set()

    async def run(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_state.connections += 1
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
                await script(reader, writer, server_state.connections)
            writer.close()
            with contextlib.suppress(ConnectionError, ssl.SSLError, TimeoutError):
                await writer.wait_closed()
        except RuntimeError:  # uvloop's word for a write on a connection that has been reset
            if not writer.transport.is_closing():
                raise
        finally:
            writer.transport.abort()
        server_state.closed += 1
        server_state.changed.set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(run(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    if path is not None:
        server = await asyncio.start_unix_server(accept, path)
        server_state.origin = Origin("unix", path, 0)
    else:
        server = await asyncio.start_server(accept, host, 0, ssl=tls)
        port = server.sockets[0].getsockname()[1]
        server_state.origin = Origin("https" if tls else "http", host, port)
    try:
        yield server_state
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0.02)  # for the other ends to notice


async def read_head(reader: asyncio.StreamReader) -> bytes:
    return await reader.readuntil(b"\r\n\r\n")


async def read_request(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """Return the head and the body, by content-length or in chunks."""
    head = await read_head(reader)
    lower = head.lower()
    if b"\r\ntransfer-encoding: chunked" in lower:
        body = b""
        while True:
            size = int((await reader.readline()).strip(), 16)
            piece = await reader.readexactly(size + 2)
            body += piece[:-2]
            if size == 0:
                return head, body
    if b"\r\ncontent-length: " in lower:
        length = int(lower.split(b"\r\ncontent-length: ")[1].split(b"\r\n")[0])
        return head, await reader.readexactly(length)
    return head, b""


def whole(body: bytes, *fields: bytes, status: bytes = b"200 OK") -> bytes:
    """Return an answer with content-length."""
    extra = b"".join(field + b"\r\n" for field in fields)
    return b"HTTP/1.1 %b\r\n%bcontent-length: %d\r\n\r\n%b" % (status, extra, len(body), body)


def always(answer: bytes) -> Script:
    """Answer every request of every connection with the same bytes."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        while True:
            await read_request(reader)
            writer.write(answer)
            await writer.drain()

    return script


def once(answer: bytes) -> Script:
    """Answer one request of each connection, then close it."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        await read_request(reader)
        writer.write(answer)
        await writer.drain()

    return script


def post(
    origin: Origin,
    body: bytes | AsyncIterator[bytes] = b"{}",
    *,
    method: str = "POST",
    target: bytes = b"/v1/x",
    headers: list[tuple[bytes, bytes]] | None = None,
    content_length: int | None = None,
    timeouts: Timeouts | None = None,
) -> Outgoing:
    return Outgoing(
        origin=origin,
        method=method,
        target=target,
        headers=headers if headers is not None else [(b"content-type", b"application/json")],
        body=body,
        content_length=content_length,
        timeouts=timeouts or Timeouts(connect_s=5, first_byte_s=10, idle_s=10, total_s=20),
    )

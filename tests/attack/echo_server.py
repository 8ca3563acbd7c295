"""A server behind the `Server` port that answers with what it was given, numbered: `python -m … KIND`.

KIND is a server's name, or `relayed-` and a name: then that server relays to the echo over a unix socket as
a gateway does to control. Prints its port, serves until SIGTERM. Tests use `running`.
"""

import asyncio
import contextlib
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import uvloop

from headgate.core.faults import RequestTooLarge
from headgate.core.ports import Exchange, Handler, Headers, Server
from headgate.gateway.control import ControlRelay
from headgate.http1.http_server import HttpServer
from headgate.http1.limits import ServerLimits
from headgate.http1.pool import HttpTransport
from headgate.http1.server import UvicornServer

BODY_BYTES_MAX: Final = 1_000_000
JSON: Final[Headers] = [(b"content-type", b"application/json")]

MakeServer = Callable[[Sequence[socket.socket], ServerLimits], Server]
SERVERS: Final[dict[str, MakeServer]] = {
    "own": lambda sockets, limits: HttpServer(sockets, limits=limits),
    "uvicorn": lambda sockets, limits: UvicornServer(sockets, limits=limits),
}
"""Every server that we have, by name: the corpus runs over each, bare and relayed."""

KINDS: Final = [*SERVERS, *(f"relayed-{name}" for name in SERVERS)]


class Echo:
    """Answers with what it was given. `/unread` reads no body, `/slow` is late, `/stream` in pieces."""

    def __init__(self) -> None:
        self.number = 0

    async def handle(self, exchange: Exchange) -> None:
        self.number += 1
        number = self.number
        if exchange.path.startswith("/slow"):
            await asyncio.sleep(0.03)
        if exchange.path.startswith("/stream"):
            await self._stream(exchange, number)
            return
        body = b""
        if not exchange.path.startswith("/unread"):
            try:
                body = await exchange.body(BODY_BYTES_MAX)
            except RequestTooLarge:
                await exchange.respond(413, list(JSON), b'{"error":{"message":"too large"}}')
                return
        await exchange.respond(200, list(JSON), describe(exchange, number, body))

    async def _stream(self, exchange: Exchange, number: int) -> None:
        body = b""
        async for piece in exchange.chunks():
            body += piece
        text = describe(exchange, number, body)
        await exchange.start(200, list(JSON))
        for start in range(0, len(text), 20):
            await exchange.send(text[start : start + 20])
        await exchange.finish()


def describe(exchange: Exchange, number: int, body: bytes) -> bytes:
    shown: dict[str, Any] = {
        "number": number,
        "method": exchange.method,
        "path": exchange.path,
        "query": exchange.query.decode("latin-1"),
        "headers": [(name.decode("latin-1"), value.decode("latin-1")) for name, value in exchange.headers],
        "body": body[:10_000].decode("latin-1"),
        "body_bytes": len(body),
    }
    return msgspec.json.encode(shown)


async def serve(kind: str, limits: ServerLimits) -> None:
    """Serve until SIGTERM."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    listening = socket.create_server(("127.0.0.1", 0), backlog=512)
    make = SERVERS[kind.removeprefix("relayed-")]
    async with contextlib.AsyncExitStack() as stack:
        handler: Handler = Echo().handle
        if kind.startswith("relayed-"):
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="hg-echo-"))
            inner = socket.socket(socket.AF_UNIX)
            inner.bind(f"{folder}/c.sock")
            inner.listen(128)
            await _begin(stack, make([inner], limits), handler)
            transport = HttpTransport()
            stack.push_async_callback(transport.close)
            handler = ControlRelay(transport, f"{folder}/c.sock").relay
        await _begin(stack, make([listening], limits), handler)
        print(listening.getsockname()[1], flush=True)
        await stop.wait()


async def _begin(stack: contextlib.AsyncExitStack, server: Server, handler: Handler) -> None:
    serving = asyncio.create_task(server.serve(handler))

    async def end() -> None:
        await server.drain(0.2)
        await serving

    stack.push_async_callback(end)


@contextlib.contextmanager
def running(kind: str, **limits: float) -> Generator[tuple[subprocess.Popen[bytes], int]]:
    """Run a server in a process of its own; gives the process and its port. `limits` are ServerLimits'."""
    words = [f"{name}={value}" for name, value in limits.items()]
    with tempfile.TemporaryFile() as talk:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.attack.echo_server", kind, *words],
            stdout=subprocess.PIPE,
            stderr=talk,
            cwd=Path(__file__).parents[2],
        )
        assert process.stdout is not None
        try:
            yield process, int(process.stdout.readline())
            alive = process.poll() is None
            process.terminate()
            status = process.wait(timeout=20)
            talk.seek(0)
            said = talk.read().decode()
            assert (alive, status, said) == (True, 0, ""), f"{kind}: alive {alive}, status {status}, {said}"
        finally:
            process.kill()
            process.wait()
            process.stdout.close()


def main(words: Sequence[str]) -> None:
    """Serve the kind named first, with limits as `name=value`."""
    kind, *settings = words
    given: dict[str, str] = dict(setting.split("=", 1) for setting in settings)
    limits = msgspec.convert(given, ServerLimits, strict=False)
    uvloop.run(serve(kind, limits))


if __name__ == "__main__":
    main(sys.argv[1:])

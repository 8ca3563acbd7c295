"""The HTTP server in front of a stand-in: counts what arrives, and fails on demand.

Plain ASGI under uvicorn, on the loopback, in the event loop that it is started in. Never for production:
no TLS, no limits but the body's. Read next: `standins.served`, which starts it.
"""

import asyncio
import contextlib
import hmac
from collections import Counter, deque
from typing import Any, Protocol

import msgspec
import uvicorn

from headgate.core.faults import Failed
from headgate.core.fields import first_field
from headgate.core.ports import Answer, Headers, Origin, Outgoing, Timeouts
from headgate.http1.asgi import AsgiServer
from headgate.standins.answers_errors import error_answer
from headgate.standins.billing import Bill
from headgate.standins.mock import RETRY_AFTER_S
from headgate.standins.paced import AT_ONCE, PacedAnswer
from headgate.standins.places import manner_of
from headgate.standins.planned import Planned

BODY_BYTES_MAX = 256 * 1024 * 1024
REQUESTS_KEPT_MAX = 1000
START_S_MAX = 10.0

_BASES = {"openai": "/v1", "openai-compatible": "/v1", "anthropic": "/v1", "google": "/v1beta"}
_PATIENT = Timeouts(first_byte_s=None, idle_s=None, total_s=None)


class Standin(Protocol):
    """A transport that stands in for a provider, with its books."""

    served: int
    bill: Bill

    async def send(self, outgoing: Outgoing) -> Answer:
        """Answer a request."""
        ...

    async def close(self) -> None:
        """Free what it holds."""
        ...


class ReceivedRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request as it arrived. `path` has its query; header names are in lower case."""

    method: str
    path: str
    headers: Headers
    body: bytes

    def header(self, name: bytes) -> bytes | None:
        """The first field of that lower-case name."""
        return first_field(self.headers, name)


class StandinServer:
    """A stand-in behind a port, with the counts of what it has received.

    `requests` are the last thousand; `counts` all of them by path; `connections` how many were opened.
    """

    def __init__(self, transport: Standin, port: int = 0, *, key: str | None = None) -> None:
        self.transport = transport
        self.port = port
        self.requests: deque[ReceivedRequest] = deque(maxlen=REQUESTS_KEPT_MAX)
        self.counts: Counter[str] = Counter()
        self.hung_up = 0
        """How many clients were gone before their answer's end."""
        self._key = key
        self._clients: set[tuple[str, int]] = set()
        self._status: int | None = None
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._server: AsgiServer | None = None
        self._serving: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """The address, without a path."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def bill(self) -> Bill:
        """The stand-in's own books."""
        return self.transport.bill

    @property
    def connections(self) -> int:
        """How many connections have carried a request so far."""
        return len(self._clients)

    def base_url(self, kind: str) -> str:
        """Return the `base_url` of a provider of that kind that stands behind this port."""
        return self.url + _BASES.get(kind, "")

    def fail_with(self, status: int | None) -> None:
        """Answer every request with that status from now on; None ends it."""
        self._status = status

    def stall(self) -> None:
        """Let every request wait, unanswered, until `resume`."""
        self._flowing.clear()

    def resume(self) -> None:
        """End `stall`; those who wait are answered."""
        self._flowing.set()

    async def up(self) -> None:
        """Listen, on the same port as before."""
        if self._server is not None:
            return
        config = uvicorn.Config(
            self._application,
            host="127.0.0.1",
            port=self.port,
            log_config=None,
            log_level="critical",
            access_log=False,
            interface="asgi3",
            lifespan="off",
            ws="none",
            server_header=False,
            date_header=False,
            timeout_keep_alive=60,
            timeout_graceful_shutdown=1,
        )
        listening = config.bind_socket()
        self.port = listening.getsockname()[1]
        self._server = AsgiServer(config)
        self._serving = asyncio.create_task(self._server.serve([listening]), name="standin server")
        async with asyncio.timeout(START_S_MAX):
            await self._server.listening.wait()

    async def down(self) -> None:
        """Refuse connections from now on, and cut those that are open."""
        server, serving = self._server, self._serving
        if server is None or serving is None:
            return
        self._server = self._serving = None
        server.should_exit = True
        server.force_exit = True
        for listener in server.servers:
            listener.close()
        for connection in list(server.server_state.connections):
            transport = getattr(connection, "transport", None)
            if transport is not None:
                transport.abort()
        await serving
        for task in list(server.server_state.tasks):
            task.cancel()
        await asyncio.gather(*server.server_state.tasks, return_exceptions=True)

    async def _application(self, scope: Any, receive: Any, send: Any) -> None:
        body = await _body(receive)
        path: str = scope["raw_path"].decode("latin-1")
        query: bytes = scope["query_string"]
        target = path.encode("latin-1") + (b"?" + query if query else b"")
        request = ReceivedRequest(
            method=scope["method"], path=target.decode("latin-1"), headers=list(scope["headers"]), body=body
        )
        self.requests.append(request)
        self.counts[path] += 1
        if scope.get("client"):
            self._clients.add(tuple(scope["client"]))
        gone = asyncio.create_task(_disconnected(receive), name="standin client")
        answering = asyncio.create_task(self._answer(request, target, send), name="standin answer")
        try:
            await asyncio.wait({gone, answering}, return_when=asyncio.FIRST_COMPLETED)
            if not answering.done():
                self.hung_up += 1
                answering.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await answering
        finally:
            for task in (gone, answering):
                task.cancel()

    async def _answer(self, request: ReceivedRequest, target: bytes, send: Any) -> None:
        """Answer one request; a break on purpose leaves the answer unfinished, which cuts the connection."""
        await self._flowing.wait()
        refused = self._refused(request, target)
        if refused is not None:
            answer: Answer = PacedAnswer(refused, AT_ONCE, _PATIENT, lambda _tokens, _complete: None)
        else:
            outgoing = Outgoing(
                origin=Origin("http", "127.0.0.1", self.port),
                method=request.method,
                target=target,
                headers=request.headers,
                body=request.body,
                timeouts=_PATIENT,
            )
            answer = await self.transport.send(outgoing)
        try:
            await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
            while part := await answer.chunk():
                await send({"type": "http.response.body", "body": part, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        except Failed:
            return
        finally:
            answer.close()

    def _refused(self, request: ReceivedRequest, target: bytes) -> Planned | None:
        manner = manner_of(target)
        if self._key is not None and not _presents(request, self._key):
            return error_answer(manner, 401)
        if self._status is None:
            return None
        wait = RETRY_AFTER_S if self._status in (429, 503, 529) else None
        return error_answer(manner, self._status, retry_after_s=wait)


def _presents(request: ReceivedRequest, key: str) -> bool:
    bearer = (request.header(b"authorization") or b"").removeprefix(b"Bearer ")
    presented = (bearer, request.header(b"x-api-key"), request.header(b"x-goog-api-key"))
    return any(one is not None and hmac.compare_digest(one, key.encode()) for one in presented)


async def _body(receive: Any) -> bytes:
    parts: list[bytes] = []
    size = 0
    more = True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            break
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        more = message.get("more_body", False) and size <= BODY_BYTES_MAX
    return b"".join(parts)


async def _disconnected(receive: Any) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue

"""One request of a client and its answer, as the gateway sees it, on top of raw ASGI.

Implements `core.ports.Exchange`. Never here: routes, models, errors in a dialect. Read next: `protocol`.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any

from headgate.core.faults import ClientClosed, RequestTooLarge
from headgate.core.fields import announced_bytes, first_field
from headgate.core.ports import Headers
from headgate.http1.protocol import ClientConnection

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_WITHOUT_BODY = frozenset({204, 304})


class AsgiExchange:
    """One exchange. `path` is as it came, percent-encoded; header names are in lower case."""

    __slots__ = (
        "_aborted",
        "_answered",
        "_body_read",
        "_connection",
        "_receive",
        "_send",
        "headers",
        "method",
        "path",
        "query",
    )

    def __init__(self, scope: Message, receive: Receive, send: Send, connection: ClientConnection) -> None:
        self.method: str = scope["method"]
        self.path: str = scope["raw_path"].decode("latin-1")
        self.query: bytes = scope["query_string"]
        self.headers: Headers = scope["headers"]
        self._receive = receive
        self._send = send
        self._connection = connection
        self._body_read = False
        self._answered = False
        self._aborted = False

    def header(self, name: bytes) -> bytes | None:
        """Return the first field of that lower-case name."""
        return first_field(self.headers, name)

    async def body(self, limit_bytes: int) -> bytes:
        """Return the whole body.

        Raises RequestTooLarge beyond the limit, by content-length before a byte is read, and ClientClosed
        when the client is gone.
        """
        announced = self.header(b"content-length")
        if announced is not None and announced_bytes(announced) > limit_bytes:
            raise _too_large(limit_bytes)
        data = await self._piece()
        if self._body_read and len(data) <= limit_bytes:
            return data
        parts = [data]
        size = len(data)
        while size <= limit_bytes:
            if self._body_read:
                return b"".join(parts)
            data = await self._piece()
            parts.append(data)
            size += len(data)
        raise _too_large(limit_bytes)

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body as it arrives, at most once. Raises ClientClosed when the client is gone."""
        while not self._body_read:
            data = await self._piece()
            if data:
                yield data

    async def _piece(self) -> bytes:
        if self._body_read:
            return b""
        message = await self._receive()
        if message["type"] != "http.request":
            raise ClientClosed("the client hung up before its request was complete")
        self._body_read = not message.get("more_body", False)
        return message.get("body", b"")

    async def start(self, status: int, headers: Headers) -> None:
        """Send status and headers of an answer whose length is not known."""
        await self._write(
            {"type": "http.response.start", "status": status, "headers": self._closing(headers)}
        )

    async def send(self, data: bytes) -> None:
        """Send a piece of the answer. Raises ClientClosed when the client is gone, or has not read."""
        if data:
            await self._write({"type": "http.response.body", "body": data, "more_body": True})

    async def finish(self) -> None:
        """End an answer begun with `start`."""
        self._answered = True
        await self._write({"type": "http.response.body", "body": b"", "more_body": False})

    async def respond(self, status: int, headers: Headers, body: bytes) -> None:
        """Send a whole answer with its content-length; without a body for HEAD, 204 and 304."""
        headers = self._closing(headers)
        if status in _WITHOUT_BODY:
            body = b""
        else:
            headers.append((b"content-length", b"%d" % len(body)))
        await self._write({"type": "http.response.start", "status": status, "headers": headers})
        self._answered = True
        await self._write({"type": "http.response.body", "body": body, "more_body": False})

    def abort(self) -> None:
        """Cut the connection, so that the client sees the answer as broken."""
        self._aborted = True
        self._connection.abort()

    def on_gone(self, callback: Callable[[], None] | None) -> None:
        """Call back once the client has hung up; None takes that back."""
        if callback is not None and self._body_read:
            # Requests sent ahead pause reading, and a paused line does not show that it has ended.
            self._connection.flow.resume_reading()
        self._connection.tell_when_lost(callback)

    async def settle(self) -> None:
        """After the handler: cut an answer that was begun and not ended, and see a cut line out."""
        if not self._answered:
            self.abort()
        if self._aborted:
            await self._connection.lost.wait()

    def _closing(self, headers: Headers) -> Headers:
        """Where the client waits to be told to go on and never was, nothing after this answer is clear."""
        if not self._body_read and self.header(b"expect") is not None:
            return [*headers, (b"connection", b"close")]
        return list(headers)

    async def _write(self, message: Message) -> None:
        connection = self._connection
        if connection.lost.is_set():
            raise ClientClosed("the client hung up before its answer was complete")
        if connection.congested:
            wait_s = connection.limits.unread_answer_s
            try:
                async with asyncio.timeout(wait_s):
                    await connection.flow.drain()
            except TimeoutError:
                self.abort()
                raise ClientClosed(f"the client read nothing for {wait_s:g} s and counts as gone") from None
            if connection.lost.is_set():
                raise ClientClosed("the client hung up before its answer was complete")
        await self._send(message)


def _too_large(limit_bytes: int) -> RequestTooLarge:
    return RequestTooLarge(f"the body exceeds {limit_bytes} bytes; send less, or raise the limit in [server]")

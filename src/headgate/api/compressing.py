"""Large answers as gzip, for clients that take it: a trace of thirty thousand spans is a twentieth then.

Only whole JSON that was asked for by GET: what is streamed goes as it comes. No answer to a GET holds a
secret that lengths could tell of. Read next: `api.app`.
"""

import asyncio
import gzip
from typing import Final

from litestar.datastructures import Headers, MutableScopeHeaders
from litestar.types import (
    ASGIApp,
    HTTPResponseBodyEvent,
    HTTPResponseStartEvent,
    Message,
    Receive,
    Scope,
    Send,
)

BYTES_MIN: Final = 16 * 1024
"""What is shorter takes the network less time than the processor."""
LEVEL: Final = 1
"""The quickest: a twelfth of a second for twelve megabytes, off the loop."""


def compress_answers(app: ASGIApp) -> ASGIApp:
    """Wrap an application so that its large answers are compressed."""

    async def compressing(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "GET" and _takes_gzip(Headers.from_scope(scope)):
            send = _Compressing(send).send
        await app(scope, receive, send)

    return compressing


class _Compressing:
    """Holds the head of an answer back until its body shows what it is."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._start: HTTPResponseStartEvent | None = None

    async def send(self, message: Message) -> None:
        """Pass on a part of an answer, compressed where it is a large and whole one."""
        if message["type"] == "http.response.start":
            self._start = message
            return
        if message["type"] != "http.response.body" or self._start is None:
            await self._send(message)
            return
        start, self._start = self._start, None
        if _is_worth_it(start, message):
            headers = MutableScopeHeaders.from_message(start)
            packed = await asyncio.to_thread(gzip.compress, message["body"], LEVEL, mtime=0)
            message = {**message, "body": packed}
            headers["content-encoding"] = "gzip"
            headers["content-length"] = str(len(packed))
            headers["vary"] = "accept-encoding"
        await self._send(start)
        await self._send(message)


def _is_worth_it(start: HTTPResponseStartEvent, message: HTTPResponseBodyEvent) -> bool:
    if message["more_body"] or len(message["body"]) < BYTES_MIN:
        return False
    said = {name.lower(): value for name, value in start["headers"]}
    return said.get(b"content-type", b"").startswith(b"application/json") and b"content-encoding" not in said


def _takes_gzip(headers: Headers) -> bool:
    """Say whether gzip is named, and not with a weight of nothing (RFC 9110, 12.5.3)."""
    for part in headers.get("accept-encoding", "").split(","):
        name, _, weight = part.partition(";")
        if name.strip().lower() in ("gzip", "x-gzip", "*"):
            return weight.replace(" ", "").lower() not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False

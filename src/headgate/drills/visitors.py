"""Clients that call a set-up again and again, and remember what they saw of each call.

They never repeat a call: each is one line in three accounts. Read next: `books`, which compares those.
"""

import asyncio
import itertools
import time
import uuid
from types import TracebackType
from typing import Any, Final

import httpx
import msgspec

from headgate.drills.model import Seen

TERMINATOR: Final = b"data: [DONE]"
PATIENCE_S: Final = 60.0
REFUSED_PAUSE_S: Final = 0.1
"""How long a client waits after it got no answer, so that an outage isn't a busy loop."""


class Manner(msgspec.Struct, frozen=True, kw_only=True):
    """How visitors call: which model, how many at once, pause between calls, and every how manieth streams.

    `hang_up_after_s`: leave each call after so long. `fields` go into each body, `tags` beside it.
    """

    model: str
    clients: int = 4
    pause_s: float = 0.05
    stream_every: int = 3
    hang_up_after_s: float | None = None
    fields: dict[str, Any] = msgspec.field(default_factory=dict[str, Any])
    tags: tuple[str, ...] = ()


class Visitors:
    """Clients at work for the length of an `async with` block; `seen` grows while they are."""

    def __init__(self, url: str, key: str, manner: Manner) -> None:
        self.seen: list[Seen] = []
        self._url = url
        self._key = key
        self._manner = manner
        self._run = uuid.uuid4().hex[:8]
        self._numbers = itertools.count(1)
        self._stop = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._http: httpx.AsyncClient | None = None

    async def __aenter__(self) -> "Visitors":
        self._http = httpx.AsyncClient(
            base_url=self._url,
            headers=httpx.Headers(
                {"authorization": f"Bearer {self._key}", "x-headgate-tags": ",".join(self._manner.tags)},
                encoding="utf-8",
            ),
            timeout=PATIENCE_S,
            limits=httpx.Limits(max_connections=self._manner.clients),
            trust_env=False,
            verify=False,  # noqa: S501 (this machine's own set-up; its certificate names another host)
        )
        self._tasks = [asyncio.create_task(self._visit()) for _ in range(self._manner.clients)]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let each client end the call that it is in."""
        self._stop.set()
        await asyncio.gather(*self._tasks)
        if self._http is not None:
            await self._http.aclose()

    @property
    def answered(self) -> int:
        """How many calls came to their end so far."""
        return sum(1 for one in self.seen if one.is_answered)

    async def see(self, more: int, timeout_s: float) -> bool:
        """Wait until that many further calls have been answered; say whether they were in time."""
        wanted = self.answered + more
        deadline_s = time.monotonic() + timeout_s
        while self.answered < wanted:
            if time.monotonic() > deadline_s:
                return False
            await asyncio.sleep(0.02)
        return True

    async def _visit(self) -> None:
        while not self._stop.is_set():
            one = await self._call(next(self._numbers))
            self.seen.append(one)
            pause_s = self._manner.pause_s if one.is_answered else max(REFUSED_PAUSE_S, self._manner.pause_s)
            try:
                async with asyncio.timeout(pause_s):
                    await self._stop.wait()
            except TimeoutError:
                continue

    async def _call(self, number: int) -> Seen:
        name = f"drill-{self._run}-{number}"
        every = self._manner.stream_every
        stream = bool(every) and number % every == 0
        one = Seen(name=name, stream=stream)
        began_s = time.monotonic()
        try:
            async with asyncio.timeout(self._manner.hang_up_after_s):
                one = await self._ask(one)
        except (httpx.HTTPError, TimeoutError) as error:
            one = msgspec.structs.replace(one, said=type(error).__name__)
        now_s = time.monotonic()
        return msgspec.structs.replace(one, took_s=now_s - began_s, ended_s=now_s)

    async def _ask(self, one: Seen) -> Seen:
        assert self._http is not None
        message = {"role": "user", "content": f"Drill {one.name}: say something."}
        body = {"model": self._manner.model, "messages": [message], "user": one.name, **self._manner.fields}
        if one.stream:
            body["stream"] = True
        async with self._http.stream("POST", "/v1/chat/completions", json=body) as answer:
            one = msgspec.structs.replace(
                one,
                status=answer.status_code,
                call=answer.headers.get("x-headgate-request-id", ""),
                cost_usd=answer.headers.get("x-headgate-cost-usd"),
            )
            received = await _read(answer)
        if one.stream and one.status == 200:
            return msgspec.structs.replace(one, whole=TERMINATOR in received, said=_tail(received))
        return msgspec.structs.replace(one, whole=True, said=_tail(received))


async def _read(answer: httpx.Response) -> bytes:
    parts: list[bytes] = [part async for part in answer.aiter_bytes()]
    return b"".join(parts)


def _tail(received: bytes) -> str:
    return received[-300:].decode("utf-8", "replace")

"""The beginning of an answer: sent once, held back until commit, and kept alive while nothing comes."""

import asyncio
from collections.abc import AsyncIterator, Callable

import msgspec
import pytest

from headgate.config.compile import compile_snapshot
from headgate.config.environment import default_document
from headgate.config.secrets import Secrets
from headgate.core.faults import ClientClosed
from headgate.core.identity import IdentitySource
from headgate.core.ports import Headers
from headgate.gateway.call import Call
from headgate.gateway.opening import COMMENT, Opening
from headgate.gateway.plane import Current
from headgate.store.clock import SystemClock
from headgate.wire.model import CallFacts, Route

SNAPSHOT = compile_snapshot(default_document({}))
CHAT = Route(dialect="openai-chat", operation="chat", path="/v1/chat/completions")


class Line:
    """A client's line, as `core.ports.Exchange`: what was written to it, in order."""

    method = "POST"
    path = "/v1/chat/completions"
    query = b""

    def __init__(self) -> None:
        self.headers: Headers = []
        self.written: list[bytes | int] = []
        self.is_gone = False
        self._changed = asyncio.Event()

    async def until(self, count: int) -> None:
        async with asyncio.timeout(5):
            while len(self.written) < count:
                self._changed.clear()
                await self._changed.wait()

    def header(self, name: bytes) -> bytes | None:
        return None

    async def body(self, limit_bytes: int) -> bytes:
        return b""

    async def chunks(self) -> AsyncIterator[bytes]:
        yield b""

    async def start(self, status: int, headers: Headers) -> None:
        await self._write(status)

    async def send(self, data: bytes) -> None:
        await self._write(data)

    async def finish(self) -> None:
        await self._write(0)

    async def respond(self, status: int, headers: Headers, body: bytes) -> None:
        await self._write(status)
        await self._write(body)

    def abort(self) -> None:
        self.is_gone = True

    def on_gone(self, callback: Callable[[], None] | None) -> None:
        return

    async def _write(self, what: bytes | int) -> None:
        await asyncio.sleep(0)
        if self.is_gone:
            raise ClientClosed("gone")
        self.written.append(what)
        self._changed.set()


def made(line: Line, *, stream: bool = True, route: Route = CHAT, every_s: float = 0.02) -> Opening:
    clock = SystemClock()
    current = Current(SNAPSHOT, Secrets.resolve(SNAPSHOT, {}), (), ())
    identity = IdentitySource(clock).next_bytes(clock.now_ms())
    call = Call(identity, route, current, current.snapshot, 0, 0.0)
    call.facts = CallFacts(route=route, model="m", body=b"{}", stream=stream)
    return Opening(call, line, every_s)


async def test_comments_keep_a_slow_stream_alive_and_headers_go_once() -> None:
    line = Line()
    opening = made(line)
    opening.keep_alive()
    await line.until(3)
    await opening.start(line, 200, [])
    before = list(line.written)
    await line.send(b"data")
    await asyncio.sleep(0.06)
    assert before == [200, *[COMMENT] * (len(before) - 1)]
    assert line.written == [*before, b"data"], "no comment after the answer has begun"


async def test_a_quick_answer_is_never_preceded_by_a_comment() -> None:
    line = Line()
    opening = made(line)
    opening.keep_alive()
    await opening.respond(line, 200, [], b"whole")
    await asyncio.sleep(0.06)
    assert line.written == [200, b"whole"]


@pytest.mark.parametrize(
    ("stream", "dialect"), [(False, "openai-chat"), (True, "google")], ids=["whole answer", "json array"]
)
async def test_only_streams_of_events_have_comments(stream: bool, dialect: str) -> None:
    line = Line()
    route = msgspec.structs.replace(CHAT, dialect="google" if dialect == "google" else "openai-chat")
    opening = made(line, stream=stream, route=route)
    opening.keep_alive()
    await asyncio.sleep(0.06)
    await opening.stop()
    assert line.written == []


async def test_a_line_that_is_gone_ends_the_comments() -> None:
    line = Line()
    line.is_gone = True
    opening = made(line)
    opening.keep_alive()
    await asyncio.sleep(0.06)
    await opening.stop()
    assert not opening.started


async def test_stopping_while_headers_are_on_their_way_sends_them_once() -> None:
    for pause_s in (0.0, 0.0005, 0.001, 0.002):
        line = Line()
        opening = made(line, every_s=0.001)
        opening.keep_alive()
        await asyncio.sleep(pause_s)
        await opening.start(line, 200, [])
        await line.send(b"data")
        assert line.written[0] == 200
        assert line.written.count(200) == 1
        assert line.written[-1] == b"data"

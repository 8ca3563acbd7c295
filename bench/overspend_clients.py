"""Clients that spend: many loops at once over raw sockets, some of which hang up in the middle of an answer.

What each saw is kept, to be held against the provider's books and the gateway's records. Knows nothing of any
gateway but its port, path and headers. Read next: `bench.overspend_provider`.
"""

import asyncio
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

PATIENCE_S = 30.0
READ_MAX = 2**20


class Call(NamedTuple):
    """One call to make. `headers` say whose it is; `hangup_s`: when its client goes, if it does."""

    name: str
    body: bytes
    headers: Mapping[str, str]
    hangup_s: float | None = None


class Seen(NamedTuple):
    """What became of a call. Status 0: the connection broke, or its client hung up."""

    name: str
    status: int
    code: str = ""
    request_id: str = ""

    @property
    def is_answered(self) -> bool:
        """Say whether the client got the whole answer."""
        return self.status == 200


class Place(NamedTuple):
    """Where the attacked listen, all on the loopback; a client chooses one whenever it connects."""

    ports: Sequence[int]
    path: str


class _Line:
    """A client's kept connection."""

    def __init__(self, place: Place, chance: random.Random) -> None:
        self._place = place
        self._chance = chance
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def make(self, call: Call) -> Seen:
        """Make a call and read its answer. Raises OSError, IncompleteReadError or TimeoutError."""
        if self._streams is None:
            port = self._chance.choice(self._place.ports)
            self._streams = await asyncio.open_connection("127.0.0.1", port, limit=READ_MAX)
        reader, writer = self._streams
        fields = {"host": "127.0.0.1", "content-type": "application/json", **call.headers}
        fields["content-length"] = str(len(call.body))
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        writer.write(f"POST {self._place.path} HTTP/1.1\r\n{lines}\r\n".encode() + call.body)
        await writer.drain()
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        status = int(head[0].split(" ")[1])
        answered = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:])}
        body = await _read_body(reader, answered)
        if answered.get("connection", "").lower() == "close":
            self.close()
        request_id = answered.get("x-headgate-request-id", "")
        if status == 200:
            is_cut = b'"error"' in body and b"text/event-stream" in answered.get("content-type", "").encode()
            return Seen(call.name, 0 if is_cut else 200, "truncated" if is_cut else "", request_id)
        return Seen(call.name, status, _code(body), request_id)

    def close(self) -> None:
        """Let go of the connection at once."""
        if self._streams is not None:
            self._streams[1].transport.abort()
            self._streams = None


async def _read_body(reader: asyncio.StreamReader, headers: Mapping[str, str]) -> bytes:
    if "chunked" not in headers.get("transfer-encoding", "").lower():
        return await reader.readexactly(int(headers.get("content-length", "0")))
    parts: list[bytes] = []
    while size := int(await reader.readuntil(b"\r\n"), 16):
        parts.append((await reader.readexactly(size + 2))[:-2])
    await reader.readuntil(b"\r\n")
    return b"".join(parts)


def _code(body: bytes) -> str:
    try:
        said = msgspec.json.decode(body, type=_Refusal).error
    except msgspec.MsgspecError:
        return ""
    return str(said.code or said.type or "")


class _Said(msgspec.Struct):
    code: str | int | None = None
    type: str | None = None


class _Refusal(msgspec.Struct):
    error: _Said


class Crowd:
    """So many clients at once, who take their calls from one row until it ends or they are stopped."""

    def __init__(self, place: Place, calls: Iterator[Call], *, clients: int, seed: int = 7) -> None:
        self.seen: list[Seen] = []
        self._place = place
        self._calls = calls
        self._clients = clients
        self._seed = seed
        self._is_stopped = False

    def stop(self) -> None:
        """Let the calls that are being made be the last."""
        self._is_stopped = True

    async def run(self, enough: Callable[[], bool] | None = None) -> None:
        """Make calls until there are none, or `enough` says so."""
        await asyncio.gather(*(self._client(number, enough) for number in range(self._clients)))

    async def _client(self, number: int, enough: Callable[[], bool] | None) -> None:
        chance = random.Random(f"{self._seed}/{number}")
        line = _Line(self._place, chance)
        try:
            while not self._is_stopped and not (enough and enough()):
                call = next(self._calls, None)
                if call is None:
                    return
                seen = await self._one(line, call)
                self.seen.append(seen)
                if seen.status != 200:
                    # As agents do that take a refusal for a hiccup: soon again.
                    await asyncio.sleep(chance.uniform(0.01, 0.1))
        finally:
            line.close()

    async def _one(self, line: _Line, call: Call) -> Seen:
        try:
            async with asyncio.timeout(call.hangup_s or PATIENCE_S):
                return await line.make(call)
        except (TimeoutError, OSError, asyncio.IncompleteReadError, ValueError) as error:
            line.close()
            has_gone = isinstance(error, TimeoutError) and call.hangup_s is not None
            return Seen(call.name, 0, "hung up" if has_gone else type(error).__name__)

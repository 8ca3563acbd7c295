"""Mixed load on a whole Headgate: whole calls, streams, hang-ups, errors, fallback, uploads, control, kills.

Each kind of visitor comes again and again at its own pace until time is up. What was answered is noted.
"""

import asyncio
import contextlib
import json
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
from demo.running import Running
from tests.attack.raw_calls import RawAnswer, call

from headgate.catalog.model import MockSettings
from headgate.standins.mock import MockTransport
from headgate.standins.standin_server import StandinServer

CONFIG = """
[providers.near]
kind = "openai-compatible"
base_url = "{near}"

[providers.far]
kind = "openai-compatible"
base_url = "{far}"

[providers.claude]
kind = "anthropic"
base_url = "{claude}"
api_key = "env:SOAK_CLAUDE"

[prices."near/tokens-20"]
input = "1"
output = "2"

[prices."far/tokens-20"]
input = "1"
output = "2"

[prices."near/broken-stream"]
input = "1"
output = "2"

[prices."near/speech"]
input = "1"
output = "2"

[models.chat]
targets = ["near/tokens-20", "far/tokens-20"]

[models.fallback]
targets = ["near/error-503", "far/tokens-20"]
retry = {{ attempts = 1 }}

[models.broken]
targets = ["near/broken-stream"]

[models.slow]
targets = ["far/tokens-250"]

[[budgets]]
name = "wide"
scope = {{ provider = "near" }}
limit = "100000 USD"
max_cost_per_call = "0.001 USD"

[[budgets]]
name = "each-user"
scope = {{ user = "*" }}
limit = "1000 USD"
max_cost_per_call = "0.001 USD"

[[rate_limits]]
name = "often"
scope = {{ user = "*" }}
limit = "100000 requests"
window = "minute"
"""
HI = [{"role": "user", "content": "Tell me a story."}]
USERS = 50

SHARED_S_MAX = 25.0
"""From a worker's end until its successor has its part of each rate limit: what the dead one held is
taken back after ten seconds (`store/migrations/0011_rates.sql`)."""

RESTARTED_S_MAX = 20.0
"""From a worker's end until its successor serves; what other workers can't do may be refused till then."""

PACES = {
    "whole": 18.0,
    "stream": 8.0,
    "claude": 4.0,
    "fallback": 3.0,
    "hang_up": 3.0,
    "broken": 1.0,
    "wrong_key": 1.0,
    "wrong_body": 1.0,
    "upload": 1.0,
    "look": 2.0,
    "key": 0.5,
    "reload": 0.1,
}
"""How often each kind of visitor comes, a second."""


class Providers:
    """The stand-ins behind the gateways, on the loop of the load."""

    def __init__(self) -> None:
        settings = MockSettings(output_tokens=20, tokens_per_second=2_000.0, first_token_s=0.005)
        self.servers = {name: StandinServer(MockTransport(settings)) for name in ("near", "far", "claude")}

    async def __aenter__(self) -> "Providers":
        for server in self.servers.values():
            await server.up()
        return self

    async def __aexit__(self, *_: object) -> None:
        for server in self.servers.values():
            await server.down()

    def config(self) -> str:
        """A headgate.toml that names them."""
        kinds = {"near": "openai-compatible", "far": "openai-compatible", "claude": "anthropic"}
        return CONFIG.format(**{name: server.base_url(kinds[name]) for name, server in self.servers.items()})


class Load:
    """Visitors of one running Headgate. `answered` are the ids of all calls that a client saw answered."""

    def __init__(self, running: Running, key: str) -> None:
        self.running = running
        self.key = key
        self.port = int(running.url.rpartition(":")[2])
        self.answered: set[str] = set()
        self.counts: Counter[str] = Counter()
        self.surprises: list[str] = []
        self._killed_at = -SHARED_S_MAX
        self._config = running.config_path.read_text()
        self._http = httpx.AsyncClient(base_url=running.url, timeout=30, trust_env=False, verify=False)

    async def run(self, seconds: float, kill_every_s: float, kill_until_s: float) -> None:
        """Let all visitors come for so long; at first, workers are killed one after the other."""
        end = time.monotonic() + seconds
        async with asyncio.TaskGroup() as group:
            for name, a_second in PACES.items():
                group.create_task(self._again(name, getattr(self, f"_{name}"), a_second, end))
            group.create_task(self._kill(kill_every_s, time.monotonic() + kill_until_s))
        await self._http.aclose()
        self.running.config_path.write_text(self._config)

    async def _again(
        self, name: str, visit: Callable[[], Awaitable[None]], a_second: float, end: float
    ) -> None:
        chance = random.Random(name)
        open_visits: set[asyncio.Task[None]] = set()
        while time.monotonic() < end:
            await asyncio.sleep(min(chance.expovariate(a_second), max(0.0, end - time.monotonic())))
            if len(open_visits) < 20 and time.monotonic() < end:
                task = asyncio.create_task(self._one(name, visit))
                open_visits.add(task)
                task.add_done_callback(open_visits.discard)
        if open_visits:
            await asyncio.wait(open_visits)

    async def _one(self, name: str, visit: Callable[[], Awaitable[None]]) -> None:
        try:
            async with asyncio.timeout(60):
                await visit()
            self.counts[name] += 1
        except (OSError, httpx.TransportError, TimeoutError) as error:
            self.counts[f"{name}: {type(error).__name__}"] += 1
        except Exception as error:
            # A visitor that breaks would otherwise be a visitor who never comes again.
            self.surprises.append(f"{name}: {error!r}")

    def _note(self, kind: str, given: RawAnswer | httpx.Response, expected: tuple[int, ...] = ()) -> None:
        status = given.status if isinstance(given, RawAnswer) else given.status_code
        body = given.body if isinstance(given, RawAnswer) else given.content
        if status == 200:
            self.answered.add(given.headers["x-headgate-request-id"])
        elif status == 429 and b"rate limit" in body:
            # A successor has no part of a rate limit until the others have given it one.
            self._count("limited", SHARED_S_MAX)
        elif status in (502, 503) and kind != "broken":
            self._count("refused", RESTARTED_S_MAX)
        elif status not in (*expected, 502, 503):  # a breaker may be open where streams break
            self.surprises.append(f"{kind}: {status} {body[:300]!r}")

    def _count(self, what: str, after_kill_s: float) -> None:
        after_kill = time.monotonic() - self._killed_at < after_kill_s
        self.counts[f"{what} after a kill" if after_kill else what] += 1

    def _body(self, model: str, **fields: Any) -> dict[str, Any]:
        return {"model": model, "messages": HI, "user": f"u{random.randrange(USERS)}", **fields}

    async def _whole(self) -> None:
        headers = {"authorization": f"Bearer {self.key}"}
        given = await self._http.post("/v1/chat/completions", json=self._body("chat"), headers=headers)
        self._note("whole", given)

    async def _raw(self, kind: str, path: str, body: Any, *expected: int) -> RawAnswer:
        given = await call(self.port, path, body, self.key)
        if given.whole:
            self._note(kind, given, expected)
        return given

    async def _stream(self) -> None:
        given = await self._raw("stream", "/v1/chat/completions", self._body("chat", stream=True))
        if given.whole and given.status == 200 and b"[DONE]" not in given.body:
            self.surprises.append("a stream without its end")

    async def _claude(self) -> None:
        await self._raw("claude", "/v1/messages", self._body("claude/tokens-20", max_tokens=50))

    async def _fallback(self) -> None:
        await self._raw("fallback", "/v1/chat/completions", self._body("fallback"))

    async def _broken(self) -> None:
        await self._raw("broken", "/v1/chat/completions", self._body("broken", stream=True))

    async def _wrong_body(self) -> None:
        await self._raw("wrong body", "/v1/chat/completions", b'{"model": ', 400)

    async def _wrong_key(self) -> None:
        given = await call(self.port, "/v1/chat/completions", self._body("chat"), "hg_nobody_nothing")
        if given.whole and given.status != 401:
            self.surprises.append(f"wrong key: {given.status}")

    async def _hang_up(self) -> None:
        """Ask for a long stream, read some of it, and go."""
        content = json.dumps(self._body("slow", stream=True)).encode()
        lines = f"POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {self.key}\r\n"
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(f"{lines}content-length: {len(content)}\r\n\r\n".encode() + content)
            await writer.drain()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(random.random() * 0.2):
                    await reader.read(random.randrange(1, 4_000))
        finally:
            writer.transport.abort()

    async def _upload(self) -> None:
        headers = {"authorization": f"Bearer {self.key}"}
        files = {"file": ("speech.wav", os.urandom(60_000), "audio/wav")}
        given = await self._http.post(
            "/v1/audio/transcriptions", data={"model": "near/speech"}, files=files, headers=headers
        )
        self._note("upload", given)

    async def _control(self, method: str, path: str, body: Any = None) -> httpx.Response:
        headers = {"authorization": f"Bearer {self.running.admin_key}"}
        return await self._http.request(method, f"/api/v1{path}", json=body, headers=headers)

    async def _look(self) -> None:
        path = random.choice(("/requests?limit=50", "/costs", "/budgets", "/status", "/alerts", "/leases"))
        given = await self._control("GET", path)
        if given.status_code in (502, 503):
            self._count("control refused", RESTARTED_S_MAX)
        elif given.status_code != 200:
            self.surprises.append(f"{path}: {given.status_code}")

    async def _key(self) -> None:
        """Make a key with a budget of its own, use it, revoke it, and be refused with it."""
        name = f"soak-{random.randrange(10**12)}"
        budget = {"name": name, "limit": "1 USD", "max_cost_per_call": "0.01 USD"}
        made = await self._control("POST", "/keys", {"name": name, "budgets": [budget]})
        if made.status_code != 201:
            self.counts["key: not made"] += 1
            return
        key, late = made.json(), made.json()["not_acknowledged"]
        given = await call(self.port, "/v1/chat/completions", self._body("chat"), key["key"])
        if given.whole and not late:
            self._note("a new key", given)
        gone = await self._control("DELETE", f"/keys/{key['id']}")
        if gone.status_code == 200 and not gone.json()["not_acknowledged"]:
            given = await call(self.port, "/v1/chat/completions", self._body("chat"), key["key"])
            if given.whole and given.status not in (401, 503):
                self.surprises.append(f"a revoked key: {given.status}")

    async def _reload(self) -> None:
        more = f'\n[models.more-{random.randrange(20)}]\ntargets = ["far/tokens-20"]\n'
        await asyncio.to_thread(self.running.config_path.write_text, self._config + more)

    async def _kill(self, every_s: float, end: float) -> None:
        """Kill the last gateway, the shipper, control, and so on; the first gateway is left alone."""
        gateways = len(self.running.worker_pids("gateway"))
        roles = (f"gateway {gateways}", "shipper", "control")
        for number in range(1_000_000):
            await asyncio.sleep(max(0.0, min(every_s, end - time.monotonic())))
            if time.monotonic() >= end:
                return
            for pid in self.running.worker_pids(roles[number % len(roles)]):
                os.kill(pid, signal.SIGKILL)
                self._killed_at = time.monotonic()
                self.counts["kills"] += 1

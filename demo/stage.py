"""What the tour plays on: stand-in providers in this process, the configuration, and the list of claims."""

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

import httpx
from rich.console import Console
from rich.markup import escape

from demo.running import Running
from headgate.catalog.model import MockSettings
from headgate.standins.mock import MockTransport
from headgate.standins.standin_server import StandinServer

Result = TypeVar("Result")

PROVIDERS = {
    "paid": MockSettings(output_tokens=400, latency_s=0.005),
    "cheap": MockSettings(output_tokens=50),
    "europe": MockSettings(output_tokens=20),
    "america": MockSettings(output_tokens=20),
    "nowhere": MockSettings(output_tokens=20),
    "broken": MockSettings(),
    "slow": MockSettings(latency_s=30.0),
}
SECRET = "sk-canary-4f9a61d0c2e84b7f"
"""A canary: looked for in log and database."""

CONFIG = """
[providers.paid]
kind = "openai-compatible"
base_url = "{paid}"
api_key = "env:PAID_API_KEY"

[providers.cheap]
kind = "openai-compatible"
base_url = "{cheap}"

[providers.europe]
kind = "openai-compatible"
base_url = "{europe}"
regions = ["fr"]

[providers.america]
kind = "openai-compatible"
base_url = "{america}"
regions = ["us"]

[providers.nowhere]
kind = "openai-compatible"
base_url = "{nowhere}"

[providers.broken]
kind = "openai-compatible"
base_url = "{broken}"

[providers.slow]
kind = "openai-compatible"
base_url = "{slow}"

[providers.anthropic]
kind = "mock"
output_tokens = 20

[prices."paid/large"]
input = "10"
output = "40"

[prices."anthropic/claude-sonnet"]
input = "3"
output = "15"

[prices."cheap/small"]
input = "0.1"
output = "0.4"

[models.assistant]
targets = ["cheap/small"]

[models.claude]
targets = ["anthropic/claude-sonnet"]

[models.paid-first]
targets = ["paid/large", "cheap/small"]

[models.paid-only]
targets = ["paid/large"]

[models.regional]
targets = ["europe/model", "america/model", "nowhere/model"]
retry = {{ attempts = 2, backoff = "1ms" }}

[models.shaky]
targets = ["broken/model", "slow/model", "cheap/small"]
retry = {{ attempts = 2, backoff = "1ms" }}
timeout = {{ first_token = "700ms", total = "20s" }}

[[budgets]]
name = "one-dollar"
scope = {{ provider = "paid" }}
limit = "1 USD"
window = "total"

[projects.clinic]
regions = ["eu"]
"""


class Claims:
    """What the tour claims, printed as it is checked; colours only at a terminal that wants them."""

    def __init__(self) -> None:
        self.console = Console(highlight=False, soft_wrap=True)
        self.held = 0
        self.failed: list[str] = []

    def heading(self, number: int, count: int, text: str) -> None:
        """Begin a step."""
        self.console.print(f"\n[bold]{number}/{count}  {text}[/bold]")

    def say(self, text: str) -> None:
        """Say something that is no claim."""
        self.console.print(f"    {text}", markup=False)

    def check(self, claim: str, held: object, shown: object = "") -> None:
        """Print a claim with what shows it; a claim that does not hold is kept."""
        mark = "[green]ok[/green]    " if held else "[red]FAILED[/red]"
        detail = f" [dim]({escape(str(shown))})[/dim]" if shown != "" else ""
        self.console.print(f"  {mark}  {escape(claim)}{detail}")
        if held:
            self.held += 1
        else:
            self.failed.append(claim)


class Standins:
    """The providers of the tour, each behind a port of its own, on an event loop in a thread."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self.servers = {name: StandinServer(MockTransport(settings)) for name, settings in PROVIDERS.items()}

    def __enter__(self) -> "Standins":
        self._thread.start()
        for server in self.servers.values():
            self.run(server.up())
        self.servers["broken"].fail_with(503)
        return self

    def __exit__(self, *_: object) -> None:
        for server in self.servers.values():
            self.run(server.down())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=5)
        self._loop.close()

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Run something on the stand-ins' loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=30)

    def addresses(self) -> dict[str, str]:
        """The base URL of each."""
        return {name: server.base_url("openai-compatible") for name, server in self.servers.items()}

    def count(self, name: str) -> int:
        """How many requests a provider has received."""
        return sum(self.servers[name].counts.values())


class Stage:
    """What each step works with."""

    def __init__(self, house: Running, standins: Standins, claims: Claims) -> None:
        self.house = house
        self.standins = standins
        self.claims = claims
        self.key = house.make_key("tour")
        self.answered: list[str] = []
        """Ids of all calls that a client saw answered."""

    async def many(self, model: str, calls: int, **fields: Any) -> list[httpx.Response]:
        """Make calls from fifty clients at once."""
        limits = httpx.Limits(max_connections=50)
        body = {"model": model, "messages": [{"role": "user", "content": "Tell me a long story."}], **fields}
        slots = asyncio.Semaphore(50)
        async with httpx.AsyncClient(
            base_url=self.house.url, timeout=60, limits=limits, trust_env=False
        ) as http:

            async def one() -> httpx.Response:
                async with slots:
                    return await http.post(
                        "/v1/chat/completions", json=body, headers={"authorization": f"Bearer {self.key}"}
                    )

            return list(await asyncio.gather(*(one() for _ in range(calls))))

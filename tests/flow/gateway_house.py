"""One running Headgate for all tests of the data plane, in front of scripted providers.

Each test takes aliases of its own, so that no test sees another's breakers, meters or records.
"""

import itertools
import json
import socket
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import httpx
import psycopg
from demo.running import Running, headgate
from psycopg.rows import DictRow, dict_row
from tests.flow.scripted_provider import ScriptedProvider

from headgate.store.embedded import EmbeddedPostgres

CANARY = "sk-canary-9f8e7d6c5b4a39281706"
"""The key that the providers are given; it must not turn up anywhere else."""

_PLAIN_ALIASES = {"pair": 80, "solo": 160, "again": 24, "claude": 32, "gemini": 32, "cohere": 16, "money": 24}
MOVES: dict[str, tuple[str, ...]] = {
    "wider": ("a", "b", "claude", "gemini"),
    "moves": ("a", "b"),
    "claude-moves": ("claude", "b"),
    "gemini-moves": ("gemini", "b"),
    "told": ("a", "b"),
}
"""The providers of aliases for calls that are refused for what they say: sixteen of each."""
WINDOWS = {"a": 8_000, "b": 8_000, "claude": 100_000, "gemini": 1_000_000}
"""Of the kind `wider`; of the others the last provider has the largest."""
ALIASES = {**_PLAIN_ALIASES, **dict.fromkeys(MOVES, 16)}
"""How many aliases of each kind there are for tests: each takes its own, and one house serves many files."""

_PROVIDERS = """
[server]
on_hangup = "{on_hangup}"

[providers.a]
kind = "openai-compatible"
base_url = "http://127.0.0.1:{port}/a/v1"
api_key = "env:CANARY_KEY"
max_concurrent = 2
max_queued = 1

[providers.b]
kind = "openai-compatible"
base_url = "http://127.0.0.1:{port}/b/v1"
api_key = "env:CANARY_KEY"

[providers.claude]
kind = "anthropic"
base_url = "http://127.0.0.1:{port}/claude/v1"
api_key = "env:CANARY_KEY"

[providers.gemini]
kind = "google"
base_url = "http://127.0.0.1:{port}/gemini/v1beta"
api_key = "env:CANARY_KEY"

[providers.cohere]
kind = "cohere"
base_url = "http://127.0.0.1:{port}/cohere/v2"
api_key = "env:CANARY_KEY"

[providers.nobody]
kind = "openai-compatible"
base_url = "http://127.0.0.1:{closed}/v1"

[providers.keyless]
kind = "openai-compatible"
base_url = "http://127.0.0.1:{port}/keyless/v1"
api_key = "env:NOT_SET_ANYWHERE"

[providers.mock]
kind = "mock"
"""

_ALIAS = """
[models.{name}]
targets = [{targets}]
timeout = {{ connect = "1s", first_token = "500ms", idle = "500ms", total = "3s" }}
retry = {{ attempts = {attempts}, backoff = "1ms", backoff_max = "2s" }}
{more}
"""

_PRICE = """
[prices."{target}"]
input = "1"
output = "2"
max_output = 1000
context_window = 100000
"""

_BUDGET = """
[[budgets]]
name = "{name}"
scope = {{ model = "{target}" }}
limit = "{limit} USD"
window = "total"
{more}
"""


_STRATEGIES = """
[models.weighted]
targets = [{ target = "a/weighted", weight = 9 }, { target = "b/weighted", weight = 1 }]
strategy = "weighted"

[models.fastest]
targets = ["a/fastest", "b/fastest"]
strategy = "fastest"

[models.cheapest]
targets = ["a/dear", "b/cheap", "b/unknown-price"]
strategy = "cheapest"

[prices."a/dear"]
input = "3"
output = "9"

[prices."b/cheap"]
input = "1"
output = "2"

[projects.poor-project]
"""


def _alias(name: str, *targets: str, attempts: int = 1, more: str = "") -> str:
    quoted = ", ".join(json.dumps(target) for target in targets)
    prices = "".join(_PRICE.format(target=target) for target in targets if not target.startswith("mock/"))
    return _ALIAS.format(name=name, targets=quoted, attempts=attempts, more=more) + prices


def _moving(kind: str, name: str) -> str:
    """An alias that goes on where content is refused, or a conversation too long; `told` does neither."""
    providers = MOVES[kind]
    more = 'when_content_refused = "next-target"'
    if kind == "told":
        more = 'when_context_overflows = "reject"'
    made = _alias(name, *[f"{provider}/{name}" for provider in providers], more=more)
    windows = WINDOWS if kind == "wider" else {providers[-1]: 200_000}
    for provider, window in windows.items():
        price = _PRICE.format(target=f"{provider}/{name}")
        made = made.replace(price, price.replace("100000", str(window)))
    return made


def _budget(name: str, target: str, limit: str, more: str = "") -> str:
    return _BUDGET.format(name=name, target=target, limit=limit, more=more)


def _configuration(port: int, closed: int, on_hangup: str) -> str:
    parts = [_PROVIDERS.format(port=port, closed=closed, on_hangup=on_hangup)]
    for number in range(ALIASES["pair"]):
        parts.append(_alias(f"pair-{number}", f"a/pair-{number}", f"b/pair-{number}"))
    for number in range(ALIASES["again"]):
        parts.append(_alias(f"again-{number}", f"b/again-{number}", attempts=3))
    for kind, provider in (("solo", "b"), ("claude", "claude"), ("gemini", "gemini"), ("cohere", "cohere")):
        for number in range(ALIASES[kind]):
            parts.append(_alias(f"{kind}-{number}", f"{provider}/{kind}-{number}"))
    for kind in MOVES:
        parts += [_moving(kind, f"{kind}-{number}") for number in range(ALIASES[kind])]
    for number in range(ALIASES["money"]):
        parts.append(_alias(f"money-{number}", f"b/money-{number}"))
        parts.append(_budget(f"money-{number}", f"b/money-{number}", "1"))
    parts.append(_alias("narrow", "a/narrow"))
    parts.append(_alias("narrow-then-b", "a/narrow", "b/narrow-then-b").partition("\n[prices")[0])
    parts.append('\n[prices."b/narrow-then-b"]\ninput = "1"\noutput = "2"\nmax_output = 1000\n')
    parts.append(_alias("nobody-then-b", "nobody/x", "b/nobody-then-b"))
    parts.append(_alias("only-nobody", "nobody/y"))
    parts.append(_alias("keyless-then-b", "keyless/x", "b/keyless-then-b"))
    parts.append(_alias("capped", "b/capped", more="default_max_output = 77"))
    parts.append('\n[models.unpriced]\ntargets = ["b/unpriced"]\n')
    parts.append(_budget("unpriced", "b/unpriced", "1"))
    parts.append('\n[models.unpriced-capped]\ntargets = ["b/unpriced-capped"]\n')
    parts.append(_budget("unpriced-capped", "b/unpriced-capped", "1", 'max_cost_per_call = "0.25 USD"'))
    parts.append(_alias("rejects", "b/rejects", "b/rejects-next"))
    parts.append(_budget("rejects", "b/rejects", "0.000001", 'when_exhausted = "reject"'))
    parts.append(_alias("goes-on", "b/goes-on", "b/goes-on-next"))
    parts.append(_budget("goes-on", "b/goes-on", "0.000001"))
    for name in ("clamps", "clamps-in-rules"):
        parts.append(_alias(name, f"b/{name}"))
        parts.append(_budget(name, f"b/{name}", "0.005", 'when_near = "clamp"'))
    parts.append(_alias("tight", "b/tight"))
    parts.append(_budget("tight", "b/tight", "0.007", 'reserve_wait = "300ms"'))
    parts.append(_STRATEGIES)
    for name, scope in (("user", "poor-user"), ("tag", "team:poor"), ("project", "poor-project")):
        parts.append(f'''
[[budgets]]
name = "of-{name}"
scope = {{ {name} = "{scope}" }}
limit = "0.000001 USD"
window = "day"
''')
    return "".join(parts)


class House:
    """A running Headgate, its scripted providers, and its database."""

    def __init__(self, running: Running, provider: ScriptedProvider) -> None:
        self.running = running
        self.provider = provider
        self.url = running.url
        self.key = running.admin_key
        self._names = {
            kind: iter([f"{kind}-{number}" for number in range(count)]) for kind, count in ALIASES.items()
        }
        self._keys = itertools.count()
        self._database = EmbeddedPostgres(running.folder / "data").url

    def alias(self, kind: str) -> str:
        """An alias that no other test has: its target's model has the same name."""
        name = next(self._names[kind], None)
        assert name is not None, f"all {ALIASES[kind]} aliases of the kind {kind} are used: raise ALIASES"
        return name

    def make_key(self, **fields: Any) -> str:
        """A key of its own for a test."""
        return self.running.make_key(f"key-{next(self._keys)}", **fields)

    def client(self, timeout_s: float = 20.0) -> httpx.Client:
        headers = {"authorization": f"Bearer {self.key}"}
        # Loopback, without TLS: certificates need not be loaded for each call.
        return httpx.Client(
            base_url=self.url, headers=headers, timeout=timeout_s, trust_env=False, verify=False
        )

    def post(self, path: str, body: Any, headers: dict[str, str] | None = None) -> httpx.Response:
        with self.client() as client:
            if isinstance(body, bytes):
                return client.post(path, content=body, headers=headers)
            return client.post(path, json=body, headers=headers)

    def chat(self, model: str, text: str = "hi", **fields: Any) -> httpx.Response:
        messages = [{"role": "user", "content": text}]
        return self.post("/v1/chat/completions", {"model": model, "messages": messages, **fields})

    def query(self, sql: str, *values: Any) -> list[DictRow]:
        with (
            psycopg.connect(self._database, autocommit=True) as connection,
            connection.cursor(row_factory=dict_row) as cursor,
        ):
            return cursor.execute(sql.encode(), values).fetchall()

    def record(self, request_id: str, timeout_s: float = 15.0) -> DictRow:
        """The row of a call, as soon as it is in the database."""
        return self.find("select * from requests where id = %s", request_id, timeout_s)

    def record_of(self, model: str, timeout_s: float = 15.0) -> DictRow:
        """The row of the one call of a model, for calls that no answer has an id for."""
        return self.find("select * from requests where model = %s", model, timeout_s)

    def find(self, sql: str, value: str, timeout_s: float = 15.0) -> DictRow:
        """The one row that a query finds, as soon as there is one."""
        deadline = time.monotonic() + timeout_s
        while True:
            rows = self.query(sql, value)
            if rows:
                assert len(rows) == 1
                return rows[0]
            assert time.monotonic() < deadline, f"no record of {value}"
            time.sleep(0.1)

    def spent(self, budget: str) -> Decimal:
        """What the database says was spent of a budget of one meter, in USD."""
        rows = self.query(
            "select sum(w.spent) as spent from meter_windows w join meters m on m.id = w.meter "
            "join budgets b on b.id = m.budget where b.name = %s",
            budget,
        )
        return Decimal(rows[0]["spent"] or 0) / 10**12

    def gauges(self) -> dict[str, float]:
        """What the gateway's metrics say now, a second at most after it was so."""
        time.sleep(1.2)
        values: dict[str, float] = {}
        for path in (self.running.folder / "data" / "metrics").glob("*.prom"):
            for line in path.read_text().splitlines():
                if not line.startswith("#"):
                    name, _, value = line.rpartition(" ")
                    values[name] = float(value)
        return values


def closed_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


@contextmanager
def open_house(on_hangup: str = "close", environment: Mapping[str, str] | None = None) -> Generator[House]:
    with ScriptedProvider() as provider:
        config = _configuration(provider.port, closed_port(), on_hangup)
        with headgate(config, environment={"CANARY_KEY": CANARY, **(environment or {})}) as running:
            yield House(running, provider)

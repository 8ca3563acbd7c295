"""One real gateway in front of providers that replay recorded traffic: `open_replays`.

Each scenario of each outbound dialect is an alias of its own (`Scenario.alias`), and so is each refusal. A
provider refuses what its original would refuse, keeps what was wrong in `faults`, and answers turn by turn:
the results of tools that a call brings say which. Its streams are cut badly on purpose. Read next:
`replayed_traffic`.
"""

import asyncio
import itertools
import json
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from demo.running import headgate
from tests.contract.clients.replayed_errors import ERRORS, Error, error_of
from tests.contract.clients.replayed_rules import AgainstRulesError, check
from tests.contract.clients.replayed_traffic import OUTBOUND, OUTPUT, Scenario, scenarios
from tests.flow.scripted_provider import chunked, head, whole
from tests.flow.server_thread import ServerThread
from tests.wire.dialects.raw_gists import datas_of

from headgate.core.call import AnyDialect

KEY = "sk-canary-5b1d7a90c2"
"""The credential that the providers are given."""
REFUSALS = 24
"""How many aliases each refusal of each dialect has: each client takes its own, so that no breaker opens."""
_SIZES = (1, 7, 64, 3, 200, 19)

_SCENARIO = """
[providers.p-{alias}]
{provider}
base_url = "http://127.0.0.1:{port}/{alias}/v1"
api_key = "env:REPLAYED_KEY"

[models.{alias}]
targets = ["p-{alias}/{model}"]
retry = {{ attempts = 1 }}

[models.{alias}-lenient]
targets = ["p-{alias}/{model}"]
retry = {{ attempts = 1 }}
translation = "lenient"
"""
_REFUSAL = """
[models.{alias}]
targets = ["p-{dialect}-{error}/m{number}"]
retry = {{ attempts = 1 }}
"""
_REFUSING = """
[providers.p-{dialect}-{error}]
{provider}
base_url = "http://127.0.0.1:{port}/{dialect}-{error}/v1"
api_key = "env:REPLAYED_KEY"
"""
_PROVIDERS = {
    "openai-chat": 'kind = "openai"\ndialects = ["openai-chat"]',
    "openai-responses": 'kind = "openai"\ndialects = ["openai-responses"]',
    "anthropic": 'kind = "anthropic"',
    "google": 'kind = "google"',
    "bedrock": 'kind = "bedrock"\nregion = "eu-central-1"',
}
_SERVICE = 'kind = "openai-compatible"\nservice = "{service}"\ndialects = ["openai-chat"]'
_SERVICES = ("deepseek", "groq")


class ReplayingProvider(ServerThread):
    """Providers of all outbound dialects on one loopback port."""

    def __init__(self) -> None:
        super().__init__("replaying provider")
        self.faults: list[str] = []
        """What was wrong with the calls."""
        self.calls = 0
        self._scenarios = {one.alias: one for one in scenarios()}
        self._errors: dict[str, tuple[AnyDialect, Error]] = {
            f"{dialect}-{error}": (dialect, error) for dialect in OUTBOUND for error in ERRORS
        }

    async def one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        _, target, _ = lines[0].split(" ")
        pairs = [line.partition(": ") for line in lines[1:] if line]
        headers = {name.lower(): value for name, _, value in pairs}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        self.calls += 1
        for step in self._answer(target, headers, body):
            writer.write(step)
            await writer.drain()
        return True

    def _answer(self, target: str, headers: dict[str, str], raw: bytes) -> list[bytes]:
        place = target.split("/")[1]
        dialect, error = self._errors.get(place, (None, None))
        scenario = self._scenarios.get(place)
        try:
            body = json.loads(raw)
            if dialect is not None and error is not None:
                check(dialect, target, headers, body)
                refusal = error_of(dialect, error)
                return [whole(refusal.body, refusal.status, *refusal.headers)]
            assert scenario is not None, f"nobody is at {target}"
            check(scenario.dialect, target, headers, body)
            answer = scenario.answers[_turn(scenario, target, body)]
        except (AgainstRulesError, AssertionError, ValueError) as wrong:
            self.faults.append(f"{target}: {wrong}\n{raw.decode(errors='replace')[:4000]}")
            return [whole(json.dumps({"error": {"message": f"replayed: {wrong}"}}).encode(), 400)]
        if not scenario.streamed:
            return [whole(answer.body, kind=answer.kind)]
        if scenario.dialect == "google" and "alt=sse" not in target:
            return _pieces(_array(answer.body), "application/json")
        return _pieces(answer.body, answer.kind)


def _turn(scenario: Scenario, target: str, body: Any) -> int:
    """Which answer is asked for; raises where that is not what the scenario is about."""
    text = json.dumps(body, ensure_ascii=False)
    streamed = bool(body.get("stream")) or "streamGenerateContent" in target or "converse-stream" in target
    assert streamed is scenario.streamed, f"streamed is {streamed}"
    sought = _SOUGHT[scenario.dialect].get(scenario.name, ())
    assert not sought or any(f'"{name}"' in text for name in sought), f"none of {sought}"
    if scenario.name != "loop":
        return 0
    offered = [one.name for one in scenario.tools if f'"{one.name}"' in text]
    assert len(offered) == len(scenario.tools), f"offered are {offered}"
    is_answered = any(f'"{name}"' in text for name in _RESULTS[scenario.dialect])
    assert not is_answered or OUTPUT in text, "a result that is not what the tool gave"
    return int(is_answered)


_RESULTS = {
    "openai-chat": ("tool_call_id",),
    "openai-responses": ("function_call_output",),
    "anthropic": ("tool_result",),
    "google": ("functionResponse", "function_response"),
    "bedrock": ("toolResult",),
}
_SOUGHT: dict[str, dict[str, tuple[str, ...]]] = {
    "openai-chat": {"structured": ("json_schema",), "vision": ("image_url",)},
    "openai-responses": {
        "structured": ("json_schema",),
        "vision": ("input_image",),
        "thinking": ("reasoning",),
    },
    "anthropic": {
        "structured": ("output_config", "output_format"),
        "vision": ("image",),
        "thinking": ("thinking",),
    },
    "google": {
        "structured": ("responseJsonSchema", "responseSchema", "response_json_schema"),
        "vision": ("inlineData", "inline_data"),
        "thinking": ("thinkingConfig",),
    },
    "bedrock": {
        "structured": ("outputConfig",),
        "vision": ("image",),
        "thinking": ("additionalModelRequestFields",),
    },
}


def _array(body: bytes) -> bytes:
    """A stream as Google sends it where no server-sent events are asked for."""
    return b"[" + b",\r\n".join(json.dumps(one).encode() for one in datas_of(body)) + b"]"


def _pieces(body: bytes, kind: str) -> list[bytes]:
    """A stream whose pieces end anywhere, within lines and within letters."""
    sizes = itertools.cycle(_SIZES)
    steps = [head(200, "transfer-encoding: chunked", kind=kind)]
    place = 0
    while place < len(body):
        size = next(sizes)
        steps.append(chunked(body[place : place + size]))
        place += size
    return [*steps, b"0\r\n\r\n"]


class Replays:
    """A running gateway, and the providers behind it."""

    def __init__(self, url: str, key: str, provider: ReplayingProvider) -> None:
        self.url = url
        self.key = key
        self.provider = provider
        self._numbers = {(dialect, error): itertools.count() for dialect in OUTBOUND for error in ERRORS}

    def refusing(self, dialect: AnyDialect, error: Error) -> str:
        """An alias whose provider refuses so, which no other client has."""
        number = next(self._numbers[dialect, error])
        assert number < REFUSALS, "all aliases are used: raise REFUSALS"
        return f"{dialect}-{error}-{number}"

    def take_faults(self) -> list[str]:
        """What was wrong with the calls since this was asked last."""
        faults, self.provider.faults = self.provider.faults, []
        return faults


def _provider(scenario: Scenario) -> str:
    if scenario.service in _SERVICES:
        return _SERVICE.format(service=scenario.service)
    return _PROVIDERS[scenario.dialect]


def _configuration(port: int) -> str:
    parts = [
        _SCENARIO.format(alias=one.alias, model=one.model, port=port, provider=_provider(one))
        for one in scenarios()
    ]
    for dialect, error in itertools.product(OUTBOUND, ERRORS):
        parts.append(_REFUSING.format(dialect=dialect, error=error, provider=_PROVIDERS[dialect], port=port))
        for number in range(REFUSALS):
            alias = f"{dialect}-{error}-{number}"
            parts.append(_REFUSAL.format(alias=alias, dialect=dialect, error=error, number=number))
    return "".join(parts)


@contextmanager
def open_replays() -> Generator[Replays]:
    """Run the gateway and its providers for the length of a `with` block."""
    with ReplayingProvider() as provider:
        environment = {"REPLAYED_KEY": KEY}
        with headgate(_configuration(provider.port), environment=environment) as running:
            yield Replays(running.url, running.admin_key, provider)

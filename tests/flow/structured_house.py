"""A Headgate in front of scripted providers for the tests of structured output: aliases of every setting."""

import json
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any

from demo.running import headgate
from tests.flow.gateway_house import House
from tests.flow.scripted_provider import ScriptedProvider

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name"],
}
FORMAT: dict[str, Any] = {
    "type": "json_schema",
    "json_schema": {"name": "person", "schema": SCHEMA},
}
GOOD = '{"name": "Ada", "age": 36}'
BAD = '{"age": "x"}'
PLACES = ('$.age: "x" is not of type "integer"', '$: "name" is a required property')
"""Where the bad answer fails."""
MESSAGES = [{"role": "user", "content": "Who?"}]

_PROVIDERS = """
[providers.a]
kind = "openai-compatible"
base_url = "http://127.0.0.1:{port}/a/v1"

[providers.b]
kind = "openai-compatible"
base_url = "http://127.0.0.1:{port}/b/v1"

[providers.openai]
kind = "openai"
api_key = "env:KEY"
base_url = "http://127.0.0.1:{port}/openai/v1"

[providers.claude]
kind = "anthropic"
api_key = "env:KEY"
base_url = "http://127.0.0.1:{port}/claude/v1"

[providers.gemini]
kind = "google"
api_key = "env:KEY"
base_url = "http://127.0.0.1:{port}/gemini/v1beta"

[projects.quiet]
record = "metadata"
"""
_ALIAS = """
[models.{name}]
targets = [{targets}]
retry = {{ attempts = 1 }}
timeout = {{ first_token = "5s", total = "20s" }}
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

Aliases = Mapping[str, tuple[tuple[str, ...], str]]
"""By name: the targets, and the word of `structured_output`, empty for none."""
Budgets = Mapping[str, tuple[str, str]]
"""By the name of an alias of one target: the limit in USD, and more keys."""


def _configuration(port: int, aliases: Aliases, budgets: Budgets) -> str:
    parts = [_PROVIDERS.format(port=port)]
    for name, (targets, mode) in aliases.items():
        more = f'structured_output = "{mode}"' if mode else ""
        quoted = ", ".join(json.dumps(target) for target in targets)
        parts.append(_ALIAS.format(name=name, targets=quoted, more=more))
        parts += [_PRICE.format(target=target) for target in targets]
    for name, (limit, more) in budgets.items():
        (target,) = aliases[name][0]
        parts.append(_BUDGET.format(name=name, target=target, limit=limit, more=more))
    return "".join(parts)


@contextmanager
def structured_house(aliases: Aliases, budgets: Budgets) -> Generator[House]:
    with ScriptedProvider() as provider:
        configuration = _configuration(provider.port, aliases, budgets)
        with headgate(configuration, environment={"KEY": "k-123456789"}) as running:
            yield House(running, provider)

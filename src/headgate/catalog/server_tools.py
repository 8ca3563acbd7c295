"""What bounds the cost of tools that a provider runs by itself, from `data/server_tools.toml`.

Facts only; what stands nowhere is not bounded. Read next: `catalog.bound`.
"""

import functools
import re
from importlib import resources

import msgspec


class ServerToolRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One row of the table: how often the model is run, and how many tokens each use adds."""

    pattern: str
    rounds_max: int
    unit: str | None = None
    """The unit of the price table that a use is charged as; None where it costs its tokens only."""
    use_tokens_max: int | None = None
    """None: nothing but the model's context window bounds what a use adds."""
    adds_body: bool = False
    """Whether a use adds nothing but parts of the request, no more than all of it in each round."""
    source: str
    date: str


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    tools: tuple[ServerToolRule, ...]


@functools.cache
def server_tool_rules() -> tuple[ServerToolRule, ...]:
    """Every row, in order."""
    text = (resources.files("headgate.catalog") / "data" / "server_tools.toml").read_bytes()
    return msgspec.toml.decode(text, type=_Table).tools


@functools.lru_cache(maxsize=256)
def server_tool_rule(kind: str) -> ServerToolRule | None:
    """The first row that matches a tool's type; None where nothing is known."""
    return next((rule for rule in server_tool_rules() if re.fullmatch(rule.pattern, kind)), None)

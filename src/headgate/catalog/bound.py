"""The most that one attempt can cost, before it is made.

Pure. Bounded only where a rule covers every part of a call that costs: what has no rule is Unbounded, with
the reason, and never guessed. The constants are stated here and checked against recorded traffic.
Read next: `catalog.prices`.
"""

from collections.abc import Sequence

import msgspec

from headgate.catalog.model import BucketName, ModelFacts, Price
from headgate.catalog.prices import price_of
from headgate.catalog.server_tools import ServerToolRule, server_tool_rule
from headgate.core.call import Bound, Bounded, Operation, ServerTool, Unbounded

CALL_TOKENS = 4_096
"""What providers put around a call: templates, hidden instructions, the preambles of tools.

The most that was seen on recorded traffic is 1,400, with a tool of the provider's that clients run."""

MESSAGE_TOKENS = 16
"""What templates put around one message."""

TOKENS_PER_BYTE = 1
"""Byte-level tokenisers make no more tokens than there are bytes; the body holds all text and tools."""

OUTPUT_SLACK_TOKENS = 16
"""What some services count beyond the limit: end marks."""

FREE: frozenset[Operation] = frozenset({"count_tokens", "moderations", "models"})
"""Operations that providers do not charge for."""

_WITHOUT_OUTPUT: frozenset[Operation] = frozenset({"embeddings"})

INPUT_BUCKETS: tuple[BucketName, ...] = ("input", "cache_read", "cache_write", "cache_write_1h")
OUTPUT_BUCKETS: tuple[BucketName, ...] = ("output", "reasoning", "output_audio", "output_image")


class BoundInput(msgspec.Struct, frozen=True, kw_only=True):
    """What a call's bound is made from, as `wire.model.CallFacts` has it. `max_output` is per choice."""

    operation: Operation
    body_bytes: int
    messages: int = 0
    choices: int = 1
    max_output: int | None = None
    images: int = 0
    audio: int = 0
    files: int = 0
    unbounded: tuple[str, ...] = ()
    server_tools: tuple[ServerTool, ...] = ()
    service_tier: str | None = None


def bound(call: BoundInput, model: ModelFacts) -> Bound:
    """Return the most that a call can cost at a model, in pico-USD, or why nothing bounds it."""
    if call.operation in FREE:
        return Bounded(0)
    if model.price is None:
        return Unbounded("no price is known for the model")
    reasons = (*call.unbounded, *filter(None, map(_without_rule, call.server_tools)))
    if reasons:
        return Unbounded(", ".join(reasons))
    if model.runs_tools:
        return Unbounded("the model runs its provider's tools by itself")
    given = _input_tokens(call, model)
    if isinstance(given, Unbounded):
        return given
    made = _output_tokens(call, model)
    if isinstance(made, Unbounded):
        return made
    if call.server_tools:
        given, made = _in_rounds(call, model, given, made)
        if isinstance(given, Unbounded):
            return given
    costs = [_most(call, price, given, made) for price in prices_for(call, model, model.price)]
    unbounded = next((one for one in costs if isinstance(one, Unbounded)), None)
    return unbounded or Bounded(max(one for one in costs if isinstance(one, int)))


def prices_for(call: BoundInput, model: ModelFacts, standard: Price) -> list[Price]:
    """The prices that may apply: a tier that is asked for may also be answered at the standard one."""
    if call.service_tier in (None, "auto"):
        # The provider's own settings may make `auto` a priority call.
        dearer = model.variants.get("priority")
    else:
        dearer = model.variants.get(call.service_tier or "")
    return [standard] if dearer is None else [standard, dearer]


def _without_rule(tool: ServerTool) -> str | None:
    rule = server_tool_rule(tool.kind)
    if rule is None:
        return f"server tool {tool.kind}"
    if rule.unit is not None and tool.max_uses is None:
        return f"server tool {tool.kind} without max_uses"
    return None


def _in_rounds(call: BoundInput, model: ModelFacts, given: int, made: int) -> tuple[int | Unbounded, int]:
    """What is read and written in all rounds of a call whose provider runs tools between them.

    Each round reads the request, what came before, and what tools have added, but never more than the window.
    """
    rules = [(tool, rule) for tool in call.server_tools if (rule := server_tool_rule(tool.kind))]
    rounds = max(rule.rounds_max for _, rule in rules)
    window = model.context_window
    if window is not None and _has_tier_beyond(model, window):
        window = None
    total = 0
    for earlier in range(rounds):
        tokens: int | None = given + earlier * made
        for tool, rule in rules if earlier else ():
            added = _added(call, tool, rule, earlier)
            tokens = None if added is None or tokens is None else tokens + added
        if tokens is None:
            tokens = window
        if tokens is None:
            return Unbounded("a server tool, at a model whose context window is not known"), 0
        total += tokens if window is None else min(tokens, max(window, given))
    return total, rounds * made


def _added(call: BoundInput, tool: ServerTool, rule: ServerToolRule, earlier: int) -> int | None:
    """What a tool has added to the input by now; None where only the window bounds it."""
    if rule.adds_body:
        return earlier * call.body_bytes * TOKENS_PER_BYTE
    if rule.use_tokens_max is not None and tool.max_uses is not None:
        return tool.max_uses * rule.use_tokens_max
    return None


def _input_tokens(call: BoundInput, model: ModelFacts) -> int | Unbounded:
    tokens = call.body_bytes * TOKENS_PER_BYTE + CALL_TOKENS + call.messages * MESSAGE_TOKENS
    if call.operation == "images":
        return tokens + max(call.images, 1) * model.image_tokens
    tokens += call.images * model.image_tokens
    if call.audio or call.files:
        # What is compressed holds more than its bytes; but no call is larger than the window.
        if model.context_window is None or _has_tier_beyond(model, model.context_window):
            kind = "audio" if call.audio else "files"
            return Unbounded(f"{kind}, at a model whose context window is not known")
        return max(tokens, model.context_window)
    return tokens


def _has_tier_beyond(model: ModelFacts, window: int) -> bool:
    """Whether the price table itself tells of calls larger than the window that it states."""
    return model.price is not None and any(start >= window for start, _ in model.price.tiers)


def _output_tokens(call: BoundInput, model: ModelFacts) -> int | Unbounded:
    if call.operation in _WITHOUT_OUTPUT:
        return 0
    limit = call.max_output
    if limit is None:
        limit = model.max_output if model.max_output is not None else model.context_window
    if limit is None:
        return Unbounded("no output limit is asked for, and the model's own is not known")
    return call.choices * (limit + OUTPUT_SLACK_TOKENS)


def _most(call: BoundInput, price: Price, given: int, made: int) -> int | Unbounded:
    if call.operation == "audio" and "audio_seconds" in price.units:
        return Unbounded("audio that is charged by its length")
    total = price.per_call_pico_usd + price.units.get("characters", 0) * call.body_bytes
    for tool in call.server_tools:
        rule = server_tool_rule(tool.kind)
        if rule is not None and rule.unit is not None:
            if rule.unit not in price.units:
                return Unbounded(f"no price is known for the model's {rule.unit}")
            total += price.units[rule.unit] * (tool.max_uses or 0)
    wanted: list[BucketName] = [*INPUT_BUCKETS]
    if call.audio or call.files:
        wanted.append("input_audio")
    if call.images or call.files:
        wanted.append("input_image")
    reachable = [price.buckets, *(tier for start, tier in price.tiers if given > start)]
    if given and not price.units.get("characters"):
        each = dearest(reachable, wanted)
        if each is None:
            return Unbounded("no price is known for the model's input")
        total += each * given
    if made:
        each = dearest(reachable, OUTPUT_BUCKETS)
        if each is None:
            return Unbounded("no price is known for the model's output")
        total += each * made
    return total


def dearest(tables: Sequence[dict[BucketName, int]], buckets: Sequence[BucketName]) -> int | None:
    """The dearest of these buckets in any of the tiers that can be reached."""
    found = [each for table in tables for bucket in buckets if (each := price_of(table, bucket)) is not None]
    return max(found, default=None)

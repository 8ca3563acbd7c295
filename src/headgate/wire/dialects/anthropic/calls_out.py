"""Calls written for a provider that speaks the Messages API, and for its counting of tokens.

What the target takes is in `Quirks`; what changes with that is told in `Changes`. Read next: `calls_in`,
`options_out`.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from headgate.core.chat import ChatCall, Fields, Message, Part, Reasoning, Text, ToolCall
from headgate.core.faults import InvalidRequest
from headgate.core.quirks import Quirks
from headgate.wire.dialects.anthropic.calls_in import SYSTEM_BLOCKS
from headgate.wire.dialects.anthropic.options_out import (
    own_tool,
    put_foreign_format,
    put_foreign_sampling,
    put_foreign_thinking,
    put_own_format,
    put_sampling,
    put_thinking,
    put_tools,
    tool_choice,
)
from headgate.wire.dialects.anthropic.parts_out import BlockWriter
from headgate.wire.dialects.anthropic.words import DIALECT
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.fields import objects_in, put_native, shape_of
from headgate.wire.dialects.turns import arranged

LIMIT_UNKNOWN: Final = 4096
"""What is asked for where neither call nor catalog says a limit, and the dialect requires one (39)."""

HARMLESS: Final = frozenset(
    {
        "cachedContent",
        "client_metadata",
        "include",
        "labels",
        "metadata",
        "prompt_cache_key",
        "prompt_cache_retention",
        "safety_identifier",
        "store",
        "stream_options",
    }
)
"""Members of other dialects' calls that no answer depends on."""

_COUNTED: Final = frozenset(
    {"model", "messages", "system", "tools", "tool_choice", "thinking", "output_config", "cache_control"}
)
"""What the counting of tokens takes of a call; a client of the dialect knows it, and its calls stay whole."""

_encode = msgspec.json.Encoder().encode


def write_call(call: ChatCall, quirks: Quirks, changes: Changes) -> bytes:
    """Write a call. Raises InvalidRequest for one that is nested too deeply to be written."""
    return _encoded(call, quirks, changes, None)


def write_count_call(call: ChatCall, quirks: Quirks, changes: Changes) -> bytes:
    """Write the question how many tokens a call has. Raises as `write_call`."""
    if call.dialect == DIALECT:
        return _encoded(call, quirks, changes, None)
    limited = msgspec.structs.replace(call, max_output=call.max_output or LIMIT_UNKNOWN)
    return _encoded(limited, quirks, changes, _COUNTED)


def _encoded(call: ChatCall, quirks: Quirks, changes: Changes, members: frozenset[str] | None) -> bytes:
    try:
        fields = _own(call, quirks, changes) if call.dialect == DIALECT else _foreign(call, quirks, changes)
        if members is not None:
            fields = {name: value for name, value in fields.items() if name in members}
        return _encode(fields)
    except RecursionError:
        raise InvalidRequest("the body is nested too deeply") from None


def _own(call: ChatCall, quirks: Quirks, changes: Changes) -> Fields:
    """The call as it came, but for seals of other makers."""
    shape = shape_of(call.native, DIALECT).split(",")
    fields: Fields = {} if "no model" in shape else {"model": call.model}
    put_native(fields, call.native, DIALECT, changes, "")
    if call.max_output is not None:
        fields["max_tokens"] = call.max_output
    writer = BlockWriter(changes, is_own=True, to_client=False, quirks=quirks)
    _put_messages(fields, [_sealed_by(one, quirks.maker, changes) for one in call.messages], writer)
    if call.tools:
        fields["tools"] = [own_tool(tool, changes) for tool in call.tools]
    if call.tool_choice is not None:
        fields["tool_choice"] = tool_choice(call.tool_choice, call.parallel_tools)
    put_sampling(fields, call.sampling)
    if "stream" in shape or (call.stream and "no stream" not in shape):
        fields["stream"] = call.stream
    if call.service_tier is not None:
        fields["service_tier"] = call.service_tier
    config: Fields = {}
    if call.thinking is not None:
        put_thinking(fields, config, call.thinking, quirks)
    if call.output is not None:
        put_own_format(fields, config, call.output)
    _merge(fields, "output_config", config)
    _merge(fields, "metadata", {} if call.user is None else {"user_id": call.user})
    return fields


def _merge(fields: Fields, name: str, words: Fields) -> None:
    """Put words into an object beside what it says beyond them."""
    if words:
        rest = fields.get(name)
        fields[name] = {**rest, **words} if isinstance(rest, dict) else words


def _foreign(call: ChatCall, quirks: Quirks, changes: Changes) -> Fields:
    fields: Fields = {"model": call.model, "max_tokens": _limit(call, quirks, changes)}
    writer = BlockWriter(changes, is_own=False, to_client=False, quirks=quirks)
    _put_messages(fields, arranged(call, quirks, changes, own=DIALECT), writer)
    put_tools(fields, call, quirks, changes)
    config: Fields = {}
    put_foreign_thinking(fields, config, call, quirks, changes)
    _pause_thinking(fields, changes)
    put_foreign_sampling(fields, call, quirks, changes)
    if call.output is not None:
        put_foreign_format(config, call.output, quirks, changes)
    if config:
        fields["output_config"] = config
    if call.stream:
        fields["stream"] = True
    if call.user is not None:
        fields["metadata"] = {"user_id": call.user}
    if call.service_tier is not None and call.service_tier != "auto":
        changes.lose("service_tier", f"{DIALECT} has other tiers")
    return put_native(fields, call.native, DIALECT, changes, "", harmless=HARMLESS)


def _pause_thinking(fields: Fields, changes: Changes) -> None:
    """Leave thinking by a budget out of a turn of tools that began without it, or with another provider's:
    Anthropic refuses it there (33)."""
    thinking = fields.get("thinking")
    messages = objects_in(fields.get("messages")) or []
    if not isinstance(thinking, dict) or "budget_tokens" not in thinking or len(messages) < 2:
        return
    last, turn = (objects_in(message.get("content")) or [{}] for message in (messages[-1], messages[-2]))
    is_of_tools = any(block.get("type") == "tool_result" for block in last)
    if is_of_tools and turn[0].get("type") not in ("thinking", "redacted_thinking"):
        del fields["thinking"]
        changes.lose("thinking", "a turn of tools that began without thinking goes on without it")


def _limit(call: ChatCall, quirks: Quirks, changes: Changes) -> int:
    """The output limit, which the dialect requires (trap 39)."""
    if call.max_output is not None:
        return call.max_output
    limit = quirks.output_limit_default
    if limit is not None:
        changes.note("max_tokens", f"{DIALECT} requires a limit: {limit}, the one that is known of the model")
        return limit
    changes.alter("max_tokens", f"{DIALECT} requires a limit, and the model's is not known: {LIMIT_UNKNOWN}")
    return LIMIT_UNKNOWN


def _sealed_by(message: Message, maker: str, changes: Changes) -> Message:
    """The message without seals that another maker gave, and without reasoning that they prove."""
    takers = (DIALECT, maker)
    kept: list[Part] = []
    is_changed = False
    for part in message.parts:
        seal = part.seal if isinstance(part, Reasoning | Text | ToolCall) else None
        if seal is None or seal.maker in takers:
            kept.append(part)
            continue
        is_changed = True
        if isinstance(part, Text | ToolCall):
            changes.lose("messages", "another provider's signature goes back to it only")
            kept.append(msgspec.structs.replace(part, seal=None))
        else:
            changes.lose("messages", "another provider's reasoning is no part of what the model said")
    return msgspec.structs.replace(message, parts=tuple(kept)) if is_changed else message


def _put_messages(fields: Fields, messages: Sequence[Message], writer: BlockWriter) -> None:
    """System messages at the beginning stand in `system`, all others in their place."""
    first = 0
    while first < len(messages) and _is_system(messages[first]):
        first += 1
    if first:
        is_blocks = first > 1 or shape_of(messages[0].native, DIALECT) == SYSTEM_BLOCKS
        text = None if is_blocks else _lone_text(messages[0])
        if text is not None:
            fields["system"] = text
        else:
            found = [writer.blocks(one.parts, "system") for one in messages[:first]]
            fields["system"] = [block for blocks in found for block in blocks]
    fields["messages"] = [_message(one, writer, place) for place, one in enumerate(messages[first:])]


def _is_system(message: Message) -> bool:
    """Whether it stands in `system`: not one that Anthropic's dialect itself had among the others."""
    is_apart = shape_of(message.native, DIALECT) not in ("text", "blocks")
    return message.role in ("system", "developer") and is_apart


def _lone_text(message: Message) -> str | None:
    part = message.parts[0] if len(message.parts) == 1 else None
    if isinstance(part, Text) and part.cache is None and part.native is None and not part.citations:
        return part.text
    return None


def _message(message: Message, writer: BlockWriter, place: int) -> Fields:
    role = {"developer": "system", "tool": "user"}.get(message.role, message.role)
    where = f"messages[{place}]"
    text = None if shape_of(message.native, DIALECT) == "blocks" else _lone_text(message)
    content = text if text is not None else writer.blocks(message.parts, f"{where}.content")
    return writer.put({"role": role, "content": content}, message.native, where)

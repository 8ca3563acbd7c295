"""Anthropic Messages: the request to a conversation, and a reply to the answer's bytes. Pure.

Source: Anthropic API reference, "Create a Message", "Streaming Messages" and "Count Message tokens". Usage
in a stream comes as there: in part in `message_start`, as running sums in `message_delta`.
"""

import base64
from collections.abc import Iterator
from typing import Any

import msgspec

from headgate.core.call import Usage
from headgate.standins.answers_openai_chat import fragments
from headgate.standins.answers_reply import count_input
from headgate.standins.answers_text import count_tokens
from headgate.standins.conversation import (
    Choice,
    Conversation,
    InvalidBody,
    Reply,
    Tool,
    ToolCall,
    ToolResult,
    Turn,
)
from headgate.standins.planned import Piece, Planned, events, named_event, whole

THINKING_TOKENS_MAX = 64


class Block(msgspec.Struct, frozen=True):
    """One content block; which field counts is said by `type`."""

    type: str
    text: str | None = None
    thinking: str | None = None
    source: dict[str, Any] | None = None
    id: str | None = None
    name: str | None = None
    input: dict[str, Any] | None = None
    tool_use_id: str | None = None
    content: "str | list[Block] | dict[str, Any] | None" = None
    cache_control: dict[str, Any] | None = None


class Message(msgspec.Struct, frozen=True):
    """One message of the conversation."""

    role: str
    content: str | list[Block]


class ToolEntry(msgspec.Struct, frozen=True):
    """One entry of `tools`: with a schema, or a tool of the provider's own."""

    name: str
    type: str | None = None
    description: str | None = None
    input_schema: dict[str, Any] | None = None
    cache_control: dict[str, Any] | None = None


class ToolChoice(msgspec.Struct, frozen=True):
    """`tool_choice`."""

    type: str
    name: str | None = None
    disable_parallel_tool_use: bool = False


class Thinking(msgspec.Struct, frozen=True):
    """`thinking`."""

    type: str
    budget_tokens: int | None = None


class OutputConfig(msgspec.Struct, frozen=True):
    """`output_config`, with the schema of a structured output."""

    format: dict[str, Any] | None = None


class MessagesBody(msgspec.Struct, frozen=True, kw_only=True):
    """The whole request, as far as an answer depends on it. `max_tokens` is not needed to count."""

    model: str
    messages: list[Message]
    max_tokens: int | None = None
    system: str | list[Block] | None = None
    stream: bool | None = None
    stop_sequences: list[str] | None = None
    tools: list[ToolEntry] | None = None
    tool_choice: ToolChoice | None = None
    thinking: Thinking | None = None
    temperature: float | None = None
    top_p: float | None = None
    output_config: OutputConfig | None = None
    output_format: dict[str, Any] | None = None


def conversation_of(body: MessagesBody, *, counting: bool = False) -> Conversation:
    """Read a request. Raises InvalidBody where the real endpoint answers 400."""
    _check(body, counting=counting)
    turns: list[Turn] = [Turn(role="system", text=_text_of(body.system))] if body.system else []
    turns.extend(_turn(message) for message in body.messages)
    tools = tuple(
        Tool(name=entry.name, description=entry.description or "", parameters=entry.input_schema)
        for entry in body.tools or ()
        if entry.input_schema is not None
    )
    choice: Any = "auto"
    if body.tool_choice:
        choice = {"any": "required", "tool": "named", "none": "none"}.get(body.tool_choice.type, "auto")
    thinking = body.thinking is not None and body.thinking.type in ("enabled", "adaptive")
    wished = (body.thinking.budget_tokens if body.thinking else None) or THINKING_TOKENS_MAX
    form = (body.output_config.format if body.output_config else None) or body.output_format or {}
    key, tokens = _cached_prefix(body)
    return Conversation(
        model=body.model,
        turns=tuple(turns),
        tools=tools,
        tool_choice=choice,
        forced=(body.tool_choice.name or "",) if body.tool_choice and choice == "named" else (),
        parallel=not (body.tool_choice and body.tool_choice.disable_parallel_tool_use),
        schema=form.get("schema"),
        output_max=body.max_tokens,
        stop=tuple(body.stop_sequences or ()),
        reasoning_tokens=min(wished, THINKING_TOKENS_MAX) if thinking else 0,
        cache_key=key,
        cache_tokens=tokens,
    )


def answer(body: MessagesBody, reply: Reply) -> Planned:
    """Write a reply down, streamed if the request asks for it. Thinking counts as output there."""
    usage = msgspec.structs.replace(
        reply.usage, output=reply.usage.output + reply.usage.reasoning, reasoning=0
    )
    if body.stream:
        return events(_stream(reply, usage), usage=usage, model=reply.model)
    choice = reply.choices[0]
    content = _thinking_blocks(reply)
    if choice.calls:
        content.extend(_tool_use(call, call.value) for call in choice.calls)
    elif choice.tokens:
        content.append({"type": "text", "text": choice.text})
    value = {
        **_head(reply),
        "content": content,
        "stop_reason": _stop_reason(choice),
        "stop_sequence": choice.stopped_by,
        "usage": usage_block(usage),
    }
    return whole(value, usage=usage, model=reply.model)


def count(conversation: Conversation) -> Planned:
    """Answer how many tokens a request has."""
    return whole({"input_tokens": count_input(conversation)}, model=conversation.model)


def usage_block(usage: Usage) -> dict[str, Any]:
    """Write usage as Anthropic counts it: input without what was read from or written to the cache."""
    return {
        "input_tokens": usage.input,
        "cache_creation_input_tokens": usage.cache_write + usage.cache_write_1h,
        "cache_read_input_tokens": usage.cache_read,
        "cache_creation": {
            "ephemeral_5m_input_tokens": usage.cache_write,
            "ephemeral_1h_input_tokens": usage.cache_write_1h,
        },
        "output_tokens": usage.total_output,
        "service_tier": "standard",
    }


def _check(body: MessagesBody, *, counting: bool) -> None:
    if not counting:
        if body.max_tokens is None:
            raise InvalidBody("max_tokens: Field required", parameter="max_tokens")
        if body.max_tokens < 1:
            raise InvalidBody("max_tokens: Input should be greater than or equal to 1")
    if not body.messages:
        raise InvalidBody("messages: at least one message is required")
    if body.temperature is not None and not 0 <= body.temperature <= 1:
        raise InvalidBody("temperature: range: 0..1")
    if body.thinking and body.thinking.type == "enabled":
        budget = body.thinking.budget_tokens or 0
        if budget < 1024:
            raise InvalidBody("thinking.enabled.budget_tokens: Input should be greater than or equal to 1024")
        if not counting and budget >= (body.max_tokens or 0):
            raise InvalidBody("`max_tokens` must be greater than `thinking.budget_tokens`.")
        if body.tool_choice and body.tool_choice.type in ("any", "tool"):
            raise InvalidBody("Thinking may not be enabled when tool_choice forces tool use.")
    if body.tool_choice and body.tool_choice.type == "tool":
        name = body.tool_choice.name
        if name not in {entry.name for entry in body.tools or ()}:
            raise InvalidBody(f"Tool '{name}' not found in provided tools")
    _check_messages(body.messages)


def _check_messages(messages: list[Message]) -> None:
    waiting: set[str] = set()
    for place, message in enumerate(messages):
        if message.role not in ("user", "assistant"):
            raise InvalidBody(
                f"messages: Unexpected role \"{message.role}\". Allowed roles are 'user' or 'assistant'."
            )
        blocks = message.content if isinstance(message.content, list) else []
        if not message.content and not (message.role == "assistant" and place == len(messages) - 1):
            raise InvalidBody(f"messages.{place}: all messages must have non-empty content")
        if any(block.type == "text" and not block.text for block in blocks):
            raise InvalidBody("messages: text content blocks must be non-empty")
        answered = {block.tool_use_id or "" for block in blocks if block.type == "tool_result"}
        if waiting - answered:
            raise InvalidBody(
                f"messages.{place - 1}: `tool_use` ids were found without `tool_result` blocks immediately "
                f"after: {', '.join(sorted(waiting - answered))}. Each `tool_use` block must have a "
                "corresponding `tool_result` block in the next message."
            )
        if answered - waiting:
            raise InvalidBody(
                f"messages.{place}: unexpected `tool_use_id` found in `tool_result` blocks: "
                f"{', '.join(sorted(answered - waiting))}. Each `tool_result` block must have a "
                "corresponding `tool_use` block in the previous message."
            )
        waiting = {block.id or "" for block in blocks if block.type == "tool_use"}


def _turn(message: Message) -> Turn:
    blocks = message.content if isinstance(message.content, list) else []
    results = tuple(
        ToolResult(call_id=block.tool_use_id or "", text=_text_of(block.content))
        for block in blocks
        if block.type == "tool_result"
    )
    return Turn(
        role="assistant" if message.role == "assistant" else "user",
        text=_text_of(message.content),
        images=sum(1 for block in blocks if block.type == "image"),
        files=sum(1 for block in blocks if block.type == "document"),
        calls=tuple(
            f"{block.name}{msgspec.json.encode(block.input or {}).decode()}"
            for block in blocks
            if block.type == "tool_use"
        ),
        results=results,
    )


def _text_of(content: str | list[Block] | dict[str, Any] | None) -> str:
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    return " ".join(block.text for block in content if block.text)


def _cached_prefix(body: MessagesBody) -> tuple[str | None, int]:
    """Return what stands before the last cache mark of system and tools, and its tokens."""
    marked = 0
    so_far: list[str] = []
    for entry in body.tools or ():
        so_far.append(f"{entry.name} {entry.description} {entry.input_schema}")
        if entry.cache_control:
            marked = len(so_far)
    for blocks in [body.system, *[message.content for message in body.messages]]:
        for block in blocks if isinstance(blocks, list) else []:
            so_far.append(block.text or "")
            if block.cache_control:
                marked = len(so_far)
        if isinstance(blocks, str):
            so_far.append(blocks)
    if not marked:
        return None, 0
    prefix = " ".join(so_far[:marked])
    return prefix, count_tokens(prefix)


def _head(reply: Reply) -> dict[str, Any]:
    return {"id": f"msg_{reply.id[:24]}", "type": "message", "role": "assistant", "model": reply.model}


def _stop_reason(choice: Choice) -> str:
    if choice.finish == "stop":
        return "stop_sequence" if choice.stopped_by is not None else "end_turn"
    return {"length": "max_tokens", "tool": "tool_use"}[choice.finish]


def _tool_use(call: ToolCall, value: dict[str, Any]) -> dict[str, Any]:
    return {"type": "tool_use", "id": f"toolu_{call.id}", "name": call.name, "input": value}


def _signature(reply: Reply) -> str:
    return base64.b64encode(f"standin {reply.id}".encode()).decode()


def _thinking_blocks(reply: Reply) -> list[dict[str, Any]]:
    if not reply.thinking:
        return []
    return [{"type": "thinking", "thinking": "".join(reply.thinking), "signature": _signature(reply)}]


def _stream(reply: Reply, usage: Usage) -> Iterator[Piece]:
    choice = reply.choices[0]
    first = {**usage_block(usage), "output_tokens": min(1, usage.total_output)}
    message: dict[str, Any] = {
        **_head(reply),
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": first,
    }
    yield _event("message_start", {"message": message})
    yield _event("ping", {})
    place = 0
    if reply.thinking:
        block = {"type": "thinking", "thinking": "", "signature": ""}
        deltas = [({"type": "thinking_delta", "thinking": token}, 1) for token in reply.thinking]
        deltas.append(({"type": "signature_delta", "signature": _signature(reply)}, 0))
        yield from _block(place, block, deltas)
        place += 1
    if choice.calls:
        for call in choice.calls:
            parts = fragments(call.arguments) if call.value else []
            deltas = [({"type": "input_json_delta", "partial_json": part}, 3) for part in ["", *parts]]
            yield from _block(place, _tool_use(call, {}), deltas)
            place += 1
    elif choice.tokens:
        deltas = [({"type": "text_delta", "text": token}, 1) for token in choice.tokens]
        yield from _block(place, {"type": "text", "text": ""}, deltas)
    end = {"stop_reason": _stop_reason(choice), "stop_sequence": choice.stopped_by}
    sums = {
        "input_tokens": usage.input,
        "cache_creation_input_tokens": usage.cache_write + usage.cache_write_1h,
        "cache_read_input_tokens": usage.cache_read,
        "output_tokens": usage.total_output,
    }
    yield _event("message_delta", {"delta": end, "usage": sums})
    yield _event("message_stop", {})


def _block(place: int, opened: dict[str, Any], deltas: list[tuple[dict[str, str], int]]) -> Iterator[Piece]:
    yield _event("content_block_start", {"index": place, "content_block": opened})
    for delta, tokens in deltas:
        yield _event("content_block_delta", {"index": place, "delta": delta}, tokens)
    yield _event("content_block_stop", {"index": place})


def _event(name: str, value: dict[str, Any], tokens: int = 0) -> Piece:
    return named_event(name, {"type": name, **value}, tokens)

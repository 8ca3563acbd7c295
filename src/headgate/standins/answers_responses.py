"""OpenAI Responses: the request to a conversation, and a reply to the answer's bytes. Pure.

Source: OpenAI API reference, "Create a model response" and "Streaming events". Keeps no state: what
`previous_response_id` names is not remembered, and tools of the provider's own are not run.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from headgate.core.call import Usage
from headgate.standins.answers_openai_chat import (
    CREATED,
    EFFORT_TOKENS,
    call_id,
    check_ranges,
    fragments,
)
from headgate.standins.answers_reply import count_input
from headgate.standins.conversation import (
    Choice,
    Conversation,
    InvalidBody,
    Reply,
    Tool,
    ToolResult,
    Turn,
)
from headgate.standins.planned import Piece, Planned, events, named_event, whole


class InputPart(msgspec.Struct, frozen=True):
    """One part of an item's content."""

    type: str
    text: str | None = None
    refusal: str | None = None


class InputItem(msgspec.Struct, frozen=True):
    """One item of the input; a message where `type` is absent."""

    type: str = "message"
    role: str | None = None
    content: str | list[InputPart] | None = None
    call_id: str | None = None
    name: str | None = None
    arguments: str | None = None
    output: str | list[InputPart] | None = None


class ToolEntry(msgspec.Struct, frozen=True):
    """One entry of `tools`: a function, or a tool of the provider's own."""

    type: str
    name: str | None = None
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class ToolChoice(msgspec.Struct, frozen=True):
    """A forced `tool_choice`."""

    type: str
    name: str | None = None


class TextFormat(msgspec.Struct, frozen=True):
    """`text.format`."""

    type: str
    name: str | None = None
    schema: dict[str, Any] | None = None
    strict: bool | None = None


class TextOptions(msgspec.Struct, frozen=True):
    """`text`."""

    format: TextFormat | None = None


class Reasoning(msgspec.Struct, frozen=True):
    """`reasoning`."""

    effort: str | None = None
    summary: str | None = None


class ResponsesBody(msgspec.Struct, frozen=True, kw_only=True):
    """The whole request, as far as an answer depends on it."""

    model: str
    input: str | list[InputItem] = ""
    instructions: str | None = None
    stream: bool | None = None
    max_output_tokens: int | None = None
    tools: list[ToolEntry] | None = None
    tool_choice: str | ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    text: TextOptions | None = None
    reasoning: Reasoning | None = None
    temperature: float | None = None
    top_p: float | None = None
    prompt_cache_key: str | None = None
    previous_response_id: str | None = None
    metadata: dict[str, str] | None = None
    store: bool | None = None


def conversation_of(body: ResponsesBody) -> Conversation:
    """Read a request. Raises InvalidBody where the real endpoint answers 400."""
    turns: list[Turn] = [Turn(role="system", text=body.instructions)] if body.instructions else []
    if isinstance(body.input, str):
        turns.append(Turn(role="user", text=body.input))
    else:
        turns.extend(_turn(item) for item in body.input)
    if not body.input:
        raise InvalidBody(
            "Missing required parameter: 'input'.", parameter="input", code="missing_required_parameter"
        )
    check_ranges(
        {
            "max_output_tokens": (body.max_output_tokens, 16, 10**9),
            "temperature": (body.temperature, 0, 2),
            "top_p": (body.top_p, 0, 1),
        }
    )
    _check_results(body.input)
    tools = tuple(
        Tool(name=entry.name, description=entry.description or "", parameters=entry.parameters or {})
        for entry in body.tools or ()
        if entry.type == "function" and entry.name
    )
    choice: Any = body.tool_choice or "auto"
    forced: tuple[str, ...] = ()
    if isinstance(choice, ToolChoice):
        forced = (choice.name or "",)
        choice = "named"
    form = body.text.format if body.text else None
    effort = (body.reasoning.effort if body.reasoning else None) or "none"
    return Conversation(
        model=body.model,
        turns=tuple(turns),
        tools=tools,
        tool_choice=choice,
        forced=forced,
        parallel=body.parallel_tool_calls is not False,
        schema=form.schema if form and form.type == "json_schema" else None,
        any_json=form is not None and form.type == "json_object",
        output_max=body.max_output_tokens,
        reasoning_tokens=EFFORT_TOKENS.get(effort, 0),
        cache_key=body.prompt_cache_key,
    )


def answer(body: ResponsesBody, reply: Reply) -> Planned:
    """Write a reply down, streamed if the request asks for it."""
    if body.stream:
        return events(_stream(body, reply), usage=reply.usage, model=reply.model)
    choice = reply.choices[0]
    value = _response(body, reply, _status(choice), _items(reply, choice))
    return whole(value, usage=reply.usage, model=reply.model)


def count(conversation: Conversation) -> Planned:
    """Answer how many tokens a request has."""
    counted = {"object": "response.input_tokens", "input_tokens": count_input(conversation)}
    return whole(counted, model=conversation.model)


def usage_block(usage: Usage) -> dict[str, Any]:
    """Write usage as the Responses API counts it."""
    return {
        "input_tokens": usage.total_input,
        "input_tokens_details": {"cached_tokens": usage.cache_read},
        "output_tokens": usage.total_output,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.total,
    }


def _turn(item: InputItem) -> Turn:
    if item.type == "function_call":
        return Turn(role="assistant", calls=(f"{item.name or ''}{item.arguments or ''}",))
    if item.type == "function_call_output":
        result = ToolResult(call_id=item.call_id or "", text=_text_of(item.output))
        return Turn(role="tool", results=(result,))
    if item.type != "message":
        return Turn(role="assistant")
    parts = item.content if isinstance(item.content, list) else []
    role = item.role or "user"
    if role not in ("user", "assistant", "system", "developer"):
        raise InvalidBody(
            f"Invalid value: '{role}'. Supported values are: 'assistant', 'system', 'developer', and 'user'.",
            parameter="input",
            code="invalid_value",
        )
    return Turn(
        role="system" if role in ("system", "developer") else "user" if role == "user" else "assistant",
        text=_text_of(item.content),
        images=sum(1 for part in parts if part.type == "input_image"),
        audio=sum(1 for part in parts if part.type == "input_audio"),
        files=sum(1 for part in parts if part.type == "input_file"),
    )


def _text_of(content: str | list[InputPart] | None) -> str:
    if content is None or isinstance(content, str):
        return content or ""
    return " ".join(part.text for part in content if part.text)


def _check_results(items: str | list[InputItem]) -> None:
    called: set[str | None] = set()
    for item in items if isinstance(items, list) else ():
        if item.type == "function_call":
            called.add(item.call_id)
        if item.type == "function_call_output" and item.call_id not in called:
            raise InvalidBody(
                f"No tool call found for function call output with call_id {item.call_id}.", parameter="input"
            )


def _status(choice: Choice) -> str:
    return "incomplete" if choice.finish == "length" else "completed"


def _items(reply: Reply, choice: Choice) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    if reply.thinking:
        items.append({"id": f"rs_{reply.id}", "type": "reasoning", "summary": []})
    if choice.calls:
        items.extend(
            {
                "id": f"fc_{call.id}",
                "type": "function_call",
                "status": "completed",
                "call_id": call_id(call),
                "name": call.name,
                "arguments": call.arguments,
            }
            for call in choice.calls
        )
        return items
    items.append(_message(reply, choice.text, _status(choice)))
    return items


def _message(reply: Reply, text: str, status: str) -> dict[str, Any]:
    return {
        "id": f"msg_{reply.id}",
        "type": "message",
        "status": status,
        "role": "assistant",
        "content": [_text_part(text)],
    }


def _text_part(text: str) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _response(body: ResponsesBody, reply: Reply, status: str, output: list[dict[str, Any]]) -> dict[str, Any]:
    done = status != "in_progress"
    form = msgspec.to_builtins(body.text.format) if body.text and body.text.format else {"type": "text"}
    return {
        "id": f"resp_{reply.id}",
        "object": "response",
        "created_at": CREATED,
        "status": status,
        "background": False,
        "error": None,
        "incomplete_details": {"reason": "max_output_tokens"} if status == "incomplete" else None,
        "instructions": body.instructions,
        "max_output_tokens": body.max_output_tokens,
        "model": reply.model,
        "output": output,
        "parallel_tool_calls": body.parallel_tool_calls is not False,
        "previous_response_id": body.previous_response_id,
        "reasoning": {"effort": body.reasoning.effort if body.reasoning else None, "summary": None},
        "service_tier": "default" if done else "auto",
        "store": body.store is not False,
        "temperature": 1.0 if body.temperature is None else body.temperature,
        "text": {"format": form, "verbosity": "medium"},
        "tool_choice": msgspec.to_builtins(body.tool_choice or "auto"),
        "tools": [_tool(entry) for entry in body.tools or ()],
        "top_p": 1.0 if body.top_p is None else body.top_p,
        "truncation": "disabled",
        "usage": usage_block(reply.usage) if done else None,
        "user": None,
        "metadata": body.metadata or {},
    }


def _tool(entry: ToolEntry) -> dict[str, Any]:
    if entry.type != "function":
        return {"type": entry.type}
    return {
        "type": "function",
        "name": entry.name,
        "description": entry.description,
        "parameters": entry.parameters,
        "strict": entry.strict is not False,
    }


def _stream(body: ResponsesBody, reply: Reply) -> Iterator[Piece]:
    for number, (kind, value, tokens) in enumerate(_events(body, reply, reply.choices[0])):
        yield named_event(kind, {"type": kind, "sequence_number": number, **value}, tokens)


_Event = tuple[str, dict[str, Any], int]


def _events(body: ResponsesBody, reply: Reply, choice: Choice) -> Iterator[_Event]:
    begun = _response(body, reply, "in_progress", [])
    yield "response.created", {"response": begun}, 0
    yield "response.in_progress", {"response": begun}, 0
    items = _items(reply, choice)
    for place, item in enumerate(items):
        match item["type"]:
            case "message":
                yield from _message_events(reply, choice, item, place)
            case "function_call":
                yield from _call_events(item, place)
            case _:
                yield "response.output_item.added", {"output_index": place, "item": item}, 0
                yield (
                    "response.output_item.done",
                    {"output_index": place, "item": item},
                    len(reply.thinking),
                )
    status = _status(choice)
    yield f"response.{status}", {"response": _response(body, reply, status, items)}, 0


def _message_events(reply: Reply, choice: Choice, item: dict[str, Any], place: int) -> Iterator[_Event]:
    where: dict[str, Any] = {"item_id": item["id"], "output_index": place, "content_index": 0}
    opened: dict[str, Any] = {**item, "status": "in_progress", "content": []}
    yield "response.output_item.added", {"output_index": place, "item": opened}, 0
    yield "response.content_part.added", {**where, "part": _text_part("")}, 0
    for token in choice.tokens:
        yield "response.output_text.delta", {**where, "delta": token, "logprobs": []}, 1
    yield "response.output_text.done", {**where, "text": choice.text, "logprobs": []}, 0
    yield "response.content_part.done", {**where, "part": _text_part(choice.text)}, 0
    yield "response.output_item.done", {"output_index": place, "item": item}, 0


def _call_events(item: dict[str, Any], place: int) -> Iterator[_Event]:
    where: dict[str, Any] = {"item_id": item["id"], "output_index": place}
    opened = {**item, "status": "in_progress", "arguments": ""}
    yield "response.output_item.added", {"output_index": place, "item": opened}, 1
    for fragment in fragments(item["arguments"]):
        yield "response.function_call_arguments.delta", {**where, "delta": fragment}, 3
    done = {**where, "name": item["name"], "arguments": item["arguments"]}
    yield "response.function_call_arguments.done", done, 0
    yield "response.output_item.done", {"output_index": place, "item": item}, 0

"""OpenAI Chat Completions: the request to a conversation, and a reply to the answer's bytes. Pure.

Source: OpenAI API reference, "Create chat completion" and "Streaming". With `include_usage` every chunk
carries `"usage":null`, and a last one with no choices the usage, as the real endpoint does it.
"""

import re
from collections.abc import Iterator
from typing import Any

from headgate.core.call import Usage
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
from headgate.standins.openai_chat_body import ChatBody, Message, ResponseFormat, ToolChoice
from headgate.standins.planned import Piece, Planned, data_event, events, whole

CREATED = 1_767_225_600
"""The time that answers carry: fixed, so that equal requests have equal answers."""

CHOICES_MAX = 16

FINGERPRINT = "fp_standin"

EFFORT_TOKENS = {"none": 0, "minimal": 0, "low": 16, "medium": 48, "high": 128, "xhigh": 256}

DONE = Piece(b"data: [DONE]\n\n")

_ROLES = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
    "function": "tool",
}
_TOOL_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


def conversation_of(body: ChatBody) -> Conversation:
    """Read a request. Raises InvalidBody where the real endpoint answers 400."""
    _check(body)
    tools = tuple(
        Tool(
            name=entry.function.name,
            description=entry.function.description or "",
            parameters=entry.function.parameters or {},
        )
        for entry in body.tools or ()
        if entry.function is not None
    )
    choice, forced = _tool_choice(body.tool_choice, tools)
    schema, any_json = _format(body.response_format, body.messages)
    limit = body.max_completion_tokens if body.max_completion_tokens is not None else body.max_tokens
    return Conversation(
        model=body.model,
        turns=tuple(_turn(message) for message in body.messages),
        tools=tools,
        tool_choice=choice,
        forced=forced,
        parallel=body.parallel_tool_calls is not False,
        schema=schema,
        any_json=any_json,
        output_max=limit,
        stop=stop_list(body.stop),
        choices=body.n or 1,
        seed=body.seed or 0,
        reasoning_tokens=EFFORT_TOKENS.get(body.reasoning_effort or "none", 0),
        cache_key=body.prompt_cache_key,
    )


def stop_list(stop: str | list[str] | None) -> tuple[str, ...]:
    """Return the stop sequences as a tuple."""
    if stop is None:
        return ()
    return (stop,) if isinstance(stop, str) else tuple(stop)


def answer(body: ChatBody, reply: Reply) -> Planned:
    """Write a reply down, streamed if the request asks for it."""
    if body.stream:
        return events(_stream(body, reply), usage=reply.usage, model=reply.model)
    value = {
        "id": f"chatcmpl-{reply.id}",
        "object": "chat.completion",
        "created": CREATED,
        "model": reply.model,
        "choices": [_whole_choice(body, choice, place) for place, choice in enumerate(reply.choices)],
        "usage": usage_block(reply.usage),
        "service_tier": "default",
        "system_fingerprint": FINGERPRINT,
    }
    return whole(value, usage=reply.usage, model=reply.model)


def usage_block(usage: Usage) -> dict[str, Any]:
    """Write usage as OpenAI counts it: cached tokens within the prompt's, reasoning within the output's."""
    return {
        "prompt_tokens": usage.total_input,
        "completion_tokens": usage.total_output,
        "total_tokens": usage.total,
        "prompt_tokens_details": {"cached_tokens": usage.cache_read, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": usage.reasoning,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def check_ranges(numbers: dict[str, tuple[float | None, float, float]]) -> None:
    """Refuse a number outside its range: {name: (value, least, most)}. Raises InvalidBody."""
    for name, (value, least, most) in numbers.items():
        if value is not None and not least <= value <= most:
            raise InvalidBody(
                f"Invalid '{name}': {value} is out of range. Expected a value between {least} and {most}.",
                parameter=name,
                code="integer_below_min_value" if value < least else "integer_above_max_value",
            )


def _check(body: ChatBody) -> None:
    if not body.messages:
        raise InvalidBody(
            "Invalid 'messages': empty array. Expected an array with minimum length 1.",
            parameter="messages",
            code="empty_array",
        )
    check_ranges(
        {
            "max_tokens": (body.max_tokens, 1, 10**9),
            "max_completion_tokens": (body.max_completion_tokens, 1, 10**9),
            "n": (body.n, 1, CHOICES_MAX),
            "temperature": (body.temperature, 0, 2),
            "top_p": (body.top_p, 0, 1),
            "top_logprobs": (body.top_logprobs, 0, 20),
        }
    )
    if len(stop_list(body.stop)) > 4:
        raise InvalidBody("Invalid 'stop': array too long. Expected at most 4 sequences.", parameter="stop")
    if body.stream_options is not None and not body.stream:
        raise InvalidBody(
            "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
            parameter="stream_options",
        )
    for place, entry in enumerate(body.tools or ()):
        if entry.type == "function" and (
            entry.function is None or not _TOOL_NAME.fullmatch(entry.function.name)
        ):
            raise InvalidBody(
                f"Invalid 'tools[{place}].function.name': expected a name of the characters a-z, A-Z, 0-9, "
                "underscore and dash, of at most 64 characters.",
                parameter=f"tools[{place}].function.name",
                code="invalid_value",
            )
    _check_order(body.messages)


def _check_order(messages: list[Message]) -> None:
    """Refuse tool messages that answer no call, and calls that no tool message answers."""
    waiting: set[str] = set()
    called: set[str] = set()
    for place, message in enumerate(messages):
        if message.role not in _ROLES:
            raise InvalidBody(
                f"Invalid value: '{message.role}'. Supported values are: 'system', 'assistant', 'user', "
                "'function', 'tool', and 'developer'.",
                parameter=f"messages[{place}].role",
                code="invalid_value",
            )
        if message.role == "tool":
            if message.tool_call_id not in called:
                raise InvalidBody(
                    "Invalid parameter: messages with role 'tool' must be a response to a preceding message "
                    "with 'tool_calls'.",
                    parameter=f"messages.[{place}].role",
                )
            waiting.discard(message.tool_call_id or "")
            continue
        if waiting:
            _refuse_unanswered(waiting, place)
        if message.role == "assistant" and message.tool_calls:
            waiting = {call.id for call in message.tool_calls}
            called |= waiting
    if waiting:
        _refuse_unanswered(waiting, len(messages) - 1)


def _refuse_unanswered(waiting: set[str], place: int) -> None:
    names = ", ".join(sorted(waiting))
    raise InvalidBody(
        "An assistant message with 'tool_calls' must be followed by tool messages responding to each "
        f"'tool_call_id'. The following tool_call_ids did not have response messages: {names}",
        parameter=f"messages.[{place}].role",
    )


def _turn(message: Message) -> Turn:
    parts = message.content if isinstance(message.content, list) else []
    text = message.content if isinstance(message.content, str) else " ".join(p.text for p in parts if p.text)
    role = _ROLES[message.role]
    if role == "tool":
        result = ToolResult(call_id=message.tool_call_id or "", text=text)
        return Turn(role="tool", results=(result,))
    return Turn(
        role="system" if role == "system" else "user" if role == "user" else "assistant",
        text=text,
        images=sum(1 for part in parts if part.type == "image_url"),
        audio=sum(1 for part in parts if part.type == "input_audio"),
        files=sum(1 for part in parts if part.type == "file"),
        calls=tuple(
            call.function.name + call.function.arguments for call in message.tool_calls or () if call.function
        ),
    )


def _tool_choice(choice: str | ToolChoice | None, tools: tuple[Tool, ...]) -> tuple[Any, tuple[str, ...]]:
    if isinstance(choice, ToolChoice):
        name = choice.function.name if choice.function else ""
        if name not in {tool.name for tool in tools}:
            raise InvalidBody(
                f"Invalid value for 'tool_choice': no function named '{name}' was specified in the 'tools' "
                "parameter.",
                parameter="tool_choice",
            )
        return "named", (name,)
    if choice is not None and choice not in ("auto", "none", "required"):
        raise InvalidBody(
            f"Invalid value: '{choice}'. Supported values are: 'none', 'auto', and 'required'.",
            parameter="tool_choice",
            code="invalid_value",
        )
    if choice is not None and not tools:
        raise InvalidBody(
            "Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' are specified.",
            parameter="tool_choice",
        )
    return choice or "auto", ()


def _format(form: ResponseFormat | None, messages: list[Message]) -> tuple[dict[str, Any] | None, bool]:
    if form is None or form.type == "text":
        return None, False
    if form.type == "json_schema":
        if form.json_schema is None:
            raise InvalidBody(
                "Missing required parameter: 'response_format.json_schema'.",
                parameter="response_format.json_schema",
                code="missing_required_parameter",
            )
        return form.json_schema.schema or {"type": "object"}, False
    if form.type != "json_object":
        raise InvalidBody(
            f"Invalid value: '{form.type}'. Supported values are: 'json_object', 'json_schema', and 'text'.",
            parameter="response_format.type",
            code="invalid_value",
        )
    if not any("json" in _turn(message).text.lower() for message in messages):
        raise InvalidBody(
            "'messages' must contain the word 'json' in some form, to use 'response_format' of type "
            "'json_object'.",
            parameter="messages",
        )
    return None, True


def _finish(choice: Choice) -> str:
    return {"stop": "stop", "length": "length", "tool": "tool_calls"}[choice.finish]


def _whole_choice(body: ChatBody, choice: Choice, place: int) -> dict[str, Any]:
    message: dict[str, Any] = {
        "role": "assistant",
        "content": None if choice.calls else choice.text,
        "refusal": None,
        "annotations": [],
    }
    if choice.calls:
        message["tool_calls"] = [
            {
                "id": call_id(call),
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in choice.calls
        ]
    logprobs = (
        {"content": [_logprob(t, body) for t in choice.tokens], "refusal": None} if body.logprobs else None
    )
    return {"index": place, "message": message, "logprobs": logprobs, "finish_reason": _finish(choice)}


def call_id(call: ToolCall) -> str:
    """Return a call's id in OpenAI's form."""
    return f"call_{call.id}"


def _logprob(token: str, body: ChatBody) -> dict[str, Any]:
    value = -0.01 * (1 + len(token) % 7)
    entry: dict[str, Any] = {"token": token, "logprob": value, "bytes": list(token.encode())}
    others = [
        {**entry, "logprob": value - rank, "token": token + "'" * rank}
        for rank in range(body.top_logprobs or 0)
    ]
    return {**entry, "top_logprobs": others}


def _stream(body: ChatBody, reply: Reply) -> Iterator[Piece]:
    asked = body.stream_options is not None and body.stream_options.include_usage is True
    head: dict[str, Any] = {
        "id": f"chatcmpl-{reply.id}",
        "object": "chat.completion.chunk",
        "created": CREATED,
        "model": reply.model,
        "service_tier": "default",
        "system_fingerprint": FINGERPRINT,
    }
    tail: dict[str, Any] = {"usage": None} if asked else {}
    for place, choice in enumerate(reply.choices):
        for delta, logprobs, tokens in _deltas(body, choice):
            entry = {"index": place, "delta": delta, "logprobs": logprobs, "finish_reason": None}
            yield data_event({**head, "choices": [entry], **tail}, tokens)
        end: dict[str, Any] = {
            "index": place,
            "delta": {},
            "logprobs": None,
            "finish_reason": _finish(choice),
        }
        yield data_event({**head, "choices": [end], **tail})
    if asked:
        yield data_event({**head, "choices": [], "usage": usage_block(reply.usage)})
    yield DONE


def _deltas(body: ChatBody, choice: Choice) -> Iterator[tuple[dict[str, Any], Any, int]]:
    if not choice.calls:
        yield {"role": "assistant", "content": "", "refusal": None}, None, 0
        for token in choice.tokens:
            logprobs = {"content": [_logprob(token, body)], "refusal": None} if body.logprobs else None
            yield {"content": token}, logprobs, 1
        return
    yield {"role": "assistant", "content": None, "refusal": None}, None, 0
    for place, call in enumerate(choice.calls):
        opening = {"name": call.name, "arguments": ""}
        entry = {"index": place, "id": call_id(call), "type": "function", "function": opening}
        yield {"tool_calls": [entry]}, None, 1
        for fragment in fragments(call.arguments):
            yield {"tool_calls": [{"index": place, "function": {"arguments": fragment}}]}, None, 3


def fragments(arguments: str, length: int = 12) -> list[str]:
    """Cut JSON text into the pieces that it is streamed in."""
    return [arguments[place : place + length] for place in range(0, len(arguments), length)]

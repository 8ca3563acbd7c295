"""Calls of the Responses API, read and written. Pure; never decides what becomes of a change.

`input` is a message for each item, `instructions` the first message of all, which its shape tells apart.
State that the provider holds (`previous_response_id`, `conversation`) stays a native member: no other
provider has it. Source: OpenAI API reference, Responses: create. Read next: `items`, `conversation`,
`tools`.
"""

from typing import Final, cast

import msgspec

from headgate.core.chat import ChatCall, Fields, Message, Native, Reasoning, Sampling, Text
from headgate.core.faults import InvalidRequest
from headgate.core.quirks import Quirks
from headgate.wire.dialects import sampling
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.fields import Taking, decode, objects_in
from headgate.wire.dialects.openai_responses import tools
from headgate.wire.dialects.openai_responses.conversation import (
    INPUT,
    INSTRUCTIONS,
    own_items,
    put_back,
    written_items,
)
from headgate.wire.dialects.openai_responses.items import Item, read_item
from headgate.wire.dialects.openai_responses.spelling import OWN, restored, words_of
from headgate.wire.dialects.turns import OPENAI, arranged, chosen, declared, parallel

_SAMPLING: Final = frozenset({"temperature", "top_p", "logprobs", "top_logprobs"})
_LOGPROBS: Final = "message.output_text.logprobs"
_ENCRYPTED: Final = "reasoning.encrypted_content"
_TIERS: Final = frozenset({"auto", "default", "flex", "scale", "priority"})

_SHARED_WITH_CHAT: Final = frozenset(
    [
        "metadata",
        "moderation",
        "prompt_cache_key",
        "prompt_cache_options",
        "prompt_cache_retention",
        "safety_identifier",
        "store",
    ]
)

_ENCODE: Final = msgspec.json.Encoder().encode


def read_call(body: bytes, *, model: str | None = None, stream: bool | None = None) -> ChatCall:
    """Read a client's call. Raises InvalidRequest, naming the member."""
    try:
        value = decode(body)
    except ValueError as error:
        raise InvalidRequest(f"the body is no JSON: {error}") from None
    if not isinstance(value, dict):
        raise InvalidRequest("the body has to be a JSON object")
    taking = Taking(cast("Fields", value))
    words: list[str] = []
    named = taking.text("model")
    name = model if model is not None else named
    if name is None:
        raise InvalidRequest("model has to be a string", parameter="model")
    messages = _messages(taking)
    found, is_listed = _tools(taking, words)
    streams = taking.flag("stream")
    if streams is False:
        words.append("whole")
    if taking.left.get("background") is False:
        del taking.left["background"]
        words.append("foreground")
    choice = tools.read_choice(taking.left.get("tool_choice"))
    if choice is not None:
        del taking.left["tool_choice"]
    return ChatCall(
        dialect=OWN,
        model=name,
        messages=messages,
        tools=found if is_listed else (),
        tool_choice=choice,
        parallel_tools=taking.flag("parallel_tool_calls"),
        output=tools.take_output(taking),
        sampling=_sampling(taking),
        thinking=tools.take_thinking(taking),
        max_output=taking.whole("max_output_tokens"),
        stream=bool(streams) if stream is None else stream,
        user=taking.text("user"),
        service_tier=taking.text("service_tier"),
        native=taking.native(OWN, " ".join(words)),
    )


def _messages(taking: Taking) -> tuple[Message, ...]:
    messages: list[Message] = []
    instructions = taking.text("instructions")
    if instructions is not None:
        native = Native(dialect=OWN, shape=INSTRUCTIONS)
        messages.append(Message(role="system", parts=(Text(text=instructions),), native=native))
    said = taking.left.get("input")
    if isinstance(said, str):
        del taking.left["input"]
        native = Native(dialect=OWN, shape=INPUT)
        messages.append(Message(role="user", parts=(Text(text=said),), native=native))
    elif said is not None:
        values = objects_in(said)
        if values is None:
            raise InvalidRequest("input has to be a string or a list of objects", parameter="input")
        if values:
            del taking.left["input"]
            read = [read_item(one) for one in values]
            messages.extend(put_back([(one, _message(one)) for one in read]))
    return tuple(messages)


def _message(item: Item) -> Message:
    shape = " ".join(item.words)
    native = Native(dialect=OWN, fields=item.left, shape=shape) if item.left or shape else None
    return Message(role=item.role, parts=item.parts, native=native)


def _tools(taking: Taking, words: list[str]) -> tuple[tuple[tools.Tool, ...], bool]:
    found = taking.objects("tools")
    if found is None:
        return (), False
    if not found:
        words.append("tools")
    return tuple(tools.read_tool(one) for one in found), True


def _sampling(taking: Taking) -> Sampling:
    include = taking.left.get("include")
    wanted = isinstance(include, list) and _LOGPROBS in cast("list[object]", include)
    return Sampling(
        temperature=taking.number("temperature"),
        top_p=taking.number("top_p"),
        logprobs=True if wanted else None,
        top_logprobs=taking.whole("top_logprobs"),
    )


def write_call(call: ChatCall, quirks: Quirks, changes: Changes) -> bytes:
    """Write a call for a target."""
    fields: Fields = {"model": call.model}
    if call.dialect == OWN:
        _write_own(fields, call, quirks, changes)
    else:
        _write_foreign(fields, call, quirks, changes)
    if call.max_output is not None:
        fields["max_output_tokens"] = call.max_output
    reasoning = tools.write_thinking(call, quirks, changes)
    if reasoning is not None:
        fields["reasoning"] = reasoning
    if call.user is not None:
        if call.dialect in OPENAI:
            fields["user"] = call.user
        else:
            changes.lose("user", "it is for the provider that it was written for")
    words = words_of(call.native)
    if call.stream or "whole" in words:
        fields["stream"] = call.stream
    _put_native(fields, call, changes)
    try:
        return _ENCODE(fields)
    except RecursionError:
        raise InvalidRequest("the body is nested too deeply") from None


def _put_native(fields: Fields, call: ChatCall, changes: Changes) -> None:
    native = call.native
    if native is None:
        return
    if native.dialect == "openai-chat":
        native = _kept_of_chat(fields, native)
    text, own = fields.get("text"), native.fields.get("text")
    restored(fields, native, changes, "")
    if native.dialect == OWN and isinstance(text, dict) and isinstance(own, dict):
        fields["text"] = {**cast("Fields", text), **cast("Fields", own)}


def _kept_of_chat(fields: Fields, native: Native) -> Native:
    """Write the members that OpenAI's chat has with the same meaning; return the rest."""
    rest: Fields = {}
    for name, value in native.fields.items():
        if value is not None and name in _SHARED_WITH_CHAT:
            fields[name] = value
        elif name == "verbosity" and isinstance(value, str):
            fields["text"] = {**cast("Fields", fields.get("text") or {}), "verbosity": value}
        else:
            rest[name] = value
    return msgspec.structs.replace(native, fields=rest)


def _write_own(fields: Fields, call: ChatCall, quirks: Quirks, changes: Changes) -> None:
    words = words_of(call.native)
    messages = list(call.messages)
    if messages and INSTRUCTIONS in words_of(messages[0].native):
        first = messages.pop(0).parts[0]
        if isinstance(first, Text):
            fields["instructions"] = first.text
    if (
        len(messages) == 1
        and INPUT in words_of(messages[0].native)
        and isinstance(text := messages[0].parts[0], Text)
    ):
        fields["input"] = text.text
    elif messages:
        fields["input"] = own_items(messages, quirks, changes)
    if call.tools or "tools" in words:
        fields["tools"] = tools.write_tools(call.tools, quirks, changes)
    if call.tool_choice is not None:
        fields["tool_choice"] = tools.write_choice(call.tool_choice, changes)
    if call.parallel_tools is not None:
        fields["parallel_tool_calls"] = call.parallel_tools
    if call.output is not None:
        fields["text"] = {"format": tools.write_output(call.output, quirks, changes)}
    asked = call.sampling
    for name in ("temperature", "top_p", "top_logprobs"):
        value = getattr(asked, name)
        if value is not None:
            fields[name] = value
    if call.service_tier is not None:
        fields["service_tier"] = call.service_tier
    if "foreground" in words:
        fields["background"] = False


def _write_foreign(fields: Fields, call: ChatCall, quirks: Quirks, changes: Changes) -> None:
    messages = list(arranged(call, quirks, changes, own=OWN))
    if messages and messages[0].role in ("system", "developer") and len(messages) > 1:
        text = _instructions(messages[0])
        if text is not None:
            fields["instructions"] = text
            messages.pop(0)
    items = written_items(messages, changes)
    if tools.wants_json_named(call, messages):
        items.append({"type": "message", "role": "developer", "content": tools.JSON_WANTED})
        changes.note("text.format", "OpenAI wants JSON named in a message: one that asks for it is added")
    fields["input"] = items
    found = declared(call, quirks, changes)
    written = tools.write_tools(found, quirks, changes)
    if written:
        fields["tools"] = written
    choice = chosen(call, quirks, changes)
    if choice is not None and written:
        fields["tool_choice"] = tools.write_choice(choice, changes)
    several = parallel(call, quirks, changes)
    if several is not None:
        fields["parallel_tool_calls"] = several
    if call.output is not None:
        fields["text"] = {"format": tools.write_output(call.output, quirks, changes)}
    include = _write_sampling(fields, call, quirks, changes)
    if _thinks(call, messages, quirks):
        include.append(_ENCRYPTED)
    if include:
        fields["include"] = include
    # Whoever speaks another dialect never asks for what Responses keeps.
    fields["store"] = False
    if call.service_tier is not None:
        if call.service_tier in _TIERS:
            fields["service_tier"] = call.service_tier
        else:
            changes.lose("service_tier", f"Responses has no tier {call.service_tier!r}")


def _instructions(message: Message) -> str | None:
    if len(message.parts) != 1 or not isinstance(part := message.parts[0], Text):
        return None
    return part.text if part.cache is None and message.name is None else None


def _write_sampling(fields: Fields, call: ChatCall, quirks: Quirks, changes: Changes) -> list[str]:
    kept = sampling.taken(call.sampling, quirks, _SAMPLING, changes, {})
    if kept.temperature is not None:
        fields["temperature"] = kept.temperature
    if kept.top_p is not None:
        fields["top_p"] = kept.top_p
    if kept.top_logprobs is not None:
        fields["top_logprobs"] = kept.top_logprobs
    return [_LOGPROBS] if kept.logprobs else []


def _thinks(call: ChatCall, messages: list[Message], quirks: Quirks) -> bool:
    """Whether encrypted reasoning may come, to be given back with the next turn (35)."""
    if quirks.thinking == "none":
        return False
    asked = call.thinking
    is_asked = asked is not None and asked.effort != "none" and asked.budget_tokens != 0
    return (
        is_asked
        or quirks.thinks_unasked
        or quirks.wants_reasoning_back
        or any(isinstance(part, Reasoning) for message in messages for part in message.parts)
    )

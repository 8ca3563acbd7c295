"""Cohere's chat call, read and written. Pure.

Documents, citation options and safety modes have no word: they stay as they came. Source: Cohere API
reference (chat, version 2). Read next: `parts_out`, `settings`, `wire.dialects.turns`.
"""

from collections.abc import Iterable
from typing import Final, cast

import msgspec

from headgate.core.chat import ChatCall, Fields, Message, Part, ToolResult
from headgate.core.faults import InvalidRequest
from headgate.core.quirks import Quirks
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.cohere.parts_in import OWN, take_content, take_said
from headgate.wire.dialects.cohere.parts_out import Writing, put_content, put_said
from headgate.wire.dialects.cohere.settings import (
    NO_STREAM,
    put_settings,
    take_choice,
    take_format,
    take_sampling,
    take_thinking,
)
from headgate.wire.dialects.cohere.tools import read_tool, write_tools
from headgate.wire.dialects.fields import Taking, decode, encoded_call, put_native, shape_of
from headgate.wire.dialects.turns import arranged

HARMLESS: Final = frozenset({"betas", "cachedContent", "client_metadata", "include", "labels", "metadata"})
"""Members of foreign calls on which no answer depends."""
PLAIN_TIERS: Final = frozenset({"auto", "default", "standard", "standard_only"})
"""What other dialects call the tier that is anyhow asked for."""


def read_call(body: bytes, *, model: str | None = None, stream: bool | None = None) -> ChatCall:
    """Read a call. Raises InvalidRequest, naming the member, for what is none."""
    try:
        value = decode(body)
        if not isinstance(value, dict):
            raise InvalidRequest("the body is no JSON object; send one")
        return _read(Taking(cast("Fields", value)), model, stream)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest(f"the body is no JSON that can be read: {error}") from None


def _read(taking: Taking, model: str | None, stream: bool | None) -> ChatCall:
    named = taking.text("model")
    name = model if model is not None else named
    if name is None:
        raise InvalidRequest("model is no string; name the model", parameter="model")
    messages = taking.objects("messages")
    if messages is None:
        raise InvalidRequest("messages is no array of objects; send one", parameter="messages")
    said = taking.flag("stream")
    tools = taking.objects("tools") if taking.left.get("tools") else None
    return ChatCall(
        dialect=OWN,
        model=name,
        messages=tuple(_read_message(Taking(one), place) for place, one in enumerate(messages)),
        tools=tuple(read_tool(entry) for entry in tools or ()),
        tool_choice=take_choice(taking),
        output=take_format(taking),
        sampling=take_sampling(taking),
        thinking=take_thinking(taking),
        max_output=taking.whole("max_tokens"),
        stream=bool(said) if stream is None else stream,
        native=taking.native(OWN, NO_STREAM if said is False else ""),
    )


def _read_message(taking: Taking, place: int) -> Message:
    where = f"messages[{place}]"
    role = taking.text("role")
    if role == "assistant":
        parts, shape = take_said(taking)
        return Message(role=role, parts=tuple(parts), native=taking.native(OWN, shape))
    parts, shape = take_content(taking)
    if role == "system" or role == "user":
        return Message(role=role, parts=tuple(parts), native=taking.native(OWN, shape))
    if role == "tool":
        identifier = taking.text("tool_call_id") if taking.left.get("tool_call_id") else None
        result = ToolResult(call_id=identifier or "", parts=tuple(parts))
        return Message(role="tool", parts=(result,), native=taking.native(OWN, shape))
    raise InvalidRequest(f"{where}.role is none of system, user, assistant, tool", parameter=f"{where}.role")


def write_call(call: ChatCall, quirks: Quirks, changes: Changes) -> bytes:
    """Write a call for a target. Raises InvalidRequest for one that is nested too deep to be written."""
    is_own = call.dialect == OWN
    quirks = _of_dialect(quirks)
    writing = Writing(changes=changes, is_own=is_own, takes_image_urls=quirks.takes_image_urls)
    messages = call.messages if is_own else arranged(call, quirks, changes, own=OWN)
    body: Fields = {
        "model": call.model,
        "messages": [
            fields
            for place, message in enumerate(messages)
            for fields in _written(message, writing, f"messages[{place}]")
        ],
    }
    write_tools(body, call, quirks, changes)
    put_settings(body, call, quirks, changes)
    if call.stream:
        body["stream"] = True
    elif shape_of(call.native, OWN) == NO_STREAM:
        body["stream"] = False
    if call.user is not None:
        changes.lose("user", "Cohere is not told who asks")
    if call.service_tier is not None and call.service_tier not in PLAIN_TIERS:
        changes.lose("service_tier", "Cohere has no such tier")
    put_native(body, call.native, OWN, changes, "", harmless=HARMLESS)
    return encoded_call(body)


def _of_dialect(quirks: Quirks) -> Quirks:
    """What every model behind this dialect takes and wants, whatever is known of the one."""
    return msgspec.structs.replace(
        quirks,
        has_developer_role=False,
        takes_parallel_flag=False,
        takes_result_errors=False,
        thinking=quirks.thinking if quirks.thinking == "none" else "budget",
        thinking_budget_min=1,
    )


def _written(message: Message, writing: Writing, where: str) -> Iterable[Fields]:
    """Write one message: results first, each on its own, then what else there is."""
    results = [part for part in message.parts if isinstance(part, ToolResult)]
    rest: list[Part] = [part for part in message.parts if not isinstance(part, ToolResult)]
    for result in results:
        yield _result(result, message, writing, where)
    if not rest and results:
        return
    shape = shape_of(message.native, OWN)
    fields: Fields = {"role": "user" if message.role == "tool" else message.role}
    if message.role == "assistant":
        put_said(fields, _said(rest, writing, where), writing, shape=shape, where=where)
    else:
        put_content(fields, rest, writing, shape=shape, where=where)
    if not writing.is_own and "content" not in fields and "tool_calls" not in fields:
        fields["content"] = ""
    if message.name is not None:
        writing.changes.lose(f"{where}.name", "Cohere knows no names of speakers")
    yield put_native(fields, message.native, OWN, writing.changes, where, harmless=frozenset({"id"}))


def _said(parts: list[Part], writing: Writing, where: str) -> list[Part]:
    """An assistant's parts as a provider takes them back: foreign citations are told, and left out."""
    if writing.is_own:
        return parts
    bare: list[Part] = []
    for part in parts:
        if getattr(part, "citations", ()):
            writing.changes.lose(f"{where}.citations", "another provider's citations are not said again")
            part = msgspec.structs.replace(part, citations=())
        bare.append(part)
    return bare


def _result(result: ToolResult, message: Message, writing: Writing, where: str) -> Fields:
    is_own = writing.is_own and message.role == "tool"
    fields: Fields = {"role": "tool"}
    if result.call_id or not is_own:
        fields["tool_call_id"] = result.call_id
    shape = shape_of(message.native, OWN) if is_own else ""
    put_content(fields, result.parts, writing, shape=shape, where=where)
    if is_own:
        return put_native(fields, message.native, OWN, writing.changes, where)
    fields.setdefault("content", "")
    if result.is_error:
        writing.changes.lose(f"{where}.is_error", "Cohere marks no failure: what the tool said tells it")
    if result.cache is not None:
        writing.changes.lose(f"{where}.cache_control", "Cohere has no cache marks")
    return put_native(fields, result.native, OWN, writing.changes, where, harmless=frozenset({"type"}))

"""Messages in OpenTelemetry's shape, `{role, parts, finish_reason?, name?}`, from those of any dialect. Pure.

Read next: `conventions.parts` (what they hold), `conventions.content` (where they stand).
"""

from collections.abc import Mapping
from typing import Any, Final, cast

import msgspec

from headgate.traces.conventions.parts import Fields, Part, parts_of, tool_call, tool_response
from headgate.traces.conventions.texts import CONTENT, parsed

Message = dict[str, Any]

MESSAGES_MAX: Final = 10_001
_DEPTH: Final = 4

_ROLES: Final[Mapping[str, str]] = {
    "human": "user",
    "ai": "assistant",
    "aimessagechunk": "assistant",
    "model": "assistant",
    "chatbot": "assistant",
    "function": "tool",
    "humanmessage": "user",
    "aimessage": "assistant",
    "systemmessage": "system",
    "toolmessage": "tool",
    "functionmessage": "tool",
}
_ROLES_BY_TYPE: Final[Mapping[str, str]] = {
    **_ROLES,
    "user": "user",
    "assistant": "assistant",
    "system": "system",
    "tool": "tool",
    "function_call": "assistant",
    "reasoning": "assistant",
    "function_call_output": "tool",
}
"""Where a message has no role, but a type: LangChain's, and the items of OpenAI's Responses."""

WRAPPERS: Final = ("messages", "items", "contents", "choices", "candidates", "generations", "message")
"""Members of a request's or an answer's body in which messages stand."""
_SAYS: Final = (
    "content",
    "parts",
    "tool_calls",
    "contents",
    "_content",
    "function_call",
    "function_call_name",
    "refusal",
    "reasoning_content",
)


class _Typed(msgspec.Struct):
    type: str


class _Shaped(msgspec.Struct):
    role: str
    parts: list[_Typed]


_OTHERWISE: Final = ('"result":', '"arguments":"{', '"arguments": "{')
"""Marks of pydantic-ai's shape: `result` for `response`, and arguments as the text of an object."""

_shaped = msgspec.json.Decoder(list[_Shaped]).decode


def in_shape(text: str) -> bool:
    """Whether a JSON text is a list of messages in OpenTelemetry's shape already."""
    if len(text) > CONTENT or any(mark in text for mark in _OTHERWISE):
        return False
    try:
        _shaped(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return False
    return True


def messages_of(value: object, role: str, depth: int = _DEPTH) -> list[Message] | None:
    """The messages that a value holds; None where it holds none, or anything else beside them.

    `role` is whose they are where they don't say: `user` in an input, `assistant` in an output.
    """
    if isinstance(value, str):
        value = parsed(value) if value.lstrip()[:1] in ("[", "{") else None
    if isinstance(value, dict):
        return _in_fields(cast("Fields", value), role, depth)
    if not isinstance(value, list) or not value:
        return None
    items = cast("list[object]", value)[:MESSAGES_MAX]
    if len(items) == 1 and isinstance(items[0], list) and depth:
        return messages_of(cast("list[object]", items[0]), role, depth - 1)
    found: list[Message] = []
    for item in items:
        message = message_of(cast("Fields", item), role) if isinstance(item, dict) else None
        if message is None:
            return None
        found.append(message)
    return found


def message_of(fields: Fields, role: str) -> Message | None:
    """One message of any dialect; None for what is none."""
    if (plain := _plain(fields)) is not None:
        return plain
    finish = fields.get("finish_reason") or fields.get("finishReason")
    inner = fields.get("message") or fields.get("kwargs") or fields.get("data")
    if isinstance(inner, dict):
        outer, fields = fields, cast("Fields", inner)
        if "kwargs" in outer or "data" in outer:
            role = _constructed(outer) or role
    said = fields.get("role")
    kind = fields.get("type")
    by_type = _ROLES_BY_TYPE.get(kind.lower()) if isinstance(kind, str) else None
    if not isinstance(said, str):
        said = by_type or (role if isinstance(inner, dict) else None)
        if said is None and not any(name in fields for name in ("parts", "tool_calls")):
            return None
    elif not any(name in fields for name in _SAYS):
        # A message that says nothing still is one: its content wasn't captured.
        return {"role": _role(said), "parts": []} if len(fields) == 1 else None
    found: Message = {"role": _role(said or role), "parts": _parts(fields, said or role)}
    if isinstance(name := fields.get("name"), str) and name and said != "tool" and not by_type:
        found["name"] = name
    finish = finish or fields.get("finish_reason")
    if isinstance(finish, str) and finish:
        found["finish_reason"] = finish
    return found


def _plain(fields: Fields) -> Message | None:
    """A message of OpenInference with a role and a text alone, as most are; None for any other."""
    inner = fields.get("message")
    if len(fields) != 1 or type(inner) is not dict or len(cast("Fields", inner)) != 2:
        return None
    said = cast("Fields", inner)
    role, content = said.get("role"), said.get("content")
    if type(role) is not str or type(content) is not str or not content or role in ("tool", "function"):
        return None
    return {"role": _role(role), "parts": [{"type": "text", "content": content}]}


def _in_fields(fields: Fields, role: str, depth: int) -> list[Message] | None:
    if (message := message_of(fields, role)) is not None:
        return [message]
    for name in WRAPPERS:
        inner = fields.get(name)
        if depth and isinstance(inner, list | dict) and inner:
            found = messages_of(cast("object", inner), role, depth - 1)
            if found is None:
                continue
            system = fields.get("system") or fields.get("instructions")
            if isinstance(system, str | list) and system:
                found = [{"role": "system", "parts": parts_of(cast("object", system))}, *found]
            return found
    return None


def _role(said: str) -> str:
    return _ROLES.get(said.lower(), said.lower())


def _constructed(outer: Fields) -> str | None:
    """The role of a message that LangChain has written out as a constructor's call."""
    path = outer.get("id")
    names = cast("list[object]", path) if isinstance(path, list) else []
    name = str(names[-1]) if names else str(outer.get("type", ""))
    return _ROLES_BY_TYPE.get(name.lower())


def _parts(fields: Fields, role: str) -> list[Part]:
    kind = fields.get("type")
    if kind == "function_call":
        return [tool_call(fields)]
    if kind == "function_call_output":
        return [tool_response(fields)]
    if kind == "reasoning" and "summary" in fields:
        return parts_of(cast("object", fields))
    parts: list[Part] = []
    reasoning = fields.get("reasoning_content") or fields.get("reasoning")
    if isinstance(reasoning, str):
        parts.append({"type": "reasoning", "content": reasoning})
    for name in ("parts", "contents", "_content", "content", "refusal"):
        parts += parts_of(fields.get(name))
    called = fields.get("tool_call_id") or fields.get("tool_call_ids")
    if role in ("tool", "function") and not any(part.get("type") == "tool_call_response" for part in parts):
        texts = [part for part in parts if part.get("type") == "text"]
        said: object = texts[0]["content"] if len(texts) == len(parts) == 1 else parts
        name = {"name": fields["name"]} if isinstance(fields.get("name"), str) else {}
        parts = [{"type": "tool_call_response", "id": called or fields.get("id"), "response": said, **name}]
    return parts + _calls(fields)


def _calls(fields: Fields) -> list[Part]:
    found: list[Part] = []
    calls = fields.get("tool_calls")
    if isinstance(calls, list):
        items = cast("list[object]", calls)
        found += [tool_call(cast("Fields", call)) for call in items if isinstance(call, dict)]
    function = fields.get("function_call")
    if isinstance(function, dict):
        found.append(tool_call(cast("Fields", function)))
    elif name := fields.get("function_call_name"):
        arguments = fields.get("function_call_arguments_json")
        found.append(tool_call({"name": name, "arguments": arguments}))
    return found

"""Cases from spans that others sent: the messages of a model call as a request to OpenAI's chat route. Pure.

A span whose content was not recorded, was cut, or can't be said in that dialect is no case. Read next:
`datasets.gathering_spans`, `traces.conventions.messages` (how spans keep messages).
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, cast

import msgspec

from headgate.core.faults import InvalidRequest
from headgate.datasets.model import Case, checked_case

Json = dict[str, Any]
Lack = Literal["content", "cut", "words"]
"""Why a span is no case: nothing of it is on record, it was cut, or the chat route has no words for it."""

_CUT = frozenset({"input_cut", "system_cut", "tools_cut"})


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What a span says of a call of a model: JSON texts, empty where it says nothing."""

    input: str
    output: str
    system: str
    tools: str
    flags: Sequence[str]
    session: str


def case_of_span(told: Told, tags: Sequence[str], *, with_expected: bool) -> Case | Lack:
    """Return a span as a case that is known by its content, or why it is none."""
    if not told.input:
        return "content"
    if _CUT & set(told.flags):
        return "cut"
    messages = _messages(told.input, "user")
    system = _messages(told.system, "system")
    tools = _tools(told.tools)
    if not messages or system is None or tools is None:
        return "words"
    has_system = any(message["role"] in ("system", "developer") for message in messages)
    body: Json = {"messages": messages if has_system else [*system, *messages]}
    body |= {"tools": tools} if tools else {}
    case = Case(body=body, origin="trace", tags=tuple(tags), cluster=told.session or None)
    try:
        # Its id is that of what it asks, as of a recorded call's case.
        identity = checked_case(msgspec.structs.replace(case, cluster=None, tags=())).id
    except InvalidRequest:
        return "words"
    expected = _said(told.output) if with_expected and "output_cut" not in told.flags else ""
    return msgspec.structs.replace(case, id=identity, expected=expected or None)


def _messages(text: str, role: str) -> list[Json] | None:
    """What a span holds, as messages; None for what can't be said."""
    if not text:
        return []
    value = _decoded(text)
    if isinstance(value, str):
        return [{"role": role, "content": value}]
    items: Any = [cast("Json", value)] if isinstance(value, dict) else value
    if not isinstance(items, list) or not items:
        return None
    found: list[Json] = []
    for item in cast("list[Any]", items):
        message = _of_role(cast("Json", item), role) if isinstance(item, dict) else None
        if message is None:
            return None
        found += message
    return found


def _of_role(item: Json, role: str) -> list[Json] | None:
    """One message, or those of each tool that it answers for; None for what can't be said."""
    if "parts" not in item:
        # Instructions of a system are parts without a message around them.
        item = {"role": role, "parts": [item]}
    role = str(item.get("role") or role)
    content: list[Json] = []
    calls: list[Json] = []
    answers: list[Json] = []
    for part in cast("list[Any]", item["parts"]) if isinstance(item["parts"], list) else [None]:
        if not isinstance(part, dict):
            return None
        fields = cast("Json", part)
        match fields.get("type"):
            case "text":
                content.append({"type": "text", "text": str(fields.get("content") or "")})
            case "reasoning":
                continue  # what a model thought is no part of what it is asked
            case "tool_call":
                calls.append(_call(fields))
            case "tool_call_response":
                said = {"role": "tool", "tool_call_id": str(fields.get("id") or "")}
                answers.append({**said, "content": _as_text(fields.get("response"))})
            case _:
                image = _image(fields)
                if image is None:
                    return None
                content.append(image)
    if role == "tool" and not answers:
        return None
    if answers:
        return None if calls else [*answers, *([_message("user", content, [])] if content else [])]
    return [_message(role, content, calls)]


def _message(role: str, content: list[Json], calls: list[Json]) -> Json:
    is_text = all(part["type"] == "text" for part in content)
    told: Any = "\n".join(part["text"] for part in content) if is_text else content
    if calls:
        return {"role": role, "content": told or None, "tool_calls": calls}
    return {"role": role, "content": told}


def _call(part: Json) -> Json:
    function = {"name": str(part.get("name") or ""), "arguments": _as_text(part.get("arguments") or {})}
    return {"id": str(part.get("id") or ""), "type": "function", "function": function}


def _image(part: Json) -> Json | None:
    if part.get("modality") != "image":
        return None
    address = part.get("uri") if part.get("type") == "uri" else None
    if part.get("type") == "blob" and isinstance(part.get("content"), str):
        address = f"data:{part.get('mime_type') or 'image/png'};base64,{part['content']}"
    return {"type": "image_url", "image_url": {"url": address}} if isinstance(address, str) else None


def _tools(text: str) -> list[Json] | None:
    """Tools as OpenAI's chat route takes them; None for one that can't be read."""
    if not text:
        return []
    value = _decoded(text)
    if not isinstance(value, list):
        return None
    found: list[Json] = []
    for item in cast("list[Any]", value):
        tool = _tool(cast("Json", item)) if isinstance(item, dict) else None
        if tool is None:
            return None
        found.append(tool)
    return found


def _tool(item: Json) -> Json | None:
    inner: Any = item.get("function", item)
    if item.get("type") not in (None, "function", "custom") or not isinstance(inner, Mapping):
        return None
    told = cast("Mapping[str, Any]", inner)
    if not isinstance(told.get("name"), str):
        return None
    schema: Any = told.get("parameters", told.get("input_schema"))
    function: Json = {"name": told["name"]}
    function |= {"description": told["description"]} if isinstance(told.get("description"), str) else {}
    function |= {"parameters": schema} if isinstance(schema, dict) else {}
    return {"type": "function", "function": function}


def _said(text: str) -> str:
    """The text of an answer; empty where it has none, such as one that calls tools alone."""
    messages = _messages(text, "assistant") or []
    said = [each["content"] for each in messages if each["role"] == "assistant"]
    return "\n".join(each for each in said if isinstance(each, str) and each)


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _decoded(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return text

"""What went into a step and what came out: from attributes and events of any convention, as JSON text. Pure.

A model call's are messages wherever the span says messages. Read next: `conventions.messages`.
"""

from collections.abc import Mapping
from typing import Any, Final, cast

from headgate.traces.conventions.indexed import Indexed
from headgate.traces.conventions.messages import WRAPPERS, Message, in_shape, message_of, messages_of
from headgate.traces.conventions.parts import Part, parts_of, tool_call
from headgate.traces.conventions.said import Said
from headgate.traces.conventions.texts import bounded, decoded, encoded, json_text
from headgate.traces.model import Kind

_ROLES: Final = {"input": "user", "output": "assistant"}
_TALKS: Final = frozenset[Kind]({"llm", "agent", "workflow"})
_RESTATED: Final = {"input": "input.value", "output": "output.value"}
"""What OpenInference says a second time as the provider's own body, beside the messages."""


def content_of(said: Said, meaning: str, kind: Kind, from_events: list[Message]) -> str:
    """The input or output of a span as JSON text: messages in OpenTelemetry's shape, or any other value."""
    for _, name, value in said.each(meaning):
        read = _indexed if type(value) is Indexed else _read
        text = read(said, meaning, name, kind)
        if text:
            return _within(said, meaning, text)
    if meaning == "output" and (answer := _answer(said)) is not None:
        return _within(said, meaning, encoded([answer]))
    if from_events:
        return _within(said, meaning, encoded(from_events))
    return ""


def json_of(said: Said, meaning: str) -> str:
    """A value of a meaning as JSON text; empty where there is none."""
    text = ""
    for _, name, value in said.each(meaning):
        found = _list_of(name, value)
        if name == "model_request_parameters" and isinstance(body := decoded(value), dict):
            members = cast("Mapping[str, Any]", body)
            said.leave(name, {key: member for key, member in members.items() if key != "function_tools"})
        elif found and not text:
            said.take(name)
        text = text or found
    if meaning == "tools" and not text and said.found_tools:
        text = encoded(said.found_tools)
    return _within(said, meaning, text) if text else ""


def system_of(said: Said) -> str:
    """The system instructions, where they stand apart from the messages, as JSON list of parts."""
    for _, name, value in said.each("system"):
        parts = parts_of(decoded(value))
        if parts:
            said.take(name)
            return _within(said, "system", encoded(parts))
    return ""


def _within(said: Said, meaning: str, text: str) -> str:
    text, cut = bounded(text)
    if cut:
        said.flag(f"{meaning}_cut")
    return text


def _read(said: Said, meaning: str, name: str, kind: Kind) -> str:
    """A value as JSON text: messages where it holds them and the step talks to a model."""
    value = said.names[name]
    if value is None or value == "":
        return ""
    said.take(name)
    if name.endswith(".messages") and type(value) is str and in_shape(value):
        return value
    if kind in _TALKS:
        found = decoded(value)
        messages = messages_of(found, _ROLES[meaning])
        if messages is not None:
            if isinstance(found, dict):
                _leave_beside(said, name, cast("Mapping[str, Any]", found))
            return encoded(messages)
        if kind == "llm" and type(found) is str:
            return encoded([{"role": _ROLES[meaning], "parts": parts_of(found)}])
    if kind == "tool" and (given := _tool_gave(value)) is not None:
        return encoded(given)
    return json_text(value)


def _indexed(said: Said, meaning: str, place: str, kind: Kind) -> str:
    """Indexed messages; what restates them as the body of a call is used instead where it says more."""
    built = cast("Indexed", said.names[place]).build()
    said.take(place)
    messages = messages_of(built, _ROLES[meaning])
    if messages is None:
        return encoded(built) if built else ""
    restated = said.names.get(_RESTATED[meaning])
    if type(restated) is str and restated[:1] in ("{", "["):
        if kind != "llm" or not all(message["parts"] for message in messages):
            fuller = messages_of(restated, _ROLES[meaning])
            if fuller is not None and _said_in(fuller) > _said_in(messages):
                messages = fuller
        said.take(_RESTATED[meaning])
    return encoded(messages)


def _said_in(messages: list[Message]) -> int:
    return sum(len(message["parts"]) for message in messages)


_TOLD: Final = frozenset({*WRAPPERS, "system", "instructions", "tools"})


def _leave_beside(said: Said, name: str, body: Mapping[str, Any]) -> None:
    """Of a call's body only the messages were read, and its tools are; the rest stays."""
    tools = body.get("tools")
    if isinstance(tools, list) and tools and not said.each("tools"):
        said.found_tools = cast("list[object]", tools)
    told = {
        "messages",
        "message",
        "items",
        "contents",
        "choices",
        "candidates",
        "generations",
        "system",
        "tools",
    }
    if not told.isdisjoint(body) and "role" not in body:
        said.leave(name, {member: value for member, value in body.items() if member not in told})


def _tool_gave(value: object) -> object:
    """What a tool gave, where a framework wraps it into a message."""
    found = decoded(value)
    if not isinstance(found, dict) or not ("kwargs" in found or "data" in found or "tool_call_id" in found):
        return None
    message = message_of(cast("Mapping[str, Any]", found), "tool")
    parts: list[Part] = [] if message is None else message["parts"]
    return parts[0].get("response") if len(parts) == 1 else None


def _list_of(name: str, value: object) -> str:
    if type(value) is Indexed:
        return encoded([_definition(item) for item in value.build()])
    found = decoded(value)
    if isinstance(found, list):
        return encoded([decoded(item) for item in cast("list[object]", found)]) if found else ""
    if isinstance(found, dict) and name == "model_request_parameters":
        tools: object = cast("Mapping[str, object]", found).get("function_tools")
        return encoded(tools) if tools else ""
    return encoded(cast("object", found)) if isinstance(found, dict) else ""


def _definition(item: object) -> object:
    """A tool's definition of OpenInference, or one of its documents."""
    if not isinstance(item, dict):
        return decoded(item)
    fields = cast("Mapping[str, Any]", item)
    inner = fields.get("tool") or fields.get("document")
    if isinstance(inner, dict):
        fields = cast("Mapping[str, Any]", inner)
        if "json_schema" in fields:
            return decoded(fields["json_schema"])
    return {name: decoded(value) if name in _NESTED else value for name, value in fields.items()}


_NESTED: Final = ("metadata", "parameters")


def _answer(said: Said) -> Message | None:
    """An answer that is told in pieces: text, reasoning, an object and tool calls by themselves."""
    parts: list[Part] = []
    for meaning, kind in (
        ("answer_reasoning", "reasoning"),
        ("answer_text", "text"),
        ("answer_object", "text"),
    ):
        heard = said.each(meaning)
        if heard and isinstance(heard[0][2], str) and heard[0][2]:
            said.take(heard[0][1])
            parts.append({"type": kind, "content": heard[0][2]})
    for _, name, value in said.each("answer_tool_calls")[:1]:
        calls = decoded(value)
        items = cast("list[object]", calls) if isinstance(calls, list) else []
        read = [decoded(item) for item in items]
        called = [tool_call(cast("Mapping[str, Any]", call)) for call in read if isinstance(call, dict)]
        if called:
            said.take(name)
            parts += called
    return {"role": "assistant", "parts": parts} if parts else None

"""What went into a step and what came out: from attributes and events of any convention, as JSON text. Pure.

A model call's are messages wherever the span says messages. Read next: `conventions.messages`.
"""

from collections.abc import Mapping
from typing import Any, Final, cast

from headgate.traces.conventions.indexed import Indexed
from headgate.traces.conventions.messages import Message, in_shape, messages_of
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
        text = _read(name, value, _ROLES[meaning], kind)
        if text:
            said.take(name)
            if name.endswith("_messages.N"):
                _drop_restated(said, meaning)
            return _within(said, meaning, text)
    if meaning == "output" and (answer := _answer(said)) is not None:
        return _within(said, meaning, encoded([answer]))
    if from_events:
        return _within(said, meaning, encoded(from_events))
    return ""


def json_of(said: Said, meaning: str) -> str:
    """A value of a meaning as JSON text; empty where there is none."""
    for _, name, value in said.each(meaning):
        found = _list_of(name, value)
        if found:
            said.take(name)
            return _within(said, meaning, found)
    return ""


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


def _read(name: str, value: object, role: str, kind: Kind) -> str:
    if value is None or value == "":
        return ""
    if type(value) is Indexed:
        built = value.build()
        found = messages_of(built, role)
        return encoded(built if found is None else found)
    if name.endswith(".messages") and type(value) is str and in_shape(value):
        return value
    if kind in _TALKS:
        found = messages_of(value, role)
        if found is not None:
            return encoded(found)
    return json_text(value)


def _drop_restated(said: Said, meaning: str) -> None:
    name = _RESTATED[meaning]
    value = said.names.get(name)
    if type(value) is str and value[:1] in ("{", "["):
        said.take(name)


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

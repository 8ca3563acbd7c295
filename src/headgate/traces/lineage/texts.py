"""A span's texts, whatever shape its instrumentation gave them. Pure.

Messages in OpenTelemetry's shape and in those of the providers' dialects are taken apart into their parts, so
that what a conversation repeats is the same text each time; results of tools and small objects stay one text.
Read next: `traces.lineage.finding`.
"""

from collections.abc import Iterator
from typing import Any, Final, cast

import msgspec

from headgate.records.model import fold
from headgate.traces.lineage.model import Step, Text, TextKind
from headgate.traces.model import Span

WHOLE_CHARACTERS_MAX: Final = 2_000
"""A JSON value that isn't messages and is no longer than this is one text; a longer one is taken apart."""
DEPTH_MAX: Final = 24
TEXTS_MAX: Final = 20_000
"""How many texts of one field are looked at."""

_CALLS: Final = frozenset({"tool_call", "tool_use", "function_call", "function", "custom_tool_call"})
_RESULTS: Final = frozenset(
    {"tool_call_response", "tool_result", "function_call_output", "custom_tool_call_output"}
)
_CONTENT: Final = (
    "content",
    "text",
    "thinking",
    "reasoning",
    "input_text",
    "output_text",
    "refusal",
    "parts",
)
_RESULT: Final = ("response", "result", "output", "content")
_ABOUT: Final = frozenset({"type", "role", "id", "index", "status", "object", "finish_reason", "signature"})
"""Members that say something of a text and are none."""
_SYSTEM: Final = frozenset({"system", "developer"})
_TEMPLATES: Final = ("llm.prompt_template.template", "traceloop.prompt.template")
_VARIABLES: Final = ("llm.prompt_template.variables", "traceloop.prompt.template_variables")
_VARIABLE: Final = "gen_ai.prompt.variable."
_CALL_IDS: Final = ("gen_ai.tool.call.id", "tool_call.id", "tool.id", "ai.toolCall.id")
_PREVIOUS: Final = ("gen_ai.request.previous_response.id", "previous_response_id")


class Fields(msgspec.Struct, frozen=True, kw_only=True):
    """The fields of a span that hold text, each JSON text or plain."""

    input: str = ""
    output: str = ""
    system: str = ""
    tools: str = ""
    documents: str = ""
    attributes: str = ""
    parameters: str = ""
    links: str = ""


def step_of(span: Span) -> Step:
    """Return a span as a step."""
    usage = None if span.usage is None else fold(span.usage)
    fields = Fields(
        input=span.input,
        output=span.output,
        system=span.system,
        tools=span.tools,
        documents=span.documents,
        attributes=span.attributes,
        parameters=span.parameters,
        links=span.links,
    )
    step = Step(
        id=span.span_id.hex(),
        parent=span.parent_id.hex(),
        kind=span.kind,
        name=span.name,
        tool=span.tool,
        start_us=span.start_ns // 1000,
        end_us=max(span.start_ns, span.end_ns) // 1000,
        response_id=span.response_id,
        input_tokens=None if usage is None else usage.input + usage.cache_read + usage.cache_write,
    )
    return with_texts(step, fields)


def with_texts(step: Step, fields: Fields) -> Step:
    """Return a step with the texts, ids and links that its fields hold."""
    attributes = _members(fields.attributes)
    parameters = _members(fields.parameters)
    inputs = [
        *texts_of("system", fields.system, "system", step),
        *texts_of("tools", fields.tools, "tools", step),
        *texts_of("input", fields.input, "value", step),
    ]
    documents = list(_documents(fields.documents))
    kind: TextKind = "tool_result" if step.kind == "tool" else "prompt" if step.kind == "prompt" else "value"
    outputs = [*documents, *texts_of("output", fields.output, kind, step)]
    return msgspec.structs.replace(
        step,
        inputs=tuple(inputs),
        outputs=tuple(outputs),
        own=tuple(_own(attributes)),
        call_id=_first(attributes, _CALL_IDS),
        previous_response_id=_first(attributes, _PREVIOUS) or _first(parameters, _PREVIOUS),
        links=tuple(_links(fields.links)),
    )


def texts_of(field: str, json: str, kind: TextKind, step: Step) -> list[Text]:
    """Return the texts of a field: JSON, or text that isn't JSON."""
    if not json:
        return []
    value = _decoded(json)
    if kind in ("tools", "tool_result"):
        return [
            Text(part=f"/{field}", value=value if isinstance(value, str) else json, kind=kind, name=step.tool)
        ]
    reader = _Reader(kind)
    reader.read(f"/{field}", value, "", 0)
    return reader.texts


class _Reader:
    """Walks a JSON value and gathers its texts."""

    def __init__(self, kind: TextKind) -> None:
        self.texts: list[Text] = []
        self._kind: TextKind = kind

    def read(self, part: str, value: Any, role: str, depth: int) -> None:
        if depth > DEPTH_MAX or len(self.texts) >= TEXTS_MAX or value is None:
            return
        if isinstance(value, dict):
            self._object(part, cast("dict[str, Any]", value), role, depth)
        elif isinstance(value, list):
            items = cast("list[Any]", value)
            if not role and not any(isinstance(item, dict) for item in items) and self._whole(part, items):
                return
            for place, item in enumerate(items):
                self.read(f"{part}/{place}", item, role, depth + 1)
        else:
            self._text(part, value, role)

    def _object(self, part: str, value: dict[str, Any], role: str, depth: int) -> None:
        says = value.get("type")
        own_role = value.get("role")
        if isinstance(own_role, str):
            role = own_role
        if says in _RESULTS or "functionResponse" in value or (role == "tool" and isinstance(own_role, str)):
            if self._result(part, value):
                return
        elif says in _CALLS or "functionCall" in value:
            self._call(part, value)
            return
        members = {name: value[name] for name in (*_CONTENT, "tool_calls") if value.get(name) is not None}
        if members and (role or isinstance(says, str)):
            for name, member in members.items():
                self.read(f"{part}/{name}", member, role, depth + 1)
        elif role or _holds_messages(value) or not self._whole(part, value):
            for name, member in value.items():
                if name not in _ABOUT:
                    self.read(f"{part}/{_escaped(name)}", member, role, depth + 1)

    def _result(self, part: str, value: dict[str, Any]) -> bool:
        """A tool's result is one text, whether it is text or JSON."""
        inner = value.get("functionResponse")
        if isinstance(inner, dict):
            value, part = cast("dict[str, Any]", inner), f"{part}/functionResponse"
        if isinstance(value.get("parts"), list):
            return False  # OpenTelemetry's: the result is a part of its own
        call_id = _first(value, ("tool_call_id", "tool_use_id", "call_id", "id"))
        for name in _RESULT:
            found = value.get(name)
            if found is None:
                continue
            texts = _plain_parts(found)
            if texts is None:
                texts = [("", found if isinstance(found, str) else msgspec.json.encode(found).decode())]
            for where, text in texts:
                self.texts.append(
                    Text(
                        part=f"{part}/{name}{where}",
                        value=text,
                        kind="tool_result",
                        role="tool",
                        name=_first(value, ("name",)),
                        call_id=call_id,
                    )
                )
            return True
        return True

    def _call(self, part: str, value: dict[str, Any]) -> None:
        inner = value.get("function") or value.get("functionCall")
        said = cast("dict[str, Any]", inner) if isinstance(inner, dict) else value
        given: Any = next((said[name] for name in ("arguments", "input", "args") if name in said), "")
        self.texts.append(
            Text(
                part=part,
                value=given if isinstance(given, str) else msgspec.json.encode(given).decode(),
                kind="tool_call",
                role="assistant",
                name=_first(said, ("name",)),
                call_id=_first(value, ("call_id", "id")) or _first(said, ("id",)),
            )
        )

    def _whole(self, part: str, value: Any) -> bool:
        """Take a small value as one text."""
        json = msgspec.json.encode(value).decode()
        if len(json) > WHOLE_CHARACTERS_MAX:
            return False
        self.texts.append(Text(part=part, value=json, kind=self._kind))
        return True

    def _text(self, part: str, value: Any, role: str) -> None:
        text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
        if not text or text.startswith("data:"):
            return
        kind: TextKind = self._kind
        if role in _SYSTEM:
            kind = "system"
        elif kind != "system" and role:
            kind = "message"
        self.texts.append(Text(part=part, value=text, kind=kind, role=role))


def _plain_parts(value: Any) -> list[tuple[str, str]] | None:
    """The texts of a list of text parts; None where it is something else."""
    if not isinstance(value, list) or not value:
        return None
    found: list[tuple[str, str]] = []
    for place, item in enumerate(cast("list[Any]", value)):
        text = cast("dict[str, Any]", item).get("text") if isinstance(item, dict) else None
        if not isinstance(text, str):
            return None
        found.append((f"/{place}/text", text))
    return found


def _holds_messages(value: dict[str, Any]) -> bool:
    lists = [cast("list[Any]", member) for member in value.values() if isinstance(member, list)]
    return any(
        isinstance(item, dict) and ("role" in item or "type" in item) for items in lists for item in items
    )


def _documents(json: str) -> Iterator[Text]:
    value = _decoded(json) if json else None
    if not isinstance(value, list):
        return
    for place, item in enumerate(cast("list[Any]", value)[:TEXTS_MAX]):
        if isinstance(item, dict):
            said = cast("dict[str, Any]", item)
            text, name = said.get("content"), said.get("id")
            text = text if isinstance(text, str) or text is None else msgspec.json.encode(text).decode()
            where = f"/documents/{place}/content"
        else:
            text, name, where = item, None, f"/documents/{place}"
        if isinstance(text, str) and text:
            label = "" if name is None else str(name)
            yield Text(part=where, value=text, kind="document", name=label)


def _own(attributes: dict[str, Any]) -> Iterator[Text]:
    """Templates and variables that instrumentations name beside the messages made of them."""
    for name in _TEMPLATES:
        template = attributes.get(name)
        if isinstance(template, str) and template:
            yield Text(part=f"/attributes/{_escaped(name)}", value=template, kind="prompt")
    for name in _VARIABLES:
        given = attributes.get(name)
        values = _decoded(given) if isinstance(given, str) else given
        if isinstance(values, dict):
            for key, value in cast("dict[str, Any]", values).items():
                text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
                yield Text(part=f"/attributes/{_escaped(name)}", value=text, kind="variable", name=key)
    for name, value in attributes.items():
        if name.startswith(_VARIABLE) and isinstance(value, str):
            short = name.removeprefix(_VARIABLE)
            yield Text(part=f"/attributes/{_escaped(name)}", value=value, kind="variable", name=short)


def _links(json: str) -> Iterator[str]:
    value = _decoded(json) if json else None
    for item in cast("list[Any]", value) if isinstance(value, list) else []:
        if isinstance(item, dict):
            linked = _first(cast("dict[str, Any]", item), ("span_id",))
            if linked:
                yield linked


def _decoded(json: str) -> Any:
    try:
        return msgspec.json.decode(json)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        return json


def _members(json: str) -> dict[str, Any]:
    value = _decoded(json) if json else None
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _first(value: dict[str, Any], names: tuple[str, ...]) -> str:
    """The first text under one of these names; empty where there is none."""
    return next((found for name in names if isinstance(found := value.get(name), str) and found), "")


def _escaped(name: str) -> str:
    """A member's name as JSON Pointer writes it."""
    return name.replace("~", "~0").replace("/", "~1")

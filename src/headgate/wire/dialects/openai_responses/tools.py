"""Tools, the choice among them, the format of the answer and how much is thought: read and written. Pure.

Source: OpenAI API reference, Responses: `tools`, `tool_choice`, `text`, `reasoning`. Read next: `calls`.
"""

from collections.abc import Sequence
from typing import Final, Literal, cast

from headgate.core.chat import (
    ChatCall,
    Fields,
    FunctionTool,
    Message,
    NativeTool,
    OutputFormat,
    Text,
    Thinking,
    Tool,
    ToolChoice,
    ToolResult,
)
from headgate.core.quirks import Quirks
from headgate.wire.dialects import schemas, thinking
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.fields import Taking, objects_in
from headgate.wire.dialects.openai_responses.spelling import OWN, restored, words_of

_MODES: Final[dict[str, Literal["auto", "none", "required"]]] = {
    "auto": "auto",
    "none": "none",
    "required": "required",
}
EFFORTS: Final = frozenset({"none", "minimal", "low", "medium", "high", "xhigh", "max"})
_SUMMARY: Final = "summary="
_NAME_OF_FORMAT: Final = "answer"


def read_tool(value: Fields) -> Tool:
    """Read one tool; one that the provider runs itself is kept whole."""
    kind = value.get("type")
    taking = Taking(value)
    name = taking.text("name")
    if kind != "function" or name is None:
        return NativeTool(dialect=OWN, kind=kind if isinstance(kind, str) else "", value=value)
    del taking.left["type"]
    return FunctionTool(
        name=name,
        description=taking.text("description"),
        parameters=taking.object("parameters"),
        strict=taking.flag("strict"),
        native=taking.native(OWN, "own"),
    )


def write_tools(tools: Sequence[Tool], quirks: Quirks, changes: Changes) -> list[Fields]:
    """Write tools; those of other providers are left out, and told."""
    found: list[Fields] = []
    for place, tool in enumerate(tools):
        where = f"tools[{place}]"
        if isinstance(tool, FunctionTool):
            found.append(_write_function(tool, quirks, changes, where))
        elif tool.dialect == OWN:
            found.append(tool.value)
        else:
            changes.alter(where, f"Responses has no tool of the kind {tool.kind}; it was left out")
    return found


def _write_function(tool: FunctionTool, quirks: Quirks, changes: Changes, where: str) -> Fields:
    is_own = tool.native is not None and tool.native.dialect == OWN
    fields: Fields = {"type": "function", "name": tool.name}
    if tool.description is not None:
        fields["description"] = tool.description
    if is_own:
        if tool.parameters is not None:
            fields["parameters"] = tool.parameters
        if tool.strict is not None:
            fields["strict"] = tool.strict
    else:
        parameters: Fields = tool.parameters or {"type": "object", "properties": {}}
        subset = quirks.schema_subset
        if subset == "openai-strict" and not tool.strict:
            subset = "full"
        fields["parameters"] = schemas.fitted(parameters, subset, changes, f"{where}.parameters")
        # Left out, Responses takes a tool for a strict one, and refuses many a schema.
        fields["strict"] = bool(tool.strict)
    if tool.cache is not None:
        changes.lose(f"{where}.cache_control", "OpenAI caches prefixes by itself")
    return restored(fields, tool.native, changes, where)


def read_choice(value: object) -> ToolChoice | None:
    """Read how tools are to be called; None for what only Responses can say."""
    if isinstance(value, str):
        mode = _MODES.get(value)
        return ToolChoice(mode=mode) if mode is not None else None
    if not isinstance(value, dict):
        return None
    fields = cast("Fields", value)
    kind, name, mode = fields.get("type"), fields.get("name"), fields.get("mode")
    if kind == "function" and isinstance(name, str) and len(fields) == 2:
        return ToolChoice(mode="named", names=(name,))
    if kind != "allowed_tools" or mode not in ("auto", "required") or len(fields) != 3:
        return None
    names: list[str] = []
    for one in objects_in(fields.get("tools")) or [{}]:
        allowed = one.get("name")
        if one.get("type") != "function" or not isinstance(allowed, str) or len(one) != 2:
            return None
        names.append(allowed)
    return ToolChoice(mode="auto" if mode == "auto" else "required", names=tuple(names))


def write_choice(choice: ToolChoice, changes: Changes) -> object:
    """Write how tools are to be called."""
    if choice.native is not None:
        restored({}, choice.native, changes, "tool_choice")
    if choice.mode == "named" and len(choice.names) == 1:
        return {"type": "function", "name": choice.names[0]}
    if choice.names:
        return {
            "type": "allowed_tools",
            "mode": "auto" if choice.mode == "auto" else "required",
            "tools": [{"type": "function", "name": name} for name in choice.names],
        }
    return "required" if choice.mode == "named" else choice.mode


def take_output(taking: Taking) -> OutputFormat | None:
    """Take `text.format`; what else `text` says stays where it is."""
    text = taking.left.get("text")
    if not isinstance(text, dict):
        return None
    outer = cast("Fields", text)
    value = outer.get("format")
    output = _read_format(cast("Fields", value)) if isinstance(value, dict) else None
    if output is None:
        return None
    rest = {name: one for name, one in outer.items() if name != "format"}
    del taking.left["text"]
    if rest:
        taking.left["text"] = rest
    return output


def _read_format(value: Fields) -> OutputFormat | None:
    taking = Taking(value)
    kind = taking.text("type")
    match kind:
        case "text":
            return OutputFormat(kind="text", native=taking.native(OWN, "own"))
        case "json_object":
            return OutputFormat(kind="json", native=taking.native(OWN, "own"))
        case "json_schema":
            return OutputFormat(
                kind="schema",
                name=taking.text("name"),
                description=taking.text("description"),
                schema=taking.object("schema"),
                strict=taking.flag("strict"),
                native=taking.native(OWN, "own"),
            )
        case _:
            return None


def write_output(output: OutputFormat, quirks: Quirks, changes: Changes) -> Fields:
    """Write `text.format` (44)."""
    if output.kind == "text":
        return restored({"type": "text"}, output.native, changes, "text.format")
    if output.kind == "json":
        return restored({"type": "json_object"}, output.native, changes, "text.format")
    fields: Fields = {"type": "json_schema"}
    is_own = output.native is not None and output.native.dialect == OWN
    if not is_own:
        fields["name"] = output.name or _NAME_OF_FORMAT
    elif output.name is not None:
        fields["name"] = output.name
    if output.description is not None:
        fields["description"] = output.description
    if is_own:
        if output.schema is not None:
            fields["schema"] = output.schema
    else:
        fields["schema"] = _fitted(output, quirks, changes)
    if output.strict is not None:
        fields["strict"] = output.strict
    return restored(fields, output.native, changes, "text.format")


def _fitted(output: OutputFormat, quirks: Quirks, changes: Changes) -> Fields:
    schema: Fields = output.schema if output.schema is not None else {"type": "object"}
    subset = quirks.schema_subset
    if subset == "openai-strict" and output.strict is False:
        subset = "full"
    return schemas.fitted(schema, subset, changes, "text.format.schema")


JSON_WANTED: Final = "Answer with one JSON object."


def wants_json_named(call: ChatCall, messages: Sequence[Message]) -> bool:
    """Whether any JSON is asked for, and no message names it: OpenAI refuses that (44)."""
    if call.output is None or call.output.kind != "json":
        return False
    return not any(_names_json(message) for message in messages)


def _names_json(message: Message) -> bool:
    for part in message.parts:
        texts = part.parts if isinstance(part, ToolResult) else (part,)
        if any(isinstance(one, Text) and "json" in one.text.lower() for one in texts):
            return True
    return False


def take_thinking(taking: Taking) -> Thinking | None:
    """Take `reasoning`."""
    value = taking.left.get("reasoning")
    if not isinstance(value, dict):
        return None
    del taking.left["reasoning"]
    inner = Taking(cast("Fields", value))
    effort = inner.left.get("effort")
    if isinstance(effort, str) and effort in EFFORTS:
        del inner.left["effort"]
    else:
        effort = None
    shown = inner.left.get("summary")
    shape = ""
    if isinstance(shown, str) and shown.isidentifier():
        del inner.left["summary"]
        shape = _SUMMARY + shown
    return Thinking(
        effort=effort, is_shown=True if shape else None, native=inner.native(OWN, f"own {shape}".strip())
    )


def write_thinking(call: ChatCall, quirks: Quirks, changes: Changes) -> Fields | None:
    """Write `reasoning`; None where nothing is to be said (38)."""
    asked = call.thinking
    if asked is None:
        return None
    if call.dialect == OWN:
        return _own_thinking(asked, changes)
    fitted = thinking.fitted(asked, quirks, call.max_output, changes, "thinking")
    if fitted is None:
        return None
    fields: Fields = {}
    effort = thinking.effort(fitted, call.max_output)
    if effort is not None:
        fields["effort"] = effort
    if asked.is_shown and effort != "none" and quirks.thinking != "none":
        fields["summary"] = "auto"
    return restored(fields, asked.native, changes, "reasoning") or None


def _own_thinking(asked: Thinking, changes: Changes) -> Fields:
    fields: Fields = {}
    if asked.effort is not None:
        fields["effort"] = asked.effort
    for word in words_of(asked.native):
        if word.startswith(_SUMMARY):
            fields["summary"] = word[len(_SUMMARY) :]
    return restored(fields, asked.native, changes, "reasoning")

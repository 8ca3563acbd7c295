"""Bedrock's `toolConfig`, read and written. Pure.

It has no `none`: the tools are left out instead (trap 28), unless the conversation has used some.
Source: the Converse API's ToolConfiguration. Read next: `calls`.
"""

from typing import Final, cast

import msgspec

from headgate.core.chat import ChatCall, Fields, FunctionTool, NativeTool, Tool, ToolChoice
from headgate.core.quirks import Quirks
from headgate.wire.dialects.bedrock.parts_in import OWN, mark_of
from headgate.wire.dialects.bedrock.parts_out import mark_block
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.fields import Taking, put_native
from headgate.wire.dialects.schemas import fitted
from headgate.wire.dialects.turns import chosen, declared, parallel

HARMLESS: Final = frozenset({"cache_control", "defer_loading", "type"})
"""Members of other dialects' tools that no answer depends on."""
EMPTY_SCHEMA: Final[Fields] = {"type": "object", "properties": {}}


class ToolConfig(msgspec.Struct, frozen=True):
    """What a call says of its tools."""

    tools: tuple[Tool, ...] = ()
    choice: ToolChoice | None = None


def read_tools(call: Taking) -> ToolConfig:
    """Take the tools of a call; what of its `toolConfig` has no word is left where it was."""
    config = call.left.get("toolConfig")
    if not isinstance(config, dict):
        return ToolConfig()
    taking = Taking(cast("Fields", config))
    given = taking.objects("tools")
    if not given:
        return ToolConfig()
    choice = _read_choice(taking)
    if taking.left:
        call.left["toolConfig"] = taking.left
    else:
        del call.left["toolConfig"]
    tools: list[Tool] = []
    for entry in given:
        mark, last = mark_of(entry), tools[-1] if tools else None
        if mark is not None and isinstance(last, FunctionTool) and last.cache is None:
            tools[-1] = msgspec.structs.replace(last, cache=mark)
        else:
            tools.append(_read_tool(entry))
    return ToolConfig(tuple(tools), choice)


def _read_tool(entry: Fields) -> Tool:
    kind = next(iter(entry), "")
    native = NativeTool(dialect=OWN, kind=kind, value=entry)
    value = entry.get("toolSpec")
    if len(entry) != 1 or not isinstance(value, dict):
        return native
    taking = Taking(cast("Fields", value))
    name, schema = taking.text("name"), taking.object("inputSchema")
    if name is None or schema is None or len(schema) != 1 or not isinstance(schema.get("json"), dict):
        return native
    return FunctionTool(
        name=name,
        description=taking.text("description"),
        parameters=cast("Fields", schema["json"]),
        strict=taking.flag("strict"),
        native=taking.native(OWN),
    )


def _read_choice(config: Taking) -> ToolChoice | None:
    given = config.left.get("toolChoice")
    choice: ToolChoice | None = None
    if given == {"auto": {}}:
        choice = ToolChoice(mode="auto")
    elif given == {"any": {}}:
        choice = ToolChoice(mode="required")
    elif isinstance(given, dict):
        named = cast("Fields", given).get("tool")
        name = cast("Fields", named).get("name") if isinstance(named, dict) else None
        if isinstance(name, str) and given == {"tool": {"name": name}}:
            choice = ToolChoice(mode="named", names=(name,))
    if choice is not None:
        del config.left["toolChoice"]
    return choice


def write_tools(call: ChatCall, quirks: Quirks, changes: Changes) -> Fields | None:
    """The `toolConfig` of a call; None where it has no tools, or must not call any."""
    tools, choice = call.tools, call.tool_choice
    if call.dialect != OWN:
        tools, choice = declared(call, quirks, changes), chosen(call, quirks, changes)
        parallel(call, quirks, changes)
        if choice is not None and choice.names and choice.mode != "named":
            tools = _only(tools, choice.names, changes)
    entries: list[Fields] = []
    for place, tool in enumerate(tools):
        entry = _write_tool(call, tool, quirks, changes, f"tools[{place}]")
        if entry is None:
            continue
        entries.append(entry)
        if isinstance(tool, FunctionTool) and tool.cache is not None:
            entries.append(mark_block(tool.cache))
    if not entries:
        return None
    config: Fields = {"tools": entries}
    if choice is not None:
        put_native({}, choice.native, OWN, changes, "tool_choice")
        config["toolChoice"] = _write_choice(choice)
    return config


def _only(tools: tuple[Tool, ...], names: tuple[str, ...], changes: Changes) -> tuple[Tool, ...]:
    kept = tuple(tool for tool in tools if not isinstance(tool, FunctionTool) or tool.name in names)
    if len(kept) < len(tools):
        changes.note("tool_choice", "Bedrock has no list of allowed tools: the others are left out")
    return kept


def _write_tool(call: ChatCall, tool: Tool, quirks: Quirks, changes: Changes, where: str) -> Fields | None:
    if isinstance(tool, NativeTool):
        if tool.dialect == OWN:
            return tool.value
        changes.alter(where, f"Bedrock has no tool of the kind {tool.kind}")
        return None
    is_own = call.dialect == OWN
    spec: Fields = {"name": tool.name}
    if tool.description or (is_own and tool.description is not None):
        spec["description"] = tool.description
    schema = tool.parameters if tool.parameters is not None else EMPTY_SCHEMA
    if not is_own:
        schema = fitted(schema, quirks.schema_subset, changes, f"{where}.parameters")
        if schema.get("type") != "object":
            schema = {**schema, "type": "object"}
    spec["inputSchema"] = {"json": schema}
    if tool.strict is not None and (is_own or quirks.schema == "native"):
        spec["strict"] = tool.strict
    elif tool.strict:
        changes.lose(f"{where}.strict", "the model is not held to the schema of a tool")
    return {"toolSpec": put_native(spec, tool.native, OWN, changes, where, harmless=HARMLESS)}


def _write_choice(choice: ToolChoice) -> Fields:
    if choice.mode == "auto" or choice.mode == "none":
        return {"auto": {}}
    return {"tool": {"name": choice.names[0]}} if len(choice.names) == 1 else {"any": {}}

"""Cohere's tools and the choice among them, read and written. Pure.

A tool that must be called is said by offering no other. Source: Cohere API reference (chat, version 2). Read
next: `calls`, `settings`.
"""

from typing import Final

from headgate.core.chat import ChatCall, Fields, FunctionTool, NativeTool, Tool, ToolChoice
from headgate.core.quirks import Quirks
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.cohere.parts_in import OWN
from headgate.wire.dialects.cohere.parts_out import restore
from headgate.wire.dialects.fields import Taking
from headgate.wire.dialects.schemas import fitted
from headgate.wire.dialects.turns import chosen, declared, parallel

EMPTY_SCHEMA: Final[Fields] = {"type": "object", "properties": {}}


def read_tool(entry: Fields) -> Tool:
    """Read one tool; what is no function with a name is the dialect's own."""
    taking = Taking(entry)
    kind = taking.left.pop("type", None)
    native = NativeTool(dialect=OWN, kind=str(kind)[:64], value=entry)
    held = taking.object("function")
    if kind != "function" or held is None:
        return native
    inner = Taking(held)
    name = inner.text("name")
    if name is None:
        return native
    description, parameters = inner.text("description"), inner.object("parameters")
    if inner.left:
        taking.left["function"] = inner.left
    return FunctionTool(name=name, description=description, parameters=parameters, native=taking.native(OWN))


def write_tools(body: Fields, call: ChatCall, quirks: Quirks, changes: Changes) -> None:
    """Write the tools of a call, and whether they are to be called."""
    is_own = call.dialect == OWN
    tools, choice = call.tools, call.tool_choice
    if not is_own:
        tools, choice = declared(call, quirks, changes), chosen(call, quirks, changes)
        parallel(call, quirks, changes)
        if choice is not None and choice.names:
            tools = _only(tools, choice.names, changes)
    written = [
        _write_tool(tool, call, quirks, changes, f"tools[{place}]") for place, tool in enumerate(tools)
    ]
    found = [tool for tool in written if tool is not None]
    if found:
        body["tools"] = found
    if choice is not None and choice.mode != "auto" and (found or is_own):
        body["tool_choice"] = "NONE" if choice.mode == "none" else "REQUIRED"
    if not is_own:
        _put_strict(body, tools, changes)


def _only(tools: tuple[Tool, ...], names: tuple[str, ...], changes: Changes) -> tuple[Tool, ...]:
    kept = tuple(tool for tool in tools if not isinstance(tool, FunctionTool) or tool.name in names)
    if len(kept) < len(tools):
        changes.note("tool_choice", "Cohere can't be told which tool to call: the others are left out")
    return kept


def _put_strict(body: Fields, tools: tuple[Tool, ...], changes: Changes) -> None:
    """Cohere holds the model to the schemas of all tools, or of none."""
    strict = [tool.strict for tool in tools if isinstance(tool, FunctionTool)]
    if strict and all(strict):
        body["strict_tools"] = True
    elif any(strict):
        changes.lose("tools", "the model is held to the schemas of all tools or of none")


def _write_tool(tool: Tool, call: ChatCall, quirks: Quirks, changes: Changes, where: str) -> Fields | None:
    if isinstance(tool, NativeTool):
        if tool.dialect == OWN:
            return tool.value
        changes.alter(where, f"Cohere has no tool of the kind {tool.kind}")
        return None
    function: Fields = {"name": tool.name}
    if tool.description is not None:
        function["description"] = tool.description
    if call.dialect != OWN:
        schema = tool.parameters if tool.parameters is not None else EMPTY_SCHEMA
        function["parameters"] = fitted(schema, quirks.schema_subset, changes, f"{where}.parameters")
    elif tool.parameters is not None:
        function["parameters"] = tool.parameters
    if tool.cache is not None:
        changes.lose(f"{where}.cache_control", "Cohere has no cache marks")
    return restore({"type": "function", "function": function}, tool.native, "function", changes, where)


def choice_of(word: object) -> ToolChoice | None:
    """Read `tool_choice`."""
    if word == "REQUIRED":
        return ToolChoice(mode="required")
    return ToolChoice(mode="none") if word == "NONE" else None

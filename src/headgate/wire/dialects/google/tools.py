"""Google's tools and toolConfig, read and written. Several functions share one tool object there.

Which tool objects there were, and what each held, is kept in the shape of the call. Pure. Source: Gemini API
reference, `Tool`, `FunctionDeclaration`, `ToolConfig`. Read next: `calls`.
"""

import re
from typing import Final, Literal

import msgspec

from headgate.core.chat import ChatCall, Fields, FunctionTool, NativeTool, Tool, ToolChoice
from headgate.core.faults import InvalidRequest
from headgate.core.quirks import Quirks
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.fields import decode, objects_in, put_native
from headgate.wire.dialects.google.openapi import json_schema_of
from headgate.wire.dialects.google.spelling import (
    DIALECT,
    Members,
    flags_of,
    own_fields,
    payload_of,
    spelled,
    value_of,
)
from headgate.wire.dialects.schemas import fitted
from headgate.wire.dialects.turns import chosen, declared, parallel

_encode = msgspec.json.Encoder().encode
VALIDATED: Final = "validated"
"""A flag: calls are free, and their arguments held to their schemas, as `strict` tools say it elsewhere."""

_GROUP: Final = re.compile(r"([fF]?)(\d*)(n?)")


def read_tools(members: Members) -> tuple[Tool, ...]:
    """The tools of a call: each function one, and what else a tool object holds one."""
    value = members.left.get("tools")
    groups = [members.left["tools"]] if isinstance(value, dict) else value
    given = objects_in(groups)
    if given is None:
        if value is not None:
            raise InvalidRequest("tools is no list of objects; send one", parameter="tools")
        return ()
    del members.left["tools"]
    if isinstance(value, dict):
        members.flags.append("onetool")
    tools: list[Tool] = []
    layout: list[str] = []
    for place, group in enumerate(given):
        layout.append(_read_group(group, f"tools[{place}]", tools))
    members.flags.append("tools=" + ",".join(layout))
    return tuple(tools)


def _read_group(fields: Fields, where: str, tools: list[Tool]) -> str:
    inner = Members(fields)
    key = inner.key("functionDeclarations")
    value = inner.left.pop(key, None)
    word = ""
    if value is not None:
        functions = objects_in(value)
        if functions is None:
            raise InvalidRequest(f"{where}.{key} is no list of objects; send one", parameter=f"{where}.{key}")
        for place, function in enumerate(functions):
            tools.append(_read_function(function, f"{where}.{key}[{place}]"))
        word = ("F" if inner.flags else "f") + str(len(functions))
    elif key in fields:
        inner.left[key] = None
    if inner.left:
        tools.append(NativeTool(dialect=DIALECT, kind=next(iter(inner.left)), value=inner.left))
        word += "n"
    return word or "e"


def _read_function(fields: Fields, where: str) -> FunctionTool:
    members = Members(fields)
    name = members.text("name")
    if not name:
        raise InvalidRequest(f"{where}.name is missing; name the function", parameter=f"{where}.name")
    description = members.text("description")
    payload = ""
    schema = members.object(members.key("parametersJsonSchema"))
    if schema is not None:
        members.flags.append("json")
    else:
        given = members.object("parameters")
        if given is not None:
            schema = json_schema_of(given)
            payload = _encode(given).decode() if schema != given else ""
    return FunctionTool(name=name, description=description, parameters=schema, native=members.shaped(payload))


def write_own_tools(tools: tuple[Tool, ...], flags: frozenset[str]) -> object:
    """The tools as they were read: a list of tool objects, or one alone. None where none were given."""
    layout = value_of(flags, "tools")
    if layout is None:
        return _grouped(tools)
    functions = [_own_function(tool) for tool in tools if isinstance(tool, FunctionTool)]
    natives = [tool.value for tool in tools if isinstance(tool, NativeTool)]
    groups: list[Fields] = []
    words = [_GROUP.fullmatch(word) for word in layout.split(",")] if layout else []
    for word in words:
        group: Fields = {}
        if word is not None and word.group(1):
            count = int(word.group(2))
            key = "function_declarations" if word.group(1) == "F" else "functionDeclarations"
            group[key], functions = functions[:count], functions[count:]
        if word is not None and word.group(3) and natives:
            group.update(natives.pop(0))
        groups.append(group)
    return groups[0] if "onetool" in flags and len(groups) == 1 else groups


def _grouped(tools: tuple[Tool, ...]) -> list[Fields] | None:
    """Tools that no tool object held together: functions in one, each other in its own."""
    functions = [_own_function(tool) for tool in tools if isinstance(tool, FunctionTool)]
    groups: list[Fields] = [{"functionDeclarations": functions}] if functions else []
    groups.extend(tool.value for tool in tools if isinstance(tool, NativeTool))
    return groups or None


def _own_function(tool: FunctionTool) -> Fields:
    flags = flags_of(tool.native)
    fields: Fields = {"name": tool.name}
    if tool.description is not None:
        fields["description"] = tool.description
    if tool.parameters is not None:
        payload = payload_of(tool.native)
        key = spelled(flags, "parametersJsonSchema") if "json" in flags else "parameters"
        fields[key] = decode(payload) if payload else tool.parameters
    return {**fields, **own_fields(tool.native)}


def read_choice(outer: Members) -> ToolChoice | None:
    """Whether functions are called: `functionCallingConfig`."""
    fields = outer.object(outer.key("functionCallingConfig"))
    if fields is None:
        return None
    members = Members(fields)
    word = members.left.get("mode")
    mode: Literal["auto", "none", "required", "named"] = "auto"
    names: tuple[str, ...] = ()
    if word == "ANY":
        key = members.key("allowedFunctionNames")
        if members.left.get(key):
            names = tuple(members.texts(key) or ())
        mode = "named" if len(names) == 1 else "required"
    elif word == "NONE":
        mode = "none"
    elif word == "VALIDATED":
        members.flags.append(VALIDATED)
    elif word != "AUTO":
        members.flags.append("nomode")
    if "nomode" not in members.flags:
        del members.left["mode"]
    return ToolChoice(mode=mode, names=names, native=members.shaped())


_MODES: Final = {"auto": "AUTO", "none": "NONE", "required": "ANY", "named": "ANY"}


def held_to_schemas(tools: tuple[Tool, ...], choice: ToolChoice | None) -> tuple[Tool, ...]:
    """The tools, strict where the choice says that arguments are held to their schemas."""
    if choice is None or VALIDATED not in flags_of(choice.native):
        return tools
    return tuple(
        msgspec.structs.replace(tool, strict=True)
        if isinstance(tool, FunctionTool) and tool.parameters is not None
        else tool
        for tool in tools
    )


def write_choice(choice: ToolChoice) -> Fields:
    """A `functionCallingConfig`."""
    flags = flags_of(choice.native)
    fields: Fields = {}
    if VALIDATED in flags:
        fields["mode"] = "VALIDATED"
    elif "nomode" not in flags:
        fields["mode"] = _MODES[choice.mode]
    if choice.names:
        fields[spelled(flags, "allowedFunctionNames")] = list(choice.names)
    return {**fields, **own_fields(choice.native)}


def write_tools(call: ChatCall, quirks: Quirks, changes: Changes) -> Fields:
    """`tools` and `toolConfig` of a call that came in another dialect."""
    functions: list[Fields] = []
    groups: list[Fields] = []
    for place, tool in enumerate(declared(call, quirks, changes)):
        where = f"tools[{place}]"
        if isinstance(tool, FunctionTool):
            functions.append(_function(tool, quirks, changes, where))
        elif tool.dialect == DIALECT:
            groups.append(tool.value)
        else:
            changes.alter(where, f"google has no tool {tool.kind}")
    if functions:
        groups.insert(0, {"functionDeclarations": functions})
    found: Fields = {"tools": groups} if groups else {}
    if parallel(call, quirks, changes) is False and functions:
        changes.alter("parallel_tool_calls", "google can't be told to call one tool at a time")
    choice = chosen(call, quirks, changes)
    if choice is not None and functions:
        put_native({}, choice.native, DIALECT, changes, "tool_choice")
        if choice.mode == "auto" and choice.names:
            changes.alter("tool_choice", "google chooses freely among all tools, or has to call one of some")
            choice = ToolChoice(mode="auto")
        if choice.mode != "auto":
            found["toolConfig"] = {"functionCallingConfig": write_choice(_plain(choice))}
    elif choice is not None and choice.mode in ("required", "named"):
        changes.alter("tool_choice", "there is no function left that could be called")
    return found


def _plain(choice: ToolChoice) -> ToolChoice:
    names = () if choice.mode == "none" else choice.names
    return ToolChoice(mode=choice.mode, names=names)


def _function(tool: FunctionTool, quirks: Quirks, changes: Changes, where: str) -> Fields:
    fields: Fields = {"name": tool.name}
    if tool.description:
        fields["description"] = tool.description
    if tool.parameters is not None and _has_members(tool.parameters):
        schema = fitted(tool.parameters, quirks.schema_subset, changes, f"{where}.parameters")
        fields["parameters" if quirks.schema_subset == "openapi" else "parametersJsonSchema"] = schema
    if tool.strict:
        changes.lose(f"{where}.strict", "google holds arguments to their schema only where a call is forced")
    if tool.cache is not None:
        changes.lose(where, "google caches by itself, or by a cachedContent that is made before")
    put_native({}, tool.native, DIALECT, changes, where)
    return fields


def _has_members(schema: Fields) -> bool:
    """Whether arguments are asked for at all: Google refuses an object without properties."""
    return schema.get("type") != "object" or bool(schema.get("properties")) or len(schema) > 2

"""The tools that a call offers, and how it wants them called, as a target takes them. Pure.

Read next: `wire.dialects.turns`, `wire.dialects.schemas`.
"""

import msgspec

from headgate.core.chat import ChatCall, FunctionTool, Tool, ToolCall, ToolChoice, ToolResult
from headgate.core.quirks import Quirks
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.identifiers import names_of
from headgate.wire.dialects.thinking import is_on


def declared(call: ChatCall, quirks: Quirks, changes: Changes) -> tuple[Tool, ...]:
    """The tools of a call under the names that the target takes; those of its history where it names none.

    Some targets refuse a history with calls but without tools (29); declared again they take any object.
    Where `tool_choice: none` can't be said, the tools are left out instead, unless its history needs them.
    """
    if not call.tools:
        return _from_history(call, quirks, changes)
    if _is_none(call) and not quirks.takes_no_tool_choice and not _has_history(call):
        changes.note("tool_choice", "the target has no such choice: the tools are left out")
        return ()
    names = names_of(call, quirks)
    if not names.aliases:
        return call.tools
    found: list[Tool] = []
    for place, tool in enumerate(call.tools):
        if isinstance(tool, FunctionTool) and tool.name in names.aliases:
            alias = names.there(tool.name)
            changes.note(f"tools[{place}].name", f"the target takes no such name, it knows it as {alias}")
            found.append(msgspec.structs.replace(tool, name=alias))
        else:
            found.append(tool)
    return tuple(found)


def _from_history(call: ChatCall, quirks: Quirks, changes: Changes) -> tuple[Tool, ...]:
    if not quirks.needs_declared_tools:
        return ()
    names = names_of(call, quirks)
    found = dict.fromkeys(
        names.there(part.name)
        for message in call.messages
        for part in message.parts
        if isinstance(part, ToolCall) and part.name
    )
    if found:
        changes.note("tools", "the target wants the tools of the history declared: they take any object")
    return tuple(FunctionTool(name=name, parameters={"type": "object", "properties": {}}) for name in found)


def chosen(call: ChatCall, quirks: Quirks, changes: Changes) -> ToolChoice | None:
    """Whether tools are called, as far as the target can be told (28); None where nothing is to be said."""
    choice = call.tool_choice
    if not call.tools:
        return _none_of_history(call, quirks, changes)
    if choice is None:
        return None
    if choice.mode == "none":
        if quirks.takes_no_tool_choice:
            return choice
        if _has_history(call):
            changes.alter("tool_choice", "the target can't be told to call none of the tools")
        return None
    if choice.mode in ("required", "named"):
        why = _cannot_force(call, quirks)
        if why:
            changes.alter("tool_choice", why)
            return ToolChoice(mode="auto")
    names = names_of(call, quirks)
    aliases = tuple(names.there(name) for name in choice.names)
    return choice if aliases == choice.names else msgspec.structs.replace(choice, names=aliases)


def _none_of_history(call: ChatCall, quirks: Quirks, changes: Changes) -> ToolChoice | None:
    if not quirks.needs_declared_tools or not _has_history(call):
        return None
    if quirks.takes_no_tool_choice:
        return ToolChoice(mode="none")
    changes.alter("tools", "the target can't be told that the tools of the history are not to be called")
    return None


def _cannot_force(call: ChatCall, quirks: Quirks) -> str:
    if not quirks.takes_forced_tool:
        return "the target can't be made to call a tool"
    if not quirks.takes_forced_tool_with_thinking and is_on(call.thinking):
        return "the target can't be made to call a tool while it thinks"
    return ""


def parallel(call: ChatCall, quirks: Quirks, changes: Changes) -> bool | None:
    """Whether several tools may be called at once, as far as the target can be told (28)."""
    if call.parallel_tools is None or not call.tools or quirks.takes_parallel_flag:
        return call.parallel_tools if call.tools else None
    if not call.parallel_tools:
        changes.alter("parallel_tool_calls", "the target can't be told to call one tool at a time")
    return None


def _is_none(call: ChatCall) -> bool:
    return call.tool_choice is not None and call.tool_choice.mode == "none"


def _has_history(call: ChatCall) -> bool:
    return any(isinstance(part, ToolCall | ToolResult) for message in call.messages for part in message.parts)

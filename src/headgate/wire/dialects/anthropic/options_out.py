"""The options of a call written for the Messages API: tools, their choice, thinking, output, sampling. Pure.

`own_` and the plain names write what Anthropic's dialect itself said; the rest writes what other dialects
asked for, and tells what of it can't be had. Read next: `calls_out`.
"""

from typing import Final

from headgate.core.chat import (
    ChatCall,
    Fields,
    FunctionTool,
    OutputFormat,
    Sampling,
    Thinking,
    Tool,
    ToolChoice,
)
from headgate.core.quirks import Quirks
from headgate.wire.dialects.anthropic.calls_in import EFFORTS
from headgate.wire.dialects.anthropic.parts_out import cache_control
from headgate.wire.dialects.anthropic.words import DIALECT
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.fields import put_native, shape_of
from headgate.wire.dialects.sampling import taken
from headgate.wire.dialects.schemas import fitted as fitted_schema
from headgate.wire.dialects.thinking import fitted as fitted_thinking
from headgate.wire.dialects.turns import chosen, declared, parallel

HARMLESS_OF_TOOLS: Final = frozenset({"defer_loading", "type"})

_SETTINGS: Final = frozenset({"temperature", "top_p", "top_k", "stop"})
_TOP_P_MIN: Final = 0.95
"""The lowest that is taken while the model thinks."""


def own_tool(tool: Tool, changes: Changes) -> Fields:
    """A tool as it came."""
    if not isinstance(tool, FunctionTool):
        return tool.value
    fields: Fields = {"name": tool.name}
    if shape_of(tool.native, DIALECT) == "custom":
        fields["type"] = "custom"
    if tool.description is not None:
        fields["description"] = tool.description
    if tool.parameters is not None:
        fields["input_schema"] = tool.parameters
    if tool.strict is not None:
        fields["strict"] = tool.strict
    if tool.cache is not None:
        fields["cache_control"] = cache_control(tool.cache)
    return put_native(fields, tool.native, DIALECT, changes, "tools")


def put_tools(fields: Fields, call: ChatCall, quirks: Quirks, changes: Changes) -> None:
    """Put another dialect's tools, and how they are to be called (28, 29)."""
    offered = declared(call, quirks, changes)
    choice = chosen(call, quirks, changes)
    if choice is not None and choice.mode in ("auto", "required") and choice.names:
        offered = _only(offered, choice.names, changes)
    tools: list[Fields] = []
    for place, tool in enumerate(offered):
        written = _tool(tool, quirks, changes, f"tools[{place}]")
        if written is not None:
            tools.append(written)
    if not tools:
        return
    fields["tools"] = tools
    several = parallel(call, quirks, changes)
    if choice is not None or several is False:
        fields["tool_choice"] = tool_choice(_sayable(choice, changes), several)


def _only(tools: tuple[Tool, ...], names: tuple[str, ...], changes: Changes) -> tuple[Tool, ...]:
    """The tools that may be called: a choice can't name several, so that the others are not offered."""
    kept = tuple(tool for tool in tools if not isinstance(tool, FunctionTool) or tool.name in names)
    if len(kept) < len(tools):
        changes.note("tools", f"{DIALECT} can't be limited to some of the tools: only those are offered")
    return kept


def _tool(tool: Tool, quirks: Quirks, changes: Changes, where: str) -> Fields | None:
    if not isinstance(tool, FunctionTool):
        if tool.dialect == DIALECT:
            return tool.value
        changes.alter(where, f"{DIALECT} has no tool of the kind {tool.kind}")
        return None
    schema: Fields = {"type": "object", "properties": {}} if tool.parameters is None else tool.parameters
    if schema.get("type") != "object":
        schema = {**schema, "type": "object"}
    fields: Fields = {"name": tool.name, "input_schema": schema}
    if tool.description is not None:
        fields["description"] = tool.description
    if tool.strict:
        if quirks.schema == "native":
            fields["strict"] = True
            fields["input_schema"] = fitted_schema(
                schema, quirks.schema_subset, changes, f"{where}.parameters"
            )
        else:
            changes.lose(f"{where}.strict", "the model is not held to the schemas of tools")
    if tool.cache is not None:
        fields["cache_control"] = cache_control(tool.cache)
    return put_native(fields, tool.native, DIALECT, changes, where, harmless=HARMLESS_OF_TOOLS)


def _sayable(choice: ToolChoice | None, changes: Changes) -> ToolChoice:
    """The choice as far as there is a word for it: some of the tools can't be named together."""
    if choice is None:
        return ToolChoice(mode="auto")
    put_native({}, choice.native, DIALECT, changes, "tool_choice")
    if choice.mode == "named" and len(choice.names) == 1:
        return ToolChoice(mode="named", names=choice.names)
    if choice.mode == "named":
        changes.alter("tool_choice", f"{DIALECT} can be made to call one tool only, or any")
        return ToolChoice(mode="required")
    return ToolChoice(mode=choice.mode)


def tool_choice(choice: ToolChoice, several: bool | None) -> Fields:
    """A choice, and whether several tools may be called at once, which is said inside of it (28)."""
    fields: Fields
    match choice.mode:
        case "auto":
            fields = {"type": "auto"}
        case "required":
            fields = {"type": "any"}
        case "none":
            fields = {"type": "none"}
        case "named":
            fields = {"type": "tool", "name": choice.names[0]}
    if several is not None and (choice.mode != "none" or choice.native is not None):
        fields["disable_parallel_tool_use"] = not several
    if choice.native is not None and choice.native.dialect == DIALECT:
        fields.update(choice.native.fields)
    return fields


def put_sampling(fields: Fields, sampling: Sampling) -> None:
    """Put the settings that Anthropic has words for."""
    for name in ("temperature", "top_p", "top_k"):
        value = getattr(sampling, name)
        if value is not None:
            fields[name] = value
    if sampling.stop:
        fields["stop_sequences"] = list(sampling.stop)


def put_foreign_sampling(fields: Fields, call: ChatCall, quirks: Quirks, changes: Changes) -> None:
    """Put what another dialect asked for, as far as the target takes it (38, 40, 43)."""
    sampling = taken(call.sampling, quirks, _SETTINGS, changes, {})
    put_sampling(fields, sampling)
    if sampling.top_p is not None and sampling.top_p < _TOP_P_MIN and _is_thinking(fields):
        changes.alter("top_p", f"a model that thinks takes none below {_TOP_P_MIN}")
        del fields["top_p"]


def _is_thinking(fields: Fields) -> bool:
    said = fields.get("thinking")
    return isinstance(said, dict) and "budget_tokens" in said


def put_thinking(fields: Fields, config: Fields, thinking: Thinking, quirks: Quirks) -> None:
    """Put thinking as Anthropic's dialect said it; where that is not known, as the target takes it."""
    native = thinking.native
    kind, comma, said = shape_of(native, DIALECT).partition(",")
    if not comma or native is None:
        _put_fitted(fields, config, thinking, quirks)
        return
    if kind:
        how: Fields = {"type": kind}
        if kind == "enabled" and thinking.budget_tokens is not None:
            how["budget_tokens"] = thinking.budget_tokens
        if thinking.is_shown is not None:
            how["display"] = "summarized" if thinking.is_shown else "omitted"
        fields["thinking"] = how | native.fields
    if said and (kind == "disabled" or EFFORTS[said] == thinking.effort):
        config["effort"] = said
    elif thinking.effort is not None:
        config["effort"] = thinking.effort


def put_foreign_thinking(
    fields: Fields, config: Fields, call: ChatCall, quirks: Quirks, changes: Changes
) -> None:
    """Put the thinking that another dialect asked for (38)."""
    limit = fields.get("max_tokens")
    thinking = fitted_thinking(
        call.thinking, quirks, limit if isinstance(limit, int) else None, changes, "thinking"
    )
    if thinking is not None:
        _put_fitted(fields, config, thinking, quirks)
        put_native({}, thinking.native, DIALECT, changes, "thinking")


def _put_fitted(fields: Fields, config: Fields, thinking: Thinking, quirks: Quirks) -> None:
    match quirks.thinking:
        case "budget":
            tokens = thinking.budget_tokens
            if tokens is not None:
                fields["thinking"] = (
                    {"type": "enabled", "budget_tokens": tokens} if tokens else {"type": "disabled"}
                )
        case "adaptive":
            if thinking.effort == "none":
                fields["thinking"] = {"type": "disabled"}
            elif thinking.effort is not None:
                fields["thinking"] = {"type": "adaptive"}
                if thinking.is_shown is not None:
                    fields["thinking"]["display"] = "summarized" if thinking.is_shown else "omitted"
                _put_effort(config, thinking.effort)
        case "effort" | "level":
            if thinking.effort is not None:
                _put_effort(config, thinking.effort)
        case "none":
            return


def _put_effort(config: Fields, effort: str) -> None:
    config["effort"] = effort if effort in EFFORTS else "low"


def put_own_format(fields: Fields, config: Fields, output: OutputFormat) -> None:
    """Put the format of the output where it stood."""
    native = output.native
    written: Fields = {"type": "json_schema", "schema": output.schema or {}}
    if native is not None:
        written.update(native.fields)
    if shape_of(native, DIALECT) == "output_format":
        fields["output_format"] = written
    else:
        config["format"] = written


def put_foreign_format(config: Fields, output: OutputFormat, quirks: Quirks, changes: Changes) -> None:
    """Put the format that another dialect asked for (44); that the model is held to none is told."""
    where = "response_format"
    if output.kind == "text":
        return
    if output.kind == "json":
        changes.alter(where, f"{DIALECT} can't be asked for any JSON object: give a schema")
        return
    if quirks.schema != "native":
        changes.alter(where, "the model is not held to a schema of its output")
        return
    schema = fitted_schema(output.schema or {"type": "object"}, quirks.schema_subset, changes, where)
    config["format"] = {"type": "json_schema", "schema": schema}
    put_native({}, output.native, DIALECT, changes, where, harmless=frozenset({"name", "strict"}))

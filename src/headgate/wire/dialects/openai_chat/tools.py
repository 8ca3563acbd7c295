"""Tools, the choice among them and the form of the answer, as members of an OpenAI chat call. Pure.

Both forms: today's `tools`, and `functions` from before. Source: OpenAI API reference (chat). Read next:
`calls_in`.
"""

from typing import cast

from headgate.core.chat import Fields, FunctionTool, Native, NativeTool, OutputFormat, Tool, ToolChoice
from headgate.wire.dialects.fields import Taking, objects_in
from headgate.wire.dialects.openai_chat.parts_in import take_cache
from headgate.wire.dialects.openai_chat.parts_out import Writing
from headgate.wire.dialects.openai_chat.spelling import OWN, restore, stow, words_of
from headgate.wire.dialects.schemas import fitted


def read_tool(entry: Fields) -> Tool:
    """Read one tool; what is no function with a name is the dialect's own."""
    taking = Taking(entry)
    kind = taking.left.get("type")
    native = NativeTool(dialect=OWN, kind=str(kind)[:64], value=entry)
    if kind == "function":
        del taking.left["type"]
    elif kind is not None:
        return native
    held = taking.object("function")
    if held is None:
        return native
    inner = Taking(held)
    name = inner.text("name")
    if name is None:
        return native
    description, parameters, strict = (
        inner.text("description"),
        inner.object("parameters"),
        inner.flag("strict"),
    )
    cache = take_cache(taking)
    stow(taking, "function", inner)
    return FunctionTool(
        name=name,
        description=description,
        parameters=parameters,
        strict=strict,
        cache=cache,
        native=taking.native(OWN, "untyped" if kind is None else ""),
    )


def read_function(entry: Fields) -> Tool:
    """Read one of the functions from before there were tools."""
    return read_tool({"type": "function", "function": entry})


def write_tool(tool: Tool, writing: Writing, where: str) -> Fields | None:
    """Write a tool; None for a foreign provider's own."""
    if isinstance(tool, NativeTool):
        if tool.dialect == OWN:
            return tool.value
        writing.changes.alter(where, f"OpenAI's chat has no tool of the kind {tool.kind}")
        return None
    function: Fields = {"name": tool.name}
    if tool.description is not None:
        function["description"] = tool.description
    if tool.parameters is not None:
        function["parameters"] = _schema(tool, writing, where)
    if tool.strict is not None:
        function["strict"] = tool.strict
    fields: Fields = {} if "untyped" in words_of(tool.native) else {"type": "function"}
    fields["function"] = function
    if tool.cache is not None:
        if writing.is_own:
            ttl = tool.cache.ttl
            fields["cache_control"] = {"type": "ephemeral"} | ({} if ttl is None else {"ttl": ttl})
        else:
            writing.changes.lose(f"{where}.cache_control", "OpenAI's chat has no cache marks")
    return restore(fields, tool.native, "function", writing.changes, where)


def _schema(tool: FunctionTool, writing: Writing, where: str) -> Fields:
    parameters = tool.parameters or {}
    subset = writing.quirks.schema_subset
    if writing.is_own or subset == "full" or (subset == "openai-strict" and not tool.strict):
        return parameters
    return fitted(parameters, subset, writing.changes, f"{where}.parameters")


def take_choice(taking: Taking, name: str) -> ToolChoice | None:
    """Take `tool_choice`, or `function_call` from before."""
    value = taking.left.get(name)
    found = _choice(value, name)
    if found is not None:
        del taking.left[name]
    return found


def _choice(value: object, name: str) -> ToolChoice | None:
    if value == "auto":
        return ToolChoice(mode="auto")
    if value == "none":
        return ToolChoice(mode="none")
    if value == "required":
        return ToolChoice(mode="required")
    if value == "any":  # Mistral's word
        return ToolChoice(mode="required", native=Native(dialect=OWN, shape="any"))
    if not isinstance(value, dict):
        return None
    taking = Taking(cast("Fields", value))
    if name == "function_call":
        named = taking.text("name")
        return ToolChoice(mode="named", names=(named,)) if named is not None and not taking.left else None
    if taking.left.get("type") == "allowed_tools":
        return _allowed(taking)
    named = _function_named(taking.left)
    return ToolChoice(mode="named", names=(named,)) if named is not None else None


def _function_named(entry: Fields) -> str | None:
    """The name in `{type: function, function: {name}}`; None where it says anything else."""
    function = entry.get("function")
    if entry.get("type") != "function" or len(entry) != 2 or not isinstance(function, dict):
        return None
    taking = Taking(cast("Fields", function))
    named = taking.text("name")
    return None if taking.left else named


def _allowed(taking: Taking) -> ToolChoice | None:
    """The choice among some of the tools, where all of them are functions."""
    held = taking.object("allowed_tools")
    if held is None or len(taking.left) != 1 or len(held) != 2:
        return None
    mode = held.get("mode")
    names = [_function_named(entry) for entry in objects_in(held.get("tools")) or ()]
    found = tuple(name for name in names if name is not None)
    if not found or len(found) != len(names) or mode not in ("auto", "required"):
        return None
    return ToolChoice(mode="auto" if mode == "auto" else "required", names=found)


def write_choice(choice: ToolChoice, *, is_legacy: bool) -> object:
    """Write how tools are called."""
    if not choice.names:
        return "any" if "any" in words_of(choice.native) else choice.mode
    if choice.mode == "named" and len(choice.names) == 1:
        named: Fields = {"name": choice.names[0]}
        return named if is_legacy else {"type": "function", "function": named}
    tools = [{"type": "function", "function": {"name": name}} for name in choice.names]
    mode = "required" if choice.mode == "named" else choice.mode
    return {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": tools}}


def take_format(taking: Taking) -> OutputFormat | None:
    """Take `response_format`."""
    value = taking.left.get("response_format")
    if not isinstance(value, dict):
        return None
    outer = Taking(cast("Fields", value))
    kind = outer.text("type")
    found: OutputFormat | None = None
    if kind == "text":
        found = OutputFormat(kind="text", native=outer.native(OWN))
    elif kind == "json_object":
        found = OutputFormat(kind="json", native=outer.native(OWN))
    elif kind == "json_schema":
        found = _schema_format(outer)
    if found is not None:
        del taking.left["response_format"]
    return found


def _schema_format(outer: Taking) -> OutputFormat | None:
    held = outer.object("json_schema")
    if held is None:
        return None
    inner = Taking(held)
    name, description = inner.text("name"), inner.text("description")
    schema, strict = inner.object("schema"), inner.flag("strict")
    stow(outer, "json_schema", inner)
    return OutputFormat(
        kind="schema",
        name=name,
        description=description,
        schema=schema,
        strict=strict,
        native=outer.native(OWN),
    )


def write_format(output: OutputFormat, writing: Writing) -> Fields | None:
    """Write what form an answer has to have; None where nothing is to be said."""
    fields: Fields
    match output.kind:
        case "text":
            if not writing.is_own:
                return None
            fields = {"type": "text"}
        case "json":
            fields = {"type": "json_object"}
        case "schema":
            fields = {"type": "json_schema", "json_schema": _written_schema(output, writing)}
    return restore(fields, output.native, "json_schema", writing.changes, "response_format")


def _written_schema(output: OutputFormat, writing: Writing) -> Fields:
    inner: Fields = {}
    if output.name is not None or not writing.is_own:
        inner["name"] = output.name or "answer"
    if output.description is not None:
        inner["description"] = output.description
    strict, subset = output.strict, writing.quirks.schema_subset
    if output.schema is not None:
        schema = output.schema
        if not writing.is_own and (subset != "openai-strict" or strict is not False):
            schema = fitted(schema, subset, writing.changes, "response_format")
            strict = True if subset == "openai-strict" else strict
        inner["schema"] = schema
    if strict is not None:
        inner["strict"] = strict
    return inner

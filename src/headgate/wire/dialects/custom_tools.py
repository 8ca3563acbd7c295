"""OpenAI's custom tools, whose input is text of any form: elsewhere functions of one text, and back again.

A grammar that the input has to match is told to the model in words, and not enforced. What is to be turned
back follows from the call alone. In a stream such a call comes whole, once its input is there. Pure.
Source: OpenAI's function calling guide, "Custom tools". Read next: `wire.translating`.
"""

from typing import Final, cast

import msgspec

from headgate.core.call import AnyDialect
from headgate.core.chat import (
    ChatAnswer,
    ChatCall,
    Fields,
    FunctionTool,
    Message,
    Native,
    NativePart,
    NativeTool,
    Part,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from headgate.core.events import ArgumentsDelta, Event, PartBegan, PartEnded, SealDelta
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.fields import objects_in
from headgate.wire.dialects.openai_chat.parts_in import CALL_KIND
from headgate.wire.dialects.openai_responses.parts import read_contents

INPUT: Final = "input"
PARAMETERS: Final[Fields] = {
    "type": "object",
    "properties": {INPUT: {"type": "string"}},
    "required": [INPUT],
    "additionalProperties": False,
}
CALL: Final = "custom_tool_call"
OUTPUT: Final = "custom_tool_call_output"
_CUSTOM: Final = "custom"
"""The type of a tool, of a choice of one, and of its call in OpenAI's chat."""
_ENCODE: Final = msgspec.json.Encoder().encode
_ARGUMENTS: Final = msgspec.json.Decoder(dict[str, object]).decode


def custom_names(call: ChatCall) -> frozenset[str]:
    """The names of the custom tools that a call declares, or has called."""
    found = {_name_of(tool.value) for tool in call.tools if isinstance(tool, NativeTool) and _is_custom(tool)}
    for message in call.messages:
        for part in message.parts:
            called = _called(part) if isinstance(part, NativePart) else None
            if called is not None:
                found.add(called.name)
    return frozenset(found - {""})


def as_functions(call: ChatCall, changes: Changes) -> ChatCall:
    """The call with functions in the place of its custom tools, and of their calls and results."""
    if not custom_names(call):
        return call
    choice, native = _choice(call)
    return msgspec.structs.replace(
        call,
        messages=tuple([_message(message) for message in call.messages]),
        tools=tuple([_tool(tool, place, changes) for place, tool in enumerate(call.tools)]),
        tool_choice=choice,
        native=native,
    )


def restored(answer: ChatAnswer, names: frozenset[str], own: AnyDialect) -> ChatAnswer:
    """The answer with calls of custom tools again, as the caller's dialect has them."""
    if not names:
        return answer
    candidates = [
        msgspec.structs.replace(one, parts=tuple([_turned(part, names, own) for part in one.parts]))
        for one in answer.candidates
    ]
    return msgspec.structs.replace(answer, candidates=tuple(candidates))


class CustomCalls:
    """The same for the events of one stream."""

    __slots__ = ("_growing", "_names", "_own")

    def __init__(self, names: frozenset[str], own: AnyDialect) -> None:
        self._names = names
        self._own: AnyDialect = own
        self._growing: dict[int, tuple[PartBegan, list[str]]] = {}

    def take(self, event: Event) -> list[Event]:
        """The events that one becomes."""
        match event:
            case PartBegan(part=ToolCall() as part) if part.name in self._names:
                self._growing[event.number] = (event, [part.arguments])
                return []
            case ArgumentsDelta() if event.number in self._growing:
                self._growing[event.number][1].append(event.json)
                return []
            case SealDelta() if event.number in self._growing:
                return []
            case PartEnded() if event.number in self._growing:
                began, pieces = self._growing.pop(event.number)
                call = cast("ToolCall", began.part)
                call = msgspec.structs.replace(call, arguments="".join(pieces))
                whole = _turned(call, self._names, self._own)
                return [msgspec.structs.replace(began, part=whole), event]
            case _:
                return [event]


def _is_custom(tool: NativeTool) -> bool:
    return tool.kind == _CUSTOM and tool.dialect in ("openai-chat", "openai-responses")


def _said(value: Fields) -> Fields:
    """What a tool, its choice or its call says: OpenAI's chat has it one level deeper."""
    inner = value.get(_CUSTOM)
    return cast("Fields", inner) if isinstance(inner, dict) else value


def _name_of(value: Fields) -> str:
    name = _said(value).get("name")
    return name if isinstance(name, str) else ""


def _tool(tool: Tool, place: int, changes: Changes) -> Tool:
    if not isinstance(tool, NativeTool) or not _is_custom(tool) or not _name_of(tool.value):
        return tool
    said = _said(tool.value)
    given = said.get("description")
    words = [given] if isinstance(given, str) and given else []
    where = f"tools[{place}]"
    changes.note(where, f"a custom tool is a function of one text, {INPUT!r}")
    grammar = _grammar(said)
    if grammar:
        words.append(grammar)
        changes.lose(f"{where}.format", "the grammar of its input is told to the model, and not enforced")
    return FunctionTool(
        name=_name_of(tool.value), description="\n\n".join(words) or None, parameters=PARAMETERS
    )


def _grammar(said: Fields) -> str:
    form = said.get("format")
    if not isinstance(form, dict):
        return ""
    fields = cast("Fields", form)
    inner = fields.get("grammar")
    rule = cast("Fields", inner) if isinstance(inner, dict) else fields
    syntax, definition = rule.get("syntax"), rule.get("definition")
    if not isinstance(syntax, str) or not isinstance(definition, str):
        return ""
    return f"The {INPUT} has to match this {syntax} grammar:\n{definition}"


def _choice(call: ChatCall) -> tuple[ToolChoice | None, Native | None]:
    """The choice of a custom tool, which stands among what only its dialect says."""
    native = call.native
    said = native.fields.get("tool_choice") if native is not None else None
    if native is None or not isinstance(said, dict):
        return call.tool_choice, native
    value = cast("Fields", said)
    if value.get("type") != _CUSTOM or not _name_of(value):
        return call.tool_choice, native
    left = {name: one for name, one in native.fields.items() if name != "tool_choice"}
    return ToolChoice(mode="named", names=(_name_of(value),)), msgspec.structs.replace(native, fields=left)


def _message(message: Message) -> Message:
    parts = [_function(part) for part in message.parts]
    if all(new is old for new, old in zip(parts, message.parts, strict=True)):
        return message
    is_result = any(isinstance(part, ToolResult) for part in parts)
    # An item of Responses is a message of its own: what is kept beside it was the item's form.
    is_item = message.native is not None and message.native.dialect == "openai-responses"
    return msgspec.structs.replace(
        message,
        role="tool" if is_result else message.role,
        parts=tuple(parts),
        native=None if is_item else message.native,
    )


def _function(part: Part) -> Part:
    if not isinstance(part, NativePart):
        return part
    return _called(part) or _result(part) or part


def _called(part: NativePart) -> ToolCall | None:
    value = part.value
    if part.kind == CALL and part.dialect == "openai-responses":
        identifier = value.get("call_id")
    elif part.kind == CALL_KIND and value.get("type") == _CUSTOM and part.dialect == "openai-chat":
        identifier = value.get("id")
    else:
        return None
    said = _said(value)
    name, text = said.get("name"), said.get(INPUT)
    if not (isinstance(identifier, str) and isinstance(name, str) and isinstance(text, str)):
        return None
    return ToolCall(id=identifier, name=name, arguments=_ENCODE({INPUT: text}).decode())


def _result(part: NativePart) -> ToolResult | None:
    if part.kind != OUTPUT or part.dialect != "openai-responses":
        return None
    identifier, output = part.value.get("call_id"), part.value.get("output")
    if not isinstance(identifier, str):
        return None
    if isinstance(output, str):
        return ToolResult(call_id=identifier, parts=(Text(text=output),))
    values = objects_in(output)
    return None if values is None else ToolResult(call_id=identifier, parts=read_contents(values))


def _turned(part: Part, names: frozenset[str], own: AnyDialect) -> Part:
    if not isinstance(part, ToolCall) or part.name not in names:
        return part
    text = _input_of(part.arguments)
    if own == "openai-responses":
        value: Fields = {"type": CALL, "status": "completed", "call_id": part.id}
        return NativePart(dialect=own, kind=CALL, value={**value, "name": part.name, INPUT: text})
    value = {"id": part.id, "type": _CUSTOM, _CUSTOM: {"name": part.name, INPUT: text}}
    return NativePart(dialect=own, kind=CALL_KIND, value=value)


def _input_of(arguments: str) -> str:
    """The text of a call; a model that did not keep to the one text is taken at its word."""
    try:
        text = _ARGUMENTS(arguments).get(INPUT)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return arguments
    return text if isinstance(text, str) else arguments

"""Structured output on a target that has none: the schema as a forced tool, or as an instruction. Pure.

How a call is prepared follows from the call and the target alone: by the two its answer is restored.
Whether the answer keeps the schema: `wire.dialects.validating`. A stream: `wire.dialects.structured_stream`.
"""

from typing import Final, Literal

import msgspec

from headgate.core.chat import (
    Candidate,
    ChatAnswer,
    ChatCall,
    Fields,
    Finish,
    FunctionTool,
    Message,
    Part,
    Text,
    ToolCall,
    ToolChoice,
)
from headgate.core.quirks import Quirks
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.fields import decode
from headgate.wire.dialects.identifiers import names_of
from headgate.wire.dialects.nulls import without_nulls
from headgate.wire.dialects.references import expanded, moved_below, root_of
from headgate.wire.dialects.thinking import is_on
from headgate.wire.dialects.validating import repairing, violations

__all__ = ["Manner", "answer_tool", "manner_of", "prepared", "repairing", "restored", "violations"]

ANSWER_TOOL: Final = "final_answer"
WRAPPED: Final = "answer"
"""The member that holds an answer whose schema is no object's: a tool's arguments are one."""

Manner = Literal["none", "native", "tool", "instruction"]

_TOOL_DESCRIPTION: Final = "Gives the final answer: its arguments are the whole of it."
_OBJECT: Final = "Answer with one JSON object and nothing else: no words around it, and no code fence."
_SCHEMA: Final = (
    "Answer with JSON and nothing else: no words around it, and no code fence. "
    "It has to be valid by this JSON schema:\n"
)


def manner_of(call: ChatCall, quirks: Quirks) -> Manner:
    """How a target is made to keep the form that a call asks for; `none` where it asks for none, or for a
    tool's call instead."""
    output = call.output
    if output is None or output.kind == "text":
        return "none"
    if quirks.schema == "native":
        return "native"
    if output.kind == "json" or output.schema is None:
        return "instruction"
    if call.tools and call.tool_choice is not None and call.tool_choice.mode in ("required", "named"):
        return "none"
    if quirks.schema == "instruction" or not quirks.takes_forced_tool:
        return "instruction"
    if not quirks.takes_forced_tool_with_thinking and is_on(call.thinking):
        return "instruction"
    return "tool"


def prepared(call: ChatCall, quirks: Quirks, changes: Changes) -> ChatCall:
    """The call with its output's form as a forced tool or an instruction, where the target has no other way.

    To be done before the call is written; `restored` and `structured_stream` turn the answer back.
    """
    output = call.output
    manner = manner_of(call, quirks)
    if output is None or manner == "none":
        return call if output is None or output.kind == "text" else _without_output(call, changes)
    if manner == "native":
        return _naming_json(call, changes) if output.kind == "json" else call
    if manner == "tool" and output.schema is not None:
        changes.note("response_format", "the schema is that of a tool which the model has to call")
        return _with_tool(call, output.schema, quirks)
    changes.note("response_format", "is asked for by an instruction")
    text = _OBJECT if output.schema is None else _SCHEMA + msgspec.json.encode(output.schema).decode()
    return msgspec.structs.replace(_instructed(call, text), output=None)


def _without_output(call: ChatCall, changes: Changes) -> ChatCall:
    changes.note("response_format", "the answer is the call of a tool, which has its own schema")
    return msgspec.structs.replace(call, output=None)


def _naming_json(call: ChatCall, changes: Changes) -> ChatCall:
    """Some targets refuse to answer in JSON unless a message says the word (44)."""
    for message in call.messages:
        if any(isinstance(part, Text) and "json" in part.text.lower() for part in message.parts):
            return call
    changes.note("response_format", "an instruction says that the answer is JSON")
    return _instructed(call, _OBJECT)


def _instructed(call: ChatCall, text: str) -> ChatCall:
    place = 0
    for message in call.messages:
        if message.role not in ("system", "developer"):
            break
        place += 1
    said = Message(role="system", parts=(Text(text=text),))
    return msgspec.structs.replace(call, messages=(*call.messages[:place], said, *call.messages[place:]))


def answer_tool(call: ChatCall) -> str:
    """The name of the tool that stands for the answer: none that the call's own tools have."""
    used = {tool.name for tool in call.tools if isinstance(tool, FunctionTool)}
    used.update(
        part.name for message in call.messages for part in message.parts if isinstance(part, ToolCall)
    )
    name, count = ANSWER_TOOL, 1
    while name in used:
        count += 1
        name = f"{ANSWER_TOOL}_{count}"
    return name


def _with_tool(call: ChatCall, schema: Fields, quirks: Quirks) -> ChatCall:
    output = call.output
    name = answer_tool(call)
    tool = FunctionTool(
        name=name,
        description=(output.description if output is not None else None) or _TOOL_DESCRIPTION,
        parameters=_parameters(schema),
        strict=output.strict if output is not None else None,
    )
    may_call_others = bool(call.tools) and (call.tool_choice is None or call.tool_choice.mode == "auto")
    choice = ToolChoice(mode="required") if may_call_others else ToolChoice(mode="named", names=(name,))
    return msgspec.structs.replace(
        call,
        tools=(*call.tools, tool),
        tool_choice=choice,
        parallel_tools=False if quirks.takes_parallel_flag and not may_call_others else call.parallel_tools,
        output=None,
    )


def is_wrapped(schema: Fields) -> bool:
    """Whether the tool's arguments hold the answer in a member of their own."""
    root = root_of(schema)
    return root.get("type") != "object" and "properties" not in root


def _parameters(schema: Fields) -> Fields:
    if not is_wrapped(schema):
        return expanded(schema, Changes(), "", keeps_recursion=True) if "$ref" in schema else schema
    inner, definitions = moved_below(schema, WRAPPED)
    found: Fields = {
        "type": "object",
        "properties": {WRAPPED: inner},
        "required": [WRAPPED],
        "additionalProperties": False,
    }
    return {**found, **definitions}


def restored(answer: ChatAnswer, call: ChatCall, quirks: Quirks, changes: Changes) -> ChatAnswer:
    """The answer to a prepared call, as one to the call as it came (`call`, before `prepared`).

    Tools have the caller's names again, where the target took others (`identifiers.Names`).
    The tool that stood for the answer is its text again, without words around it; null is left out where the
    schema does not have it. An answer that keeps to nothing stays as it is: `violations` says where it fails.
    """
    answer = names_of(call, quirks).answer(answer)
    manner = manner_of(call, quirks)
    if manner == "none":
        return answer
    candidates = tuple(_restored(one, call, manner, quirks, changes) for one in answer.candidates)
    return msgspec.structs.replace(answer, candidates=candidates)


def _restored(
    candidate: Candidate, call: ChatCall, manner: Manner, quirks: Quirks, changes: Changes
) -> Candidate:
    if manner == "tool":
        candidate = _text_of_tool(candidate, call, changes)
    elif manner == "instruction":
        candidate = _without_fences(candidate)
    schema = call.output.schema if call.output is not None else None
    if schema is None or quirks.schema_subset != "openai-strict" or manner == "instruction":
        return candidate
    parts = tuple(
        msgspec.structs.replace(one, text=without_nulls(one.text, schema)) if isinstance(one, Text) else one
        for one in candidate.parts
    )
    return msgspec.structs.replace(candidate, parts=parts)


def _text_of_tool(candidate: Candidate, call: ChatCall, changes: Changes) -> Candidate:
    name = answer_tool(call)
    given = [part for part in candidate.parts if isinstance(part, ToolCall) and part.name == name]
    if not given:
        return candidate
    parts: list[Part] = []
    for part in candidate.parts:
        if part is given[0]:
            parts.append(Text(text=answer_text(given[0].arguments, call), seal=given[0].seal))
        elif isinstance(part, Text):
            changes.lose("answer", "the model's words beside what the schema asks for are left out")
        elif isinstance(part, ToolCall) and part.name == name:
            changes.lose("answer", "the model gave its answer more than once: the first counts")
        else:
            parts.append(part)
    finish = candidate.finish
    if not any(isinstance(part, ToolCall) for part in parts):
        finish = finish_of_text(finish)
    return msgspec.structs.replace(candidate, parts=tuple(parts), finish=finish)


def finish_of_text(finish: Finish | None) -> Finish | None:
    """Why an answer ends whose only tool was the answer itself."""
    if finish is None or finish.reason != "tool_calls":
        return finish
    return msgspec.structs.replace(finish, reason="stop")


def answer_text(arguments: str, call: ChatCall) -> str:
    """The answer in the arguments of the tool that stands for it; the arguments, where it is not in them."""
    schema = call.output.schema if call.output is not None else None
    if schema is None or not is_wrapped(schema):
        return arguments
    try:
        held = msgspec.json.decode(arguments, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return arguments
    return bytes(held[WRAPPED]).decode() if WRAPPED in held else arguments


def _without_fences(candidate: Candidate) -> Candidate:
    texts = [part for part in candidate.parts if isinstance(part, Text)]
    if len(texts) != 1:
        return candidate
    plain = without_fence(texts[0].text)
    if plain == texts[0].text:
        return candidate
    changed = msgspec.structs.replace(texts[0], text=plain)
    parts = tuple(changed if part is texts[0] else part for part in candidate.parts)
    return msgspec.structs.replace(candidate, parts=parts)


def without_fence(text: str) -> str:
    """The JSON inside a code fence, where the text is nothing else."""
    trimmed = text.strip()
    if not (trimmed.startswith("```") and trimmed.endswith("```") and len(trimmed) >= 6):
        return text
    _, newline, inner = trimmed[:-3].partition("\n")
    try:
        decode(inner)
    except ValueError:
        return text
    return inner.strip() if newline else text

"""The words of a recorded call in the shape of `gen_ai.input.messages` and `gen_ai.output.messages`. Pure.

A message is `{role, parts: [{type, ...}], finish_reason}`. What can't be read, such as a body of which only
head and tail were kept, gives nothing. Source: open-telemetry/semantic-conventions-genai, the JSON schemas of
input and output messages.
"""

from collections.abc import Sequence
from typing import Any, Final, cast

import msgspec

from headgate.core.call import AnyDialect
from headgate.core.chat import (
    Candidate,
    ChatAnswer,
    ChatCall,
    Fields,
    FunctionTool,
    Media,
    Message,
    NativePart,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
)
from headgate.core.faults import Fault
from headgate.records.model import Bodies
from headgate.traces.sending.model import Spoken
from headgate.wire.dialects.model import Codec
from headgate.wire.dialects.recorded import read_recorded
from headgate.wire.dialects.registry import codec_of

FINISHES: Final = {"tool_calls": "tool_call", "content_filter": "content_filter"}
"""Reasons that the conventions have another word for."""
_JSON: Final = msgspec.json.Encoder().encode


def spoken_of(dialect: str, model: str, bodies: Bodies) -> Spoken:
    """The words of a call, as far as they were recorded whole; empty for what is no chat."""
    codec = codec_of(cast("AnyDialect", dialect))
    if codec is None:
        return Spoken()
    call = None if bodies.request_digest else _call(codec, model, bodies.request)
    answer = None
    if not bodies.response_digest:
        answer = read_recorded(dialect, bodies.response, bodies.response_content_type)
    return msgspec.structs.replace(_said(call), **_told(answer))


def _call(codec: Codec, model: str, body: bytes) -> ChatCall | None:
    try:
        return codec.read_call(body, model=model)
    except Fault:
        return None


def _said(call: ChatCall | None) -> Spoken:
    if call is None:
        return Spoken()
    first = next((place for place, one in enumerate(call.messages) if one.role != "system"), None)
    split = len(call.messages) if first is None else first
    system = [part for message in call.messages[:split] for part in _parts(message.parts)]
    return Spoken(
        input=_list([_message(message) for message in call.messages[split:]]),
        system=_list(system),
        tools=_list([_tool(tool) for tool in call.tools if isinstance(tool, FunctionTool)]),
    )


def _told(answer: ChatAnswer | None) -> dict[str, Any]:
    if answer is None:
        return {}
    finishes = [_finish(candidate) for candidate in answer.candidates]
    return {
        "output": _list([_candidate(candidate) for candidate in answer.candidates]),
        "model": answer.model,
        "finish_reasons": tuple([one for one in finishes if one]),
    }


def _list(items: Sequence[Fields]) -> str:
    return _JSON(items).decode() if items else ""


def _message(message: Message) -> Fields:
    role = "system" if message.role == "developer" else message.role
    return {"role": role, "parts": _parts(message.parts)}


def _candidate(candidate: Candidate) -> Fields:
    return {
        "role": "assistant",
        "parts": _parts(candidate.parts),
        "finish_reason": _finish(candidate) or "stop",
    }


def finish_reasons(reason: str) -> tuple[str, ...]:
    """Return why an answer ended in the conventions' words, by what its record says; empty for nothing."""
    return (FINISHES.get(reason, reason),) if reason else ()


def _finish(candidate: Candidate) -> str:
    reason = candidate.finish.reason if candidate.finish is not None else ""
    return FINISHES.get(reason, reason)


def _tool(tool: FunctionTool) -> Fields:
    described = {"description": tool.description, "parameters": tool.parameters}
    return {"type": "function", "name": tool.name, **{k: v for k, v in described.items() if v is not None}}


def _parts(parts: Sequence[Part]) -> list[Fields]:
    return [_part(part) for part in parts]


def _part(part: Part) -> Fields:
    match part:
        case Text():
            return {"type": "text", "content": part.text}
        case Refusal():
            return {"type": "refusal", "content": part.text}
        case Reasoning():
            return {"type": "reasoning", "content": part.text}
        case ToolCall():
            return {"type": "tool_call", "id": part.id, "name": part.name, "arguments": _json(part.arguments)}
        case ToolResult():
            texts = [one.text for one in part.parts if isinstance(one, Text)]
            whole = len(texts) == len(part.parts)
            result: object = "".join(texts) if whole else _parts(part.parts)
            return {"type": "tool_call_response", "id": part.call_id, "result": result}
        case Media():
            return _media(part)
        case NativePart():
            return {"type": part.kind or "unknown", "content": part.value}


def _media(part: Media) -> Fields:
    known: Fields = {"modality": part.kind}
    if part.media_type is not None:
        known["mime_type"] = part.media_type
    if part.url is not None:
        return {"type": "uri", **known, "uri": part.url}
    if part.file_id is not None:
        return {"type": "file", **known, "file_id": part.file_id}
    return {"type": "blob", **known, "content": part.data or ""}


def _json(arguments: str) -> object:
    """The arguments of a call as a value, where they are JSON."""
    try:
        return msgspec.json.decode(arguments)
    except (msgspec.DecodeError, RecursionError):
        return arguments

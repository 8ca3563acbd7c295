"""The texts of a recorded call: its request as it stands, its answer as its dialect says it. Pure."""

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from headgate.core.chat import ChatAnswer, Part, Reasoning, Refusal, ToolCall
from headgate.core.chat import Text as TextPart
from headgate.traces.lineage.model import Step, Text, TextKind
from headgate.traces.lineage.texts import texts_of
from headgate.wire.dialects.recorded import read_recorded

_FIELDS: Final[dict[str, TextKind]] = {
    "instructions": "system",
    "system": "system",
    "systemInstruction": "system",
    "system_instruction": "system",
    "tools": "tools",
    "messages": "message",
    "input": "message",
    "contents": "message",
    "prompt": "message",
}
"""The members of a request that a model reads, in the order in which it does."""


def with_call(step: Step, dialect: str, request: bytes, response: bytes, content_type: str) -> Step:
    """Return a step with the texts of its recorded call, where it has none of its own."""
    members = _members(request)
    inputs = [
        msgspec.structs.replace(text, part=f"/request{text.part}")
        for name, kind in _FIELDS.items()
        if name in members
        for text in texts_of(name, bytes(members[name]).decode("utf-8", "replace"), kind, step)
    ]
    # An error, or an answer of which only head and tail were kept, says nothing that went on.
    answer = read_recorded(dialect, response, content_type)
    outputs = [] if answer is None else list(_texts(answer))
    previous = step.previous_response_id
    if not previous and "previous_response_id" in members:
        said = msgspec.json.decode(members["previous_response_id"])
        previous = said if isinstance(said, str) else ""
    return msgspec.structs.replace(
        step,
        inputs=step.inputs or tuple(inputs),
        outputs=step.outputs or tuple(outputs),
        previous_response_id=previous,
    )


def _members(body: bytes) -> dict[str, msgspec.Raw]:
    """The members of a request; none where only its head and tail were kept, or it is no JSON."""
    try:
        return msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, RecursionError):
        return {}


def _texts(answer: ChatAnswer) -> Iterator[Text]:
    for number, candidate in enumerate(answer.candidates):
        for place, part in enumerate(candidate.parts):
            found = _text(f"/response/{number}/parts/{place}", part)
            if found is not None:
                yield found


def _text(where: str, part: Part) -> Text | None:
    match part:
        case TextPart() | Reasoning() | Refusal():
            # What a model thinks is read by nobody else, and what it claims stands in its answer.
            name = "reasoning" if isinstance(part, Reasoning) else ""
            said = Text(part=where, value=part.text, kind="message", role="assistant", name=name)
            return said if part.text else None
        case ToolCall():
            known: dict[str, Any] = {"role": "assistant", "name": part.name, "call_id": part.id}
            return Text(part=where, value=part.arguments, kind="tool_call", **known)
        case _:
            return None

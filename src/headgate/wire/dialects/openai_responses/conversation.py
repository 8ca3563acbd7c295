"""Messages as items of `input`: those of this dialect as they came, those of others in its words. Pure.

Read next: `items`, `carrying`.
"""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from headgate.core.chat import (
    Fields,
    Media,
    Message,
    NativePart,
    Part,
    Reasoning,
    Refusal,
    Seal,
    Text,
    ToolCall,
    ToolResult,
)
from headgate.core.quirks import Quirks
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.openai_responses.items import (
    Item,
    function_call,
    function_output,
    write_item,
)
from headgate.wire.dialects.openai_responses.parts import contents, is_plain
from headgate.wire.dialects.openai_responses.spelling import OWN, restored, words_of

INSTRUCTIONS: Final = "instructions"
INPUT: Final = "input"
FAILED: Final = "The tool failed:"


def put_back(read: Iterable[tuple[Item, Message]]) -> list[Message]:
    """The messages with each seal that stood in an item of its own in the part that it belongs to."""
    found: list[Message] = []
    waiting: tuple[Seal, Message] | None = None
    for item, message in read:
        held = item.held
        if held is not None and held.whose == "last" and found:
            sealed = with_seal(found[-1].parts, held.seal, at_end=True)
            if sealed is not None:
                found[-1] = msgspec.structs.replace(found[-1], parts=sealed)
                continue
        if waiting is not None:
            sealed = with_seal(message.parts, waiting[0], at_end=False) if item.role == "assistant" else None
            if sealed is None:
                found.append(waiting[1])
            else:
                message = msgspec.structs.replace(message, parts=sealed)
            waiting = None
        if held is not None and held.whose == "next":
            waiting = held.seal, message
            continue
        found.append(message)
    if waiting is not None:
        found.append(waiting[1])
    return found


def with_seal(parts: Sequence[Part], seal: Seal, *, at_end: bool) -> tuple[Part, ...] | None:
    """The parts with a seal on the first, or last, that can have one; None where none can."""
    places = [place for place, part in enumerate(parts) if isinstance(part, Text | ToolCall)]
    if not places:
        return None
    place = places[-1 if at_end else 0]
    part = parts[place]
    if not isinstance(part, Text | ToolCall) or part.seal is not None:
        return None
    return (*parts[:place], msgspec.structs.replace(part, seal=seal), *parts[place + 1 :])


def own_items(messages: Sequence[Message], quirks: Quirks, changes: Changes) -> list[Fields]:
    """Write a conversation of this dialect as it came, but for what other makers sealed (35, 37)."""
    makers = frozenset({OWN, quirks.maker or OWN})
    found: list[Fields] = []
    for place, message in enumerate(messages):
        where = f"input[{place}]"
        if _is_foreign(message, makers):
            changes.lose(where, "another provider's reasoning is no part of what the model said")
            continue
        parts = [_bare(part, makers, changes, where) for part in message.parts]
        native = message.native
        left = native.fields if native is not None and native.dialect == OWN else {}
        found.append(write_item(parts, left, words_of(native), message.role, changes, where=where))
    return found


def _is_foreign(message: Message, makers: frozenset[str]) -> bool:
    return any(
        isinstance(part, Reasoning) and part.seal is not None and part.seal.maker not in makers
        for part in message.parts
    )


def _bare(part: Part, makers: frozenset[str], changes: Changes, where: str) -> Part:
    """A part as its provider takes it: a seal of its own without a mark, that of another maker gone."""
    if isinstance(part, Reasoning):
        if part.seal is not None and part.seal.maker in makers:
            return msgspec.structs.replace(part, seal=Seal(OWN, part.seal.data))
        return part
    if isinstance(part, Text | ToolCall) and part.seal is not None:
        changes.lose(where, "another provider's signature goes back to it only")
        return msgspec.structs.replace(part, seal=None)
    return part


def written_items(messages: Sequence[Message], changes: Changes) -> list[Fields]:
    """Write a conversation of another dialect, arranged already."""
    found: list[Fields] = []
    for place, message in enumerate(messages):
        where = f"messages[{place}]"
        if message.name is not None:
            changes.lose(f"{where}.name", "Responses has no names of speakers")
        if message.native is not None:
            restored({}, message.native, changes, where)
        if message.role == "assistant":
            found.extend(_assistant(message.parts, changes, where))
        else:
            found.extend(_others(message, changes, where))
    return found


def _others(message: Message, changes: Changes, where: str) -> list[Fields]:
    found: list[Fields] = []
    rest: list[Part] = []
    for part in message.parts:
        if isinstance(part, ToolResult):
            found.append(_result(part, changes, where))
        elif isinstance(part, NativePart) and part.dialect == OWN:
            found.append(part.value)
        else:
            rest.append(part)
    if rest:
        role = "user" if message.role == "tool" else message.role
        content: object = contents(rest, "input_text", changes, f"{where}.content")
        first = rest[0]
        if (
            is_plain(rest)
            and isinstance(first, Text)
            and (first.native is None or first.native.dialect != OWN)
        ):
            content = first.text
        if content:
            found.append({"type": "message", "role": role, "content": content})
    return found


def _result(part: ToolResult, changes: Changes, where: str) -> Fields:
    if part.native is not None:
        restored({}, part.native, changes, where)
    if part.cache is not None:
        changes.lose(f"{where}.cache_control", "OpenAI caches prefixes by itself")
    if not part.is_error:
        said = part if part.parts else msgspec.structs.replace(part, parts=(Text(text=""),))
        return function_output(said, changes, where, is_text=is_plain(said.parts))
    changes.note(f"{where}.is_error", "Responses has no mark of a failure: a text says it")
    first = part.parts[0] if len(part.parts) == 1 else None
    if isinstance(first, Text):
        marked: tuple[Part, ...] = (Text(text=f"{FAILED} {first.text}"),)
        return function_output(msgspec.structs.replace(part, parts=marked), changes, where, is_text=True)
    marked = (Text(text=FAILED), *part.parts)
    return function_output(msgspec.structs.replace(part, parts=marked), changes, where, is_text=False)


def _assistant(parts: Sequence[Part], changes: Changes, where: str) -> list[Fields]:
    found: list[Fields] = []
    reasons: list[Reasoning] = []
    for part in parts:
        if isinstance(part, Reasoning):
            reasons.append(part)
            if part.seal is not None:
                found.append(_reasoning(reasons))
                reasons = []
            continue
        if reasons:
            found.append(_reasoning(reasons))
            reasons = []
        written = _said(part, changes, where)
        if written is not None:
            found.append(written)
    if reasons:
        found.append(_reasoning(reasons))
    return found


def _said(part: Part, changes: Changes, where: str) -> Fields | None:
    match part:
        case Text():
            if part.native is not None:
                restored({}, part.native, changes, where)
            if part.cache is not None:
                changes.lose(f"{where}.cache_control", "OpenAI caches prefixes by itself")
            if part.citations:
                changes.lose(f"{where}.citations", "what an earlier text cites is not said")
            return {"type": "message", "role": "assistant", "content": part.text}
        case Refusal():
            changes.note(where, "a refusal of an earlier turn is written as text")
            return {"type": "message", "role": "assistant", "content": part.text}
        case ToolCall():
            if part.native is not None:
                restored({}, part.native, changes, where)
            return function_call(part)
        case NativePart(dialect="openai-responses"):
            return part.value
        case Media():
            changes.alter(where, f"Responses has no {part.kind} of the assistant's; it was left out")
            return None
        case _:
            changes.alter(where, "a part of the assistant's turn has no place in Responses; it was left out")
            return None


def _reasoning(parts: Sequence[Reasoning]) -> Fields:
    """Reasoning of this provider's own that came back through another dialect: its seal and its summary."""
    fields: Fields = {
        "type": "reasoning",
        "summary": [{"type": "summary_text", "text": one.text} for one in parts if one.text],
    }
    identifier = next((one.id for one in parts if one.id.startswith("rs_")), "")
    if identifier:
        fields["id"] = identifier
    seal = parts[-1].seal
    if seal is not None:
        fields["encrypted_content"] = seal.data
    return fields

"""Items of a call's input and of an answer's output, read into parts and written again as they were.

One item is one message's worth of parts; what the item says beyond them is `left`, and how it was spelled
`words`. A call keeps both beside its message, an answer beside the item's first part. An item that has no
word here, or not its form, is one `NativePart` (trap 47). Read next: `parts`, `carrying`.
"""

from collections.abc import Sequence
from typing import Final, cast

import msgspec

from headgate.core.chat import (
    Fields,
    NativePart,
    Part,
    Reasoning,
    Role,
    Seal,
    Text,
    ToolCall,
    ToolResult,
)
from headgate.wire.dialects.carrying import Carried, carried, taken
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.fields import Taking, objects_in
from headgate.wire.dialects.openai_responses.parts import contents, read_contents
from headgate.wire.dialects.openai_responses.spelling import OWN, filled

_ROLES: Final[dict[str, Role]] = {
    "user": "user",
    "assistant": "assistant",
    "system": "system",
    "developer": "developer",
}
WHOLE: Final = "item"
"""The item is a part of its own."""
TEXT: Final = "string"
"""The content or output is a string."""
UNTYPED: Final = "untyped"
"""A message that does not say that it is one."""
HOLLOW: Final = "hollow"
"""A reasoning item without a text: its one part stands for it."""
SUMMARY: Final = "summary"
CONTENT: Final = "content"


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One item, read."""

    role: Role
    parts: tuple[Part, ...]
    left: Fields
    words: tuple[str, ...] = ()
    held: Carried | None = None
    """A reasoning item's seal, where it has one."""


def read_item(value: Fields) -> Item:
    """Read one item."""
    kind = value.get("type")
    found: Item | None = None
    if kind == "message" or (kind is None and "role" in value):
        found = _message(value)
    elif kind == "function_call":
        found = _function_call(value)
    elif kind == "function_call_output":
        found = _function_call_output(value)
    elif kind == "reasoning":
        found = _reasoning(value)
    return _whole(value) if found is None else found


def _whole(value: Fields) -> Item:
    named = value.get("type")
    kind = named if isinstance(named, str) else "message" if "role" in value else "item_reference"
    role = value.get("role")
    known = _ROLES.get(role) if isinstance(role, str) else None
    part = NativePart(dialect=OWN, kind=kind, value=value)
    return Item(
        role=known or ("tool" if kind.endswith("_output") else "assistant"),
        parts=(part,),
        left={},
        words=(WHOLE,),
    )


def _message(value: Fields) -> Item | None:
    taking = Taking(value)
    words: list[str] = []
    if taking.left.pop("type", None) is None:
        if "type" in value:
            return None
        words.append(UNTYPED)
    said = taking.text("role")
    role = _ROLES.get(said) if said is not None else None
    if role is None:
        return None
    text = taking.text("content")
    if text is not None:
        return Item(role=role, parts=(Text(text=text),), left=taking.left, words=(TEXT, *words))
    values = taking.objects("content")
    if values is None:
        return None
    return Item(role=role, parts=read_contents(values), left=taking.left, words=tuple(words))


def _function_call(value: Fields) -> Item | None:
    taking = Taking(value)
    call_id, name, arguments = taking.text("call_id"), taking.text("name"), taking.text("arguments")
    if call_id is None or name is None or arguments is None:
        return None
    del taking.left["type"]
    call = ToolCall(id=call_id, name=name, arguments=arguments)
    return Item(role="assistant", parts=(call,), left=taking.left)


def _function_call_output(value: Fields) -> Item | None:
    taking = Taking(value)
    call_id = taking.text("call_id")
    if call_id is None:
        return None
    name = filled(taking, "name") or ""
    text = taking.text("output")
    words: tuple[str, ...] = (TEXT,)
    parts: tuple[Part, ...]
    if text is not None:
        parts = (Text(text=text),)
    else:
        values = taking.objects("output")
        if values is None:
            return None
        parts, words = read_contents(values), ()
    del taking.left["type"]
    result = ToolResult(call_id=call_id, parts=parts, name=name)
    return Item(role="tool", parts=(result,), left=taking.left, words=words)


def _reasoning(value: Fields) -> Item | None:
    taking = Taking(value)
    del taking.left["type"]
    words: list[str] = []
    texts: list[tuple[bool, str]] = []
    for name, kind in ((SUMMARY, "summary_text"), (CONTENT, "reasoning_text")):
        if taking.left.get(name) is None:
            continue
        found = _plain_texts(taking.left.pop(name), kind)
        if found is None:
            return None
        words.append(name)
        texts.extend((kind == "summary_text", one) for one in found)
    encrypted = filled(taking, "encrypted_content")
    held = taken(OWN, encrypted) if encrypted is not None else None
    identifier = filled(taking, "id") or ""
    if not texts:
        words.append(HOLLOW)
        texts.append((False, ""))
    is_hollow = HOLLOW in words
    is_plain = held is not None and held.seal.maker != OWN and not held.is_summary
    parts: list[Part] = [
        Reasoning(text=text, is_summary=is_summary and not is_plain, id=identifier)
        for is_summary, text in texts
    ]
    if held is not None:
        is_redacted = held.is_redacted or (is_hollow and held.seal.maker == OWN)
        last = cast("Reasoning", parts[-1])
        parts[-1] = msgspec.structs.replace(last, seal=held.seal, is_redacted=is_redacted)
    return Item(role="assistant", parts=tuple(parts), left=taking.left, words=tuple(words), held=held)


def _plain_texts(value: object, kind: str) -> list[str] | None:
    """The texts of a list whose parts are of one kind and say nothing else."""
    found: list[str] = []
    values = objects_in(value)
    if values is None:
        return None
    for one in values:
        text = one.get("text")
        if one.get("type") != kind or len(one) != 2 or not isinstance(text, str):
            return None
        found.append(text)
    return found


def write_item(
    parts: Sequence[Part], left: Fields, words: Sequence[str], role: Role, changes: Changes, *, where: str
) -> Fields:
    """Write an item that was read from this dialect, seals of other makers still in it."""
    first = parts[0] if parts else None
    if isinstance(first, NativePart) and WHOLE in words:
        return first.value
    if isinstance(first, ToolCall):
        return {**function_call(first), **left}
    if isinstance(first, ToolResult):
        fields = function_output(first, changes, where, is_text=TEXT in words)
        return {**fields, **({"name": first.name} if first.name else {}), **left}
    if isinstance(first, Reasoning):
        return {**_write_reasoning(parts, words), **left}
    message: Fields = {"role": role} if UNTYPED in words else {"type": "message", "role": role}
    if TEXT in words and isinstance(first, Text):
        message["content"] = first.text
    else:
        kind = "output_text" if role == "assistant" else "input_text"
        message["content"] = contents(parts, kind, changes, f"{where}.content")
    return {**message, **left}


def function_call(part: ToolCall) -> Fields:
    """A tool call as an item; its own id, where it has one, is the caller's to add."""
    return {
        "type": "function_call",
        "call_id": part.id,
        "name": part.name,
        "arguments": part.arguments,
    }


def function_output(part: ToolResult, changes: Changes, where: str, *, is_text: bool) -> Fields:
    """A tool's result as an item; images and files may stand in it (trap 32)."""
    fields: Fields = {"type": "function_call_output", "call_id": part.call_id}
    first = part.parts[0] if part.parts else None
    if is_text and isinstance(first, Text):
        fields["output"] = first.text
    else:
        fields["output"] = contents(part.parts, "input_text", changes, f"{where}.output")
    return fields


def _write_reasoning(parts: Sequence[Part], words: Sequence[str]) -> Fields:
    fields: Fields = {"type": "reasoning"}
    texts = [one for one in parts if isinstance(one, Reasoning)]
    if texts[0].id:
        fields["id"] = texts[0].id
    shown = [] if HOLLOW in words else texts
    sealed = next((one for one in texts if one.seal is not None), None)
    in_summary = sealed is not None and _says_plain(sealed.seal)
    for name, kind in ((SUMMARY, "summary_text"), (CONTENT, "reasoning_text")):
        if name in words:
            wanted = name == SUMMARY
            fields[name] = [
                {"type": kind, "text": one.text} for one in shown if (one.is_summary or in_summary) == wanted
            ]
    if sealed is not None and sealed.seal is not None:
        fields["encrypted_content"] = carried(OWN, sealed.seal, sealed, keeps_id=False)
    return fields


def _says_plain(seal: Seal | None) -> bool:
    """Whether a seal is one whose reasoning a translation put into the summary."""
    return seal is not None and seal.maker != OWN

"""Parts, written as members of Cohere's messages. Pure; what can't be said is told.

What was read from this dialect goes back as it was spelled. Read next: `parts_in`, `calls`, `answers`.
"""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from headgate.core.chat import (
    Citation,
    Fields,
    Media,
    Native,
    NativePart,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
)
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.cohere.parts_in import CALL_KIND, LISTED, OWN, PLAN
from headgate.wire.dialects.fields import put_native, shape_of
from headgate.wire.dialects.openai_chat.parts_out import address_of

HARMLESS: Final = frozenset(
    {"id", "index", "type", "status", "object", "phase", "caller", "partMetadata", "thought"}
)
"""Members of foreign parts on which no answer depends."""


class Writing(msgspec.Struct, frozen=True, kw_only=True):
    """What is being written. `is_own`: it was read from this dialect."""

    changes: Changes
    is_own: bool
    takes_image_urls: bool = True


def restore(fields: Fields, native: Native | None, inner: str, changes: Changes, where: str) -> Fields:
    """Put a node's native members back, those of its object `inner` into that one."""
    return put_native(fields, native, OWN, changes, where, harmless=HARMLESS, inner=inner)


def is_plan(part: Part) -> bool:
    """Whether a part is what the model means to do with its tools."""
    return isinstance(part, Reasoning) and shape_of(part.native, OWN) == PLAN


def is_content(part: Part) -> bool:
    """Whether a part stands in its message's content, and not in a member of its own."""
    if isinstance(part, NativePart):
        return part.kind != CALL_KIND
    return isinstance(part, Text | Media | Refusal | Reasoning) and not is_plan(part)


def put_content(
    fields: Fields, parts: Iterable[Part], writing: Writing, *, shape: str = "", where: str
) -> None:
    """Write the parts that stand in a message's content, as text where that says it all."""
    written = [(part, entry_of(part, writing, where)) for part in parts if is_content(part)]
    found = [(part, entry) for part, entry in written if entry is not None]
    is_text = len(found) == 1 and isinstance(found[0][0], Text) and found[0][1].keys() <= {"type", "text"}
    if is_text and shape != LISTED:
        fields["content"] = found[0][1]["text"]
    elif found:
        fields["content"] = [entry for _, entry in found]


def entry_of(part: Part, writing: Writing, where: str) -> Fields | None:
    """Write a part as an object of the list of contents; None where it can't be said there."""
    match part:
        case Text() | Refusal():
            fields: Fields = {"type": "text", "text": part.text}
        case Reasoning():
            fields = {"type": "thinking", "thinking": part.text}
        case Media():
            why = "" if writing.is_own else _unsayable(part, writing)
            if why:
                writing.changes.alter(where, why)
                return None
            fields = {"type": "image_url", "image_url": {"url": address_of(part)}}
        case NativePart():
            if part.dialect == OWN:
                return part.value
            writing.changes.alter(where, f"Cohere has no part of the kind {part.kind}")
            return None
        case _:
            return None
    if isinstance(part, Text | Media) and part.cache is not None:
        writing.changes.lose(f"{where}.cache_control", "Cohere has no cache marks")
    return restore(fields, part.native, "image_url", writing.changes, where)


def _unsayable(part: Media, writing: Writing) -> str:
    """Why a foreign medium can't be said; empty where it can."""
    if part.kind != "image":
        return f"Cohere takes no {part.kind}"
    if part.file_id is not None:
        return "an uploaded file is known to its own provider only"
    if part.url is not None and not writing.takes_image_urls:
        return "the target takes no address of an image"
    return ""


def put_said(fields: Fields, parts: Sequence[Part], writing: Writing, *, shape: str = "", where: str) -> None:
    """Write what an assistant says, in a call's history or in an answer."""
    plans = [part.text for part in parts if isinstance(part, Reasoning) and is_plan(part)]
    if plans:
        fields[PLAN] = "".join(plans)
    put_content(fields, parts, writing, shape=shape, where=where)
    cited = list(_citations(parts, writing, where))
    if cited:
        fields["citations"] = cited
    calls = [_call(part, writing, where) for part in parts if not is_content(part) and not is_plan(part)]
    found = [call for call in calls if call is not None]
    if found:
        fields["tool_calls"] = found


def _citations(parts: Iterable[Part], writing: Writing, where: str) -> Iterable[Fields]:
    for place, part in enumerate(part for part in parts if is_content(part)):
        if isinstance(part, Text):
            for citation in part.citations:
                yield write_citation(citation, part.text, place, writing, where)


def write_citation(citation: Citation, text: str, place: int, writing: Writing, where: str) -> Fields:
    """Write one citation of the text that stands at that place of the content."""
    said: Fields = {"start": citation.start, "end": citation.end}
    fields: Fields = {name: value for name, value in said.items() if value is not None}
    if writing.is_own:
        return restore(fields, citation.native, "", writing.changes, where)
    start = citation.start if citation.start is not None else 0
    end = citation.end if citation.end is not None else len(text)
    document = {"title": citation.title, "url": citation.url, "snippet": citation.quote}
    held = {name: text for name, text in document.items() if text is not None}
    return {
        "start": start,
        "end": end,
        "text": text[start:end],
        "sources": [{"type": "document", "id": citation.url or citation.title or "", "document": held}],
        "content_index": place,
    }


def _call(part: Part, writing: Writing, where: str) -> Fields | None:
    if isinstance(part, NativePart):
        return part.value
    return tool_call_entry(part, writing, where) if isinstance(part, ToolCall) else None


def tool_call_entry(call: ToolCall, writing: Writing, where: str) -> Fields:
    """Write one tool call."""
    shape = shape_of(call.native, OWN)
    function: Fields = {"name": call.name}
    if shape == "empty" and call.arguments == "{}":
        function["arguments"] = ""
    elif shape != "none" or call.arguments != "{}":
        function["arguments"] = call.arguments or "{}"
    fields: Fields = {"id": call.id} if call.id or not writing.is_own else {}
    fields |= {"type": "function", "function": function}
    return restore(fields, call.native, "function", writing.changes, where)

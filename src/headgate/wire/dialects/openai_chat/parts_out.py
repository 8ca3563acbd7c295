"""Parts, written as members of OpenAI's chat messages. Pure; what can't be said is told.

What was read from this dialect goes back as it was spelled. Foreign reasoning and seals are carried to
clients only (`reasoning`), and foreign seals never to a provider. Read next: `parts_in`, `messages`,
`answers`.
"""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from headgate.core.chat import (
    Citation,
    Fields,
    Media,
    NativePart,
    Part,
    Reasoning,
    Refusal,
    Seal,
    Text,
    ToolCall,
)
from headgate.core.quirks import PLAIN, Quirks
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.fields import decode, shape_of
from headgate.wire.dialects.openai_chat.parts_in import AUDIO_TYPES, CALL_KIND, URL_KINDS
from headgate.wire.dialects.openai_chat.reasoning import (
    DETAILS,
    THINKING,
    entries_of,
    entry_of,
    shape_from,
)
from headgate.wire.dialects.openai_chat.spelling import OWN, SIGNATURE, restore, words_of
from headgate.wire.dialects.seals import wrapped

_AUDIO_WORDS: Final = {media_type: word for word, media_type in AUDIO_TYPES.items()} | {
    "audio/x-wav": "wav",
    "audio/wave": "wav",
    "audio/mp3": "mp3",
}
_MEMBERS: Final = {"image": "image_url", "video": "video_url"}


class Writing(msgspec.Struct, frozen=True, kw_only=True):
    """What is being written. `is_own`: it was read from this dialect. `maker`: whose seals a provider takes
    back; None for an answer, which carries every seal to its client."""

    changes: Changes
    is_own: bool
    maker: str | None = None
    quirks: Quirks = PLAIN

    def takes(self, seal: Seal | None) -> bool:
        """Whether a seal is written."""
        return seal is None or self.maker is None or seal.maker in (self.maker, OWN)

    def sealed(self, seal: Seal) -> str:
        """A seal as it is written: marked for a client, plain for the provider that made it."""
        return wrapped(seal, OWN) if self.maker is None else seal.data


def content_entry(part: Part, writing: Writing, where: str) -> Fields | None:
    """Write a part as an object of the list of contents; None where it can't be said there."""
    match part:
        case Text():
            fields: Fields = {"type": "text", "text": part.text}
        case Media():
            written = _media(part, writing, where)
            if written is None:
                return None
            fields = written
        case Refusal():
            fields = {"type": "refusal", "refusal": part.text}
        case Reasoning():
            fields = {"type": THINKING, THINKING: [{"type": "text", "text": part.text}]}
        case NativePart():
            if part.dialect == OWN:
                return part.value
            writing.changes.alter(where, f"OpenAI's chat has no part of the kind {part.kind}")
            return None
        case _:
            return None
    put_cache(fields, part, writing, where)
    return restore(fields, part.native, str(fields["type"]), writing.changes, where)


def put_cache(fields: Fields, part: Part | object, writing: Writing, where: str) -> None:
    """Write a cache mark back into its own dialect; OpenAI itself caches without being told."""
    mark = part.cache if isinstance(part, Text | Media | ToolCall) else None
    if mark is None:
        return
    if not writing.is_own:
        writing.changes.lose(f"{where}.cache_control", "OpenAI's chat has no cache marks")
        return
    fields["cache_control"] = (
        {"type": "ephemeral"} if mark.ttl is None else {"type": "ephemeral", "ttl": mark.ttl}
    )


def _media(part: Media, writing: Writing, where: str) -> Fields | None:
    why = "" if writing.is_own else _unsayable(part, writing.quirks)
    if why:
        writing.changes.alter(where, why)
        return None
    words = words_of(part.native)
    if part.kind == "audio":
        word = (part.media_type or "audio/wav").lower()
        spelled = _AUDIO_WORDS.get(word, word.removeprefix("audio/"))
        return {"type": "input_audio", "input_audio": {"data": part.data or "", "format": spelled}}
    if part.kind == "file" and "document_url" not in words:
        return {"type": "file", "file": _file(part, is_bare="bare" in words, is_own=writing.is_own)}
    member = next((word for word in words if word in URL_KINDS), _MEMBERS.get(part.kind, "image_url"))
    url = address_of(part)
    return {"type": member, member: url if "bare" in words else {"url": url}}


def _unsayable(part: Media, quirks: Quirks) -> str:
    """Why a foreign medium can't be said; empty where it can."""
    if part.kind == "video":
        return "OpenAI's chat takes no film"
    if part.file_id is not None:
        return "an uploaded file is known to its own provider only"
    if part.kind == "audio":
        return "" if part.data is not None and quirks.takes_audio else "the target takes no such sound"
    if part.kind == "file":
        return "" if part.data is not None and quirks.takes_file_data else "the target takes no such document"
    if part.url is not None and not quirks.takes_image_urls:
        return "the target takes no address of an image"
    return ""


def _file(part: Media, *, is_bare: bool, is_own: bool) -> Fields:
    fields: Fields = {}
    if part.file_id is not None:
        fields["file_id"] = part.file_id
    elif part.data is not None and is_bare:
        fields["file_data"] = part.data
    else:
        fields["file_data"] = address_of(part)
    if part.name is not None:
        fields["filename"] = part.name
    elif not is_own:
        fields["filename"] = "document." + (part.media_type or "application/pdf").rpartition("/")[2]
    return fields


def address_of(part: Media) -> str:
    """A medium's URL, or its bytes as one."""
    if part.url is not None:
        return part.url
    media_type = part.media_type or ("application/pdf" if part.kind == "file" else "image/png")
    return f"data:{media_type};base64,{part.data or ''}"


def is_content(part: Part) -> bool:
    """Whether a part stands in its message's content, and not in a member of its own."""
    match part:
        case Text():
            return True
        case Media():
            words = words_of(part.native)
            return "images" not in words and "audio" not in words
        case Refusal():
            return shape_of(part.native, OWN) == "part"
        case Reasoning():
            return shape_of(part.native, OWN) == THINKING
        case NativePart():
            return part.kind not in (CALL_KIND, "images")
        case _:
            return False


def put_content(
    fields: Fields, parts: Sequence[Part], writing: Writing, *, joint: str, shape: str, where: str
) -> None:
    """Write the parts that stand in a message's content, as text where that says it all.

    `joint` stands between foreign texts that become one: many families take a list of user's parts only.
    """
    held = [part for part in parts if is_content(part)]
    texts = [part for part in held if isinstance(part, Text)]
    is_plain = len(texts) == len(held)
    if writing.is_own and (shape == "parts" or not is_plain):
        fields["content"] = entries(held, writing, where)
        return
    if not held:
        return
    if not is_plain:
        written = entries(held, writing, where)
        if written:
            fields["content"] = written
        return
    if len(texts) > 1:
        writing.changes.note(f"{where}.content", "several texts are written as one")
    for text in texts:
        if not writing.is_own:
            put_cache({}, text, writing, where)
            restore({}, text.native, "", writing.changes, where)
    fields["content"] = joint.join(text.text for text in texts)


def entries(parts: Iterable[Part], writing: Writing, where: str) -> list[Fields]:
    """Write parts as the list of contents."""
    found = [content_entry(part, writing, where) for part in parts]
    return [entry for entry in found if entry is not None]


def put_reasoning(fields: Fields, parts: Iterable[Reasoning], writing: Writing, where: str) -> None:
    """Write the reasoning of an assistant's message (traps 33, 36, 37)."""
    flat: dict[str, list[str]] = {}
    details: list[Fields] = []
    for part in parts:
        shape = shape_from(part.native)
        seal = writing.sealed(part.seal) if part.seal is not None else None
        if not writing.takes(part.seal):
            writing.changes.lose(where, "another provider's reasoning is no part of what the model said")
        elif shape is not None:
            for name in shape.flat:
                flat.setdefault(name, []).append(part.text)
            if shape.is_detail:
                details.extend(entries_of(part, shape, seal))
        else:
            if part.text:
                flat.setdefault("reasoning_content", []).append(part.text)
            if is_detailed(part):
                details.append(entry_of(part, len(details), seal))
    for name, texts in flat.items():
        fields[name] = "".join(texts)
    if details:
        fields[DETAILS] = details


def is_detailed(part: Reasoning) -> bool:
    """Whether a foreign reasoning is more than its text, so that it has to come back whole."""
    return part.seal is not None or part.is_redacted


def put_calls(fields: Fields, parts: Iterable[Part], writing: Writing, where: str) -> None:
    """Write tool calls, those of no function too."""
    calls: list[Fields] = []
    for part in parts:
        if isinstance(part, NativePart) and part.kind == CALL_KIND and part.dialect == OWN:
            calls.append(part.value)
        elif isinstance(part, ToolCall):
            entry = tool_call_entry(part, writing, where)
            if "function_call" in words_of(part.native):
                fields["function_call"] = entry["function"]
            else:
                calls.append(entry)
    if calls:
        fields["tool_calls"] = calls


def tool_call_entry(call: ToolCall, writing: Writing, where: str) -> Fields:
    """Write one tool call."""
    words = words_of(call.native)
    function: Fields = {"name": call.name}
    if "object" in words:
        function["arguments"] = decode(call.arguments)
    elif "empty" in words and call.arguments == "{}":
        function["arguments"] = ""
    elif "none" not in words or call.arguments != "{}":
        function["arguments"] = call.arguments or "{}"
    fields: Fields = {}
    if call.id or not writing.is_own:
        fields["id"] = call.id
    if "untyped" not in words:
        fields["type"] = "function"
    fields["function"] = function
    for word in words:
        if word.startswith("index="):
            fields["index"] = int(word[6:])
    put_seal(fields, call.seal, writing, where)
    put_cache(fields, call, writing, where)
    return restore(fields, call.native, "function", writing.changes, where)


def put_seal(fields: Fields, seal: Seal | None, writing: Writing, where: str) -> None:
    """Write the seal of a text or call where Google's compatible API has its own."""
    if seal is None:
        return
    if writing.takes(seal):
        fields["extra_content"] = {"google": {SIGNATURE: writing.sealed(seal)}}
    else:
        writing.changes.lose(where, "another provider's signature goes back to it only")


def put_citations(fields: Fields, parts: Iterable[Part], writing: Writing, where: str) -> None:
    """Write the citations of all texts, by the characters of the texts joined (trap 46).

    Those without a URL have no place in `annotations`: they stand in `citations`, which SDKs leave alone.
    """
    offset = 0
    annotations: list[Fields] = []
    others: list[Fields] = []
    for part in parts:
        if not isinstance(part, Text):
            continue
        for citation in part.citations:
            entry = citation_entry(citation, offset, len(part.text), writing, where)
            (annotations if "type" in entry else others).append(entry)
        offset += len(part.text)
    if annotations:
        fields["annotations"] = annotations
    if others:
        fields["citations"] = others


def citation_entry(citation: Citation, offset: int, length: int, writing: Writing, where: str) -> Fields:
    """Write one citation of a text of that length, which begins at `offset` of the content.

    A foreign one that names no characters is of the whole text; one without a URL gets no type.
    """
    named = {"url": citation.url, "title": citation.title, "content": citation.quote}
    inner: Fields = {name: text for name, text in named.items() if text is not None}
    start, end = citation.start, citation.end
    if not writing.is_own:
        start = 0 if start is None else start
        end = length if end is None else end
        inner.setdefault("title", citation.url or "")
    if start is not None:
        inner["start_index"] = start + offset
    if end is not None:
        inner["end_index"] = end + offset
    if writing.is_own:
        entry: Fields = {"type": "url_citation", "url_citation": inner}
        return restore(entry, citation.native, "url_citation", writing.changes, where)
    if citation.native is not None:
        writing.changes.lose(f"{where}.citations", "OpenAI's chat anchors citations by characters alone")
    return inner if citation.url is None else {"type": "url_citation", "url_citation": inner}

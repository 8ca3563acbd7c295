"""Parts, written as Bedrock's content blocks. Pure; what can't be said is told.

Source: the Converse API's ContentBlock, with the rules that its reference states of documents and media.
Read next: `parts_in`, `calls`.
"""

import re
from collections.abc import Iterable
from typing import Final

from headgate.core.chat import (
    CacheMark,
    Citation,
    Fields,
    Media,
    Native,
    NativePart,
    Part,
    Reasoning,
    Refusal,
    Seal,
    Text,
    ToolCall,
    ToolResult,
)
from headgate.core.quirks import PLAIN, Quirks
from headgate.wire.dialects.bedrock.formats import NAMES, format_of
from headgate.wire.dialects.bedrock.parts_in import CITED, JSON, OWN, SUCCESS
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.fields import decode, put_native, shape_of
from headgate.wire.dialects.seals import wrapped

DOCUMENT_NAME_MAX: Final = 200
HARMLESS: Final = frozenset(
    {"annotations", "caller", "detail", "id", "index", "logprobs", "obfuscation", "phase", "status", "type"}
)
"""Members of other dialects' parts that no answer depends on."""
FAILED: Final = "The tool failed."
"""Said before a result's text where the mark of a failure is not taken."""

_unnameable = re.compile(r"[^0-9A-Za-z\s()\[\]-]+").sub
_spaces = re.compile(r"\s+").sub


class BlockWriter:
    """Writes the parts of one call or answer. `is_own`: they were read from this dialect, and go back as
    they came; else what the provider refuses is left out, and told."""

    __slots__ = ("_changes", "_names", "_quirks", "is_own")

    def __init__(self, changes: Changes, *, is_own: bool, quirks: Quirks = PLAIN) -> None:
        self._changes = changes
        self._quirks = quirks
        self._names: set[str] = set()
        self.is_own = is_own

    def blocks(self, parts: Iterable[Part], where: str, *, marks: bool = True) -> list[Fields]:
        """Write parts in their order, each cache mark after its part; in results they have no place."""
        blocks: list[Fields] = []
        for place, part in enumerate(parts):
            block = self._block(part, f"{where}[{place}]")
            if block is None:
                continue
            blocks.append(block)
            mark = self._mark(part)
            if mark is not None and (marks or self.is_own):
                blocks.append(mark_block(mark))
        return blocks

    def _mark(self, part: Part) -> CacheMark | None:
        if not isinstance(part, Text | Media | ToolCall | ToolResult):
            return None
        if part.cache is None and isinstance(part, ToolResult) and not self.is_own:
            return next((mark for inner in reversed(part.parts) if (mark := self._mark(inner))), None)
        return part.cache

    def _block(self, part: Part, where: str) -> Fields | None:
        match part:
            case Text():
                return self._text(part, where)
            case Media():
                return self._media(part, where)
            case ToolCall():
                return self._tool_use(part, where)
            case ToolResult():
                return self._tool_result(part, where)
            case Reasoning():
                return self._reasoning(part, where)
            case Refusal():
                return {"text": part.text} if part.text.strip() else None
            case NativePart():
                if part.dialect == OWN:
                    return part.value
                self._changes.alter(f"{where}.{part.kind}", "Bedrock has no such part; it was left out")
                return None

    def _rest(self, fields: Fields, native: Native | None, where: str) -> Fields:
        return put_native(fields, native, OWN, self._changes, where, harmless=HARMLESS)

    def _text(self, part: Text, where: str) -> Fields | None:
        shape = shape_of(part.native, OWN)
        if shape == JSON:
            return {"json": decode(part.text)}
        if part.citations and shape != CITED and not self.is_own:
            self._changes.lose(f"{where}.citations", "Bedrock takes citations back only from its own answers")
        elif part.citations or shape == CITED:
            return {"citationsContent": self._cited(part, where)}
        if not self.is_own:
            if not part.text.strip():
                self._changes.note(where, "Bedrock refuses blank text; it was left out")
                return None
            self._rest({}, part.native, where)
        return {"text": part.text}

    def _cited(self, part: Text, where: str) -> Fields:
        inner: Fields = {
            "content": [{"text": part.text}],
            "citations": [write_citation(one, self._changes, where) for one in part.citations],
        }
        return self._rest(inner, part.native, where)

    def _media(self, part: Media, where: str) -> Fields | None:
        if not self.is_own and self._is_refused(part):
            self._changes.alter(where, f"the target takes no {part.kind}; it was left out")
            return None
        if part.data is not None:
            source: Fields = {"bytes": part.data}
        elif part.url is not None and part.url.startswith("s3://"):
            source = {"s3Location": {"uri": part.url}}
        else:
            told = "URL" if part.url is not None else "file id"
            self._changes.alter(where, f"Bedrock takes bytes, and no {told}; it was left out")
            return None
        word = format_of(part.kind, part.media_type, part.name, part.data)
        if word is None:
            said = part.media_type or "media of no stated type"
            self._changes.alter(where, f"Bedrock has no format for {said}; it was left out")
            return None
        inner: Fields = {"format": word, "source": source}
        if part.kind == "file" and (part.name is not None or not self.is_own):
            inner["name"] = part.name if self.is_own else self._name(part.name, where)
        return {NAMES[part.kind]: self._rest(inner, part.native, where)}

    def _is_refused(self, part: Media) -> bool:
        if part.data is None and part.url is not None and not self._quirks.takes_s3_addresses:
            return part.url.startswith("s3://")
        if part.kind == "audio":
            return not self._quirks.takes_audio
        return part.kind == "file" and not self._quirks.takes_file_data

    def _name(self, name: str | None, where: str) -> str:
        """A document's name as Bedrock takes it, and once only in a call."""
        fit = _spaces(" ", _unnameable("-", name or "")).strip(" -")[: DOCUMENT_NAME_MAX - 8] or "document"
        number, once = 1, fit
        while once in self._names:
            number += 1
            once = f"{fit} ({number})"
        self._names.add(once)
        if once != name:
            self._changes.note(f"{where}.name", f"Bedrock refuses such a name of a document; it is {once!r}")
        return once

    def _tool_use(self, part: ToolCall, where: str) -> Fields:
        try:
            given = decode(part.arguments or "{}")
        except ValueError:
            given = part.arguments
        if not isinstance(given, dict):
            self._changes.alter(f"{where}.arguments", "they are no JSON object; Bedrock gets one around them")
            given = {"arguments": given}
        inner: Fields = {"toolUseId": part.id, "name": part.name, "input": given}
        return {"toolUse": self._rest(inner, part.native, where)}

    def _tool_result(self, part: ToolResult, where: str) -> Fields:
        content = self.blocks(part.parts, f"{where}.content", marks=False)
        inner: Fields = {"toolUseId": part.call_id, "content": content}
        if part.is_error and not self._quirks.takes_result_errors:
            content.insert(0, {"text": FAILED})
            self._changes.note(f"{where}.is_error", "the model takes no mark of a failure; a text says it")
        elif part.is_error:
            inner["status"] = "error"
        elif shape_of(part.native, OWN) == SUCCESS and self._quirks.takes_result_errors:
            inner["status"] = "success"
        return {"toolResult": self._rest(inner, part.native, where)}

    def _reasoning(self, part: Reasoning, where: str) -> Fields | None:
        signature = wrapped(part.seal, OWN) if part.seal is not None else None
        if part.is_redacted:
            return {"reasoningContent": {"redactedContent": signature}} if signature is not None else None
        if not part.text and signature is None and not self.is_own:
            return None
        inner: Fields = {"text": part.text}
        if signature is not None:
            inner["signature"] = signature
        self._rest(inner, part.native, where)
        return {"reasoningContent": {"reasoningText": inner}}


def mark_block(mark: CacheMark) -> Fields:
    """A cache mark as the block that stands after what it marks."""
    point: Fields = {"type": "default"}
    if mark.ttl is not None:
        point["ttl"] = mark.ttl
    return {"cachePoint": point}


def write_citation(citation: Citation, changes: Changes, where: str) -> Fields:
    """Write where a text has something from."""
    fields: Fields = {}
    if citation.title is not None:
        fields["title"] = citation.title
    if citation.quote is not None:
        fields["sourceContent"] = [{"text": citation.quote}]
    if citation.url is not None:
        fields["location"] = {"web": {"url": citation.url}}
    return put_native(fields, citation.native, OWN, changes, f"{where}.citations")


def without_foreign_seals(parts: Iterable[Part], makers: frozenset[str]) -> Iterable[Part]:
    """The parts of a call of this dialect that may go to a provider: reasoning that another one sealed is
    left out."""
    for part in parts:
        seal: Seal | None = part.seal if isinstance(part, Reasoning) else None
        if seal is None or seal.maker in makers:
            yield part

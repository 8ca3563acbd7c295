"""Parts written as content blocks, for a provider or for a client; what can't be said is told. Pure.

To a provider, seals have been sorted out before (`wire.dialects.turns`); to a client, all go along, marked.
Read next: `parts_in`, `carrying`.
"""

from typing import Final, cast

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
    Text,
    ToolCall,
    ToolResult,
)
from headgate.core.quirks import PLAIN, Quirks
from headgate.wire.dialects.anthropic.media_out import media_block
from headgate.wire.dialects.anthropic.parts_in import NAMES_OF_CITATIONS, TTLS
from headgate.wire.dialects.anthropic.words import DIALECT
from headgate.wire.dialects.carrying import carried, carried_beside
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.fields import decode, put_native, shape_of
from headgate.wire.dialects.identifiers import given

HARMLESS: Final = frozenset(
    {"annotations", "audio", "caller", "detail", "id", "index", "logprobs", "obfuscation", "phase", "status"}
)
"""Members of other dialects' parts that no answer depends on."""

_WEB: Final = "web_search_result_location"
_INVENTED: Final = ""
"""The index of a source that no provider gave: it can be shown to a client, and not to a provider."""


class BlockWriter:
    """Writes the parts of one call or answer. `is_own`: it was read from Anthropic's dialect itself."""

    def __init__(
        self,
        changes: Changes,
        *,
        is_own: bool,
        to_client: bool,
        quirks: Quirks = PLAIN,
        answer_id: str = "",
    ) -> None:
        self._changes = changes
        self._is_own = is_own
        self._to_client = to_client
        self._quirks = quirks
        self._answer_id = answer_id
        self._calls = 0

    def blocks(self, parts: tuple[Part, ...], where: str) -> list[Fields]:
        """The blocks of one message."""
        found: list[Fields] = []
        for place, part in enumerate(parts):
            if self._to_client and isinstance(part, Text | ToolCall) and part.seal is not None:
                found.append({"type": "redacted_thinking", "data": carried_beside(part.seal, "next")})
            block = self.block(part, f"{where}[{place}]")
            if block is not None:
                found.append(block)
        return found

    def block(self, part: Part, where: str) -> Fields | None:
        """The block of one part; None for what Anthropic has no block for, which is told."""
        match part:
            case Text():
                return self._text(part, where)
            case ToolCall():
                return self._tool_use(part, where)
            case Reasoning():
                return self.reasoning(part, where)
            case ToolResult():
                return self._tool_result(part, where)
            case Media():
                return self._media(part, where)
            case Refusal():
                self._changes.note(where, f"{DIALECT} says a refusal as text")
                return self.put({"type": "text", "text": part.text}, part.native, where)
            case NativePart():
                if part.dialect == DIALECT:
                    return part.value
                self._changes.alter(where, f"{DIALECT} has no part of the kind {part.kind}")
                return None

    def put(self, block: Fields, native: Native | None, where: str) -> Fields:
        """Put what a node says beyond our words back, or tell that it has no place here."""
        harmless = HARMLESS
        if self._to_client and native is not None:
            harmless = frozenset(native.fields)  # nothing of an answer is asked again
        return put_native(block, native, DIALECT, self._changes, where, harmless=harmless)

    def _text(self, part: Text, where: str) -> Fields:
        block = self.put({"type": "text", "text": part.text}, part.native, where)
        if part.citations:
            cited = [self.citation(one, f"{where}.citations") for one in part.citations]
            kept = [one for one in cited if one is not None]
            if kept:
                block["citations"] = kept
        return _marked(block, part.cache)

    def citation(self, citation: Citation, where: str) -> Fields | None:
        """One citation; None for what Anthropic has no form for, which is told (trap 46)."""
        native = citation.native
        if native is not None and native.dialect == DIALECT:
            if not self._to_client and native.fields.get("encrypted_index") == _INVENTED:
                self._changes.lose(where, "a citation of another provider means nothing to this one")
                return None
            address, title = NAMES_OF_CITATIONS.get(native.shape, ("url", "document_title"))
            words: Fields = {
                "type": native.shape or None,
                "cited_text": citation.quote,
                address: citation.url,
                title: citation.title,
                "start_index": citation.start,
                "end_index": citation.end,
            }
            return {name: value for name, value in words.items() if value is not None} | native.fields
        if not self._to_client or citation.url is None:
            self._changes.lose(where, f"{DIALECT} cites addresses, and its own documents only")
            return None
        fields: Fields = {
            "type": _WEB,
            "url": citation.url,
            "title": citation.title,
            "cited_text": citation.quote or "",
            "encrypted_index": _INVENTED,
        }
        if citation.start is not None and citation.end is not None:
            # Anthropic anchors a citation to its whole block; its SDK carries these along.
            fields |= {"start_index": citation.start, "end_index": citation.end}
        return fields

    def reasoning(self, part: Reasoning, where: str) -> Fields | None:
        """A thinking block, or a redacted one where there is only a seal (33). None for nothing."""
        seal = part.seal
        if seal is None:
            if not part.text and not self._is_own:
                return None
            block = self.put({"type": "thinking", "thinking": part.text}, part.native, where)
            if self._to_client or not self._is_own:
                block.setdefault("signature", "")
            return block
        data = carried(DIALECT, seal, part, keeps_id=True) if self._to_client else seal.data
        is_foreign = self._to_client and seal.maker != DIALECT
        if part.is_redacted or (is_foreign and not part.text):
            return self.put({"type": "redacted_thinking", "data": data}, part.native, where)
        block = self.put({"type": "thinking", "thinking": part.text}, part.native, where)
        block["signature"] = data
        return block

    def _tool_use(self, part: ToolCall, where: str) -> Fields:
        place, self._calls = self._calls, self._calls + 1
        block: Fields = {
            "type": "tool_use",
            "id": part.id or given(self._answer_id, place),
            "name": part.name,
        }
        if shape_of(part.native, DIALECT) != "no input":
            block["input"] = self._input(part.arguments, where)
        return _marked(self.put(block, part.native, where), part.cache)

    def _input(self, arguments: str, where: str) -> object:
        """Arguments as the object that they have to be (trap 15)."""
        if not arguments.strip():
            return {}
        try:
            value = decode(arguments)
        except ValueError:
            self._changes.alter(where, f"{DIALECT} takes arguments that are JSON; these are kept as a text")
            return {"arguments": arguments}
        if isinstance(value, dict) or self._is_own:
            return cast("object", value)
        if value is None:
            return {}
        self._changes.alter(where, f"{DIALECT} takes arguments that are an object only")
        return {"arguments": value}

    def _tool_result(self, part: ToolResult, where: str) -> Fields:
        block: Fields = {"type": "tool_result", "tool_use_id": part.call_id}
        shape = shape_of(part.native, DIALECT).split(" ")
        first = part.parts[0] if len(part.parts) == 1 else None
        if "text" in shape and isinstance(first, Text):
            block["content"] = first.text
        elif "blocks" in shape or part.parts:
            block["content"] = self.blocks(part.parts, f"{where}.content")
        if part.is_error:
            if self._quirks.takes_result_errors:
                block["is_error"] = True
            else:
                self._changes.lose(f"{where}.is_error", "the target takes no mark that a tool failed")
        elif "ok" in shape:
            block["is_error"] = False
        return _marked(self.put(block, part.native, where), part.cache)

    def _media(self, part: Media, where: str) -> Fields | None:
        if self._to_client and not self._is_own:
            self._changes.alter(where, f"{DIALECT} has no answers that hold an {part.kind}")
            return None
        block = media_block(part, self._quirks, self._changes, where, is_own=self._is_own)
        return None if block is None else _marked(self.put(block, part.native, where), part.cache)


def _marked(block: Fields, cache: CacheMark | None) -> Fields:
    if cache is not None:
        block["cache_control"] = cache_control(cache)
    return block


def cache_control(cache: CacheMark) -> Fields:
    """The mark of a prefix that is worth caching."""
    return {"type": "ephemeral"} if cache.ttl not in TTLS else {"type": "ephemeral", "ttl": cache.ttl}

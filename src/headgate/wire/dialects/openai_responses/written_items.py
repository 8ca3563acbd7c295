"""Items and parts of a stream that is written: what has been said of them, and what their ends say. Pure.

Read next: `streams_out`.
"""

from collections.abc import Iterator
from typing import Final

import msgspec

from headgate.core.chat import (
    Citation,
    Fields,
    Native,
    NativePart,
    Part,
    Reasoning,
    Refusal,
    Seal,
    Text,
    ToolCall,
)
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.openai_responses.items import CONTENT, HOLLOW, SUMMARY, write_item
from headgate.wire.dialects.openai_responses.output import (
    DONE,
    RUNNING,
    call_item,
    message_item,
    reasoning_item,
)
from headgate.wire.dialects.openai_responses.parts import write_content
from headgate.wire.dialects.openai_responses.spelling import ITEM, ITEM_END, OWN, item_id, words_of

_ENCODE: Final = msgspec.json.Encoder().encode

Said = tuple[str, Fields]
"""The type of an event, and its members."""


class WrittenItem:
    """One item. `fields` is what it says now; `left` what its dialect, if this one, says beyond our words."""

    __slots__ = ("fields", "identifier", "index", "is_done", "is_hollow", "left", "parts", "words")

    def __init__(self, fields: Fields, index: int, left: Fields | None, words: list[str]) -> None:
        self.fields = fields
        self.index = index
        self.left = left
        self.words = words
        self.parts: list[WrittenPart] = []
        self.is_done = False
        self.is_hollow = HOLLOW in words
        identifier = fields.get("id")
        self.identifier = identifier if isinstance(identifier, str) else ""

    @classmethod
    def of(
        cls, part: Text | Refusal | Reasoning | ToolCall, left: Fields | None, index: int, response_id: str
    ) -> "WrittenItem":
        """The item that a part begins."""
        words = words_of(part.native)
        match part:
            case Text() | Refusal():
                fields = message_item(item_id("message", response_id, index), [], RUNNING)
            case Reasoning():
                empty = Reasoning(id=part.id)
                fields = reasoning_item(empty, item_id("reasoning", response_id, index), DONE)
                if left is not None and part.id:
                    fields["id"] = part.id
                if CONTENT in words and SUMMARY not in words:
                    del fields["summary"]
                if CONTENT in words:
                    fields["content"] = []
            case ToolCall():
                fields = call_item(msgspec.structs.replace(part, arguments=""), response_id, index, RUNNING)
        if left is not None:
            fields = {**fields, **left}
        return cls(fields, index, left, words)

    @classmethod
    def whole(cls, fields: Fields, index: int, *, is_done: bool = True) -> "WrittenItem":
        """An item that comes whole, or whose dialect alone knows it."""
        item = cls(fields, index, None, [])
        item.is_done = is_done
        return item

    def takes(self, part: Part) -> bool:
        """Whether a part that names no item may be one more of this one."""
        if self.is_done or self.left is None or not self.parts:
            return False
        first = self.parts[0].part
        if isinstance(part, Text | Refusal):
            return isinstance(first, Text | Refusal | NativePart)
        return isinstance(part, Reasoning) and isinstance(first, Reasoning)

    def end(self, changes: Changes) -> None:
        """Say what the item says at its end."""
        self.is_done = True
        parts = [part.final for part in self.parts]
        if not parts:
            return
        if self.left is not None:
            self.fields = write_item(parts, self.left, self.words, "assistant", changes, where="output")
            return
        first = parts[0]
        if isinstance(first, Reasoning):
            self.fields = {**reasoning_item(first, self.identifier, DONE)}
        elif isinstance(first, ToolCall):
            self.fields = {**self.fields, "status": DONE, "arguments": first.arguments or "{}"}
        else:
            content = [write_content(part, "output_text", changes, "output") for part in parts]
            self.fields = {
                **self.fields,
                "status": DONE,
                "content": [one for one in content if one is not None],
            }

    def late_seals(self) -> Iterator[Seal]:
        """Seals of texts and tool calls that came after they had begun."""
        if self.left is not None:
            return
        for part in self.parts:
            if part.seal is not None and isinstance(part.part, Text | ToolCall):
                yield part.seal


class WrittenPart:
    """One part while it is written. `at` says where it stands; `lead` is a delta's event up to its text."""

    __slots__ = (
        "_name",
        "at",
        "citations",
        "final",
        "first",
        "is_done",
        "is_hollow",
        "item",
        "lead",
        "part",
        "seal",
        "texts",
    )

    def __init__(self, item: WrittenItem, part: Part, *, is_hollow: bool) -> None:
        self.item = item
        self.part = part
        self.final: Part = part
        self.is_hollow = is_hollow
        self.is_done = isinstance(part, NativePart)
        self.seal: Seal | None = None
        self.texts: list[str] = []
        self.citations: list[Citation] = list(part.citations) if isinstance(part, Text) else []
        self.first = _said(part)
        self.at: Fields = {"item_id": item.identifier, "output_index": item.index}
        self._name = self._placed()
        self.lead = self._lead()
        item.parts.append(self)

    def _placed(self) -> str:
        """The name of the part's events; `at` is made whole."""
        parts = self.item.parts
        match self.part:
            case Text():
                self.at["content_index"] = len(parts)
                return "response.output_text"
            case Refusal():
                self.at["content_index"] = len(parts)
                return "response.refusal"
            case Reasoning():
                is_content = self.item.left is not None and not self.part.is_summary
                name = "content_index" if is_content else "summary_index"
                self.at[name] = sum(name in one.at for one in parts)
                return "response.reasoning_text" if is_content else "response.reasoning_summary_text"
            case _:
                return "response.function_call_arguments"

    def _lead(self) -> bytes:
        kind = f"{self._name}.delta"
        fields: Fields = {"type": kind, **self.at}
        if isinstance(self.part, Text):
            fields["logprobs"] = []
        return b'event: %b\ndata: %b,"delta":' % (kind.encode(), _ENCODE(fields)[:-1])

    def begun(self) -> Said | None:
        """The event that begins it."""
        match self.part:
            case Text():
                part: Fields = {"type": "output_text", "annotations": [], "logprobs": [], "text": ""}
            case Refusal():
                part = {"type": "refusal", "refusal": ""}
            case Reasoning():
                is_content = "content_index" in self.at
                part = {"type": "reasoning_text" if is_content else "summary_text", "text": ""}
                if not is_content:
                    return "response.reasoning_summary_part.added", {**self.at, "part": part}
            case _:
                return None
        return "response.content_part.added", {**self.at, "part": part}

    def cite(self, citation: Citation) -> int:
        """Note a citation; return its place."""
        self.citations.append(citation)
        return len(self.citations) - 1

    def end(self, native: Native | None, changes: Changes) -> None:
        """Nothing more comes: put together what the part says."""
        del changes
        self.is_done = True
        item = self.item
        part = self.part
        text = "".join(self.texts)
        own = _joined(_native_of(part), native)
        match part:
            case Text():
                self.final = msgspec.structs.replace(
                    part, text=text, citations=tuple(self.citations), seal=None, native=own
                )
            case Refusal():
                self.final = msgspec.structs.replace(part, text=text, native=own)
            case Reasoning():
                seal = self.seal or part.seal
                self.final = msgspec.structs.replace(part, text=text, seal=seal, native=own)
            case ToolCall():
                self.final = msgspec.structs.replace(part, arguments=text, native=own)
            case _:
                return
        if item.left is not None and own is not None and own.dialect == OWN:
            for name in (ITEM, ITEM_END):
                held = own.fields.get(name)
                if isinstance(held, dict):
                    item.left = held
            if ITEM_END in own.fields:
                item.words = words_of(own)

    def done(self) -> Iterator[Said]:
        """The events that end it."""
        final = self.final
        if self.is_hollow:
            return
        match final:
            case Text():
                yield f"{self._name}.done", {**self.at, "logprobs": [], "text": final.text}
                content = write_content(final, "output_text", Changes(), "output")
                yield "response.content_part.done", {**self.at, "part": content}
            case Refusal():
                yield f"{self._name}.done", {**self.at, "refusal": final.text}
                content = {"type": "refusal", "refusal": final.text}
                yield "response.content_part.done", {**self.at, "part": content}
            case Reasoning():
                yield f"{self._name}.done", {**self.at, "text": final.text}
                is_content = "content_index" in self.at
                part = {"type": "reasoning_text" if is_content else "summary_text", "text": final.text}
                kind = "response.content_part.done" if is_content else "response.reasoning_summary_part.done"
                yield kind, {**self.at, "part": part}
            case ToolCall():
                arguments = final.arguments or ("" if self.item.left is not None else "{}")
                yield f"{self._name}.done", {**self.at, "arguments": arguments}
            case _:
                return


def _said(part: Part) -> str:
    match part:
        case Text() | Refusal() | Reasoning():
            return part.text
        case ToolCall():
            return part.arguments
        case _:
            return ""


def _native_of(part: Part) -> Native | None:
    return None if isinstance(part, NativePart) else part.native


def _joined(first: Native | None, second: Native | None) -> Native | None:
    if first is None or second is None:
        return first or second
    fields: Fields = {**first.fields, **second.fields}
    return Native(dialect=first.dialect, fields=fields, shape=second.shape or first.shape)

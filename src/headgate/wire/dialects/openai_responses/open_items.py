"""Items and parts of a stream while they come. Pure. Read next: `streams_in`."""

from typing import cast

import msgspec

from headgate.core.chat import Fields, Native, NativePart, Part, Reasoning, Refusal, Text, ToolCall
from headgate.wire.dialects.openai_responses.items import HOLLOW, Item, read_item
from headgate.wire.dialects.openai_responses.parts import read_content


class OpenPart:
    """One part while it comes."""

    __slots__ = ("citations", "is_ended", "last", "number", "part", "seen")

    def __init__(self, number: int, part: Part) -> None:
        self.number = number
        self.part = part
        self.seen = len(said_of(part))
        self.citations = len(part.citations) if isinstance(part, Text) else 0
        self.last: Part | None = None
        """The part as its own `done` event had it."""
        self.is_ended = False


class OpenItem:
    """One item while it comes."""

    __slots__ = ("identifier", "is_done", "item", "parts")

    def __init__(self, value: Fields) -> None:
        identifier = value.get("id")
        self.identifier = identifier if isinstance(identifier, str) else ""
        self.item: Item = read_item(value)
        self.parts: dict[tuple[str, int], OpenPart] = {}
        self.is_done = False


def object_in(fields: Fields, name: str) -> Fields:
    """A member that is an object; empty for any other."""
    value = fields.get(name)
    return cast("Fields", value) if isinstance(value, dict) else {}


def index_in(fields: Fields, name: str) -> int:
    """A member that is an index; 0 for any other."""
    value = fields.get(name)
    return value if isinstance(value, int) else 0


def key_of(fields: Fields) -> tuple[str, int]:
    """Where in its item an event's part stands."""
    if "summary_index" in fields:
        return "summary", index_in(fields, "summary_index")
    return "content", index_in(fields, "content_index")


def part_in(fields: Fields) -> Part | None:
    """The part that an event holds; None for one that is kept whole with its item."""
    value = object_in(fields, "part")
    kind, text = value.get("type"), value.get("text")
    if kind in ("summary_text", "reasoning_text"):
        return Reasoning(text=text if isinstance(text, str) else "", is_summary=kind == "summary_text")
    part = read_content(value)
    return None if isinstance(part, NativePart) else part


def keyed(item: Item) -> list[tuple[tuple[str, int], Part]]:
    """The parts of a whole item by the indexes that its events gave them."""
    found: list[tuple[tuple[str, int], Part]] = []
    counts = {"summary": 0, "content": 0, "call": 0}
    for part in item.parts:
        section = "content"
        if isinstance(part, ToolCall):
            section = "call"
        elif isinstance(part, Reasoning) and part.is_summary:
            section = "summary"
        found.append(((section, counts[section]), part))
        counts[section] += 1
    return found


def said_of(part: Part) -> str:
    """What a part says."""
    match part:
        case Text() | Refusal() | Reasoning():
            return part.text
        case ToolCall():
            return part.arguments
        case _:
            return ""


def emptied(part: Part) -> Part:
    """The part as it begins: what it says comes as deltas."""
    match part:
        case Text():
            return msgspec.structs.replace(part, text="", citations=())
        case Refusal():
            return msgspec.structs.replace(part, text="")
        case Reasoning():
            return msgspec.structs.replace(part, text="", seal=None)
        case ToolCall():
            return msgspec.structs.replace(part, arguments="")
        case _:
            return part


def native_of_part(part: Part) -> Native | None:
    """What a part says beyond our words."""
    return None if isinstance(part, NativePart) else part.native


def with_native(part: Part, native: Native) -> Part:
    """The part with what it says beyond our words."""
    return part if isinstance(part, NativePart) else msgspec.structs.replace(part, native=native)


def solid(item: Item) -> Item:
    """An item as it began, once a part of it has come: it is not hollow, though it began without any."""
    words = tuple(word for word in item.words if word != HOLLOW)
    return item if len(words) == len(item.words) else msgspec.structs.replace(item, words=words)

"""A stream of the Responses API, read into events: any chunking of the same bytes gives the same ones (19).

Items and their parts are found by their indexes. What an event says again in full (`.done`,
`response.completed`) adds what no delta had said. Events of the provider's own tools stay whole
(`NativeEvent`), and each such item is a part when it is done. Source: OpenAI API reference, Responses:
streaming events. Read next: `items`, `streams_out`.
"""

from collections.abc import Callable
from typing import Final, cast

import msgspec

from headgate.core.chat import (
    Fields,
    Native,
    NativePart,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
)
from headgate.core.events import (
    ArgumentsDelta,
    Began,
    Broke,
    CitationDelta,
    Ended,
    Event,
    Finished,
    NativeEvent,
    PartBegan,
    PartEnded,
    SealDelta,
    TextDelta,
    UsageSeen,
)
from headgate.core.faults import UpstreamError
from headgate.wire.dialects.fields import decode, objects_in
from headgate.wire.dialects.openai_responses.answers import (
    Head,
    failure_of,
    item_native,
    item_parts,
    usage_in,
)
from headgate.wire.dialects.openai_responses.items import Item, read_item
from headgate.wire.dialects.openai_responses.open_items import (
    OpenItem,
    OpenPart,
    emptied,
    index_in,
    key_of,
    keyed,
    native_of_part,
    object_in,
    part_in,
    said_of,
    solid,
    with_native,
)
from headgate.wire.dialects.openai_responses.parts import read_citation
from headgate.wire.dialects.openai_responses.reasons import finish_of
from headgate.wire.dialects.openai_responses.spelling import ITEM, ITEM_END, OWN
from headgate.wire.dialects.stream_reading import StreamReading
from headgate.wire.sse import EventSplitter, data_of

SAID_LENGTH_MAX: Final = 2000


class _Delta(msgspec.Struct):
    """What by far the most events are."""

    type: str
    delta: str
    output_index: int = 0
    content_index: int = 0
    summary_index: int = 0


_delta: Final = msgspec.json.Decoder(_Delta).decode
_DECODE_ERRORS: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

_SECTIONS: Final = {
    "response.output_text.delta": "content",
    "response.refusal.delta": "content",
    "response.reasoning_text.delta": "content",
    "response.reasoning_summary_text.delta": "summary",
    "response.function_call_arguments.delta": "call",
}
_EMPTY: Final[dict[str, Callable[[], Part]]] = {
    "response.output_text": lambda: Text(text=""),
    "response.refusal": lambda: Refusal(text=""),
    "response.reasoning_text": lambda: Reasoning(),
    "response.reasoning_summary_text": lambda: Reasoning(is_summary=True),
}
_READ: Final = frozenset({"message", "reasoning", "function_call"})


class ResponsesIn(StreamReading):
    """Reads one stream."""

    __slots__ = (
        "_began",
        "_ended",
        "_events",
        "_has_calls",
        "_has_refusal",
        "_items",
        "_number",
        "_splitter",
    )

    def __init__(self) -> None:
        super().__init__()
        self._splitter = EventSplitter()
        self._events: list[Event] = []
        self._items: dict[int, OpenItem] = {}
        self._number = 0
        self._began = False
        self._ended = False
        self._has_calls = False
        self._has_refusal = False

    def _feed(self, data: bytes, events: list[Event]) -> None:
        self._events = events
        for event in self._splitter.feed(data):
            self._see(data_of(event))

    def _end(self, events: list[Event]) -> None:
        """An event that was cut in the middle says nothing."""
        self._events = events
        if _is_json(rest := data_of(self._splitter.rest())):
            self._see(rest)

    def _see(self, data: bytes) -> None:
        if not data or self._ended or data.startswith(b"[DONE]"):
            return
        if b'.delta"' in data and self._see_delta(data):
            return
        try:
            value = decode(data)
        except ValueError as error:
            raise UpstreamError(f"an event of the stream is no JSON: {error}") from None
        if not isinstance(value, dict):
            raise UpstreamError("an event of the stream is no JSON object")
        self._read(cast("Fields", value))

    def _see_delta(self, data: bytes) -> bool:
        try:
            found = _delta(data)
        except _DECODE_ERRORS:
            return False
        section = _SECTIONS.get(found.type)
        if section is None:
            return False
        if section == "call":
            place = 0
        else:
            place = found.summary_index if section == "summary" else found.content_index
        item = self._items.get(found.output_index)
        part = item.parts.get((section, place)) if item is not None else None
        if part is not None and part.is_ended:
            return True
        if part is None:
            part = self._begin_late(found.type[: -len(".delta")], found.output_index, (section, place))
            if part is None:
                return True
        text = found.delta
        part.seen += len(text)
        if section == "call":
            self._events.append(ArgumentsDelta(number=part.number, json=text))
        else:
            self._events.append(TextDelta(number=part.number, text=text))
        return True

    def _begin_late(self, kind: str, index: int, key: tuple[str, int]) -> OpenPart | None:
        """A part of which a delta comes before anything had begun it."""
        empty = _EMPTY.get(kind)
        if empty is None:
            return None
        item = self._items.get(index)
        if item is None:
            part = empty()
            is_thought = isinstance(part, Reasoning)
            value: Fields = {"type": "reasoning"} if is_thought else {"type": "message", "role": "assistant"}
            item = self._items[index] = OpenItem({**value, "summary": [], "content": []})
        return self._begin(item, key, empty())

    def _read(self, fields: Fields) -> None:
        kind = fields.get("type")
        if not isinstance(kind, str):
            if isinstance(fields.get("error"), dict):
                self._broke(fields)
            return
        if kind in _DONES:
            self._text_done(kind, fields)
            return
        match kind:
            case "response.created" | "response.queued" | "response.in_progress":
                self._start(object_in(fields, "response"))
            case "response.completed" | "response.incomplete" | "response.failed" | "response.cancelled":
                self._last(fields)
            case "response.output_item.added":
                self._item_added(fields)
            case "response.output_item.done":
                self._item_done(fields)
            case "response.content_part.added" | "response.reasoning_summary_part.added":
                self._part_added(fields)
            case "response.content_part.done" | "response.reasoning_summary_part.done":
                self._part_done(fields)
            case "response.output_text.annotation.added":
                self._annotation(fields)
            case "error":
                self._broke(fields)
            case _:
                self._start({})
                self._events.append(NativeEvent(dialect=OWN, kind=kind, value=fields))

    # What begins and ends a response.

    def _start(self, response: Fields) -> None:
        if self._began:
            return
        self._began = True
        head = Head(response)
        self._events.append(
            Began(
                dialect=OWN,
                id=head.id,
                model=head.model,
                created_s=head.created_s,
                service_tier=head.service_tier,
                native=Native(dialect=OWN, fields=head.native) if response else None,
            )
        )

    def _last(self, fields: Fields) -> None:
        response = object_in(fields, "response")
        self._start(response)
        ids = {item.identifier for item in self._items.values()}
        for index, value in enumerate(objects_in(response.get("output")) or ()):
            open_item = self._items.get(index)
            if open_item is None:
                identifier = value.get("id")
                if not isinstance(identifier, str) or identifier not in ids:
                    self._item_ends(index, value)
            elif not open_item.is_done and value.get("id", "") == open_item.identifier:
                self._item_ends(index, value)
        self._close_all()
        head = Head(response)
        usage = usage_in(response)
        if usage is not None:
            own = Native(dialect=OWN, fields={"usage": response.get("usage")})
            self._events.append(UsageSeen(usage=usage, native=own, service_tier=head.service_tier))
        failure = failure_of(response) or (("", "") if fields.get("type") == "response.failed" else None)
        finish = finish_of(response, has_calls=self._has_calls, has_refusal=self._has_refusal)
        if finish is not None:
            self._events.append(Finished(finish=finish))
        if failure is not None:
            message, code = failure
            self._events.append(Broke(message=message[:SAID_LENGTH_MAX], kind=code[:SAID_LENGTH_MAX]))
        else:
            self._events.append(Ended(native=Native(dialect=OWN, fields=head.native)))
        self._ended = True

    def _broke(self, fields: Fields) -> None:
        inner = object_in(fields, "error") or fields
        message, kind = inner.get("message"), inner.get("code") or inner.get("type")
        self._events.append(
            Broke(
                message=message[:SAID_LENGTH_MAX] if isinstance(message, str) else "",
                kind=kind[:SAID_LENGTH_MAX] if isinstance(kind, str) and kind != "error" else "",
            )
        )

    # Items.

    def _item_added(self, fields: Fields) -> None:
        self._start({})
        value = object_in(fields, "item")
        index = index_in(fields, "output_index")
        kind = value.get("type")
        if not isinstance(kind, str) or kind not in _READ:
            self._events.append(NativeEvent(dialect=OWN, kind="response.output_item.added", value=fields))
            return
        if index in self._items:
            return  # said again
        item = self._items[index] = OpenItem(value)
        first = item.item.parts[0] if item.item.parts else None
        if isinstance(first, ToolCall):
            self._begin(item, ("call", 0), msgspec.structs.replace(first, arguments=""))

    def _item_done(self, fields: Fields) -> None:
        self._start({})
        self._item_ends(index_in(fields, "output_index"), object_in(fields, "item"))

    def _item_ends(self, index: int, value: Fields) -> None:
        """An item is whole: what of it had not come yet comes now."""
        item = self._items.get(index)
        if item is not None and item.is_done:
            return
        if item is None:
            item = self._items[index] = OpenItem(value)
        last = read_item(value)
        item.is_done = True
        if not item.parts:
            self._whole(item_parts(last, value), last)
            return
        parts = keyed(last)
        for place, (key, part) in enumerate(parts):
            found = item.parts.get(key)
            is_last = place == len(parts) - 1
            if found is None:
                found = self._begin(item, key, emptied(part))
            if not found.is_ended:
                self._ends(found, part, item_native(part, last, ITEM_END if is_last else ITEM))
        self._close(item)

    def _whole(self, parts: list[Part], item: Item) -> None:
        """The parts of an item of which nothing had come before its end."""
        for place, part in enumerate(parts):
            self._note(part)
            is_last = place == len(parts) - 1 and not isinstance(part, NativePart)
            native = item_native(part, item, ITEM_END) if is_last else None
            self._events.append(PartBegan(number=self._number, part=part))
            self._events.append(PartEnded(number=self._number, native=native))
            self._number += 1

    # Parts.

    def _begin(self, item: OpenItem, key: tuple[str, int], part: Part) -> OpenPart:
        self._start({})
        self._note(part)
        if not item.parts:
            part = with_native(part, item_native(part, solid(item.item), ITEM))
        else:
            self._end_before(item)
        if isinstance(part, Reasoning) and not part.id and item.identifier:
            part = msgspec.structs.replace(part, id=item.identifier)
        found = item.parts[key] = OpenPart(self._number, part)
        self._number += 1
        self._events.append(PartBegan(number=found.number, part=part))
        return found

    def _note(self, part: Part) -> None:
        if isinstance(part, ToolCall):
            self._has_calls = True
        elif isinstance(part, Refusal):
            self._has_refusal = True

    def _end_before(self, item: OpenItem) -> None:
        """End the parts before the next one of the same item, so that they need not overlap."""
        for number, found in enumerate(item.parts.values()):
            if not found.is_ended and found.last is not None:
                native = (
                    item_native(found.last, solid(item.item), ITEM)
                    if number == 0
                    else native_of_part(found.last)
                )
                self._ends(found, found.last, native)

    def _ends(self, found: OpenPart, part: Part, native: Native | None) -> None:
        self._rest(found, part)
        if isinstance(part, Text):
            for citation in part.citations[found.citations :]:
                self._events.append(CitationDelta(number=found.number, citation=citation))
        if isinstance(part, Reasoning) and part.seal is not None:
            self._events.append(SealDelta(number=found.number, seal=part.seal))
        self._events.append(PartEnded(number=found.number, native=native))
        found.is_ended = True

    def _rest(self, found: OpenPart, part: Part) -> None:
        rest = said_of(part)[found.seen :]
        if not rest:
            return
        found.seen += len(rest)
        if isinstance(part, ToolCall):
            self._events.append(ArgumentsDelta(number=found.number, json=rest))
        else:
            self._events.append(TextDelta(number=found.number, text=rest))

    def _close(self, item: OpenItem) -> None:
        for found in item.parts.values():
            if not found.is_ended:
                found.is_ended = True
                self._events.append(PartEnded(number=found.number))

    def _close_all(self) -> None:
        for item in self._items.values():
            self._close(item)

    def _part_added(self, fields: Fields) -> None:
        item = self._item_at(fields)
        key = key_of(fields)
        part = part_in(fields)
        if item is None or part is None or key in item.parts or item.is_done:
            return
        self._begin(item, key, part)

    def _part_done(self, fields: Fields) -> None:
        item = self._item_at(fields)
        found = item.parts.get(key_of(fields)) if item is not None else None
        part = part_in(fields)
        if found is None or part is None or found.is_ended:
            return
        self._rest(found, part)
        found.last = part

    def _text_done(self, kind: str, fields: Fields) -> None:
        section, member = _DONES[kind]
        text = fields.get(member)
        item = self._item_at(fields)
        place = 0 if section == "call" else index_in(fields, f"{section}index_in")
        found = item.parts.get((section, place)) if item is not None else None
        if found is None or found.is_ended or not isinstance(text, str):
            return
        rest = text[found.seen :]
        if not rest:
            return
        found.seen += len(rest)
        if section == "call":
            self._events.append(ArgumentsDelta(number=found.number, json=rest))
        else:
            self._events.append(TextDelta(number=found.number, text=rest))

    def _annotation(self, fields: Fields) -> None:
        item = self._item_at(fields)
        found = item.parts.get(key_of(fields)) if item is not None else None
        value = fields.get("annotation")
        if found is None or found.is_ended or not isinstance(value, dict) or not isinstance(found.part, Text):
            return
        found.citations += 1
        citation = read_citation(cast("Fields", value))
        self._events.append(CitationDelta(number=found.number, citation=citation))

    def _item_at(self, fields: Fields) -> OpenItem | None:
        return self._items.get(index_in(fields, "output_index"))


def _is_json(data: bytes) -> bool:
    try:
        return bool(data) and isinstance(decode(data), dict)
    except ValueError:
        return False


_DONES: Final = {
    "response.output_text.done": ("content", "text"),
    "response.refusal.done": ("content", "refusal"),
    "response.reasoning_text.done": ("content", "text"),
    "response.reasoning_summary_text.done": ("summary", "text"),
    "response.function_call_arguments.done": ("call", "arguments"),
}

"""A stream of the Responses API, written: its life cycle, with every index, id and sequence number (19).

`response.created`, `in_progress`; for each item `output_item.added`, its parts with their deltas,
`output_item.done`; at the end the whole response. Nothing is held back but a message's end, which comes
when something else begins. Source: OpenAI API reference, Responses: streaming events. Read next:
`written_items`, `output`.
"""

from typing import Final, cast

import msgspec

from headgate.core.call import Usage
from headgate.core.chat import (
    Fields,
    Finish,
    Native,
    NativePart,
    Reasoning,
    Refusal,
    Seal,
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
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.model import Asked
from headgate.wire.dialects.openai_responses.answers import RESPONSE, ending, head_of, written_usage
from headgate.wire.dialects.openai_responses.output import carrier_item, item_of, native_item
from headgate.wire.dialects.openai_responses.parts import write_citation
from headgate.wire.dialects.openai_responses.spelling import ITEM, ITEM_END, OWN, item_id
from headgate.wire.dialects.openai_responses.written_items import WrittenItem, WrittenPart

_ENCODE: Final = msgspec.json.Encoder().encode
_NAMES: Final = ("id", "model", "created_at", "service_tier")
_LAST: Final = {"incomplete": "response.incomplete", "failed": "response.failed"}


class ResponsesOut:
    """Writes one stream."""

    __slots__ = (
        "_asked",
        "_changes",
        "_finish",
        "_has_refusal",
        "_head",
        "_id",
        "_indexes",
        "_is_own",
        "_items",
        "_message",
        "_native_ids",
        "_native_last",
        "_out",
        "_parts",
        "_sequence",
        "_tier",
        "_usage",
    )

    def __init__(self, asked: Asked, changes: Changes) -> None:
        self._asked = asked
        self._changes = changes
        self._sequence = 0
        self._id = ""
        self._is_own = False
        self._head: Fields | None = None
        self._items: list[WrittenItem] = []
        self._parts: dict[int, WrittenPart] = {}
        self._message: WrittenItem | None = None
        """The message that the next text goes into."""
        self._native_ids: dict[str, int] = {}
        self._indexes: dict[int, int] = {}
        """The provider's output index to the one that is written."""
        self._usage: tuple[Usage, Native | None] | None = None
        self._native_last: Native | None = None
        """What the response says beyond our words, where its end does not."""
        self._tier: str | None = None
        self._finish: Finish | None = None
        self._has_refusal = False
        self._out: list[bytes] = []

    def write(self, event: Event) -> bytes:
        """Return the bytes that say it."""
        if isinstance(event, TextDelta):
            return self._delta(event.number, event.text)
        if isinstance(event, ArgumentsDelta):
            return self._delta(event.number, event.json)
        match event:
            case Began():
                self._begin(event)
            case PartBegan():
                self._part_begins(event)
            case PartEnded():
                self._part_ends(event)
            case SealDelta():
                self._seal(event)
            case CitationDelta():
                self._citation(event)
            case UsageSeen():
                self._usage = event.usage, event.native
                self._tier = event.service_tier or self._tier
            case Finished():
                if event.candidate == 0:
                    self._finish = event.finish
                    self._close_all()
            case Ended():
                self._end(event)
            case Broke():
                self._broke(event)
            case NativeEvent():
                self._native(event)
        out = b"".join(self._out)
        self._out.clear()
        return out

    def _say(self, kind: str, fields: Fields) -> None:
        try:
            body = _ENCODE({"type": kind, **fields, "sequence_number": self._sequence})
        except RecursionError:
            raise UpstreamError("the answer is nested too deeply") from None
        self._sequence += 1
        self._out.append(b"event: %b\ndata: %b\n\n" % (kind.encode(), body))

    def _delta(self, number: int, text: str) -> bytes:
        part = self._parts.get(number)
        if part is None or not text:
            return b""
        part.texts.append(text)
        sequence = self._sequence
        self._sequence += 1
        return b'%b%b,"sequence_number":%d}\n\n' % (part.lead, _ENCODE(text), sequence)

    # The response.

    def _begin(self, event: Began) -> None:
        if self._head is not None:
            return
        asked = self._asked
        self._is_own = event.dialect == OWN
        self._id = event.id or asked.request_id
        created_s = event.created_s if event.created_s is not None else asked.created_s
        self._head = head_of(self._id, event.model or asked.model, created_s, event.service_tier)
        if self._is_own and event.native is not None:
            named: Fields = {"id": self._id, "output": []}
            for name, value in (
                ("model", event.model or None),
                ("created_at", event.created_s),
                ("service_tier", event.service_tier),
            ):
                if value is not None:
                    named[name] = value
            self._native_last = event.native
            self._head = _begun(_own(named, event.native))
        for kind in ("response.created", "response.in_progress"):
            self._say(kind, {"response": self._head})

    def _end(self, event: Ended) -> None:
        self._begin_if_needed()
        self._close_all()
        fields = self._last_fields(event.native)
        status = fields.get("status")
        kind = _LAST.get(status, "response.completed") if isinstance(status, str) else "response.completed"
        self._say(kind, {"response": fields})

    def _last_fields(self, native: Native | None) -> Fields:
        head = self._head or {}
        output = [item.fields for item in self._items]
        native = native or self._native_last
        usage, own = self._usage if self._usage is not None else (None, None)
        if self._is_own and native is not None:
            fields: Fields = {name: head[name] for name in _NAMES if name in head}
            fields["output"] = output
            if own is not None:
                fields.update(own.fields)
            if self._tier is not None:
                fields["service_tier"] = self._tier
            return _own(fields, native)
        fields = {**head, "output": output}
        fields.update(ending(self._finish, has_refusal=self._has_refusal))
        if self._is_own and own is not None and own.dialect == OWN:
            fields.update(own.fields)
        elif usage is not None:
            fields["usage"] = written_usage(usage)
        return fields

    def _broke(self, event: Broke) -> None:
        """A response that its provider gave up ends as failed; of any other break an `error` tells."""
        if self._head is not None and self._finish is not None and self._finish.reason == "error":
            self._close_all()
            error: Fields = {"code": event.kind or "server_error", "message": event.message}
            fields = {**self._last_fields(None), "status": "failed", "error": error}
            self._say("response.failed", {"response": fields})
            return
        code = event.kind or None
        nested: Fields = {
            "message": event.message,
            "type": code or "server_error",
            "code": code,
            "param": None,
        }
        self._say("error", {"code": code, "message": event.message, "param": None, "error": nested})

    def _begin_if_needed(self) -> None:
        if self._head is None:
            self._begin(Began(dialect=OWN if self._is_own else "openai"))

    # Parts.

    def _part_begins(self, event: PartBegan) -> None:
        self._begin_if_needed()
        if event.candidate != 0:
            self._changes.alter("choices", "a response holds one answer; the others were left out")
            return
        part = event.part
        if isinstance(part, Refusal):
            self._has_refusal = True
        if isinstance(part, NativePart) and part.dialect == OWN:
            self._native_part(event.number, part)
            return
        seal = part.seal if isinstance(part, Text | ToolCall) and not self._is_own else None
        if seal is not None:
            self._carry(seal, "next")
        if isinstance(part, Text | Refusal | Reasoning | ToolCall):
            self._grow(event.number, part)
            return
        item = item_of(part, self._id, len(self._items), self._changes)
        if item is not None:
            self._whole(item)

    def _grow(self, number: int, part: Text | Refusal | Reasoning | ToolCall) -> None:
        item = self._item_for(part)
        is_hollow = isinstance(part, Reasoning) and not part.text and self._is_own and item.is_hollow
        written = WrittenPart(item, part, is_hollow=is_hollow)
        self._parts[number] = written
        if not is_hollow:
            begun = written.begun()
            if begun is not None:
                self._say(*begun)
            if written.first:
                self._out.append(self._delta(number, written.first))

    def _item_for(self, part: Text | Refusal | Reasoning | ToolCall) -> WrittenItem:
        native = part.native
        own = native.fields.get(ITEM) if native is not None and native.dialect == OWN else None
        last = self._items[-1] if self._items else None
        if self._is_own and not isinstance(own, dict) and last is not None and last.takes(part):
            return last
        if isinstance(part, Text | Refusal) and not isinstance(own, dict) and self._message is not None:
            return self._message
        self._close_message()
        left = cast("Fields", own) if isinstance(own, dict) else None
        index = len(self._items)
        item = WrittenItem.of(part, left, index, self._id)
        self._items.append(item)
        if isinstance(part, Text | Refusal):
            self._message = item
        self._say("response.output_item.added", {"output_index": index, "item": item.fields})
        return item

    def _part_ends(self, event: PartEnded) -> None:
        part = self._parts.get(event.number)
        if part is None or part.is_done:
            return
        self._close_part(part, event.native)
        native = event.native
        is_end = native is not None and native.dialect == OWN and ITEM_END in native.fields
        if is_end or (not self._is_own and part.item is not self._message):
            self._close(part.item)

    def _close_part(self, part: WrittenPart, native: Native | None) -> None:
        part.end(native, self._changes)
        for said in part.done():
            self._say(*said)

    def _close(self, item: WrittenItem) -> None:
        if item.is_done:
            return
        for part in item.parts:
            if not part.is_done:
                self._close_part(part, None)
        if item is self._message:
            self._message = None
        item.end(self._changes)
        self._say("response.output_item.done", {"output_index": item.index, "item": item.fields})
        for seal in item.late_seals():
            self._carry(seal, "last")

    def _close_message(self) -> None:
        """End the item before, which something else now follows, if its parts have ended."""
        message, self._message = self._message, None
        before = message or (self._items[-1] if self._items else None)
        if before is not None and before.parts and all(part.is_done for part in before.parts):
            self._close(before)

    def _close_all(self) -> None:
        for item in list(self._items):
            self._close(item)

    def _whole(self, item: Fields) -> None:
        """Write an item that comes whole."""
        self._close_message()
        index = len(self._items)
        self._items.append(WrittenItem.whole(item, index))
        self._say("response.output_item.added", {"output_index": index, "item": item})
        self._say("response.output_item.done", {"output_index": index, "item": item})

    def _carry(self, seal: Seal, whose: str) -> None:
        self._close_message()
        identifier = item_id("reasoning", self._id, len(self._items))
        self._whole(carrier_item(seal, "last" if whose == "last" else "next", identifier))

    def _seal(self, event: SealDelta) -> None:
        part = self._parts.get(event.number)
        if part is not None:
            part.seal = event.seal

    def _citation(self, event: CitationDelta) -> None:
        part = self._parts.get(event.number)
        if part is None or part.is_done or not isinstance(part.part, Text):
            return
        annotation = write_citation(event.citation, sum(map(len, part.texts)))
        if annotation is None:
            self._changes.lose("citations", "an annotation without an address has no place in Responses")
            return
        place = part.cite(event.citation)
        at = {**part.at, "annotation_index": place, "annotation": annotation}
        self._say("response.output_text.annotation.added", at)

    # What only this dialect knows.

    def _native_part(self, number: int, part: NativePart) -> None:
        if part.kind.startswith("content.") and self._items:
            WrittenPart(self._items[-1], part, is_hollow=True)
            return
        identifier = part.value.get("id")
        index = self._native_ids.get(identifier) if isinstance(identifier, str) else None
        if index is None:
            item = part.value if self._is_own else native_item(part, self._id, len(self._items))
            self._whole(item)
            return
        item = self._items[index]
        item.fields, item.is_done = part.value, True
        self._say("response.output_item.done", {"output_index": index, "item": part.value})

    def _native(self, event: NativeEvent) -> None:
        if event.dialect != OWN:
            return
        self._begin_if_needed()
        value = {name: one for name, one in event.value.items() if name not in ("type", "sequence_number")}
        source = value.get("output_index")
        if event.kind == "response.output_item.added" and isinstance(source, int):
            item = value.get("item")
            fields = cast("Fields", item) if isinstance(item, dict) else {}
            index = len(self._items)
            self._close_message()
            self._items.append(WrittenItem.whole(fields, index, is_done=False))
            self._indexes[source] = index
            identifier = fields.get("id")
            if isinstance(identifier, str):
                self._native_ids[identifier] = index
        if isinstance(source, int):
            value["output_index"] = self._indexes.get(source, source)
        self._say(event.kind, value)


def _own(fields: Fields, native: Native) -> Fields:
    """A response as its provider had it, with what has grown since."""
    found: Fields = dict(fields)
    if "usage" in native.fields:
        found["usage"] = native.fields["usage"]
    rest = native.fields.get(RESPONSE)
    if isinstance(rest, dict):
        found.update(cast("Fields", rest))
    return found


def _begun(fields: Fields) -> Fields:
    """A response as it begins, though all of it be known already."""
    if fields.get("status") in ("queued", "in_progress"):
        return fields
    return {**fields, "status": "in_progress", "error": None, "incomplete_details": None, "usage": None}

"""The parts of another dialect's answer as output items. Pure; streams begin the same items and end them.

Read next: `answers`, `streams_out`.
"""

from typing import Final

from headgate.core.chat import Fields, Media, NativePart, Part, Reasoning, Refusal, Seal, Text, ToolCall
from headgate.wire.dialects import identifiers
from headgate.wire.dialects.carrying import Whose, carried, carried_beside
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.openai_responses.parts import write_refusal, write_text
from headgate.wire.dialects.openai_responses.spelling import OWN, item_id

_FORMATS: Final = {"image/png": "png", "image/jpeg": "jpeg", "image/webp": "webp", "image/gif": "gif"}
DONE: Final = "completed"
RUNNING: Final = "in_progress"


class Output:
    """Items that grow with the parts of an answer."""

    __slots__ = ("_changes", "_items", "_message", "_response_id")

    def __init__(self, response_id: str, changes: Changes) -> None:
        self._response_id = response_id
        self._changes = changes
        self._items: list[Fields] = []
        self._message: list[Fields] | None = None
        """The content of the message that the next text goes into."""

    def items(self) -> list[Fields]:
        """All items so far."""
        return self._items

    def take(self, part: Part) -> None:
        """Take the next part."""
        seal = part.seal if isinstance(part, Text | ToolCall) else None
        if seal is not None:
            self._add(carrier_item(seal, "next", self._id("reasoning")))
        if isinstance(part, Text | Refusal):
            if self._message is None:
                self._message = []
                content: list[Fields] = self._message
                self._items.append(message_item(self._id("message"), content, DONE))
            self._message.append(content_of(part, self._changes))
            return
        item = item_of(part, self._response_id, len(self._items), self._changes)
        if item is not None:
            self._add(item)

    def _add(self, item: Fields) -> None:
        self._message = None
        self._items.append(item)

    def _id(self, kind: str) -> str:
        return item_id(kind, self._response_id, len(self._items))


def item_of(part: Part, response_id: str, place: int, changes: Changes) -> Fields | None:
    """One part that is an item of its own; None, and told, where there is none for it (47)."""
    match part:
        case Reasoning():
            return reasoning_item(part, item_id("reasoning", response_id, place), DONE)
        case ToolCall():
            return call_item(part, response_id, place, DONE)
        case Media(kind="image", data=str()):
            return image_item(part, item_id("image_generation_call", response_id, place))
        case Media():
            changes.alter("output", f"Responses gives no {part.kind}; it was left out")
            return None
        case NativePart(dialect="openai-responses"):
            return native_item(part, response_id, place)
        case NativePart():
            changes.lose("output", f"Responses has no part of the kind {part.kind}")
            return None
        case _:
            changes.lose("output", f"Responses has no {type(part).__name__} in an answer")
            return None


def message_item(identifier: str, content: list[Fields], status: str) -> Fields:
    """A message of the assistant's."""
    return {
        "id": identifier,
        "type": "message",
        "status": status,
        "role": "assistant",
        "content": content,
    }


def content_of(part: Text | Refusal, changes: Changes) -> Fields:
    """A text or refusal as content of a message."""
    if isinstance(part, Text):
        return write_text(part, "output_text", changes, "output")
    return write_refusal(part, changes, "output")


def reasoning_item(part: Reasoning, identifier: str, status: str) -> Fields:
    """Reasoning; clients show and send back summaries, so that its text stands there."""
    fields: Fields = {
        "id": identifier,
        "type": "reasoning",
        "summary": [{"type": "summary_text", "text": part.text}] if part.text else [],
    }
    if part.seal is not None:
        fields["encrypted_content"] = carried(OWN, part.seal, part, keeps_id=False)
    if status != DONE:
        fields["status"] = status
    return fields


def carrier_item(seal: Seal, whose: Whose, identifier: str) -> Fields:
    """The seal of a text or tool call beside it."""
    data = carried_beside(seal, "last" if whose == "last" else "next")
    return {"id": identifier, "type": "reasoning", "summary": [], "encrypted_content": data}


def call_item(part: ToolCall, response_id: str, place: int, status: str) -> Fields:
    """A tool call; one that has no id is given one."""
    return {
        "id": item_id("function_call", response_id, place),
        "type": "function_call",
        "status": status,
        "arguments": part.arguments if status != DONE else part.arguments or "{}",
        "call_id": part.id or identifiers.given(response_id, place),
        "name": part.name,
    }


def native_item(part: NativePart, response_id: str, place: int) -> Fields:
    """A part that this dialect alone has, in an answer that another one gave: a custom tool's call."""
    item: Fields = {"id": item_id(part.kind, response_id, place), **part.value}
    if item.get("call_id") == "":
        item["call_id"] = identifiers.given(response_id, place)
    return item


def image_item(part: Media, identifier: str) -> Fields:
    """An image that the model made."""
    fields: Fields = {
        "id": identifier,
        "type": "image_generation_call",
        "status": DONE,
        "result": part.data,
    }
    form = _FORMATS.get(part.media_type or "")
    if form is not None:
        fields["output_format"] = form
    return fields

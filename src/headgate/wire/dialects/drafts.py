"""Messages while a conversation is arranged: what may still be split, joined and moved. Pure.

Read next: `wire.dialects.turns`, which arranges them.
"""

from collections.abc import Iterable
from typing import Final

from headgate.core.call import AnyDialect
from headgate.core.chat import (
    ChatCall,
    Fields,
    Message,
    Native,
    Part,
    Role,
    Text,
    ToolCall,
    ToolResult,
)
from headgate.wire.dialects.fields import shape_of

MEMBERS: Final[dict[AnyDialect, str]] = {"openai-responses": "input", "google": "contents"}
"""Where messages stand in a caller's body, if not in `messages`."""

APART: Final[dict[AnyDialect, str]] = {
    "anthropic": "system",
    "bedrock": "system",
    "google": "systemInstruction",
}
"""Where system prompts stand in the dialects that keep them apart; they know no system message."""


class Draft:
    """One message. `where` is its path in the caller's body; `follows` the calls whose results it brought."""

    __slots__ = ("follows", "name", "native", "parts", "role", "where")

    def __init__(self, role: Role, parts: Iterable[Part], where: str) -> None:
        self.role: Role = role
        self.parts = list(parts)
        self.where = where
        self.name: str | None = None
        self.native: Native | None = None
        self.follows: object = None

    def message(self) -> Message:
        """The message, as it now stands."""
        return Message(role=self.role, parts=tuple(self.parts), name=self.name, native=self.native)

    def has_results(self) -> bool:
        """Whether it brings results of tools."""
        return any(isinstance(part, ToolResult) for part in self.parts)

    def has_calls(self) -> bool:
        """Whether it calls tools."""
        return any(isinstance(part, ToolCall) for part in self.parts)

    def absorb(self, other: "Draft") -> None:
        """Take another's parts after its own."""
        self.parts.extend(other.parts)
        self.native = joined(self.native, other.native)
        if self.name != other.name:
            self.name = None


def drafts_of(call: ChatCall) -> list[Draft]:
    """The messages of a call, each with its path."""
    member = MEMBERS.get(call.dialect, "messages")
    apart = APART.get(call.dialect)
    found: list[Draft] = []
    place = 0
    for message in call.messages:
        spelled = shape_of(message.native, call.dialect)
        if apart is not None and place == 0 and message.role == "system":
            where = apart
        elif spelled in ("instructions", "input"):
            where = spelled  # a text of its own, beside the list of Responses or in its place
        else:
            where = f"{member}[{place}]"
            place += 1
        draft = Draft(message.role, message.parts, where)
        draft.name, draft.native = message.name, message.native
        found.append(draft)
    return found


def joined(first: Native | None, second: Native | None) -> Native | None:
    """What two messages that become one say beyond our words."""
    if first is None or second is None or first.dialect != second.dialect:
        return first or second
    fields: Fields = {**first.fields, **second.fields}
    return Native(dialect=first.dialect, fields=fields)


def is_blank(part: Part) -> bool:
    """Whether a part says nothing at all: targets refuse empty texts, and those of white space."""
    return isinstance(part, Text) and part.seal is None and not part.text.strip()

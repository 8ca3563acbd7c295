"""What models say and hear, in no provider's words: a turn of theirs, and a call that came.

Read next: `voices`, which put a turn into the words of a provider's dialect.
"""

import base64
import json
from typing import Any, Protocol, cast

import msgspec

from headgate.core.call import AnyDialect

TOKENS = (1200, 34)
"""What each turn used: input and output."""


class Called(msgspec.Struct, frozen=True, kw_only=True):
    """A call of a tool."""

    id: str
    name: str
    arguments: dict[str, Any]

    @property
    def text(self) -> str:
        """The arguments as a model writes them."""
        return json.dumps(self.arguments)


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """What a model answers."""

    text: str = ""
    thought: str = ""
    calls: tuple[Called, ...] = ()
    number: int = 0
    """What tells its ids from those of other turns."""


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """A call as the provider has it."""

    dialect: AnyDialect
    path: str
    body: dict[str, Any]
    streamed: bool
    tools: tuple[str, ...]
    """The names of the tools on offer."""
    results: tuple[str, ...]
    """What tools gave so far, as text."""


class Voice(Protocol):
    """How a dialect's provider listens and talks."""

    dialect: AnyDialect
    kind: str

    def hear(self, path: str, body: dict[str, Any]) -> Heard:
        """Understand a call."""
        ...

    def whole(self, turn: Turn) -> dict[str, Any]:
        """A turn as one answer."""
        ...

    def pieces(self, turn: Turn) -> list[bytes]:
        """A turn as a stream, in pieces."""
        ...


def cut(text: str, size: int = 17) -> list[str]:
    """A text in pieces, as a model makes it."""
    return [text[start : start + size] for start in range(0, len(text), size)]


def seal_of(dialect: AnyDialect) -> str:
    """What the provider of a dialect signs its thoughts with, or keeps them in."""
    return base64.b64encode(f"sealed by a provider of {dialect}".encode()).decode()


def event(data: object, name: str = "") -> bytes:
    """One server-sent event."""
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {json.dumps(data)}\n\n".encode()


def flat(content: Any) -> str:
    """The text of a message or a result, whatever its spelling."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "".join(flat(part) for part in cast("list[Any]", content))
    if isinstance(content, dict) and "text" in content:
        return flat(cast("dict[str, Any]", content)["text"])
    return json.dumps(content)

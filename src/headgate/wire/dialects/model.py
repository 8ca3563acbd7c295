"""What a dialect's codec is: reads and writes calls, answers and streams, by the words of `core`.

Never does I/O, never asks who a provider is: what a target takes comes as `core.quirks.Quirks`, and what
can't be said in a dialect goes into `Changes`. Read next: a dialect's folder, `wire.dialects.openai_chat`.
"""

from collections.abc import Callable
from typing import Protocol

import msgspec

from headgate.core.call import AnyDialect
from headgate.core.chat import ChatAnswer, ChatCall
from headgate.core.events import Event
from headgate.core.quirks import Quirks
from headgate.wire.dialects.changes import Changes


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What an answer's writer has to know of the call: the model's name as the client gave it, whether a
    stream's client asked for usage, and when the answer began (Unix seconds)."""

    model: str
    wants_usage: bool = True
    created_s: int = 0
    request_id: str = ""
    """Stands in for an answer's id where the provider gives none."""
    as_array: bool = False
    """Whether a stream is one JSON array, as Google's clients want it that did not ask for events."""


class EventsIn(Protocol):
    """Reads one stream of a provider. Any chunking of the same bytes gives the same events."""

    def feed(self, data: bytes) -> list[Event]:
        """Take the next bytes; return what has happened. Raises UpstreamError for what is no stream."""
        ...

    def end(self) -> list[Event]:
        """The connection has ended; return what that ends. Without `Ended` among all events it was cut."""
        ...


class EventsOut(Protocol):
    """Writes one stream to a client."""

    def write(self, event: Event) -> bytes:
        """Return the bytes that say it, maybe none; nothing that can be said now is held back."""
        ...


class ReadCall(Protocol):
    """Reads a client's call."""

    def __call__(self, body: bytes, *, model: str | None = None, stream: bool | None = None) -> ChatCall:
        """Read it; `model` and `stream` where the path says them.

        Raises InvalidRequest, naming the member, for what is not of the dialect.
        """
        ...


class Codec(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """One dialect, both ways.

    `write_call` writes for a target; where the path names model and streaming, the body does not.
    `read_answer` raises UpstreamError for what is no answer. `events_in` and `events_out` begin a stream.
    """

    dialect: AnyDialect
    read_call: ReadCall
    write_call: Callable[[ChatCall, Quirks, Changes], bytes]
    read_answer: Callable[[bytes], ChatAnswer]
    write_answer: Callable[[ChatAnswer, Asked, Changes], bytes]
    events_in: Callable[[], EventsIn]
    events_out: Callable[[Asked, Changes], EventsOut]

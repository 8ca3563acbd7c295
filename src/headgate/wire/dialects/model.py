"""What a dialect's codec is: reads and writes calls, answers and streams, by the words of `core`.

Never does I/O, never asks who a provider is: what a target takes comes as `core.quirks.Quirks`, and what
can't be said in a dialect goes into `Changes`. Read next: a dialect's folder, `wire.dialects.openai_chat`.
"""

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


class Codec(Protocol):
    """One dialect, both ways."""

    @property
    def dialect(self) -> AnyDialect:
        """Its name."""
        ...

    def read_call(self, body: bytes, *, model: str | None = None, stream: bool | None = None) -> ChatCall:
        """Read a client's call. `model` and `stream` where the path says them.

        Raises InvalidRequest, naming the member, for what is not of the dialect.
        """
        ...

    def write_call(self, call: ChatCall, quirks: Quirks, changes: Changes) -> bytes:
        """Write a call for a target; where the path names model and streaming, the body does not."""
        ...

    def read_answer(self, body: bytes) -> ChatAnswer:
        """Read a provider's whole answer. Raises UpstreamError for what is none."""
        ...

    def write_answer(self, answer: ChatAnswer, asked: Asked, changes: Changes) -> bytes:
        """Write a whole answer to a client."""
        ...

    def events_in(self) -> EventsIn:
        """Begin to read a stream."""
        ...

    def events_out(self, asked: Asked, changes: Changes) -> EventsOut:
        """Begin to write a stream."""
        ...

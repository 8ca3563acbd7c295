"""Google's generateContent as a codec: calls, answers and streams, both ways. Pure.

Read next: `calls`, `answers`, `streams_in`, `streams_out`; `counting` has what the codec's contract has not.
"""

from typing import Final

from headgate.core.call import AnyDialect
from headgate.core.chat import ChatAnswer, ChatCall
from headgate.core.quirks import Quirks
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.google.answers import read_answer, write_answer
from headgate.wire.dialects.google.calls import read_call, write_call
from headgate.wire.dialects.google.spelling import DIALECT
from headgate.wire.dialects.google.streams_in import GoogleEventsIn
from headgate.wire.dialects.google.streams_out import GoogleEventsOut
from headgate.wire.dialects.model import Asked, EventsIn, EventsOut


class GoogleCodec:
    """The dialect `google`. Model and streaming stand in the path: bodies name neither."""

    @property
    def dialect(self) -> AnyDialect:
        """Its name."""
        return DIALECT

    def read_call(self, body: bytes, *, model: str | None = None, stream: bool | None = None) -> ChatCall:
        """Read a client's call; `model` and `stream` as the path says them."""
        return read_call(body, model=model, stream=stream)

    def write_call(self, call: ChatCall, quirks: Quirks, changes: Changes) -> bytes:
        """Write a call for a target; `contents` where it is a stream are the same as where it is none."""
        return write_call(call, quirks, changes)

    def read_answer(self, body: bytes) -> ChatAnswer:
        """Read a provider's whole answer, or the array that a stream of it is."""
        return read_answer(body)

    def write_answer(self, answer: ChatAnswer, asked: Asked, changes: Changes) -> bytes:
        """Write a whole answer to a client."""
        return write_answer(answer, asked, changes)

    def events_in(self) -> EventsIn:
        """Begin to read a stream, of events or as an array: its first byte tells."""
        return GoogleEventsIn()

    def events_out(self, asked: Asked, changes: Changes) -> EventsOut:
        """Begin to write a stream of server-sent events."""
        return GoogleEventsOut(asked, changes)

    def items_out(self, asked: Asked, changes: Changes) -> EventsOut:
        """Begin to write a stream as a JSON array, for a client that does not ask for `alt=sse`."""
        return GoogleEventsOut(asked, changes, is_array=True)


CODEC: Final = GoogleCodec()
"""The one of it that there is."""

"""The codec of `openai-responses`. Read next: `calls`, `answers`, `streams_in`, `streams_out`."""

from typing import Final

from headgate.core.call import AnyDialect
from headgate.core.chat import ChatAnswer, ChatCall
from headgate.core.quirks import Quirks
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.model import Asked, Codec, EventsIn, EventsOut
from headgate.wire.dialects.openai_responses.answers import read_answer, write_answer
from headgate.wire.dialects.openai_responses.calls import read_call, write_call
from headgate.wire.dialects.openai_responses.spelling import OWN
from headgate.wire.dialects.openai_responses.streams_in import ResponsesIn
from headgate.wire.dialects.openai_responses.streams_out import ResponsesOut


class ResponsesCodec:
    """The codec of `openai-responses`."""

    @property
    def dialect(self) -> AnyDialect:
        """Its name."""
        return OWN

    def read_call(self, body: bytes, *, model: str | None = None, stream: bool | None = None) -> ChatCall:
        """Read a client's call. Raises InvalidRequest, naming the member."""
        return read_call(body, model=model, stream=stream)

    def write_call(self, call: ChatCall, quirks: Quirks, changes: Changes) -> bytes:
        """Write a call for a target."""
        return write_call(call, quirks, changes)

    def read_answer(self, body: bytes) -> ChatAnswer:
        """Read a provider's whole answer. Raises UpstreamError for what is none."""
        return read_answer(body)

    def write_answer(self, answer: ChatAnswer, asked: Asked, changes: Changes) -> bytes:
        """Write a whole answer to a client."""
        return write_answer(answer, asked, changes)

    def events_in(self) -> EventsIn:
        """Begin to read a stream."""
        return ResponsesIn()

    def events_out(self, asked: Asked, changes: Changes) -> EventsOut:
        """Begin to write a stream."""
        return ResponsesOut(asked, changes)


CODEC: Final[Codec] = ResponsesCodec()

"""Anthropic's dialect as a codec. Read next: `wire.dialects.model` for what one is."""

from typing import Final, Literal

from headgate.core.chat import ChatAnswer, ChatCall
from headgate.core.quirks import Quirks
from headgate.wire.dialects.anthropic import answers, calls_in, calls_out
from headgate.wire.dialects.anthropic.streams_in import StreamIn
from headgate.wire.dialects.anthropic.streams_out import StreamOut
from headgate.wire.dialects.anthropic.words import DIALECT
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.model import Asked


class AnthropicCodec:
    """Implements `wire.dialects.model.Codec`."""

    @property
    def dialect(self) -> Literal["anthropic"]:
        """Its name."""
        return DIALECT

    def read_call(self, body: bytes, *, model: str | None = None, stream: bool | None = None) -> ChatCall:
        """Read a client's call, or its question how many tokens one has."""
        return calls_in.read_call(body, model=model, stream=stream)

    def write_call(self, call: ChatCall, quirks: Quirks, changes: Changes) -> bytes:
        """Write a call for a target."""
        return calls_out.write_call(call, quirks, changes)

    def read_answer(self, body: bytes) -> ChatAnswer:
        """Read a whole answer."""
        return answers.read_answer(body)

    def write_answer(self, answer: ChatAnswer, asked: Asked, changes: Changes) -> bytes:
        """Write a whole answer."""
        return answers.write_answer(answer, asked, changes)

    def events_in(self) -> StreamIn:
        """Begin to read a stream."""
        return StreamIn()

    def events_out(self, asked: Asked, changes: Changes) -> StreamOut:
        """Begin to write a stream."""
        return StreamOut(asked, changes)


CODEC: Final = AnthropicCodec()

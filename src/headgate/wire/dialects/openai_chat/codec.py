"""The codec of OpenAI's chat completions, and of what the compatible families make of it. Sans-I/O, pure.

Read next: `calls_in`, `calls_out`, `answers`, `streams_in`, `streams_out`.
"""

from typing import Final

from headgate.core.call import AnyDialect
from headgate.core.chat import ChatAnswer, ChatCall
from headgate.core.quirks import Quirks
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.model import Asked, Codec
from headgate.wire.dialects.openai_chat import answers, calls_in, calls_out
from headgate.wire.dialects.openai_chat.streams_in import StreamReader
from headgate.wire.dialects.openai_chat.streams_out import StreamWriter


class ChatCodec:
    """Implements `wire.dialects.model.Codec`."""

    dialect: AnyDialect = "openai-chat"

    def read_call(self, body: bytes, *, model: str | None = None, stream: bool | None = None) -> ChatCall:
        """Read a client's call."""
        return calls_in.read_call(body, model=model, stream=stream)

    def write_call(self, call: ChatCall, quirks: Quirks, changes: Changes) -> bytes:
        """Write a call for a target."""
        return calls_out.write_call(call, quirks, changes)

    def read_answer(self, body: bytes) -> ChatAnswer:
        """Read a provider's whole answer."""
        return answers.read_answer(body)

    def write_answer(self, answer: ChatAnswer, asked: Asked, changes: Changes) -> bytes:
        """Write a whole answer to a client."""
        return answers.write_answer(answer, asked, changes)

    def events_in(self) -> StreamReader:
        """Begin to read a provider's stream."""
        return StreamReader()

    def events_out(self, asked: Asked, changes: Changes) -> StreamWriter:
        """Begin to write a stream to a client."""
        return StreamWriter(asked, changes)


CODEC: Final[Codec] = ChatCodec()

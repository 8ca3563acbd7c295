"""The codec of `bedrock`. Read next: `calls`, `answers`, `streams_in`."""

from typing import Final

from headgate.core.call import AnyDialect
from headgate.core.chat import ChatAnswer, ChatCall
from headgate.core.quirks import Quirks
from headgate.wire.dialects.bedrock import answers, calls
from headgate.wire.dialects.bedrock.streams_in import StreamReader
from headgate.wire.dialects.bedrock.streams_out import StreamWriter
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.model import Asked, Codec


class BedrockCodec:
    """Implements `wire.dialects.model.Codec`."""

    dialect: AnyDialect = "bedrock"

    def read_call(self, body: bytes, *, model: str | None = None, stream: bool | None = None) -> ChatCall:
        """Read a call; its path names model and streaming."""
        return calls.read_call(body, model=model, stream=stream)

    def write_call(self, call: ChatCall, quirks: Quirks, changes: Changes) -> bytes:
        """Write a call for a target."""
        return calls.write_call(call, quirks, changes)

    def read_answer(self, body: bytes) -> ChatAnswer:
        """Read a whole answer."""
        return answers.read_answer(body)

    def write_answer(self, answer: ChatAnswer, asked: Asked, changes: Changes) -> bytes:
        """Write a whole answer."""
        return answers.write_answer(answer, asked, changes)

    def events_in(self) -> StreamReader:
        """Begin to read a stream."""
        return StreamReader()

    def events_out(self, asked: Asked, changes: Changes) -> StreamWriter:
        """Begin to write a stream."""
        return StreamWriter(asked, changes)


CODEC: Final[Codec] = BedrockCodec()

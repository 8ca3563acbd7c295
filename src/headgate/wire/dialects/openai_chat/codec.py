"""OpenAI's chat completions, and what the compatible families make of them, as a codec.

Read next: `calls_in`, `calls_out`, `answers`, `streams_in`, `streams_out`.
"""

from typing import Final

from headgate.wire.dialects.model import Codec
from headgate.wire.dialects.openai_chat import answers, calls_in, calls_out
from headgate.wire.dialects.openai_chat.streams_in import StreamReader
from headgate.wire.dialects.openai_chat.streams_out import StreamWriter

CODEC: Final = Codec(
    dialect="openai-chat",
    read_call=calls_in.read_call,
    write_call=calls_out.write_call,
    read_answer=answers.read_answer,
    write_answer=answers.write_answer,
    events_in=StreamReader,
    events_out=StreamWriter,
)

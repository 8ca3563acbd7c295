"""Cohere's chat as a codec. Read next: `calls`, `answers`, `streams_in`, `streams_out`."""

from typing import Final

from headgate.wire.dialects.cohere import answers, calls
from headgate.wire.dialects.cohere.streams_in import StreamReader
from headgate.wire.dialects.cohere.streams_out import StreamWriter
from headgate.wire.dialects.model import Codec

CODEC: Final = Codec(
    dialect="cohere",
    read_call=calls.read_call,
    write_call=calls.write_call,
    read_answer=answers.read_answer,
    write_answer=answers.write_answer,
    events_in=StreamReader,
    events_out=StreamWriter,
)

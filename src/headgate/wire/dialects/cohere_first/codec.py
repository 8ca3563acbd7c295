"""Cohere's chat, version 1, as a codec, which writes only what was read from it. Read next: `bodies`."""

from typing import Final

from headgate.wire.dialects.cohere_first import bodies
from headgate.wire.dialects.cohere_first.streams import StreamReader, StreamWriter
from headgate.wire.dialects.model import Codec

CODEC: Final = Codec(
    dialect="cohere-v1",
    read_call=bodies.read_call,
    write_call=bodies.write_call,
    read_answer=bodies.read_answer,
    write_answer=bodies.write_answer,
    events_in=StreamReader,
    events_out=StreamWriter,
)

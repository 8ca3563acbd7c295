"""OpenAI's text completions as a codec, which writes only what was read from them. Read next: `bodies`."""

from typing import Final

from headgate.wire.dialects.completions import bodies
from headgate.wire.dialects.completions.streams import StreamReader, StreamWriter
from headgate.wire.dialects.model import Codec

CODEC: Final = Codec(
    dialect="openai",
    read_call=bodies.read_call,
    write_call=bodies.write_call,
    read_answer=bodies.read_answer,
    write_answer=bodies.write_answer,
    events_in=StreamReader,
    events_out=StreamWriter,
)

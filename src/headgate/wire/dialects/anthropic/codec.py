"""Anthropic's dialect as a codec.

Read next: `calls_in`, `calls_out`, `answers`, `streams_in`, `streams_out`.
"""

from typing import Final

from headgate.wire.dialects.anthropic import answers, calls_in, calls_out
from headgate.wire.dialects.anthropic.streams_in import StreamIn
from headgate.wire.dialects.anthropic.streams_out import StreamOut
from headgate.wire.dialects.anthropic.words import DIALECT
from headgate.wire.dialects.model import Codec

CODEC: Final = Codec(
    dialect=DIALECT,
    read_call=calls_in.read_call,
    write_call=calls_out.write_call,
    read_answer=answers.read_answer,
    write_answer=answers.write_answer,
    events_in=StreamIn,
    events_out=StreamOut,
)

"""Google's generateContent as a codec.

Read next: `calls`, `answers`, `streams_in`, `streams_out`; `counting` has what the codec's contract has not.
"""

from typing import Final

from headgate.wire.dialects.google import answers, calls
from headgate.wire.dialects.google.spelling import DIALECT
from headgate.wire.dialects.google.streams_in import GoogleEventsIn
from headgate.wire.dialects.google.streams_out import GoogleEventsOut
from headgate.wire.dialects.model import Codec

CODEC: Final = Codec(
    dialect=DIALECT,
    read_call=calls.read_call,
    write_call=calls.write_call,
    read_answer=answers.read_answer,
    write_answer=answers.write_answer,
    events_in=GoogleEventsIn,
    events_out=GoogleEventsOut,
)

"""OpenAI's Responses as a codec. Read next: `calls`, `answers`, `streams_in`, `streams_out`."""

from typing import Final

from headgate.wire.dialects.model import Codec
from headgate.wire.dialects.openai_responses import answers, calls
from headgate.wire.dialects.openai_responses.spelling import OWN
from headgate.wire.dialects.openai_responses.streams_in import ResponsesIn
from headgate.wire.dialects.openai_responses.streams_out import ResponsesOut

CODEC: Final = Codec(
    dialect=OWN,
    read_call=calls.read_call,
    write_call=calls.write_call,
    read_answer=answers.read_answer,
    write_answer=answers.write_answer,
    events_in=ResponsesIn,
    events_out=ResponsesOut,
)

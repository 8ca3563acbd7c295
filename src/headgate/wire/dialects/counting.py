"""The counting of tokens in every dialect that has it: the question, and its answer. Pure.

A question is a chat call that is not made. OpenAI's chat completions have none. Read next: each dialect's own
(`google.counting`, `openai_responses.counting`, `bedrock.counting`, `anthropic.calls_out`).
"""

from collections.abc import Callable
from typing import Final, Protocol

import msgspec

from headgate.core.call import AnyDialect
from headgate.core.chat import ChatCall
from headgate.core.quirks import Quirks
from headgate.wire.dialects.anthropic import answers as anthropic_answers
from headgate.wire.dialects.anthropic import calls_in as anthropic_calls
from headgate.wire.dialects.anthropic.calls_out import write_count_call as write_anthropic
from headgate.wire.dialects.bedrock import counting as bedrock
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.google import counting as google
from headgate.wire.dialects.openai_responses import calls as responses_calls
from headgate.wire.dialects.openai_responses import counting as responses


class ReadQuestion(Protocol):
    """Reads a client's question."""

    def __call__(self, body: bytes, *, model: str | None = None) -> ChatCall:
        """Read it; `model` where the path says it. Raises InvalidRequest, naming the member."""
        ...


class Asking(msgspec.Struct, frozen=True, kw_only=True):
    """How a client asks, and is answered."""

    read_call: ReadQuestion
    write_count: Callable[[int], bytes]


class Answering(msgspec.Struct, frozen=True, kw_only=True):
    """How a provider is asked, and what it answers.

    `write_call` raises InvalidRequest for a call that can't be written, `read_count` UpstreamError.
    """

    write_call: Callable[[ChatCall, Quirks, Changes], bytes]
    read_count: Callable[[bytes], int]


ASKING: Final[dict[AnyDialect, Asking]] = {
    "anthropic": Asking(read_call=anthropic_calls.read_call, write_count=anthropic_answers.write_count),
    "google": Asking(read_call=google.read_count_call, write_count=google.write_count),
    "openai-responses": Asking(read_call=responses_calls.read_call, write_count=responses.write_count),
}
ANSWERING: Final[dict[AnyDialect, Answering]] = {
    "anthropic": Answering(write_call=write_anthropic, read_count=anthropic_answers.read_count),
    "google": Answering(write_call=google.write_count_call, read_count=google.read_count),
    "openai-responses": Answering(write_call=responses.write_count_call, read_count=responses.read_count),
    "bedrock": Answering(write_call=bedrock.write_count_call, read_count=bedrock.read_count),
}

"""The counting of a response's input tokens, both ways.

Pure. Source: OpenAI API reference, `responses.input_tokens.count`. Read next: `calls`.
"""

from typing import Final, cast

import msgspec

from headgate.core.chat import ChatCall, Fields
from headgate.core.quirks import Quirks
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.counted import tokens_in
from headgate.wire.dialects.fields import decode
from headgate.wire.dialects.openai_responses.calls import write_call
from headgate.wire.dialects.openai_responses.spelling import OWN

_COUNTED: Final = frozenset(
    {
        "conversation",
        "input",
        "instructions",
        "model",
        "parallel_tool_calls",
        "previous_response_id",
        "reasoning",
        "text",
        "tool_choice",
        "tools",
        "truncation",
    }
)
"""What the counting takes of a call; a client of the dialect knows it, and its calls stay whole."""

_encode = msgspec.json.Encoder().encode


def write_count_call(call: ChatCall, quirks: Quirks, changes: Changes) -> bytes:
    """Write the question how many tokens a call has. Raises InvalidRequest as `write_call`."""
    body = write_call(call, quirks, changes)
    if call.dialect == OWN:
        return body
    fields = cast("Fields", decode(body))
    return _encode({name: value for name, value in fields.items() if name in _COUNTED})


def read_count(body: bytes) -> int:
    """Read how many tokens a provider has counted. Raises UpstreamError for what says nothing of it."""
    return tokens_in(body, "input_tokens")


def write_count(tokens: int) -> bytes:
    """Write how many tokens were counted."""
    return _encode({"object": "response.input_tokens", "input_tokens": tokens})

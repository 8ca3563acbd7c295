"""Bedrock's CountTokens of a Converse call: what is asked, and what is answered.

Pure. No client of ours speaks it. Source: Amazon Bedrock API reference, `CountTokens`. Read next: `calls`.
"""

from typing import Final, cast

import msgspec

from headgate.core.chat import ChatCall, Fields
from headgate.core.quirks import Quirks
from headgate.wire.dialects.bedrock.calls import write_call
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.counted import tokens_in
from headgate.wire.dialects.fields import decode

_COUNTED: Final = frozenset({"additionalModelRequestFields", "messages", "system", "toolConfig"})

_encode = msgspec.json.Encoder().encode


def write_count_call(call: ChatCall, quirks: Quirks, changes: Changes) -> bytes:
    """Write the question how many tokens a call has. Raises InvalidRequest as `write_call`."""
    fields = cast("Fields", decode(write_call(call, quirks, changes)))
    return _encode(
        {"input": {"converse": {name: value for name, value in fields.items() if name in _COUNTED}}}
    )


def read_count(body: bytes) -> int:
    """Read how many tokens a provider has counted. Raises UpstreamError for what says nothing of it."""
    return tokens_in(body, "inputTokens")

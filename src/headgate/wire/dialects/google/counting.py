"""Google's countTokens, both ways: a call whose tokens are counted, and how many they are.

Pure. Source: Gemini API reference, `models.countTokens`; Vertex AI writes the call's members without the
request around them. Read next: `calls`.
"""

from typing import Final

import msgspec

from headgate.core.chat import ChatCall, Native
from headgate.core.quirks import Quirks
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.counted import tokens_in
from headgate.wire.dialects.google.calls import call_of, fields_of, written
from headgate.wire.dialects.google.spelling import DIALECT, Members, flags_of

_encode = msgspec.json.Encoder().encode

_COUNTED: Final = frozenset({"contents", "generationConfig", "systemInstruction", "tools"})
"""What the counting takes of a call that is not wrapped."""

_WRAPPED = "counted"
_WRAPPED_SNAKE = "counted_snake"


def read_count_call(body: bytes, *, model: str | None = None) -> ChatCall:
    """Read a client's call. Raises InvalidRequest, naming the member, for what is not of the dialect."""
    fields = fields_of(body)
    members = Members(fields)
    key = members.key("generateContentRequest")
    inner = members.object(key)
    if inner is None or members.left:
        return call_of(fields, model=model, stream=False)
    call = call_of(inner, model=model, stream=False)
    word = _WRAPPED_SNAKE if members.flags else _WRAPPED
    native = call.native or Native(dialect=DIALECT)
    shape = f"{word} {native.shape}" if native.shape else word
    return msgspec.structs.replace(call, native=msgspec.structs.replace(native, shape=shape))


def write_count_call(call: ChatCall, quirks: Quirks, changes: Changes) -> bytes:
    """Write a call whose tokens are to be counted."""
    fields = written(call, quirks, changes)
    flags = flags_of(call.native)
    if _WRAPPED in flags:
        return _encode({"generateContentRequest": fields})
    if _WRAPPED_SNAKE in flags:
        return _encode({"generate_content_request": fields})
    if call.dialect == DIALECT or fields.keys() == {"contents"}:
        return _encode(fields)
    if not quirks.wraps_counted_call:
        return _encode({name: value for name, value in fields.items() if name in _COUNTED})
    model = "models/" + call.model.removeprefix("models/")
    return _encode({"generateContentRequest": {"model": model, **fields}})


def read_count(body: bytes) -> int:
    """Read how many tokens a provider has counted. Raises UpstreamError for what says nothing of it."""
    return tokens_in(body, "totalTokens", absent=0)


def write_count(tokens: int) -> bytes:
    """Write how many tokens were counted."""
    return _encode(
        {"totalTokens": tokens, "promptTokensDetails": [{"modality": "TEXT", "tokenCount": tokens}]}
    )

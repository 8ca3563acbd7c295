"""Embeddings in every dialect, read and written, and how many inputs a provider takes at once (trap 49).

Pure. Never embeds anything, never asks who a provider is. Read next: `core.embedding`, `embeddings_openai`,
`embeddings_google`, `embeddings_cohere`, `embeddings_amazon`, `vectors`.
"""

from typing import Final, Protocol, cast

import msgspec

from headgate.core.chat import Fields
from headgate.core.embedding import EmbeddingAnswer, EmbeddingCall, EmbeddingDialect
from headgate.core.faults import InvalidRequest, UpstreamError
from headgate.wire.dialects import (
    embeddings_amazon,
    embeddings_cohere,
    embeddings_google,
    embeddings_openai,
)
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.fields import decode

_encode = msgspec.json.Encoder().encode

INPUTS_MAX: Final[dict[EmbeddingDialect, int]] = {
    "openai": 2_048,
    "google": 100,
    "cohere": 96,
    "bedrock-invoke": 1,
}
"""How many inputs one call may hold. Sources: their API references."""


class _Format(Protocol):
    """One dialect."""

    def read_call(self, fields: Fields, model: str | None) -> EmbeddingCall: ...

    def write_call(self, call: EmbeddingCall, changes: Changes) -> Fields: ...

    def read_answer(self, fields: Fields, body: bytes) -> EmbeddingAnswer: ...

    def write_answer(self, answer: EmbeddingAnswer, asked: EmbeddingCall, changes: Changes) -> Fields: ...


_FORMATS: Final[dict[EmbeddingDialect, _Format]] = {
    "openai": embeddings_openai,
    "google": embeddings_google,
    "cohere": embeddings_cohere,
    "bedrock-invoke": embeddings_amazon,
}


def read_call(dialect: EmbeddingDialect, body: bytes, *, model: str | None = None) -> EmbeddingCall:
    """Read a client's call; `model` where the path names it. Raises InvalidRequest, naming the member."""
    try:
        value = decode(body)
    except ValueError as error:
        raise InvalidRequest(f"the body is no valid JSON: {error}") from None
    if not isinstance(value, dict):
        raise InvalidRequest("the body is no JSON object; send one")
    return _FORMATS[dialect].read_call(cast("Fields", value), model)


def write_call(call: EmbeddingCall, dialect: EmbeddingDialect, changes: Changes) -> bytes:
    """Write a call for a provider. Raises InvalidRequest for inputs that no other dialect can say (tokens).

    Google's path has a verb: `embeddings_google.verb_of` names it.
    """
    return _encode(_FORMATS[dialect].write_call(call, changes))


def read_answer(dialect: EmbeddingDialect, body: bytes) -> EmbeddingAnswer:
    """Read a provider's answer. Raises UpstreamError for what is none."""
    try:
        value = decode(body)
        if not isinstance(value, dict):
            raise ValueError("it is no JSON object")
        return _FORMATS[dialect].read_answer(cast("Fields", value), body)
    except ValueError as error:
        raise UpstreamError(f"the provider's answer holds no embeddings: {error}") from None


def write_answer(
    answer: EmbeddingAnswer,
    asked: EmbeddingCall,
    changes: Changes,
) -> bytes:
    """Write an answer to the client that asked. Raises UpstreamError for vectors that can't be written so."""
    try:
        return _encode(_FORMATS[asked.dialect].write_answer(answer, asked, changes))
    except ValueError as error:
        raise UpstreamError(f"the provider's vectors can't be written: {error}") from None

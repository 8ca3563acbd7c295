"""Embeddings in every dialect, read and written, and calls cut to what a provider takes at once (trap 49).

Pure. Never embeds anything, never asks who a provider is. Read next: `core.embedding`, `embeddings_openai`,
`embeddings_google`, `embeddings_cohere`, `embeddings_amazon`, `vectors`.
"""

from collections.abc import Sequence
from typing import Final, Protocol, cast

import msgspec

from headgate.core.call import Usage
from headgate.core.chat import Fields
from headgate.core.embedding import EmbeddingAnswer, EmbeddingCall, EmbeddingDialect, Vector
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


def batches(call: EmbeddingCall, inputs_max: int) -> tuple[EmbeddingCall, ...]:
    """The call in as many as a provider takes that embeds so many inputs at once, in order."""
    if len(call.inputs) <= inputs_max:
        return (call,)
    return tuple(
        msgspec.structs.replace(call, inputs=call.inputs[start : start + inputs_max])
        for start in range(0, len(call.inputs), inputs_max)
    )


def joined(answers: Sequence[EmbeddingAnswer], calls: Sequence[EmbeddingCall]) -> EmbeddingAnswer:
    """One answer of those to the batches of a call. Raises UpstreamError where one has too few vectors."""
    if len(answers) == 1:
        return answers[0]
    vectors: list[Vector] = []
    usage: Usage | None = None
    for answer, call in zip(answers, calls, strict=True):
        if len(answer.vectors) != len(call.inputs):
            raise UpstreamError(
                f"the provider gave {len(answer.vectors)} vectors for {len(call.inputs)} inputs"
            )
        first = len(vectors)
        ordered = sorted(answer.vectors, key=lambda vector: vector.index)
        vectors.extend(
            msgspec.structs.replace(vector, index=first + place) for place, vector in enumerate(ordered)
        )
        usage = _sum(usage, answer.usage)
    # What each of them said beside its vectors and its usage is of no use to a client that asked once.
    return EmbeddingAnswer(
        dialect=answers[0].dialect,
        model=answers[0].model,
        vectors=tuple(vectors),
        id=answers[0].id,
        usage=usage,
        fields=_usage_fields(answers[0], usage),
        shape=answers[0].shape,
    )


def _sum(first: Usage | None, second: Usage | None) -> Usage | None:
    if first is None or second is None:
        return second if first is None else first
    units = {
        kind: first.units.get(kind, 0) + second.units.get(kind, 0) for kind in {**first.units, **second.units}
    }
    return Usage(
        input=first.input + second.input, cache_read=first.cache_read + second.cache_read, units=units
    )


def _usage_fields(answer: EmbeddingAnswer, usage: Usage | None) -> Fields:
    """What the first of several answers said beside its vectors, with the usage of all."""
    fields = dict(answer.fields)
    if usage is None:
        return fields
    tokens = usage.total_input
    match answer.dialect:
        case "openai":
            fields["usage"] = {"prompt_tokens": tokens, "total_tokens": tokens}
        case "google":
            fields["usageMetadata"] = {"promptTokenCount": tokens}
        case "cohere":
            fields["meta"] = {"billed_units": {"input_tokens": tokens, **usage.units}}
        case "bedrock-invoke":
            fields["inputTextTokenCount"] = tokens
    return fields

"""A call for embeddings between two dialects: what goes out, what comes back, and what that changed.

A call with more inputs than the target takes at once is refused, by name and number: to cut it would make one
call many, some of which may fail. Never does I/O. Read next: `wire.dialects.embeddings`, `wire.translations`.
"""

from typing import Final, cast

import msgspec

from headgate.core.call import AnyDialect
from headgate.core.embedding import EmbeddingAnswer, EmbeddingCall, EmbeddingDialect
from headgate.core.faults import InvalidRequest, UpstreamError
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.embeddings import INPUTS_MAX, read_answer, read_call, write_answer, write_call
from headgate.wire.dialects.model import Asked
from headgate.wire.model import AnswerFacts, CallFacts, StreamReader, Words
from headgate.wire.translating import TranslatedAnswer

DIALECTS: Final[dict[AnyDialect, EmbeddingDialect]] = {
    "openai": "openai",
    "google": "google",
    "cohere": "cohere",
}
_ENCODE: Final = msgspec.json.Encoder().encode


class EmbeddingTranslation:
    """Between a caller's dialect and a target's. Holds nothing of a call."""

    __slots__ = ("_other", "_own")

    def __init__(self, own: EmbeddingDialect, other: EmbeddingDialect) -> None:
        self._own: EmbeddingDialect = own
        self._other: EmbeddingDialect = other

    @classmethod
    def between(cls, own: AnyDialect, other: AnyDialect) -> "EmbeddingTranslation | None":
        """Return the translation between two dialects, or None where one of them has no embeddings."""
        first, second = DIALECTS.get(own), DIALECTS.get(other)
        return cls(first, second) if first is not None and second is not None else None

    @property
    def other(self) -> AnyDialect:
        """The dialect that the target is spoken to in."""
        return self._other

    def read(self, facts: CallFacts) -> EmbeddingCall:
        """Read a caller's call. Raises InvalidRequest."""
        return read_call(self._own, facts.body, model=facts.route.model)

    def call(self, words: Words, /, *, model: str, max_output: int | None) -> tuple[bytes, Changes]:
        """Write a call for the target. Raises InvalidRequest for tokens, or more inputs than it takes."""
        del max_output  # embeddings have no output that could be limited
        assert isinstance(words, EmbeddingCall)
        most, given = INPUTS_MAX[self._other], len(words.inputs)
        if given > most:
            raise InvalidRequest(
                f"{self._other} embeds at most {most} inputs a call, not {given}; send fewer at once",
                parameter="requests" if self._own == "google" else "input",
            )
        changes = Changes()
        return write_call(msgspec.structs.replace(words, model=model), self._other, changes), changes

    def answer(
        self, body: bytes, words: Words, /, asked: Asked, changes: Changes, *, as_stream: bool = False
    ) -> TranslatedAnswer:
        """Write a provider's vectors for the caller. Raises UpstreamError for what is none, or too few."""
        del as_stream  # nobody can ask for one
        assert isinstance(words, EmbeddingCall)
        answer = read_answer(self._other, body)
        if len(answer.vectors) != len(words.inputs):
            raise UpstreamError(
                f"the provider gave {len(answer.vectors)} vectors for {len(words.inputs)} inputs"
            )
        client = msgspec.structs.replace(words, model=asked.model)
        written = write_answer(answer, client, changes)
        return TranslatedAnswer(
            body=written, facts=AnswerFacts(usage=answer.usage, usage_raw=_usage_bytes(answer))
        )

    def stream_reader(self, words: Words, /, asked: Asked, changes: Changes) -> StreamReader:
        """Raises UpstreamError: embeddings are no stream."""
        raise UpstreamError("the provider answered a call for embeddings with a stream")


def _usage_bytes(answer: EmbeddingAnswer) -> bytes:
    """The provider's own usage object, as JSON; empty where it gave none."""
    for name in ("usage", "usageMetadata", "meta"):
        value = answer.fields.get(name)
        if isinstance(value, dict):
            return _ENCODE(cast("dict[str, object]", value))
    return b""

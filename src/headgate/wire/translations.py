"""A call between two dialects, whatever it asks for: chat, embeddings, or a count of its tokens.

What the data plane works with; one implementation for each operation, and `between`, which chooses. Never
does I/O; never decides what becomes of a change. Read next: `wire.translating` (chat),
`wire.translating_embeddings`, `wire.translating_counts`.
"""

from typing import Protocol

from headgate.core.call import AnyDialect, Operation
from headgate.core.quirks import Quirks
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.model import Asked
from headgate.wire.model import CallFacts, StreamReader, Words
from headgate.wire.translating import TranslatedAnswer, Translation
from headgate.wire.translating_counts import CountTranslation
from headgate.wire.translating_embeddings import EmbeddingTranslation


class AnyTranslation(Protocol):
    """Between a caller's dialect and that of a target with its quirks. Holds nothing of a call.

    Each takes the words that its own `read` gives.
    """

    @property
    def other(self) -> AnyDialect:
        """The dialect that the target is spoken to in."""
        ...

    def read(self, facts: CallFacts) -> Words:
        """Read a caller's call, to be written for as many targets as there are. Raises InvalidRequest."""
        ...

    def call(self, words: Words, /, *, model: str, max_output: int | None) -> tuple[bytes, Changes]:
        """Write a call for the target, with its model and the limit of output that holds there.

        Raises InvalidRequest for what can't be asked of it.
        """
        ...

    def answer(
        self, body: bytes, words: Words, /, asked: Asked, changes: Changes, *, as_stream: bool = False
    ) -> TranslatedAnswer:
        """Write a provider's whole answer to a call for the caller. Raises UpstreamError for what is none.

        `as_stream`: for a caller that asked for one, of a provider that answered whole all the same.
        """
        ...

    def stream_reader(self, words: Words, /, asked: Asked, changes: Changes) -> StreamReader:
        """Begin to translate the stream that answers a call. Raises UpstreamError where it can't be one."""
        ...


def between(
    operation: Operation, own: AnyDialect, other: AnyDialect, quirks: Quirks, *, asks_usage: bool = True
) -> AnyTranslation | None:
    """Return the translation of an operation between two dialects; None where one of them has none."""
    match operation:
        case "chat":
            return Translation.between(own, other, quirks, asks_usage=asks_usage)
        case "embeddings":
            return EmbeddingTranslation.between(own, other)
        case "count_tokens":
            return CountTranslation.between(own, other, quirks)
        case _:
            return None

"""A question how many tokens a call has, between two dialects; and its answer where nobody can be asked.

What is counted is the call as the target would be sent it. So what can't be said there is no change of the
question's meaning, but a loss: the count is of the rest. Nor is an estimate more than a loss. Strict
translation refuses neither, and a client that asks before each call gets its answer. Never does I/O. Read
next: `wire.dialects.counting`, `wire.estimating`, `wire.translations`.
"""

from typing import Final

import msgspec

from headgate.core.call import AnyDialect, Usage
from headgate.core.chat import NO_SAMPLING, ChatCall
from headgate.core.faults import UpstreamError
from headgate.core.quirks import Quirks
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.counting import ANSWERING, ASKING, Answering, Asking
from headgate.wire.dialects.model import Asked
from headgate.wire.dialects.structured import prepared
from headgate.wire.estimating import estimated_tokens
from headgate.wire.model import AnswerFacts, CallFacts, StreamReader, Words
from headgate.wire.translating import TranslatedAnswer

FREE: Final = AnswerFacts(usage=Usage())
"""No provider charges for a count."""


class CountTranslation:
    """Between a caller's dialect and that of a target with its quirks. Holds nothing of a call."""

    __slots__ = ("_answering", "_asking", "_other", "_own", "_quirks")

    def __init__(self, own: AnyDialect, other: AnyDialect, quirks: Quirks) -> None:
        """Raises KeyError where one of the dialects has no counting."""
        self._asking: Asking = ASKING[own]
        self._answering: Answering = ANSWERING[other]
        self._own: AnyDialect = own
        self._other: AnyDialect = other
        self._quirks = quirks

    @classmethod
    def between(cls, own: AnyDialect, other: AnyDialect, quirks: Quirks) -> "CountTranslation | None":
        """Return the translation between two dialects, or None where one of them has no counting."""
        return cls(own, other, quirks) if own in ASKING and other in ANSWERING else None

    @property
    def other(self) -> AnyDialect:
        """The dialect that the target is spoken to in."""
        return self._other

    def read(self, facts: CallFacts) -> ChatCall:
        """Read a caller's question. Raises InvalidRequest."""
        return self._asking.read_call(facts.body, model=facts.route.model)

    def call(self, words: Words, /, *, model: str, max_output: int | None) -> tuple[bytes, Changes]:
        """Write the question for the target. Raises InvalidRequest for what can't be written."""
        del max_output  # a count has no output
        assert isinstance(words, ChatCall)
        changes = Changes()
        meant = msgspec.structs.replace(words, model=model)
        if self._own == self._other:  # only what others made is taken out
            return self._answering.write_call(meant, self._quirks, changes), changes
        heard = Changes()
        body = self._answering.write_call(_counted(prepared(meant, self._quirks, heard)), self._quirks, heard)
        for change in heard:
            if change.weight == "note":
                changes.note(change.what, change.why)
            else:
                changes.lose(change.what, change.why)
        return body, changes

    def answer(
        self, body: bytes, words: Words, /, asked: Asked, changes: Changes, *, as_stream: bool = False
    ) -> TranslatedAnswer:
        """Write a provider's count for the caller. Raises UpstreamError for what is none."""
        del words, asked, changes, as_stream  # a number is the same in every dialect
        tokens = self._answering.read_count(body)
        return TranslatedAnswer(body=self._asking.write_count(tokens), facts=FREE)

    def stream_reader(self, words: Words, /, asked: Asked, changes: Changes) -> StreamReader:
        """Raises UpstreamError: a count is no stream."""
        raise UpstreamError("the provider answered a count of tokens with a stream")


def _counted(call: ChatCall) -> ChatCall:
    """The call without what no count depends on."""
    return msgspec.structs.replace(
        call, sampling=NO_SAMPLING, max_output=None, stream=False, user=None, service_tier=None
    )


def estimate(own: AnyDialect, facts: CallFacts) -> bytes | None:
    """Answer a caller's question by a guess; None where its dialect has no such question.

    Raises InvalidRequest for a question that is not of its dialect.
    """
    asking = ASKING.get(own)
    if asking is None:
        return None
    return asking.write_count(estimated_tokens(asking.read_call(facts.body, model=facts.route.model)))

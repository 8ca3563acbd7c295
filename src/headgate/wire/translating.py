"""A chat call between two dialects: the caller's, and the one that a target is spoken to in.

The facade over the codecs that the data plane works with: the body that goes out, the answer and the stream
that come back, and what each of them changed. Also for a call that stays in its dialect but holds what only
other makers can read (`wire.dialects.seals`): then its body alone is written anew.
Never does I/O; never decides what becomes of a change. Read next: `wire.dialects.model`, `gateway.way`.
"""

from typing import Final

import msgspec

from headgate.core.call import AnyDialect, Dialect
from headgate.core.chat import ChatAnswer, ChatCall
from headgate.core.quirks import Quirks
from headgate.wire.answers import read_answer
from headgate.wire.declining import declined
from headgate.wire.dialects import caching, custom_tools
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.custom_tools import CustomCalls, as_functions, custom_names
from headgate.wire.dialects.folding import unfold
from headgate.wire.dialects.model import Asked, Codec
from headgate.wire.dialects.registry import codec_of
from headgate.wire.dialects.sealing import stamped_answer
from headgate.wire.dialects.structured import Manner, manner_of, prepared, restored
from headgate.wire.dialects.structured_stream import RestoredStream, is_restored
from headgate.wire.dialects.thinking import is_on
from headgate.wire.endings import ending_of
from headgate.wire.model import AnswerFacts, CallFacts, Words
from headgate.wire.translated_stream import TranslatedStream, usage_bytes

CHANGES_SHOWN_MAX: Final = 32
CHANGE_LENGTH_MAX: Final = 300


class TranslatedAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A whole answer in the caller's dialect, and what the provider's said of itself."""

    body: bytes
    facts: AnswerFacts
    answer: ChatAnswer | None = None
    """The same before it was written, of a chat."""
    declined: str = ""
    """The provider's word for why it filtered all of its answer; empty where it gave one."""


class Translation:
    """Between a caller's dialect and that of a target with its quirks. Holds nothing of a call."""

    __slots__ = ("_asks_usage", "_other", "_own", "_quirks", "_quirks_thinking")

    def __init__(self, own: Codec, other: Codec, quirks: Quirks, *, asks_usage: bool = True) -> None:
        """`asks_usage`: whether a stream that goes out may ask for usage."""
        self._own = own
        self._other = other
        self._quirks = quirks
        refused = quirks.refused_sampling | quirks.refused_when_thinking
        self._quirks_thinking = msgspec.structs.replace(quirks, refused_sampling=refused)
        self._asks_usage = asks_usage

    @classmethod
    def between(
        cls, own: AnyDialect, other: AnyDialect, quirks: Quirks, *, asks_usage: bool = True
    ) -> "Translation | None":
        """Return the translation between two dialects, or None where one of them has no codec."""
        first, second = codec_of(own), codec_of(other)
        if first is None or second is None:
            return None
        return cls(first, second, quirks, asks_usage=asks_usage)

    @property
    def other(self) -> AnyDialect:
        """The dialect that the target is spoken to in."""
        return self._other.dialect

    @property
    def is_own(self) -> bool:
        """Whether both are the same dialect."""
        return self._own.dialect == self._other.dialect

    def read(self, facts: CallFacts) -> ChatCall:
        """Read a caller's call, to be written for as many targets as there are. Raises InvalidRequest."""
        route = facts.route
        return self._own.read_call(facts.body, model=route.model, stream=route.stream)

    def call(self, chat: Words, /, *, model: str, max_output: int | None) -> tuple[bytes, Changes]:
        """Write a call for the target, with its model and the limit of output that holds there."""
        assert isinstance(chat, ChatCall)
        changes = Changes()
        if self.is_own:  # only what others made is taken out; the rest is the caller's as it came
            wants_usage = chat.wants_usage or (chat.stream and self._asks_usage)
            meant = msgspec.structs.replace(chat, model=model, max_output=max_output, wants_usage=wants_usage)
            return self._other.write_call(meant, self._quirks, changes), changes
        quirks = self._quirks_for(chat)
        chat = as_functions(chat, changes)
        meant = msgspec.structs.replace(
            prepared(caching.fitted(chat, quirks, changes), quirks, changes),
            model=model,
            max_output=max_output,
            wants_usage=chat.stream and self._asks_usage,
        )
        return self._other.write_call(meant, quirks, changes), changes

    def manner(self, chat: ChatCall) -> Manner:
        """How the target is made to keep the form that a call prescribes."""
        return manner_of(chat, self._quirks_for(chat))

    def says_nulls(self, chat: ChatCall) -> bool:
        """Whether optional members of an answer come as null, which a stream keeps."""
        quirks = self._quirks_for(chat)
        return quirks.schema_subset == "openai-strict" and manner_of(chat, quirks) != "instruction"

    def _quirks_for(self, chat: ChatCall) -> Quirks:
        thinking = chat.thinking
        left_open = thinking is None or (thinking.effort is None and thinking.budget_tokens is None)
        thinks = is_on(thinking) or (left_open and self._quirks.thinks_unasked)
        return self._quirks_thinking if thinks else self._quirks

    def answer(
        self, body: bytes, chat: Words, /, asked: Asked, changes: Changes, *, as_stream: bool = False
    ) -> TranslatedAnswer:
        """Write a provider's whole answer to a call for the caller. Raises UpstreamError for what is none.

        `as_stream`: for a caller that asked for one, of a provider that answered whole all the same.
        """
        assert isinstance(chat, ChatCall)
        answer = stamped_answer(self._other.read_answer(body), self._quirks.maker)
        facts, why = self._facts(answer, body), declined(answer)
        facts = msgspec.structs.replace(facts, response_id=answer.id or asked.request_id)
        custom = custom_names(chat)
        answer = restored(answer, as_functions(chat, Changes()), self._quirks_for(chat), changes)
        answer = custom_tools.restored(answer, custom, self._own.dialect)
        if not as_stream:
            said = self._own.write_answer(answer, asked, changes)
            return TranslatedAnswer(body=said, facts=facts, answer=answer, declined=why)
        out = self._own.events_out(asked, changes)
        said = b"".join([out.write(event) for event in unfold(answer)])
        return TranslatedAnswer(body=said, facts=facts, answer=answer, declined=why)

    def _facts(self, answer: ChatAnswer, body: bytes) -> AnswerFacts:
        dialect = answer.dialect
        if dialect not in ("bedrock", "bedrock-invoke", "cohere", "cohere-v1"):
            return read_answer(dialect, "chat", body)
        return AnswerFacts(
            usage=answer.usage,
            usage_raw=usage_bytes(answer.native),
            service_tier=answer.service_tier,
            model=answer.model or None,
            ending=ending_of(answer),
        )

    def stream_reader(self, chat: Words, /, asked: Asked, changes: Changes) -> TranslatedStream:
        """Begin to translate the stream that answers a call."""
        assert isinstance(chat, ChatCall)
        quirks = self._quirks_for(chat)
        custom = custom_names(chat)
        chat = as_functions(chat, Changes())
        own: Dialect = self._own.dialect  # pyright: ignore[reportAssignmentType] - callers have no other
        return TranslatedStream(
            self._other.events_in(),
            self._own.events_out(asked, changes),
            own=own,
            request_id=asked.request_id,
            maker=quirks.maker,
            restoring=RestoredStream(chat, quirks) if is_restored(chat, quirks) else None,
            custom=CustomCalls(custom, own) if custom else None,
        )


def told(changes: Changes) -> list[str]:
    """Changes as they stand on records and in headers: what, why and how bad, without control characters.

    At most 32, the worst first, each of at most 300 characters.
    """
    ordered = [one for weight in ("meaning", "loss", "note") for one in changes.of_weight(weight)]
    shown = [_plain(f"{one} ({one.weight})") for one in ordered[:CHANGES_SHOWN_MAX]]
    more = len(ordered) - len(shown)
    return [*shown, f"and {more} more"] if more else shown


def altered(changes: Changes) -> str:
    """The changes of meaning, in one line; empty where there are none."""
    found = changes.of_weight("meaning")
    shown = "; ".join(_plain(str(one)) for one in found[:CHANGES_SHOWN_MAX])
    more = len(found) - CHANGES_SHOWN_MAX
    return f"{shown}; and {more} more" if more > 0 else shown


def _plain(text: str) -> str:
    cut = text if len(text) <= CHANGE_LENGTH_MAX else text[: CHANGE_LENGTH_MAX - 3] + "..."
    return cut if cut.isprintable() else "".join(one if one.isprintable() else "?" for one in cut)

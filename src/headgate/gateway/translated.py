"""What a call becomes on a way that translates: its body, its answer's headers and reader, what is told.

Strict translation refuses here, before anything is reserved; `gateway.attempt` asks for the rest. Never here:
the translation itself (`wire.translations`).
"""

from typing import Final

import msgspec

from headgate.core.chat import ChatCall
from headgate.core.faults import NotTranslatable
from headgate.core.ports import Answer, Headers
from headgate.gateway.call import Call
from headgate.gateway.way import Way
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.model import Asked
from headgate.wire.dialects.seals import MARK, MARK_IN_BASE64
from headgate.wire.model import StreamReader, Words
from headgate.wire.refusals import refusal
from headgate.wire.translating import TranslatedAnswer, altered, told
from headgate.wire.translations import AnyTranslation

SEAL: Final = MARK.encode()
SEAL_OF_GOOGLE: Final = MARK_IN_BASE64.encode()
"""The same in Google's dialect, whose signatures are base64."""
JSON: Final = b"application/json"
EVENTS: Final = b"text/event-stream; charset=utf-8"
BINARY_EVENTS: Final = b"vnd.amazon.eventstream"
BETAS: Final[dict[bytes, tuple[str, ...]]] = {
    b"anthropic-beta": ("anthropic",),
    b"openai-beta": ("openai-chat", "openai-responses"),
}
"""Headers by which a client asks for what is not yet everyone's, and the dialects that know them."""


class Written(msgspec.Struct, eq=False):
    """A call written for one target, and what that and its answer have changed so far."""

    translation: AnyTranslation
    words: Words
    model: str
    max_output: int | None
    body: bytes
    changes: Changes
    answer_changes: Changes

    def limited(self, max_output: int | None) -> bytes:
        """The body with the limit of output that holds now; a budget may have lowered it."""
        if max_output != self.max_output:
            self.max_output = max_output
            self.body, self.changes = self.translation.call(
                self.words, model=self.model, max_output=max_output
            )
        return self.body

    def note(self, call: Call) -> None:
        """Put what the translation of the call changed on its record."""
        for change in told(self.changes):
            call.note_change(change)

    def note_answer(self, call: Call) -> None:
        """The same for the answer."""
        for change in told(self.answer_changes):
            call.note_change(change)


def is_passed(call: Call, way: Way) -> bool:
    """Whether the caller's bytes go out as they are: no translation, nothing that only others can read."""
    if way.translation is not None or call.repairing is not None:
        return False
    facts = call.facts
    if way.resealing is None or facts is None or facts.messages < 2:
        return True
    return facts.body.find(SEAL_OF_GOOGLE if facts.route.dialect == "google" else SEAL) < 0


def written(call: Call, way: Way, max_output: int | None) -> Written | None:
    """Write the call for a target that is not simply passed its bytes; None where no codec can.

    Raises InvalidRequest for a body that is not of its dialect, and NotTranslatable, naming each change,
    where the alias is strict and the meaning would be another.
    """
    facts, alias = call.facts, call.alias
    assert facts is not None and alias is not None
    translation = way.translation or way.resealing
    if translation is None:
        return None
    words = call.repairing or call.chat or translation.read(facts)
    if call.chat is None and isinstance(words, ChatCall):
        call.chat = words
    model = way.target.model
    body, changes = translation.call(words, model=model, max_output=max_output)
    for name, dialects in BETAS.items():
        if way.endpoint.dialect not in dialects and call.header(name) is not None:
            changes.lose(f"header {name.decode()}", f"{way.endpoint.dialect} does not know it")
    if alias.translation == "strict":
        meaning = altered(changes)
        if meaning:
            raise NotTranslatable(
                f"{way.name} speaks {way.endpoint.dialect}, where the call would not mean the same: {meaning}"
            )
    return Written(translation, words, model, max_output, body, changes, Changes())


def asked(call: Call) -> Asked:
    """Return what the writer of an answer has to know of the call."""
    facts = call.facts
    assert facts is not None
    return Asked(
        model=call.asked or facts.model,
        wants_usage=facts.wants_usage,
        created_s=call.started_ms // 1000,
        request_id=call.request_id,
        as_array=facts.stream and not call.streams_events,
    )


def headers_of(call: Call, *, as_stream: bool) -> Headers:
    """The headers of a translated answer: its type, and the provider's own id under the caller's name."""
    kind = EVENTS if as_stream and call.streams_events else JSON
    made: Headers = [(b"content-type", kind)]
    if call.provider_request_id:
        name = b"request-id" if call.route.dialect == "anthropic" else b"x-request-id"
        made.append((name, call.provider_request_id.encode("latin-1", "replace")))
    return made


def reader_of(call: Call, made: Written, answer: Answer) -> StreamReader | None:
    """Begin to translate an answer that is a stream; None for one that came whole."""
    kind = answer.header(b"content-type") or b""
    if b"event-stream" not in kind and BINARY_EVENTS not in kind:
        return None
    return made.translation.stream_reader(made.words, asked(call), made.answer_changes)


def whole_of(call: Call, made: Written, body: bytes) -> TranslatedAnswer:
    """Translate a whole answer, as a stream where the caller asked for one. Raises UpstreamError."""
    facts = call.facts
    assert facts is not None
    return made.translation.answer(body, made.words, asked(call), made.answer_changes, as_stream=facts.stream)


def refusal_of(call: Call, made: Written, status: int, body: bytes) -> bytes:
    """Tell a caller of a provider's refusal."""
    return refusal(
        call.route.dialect,
        made.translation.other,
        status,
        body,
        request_id=call.request_id,
        provider_request_id=call.provider_request_id,
    )

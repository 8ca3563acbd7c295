"""Why an answer ended and how many tools it calls: what a call's record says of it, in any dialect. Pure.

A whole answer is read once, together with the rest of what it says (`wire.answers`); whose ending can't be
read is an answer all the same. Read next: `wire.event_reader`, which has the same of streams.
"""

from typing import Final

import msgspec

from headgate.core.call import Dialect
from headgate.core.chat import ChatAnswer, Fields, FinishReason, ToolCall
from headgate.wire.dialects.anthropic.words import finish_reason
from headgate.wire.dialects.google.finishing import finish_of
from headgate.wire.dialects.openai_chat.reasons import read_reason
from headgate.wire.dialects.openai_responses.reasons import finish_of as finish_of_response
from headgate.wire.model import NO_ENDING, Ending

NOTHING: Final = msgspec.Raw(b"null")
CALLS_OF_RESPONSES: Final = frozenset({"function_call", "custom_tool_call"})


class Whole(msgspec.Struct, gc=False):
    """The members of an answer that say something of it, in any dialect; the rest is skipped."""

    usage: msgspec.Raw = NOTHING
    service_tier: msgspec.Raw = NOTHING
    output: msgspec.Raw = NOTHING
    tool_usage: msgspec.Raw = NOTHING
    x_groq: msgspec.Raw = NOTHING
    usageMetadata: msgspec.Raw = NOTHING  # noqa: N815
    id: msgspec.Raw = NOTHING
    responseId: msgspec.Raw = NOTHING  # noqa: N815
    model: msgspec.Raw = NOTHING
    modelVersion: msgspec.Raw = NOTHING  # noqa: N815
    system_fingerprint: msgspec.Raw = NOTHING

    @property
    def ending(self) -> Ending:
        """How it ended, as far as its dialect is known."""
        return NO_ENDING


class _Function(msgspec.Struct, gc=False):
    name: str | None = None


class _ChatMessage(msgspec.Struct, gc=False):
    tool_calls: list[msgspec.Raw] | None = None
    function_call: _Function | None = None
    refusal: msgspec.Raw = NOTHING


class _Choice(msgspec.Struct, gc=False):
    finish_reason: str | None = None
    message: _ChatMessage | None = None


class _WholeChat(Whole, gc=False):
    choices: list[_Choice] | None = None

    @property
    def ending(self) -> Ending:
        """How it ended; of several answers, why the last one did."""
        word, calls, refuses = "", 0, False
        for choice in self.choices or ():
            word = choice.finish_reason or word
            message = choice.message
            if message is not None:
                calls += len(message.tool_calls or ())
                if message.function_call is not None:  # some give one without a name
                    calls += bool(message.function_call.name)
                refuses = refuses or is_filled(message.refusal)
        return Ending(chat_finish(word, calls=calls, refuses=refuses), calls)


class _Block(msgspec.Struct, gc=False):
    type: str = ""


class _WholeMessage(Whole, gc=False):
    stop_reason: str | None = None
    content: list[_Block] | None = None

    @property
    def ending(self) -> Ending:
        """How it ended."""
        calls = sum([block.type == "tool_use" for block in self.content or ()])
        return Ending(finish_reason(self.stop_reason) if self.stop_reason else None, calls)


class _Part(msgspec.Struct, gc=False):
    functionCall: msgspec.Raw = NOTHING  # noqa: N815


class _Content(msgspec.Struct, gc=False):
    parts: list[_Part] | None = None


class _Candidate(msgspec.Struct, gc=False):
    finishReason: str | None = None  # noqa: N815
    content: _Content | None = None


class _Feedback(msgspec.Struct, gc=False):
    blockReason: str | None = None  # noqa: N815


class _WholeOfGoogle(Whole, gc=False):
    candidates: list[_Candidate] | None = None
    promptFeedback: _Feedback | None = None  # noqa: N815

    @property
    def ending(self) -> Ending:
        """How it ended; a prompt that was refused is filtered content."""
        word, calls = "", 0
        for candidate in self.candidates or ():
            word = candidate.finishReason or word
            parts = candidate.content.parts if candidate.content is not None else None
            calls += sum([part.functionCall is not NOTHING for part in parts or ()])
        if not word and self.promptFeedback is not None and self.promptFeedback.blockReason:
            return Ending("content_filter", calls)
        return Ending(finish_of(word, has_calls=calls > 0).reason if word else None, calls)


class _Details(msgspec.Struct, gc=False):
    reason: str | None = None


class _Item(msgspec.Struct, gc=False):
    type: str = ""


_items = msgspec.json.Decoder(list[_Item]).decode


def _calls_in(output: msgspec.Raw) -> int:
    if b'_call"' not in bytes(output):
        return 0
    try:
        return sum([item.type in CALLS_OF_RESPONSES for item in _items(output)])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return 0


class _WholeResponse(Whole, gc=False):
    status: str | None = None
    incomplete_details: _Details | None = None

    @property
    def ending(self) -> Ending:
        """How it ended."""
        calls = _calls_in(self.output)
        reason = self.incomplete_details.reason if self.incomplete_details is not None else None
        return Ending(response_finish(self.status, reason, calls=calls), calls)


_whole = msgspec.json.Decoder(Whole).decode
_OF_DIALECT: Final = {
    "openai-chat": msgspec.json.Decoder(_WholeChat).decode,
    "anthropic": msgspec.json.Decoder(_WholeMessage).decode,
    "google": msgspec.json.Decoder(_WholeOfGoogle).decode,
    "openai-responses": msgspec.json.Decoder(_WholeResponse).decode,
}


def decode_whole(dialect: Dialect, body: bytes) -> Whole:
    """Return what a whole answer says of itself. Raises what decoding raises."""
    try:
        return _OF_DIALECT.get(dialect, _whole)(body)
    except msgspec.ValidationError:  # how it ended is said in no known way; the rest may be
        return _whole(body)


def is_filled(raw: msgspec.Raw) -> bool:
    """Whether a member is there, and neither null nor an empty text."""
    return raw is not NOTHING and bytes(raw) not in (b"null", b'""')


def chat_finish(word: str, *, calls: int, refuses: bool) -> FinishReason | None:
    """Why a chat completion ended, by its own word."""
    return read_reason(word, calls=calls > 0, refuses=refuses).reason if word else None


def response_finish(status: str | None, reason: str | None, *, calls: int) -> FinishReason | None:
    """Why a response ended, by its status and what it says of one that is incomplete."""
    if status == "completed":  # nearly always
        return "tool_calls" if calls else "stop"
    fields: Fields = {"status": status, "incomplete_details": {"reason": reason}}
    found = finish_of_response(fields, has_calls=calls > 0, has_refusal=False)
    return None if found is None else found.reason


def ending_of(answer: ChatAnswer) -> Ending:
    """The same of an answer in words that no dialect owns."""
    finish, calls = None, 0
    for candidate in answer.candidates:
        finish = candidate.finish.reason if candidate.finish is not None else finish
        calls += sum([isinstance(part, ToolCall) for part in candidate.parts])
    return Ending(finish, calls)

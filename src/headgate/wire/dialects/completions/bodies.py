"""Calls and answers of OpenAI's text completions, in the words of its chat, with which they share the rest.

A prompt is a user's message, the text that follows an answer's message. Several prompts, or one of tokens,
are no conversation: they stay as they came, and so do `suffix`, `echo` and `best_of`. Source: OpenAI API
reference (completions). Read next: `streams`, `wire.dialects.openai_chat.calls_in`.
"""

from typing import Final, Literal, cast

import msgspec

from headgate.core.call import AnyDialect
from headgate.core.chat import ChatAnswer, ChatCall, Fields, Native
from headgate.core.faults import InvalidRequest, UpstreamError
from headgate.core.quirks import Quirks
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.fields import decode, objects_in
from headgate.wire.dialects.model import Asked
from headgate.wire.dialects.openai_chat.codec import CODEC as CHAT
from headgate.wire.dialects.openai_chat.spelling import OWN as CHAT_DIALECT

OWN: Final[Literal["openai"]] = "openai"
LISTED: Final = "prompt:list"
"""A word of the shape of a call whose one prompt stood in a list."""

_encode = msgspec.json.Encoder().encode


def read_call(body: bytes, *, model: str | None = None, stream: bool | None = None) -> ChatCall:
    """Read a call. Raises InvalidRequest, naming the member, for what is none."""
    try:
        value = decode(body)
        if not isinstance(value, dict):
            raise InvalidRequest("the body is no JSON object; send one")
        fields = dict(cast("Fields", value))
        if "messages" in fields:
            raise InvalidRequest("messages is no member of a text completion", parameter="messages")
        prompt = fields.get("prompt")
        one = _alone(prompt)
        if one is not None:
            del fields["prompt"]
        fields["messages"] = [] if one is None else [{"role": "user", "content": one}]
        call = CHAT.read_call(_encode(fields), model=model, stream=stream)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest(f"the body is no JSON that can be read: {error}") from None
    is_listed = one is not None and prompt != one
    return msgspec.structs.replace(
        call, dialect=OWN, native=named(call.native, OWN, LISTED if is_listed else "")
    )


def _alone(prompt: object) -> str | None:
    """The one prompt of a call; None where there are several, or tokens."""
    items = cast("list[object]", prompt) if isinstance(prompt, list) else [prompt]
    return items[0] if len(items) == 1 and isinstance(items[0], str) else None


def named(native: Native | None, dialect: AnyDialect, more: str = "") -> Native | None:
    """The same under another dialect's name, with one more word of its spelling."""
    if native is None:
        return Native(dialect=dialect, shape=more) if more else None
    return msgspec.structs.replace(native, dialect=dialect, shape=f"{native.shape} {more}".strip())


def write_call(call: ChatCall, quirks: Quirks, changes: Changes) -> bytes:
    """Write a call that was read from this dialect. Raises InvalidRequest for any other."""
    if call.dialect != OWN:
        raise InvalidRequest("a conversation is no text completion; ask a model that chats")
    chat = msgspec.structs.replace(call, dialect=CHAT_DIALECT, native=named(call.native, CHAT_DIALECT))
    fields = cast("Fields", decode(CHAT.write_call(chat, quirks, changes)))
    for message in objects_in(fields.pop("messages")) or ():
        text = message.get("content", "")
        is_listed = call.native is not None and LISTED in call.native.shape.split()
        fields["prompt"] = [text] if is_listed else text
    return _encode(fields)


def read_answer(body: bytes) -> ChatAnswer:
    """Read a whole answer. Raises UpstreamError, with the provider's own words, for what is none."""
    try:
        value = decode(body)
        fields = cast("Fields", value) if isinstance(value, dict) else {}
        choices = objects_in(fields.get("choices"))
        if choices is None:
            answer = CHAT.read_answer(body)  # which says why it is none
        else:
            chat: Fields = {**fields, "choices": [_as_message(choice) for choice in choices]}
            answer = CHAT.read_answer(_encode(chat))
    except (ValueError, RecursionError) as error:
        raise UpstreamError(f"the provider's answer is no JSON that can be read: {error}") from None
    return _answer_named(answer, OWN)


def _as_message(choice: Fields) -> Fields:
    text = choice.get("text")
    if not isinstance(text, str) or "message" in choice:
        raise UpstreamError("a choice of the provider's answer has no text")
    rest = {name: value for name, value in choice.items() if name != "text"}
    return {**rest, "message": {"role": "assistant", "content": text}}


def _answer_named(answer: ChatAnswer, dialect: AnyDialect) -> ChatAnswer:
    candidates = [
        msgspec.structs.replace(one, native=named(one.native, dialect)) for one in answer.candidates
    ]
    return msgspec.structs.replace(
        answer, dialect=dialect, candidates=tuple(candidates), native=named(answer.native, dialect)
    )


def write_answer(answer: ChatAnswer, asked: Asked, changes: Changes) -> bytes:
    """Write a whole answer that was read from this dialect. Raises UpstreamError for any other."""
    if answer.dialect != OWN:
        raise UpstreamError("the answer to a conversation is no text completion")
    chat = CHAT.write_answer(_answer_named(answer, CHAT_DIALECT), asked, changes)
    fields = cast("Fields", decode(chat))
    for choice in objects_in(fields["choices"]) or ():
        message = choice.pop("message", None)
        choice["text"] = cast("Fields", message).get("content", "") if isinstance(message, dict) else ""
    return _encode(fields)

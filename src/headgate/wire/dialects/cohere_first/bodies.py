"""Calls and answers of Cohere's chat, version 1. Pure.

Tools, their results, connectors and documents have no word here: they stay as they came. Source: Cohere API
reference (chat, version 1). Read next: `streams`, `wire.dialects.cohere`.
"""

from typing import Final, Literal, cast

import msgspec

from headgate.core.chat import (
    Candidate,
    ChatAnswer,
    ChatCall,
    Fields,
    Finish,
    Message,
    NativePart,
    Role,
    Text,
)
from headgate.core.faults import InvalidRequest, UpstreamError
from headgate.core.quirks import Quirks
from headgate.wire.answers import provider_message
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.cohere.reasons import finish_of
from headgate.wire.dialects.cohere.settings import NO_STREAM, SAMPLING, take_sampling
from headgate.wire.dialects.fields import Taking, decode, shape_of
from headgate.wire.dialects.model import Asked
from headgate.wire.usage import usage_of

OWN: Final[Literal["cohere-v1"]] = "cohere-v1"
MESSAGE: Final = "message"
PREAMBLE: Final = "preamble"
"""The shapes of messages that stand in members of their own; others have the role as it was spelled."""
_ROLES: Final[dict[str, Role]] = {"SYSTEM": "system", "USER": "user", "CHATBOT": "assistant"}

_encode = msgspec.json.Encoder().encode


def read_call(body: bytes, *, model: str | None = None, stream: bool | None = None) -> ChatCall:
    """Read a call. Raises InvalidRequest, naming the member, for what is none."""
    try:
        value = decode(body)
    except ValueError as error:
        raise InvalidRequest(f"the body is no JSON: {error}") from None
    if not isinstance(value, dict):
        raise InvalidRequest("the body is no JSON object; send one")
    taking = Taking(cast("Fields", value))
    message = taking.text(MESSAGE)
    if message is None:
        raise InvalidRequest("message is no string; say something", parameter=MESSAGE)
    messages: list[Message] = []
    preamble = taking.text(PREAMBLE)
    if preamble is not None:
        messages.append(_message("system", preamble, PREAMBLE))
    if taking.left.get("chat_history"):
        messages += [_read_message(entry) for entry in taking.objects("chat_history") or ()]
    messages.append(_message("user", message, MESSAGE))
    named, said = taking.text("model"), taking.flag("stream")
    words = [*([] if named is not None else ["unnamed"]), *([NO_STREAM] if said is False else [])]
    return ChatCall(
        dialect=OWN,
        model=model or named or "",
        messages=tuple(messages),
        sampling=take_sampling(taking),
        max_output=taking.whole("max_tokens"),
        stream=bool(said) if stream is None else stream,
        native=taking.native(OWN, " ".join(words)),
    )


def _message(role: Role, text: str, shape: str) -> Message:
    return Message(role=role, parts=(Text(text=text),), native=Taking({}).native(OWN, shape))


def _read_message(entry: Fields) -> Message:
    taking = Taking(entry)
    word, text = taking.text("role") or "", taking.text("message")
    role = _ROLES.get(word.upper())
    if role is None or text is None or word in (MESSAGE, PREAMBLE):
        return Message(role="tool", parts=(NativePart(dialect=OWN, kind=word[:64], value=entry),))
    return Message(role=role, parts=(Text(text=text),), native=taking.native(OWN, word))


def write_call(call: ChatCall, quirks: Quirks, changes: Changes) -> bytes:
    """Write a call that was read from this dialect. Raises InvalidRequest for any other."""
    del quirks, changes  # what was read is written as it came
    if call.dialect != OWN:
        raise InvalidRequest("nothing is translated to Cohere's chat of version 1")
    words = shape_of(call.native, OWN).split()
    fields: Fields = {} if "unnamed" in words else {"model": call.model}
    history: list[Fields] = []
    for message in call.messages:
        shape = shape_of(message.native, OWN)
        text = "".join(part.text for part in message.parts if isinstance(part, Text))
        natives = [part.value for part in message.parts if isinstance(part, NativePart)]
        if shape in (MESSAGE, PREAMBLE):
            fields[shape] = text
        elif natives:
            history += natives
        else:
            left = message.native.fields if message.native is not None else {}
            history.append({"role": shape, "message": text, **left})
    if history:
        fields["chat_history"] = history
    for name, member in SAMPLING.items():
        value: object = getattr(call.sampling, name)
        if value is not None and value != ():
            fields[member] = list(call.sampling.stop) if name == "stop" else value
    if call.max_output is not None:
        fields["max_tokens"] = call.max_output
    if call.stream or NO_STREAM in words:
        fields["stream"] = call.stream
    if call.native is not None:
        fields.update(call.native.fields)
    try:
        return _encode(fields)
    except RecursionError:
        raise InvalidRequest("the call is nested too deep") from None


def read_answer(body: bytes) -> ChatAnswer:
    """Read a whole answer. Raises UpstreamError, with the provider's own words, for what is none."""
    try:
        value = decode(body)
    except ValueError as error:
        raise UpstreamError(f"the provider's answer is no JSON: {error}") from None
    taking = Taking(cast("Fields", value) if isinstance(value, dict) else {})
    text = taking.text("text")
    if text is None:
        raise UpstreamError(f"the provider's answer has no text: {provider_message(OWN, body)}")
    finish = take_finish(taking)
    return ChatAnswer(
        dialect=OWN,
        id="",
        model="",
        candidates=(Candidate(parts=(Text(text=text),), finish=finish),),
        usage=usage_of(OWN, "chat", meta) if (meta := meta_in(taking.left)) is not None else None,
        native=taking.native(OWN),
    )


def take_finish(taking: Taking) -> Finish | None:
    """Take why an answer ends."""
    word = taking.text("finish_reason") if taking.left.get("finish_reason") else None
    return finish_of(word, has_calls=bool(taking.left.get("tool_calls"))) if word is not None else None


def meta_in(fields: Fields) -> Fields | None:
    """The object that holds an answer's usage."""
    meta = fields.get("meta")
    return cast("Fields", meta) if isinstance(meta, dict) else None


def write_answer(answer: ChatAnswer, asked: Asked, changes: Changes) -> bytes:
    """Write a whole answer that was read from this dialect. Raises UpstreamError for any other."""
    del asked, changes  # what was read is written as it came
    if answer.dialect != OWN:
        raise UpstreamError("nothing is translated to Cohere's chat of version 1")
    try:
        return _encode(fields_of(answer))
    except RecursionError:
        raise UpstreamError("the provider's answer is nested too deep") from None


def fields_of(answer: ChatAnswer) -> Fields:
    """An answer as a JSON object."""
    [candidate] = answer.candidates
    fields: Fields = {"text": "".join(part.text for part in candidate.parts if isinstance(part, Text))}
    if candidate.finish is not None:
        fields["finish_reason"] = candidate.finish.native
    return {**fields, **(answer.native.fields if answer.native is not None else {})}

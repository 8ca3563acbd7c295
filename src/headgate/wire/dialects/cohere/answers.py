"""Cohere's whole answers, read and written. Pure.

An answer does not name its model, which comes from outside. Reading raises UpstreamError alone. Source:
Cohere API reference (chat, version 2). Read next: `parts_in`, `reasons`, `streams_in`.
"""

from typing import Final, cast

from headgate.core.call import Usage
from headgate.core.chat import Candidate, ChatAnswer, Fields, Native, ToolCall
from headgate.core.faults import UpstreamError
from headgate.wire.answers import provider_message
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.cohere.parts_in import OWN, take_said
from headgate.wire.dialects.cohere.parts_out import Writing, put_said
from headgate.wire.dialects.cohere.reasons import finish_of, word_of
from headgate.wire.dialects.fields import Taking, decode, encoded_answer, put_native, shape_of
from headgate.wire.dialects.model import Asked
from headgate.wire.usage import usage_of

MESSAGE: Final = "message"
"""What a message says beyond its parts stands under this name in its candidate."""
ASSISTANT: Final = "assistant"
ROLELESS: Final = "roleless"
"""A word of the shape of a candidate whose message did not say whose it is."""


def read_answer(body: bytes) -> ChatAnswer:
    """Read a whole answer. Raises UpstreamError, with the provider's own words, for what is none."""
    try:
        value = decode(body)
        if isinstance(value, dict):
            return _read(Taking(cast("Fields", value)), body)
    except (ValueError, RecursionError) as error:
        raise UpstreamError(f"the provider's answer is no JSON that can be read: {error}") from None
    raise UpstreamError("the provider's answer is no JSON object")


def _read(taking: Taking, body: bytes) -> ChatAnswer:
    message = taking.object(MESSAGE)
    if message is None:
        said = provider_message(OWN, body)
        raise UpstreamError(f"the provider's answer has no message object: {said}")
    inner = Taking(message)
    parts, shape = take_said(inner)
    words = [shape] if shape else []
    if inner.left.get("role") == ASSISTANT:
        del inner.left["role"]
    elif "role" not in inner.left:
        words.append(ROLELESS)
    word = taking.text("finish_reason") if taking.left.get("finish_reason") else None
    has_calls = any(isinstance(part, ToolCall) for part in parts)
    beside = Taking({MESSAGE: inner.left} if inner.left else {})
    candidate = Candidate(
        parts=tuple(parts),
        finish=finish_of(word, has_calls=has_calls) if word is not None else None,
        native=beside.native(OWN, " ".join(words)),
    )
    identifier = taking.text("id") if taking.left.get("id") else None
    return ChatAnswer(
        dialect=OWN,
        id=identifier or "",
        model="",
        candidates=(candidate,),
        usage=usage_in(taking.left),
        native=taking.native(OWN),
    )


def usage_in(fields: Fields) -> Usage | None:
    """The usage that an answer or the end of a stream states; None where it states none."""
    stated = fields.get("usage")
    return usage_of(OWN, "chat", cast("Fields", stated)) if isinstance(stated, dict) else None


def write_answer(answer: ChatAnswer, asked: Asked, changes: Changes) -> bytes:
    """Write a whole answer, as Cohere gives one. Raises UpstreamError for one that is nested too deep."""
    is_own = answer.dialect == OWN
    if len(answer.candidates) > 1:
        changes.alter("candidates", "Cohere has one answer only; the first was kept")
    candidate = answer.candidates[0] if answer.candidates else Candidate(parts=())
    body: Fields = {}
    if answer.id or not is_own:
        body["id"] = answer.id or asked.request_id
    if candidate.finish is not None:
        body["finish_reason"] = word_of(candidate.finish, is_own=is_own)
    elif not is_own:
        body["finish_reason"] = "COMPLETE"
    body[MESSAGE] = _message(candidate, Writing(changes=changes, is_own=is_own))
    if answer.usage is not None and not is_own:
        body["usage"] = write_usage(answer.usage)
    if is_own or answer.native is None:
        put_native(body, answer.native, OWN, changes, "")
    else:
        put_native({}, answer.native, OWN, changes, "", harmless=frozenset(answer.native.fields))
    return encoded_answer(body)


def _message(candidate: Candidate, writing: Writing) -> Fields:
    words = shape_of(candidate.native, OWN).split()
    message: Fields = {} if ROLELESS in words else {"role": ASSISTANT}
    put_said(message, candidate.parts, writing, shape=words[0] if words else "", where=MESSAGE)
    if not writing.is_own and isinstance(message.get("content"), str):
        message["content"] = [{"type": "text", "text": message["content"]}]
    return {**message, **left_of(candidate.native)}


def left_of(native: Native | None) -> Fields:
    """What a message said beyond its parts, in this dialect."""
    left = native.fields.get(MESSAGE) if native is not None and native.dialect == OWN else None
    return cast("Fields", left) if isinstance(left, dict) else {}


def write_usage(usage: Usage) -> Fields:
    """Usage in Cohere's sums: what is charged is what went in and came out."""
    tokens: Fields = {"input_tokens": usage.total_input, "output_tokens": usage.total_output}
    billed = dict(tokens)
    if "search_units" in usage.units:
        billed["search_units"] = usage.units["search_units"]
    return {"billed_units": billed, "tokens": tokens}

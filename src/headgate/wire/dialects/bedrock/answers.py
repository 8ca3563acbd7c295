"""Bedrock's whole answers, read and written. Pure.

An answer names neither itself nor its model: both come from outside. Source: the Converse API's response.
Read next: `reasons`, `streams_in`.
"""

from typing import Final, cast

from headgate.core.call import Usage
from headgate.core.chat import Candidate, ChatAnswer, Fields, Finish, Native, ToolCall
from headgate.core.faults import UpstreamError
from headgate.wire.dialects.bedrock.parts_in import OWN, read_blocks
from headgate.wire.dialects.bedrock.parts_out import BlockWriter
from headgate.wire.dialects.bedrock.reasons import finish_of, word_of
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.fields import Taking, decode, encoded_answer, put_native, shape_of
from headgate.wire.dialects.model import Asked
from headgate.wire.usage import bedrock_usage

ADDITIONAL: Final = "additionalModelResponseFields"
MESSAGE: Final = "message"
"""What a message says beyond its content stands under this name in its candidate."""
ASSISTANT: Final = "assistant"
ROLELESS: Final = "roleless"
"""The shape of a candidate whose message did not say whose it is."""


def read_answer(body: bytes) -> ChatAnswer:
    """Read a whole answer. Raises UpstreamError for what is none."""
    try:
        value = decode(body)
        if not isinstance(value, dict):
            raise UpstreamError("the provider's answer is no JSON object")
        return _read(Taking(cast("Fields", value)))
    except (ValueError, RecursionError) as error:
        raise UpstreamError(f"the provider's answer is no JSON that can be read: {error}") from None


def _read(taking: Taking) -> ChatAnswer:
    output = taking.object("output")
    message = output.get("message") if output is not None and len(output) == 1 else None
    if not isinstance(message, dict):
        raise UpstreamError("the provider's answer has no output.message")
    said = Taking(cast("Fields", message))
    blocks = said.objects("content")
    if blocks is None:
        raise UpstreamError("the provider's answer has no list of objects as output.message.content")
    shape = "" if "role" in said.left else ROLELESS
    if said.left.get("role") == ASSISTANT:
        del said.left["role"]
    parts = read_blocks(blocks)
    beside: Fields = {MESSAGE: said.left} if said.left else {}
    if ADDITIONAL in taking.left:
        beside[ADDITIONAL] = taking.left.pop(ADDITIONAL)
    word = taking.text("stopReason") if taking.left.get("stopReason") else None
    finish: Finish | None = None
    if word is not None:
        has_calls = any(isinstance(part, ToolCall) for part in parts)
        finish = finish_of(word, beside.get(ADDITIONAL), has_calls=has_calls)
    candidate = Candidate(
        parts=parts,
        finish=finish,
        native=Native(dialect=OWN, fields=beside, shape=shape) if beside or shape else None,
    )
    usage = taking.left.get("usage")
    return ChatAnswer(
        dialect=OWN,
        id="",
        model="",
        candidates=(candidate,),
        usage=bedrock_usage(cast("Fields", usage)) if isinstance(usage, dict) else None,
        native=taking.native(OWN),
    )


def write_answer(answer: ChatAnswer, asked: Asked, changes: Changes) -> bytes:
    """Write a whole answer, as Bedrock gives one."""
    del asked  # nothing of it stands in the body
    is_own = answer.dialect == OWN
    if len(answer.candidates) > 1:
        changes.alter("candidates", "Bedrock has one answer only; the first was kept")
    candidate = answer.candidates[0] if answer.candidates else Candidate(parts=())
    beside = own_fields(candidate.native)
    message: Fields = {} if shape_of(candidate.native, OWN) == ROLELESS else {"role": ASSISTANT}
    message["content"] = BlockWriter(changes, is_own=is_own).blocks(candidate.parts, "content")
    body: Fields = {"output": {"message": put_message(message, beside)}}
    if candidate.finish is not None:
        body["stopReason"], also = word_of(candidate.finish, is_own=is_own)
        put_additional(body, beside, also)
    elif ADDITIONAL in beside:
        body[ADDITIONAL] = beside[ADDITIONAL]
    if answer.usage is not None:
        body["usage"] = write_usage(answer.usage)
    put_native(body, answer.native, OWN, changes, "")
    return encoded_answer(body)


def own_fields(native: Native | None) -> Fields:
    """What a node said in this dialect beyond the words."""
    return native.fields if native is not None and native.dialect == OWN else {}


def put_message(message: Fields, beside: Fields) -> Fields:
    """Put what a message said beyond its content back."""
    left = beside.get(MESSAGE)
    if isinstance(left, dict):
        message.update(cast("Fields", left))
    return message


def put_additional(body: Fields, beside: Fields, also: Fields) -> None:
    """Put the members that a call asked for beside an answer."""
    if ADDITIONAL in beside:
        body[ADDITIONAL] = beside[ADDITIONAL]
    elif also:
        body[ADDITIONAL] = also


def write_usage(usage: Usage) -> Fields:
    """Bedrock's own sum: what was cached is not counted in (trap 1)."""
    fields: Fields = {
        "inputTokens": usage.input + usage.input_audio + usage.input_image,
        "outputTokens": usage.total_output,
        "totalTokens": usage.total,
    }
    read = usage.cache_read + usage.cache_read_audio
    if read:
        fields["cacheReadInputTokens"] = read
    if usage.cache_write or usage.cache_write_1h:
        fields["cacheWriteInputTokens"] = usage.cache_write + usage.cache_write_1h
    if usage.cache_write_1h:
        lives = (("5m", usage.cache_write), ("1h", usage.cache_write_1h))
        fields["cacheDetails"] = [{"ttl": ttl, "inputTokens": count} for ttl, count in lives if count]
    return fields

"""Whole answers of the Messages API, and of its counting of tokens, read and written.

Read next: `parts_in`, `parts_out`, `streams_in`.
"""

from typing import cast

import msgspec

from headgate.core.chat import Candidate, ChatAnswer, Fields, Finish, Native, Refusal, ToolCall
from headgate.core.faults import UpstreamError
from headgate.wire.dialects.anthropic.parts_in import read_parts
from headgate.wire.dialects.anthropic.parts_out import BlockWriter
from headgate.wire.dialects.anthropic.usages import usage_fields
from headgate.wire.dialects.anthropic.words import DIALECT, Malformed, finish_reason, stop_reason
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.counted import tokens_in
from headgate.wire.dialects.fields import Taking, decode, put_native
from headgate.wire.dialects.model import Asked
from headgate.wire.event_reader import message_of
from headgate.wire.usage import usage_of

_encode = msgspec.json.Encoder().encode


def read_answer(body: bytes) -> ChatAnswer:
    """Read a provider's whole answer. Raises UpstreamError for what is none."""
    fields = object_of(body)
    if fields.get("type") == "error":
        raise UpstreamError(
            f"the provider answered with an error: {message_of(_encode(fields.get('error')))}"
        )
    try:
        return _answer(Taking(fields))
    except Malformed as error:
        raise UpstreamError(f"the provider's answer is malformed: {error}") from None
    except RecursionError:
        raise UpstreamError("the provider's answer is nested too deeply") from None


def object_of(body: bytes) -> Fields:
    """Decode a provider's JSON object. Raises UpstreamError for anything else."""
    try:
        fields = decode(body)
    except ValueError:
        raise UpstreamError("the provider's answer is no JSON, or nested too deeply") from None
    if not isinstance(fields, dict):
        raise UpstreamError("the provider's answer is no JSON object")
    return cast("Fields", fields)


def _answer(taking: Taking) -> ChatAnswer:
    blocks = taking.objects("content")
    if blocks is None:
        raise Malformed("content", "is no list of blocks")
    try:
        parts = read_parts(blocks)
    except Malformed as error:
        raise error.within("content") from None
    for name, value in (("type", "message"), ("role", "assistant")):
        if taking.left.get(name) == value:
            del taking.left[name]
    said = taking.left.get("usage")
    usage = cast("Fields", said) if isinstance(said, dict) else None
    tier = usage.get("service_tier") if usage is not None else None
    return ChatAnswer(
        dialect=DIALECT,
        id=taking.text("id") or "",
        model=taking.text("model") or "",
        candidates=(Candidate(parts=parts, finish=read_finish(taking)),),
        usage=None if usage is None else usage_of(DIALECT, "chat", usage),
        service_tier=tier if isinstance(tier, str) else None,
        native=taking.native(DIALECT),
    )


def read_finish(taking: Taking) -> Finish | None:
    """Take why an answer ends, with the sequence that was met (21)."""
    reason = taking.text("stop_reason")
    if reason is None:
        return None
    return Finish(reason=finish_reason(reason), native=reason, sequence=taking.text("stop_sequence"))


def write_answer(answer: ChatAnswer, asked: Asked, changes: Changes) -> bytes:
    """Write a whole answer to a client. Raises UpstreamError for one that is nested too deeply."""
    try:
        return _encode(_fields(answer, asked, changes))
    except RecursionError:
        raise UpstreamError("the provider's answer is nested too deeply") from None


def _fields(answer: ChatAnswer, asked: Asked, changes: Changes) -> Fields:
    is_own = answer.dialect == DIALECT
    identifier = answer.id or asked.request_id
    candidate = answer.candidates[0] if answer.candidates else Candidate(parts=())
    if len(answer.candidates) > 1:
        changes.alter("candidates", f"{DIALECT} has one answer only; the others are left out")
    writer = BlockWriter(changes, is_own=is_own, to_client=True, answer_id=identifier)
    fields: Fields = {
        "id": identifier,
        "type": "message",
        "role": "assistant",
        "model": answer.model or asked.model,
        "content": writer.blocks(candidate.parts, "content"),
    }
    for native in (candidate.native, answer.native):
        put_rest(fields, native, changes)
    if "usage" not in fields and (answer.usage is not None or not is_own):
        usage = answer.usage
        fields["usage"] = (
            {"input_tokens": 0, "output_tokens": 0}
            if usage is None
            else usage_fields(usage, answer.service_tier)
        )
    finish = candidate.finish
    if not is_own:
        has_calls = any(isinstance(part, ToolCall) for part in candidate.parts)
        has_refusal = any(isinstance(part, Refusal) for part in candidate.parts)
        fields |= foreign_finish(finish, changes, has_calls=has_calls, has_refusal=has_refusal)
    elif finish is not None:
        fields["stop_reason"] = finish.native
        if finish.sequence is not None:
            fields["stop_sequence"] = finish.sequence
    return fields


def put_rest(fields: Fields, native: Native | None, changes: Changes) -> None:
    """Put what an answer says beyond our words; of what another dialect says there, the loss is told."""
    if native is not None:
        put_native(fields, native, DIALECT, changes, "", harmless=frozenset(native.fields))


def foreign_finish(finish: Finish | None, changes: Changes, *, has_calls: bool, has_refusal: bool) -> Fields:
    """Why another provider's answer ends, in the members that say it here; its own word goes too (21, 22)."""
    ended = finish or Finish(reason="stop")
    sequence = ended.sequence
    reason = stop_reason(
        ended.reason, has_sequence=sequence is not None, has_calls=has_calls, has_refusal=has_refusal
    )
    fields: Fields = {"stop_reason": reason, "stop_sequence": sequence if reason == "stop_sequence" else None}
    if ended.reason in ("content_filter", "error"):
        why = f"The provider ended the answer: {ended.native or ended.reason}."
        fields["stop_details"] = {"type": "refusal", "category": None, "explanation": why}
        if ended.reason == "error":
            changes.note("stop_reason", f"{DIALECT} has none for a failed answer; its details say it")
    if ended.native:
        fields["native_finish_reason"] = ended.native
    return fields


def read_count(body: bytes) -> int:
    """Read how many tokens a call has. Raises UpstreamError for what does not say it."""
    return tokens_in(body, "input_tokens")


def write_count(tokens: int) -> bytes:
    """Write how many tokens a call has."""
    return _encode({"input_tokens": tokens})

"""Whole answers of the Responses API, read and written. Pure.

What an answer says beyond the words stays beside it as `response`; what its items say, beside their first
part. Source: OpenAI API reference, Responses: the response object. Read next: `items`, `output`.
"""

from collections.abc import Iterator, Sequence
from typing import Final, cast

import msgspec

from headgate.core.call import Usage
from headgate.core.chat import (
    Candidate,
    ChatAnswer,
    Fields,
    Finish,
    Native,
    NativePart,
    Part,
    Refusal,
    ToolCall,
)
from headgate.core.faults import UpstreamError
from headgate.wire.answers import served_units, with_units
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.fields import Taking, decode, objects_in
from headgate.wire.dialects.model import Asked
from headgate.wire.dialects.openai_responses.items import WHOLE, Item, read_item, write_item
from headgate.wire.dialects.openai_responses.output import Output
from headgate.wire.dialects.openai_responses.parts import CONTENT
from headgate.wire.dialects.openai_responses.reasons import finish_of
from headgate.wire.dialects.openai_responses.spelling import ITEM, ITEM_END, OWN, filled, words_of
from headgate.wire.usage import usage_of

RESPONSE: Final = "response"
"""The native member that holds what a response says beyond our words."""

_ENCODE: Final = msgspec.json.Encoder().encode
_NOTHING: Final = msgspec.Raw(b"null")


def read_answer(body: bytes) -> ChatAnswer:
    """Read a provider's whole answer. Raises UpstreamError for what is none, and for one that failed."""
    try:
        value = decode(body)
    except ValueError as error:
        raise UpstreamError(f"the answer is no JSON: {error}") from None
    if not isinstance(value, dict):
        raise UpstreamError("the answer is no JSON object")
    fields = cast("Fields", value)
    output = objects_in(fields.get("output"))
    failure = failure_of(fields)
    if failure is not None:
        raise UpstreamError(f"the provider's response failed: {failure[0]}")
    if output is None:
        raise UpstreamError("the answer has no list of output items")
    parts = parts_of(output)
    head = Head(fields)
    finish = finish_of(
        fields,
        has_calls=any(isinstance(part, ToolCall) for part in parts),
        has_refusal=any(isinstance(part, Refusal) for part in parts),
    )
    return ChatAnswer(
        dialect=OWN,
        id=head.id,
        model=head.model,
        candidates=(Candidate(parts=parts, finish=finish),),
        usage=usage_in(fields),
        created_s=head.created_s,
        service_tier=head.service_tier,
        native=Native(dialect=OWN, fields=head.native),
    )


class Head:
    """What a response says of itself: its words, and the rest."""

    __slots__ = ("created_s", "id", "model", "native", "service_tier")

    def __init__(self, fields: Fields) -> None:
        taking = Taking(fields)
        taking.left.pop("output", None)
        self.id = filled(taking, "id") or ""
        self.model = filled(taking, "model") or ""
        self.created_s = taking.whole("created_at")
        self.service_tier = taking.text("service_tier")
        usage = taking.left.pop("usage", None) if "usage" in taking.left else None
        self.native: Fields = {RESPONSE: taking.left}
        if "usage" in fields:
            self.native["usage"] = usage


def failure_of(fields: Fields) -> tuple[str, str] | None:
    """The message and code of a response that failed; None for any other."""
    error = fields.get("error")
    if fields.get("status") != "failed" and not (isinstance(error, dict) and "output" not in fields):
        return None
    if not isinstance(error, dict):
        return "it says no more", ""
    said = cast("Fields", error)
    message, code = said.get("message"), said.get("code")
    return (
        message if isinstance(message, str) and message else "it says no more",
        code if isinstance(code, str) else "",
    )


def parts_of(output: Sequence[Fields]) -> tuple[Part, ...]:
    """The parts of all items, each item's own members beside its first."""
    found: list[Part] = []
    for value in output:
        found.extend(item_parts(read_item(value), value))
    return tuple(found)


def item_parts(item: Item, value: Fields) -> list[Part]:
    """The parts of one item, with its own members beside the first."""
    is_message = WHOLE not in item.words and value.get("type", "message") == "message"
    if is_message and (item.role != "assistant" or not item.parts or isinstance(item.parts[0], NativePart)):
        return [NativePart(dialect=OWN, kind="message", value=value)]
    return [with_item(item.parts[0], item, ITEM), *item.parts[1:]]


def with_item(part: Part, item: Item, name: str) -> Part:
    """The part with what its item says beside it."""
    if isinstance(part, NativePart):
        return part
    return msgspec.structs.replace(part, native=item_native(part, item, name))


def item_native(part: Part, item: Item, name: str) -> Native:
    """What a part and its item say beyond our words."""
    own = None if isinstance(part, NativePart) else part.native
    fields: Fields = {**(own.fields if own is not None else {}), name: item.left}
    words = [*words_of(own), *item.words]
    return Native(dialect=OWN, fields=fields, shape=" ".join(words))


def usage_in(fields: Fields) -> Usage | None:
    """The usage of a response, tools of the provider's own included (2, 47)."""
    usage = fields.get("usage")
    if not isinstance(usage, dict):
        return None
    units: dict[str, int] = {}
    if has_units(fields):
        output, stated = fields.get("output"), fields.get("tool_usage")
        units = served_units(OWN, b"", _raw(output), _raw(stated))
    return with_units(usage_of(OWN, "chat", cast("Fields", usage)), units)


def has_units(fields: Fields) -> bool:
    """Whether a response may have used tools that are paid for by the use."""
    if isinstance(fields.get("tool_usage"), dict):
        return True
    return any(str(one.get("type", "")).endswith("_call") for one in objects_in(fields.get("output")) or ())


def _raw(value: object) -> msgspec.Raw:
    try:
        return msgspec.Raw(_ENCODE(value)) if value is not None else _NOTHING
    except RecursionError:
        return _NOTHING


def write_answer(answer: ChatAnswer, asked: Asked, changes: Changes) -> bytes:
    """Write a whole answer to a client."""
    fields = own_response(answer) if answer.dialect == OWN else foreign_response(answer, asked, changes)
    try:
        return _ENCODE(fields)
    except RecursionError:
        raise UpstreamError("the answer is nested too deeply") from None


def own_response(answer: ChatAnswer) -> Fields:
    """The response as it came."""
    changes = Changes()
    output = [
        write_item(parts, left, words, "assistant", changes, where="output")
        for parts, left, words in items_of(answer.candidates[0].parts if answer.candidates else ())
    ]
    fields: Fields = {"output": output}
    named: Fields = {
        "id": answer.id or None,
        "model": answer.model or None,
        "created_at": answer.created_s,
        "service_tier": answer.service_tier,
    }
    fields.update({name: value for name, value in named.items() if value is not None})
    native = answer.native.fields if answer.native is not None and answer.native.dialect == OWN else {}
    if "usage" in native:
        fields["usage"] = native["usage"]
    rest = native.get(RESPONSE)
    if isinstance(rest, dict):
        fields.update(cast("Fields", rest))
    return fields


def items_of(parts: Sequence[Part]) -> Iterator[tuple[list[Part], Fields, list[str]]]:
    """Parts of this dialect by item: an item's parts, what it says beyond them, and its spelling."""
    group: list[Part] = []
    for part in parts:
        if group and _begins(part):
            yield _item(group)
            group = []
        group.append(part)
    if group:
        yield _item(group)


def _begins(part: Part) -> bool:
    if isinstance(part, NativePart):
        return not part.kind.startswith(CONTENT)
    return part.native is not None and ITEM in part.native.fields


def _item(group: list[Part]) -> tuple[list[Part], Fields, list[str]]:
    first = group[0]
    if isinstance(first, NativePart):
        return group, {}, [WHOLE]
    left: Fields = {}
    words = words_of(first.native)
    for part in group:
        native = None if isinstance(part, NativePart) else part.native
        if native is None:
            continue
        for name in (ITEM, ITEM_END):
            held = native.fields.get(name)
            if isinstance(held, dict):
                left = cast("Fields", held)
        if ITEM_END in native.fields:
            words = words_of(native)
    return group, left, words


def foreign_response(answer: ChatAnswer, asked: Asked, changes: Changes) -> Fields:
    """A response that says what another dialect's answer says."""
    if len(answer.candidates) > 1:
        changes.alter("choices", "a response holds one answer; the others were left out")
    candidate = answer.candidates[0] if answer.candidates else Candidate(parts=())
    output = Output(answer.id or asked.request_id, changes)
    for part in candidate.parts:
        output.take(part)
    items = output.items()
    fields = head_of(
        answer.id or asked.request_id,
        answer.model or asked.model,
        answer.created_s if answer.created_s is not None else asked.created_s,
        answer.service_tier,
    )
    fields["output"] = items
    fields.update(ending(candidate.finish, has_refusal=any(isinstance(p, Refusal) for p in candidate.parts)))
    fields["usage"] = None if answer.usage is None else written_usage(answer.usage)
    return fields


def head_of(identifier: str, model: str, created_s: int, tier: str | None) -> Fields:
    """The members that every response has, as far as nobody said otherwise."""
    return {
        "id": identifier,
        "object": "response",
        "created_at": created_s,
        "status": "in_progress",
        "background": False,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "max_output_tokens": None,
        "metadata": {},
        "model": model,
        "output": [],
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "reasoning": {"effort": None, "summary": None},
        "service_tier": tier if tier in TIERS else None,
        "store": False,
        "temperature": None,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": [],
        "top_p": None,
        "truncation": "disabled",
        "usage": None,
    }


TIERS: Final = frozenset({"auto", "default", "flex", "scale", "priority"})


def ending(finish: Finish | None, *, has_refusal: bool) -> Fields:
    """How a response says why it ended; the provider's own word beside it (21)."""
    if finish is None:
        return {"status": "completed"}
    fields: Fields = {"status": "completed"}
    match finish.reason:
        case "stop" | "tool_calls":
            pass
        case "length" | "context_window":
            fields = {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}
        case "content_filter":
            fields = {"status": "incomplete", "incomplete_details": {"reason": "content_filter"}}
        case "refusal":
            if not has_refusal:
                fields = {"status": "incomplete", "incomplete_details": {"reason": "content_filter"}}
        case "pause":
            fields = {"status": "incomplete", "incomplete_details": {"reason": None}}
        case "error":
            error: Fields = {"code": "server_error", "message": f"the provider ended with {finish.native}"}
            fields = {"status": "failed", "error": error}
    if finish.native:
        fields["native_finish_reason"] = finish.native
    if finish.sequence is not None:
        fields["stop_sequence"] = finish.sequence
    return fields


def written_usage(usage: Usage) -> Fields:
    """A response's usage object of usage in disjoint buckets: its sums hold their parts (1, 2)."""
    given: Fields = {
        "cached_tokens": usage.cache_read + usage.cache_read_audio,
        "cache_write_tokens": usage.cache_write + usage.cache_write_1h,
    }
    made: Fields = {"reasoning_tokens": usage.reasoning}
    for fields, name, tokens in (
        (given, "audio_tokens", usage.input_audio),
        (given, "image_tokens", usage.input_image),
        (made, "audio_tokens", usage.output_audio),
        (made, "image_tokens", usage.output_image),
    ):
        if tokens:
            fields[name] = tokens
    return {
        "input_tokens": usage.total_input,
        "input_tokens_details": given,
        "output_tokens": usage.total_output,
        "output_tokens_details": made,
        "total_tokens": usage.total,
    }

"""A whole answer of OpenAI's chat, both ways. Pure; what is foreign and has no word is carried or told.

Reading raises UpstreamError alone. Source: OpenAI API reference (chat). Read next: `parts_in`, `messages`,
`reasons`.
"""

from collections.abc import Sequence
from typing import cast

import msgspec

from headgate.core.call import Usage
from headgate.core.chat import (
    Candidate,
    ChatAnswer,
    Fields,
    Finish,
    Media,
    Native,
    NativePart,
    Part,
    Refusal,
    ToolCall,
)
from headgate.core.faults import UpstreamError
from headgate.wire.answers import provider_message
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.fields import Taking, decode, put_native
from headgate.wire.dialects.identifiers import given
from headgate.wire.dialects.model import Asked
from headgate.wire.dialects.openai_chat.messages import flat_reasoning, put_left, put_marks, put_media
from headgate.wire.dialects.openai_chat.parts_in import CALL_KIND, take_said
from headgate.wire.dialects.openai_chat.parts_out import (
    Writing,
    address_of,
    put_calls,
    put_content,
    put_reasoning,
    put_seal,
)
from headgate.wire.dialects.openai_chat.reasons import read_reason, write_reason
from headgate.wire.dialects.openai_chat.spelling import OWN, TIERS, filled, stow, words_of
from headgate.wire.dialects.openai_chat.usages import write_usage
from headgate.wire.usage import Fields as UsageFields
from headgate.wire.usage import inner as inner_object
from headgate.wire.usage import usage_of


def read_answer(body: bytes) -> ChatAnswer:
    """Read a whole answer. Raises UpstreamError, with the provider's own words, for what is none."""
    try:
        fields = decode(body)
        if isinstance(fields, dict):
            return _read(Taking(cast("Fields", fields)), body)
    except (ValueError, RecursionError) as error:
        raise UpstreamError(f"the provider's answer is no JSON that can be read: {error}") from None
    raise UpstreamError("the provider's answer is no JSON object")


def _read(taking: Taking, body: bytes) -> ChatAnswer:
    choices = taking.objects("choices")
    if choices is None:
        said = provider_message(OWN, body) if taking.left.get("error") else ""
        raise UpstreamError(f"the provider's answer has no choices{': ' if said else ''}{said}")
    candidates = [read_choice(Taking(choice), place) for place, choice in enumerate(choices)]
    return ChatAnswer(
        dialect=OWN,
        id=filled(taking, "id") or "",
        model=filled(taking, "model") or "",
        candidates=tuple(candidates),
        usage=usage_in(taking.left),
        created_s=taking.whole("created"),
        service_tier=filled(taking, "service_tier"),
        native=taking.native(OWN),
    )


def usage_in(fields: Fields) -> Usage | None:
    """The usage that an answer or chunk states, older Groq's too; None where it states none (traps 7, 9)."""
    stated = fields.get("usage")
    if not isinstance(stated, dict):
        extension = fields.get("x_groq")
        stated = cast("Fields", extension).get("usage") if isinstance(extension, dict) else None
    if not isinstance(stated, dict):
        return None
    return usage_of(OWN, "chat", cast("UsageFields", stated))


def read_choice(taking: Taking, place: int) -> Candidate:
    """Read one choice."""
    index = taking.left.get("index")
    is_placed = type(index) is int and 0 <= index < 1 << 32
    if is_placed:
        del taking.left["index"]
    held = taking.object("message")
    parts: list[Part] = []
    native_shape = ""
    if held is not None:
        inner = Taking(held)
        parts, native_shape = take_said(inner)
        if inner.left.get("role") == "assistant":
            del inner.left["role"]
        stow(taking, "message", inner)
        native_shape = native_shape or "message"
    word = filled(taking, "finish_reason")
    finish: Finish | None = None
    if word is not None:
        refuses = any(isinstance(part, Refusal) for part in parts)
        finish = read_reason(word, calls=any(isinstance(part, ToolCall) for part in parts), refuses=refuses)
    return Candidate(
        parts=tuple(parts),
        finish=finish,
        index=cast("int", index) if is_placed else place,
        native=taking.native(OWN, native_shape if is_placed else f"{native_shape} unplaced"),
    )


def write_answer(answer: ChatAnswer, asked: Asked, changes: Changes) -> bytes:
    """Write a whole answer. Raises UpstreamError for one that is nested too deeply to be written."""
    try:
        return msgspec.json.encode(_written(answer, asked, changes))
    except RecursionError:
        raise UpstreamError("the provider's answer is nested too deeply") from None


def _written(answer: ChatAnswer, asked: Asked, changes: Changes) -> Fields:
    is_own = answer.dialect == OWN
    writing = Writing(changes=changes, is_own=is_own)
    fields: Fields = {}
    if not is_own:
        fields = {
            "id": answer.id or asked.request_id,
            "object": "chat.completion",
            "created": answer.created_s if answer.created_s is not None else asked.created_s,
            "model": answer.model or asked.model,
        }
    else:
        said = {"id": answer.id or None, "created": answer.created_s, "model": answer.model or None}
        fields = {name: value for name, value in said.items() if value is not None}
    fields["choices"] = [_choice(one, answer, writing) for one in answer.candidates]
    if answer.usage is not None and (not is_own or not _has_usage(answer)):
        fields["usage"] = write_usage(answer.usage)
    if answer.service_tier is not None and is_tier(answer.service_tier, changes, is_own=is_own):
        fields["service_tier"] = answer.service_tier
    if is_own:
        return put_native(fields, answer.native, OWN, changes, "")
    tell(answer.native, changes, "")
    return fields


def is_tier(tier: str, changes: Changes, *, is_own: bool) -> bool:
    """Whether a tier can be said: SDKs know OpenAI's."""
    if is_own or tier in TIERS:
        return True
    if tier != "standard":  # the plain one, which goes without saying
        changes.lose("service_tier", f"OpenAI's chat has no tier {tier}")
    return False


def tell(native: Native | None, changes: Changes, where: str) -> None:
    """Tell what another dialect says of an answer or choice that has no place here."""
    if native is not None:
        put_native({}, native, OWN, changes, where, harmless=frozenset(native.fields))


def _has_usage(answer: ChatAnswer) -> bool:
    native = answer.native.fields if answer.native is not None else {}
    return "usage" in native or bool(inner_object(inner_object(native, "x_groq"), "usage"))


def _choice(candidate: Candidate, answer: ChatAnswer, writing: Writing) -> Fields:
    is_own = writing.is_own
    words = words_of(candidate.native) if is_own else []
    message: Fields = {"role": "assistant"}
    _put_parts(message, candidate, answer, writing)
    fields: Fields = {} if "unplaced" in words else {"index": candidate.index}
    calls = "tool_calls" in message or "function_call" in message
    if candidate.finish is not None:
        fields |= write_reason(
            candidate.finish, calls=calls, refuses=bool(message.get("refusal")), is_own=is_own
        )
    elif not is_own:
        fields["finish_reason"] = "tool_calls" if calls else "stop"
    if not is_own:
        fields["logprobs"] = None
        fields["message"] = message
        tell(candidate.native, writing.changes, f"choices[{candidate.index}]")
        return fields
    left = candidate.native.fields if candidate.native is not None else {}
    held = left.get("message")
    if "message" in words or "parts" in words or candidate.parts or candidate.native is None:
        put_left(message, cast("Fields", held) if isinstance(held, dict) else {})
        fields["message"] = message
    return {
        **fields,
        **{name: value for name, value in left.items() if name != "message" or name not in fields},
    }


def _put_parts(message: Fields, candidate: Candidate, answer: ChatAnswer, writing: Writing) -> None:
    where = f"choices[{candidate.index}].message"
    parts: Sequence[Part] = candidate.parts
    put_reasoning(message, flat_reasoning(parts), writing, where)
    if writing.is_own:
        shape = "parts" if "parts" in words_of(candidate.native) else ""
        put_content(message, parts, writing, joint="", shape=shape, where=where)
        put_marks(message, parts, writing, where)
        put_calls(message, parts, writing, where)
        put_media(message, parts, writing, where)
        return
    parts = [_with_id(part, answer, place) for place, part in enumerate(parts)]
    texts = [part for part in parts if not isinstance(part, Media | NativePart)]
    put_content(message, texts, writing, joint="", shape="", where=where)
    put_marks(message, texts, writing, where)
    put_calls(message, texts, writing, where)
    _put_foreign(message, parts, answer, writing)
    is_told = any(name in message for name in ("tool_calls", "refusal", "audio", "images"))
    message.setdefault("content", None if is_told else "")
    message.setdefault("refusal", None)


def _with_id(part: Part, answer: ChatAnswer, place: int) -> Part:
    """A tool call with an id, where its provider gave none (trap 24)."""
    if isinstance(part, ToolCall) and not part.id:
        return msgspec.structs.replace(part, id=given(answer.id, place))
    return part


def _put_foreign(message: Fields, parts: Sequence[Part], answer: ChatAnswer, writing: Writing) -> None:
    """Foreign images as OpenRouter has them, and sound as OpenAI has it; other parts are told."""
    images: list[Fields] = []
    for part in parts:
        if isinstance(part, NativePart) and part.dialect == OWN and part.kind == CALL_KIND:
            calls = cast("list[Fields]", message.setdefault("tool_calls", []))
            calls.append({**part.value, "id": part.value.get("id") or given(answer.id, len(calls))})
        elif isinstance(part, NativePart):
            writing.changes.lose(part.kind, f"only {part.dialect} has such a part of an answer")
        elif not isinstance(part, Media):
            continue
        elif part.kind == "image" and (part.data is not None or part.url is not None):
            images.append(image_entry(part, len(images), writing))
        elif part.kind == "audio" and part.data is not None and "audio" not in message:
            message["audio"] = {
                "id": given(answer.id, 0),
                "data": part.data,
                "expires_at": answer.created_s or 0,
                "transcript": "",
            }
        else:
            writing.changes.alter(part.kind, "OpenAI's chat has no such part of an answer")
    if images:
        message["images"] = images


def image_entry(part: Media, index: int, writing: Writing) -> Fields:
    """An image of an answer as OpenRouter has it."""
    entry: Fields = {"type": "image_url", "image_url": {"url": address_of(part)}, "index": index}
    put_seal(entry, part.seal, writing, "images")
    return entry

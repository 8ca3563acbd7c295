"""Messages of OpenAI's chat, read one by one and written from whatever dialect they came.

A result of a tool is a message of its own here, so that a foreign user's message with results becomes
several. Never reorders: `wire.dialects.turns` has done that. Read next: `parts_in`, `parts_out`.
"""

from collections.abc import Iterable, Sequence
from typing import Final, Literal, cast

from headgate.core.chat import (
    Fields,
    Media,
    Message,
    NativePart,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolResult,
)
from headgate.core.faults import InvalidRequest
from headgate.wire.dialects.fields import Taking, put_native
from headgate.wire.dialects.openai_chat.parts_in import take_cache, take_content, take_said
from headgate.wire.dialects.openai_chat.parts_out import (
    Writing,
    content_entry,
    is_content,
    put_cache,
    put_calls,
    put_citations,
    put_content,
    put_reasoning,
    put_seal,
)
from headgate.wire.dialects.openai_chat.spelling import HARMLESS, OWN, filled, words_of

PLAIN_ROLES: Final = frozenset({"system", "developer", "user"})
FUNCTION: Final = "function"
"""The role of results from before there were tools."""


def read_message(fields: Fields, where: str) -> Message:
    """Read one message. Raises InvalidRequest for a role that nobody knows."""
    taking = Taking(fields)
    role = taking.text("role")
    name = filled(taking, "name")
    if role in PLAIN_ROLES:
        parts, shape = take_content(taking)
        plain = cast("Literal['system', 'developer', 'user']", role)
        return Message(role=plain, parts=tuple(parts), name=name, native=taking.native(OWN, shape))
    if role == "assistant":
        parts, shape = take_said(taking)
        return Message(role="assistant", parts=tuple(parts), name=name, native=taking.native(OWN, shape))
    if role in ("tool", FUNCTION):
        parts, shape = take_content(taking)
        result = ToolResult(
            call_id=filled(taking, "tool_call_id") or "",
            parts=tuple(parts),
            name=name or "",
            cache=take_cache(taking),
        )
        shapes = [word for word in (shape, FUNCTION if role == FUNCTION else "") if word]
        return Message(role="tool", parts=(result,), native=taking.native(OWN, " ".join(shapes)))
    raise InvalidRequest(
        f"{where}.role is {str(fields.get('role'))[:24]!r}; send system, developer, user, assistant or tool",
        parameter=f"{where}.role",
    )


def write_message(message: Message, writing: Writing, where: str) -> Iterable[Fields]:
    """Write one message: results first, each on its own, then what else there is."""
    results = [part for part in message.parts if isinstance(part, ToolResult)]
    rest = [part for part in message.parts if not isinstance(part, ToolResult)]
    for result in results:
        yield _result(result, message, writing, where)
    if not rest and results:
        return
    if message.role == "assistant":
        fields: Fields = {"role": "assistant"}
        put_said(fields, rest, writing, shape=_shape(message), where=where)
    else:
        fields = {"role": "user" if message.role == "tool" else message.role}
        put_content(fields, rest, writing, joint="\n", shape=_shape(message), where=where)
        if "content" not in fields and not writing.is_own:
            fields["content"] = ""
    if message.name is not None:
        fields["name"] = message.name
    if message.native is not None and message.native.dialect == OWN:
        yield put_left(fields, message.native.fields)
    else:
        yield put_native(fields, message.native, OWN, writing.changes, where, harmless=HARMLESS)


def put_left(fields: Fields, left: Fields) -> Fields:
    """Put back the members of a message that have no word; other annotations stand behind citations."""
    cited, others = fields.get("annotations"), left.get("annotations")
    fields.update(left)
    if isinstance(cited, list) and isinstance(others, list):
        fields["annotations"] = [*cast("list[object]", cited), *cast("list[object]", others)]
    return fields


def _shape(message: Message) -> str:
    return "parts" if "parts" in words_of(message.native) else ""


def _result(result: ToolResult, message: Message, writing: Writing, where: str) -> Fields:
    is_own = writing.is_own and message.role == "tool"
    words = words_of(message.native) if is_own else []
    fields: Fields = {"role": FUNCTION if FUNCTION in words else "tool"}
    if result.call_id or not is_own:
        fields["tool_call_id"] = result.call_id
    if result.name and is_own:
        fields["name"] = result.name
    put_content(fields, result.parts, writing, joint="\n", shape=_shape(message), where=where)
    if is_own:
        if result.cache is not None:
            put_cache(fields, Text(text="", cache=result.cache), writing, where)
        return put_native(fields, message.native, OWN, writing.changes, where)
    fields.setdefault("content", "")
    if result.is_error:
        writing.changes.lose(
            f"{where}.is_error", "OpenAI's chat marks no failure: what the tool said tells it"
        )
    put_cache({}, Text(text="", cache=result.cache), writing, where)
    return put_native(fields, result.native, OWN, writing.changes, where, harmless=HARMLESS)


def put_said(fields: Fields, parts: Sequence[Part], writing: Writing, *, shape: str = "", where: str) -> None:
    """Write what an assistant says, in a call's history."""
    put_reasoning(fields, flat_reasoning(parts), writing, where)
    held = [part for part in parts if _is_sayable(part, writing, where)]
    put_content(fields, held, writing, joint="", shape=shape, where=where)
    put_marks(fields, held, writing, where)
    put_calls(fields, held, writing, where)
    if writing.is_own:
        put_media(fields, held, writing, where)
    else:
        fields.setdefault("content", None if "tool_calls" in fields or "refusal" in fields else "")
    needs_reasoning = writing.quirks.wants_reasoning_back and "tool_calls" in fields
    if needs_reasoning and not fields.get("reasoning_content"):
        fields["reasoning_content"] = ""
        writing.changes.note(
            where, "the target wants the reasoning of a turn that called tools: none is left"
        )


def flat_reasoning(parts: Iterable[Part]) -> Iterable[Reasoning]:
    """The reasoning that stands in members of its own."""
    return (part for part in parts if isinstance(part, Reasoning) and not is_content(part))


def _is_sayable(part: Part, writing: Writing, where: str) -> bool:
    """Foreign media and parts that an assistant can't have said here are told, and left out."""
    if writing.is_own or not isinstance(part, Media | NativePart):
        return True
    kind = part.kind
    writing.changes.alter(where, f"OpenAI's chat takes no {kind} in what the assistant said")
    return False


def put_marks(fields: Fields, parts: Sequence[Part], writing: Writing, where: str) -> None:
    """Write what stands beside an assistant's content: citations, its seal, and a refusal."""
    if writing.maker is None or writing.is_own:
        put_citations(fields, parts, writing, where)
    elif any(isinstance(part, Text) and part.citations for part in parts):
        writing.changes.lose(f"{where}.citations", "OpenAI's chat takes no citations back")
    seals = [part.seal for part in parts if isinstance(part, Text) and part.seal is not None]
    put_seal(fields, seals[-1] if seals else None, writing, where)
    refusals = [part.text for part in parts if isinstance(part, Refusal) and not is_content(part)]
    if refusals:
        fields["refusal"] = "".join(refusals)


def put_media(fields: Fields, parts: Iterable[Part], writing: Writing, where: str) -> None:
    """Write this dialect's own sound and images where they stood."""
    images: list[Fields] = []
    for part in parts:
        if isinstance(part, NativePart) and part.kind == "images":
            images.append(part.value)
        elif not isinstance(part, Media):
            continue
        elif "audio" in words_of(part.native):
            inner: Fields = {} if part.file_id is None else {"id": part.file_id}
            if part.data is not None:
                inner["data"] = part.data
            fields["audio"] = put_native(inner, part.native, OWN, writing.changes, where)
        elif "images" in words_of(part.native):
            entry = content_entry(part, writing, where)
            if entry is not None:
                put_seal(entry, part.seal, writing, where)
                images.append(entry)
    if images:
        fields["images"] = images

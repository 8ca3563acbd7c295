"""Content blocks read into parts: those of calls, of answers, and those that a stream begins.

Raises `Malformed` for a block that has a word but not its form; a block of no word is kept whole (trap 47).
Read next: `parts_out`, which writes them back.
"""

import base64
from collections.abc import Callable
from typing import Final, Literal, cast

import msgspec

from headgate.core.chat import (
    CacheMark,
    Citation,
    Fields,
    Media,
    Native,
    NativePart,
    Part,
    Reasoning,
    Seal,
    Text,
    ToolCall,
    ToolResult,
)
from headgate.wire.dialects.anthropic.words import DIALECT, Malformed, encoded
from headgate.wire.dialects.carrying import Carried, taken
from headgate.wire.dialects.fields import Taking, objects_in

PLAIN_TEXT: Final = "text/plain"

TTLS: Final = ("5m", "1h")
"""How long a prefix may be cached."""

_SOURCES: Final[dict[str, frozenset[str]]] = {
    "base64": frozenset({"type", "media_type", "data"}),
    "text": frozenset({"type", "media_type", "data"}),
    "url": frozenset({"type", "url"}),
    "file": frozenset({"type", "file_id"}),
}

NAMES_OF_CITATIONS: Final[dict[str, tuple[str, str]]] = {
    "web_search_result_location": ("url", "title"),
    "search_result_location": ("source", "title"),
}
"""Where a citation has its address and title; others have no address, and their document's title."""

_NO_CITATION_NAMES: Final = ("", "document_title")


def read_parts(blocks: list[Fields]) -> tuple[Part, ...]:
    """Read the blocks of one message; seals that stand beside their part are put back into it."""
    parts: list[Part] = []
    waiting: Reasoning | None = None
    for place, block in enumerate(blocks):
        try:
            if block.get("type") == "redacted_thinking":
                part, whose = read_redacted(block)
            else:
                part, whose = read_part(block), "own"
        except Malformed as error:
            raise error.within(place) from None
        if whose == "last" and parts and (sealed := with_seal(parts[-1], part)) is not None:
            parts[-1] = sealed
            continue
        if waiting is not None:
            sealed = with_seal(part, waiting)
            if sealed is None:
                parts.append(waiting)
            else:
                part = sealed
            waiting = None
        if whose == "next":
            waiting = cast("Reasoning", part)
            continue
        parts.append(part)
    if waiting is not None:
        parts.append(waiting)
    return tuple(parts)


def with_seal(part: Part, holder: Part) -> Part | None:
    """A text or tool call with the seal that a block beside it holds; None for what can't have one."""
    if not isinstance(part, Text | ToolCall) or not isinstance(holder, Reasoning) or part.seal is not None:
        return None
    return msgspec.structs.replace(part, seal=holder.seal)


def read_part(block: Fields) -> Part:
    """Read one block."""
    kind = block.get("type")
    if not isinstance(kind, str):
        raise Malformed("type", "has to be the name of a block's type")
    read = _READERS.get(kind)
    return NativePart(dialect=DIALECT, kind=kind, value=block) if read is None else read(block)


def read_redacted(block: Fields) -> tuple[Reasoning, str]:
    """Read a block of hidden reasoning, and whose seal it holds."""
    taking = _opened(block)
    data = taking.text("data")
    if data is None:
        raise Malformed("data", "has to be a string")
    held = taken(DIALECT, data)
    is_own = held.seal.maker == DIALECT and held.whose == "own"
    part = Reasoning(
        seal=held.seal,
        is_redacted=is_own or held.is_redacted,
        is_summary=held.is_summary,
        id=held.id,
        native=taking.native(DIALECT),
    )
    return part, held.whose


def read_citation(value: Fields) -> Citation:
    """Read one citation. Its type, and the range of the source that it names, stay beside the words."""
    taking = Taking(value)
    kind = (taking.text("type") or "") if value.get("type") else ""
    address, title = NAMES_OF_CITATIONS.get(kind, _NO_CITATION_NAMES)
    return Citation(
        url=taking.text(address) if address else None,
        title=taking.text(title),
        quote=taking.text("cited_text"),
        start=taking.whole("start_index"),
        end=taking.whole("end_index"),
        native=Native(dialect=DIALECT, fields=taking.left, shape=kind),
    )


def cache_mark(taking: Taking) -> CacheMark | None:
    """Take the mark of a prefix that is worth caching."""
    value = taking.left.get("cache_control")
    if not isinstance(value, dict):
        return None
    mark = cast("Fields", value)
    ttl = mark.get("ttl")
    if mark.get("type") != "ephemeral" or len(mark) != 1 + ("ttl" in mark):
        return None
    if "ttl" in mark and ttl not in TTLS:
        return None
    del taking.left["cache_control"]
    return CacheMark(cast("str | None", ttl))


def _opened(block: Fields) -> Taking:
    taking = Taking(block)
    del taking.left["type"]
    return taking


def _text(block: Fields) -> Text:
    taking = _opened(block)
    text = taking.text("text")
    if text is None:
        raise Malformed("text", "has to be a string")
    citations = taking.objects("citations") if taking.left.get("citations") else None
    return Text(
        text=text,
        citations=tuple(read_citation(one) for one in citations or ()),
        cache=cache_mark(taking),
        native=taking.native(DIALECT),
    )


def _thinking(block: Fields) -> Reasoning:
    taking = _opened(block)
    text = taking.text("thinking")
    if text is None:
        raise Malformed("thinking", "has to be a string")
    held: Carried | None = None
    if taking.left.get("signature"):
        signature = taking.text("signature")
        held = taken(DIALECT, signature) if signature is not None else None
    return Reasoning(
        text=text,
        seal=held.seal if held else None,
        is_summary=held.is_summary if held else False,
        is_redacted=held.is_redacted if held else False,
        id=held.id if held else "",
        native=taking.native(DIALECT),
    )


def _image(block: Fields) -> Part:
    return _media(block, "image")


def _document(block: Fields) -> Part:
    return _media(block, "file")


def _media(block: Fields, kind: Literal["image", "file"]) -> Part:
    """An image or document; one whose source has no word of ours is kept whole."""
    taking = _opened(block)
    source = taking.object("source")
    form = source.get("type") if source is not None else None
    native = NativePart(dialect=DIALECT, kind=cast("str", block["type"]), value=block)
    if source is None or not isinstance(form, str) or frozenset(source) != _SOURCES.get(form):
        return native
    if any(not isinstance(value, str) for value in source.values()):
        return native
    said = cast("dict[str, str]", source)
    data = said.get("data")
    if form == "text" and data is not None:
        data = base64.b64encode(data.encode()).decode("ascii")
    return Media(
        kind=kind,
        media_type=said.get("media_type"),
        data=data,
        url=said.get("url"),
        file_id=said.get("file_id"),
        name=taking.text("title"),
        cache=cache_mark(taking),
        native=taking.native(DIALECT, "text" if form == "text" else ""),
    )


def _tool_use(block: Fields) -> ToolCall:
    taking = _opened(block)
    identifier, name = taking.text("id"), taking.text("name")
    if identifier is None:
        raise Malformed("id", "has to be a string")
    if name is None:
        raise Malformed("name", "has to be a string")
    is_said = "input" in taking.left
    return ToolCall(
        id=identifier,
        name=name,
        arguments=encoded(taking.left.pop("input")) if is_said else "{}",
        cache=cache_mark(taking),
        native=taking.native(DIALECT, "" if is_said else "no input"),
    )


def _tool_result(block: Fields) -> ToolResult:
    """Its shape: `text` or `blocks`, as the content is spelled, and `ok` where that is said."""
    taking = _opened(block)
    call_id = taking.text("tool_use_id")
    if call_id is None:
        raise Malformed("tool_use_id", "has to be a string")
    parts: tuple[Part, ...] = ()
    shape: list[str] = []
    content = taking.left.get("content")
    if isinstance(content, str):
        parts = (Text(text=content),)
        shape.append("text")
        del taking.left["content"]
    elif (blocks := objects_in(content)) is not None:
        shape.append("blocks")
        del taking.left["content"]
        try:
            parts = read_parts(blocks)
        except Malformed as error:
            raise error.within("content") from None
    is_error = taking.flag("is_error")
    if is_error is False:
        shape.append("ok")
    return ToolResult(
        call_id=call_id,
        parts=parts,
        is_error=bool(is_error),
        cache=cache_mark(taking),
        native=taking.native(DIALECT, " ".join(shape)),
    )


_READERS: Final[dict[str, Callable[[Fields], Part]]] = {
    "text": _text,
    "thinking": _thinking,
    "image": _image,
    "document": _document,
    "tool_use": _tool_use,
    "tool_result": _tool_result,
    "redacted_thinking": lambda block: read_redacted(block)[0],
}


def seal_of(signature: str) -> Seal:
    """The seal that a stream gives for the thinking before."""
    return taken(DIALECT, signature).seal

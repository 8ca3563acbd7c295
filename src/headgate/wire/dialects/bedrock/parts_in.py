"""Bedrock's content blocks, read into parts. Pure; never raises for what a block holds.

A block that is not wholly of the words stays whole, as a native part. A `cachePoint` is a mark on the part
before it, where there is one that takes it. Read next: `parts_out`.
"""

from typing import Final, cast

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
    Text,
    ToolCall,
    ToolResult,
)
from headgate.wire.dialects.bedrock.formats import MEDIA_TYPES, MEMBERS
from headgate.wire.dialects.fields import Taking, objects_in
from headgate.wire.dialects.seals import unwrapped

OWN: Final = "bedrock"

CITED: Final = "citationsContent"
"""The shape of a text that came with its citations."""
JSON: Final = "json"
"""The shape of a result's text that came as JSON."""
SUCCESS: Final = "success"
"""The shape of a result whose success was said."""


def read_blocks(blocks: list[Fields]) -> tuple[Part, ...]:
    """Read content blocks, in their order."""
    parts: list[Part] = []
    for block in blocks:
        mark = mark_of(block)
        marked = with_mark(parts[-1], mark) if mark is not None and parts else None
        if marked is not None:
            parts[-1] = marked
        else:
            parts.append(read_block(block))
    return tuple(parts)


def mark_of(block: Fields) -> CacheMark | None:
    """The mark that a `cachePoint` block is; None for anything else."""
    inner = block.get("cachePoint")
    if len(block) != 1 or not isinstance(inner, dict):
        return None
    taking = Taking(cast("Fields", inner))
    kind, ttl = taking.text("type"), taking.text("ttl")
    return CacheMark(ttl) if kind == "default" and not taking.left else None


def with_mark(part: Part, mark: CacheMark) -> Part | None:
    """The part with a mark; None where it takes none, or has one."""
    if isinstance(part, Text | Media | ToolCall | ToolResult) and part.cache is None:
        return msgspec.structs.replace(part, cache=mark)
    return None


def read_block(block: Fields) -> Part:
    """Read one content block."""
    member = next(iter(block), "")
    value = block.get(member)
    part: Part | None = None
    if len(block) == 1:
        if member == "text" and isinstance(value, str):
            return Text(text=value)
        if isinstance(value, dict):
            part = _read_object(member, cast("Fields", value))
        elif member == "json":
            part = _json_text(value)
    return part or NativePart(dialect=OWN, kind=member, value=block)


def _read_object(member: str, inner: Fields) -> Part | None:
    match member:
        case "toolUse":
            return _read_tool_use(inner)
        case "toolResult":
            return _read_tool_result(inner)
        case "reasoningContent":
            return _read_reasoning(inner)
        case "citationsContent":
            return _read_cited(inner)
        case "json":
            return _json_text(inner)
        case _:
            return _read_media(member, inner) if member in MEMBERS else None


def _json_text(value: object) -> Text:
    return Text(text=msgspec.json.encode(value).decode(), native=Native(dialect=OWN, shape=JSON))


def _read_tool_use(inner: Fields) -> ToolCall | None:
    # A tool that the provider runs itself is none of the client's.
    if inner.get("type", "tool_use") != "tool_use":
        return None
    taking = Taking(inner)
    identifier, name, given = taking.text("toolUseId"), taking.text("name"), taking.object("input")
    if identifier is None or name is None or given is None:
        return None
    return ToolCall(
        id=identifier, name=name, arguments=msgspec.json.encode(given).decode(), native=taking.native(OWN)
    )


def _read_tool_result(inner: Fields) -> ToolResult | None:
    if inner.get("type", "tool_result") != "tool_result":
        return None
    taking = Taking(inner)
    identifier, blocks = taking.text("toolUseId"), taking.objects("content")
    if identifier is None or blocks is None:
        return None
    status = taking.left.get("status")
    if status in ("success", "error"):
        del taking.left["status"]
    return ToolResult(
        call_id=identifier,
        parts=read_blocks(blocks),
        is_error=status == "error",
        native=taking.native(OWN, SUCCESS if status == "success" else ""),
    )


def _read_reasoning(inner: Fields) -> Reasoning | None:
    if len(inner) != 1:
        return None
    taking = Taking(inner)
    withheld, shown = taking.text("redactedContent"), taking.object("reasoningText")
    if withheld is not None:
        return Reasoning(seal=unwrapped(withheld, OWN), is_redacted=True)
    if shown is None:
        return None
    said = Taking(shown)
    text, signature = said.text("text"), said.text("signature")
    if text is None:
        return None
    seal = unwrapped(signature, OWN) if signature is not None else None
    return Reasoning(text=text, seal=seal, native=said.native(OWN))


def _read_cited(inner: Fields) -> Text | None:
    taking = Taking(inner)
    content, citations = taking.objects("content"), taking.objects("citations")
    if content is None or citations is None:
        return None
    texts = [piece.get("text") for piece in content]
    if not all(isinstance(text, str) for text in texts):
        return None
    if len(content) != 1 or len(content[0]) != 1:
        taking.left["content"] = content
    return Text(
        text="".join(cast("list[str]", texts)),
        citations=tuple(read_citation(one) for one in citations),
        native=taking.native(OWN, CITED),
    )


def read_citation(citation: Fields) -> Citation:
    """Read where a text has something from; what has no word stays as it is."""
    taking = Taking(citation)
    title, url, quote = taking.text("title"), None, None
    location = taking.left.get("location")
    if isinstance(location, dict):
        web = cast("Fields", location).get("web")
        given = cast("Fields", web).get("url") if isinstance(web, dict) else None
        if isinstance(given, str):
            url = given
            if location == {"web": {"url": given}}:
                del taking.left["location"]
    sources = objects_in(taking.left.get("sourceContent"))
    if sources is not None and len(sources) == 1 and len(sources[0]) == 1:
        said = sources[0].get("text")
        if isinstance(said, str):
            quote = said
            del taking.left["sourceContent"]
    return Citation(url=url, title=title, quote=quote, native=taking.native(OWN))


def _read_media(member: str, inner: Fields) -> Media | None:
    kind = MEMBERS[member]
    taking = Taking(inner)
    word, source = taking.text("format"), taking.object("source")
    media_type = MEDIA_TYPES[kind].get(word or "")
    if media_type is None or source is None or len(source) != 1:
        return None
    data = source.get("bytes")
    url = None
    place = source.get("s3Location")
    if isinstance(place, dict) and set(cast("Fields", place)) == {"uri"}:
        url = cast("Fields", place)["uri"]
    if not isinstance(data, str) and not (isinstance(url, str) and url.startswith("s3://")):
        return None
    return Media(
        kind=kind,
        media_type=media_type,
        data=data if isinstance(data, str) else None,
        url=url if isinstance(url, str) else None,
        name=taking.text("name") if kind == "file" else None,
        native=taking.native(OWN),
    )

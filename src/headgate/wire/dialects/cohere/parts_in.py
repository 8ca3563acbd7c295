"""The parts of Cohere's messages, read from what clients send and what it answers. Pure.

Never merges or repairs: what a member says that has no word stays beside it. Documents stay the dialect's
own. Source: Cohere API reference (chat, version 2). Read next: `parts_out`, `calls`.
"""

from typing import Final, Literal, cast

import msgspec

from headgate.core.chat import Citation, Fields, Media, NativePart, Part, Reasoning, Text, ToolCall
from headgate.wire.dialects.fields import Taking, objects_in
from headgate.wire.dialects.openai_chat.parts_in import split_data

OWN: Final[Literal["cohere"]] = "cohere"

PLAN: Final = "tool_plan"
"""The shape of reasoning that stands beside the content: what the model means to do with its tools."""
CALL_KIND: Final = "tool_calls"
"""The kind of a native part that stands among the calls."""
LISTED: Final = "parts"
"""The shape of a message whose content is a list."""


def take_content(taking: Taking) -> tuple[list[Part], str]:
    """Take a message's content; return its parts, and the word for how it was spelled."""
    held = taking.left.get("content")
    if isinstance(held, str) and held:
        del taking.left["content"]
        return [Text(text=held)], ""
    entries = objects_in(held)
    if not entries:
        return [], ""  # null, empty or nothing that is known: left where it is
    del taking.left["content"]
    return [read_part(entry) for entry in entries], LISTED


def read_part(entry: Fields) -> Part:
    """Read one object of a list of contents."""
    taking = Taking(entry)
    kind = taking.left.pop("type", None)
    part: Part | None = None
    match kind:
        case "text":
            text = taking.text("text")
            part = Text(text=text, native=taking.native(OWN)) if text is not None else None
        case "thinking":
            text = taking.text("thinking")
            part = Reasoning(text=text, native=taking.native(OWN)) if text is not None else None
        case "image_url":
            part = _image(taking)
        case _:
            pass
    if part is not None:
        return part
    named = str(kind)[:64]
    return NativePart(dialect=OWN, kind=f"content {named}" if named == CALL_KIND else named, value=entry)


def _image(taking: Taking) -> Media | None:
    held = taking.object("image_url")
    if held is None:
        return None
    inner = Taking(held)
    url = inner.text("url")
    if url is None:
        return None
    if inner.left:
        taking.left["image_url"] = inner.left
    media_type, data = split_data(url)
    return Media(
        kind="image",
        media_type=media_type,
        data=data,
        url=url if data is None else None,
        native=taking.native(OWN),
    )


def take_said(taking: Taking) -> tuple[list[Part], str]:
    """Take all parts of what an assistant says, in a call's history or in an answer."""
    content, shape = take_content(taking)
    _take_citations(taking, content)
    plan = taking.left.get(PLAN)
    parts: list[Part] = []
    if isinstance(plan, str) and plan:
        del taking.left[PLAN]
        parts.append(plan_of(plan))
    parts += content
    entries = objects_in(taking.left.get("tool_calls"))
    if entries:
        del taking.left["tool_calls"]
        parts += [read_tool_call(entry) for entry in entries]
    return parts, shape


def plan_of(text: str) -> Reasoning:
    """What a model means to do with its tools."""
    return Reasoning(text=text, native=Taking({}).native(OWN, PLAN))


def read_tool_call(entry: Fields) -> Part:
    """Read one tool call; one that calls no function, or has no text as arguments, is the dialect's own."""
    taking = Taking(entry)
    native = NativePart(dialect=OWN, kind=CALL_KIND, value=entry)
    if taking.left.pop("type", None) != "function":
        return native
    held = taking.object("function")
    inner = Taking(held or {})
    name, arguments = inner.text("name"), inner.text("arguments")
    if name is None or "arguments" in inner.left:
        return native
    if inner.left:
        taking.left["function"] = inner.left
    shape = "none" if arguments is None else "" if arguments else "empty"
    identifier = taking.text("id") if taking.left.get("id") else None
    return ToolCall(
        id=identifier or "", name=name, arguments=arguments or "{}", native=taking.native(OWN, shape)
    )


def _take_citations(taking: Taking, content: list[Part]) -> None:
    """Put the citations at the texts that they are of; all of them, in their order, or none (trap 46)."""
    entries = objects_in(taking.left.get("citations"))
    if not entries:
        return
    places = [place_of(entry, content) for entry in entries]
    if any(place is None for place in places) or places != sorted(cast("list[int]", places)):
        return
    del taking.left["citations"]
    for place, part in enumerate(content):
        found = [entry for entry, at in zip(entries, places, strict=True) if at == place]
        if found and isinstance(part, Text):
            citations = tuple(read_citation(entry) for entry in found)
            content[place] = msgspec.structs.replace(part, citations=citations)


def place_of(citation: Fields, content: list[Part]) -> int | None:
    """Which part a citation is of: the one that it names, else the first text; None where that is no text."""
    named = citation.get("content_index")
    texts = [place for place, part in enumerate(content) if isinstance(part, Text)]
    if named is None:
        return texts[0] if texts else None
    return named if type(named) is int and named in texts else None


def read_citation(entry: Fields) -> Citation:
    """Read one citation: the characters of the answer, and the first source that has a name or address."""
    taking = Taking(entry)
    start, end = taking.whole("start"), taking.whole("end")
    url: str | None = None
    title: str | None = None
    for source in objects_in(entry.get("sources")) or ():
        document = source.get("document")
        named = cast("Fields", document) if isinstance(document, dict) else {}
        url = url or _text(named.get("url"))
        title = title or _text(named.get("title")) or _text(source.get("id"))
    return Citation(url=url, title=title, start=start, end=end, native=taking.native(OWN))


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None

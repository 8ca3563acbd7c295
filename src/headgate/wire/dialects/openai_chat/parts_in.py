"""The parts of messages of OpenAI's chat, read from what clients send and what providers answer. Pure.

Never merges or repairs: what a member says that has no word stays beside it. Source: OpenAI API reference
(chat), with the spellings of its families (Mistral's lists, OpenRouter's images). Read next: `parts_out`,
`messages`.
"""

from typing import Final, Literal, cast

import msgspec

from headgate.core.chat import (
    CacheMark,
    Citation,
    Fields,
    Media,
    NativePart,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
)
from headgate.wire.dialects.fields import Taking, objects_in
from headgate.wire.dialects.openai_chat.reasoning import THINKING, take_reasoning
from headgate.wire.dialects.openai_chat.spelling import OWN, encoded, filled, stow, take_signature

AUDIO_TYPES: Final = {"wav": "audio/wav", "mp3": "audio/mpeg"}
CALL_KIND: Final = "tool_call"
"""The kind of a native part that stands among the calls, such as a custom tool's."""
PLACES: Final = frozenset({CALL_KIND, "images"})
"""The kinds of native parts that say where one stood; one of the content never has these."""
URL_KINDS: Final[dict[str, Literal["image", "video", "file"]]] = {
    "image_url": "image",
    "video_url": "video",
    "document_url": "file",
}


def take_cache(taking: Taking) -> CacheMark | None:
    """Take a cache mark, where it is nothing else."""
    value = taking.left.get("cache_control")
    if not isinstance(value, dict):
        return None
    fields = cast("Fields", value)
    ttl = fields.get("ttl")
    plain: Fields = {"type": "ephemeral"} if ttl is None else {"type": "ephemeral", "ttl": ttl}
    if fields != plain or not isinstance(ttl, str | None):
        return None
    del taking.left["cache_control"]
    return CacheMark(ttl)


def read_part(fields: Fields) -> Part:
    """Read one object of a list of contents."""
    kind = fields.get("type")
    taking = Taking(fields)
    taking.left.pop("type", None)
    part: Part | None = None
    match kind:
        case "text":
            part = _text(taking)
        case "image_url" | "video_url" | "document_url":
            part = _at_url(str(kind), taking)
        case "input_audio":
            part = _audio(taking)
        case "file":
            part = _file(taking)
        case "refusal":
            said = taking.text("refusal")
            part = Refusal(text=said, native=taking.native(OWN, "part")) if said is not None else None
        case "thinking":
            part = _thinking(taking)
        case _:
            pass
    if part is not None:
        return part
    named = str(kind)[:64]
    return NativePart(dialect=OWN, kind=f"part {named}" if named in PLACES else named, value=fields)


def _text(taking: Taking) -> Text | None:
    text = taking.text("text")
    if text is None:
        return None
    return Text(text=text, cache=take_cache(taking), native=taking.native(OWN))


def _at_url(member: str, taking: Taking) -> Media | None:
    """An image, film or document: `{url, detail}`, or the URL alone."""
    shape = "" if member != "document_url" else member
    url = taking.text(member)
    inner = None
    if url is not None:
        shape = f"{shape} bare"
    else:
        held = taking.object(member)
        if held is None:
            return None
        inner = Taking(held)
        url = inner.text("url")
        if url is None:
            return None
        stow(taking, member, inner)
    media_type, data = split_data(url)
    cache = take_cache(taking)
    return Media(
        kind=URL_KINDS[member],
        media_type=media_type,
        data=data,
        url=url if data is None else None,
        cache=cache,
        native=taking.native(OWN, shape.strip()),
    )


def split_data(url: str) -> tuple[str | None, str | None]:
    """The media type and the base64 text of a data URL; nothing for any other, or one with parameters."""
    if not url.startswith("data:"):
        return None, None
    head, comma, data = url[5:].partition(",")
    media_type = head.removesuffix(";base64")
    if not comma or head == media_type or not media_type or ";" in media_type or not data:
        return None, None
    return media_type, data


def _audio(taking: Taking) -> Media | None:
    held = taking.object("input_audio")
    if held is None:
        return None
    inner = Taking(held)
    data, word = filled(inner, "data"), filled(inner, "format")
    if data is None or word is None:
        return None
    stow(taking, "input_audio", inner)
    media_type = AUDIO_TYPES.get(word, f"audio/{word}")
    return Media(
        kind="audio", media_type=media_type, data=data, cache=take_cache(taking), native=taking.native(OWN)
    )


def _file(taking: Taking) -> Media | None:
    held = taking.object("file")
    if held is None:
        return None
    inner = Taking(held)
    name = inner.text("filename")
    shape = ""
    media_type = data = url = None
    identifier = filled(inner, "file_id")
    given = None if identifier is not None else filled(inner, "file_data")
    if given is not None:
        media_type, data = split_data(given)
        if data is None and given.startswith(("https:", "http:")):
            url = given
        elif data is None:
            data, shape = given, "bare"
    elif identifier is None:
        return None
    stow(taking, "file", inner)
    return Media(
        kind="file",
        media_type=media_type,
        data=data,
        url=url,
        file_id=identifier,
        name=name,
        cache=take_cache(taking),
        native=taking.native(OWN, shape),
    )


def _thinking(taking: Taking) -> Reasoning | None:
    """Mistral's: `{type: thinking, thinking: [{type: text, text}]}`, the list of at most one."""
    entries = objects_in(taking.left.get(THINKING))
    if entries is None or len(entries) != 1:
        return None
    [entry] = entries
    text = entry.get("text")
    if len(entry) != 2 or entry.get("type") != "text" or not isinstance(text, str):
        return None
    del taking.left[THINKING]
    return Reasoning(text=text, native=taking.native(OWN, THINKING))


def take_content(taking: Taking) -> tuple[list[Part], str]:
    """Take a message's content; return its parts, and the word for how it was spelled."""
    text = filled(taking, "content")
    if text is not None:
        return [Text(text=text)], ""
    entries = objects_in(taking.left.get("content"))
    if not entries:
        return [], ""  # null, empty or nothing that is known: left where it is
    del taking.left["content"]
    return [read_part(entry) for entry in entries], "parts"


def take_said(taking: Taking) -> tuple[list[Part], str]:
    """Take all parts of what an assistant says, in a call's history or in an answer."""
    reasoning = take_reasoning(taking)
    content, shape = take_content(taking)
    texts = [place for place, part in enumerate(content) if isinstance(part, Text)]
    if len(texts) == 1:
        [place] = texts
        content[place] = _with_marks(cast("Text", content[place]), taking)
    parts: list[Part] = [*reasoning, *content]
    refusal = filled(taking, "refusal")
    if refusal is not None:
        parts.append(Refusal(text=refusal))
    parts.extend(take_media(taking))
    parts.extend(take_calls(taking))
    return parts, shape


def _with_marks(text: Text, taking: Taking) -> Text:
    """A text with the citations and the seal that stand beside it in its message."""
    citations = take_citations(taking)
    seal = take_signature(taking)
    if not citations and seal is None:
        return text
    return msgspec.structs.replace(text, citations=tuple(citations), seal=seal)


def take_citations(taking: Taking) -> list[Citation]:
    """Take the annotations up to the first that is no citation of a URL."""
    entries = objects_in(taking.left.get("annotations"))
    found: list[Citation] = []
    for entry in entries or ():
        citation = read_citation(entry)
        if citation is None:
            break
        found.append(citation)
    if entries and len(found) == len(entries):
        del taking.left["annotations"]
    elif entries and found:
        taking.left["annotations"] = entries[len(found) :]
    return found


def read_citation(entry: Fields) -> Citation | None:
    """Read an annotation: a URL and the characters of the text that rest on it."""
    if entry.get("type") != "url_citation":
        return None
    taking = Taking(entry)
    del taking.left["type"]
    held = taking.object("url_citation")
    if held is None:
        return None
    inner = Taking(held)
    url, title, quote = inner.text("url"), inner.text("title"), inner.text("content")
    start, end = inner.whole("start_index"), inner.whole("end_index")
    stow(taking, "url_citation", inner)
    return Citation(url=url, title=title, quote=quote, start=start, end=end, native=taking.native(OWN))


def take_media(taking: Taking) -> list[Part]:
    """Take the sound and the images of an answer."""
    found: list[Part] = []
    held = taking.left.get("audio")
    if isinstance(held, dict):
        inner = Taking(cast("Fields", held))
        data = filled(inner, "data")
        identifier = None if data is not None else filled(inner, "id")
        if data is not None or identifier is not None:
            del taking.left["audio"]
            native = inner.native(OWN, "audio")
            found.append(Media(kind="audio", data=data, file_id=identifier, native=native))
    entries = objects_in(taking.left.get("images"))
    if entries:
        del taking.left["images"]
        found.extend(read_image(entry) for entry in entries)
    return found


def read_image(entry: Fields) -> Part:
    """Read one of OpenRouter's `images`."""
    part = read_part(entry)
    if not isinstance(part, Media) or part.kind != "image":
        return NativePart(dialect=OWN, kind="images", value=entry)
    fields = part.native.fields if part.native is not None else {}
    taking = Taking(fields)
    seal = take_signature(taking)
    shape = f"images {part.native.shape}" if part.native is not None else "images"
    return msgspec.structs.replace(part, seal=seal, native=taking.native(OWN, shape.strip()))


def take_calls(taking: Taking) -> list[Part]:
    """Take the tool calls of a message, and the one of before there were tools."""
    found: list[Part] = []
    entries = objects_in(taking.left.get("tool_calls"))
    if entries:
        del taking.left["tool_calls"]
        found.extend(read_tool_call(entry) for entry in entries)
    held = taking.left.get("function_call")
    if isinstance(held, dict) and cast("Fields", held).get("name") != "":  # which services send for none
        call = _called(Taking(cast("Fields", {"function": held})), "function_call")
        if call is not None:
            del taking.left["function_call"]
            found.append(call)
    return found


def read_tool_call(entry: Fields) -> Part:
    """Read one tool call; one that calls no function is the dialect's own."""
    taking = Taking(entry)
    kind = taking.left.get("type")
    shape = "untyped" if kind is None else ""
    if kind == "function":
        del taking.left["type"]
    elif kind is not None:
        return NativePart(dialect=OWN, kind=CALL_KIND, value=entry)
    call = _called(taking, shape)
    return call if call is not None else NativePart(dialect=OWN, kind=CALL_KIND, value=entry)


def _called(taking: Taking, shape: str) -> ToolCall | None:
    held = taking.object("function")
    if held is None:
        return None
    inner = Taking(held)
    name = inner.text("name")
    if name is None:
        return None
    arguments, spelled = _arguments(inner)
    index = taking.whole("index")
    placed = "" if index is None else f"index={index}"
    stow(taking, "function", inner)
    return ToolCall(
        id=filled(taking, "id") or "",
        name=name,
        arguments=arguments,
        seal=take_signature(taking),
        cache=take_cache(taking),
        native=taking.native(OWN, " ".join(word for word in (shape, spelled, placed) if word)),
    )


def _arguments(inner: Taking) -> tuple[str, str]:
    """Arguments as JSON text, and the word for how they were spelled (trap 15)."""
    text = inner.text("arguments")
    if text is not None:
        return (text, "") if text else ("{}", "empty")
    held = inner.object("arguments")
    if held is not None:
        return encoded(held), "object"
    return "{}", "none"

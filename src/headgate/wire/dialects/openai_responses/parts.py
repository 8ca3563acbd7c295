"""Contents of messages and results, read into parts and written: texts, refusals, media, citations. Pure.

What has no word, or not its form, is kept whole (`NativePart`). Never knows of items: that is `items`.
Source: OpenAI API reference, Responses, input and output content.
"""

from collections.abc import Sequence
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
    Refusal,
    Text,
)
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.fields import Taking
from headgate.wire.dialects.openai_responses.spelling import OWN, filled, native_of, restored, words_of

_TEXTS: Final = frozenset({"input_text", "output_text", "text"})
_AUDIO_TYPES: Final = {"mp3": "audio/mpeg", "wav": "audio/wav"}
_AUDIO_FORMATS: Final = {
    "audio/mpeg": "mp3",
    "audio/mp3": "mp3",
    "audio/wav": "wav",
    "audio/x-wav": "wav",
    "audio/wave": "wav",
}
_OWN_WORD: Final = "own"
_URL: Final = "url_citation"
_UNTYPED: Final = "-"
_DATA: Final = "data:"
_BASE64: Final = ";base64,"
_MEDIA_TYPE_LENGTH_MAX: Final = 256

CONTENT: Final = "content."
"""Begins the kind of a part that stands in a message; items that are kept whole have none of it."""
BARE: Final = "bare"
"""Without a member that could be there: citations of a text, `data:` before a file."""


def read_content(value: Fields) -> Part:
    """Read one part of a content list."""
    kind = value.get("type")
    part: Part | None = None
    if not isinstance(kind, str):
        return NativePart(dialect=OWN, kind=CONTENT, value=value)
    if kind in _TEXTS:
        part = _text(kind, value)
    elif kind == "refusal":
        part = _refusal(value)
    elif kind == "input_image":
        part = _image(value)
    elif kind == "input_file":
        part = _file(value)
    elif kind == "input_audio":
        part = _audio(value)
    return part if part is not None else NativePart(dialect=OWN, kind=CONTENT + kind, value=value)


def read_contents(values: Sequence[Fields]) -> tuple[Part, ...]:
    """Read a content list."""
    return tuple([read_content(value) for value in values])


def _opened(value: Fields) -> Taking:
    taking = Taking(value)
    del taking.left["type"]
    return taking


def _text(kind: str, value: Fields) -> Text | None:
    taking = _opened(value)
    text = taking.text("text")
    if text is None:
        return None
    words = [kind]
    citations: tuple[Citation, ...] = ()
    if kind == "output_text":
        found = taking.objects("annotations")
        if found:
            citations = tuple(read_citation(one) for one in found)
        elif found is None:
            words.append(BARE)
        if taking.left.get("logprobs") == []:
            del taking.left["logprobs"]
            words.append("logprobs")
    return Text(text=text, citations=citations, cache=_cache(taking), native=native_of(taking, words))


def _refusal(value: Fields) -> Refusal | None:
    taking = _opened(value)
    text = taking.text("refusal")
    return None if text is None else Refusal(text=text, native=native_of(taking, []))


def _cache(taking: Taking) -> CacheMark | None:
    mark = taking.left.get("prompt_cache_breakpoint")
    if not isinstance(mark, dict):
        return None
    fields = cast("Fields", mark)
    ttl = fields.get("ttl")
    if fields.get("mode") != "explicit" or len(fields) != 1 + ("ttl" in fields):
        return None
    if "ttl" in fields and not isinstance(ttl, str):
        return None
    del taking.left["prompt_cache_breakpoint"]
    return CacheMark(cast("str | None", ttl))


def _image(value: Fields) -> Media | None:
    taking = _opened(value)
    words = [_OWN_WORD]
    if taking.left.get("detail") == "auto":
        del taking.left["detail"]
        words.append("auto")
    return _media(taking, "image", ("image_url", "image_url"), words)


def _file(value: Fields) -> Media | None:
    return _media(_opened(value), "file", ("file_data", "file_url"), [_OWN_WORD])


def _media(
    taking: Taking, kind: Literal["image", "file"], names: tuple[str, str], words: list[str]
) -> Media | None:
    """`names`: the members that hold data and a URL, which for an image are one."""
    name = filled(taking, "filename") if kind == "file" else None
    media_type: str | None = None
    url: str | None = None
    file_id: str | None = None
    said = filled(taking, names[0])
    data: str | None = None
    if said is not None:
        media_type, data = split_data_url(said)
        if data is None and names[0] == names[1]:
            url = said
        elif data is None:
            data = said
            words.append(BARE)
    else:
        url = filled(taking, names[1])
        if url is None:
            file_id = filled(taking, "file_id")
            if file_id is None:
                return None
    return Media(
        kind=kind,
        media_type=media_type,
        data=data,
        url=url,
        file_id=file_id,
        name=name,
        cache=_cache(taking),
        native=native_of(taking, words),
    )


def split_data_url(url: str) -> tuple[str | None, str | None]:
    """The media type and the base64 data of a data URL that is spelled as we would; two Nones for others."""
    if not url.startswith(_DATA):
        return None, None
    comma = url.find(_BASE64, 0, _MEDIA_TYPE_LENGTH_MAX)
    if comma <= len(_DATA):
        return None, None
    return url[len(_DATA) : comma], url[comma + len(_BASE64) :]


def _audio(value: Fields) -> Media | None:
    taking = _opened(value)
    inner = taking.left.get("input_audio")
    if not isinstance(inner, dict):
        return None
    fields = cast("Fields", inner)
    data, form = fields.get("data"), fields.get("format")
    if len(fields) != 2 or not isinstance(data, str) or not isinstance(form, str) or form not in _AUDIO_TYPES:
        return None
    del taking.left["input_audio"]
    return Media(
        kind="audio", media_type=_AUDIO_TYPES[form], data=data, native=native_of(taking, [_OWN_WORD])
    )


def read_citation(value: Fields) -> Citation:
    """Read one annotation of a text; its type stays beside the words."""
    taking = Taking(value)
    kind = filled(taking, "type")
    is_url = kind == _URL
    return Citation(
        url=taking.text("url") if is_url else None,
        title=taking.text("title") if is_url else taking.text("filename"),
        start=taking.whole("start_index"),
        end=taking.whole("end_index"),
        native=taking.native(OWN, kind or _UNTYPED),
    )


def write_citation(citation: Citation, length: int) -> Fields | None:
    """Write an annotation of a text of `length` characters; None for one without an address (46)."""
    native = citation.native
    if native is not None and native.dialect == OWN:
        kind = native.shape
        fields: Fields = {} if kind == _UNTYPED else {"type": kind}
        named: Fields = {
            "url": citation.url,
            "title" if kind == _URL else "filename": citation.title,
            "start_index": citation.start,
            "end_index": citation.end,
        }
        fields.update({name: value for name, value in named.items() if value is not None})
        fields.update(native.fields)
        return fields
    if citation.url is None:
        return None
    return {
        "type": _URL,
        "url": citation.url,
        "title": citation.title or "",
        "start_index": citation.start or 0,
        "end_index": citation.end if citation.end is not None else length,
    }


def citations_of(part: Text, changes: Changes, where: str) -> list[Fields]:
    """The annotations of a text; of those that have no place here it is told."""
    found: list[Fields] = []
    for citation in part.citations:
        written = write_citation(citation, len(part.text))
        if written is None:
            changes.lose(f"{where}.citations", "an annotation without an address has no place in Responses")
        else:
            found.append(written)
    return found


def write_text(part: Text, kind: str, changes: Changes, where: str) -> Fields:
    """Write a text; `kind` is its type where it was not read from this dialect."""
    words = words_of(part.native)
    own = words[0] if words else kind
    fields: Fields = {"type": own, "text": part.text}
    if own == "output_text":
        if BARE not in words:
            fields["annotations"] = citations_of(part, changes, where)
        if "logprobs" in words or not words:
            fields["logprobs"] = []
    elif part.citations and kind != "output_text":
        changes.lose(f"{where}.citations", "what a text of a call cites is not said")
    if part.cache is not None:
        _write_cache(fields, part.cache, changes, where, is_own=bool(words))
    return restored(fields, part.native, changes, where)


def _write_cache(fields: Fields, mark: CacheMark, changes: Changes, where: str, *, is_own: bool) -> None:
    if not is_own:
        changes.lose(f"{where}.cache_control", "OpenAI caches prefixes by itself")
        return
    fields["prompt_cache_breakpoint"] = {"mode": "explicit", **({"ttl": mark.ttl} if mark.ttl else {})}


def write_refusal(part: Refusal, changes: Changes, where: str) -> Fields:
    """Write a refusal."""
    return restored({"type": "refusal", "refusal": part.text}, part.native, changes, where)


def write_media(part: Media, changes: Changes, where: str) -> Fields | None:
    """Write an image, a file or sound as input; None, and told, for what Responses does not take."""
    is_own = part.native is not None and part.native.dialect == OWN
    words = words_of(part.native)
    held_by = part.native.dialect if part.native is not None else OWN
    if part.file_id is not None and held_by not in (OWN, "openai", "openai-chat"):
        changes.alter(where, "a file that another provider holds has no id here; it was left out")
        return None
    fields: Fields
    match part.kind:
        case "image":
            fields = _write_image(part)
            detail = _chat_detail(part.native)
            if detail:
                fields["detail"] = detail
                part = msgspec.structs.replace(part, native=None)
            elif "auto" in words or not is_own:
                fields["detail"] = "auto"
        case "file":
            if not is_own and (part.media_type or "").partition("/")[0] in ("audio", "video"):
                changes.alter(where, f"Responses takes no file of {part.media_type}; it was left out")
                return None
            fields = _write_file(part, words)
        case "audio":
            form = _AUDIO_FORMATS.get(part.media_type or "")
            if not is_own or form is None or part.data is None:
                changes.alter(where, "Responses takes no sound in a message; it was left out")
                return None
            fields = {"type": "input_audio", "input_audio": {"data": part.data, "format": form}}
        case "video":
            changes.alter(where, "Responses takes no film; it was left out")
            return None
    if part.cache is not None:
        _write_cache(fields, part.cache, changes, where, is_own=is_own)
    return restored(fields, part.native, changes, where)


def _write_image(part: Media) -> Fields:
    if part.data is not None:
        return {"type": "input_image", "image_url": data_url(part)}
    if part.url is not None:
        return {"type": "input_image", "image_url": part.url}
    return {"type": "input_image", "file_id": part.file_id}


def _chat_detail(native: Native | None) -> str:
    """How closely an image is looked at, where OpenAI's chat says that and nothing else beside it."""
    if native is None or native.dialect != "openai-chat" or set(native.fields) != {"image_url"}:
        return ""
    inner = native.fields["image_url"]
    fields = cast("Fields", inner) if isinstance(inner, dict) else {}
    detail = fields.get("detail")
    return detail if isinstance(detail, str) and len(fields) == 1 else ""


def data_url(part: Media) -> str:
    """Data with its type before it."""
    kind = part.media_type or ("image/png" if part.kind == "image" else "application/octet-stream")
    return f"{_DATA}{kind}{_BASE64}{part.data}"


def _write_file(part: Media, words: list[str]) -> Fields:
    fields: Fields = {"type": "input_file"}
    if part.data is not None:
        fields["file_data"] = part.data if BARE in words else data_url(part)
    elif part.url is not None:
        fields["file_url"] = part.url
    else:
        fields["file_id"] = part.file_id
    if part.name is not None:
        fields["filename"] = part.name
    elif part.data is not None and not (part.native is not None and part.native.dialect == OWN):
        fields["filename"] = "file.pdf" if part.media_type == "application/pdf" else "file"
    return fields


def write_content(part: Part, kind: str, changes: Changes, where: str) -> Fields | None:
    """Write one part of a content list; None, and told, for what can't stand in one."""
    match part:
        case Text():
            return write_text(part, kind, changes, where)
        case Refusal():
            return write_refusal(part, changes, where)
        case Media():
            return write_media(part, changes, where)
        case NativePart(dialect="openai-responses"):
            return part.value
        case _:
            changes.alter(where, f"a {_name(part)} has no place in a message's content; it was left out")
            return None


def _name(part: Part) -> str:
    return part.kind if isinstance(part, NativePart) else type(part).__name__


def contents(parts: Sequence[Part], kind: str, changes: Changes, where: str) -> list[Fields]:
    """Write a content list."""
    written = [write_content(part, kind, changes, f"{where}[{place}]") for place, part in enumerate(parts)]
    return [one for one in written if one is not None]


def is_plain(parts: Sequence[Part]) -> bool:
    """Whether parts are one text and nothing else, which a string can say."""
    if len(parts) != 1:
        return False
    part = parts[0]
    return isinstance(part, Text) and part.cache is None and part.seal is None

"""What came of a tool call, as Google writes it: an object, in which `output` and `error` say which it is.

Pure. Source: Gemini API reference, `FunctionResponse`. Read next: `parts`.
"""

from typing import Final, cast

import msgspec

from headgate.core.chat import Fields, Media, Native, Part, Text, ToolResult
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.fields import decode
from headgate.wire.dialects.google.media import read_media, write_media
from headgate.wire.dialects.google.spelling import (
    DIALECT,
    Members,
    flags_of,
    own_fields,
    spelled,
)

_encode = msgspec.json.Encoder().encode

OUTPUT: Final = "output"
ERROR: Final = "error"


def read_result(outer: Members, key: str, fields: Fields) -> ToolResult:
    """The result in a part; `outer` is the part, of which `key` is what holds the result."""
    inner = Members(fields)
    name, identifier = inner.text("name"), inner.word("id")
    parts: list[Part] = []
    is_error = False
    response = inner.object("response")
    if response is None:
        outer.flags.append("noresponse")
    else:
        text, flag = _said(response)
        is_error = flag.startswith(ERROR)
        if flag:
            outer.flags.append(flag)
        parts.append(Text(text=text))
    media = inner.objects("parts")
    if media is not None:
        found = [read_media(one) for one in media]
        if found and all(one is not None for one in found):
            parts.extend(one for one in found if one is not None)
        else:
            inner.left["parts"] = media
    outer.flags.append("own" if name is not None else "noname")
    if inner.left:
        outer.left[key] = inner.left
    return ToolResult(
        call_id=identifier, name=name or "", parts=tuple(parts), is_error=is_error, native=outer.shaped()
    )


def _said(response: Fields) -> tuple[str, str]:
    """What a response says, and the flag of how: in one of the members that Google names, or as a whole."""
    if len(response) == 1:
        for member in (OUTPUT, ERROR):
            if member in response:
                value = response[member]
                if isinstance(value, str):
                    return value, member
                return _encode(value).decode(), member + ".json"
    return _encode(response).decode(), ""


def write_result(part: ToolResult, changes: Changes, where: str) -> Fields:
    """A result as the part that holds it."""
    if part.native is not None and part.native.dialect == DIALECT:
        return _written_back(part, part.native)
    words = _words(part.parts)
    response: Fields = {ERROR: words} if part.is_error else _object_of(words)
    inner: Fields = {}
    if part.call_id:
        inner["id"] = part.call_id
    inner["name"] = part.name
    inner["response"] = response
    media = _media(part.parts, changes, where)
    if media:
        inner["parts"] = media
    return {"functionResponse": inner}


def _written_back(part: ToolResult, native: Native) -> Fields:
    flags = flags_of(native)
    inner: Fields = {}
    parts = part.parts
    if part.call_id:
        inner["id"] = part.call_id
    if part.name or "noname" not in flags:
        inner["name"] = part.name
    if "noresponse" not in flags and parts and isinstance(parts[0], Text):
        inner["response"] = _response(parts[0].text, flags)
        parts = parts[1:]
    media = [write_media(one, None, "") for one in parts if isinstance(one, Media)]
    if media:
        inner["parts"] = media
    fields = own_fields(native)
    key = spelled(flags, "functionResponse")
    left = fields.pop(key, None)
    if isinstance(left, dict):
        inner.update(cast("Fields", left))
    return {key: inner, **fields}


def _response(text: str, flags: frozenset[str]) -> object:
    for member in (OUTPUT, ERROR):
        if member in flags:
            return {member: text}
        if member + ".json" in flags:
            return {member: decode(text)}
    return decode(text)


def _words(parts: tuple[Part, ...]) -> str:
    return "\n".join(part.text for part in parts if isinstance(part, Text))


def _object_of(text: str) -> Fields:
    """The object that a text is, unless its members would be read as something else; else the text itself."""
    if text.startswith("{"):
        try:
            value = decode(text)
        except ValueError:
            value = None
        if isinstance(value, dict):
            fields = cast("Fields", value)
            return {OUTPUT: fields} if OUTPUT in fields or ERROR in fields else fields
    return {OUTPUT: text}


def _media(parts: tuple[Part, ...], changes: Changes, where: str) -> list[Fields]:
    found: list[Fields] = []
    for part in parts:
        if isinstance(part, Media):
            written = write_media(part, changes, where)
            if written is not None:
                found.append(written)
        elif not isinstance(part, Text):
            changes.alter(where, "a tool's result holds text, images and files, and nothing else")
    return found

"""Multipart uploads (audio transcription, image edits): the few fields that policy reads, and where they are.

Never keeps a file's bytes and never opens one: a body is bytes or a memory map of where it was spooled.
Source: RFC 7578. Read next: `wire.reading`.
"""

import mmap
import re

import msgspec
from multipart import MultipartError, MultipartSegment, PushMultipartParser

from headgate.core.faults import InvalidRequest
from headgate.wire.model import Media

SEGMENTS_MAX = 128
FIELD_BYTES_MAX = 8192
CHUNK_BYTES = 1 << 20

BOUNDARY_BYTES_MAX = 200

_CONTENT_TYPE = re.compile(
    rb'\s*multipart/form-data\s*;\s*boundary=(?:"([^"\\]+)"|([^\s;"]+))\s*(?:;.*)?', re.IGNORECASE
)
_READ = ("model", "stream", "n", "user", "response_format")
_FOLDED = {name.casefold(): name for name in _READ}

Buffer = bytes | mmap.mmap


class Form(msgspec.Struct, frozen=True, kw_only=True):
    """What an upload says of itself. The model's value stands at `model_start` to `model_end` of the body."""

    model: str
    model_start: int
    model_end: int
    stream: bool = False
    choices: int = 1
    user: str | None = None
    response_format: str | None = None
    media: Media = Media()


class _Part(msgspec.Struct):
    name: str
    is_file: bool
    media_type: str
    value: bytes = b""
    start: int = 0
    size: int = 0


def read_form(content_type: bytes, body: Buffer) -> Form:
    """Return the facts of a multipart body.

    Raises InvalidRequest for one that is malformed, gives a field twice that policy reads, or has no model.
    """
    parts = _parts(_boundary(content_type), body)
    fields = _fields(parts)
    model = fields.get("model")
    if model is None or not model.value:
        raise InvalidRequest("the form has no field model; name one", parameter="model")
    name = _text(model)
    if not name.isprintable():
        raise InvalidRequest("model has unprintable characters; name one as listed", parameter="model")
    return Form(
        model=name,
        model_start=model.start,
        model_end=model.start + model.size,
        stream=_flag(fields.get("stream")),
        choices=_count(fields.get("n")),
        user=_text(fields["user"]) if "user" in fields else None,
        response_format=_text(fields["response_format"]) if "response_format" in fields else None,
        media=_media(parts),
    )


def with_model(form: Form, body: bytes, model: str) -> bytes:
    """Return the body with another model; every other byte stays.

    A spooled body is sent in pieces instead: up to `model_start`, the name, from `model_end`.
    """
    return body[: form.model_start] + model.encode() + body[form.model_end :]


def boundary_of(body: bytes) -> bytes:
    """The content type of a body that begins with its boundary, as `read_form` has made sure."""
    line, _, _ = body[:256].partition(b"\r\n")
    return b'multipart/form-data; boundary="' + line.removeprefix(b"--") + b'"'


def _boundary(content_type: bytes) -> bytes:
    found = _CONTENT_TYPE.fullmatch(content_type)
    boundary = b"" if found is None else found.group(1) or found.group(2)
    if not 0 < len(boundary) <= BOUNDARY_BYTES_MAX:
        raise InvalidRequest(
            "the content-type is no multipart/form-data with a boundary; send one", parameter="content-type"
        )
    return boundary


def _parts(boundary: bytes, body: Buffer) -> list[_Part]:
    if body[: len(boundary) + 4] != b"--" + boundary + b"\r\n":
        raise InvalidRequest("the form does not begin with its boundary; send it without a preamble")
    parts: list[_Part] = []
    try:
        with PushMultipartParser(
            boundary, max_segment_count=SEGMENTS_MAX, content_length=len(body), strict=True
        ) as parser:
            for position in range(0, len(body), CHUNK_BYTES):
                for event in parser.parse(body[position : position + CHUNK_BYTES]):
                    _take(event, parts)
    except MultipartError as error:
        raise InvalidRequest(f"the form is malformed: {error}") from None
    _locate(parts, body)
    return parts


def _take(event: object, parts: list[_Part]) -> None:
    if isinstance(event, MultipartSegment):
        parts.append(
            _Part(
                name=event.name or "",
                is_file=event.filename is not None,
                media_type=event.content_type or "",
            )
        )
    elif isinstance(event, bytes | bytearray):
        part = parts[-1]
        part.size += len(event)
        if part.size <= FIELD_BYTES_MAX:
            part.value += bytes(event)


def _locate(parts: list[_Part], body: Buffer) -> None:
    """Find where each value begins: after the blank line that ends its headers."""
    position = 0
    for part in parts:
        part.start = body.find(b"\r\n\r\n", position) + 4
        position = part.start + part.size


def _fields(parts: list[_Part]) -> dict[str, _Part]:
    fields: dict[str, _Part] = {}
    for part in parts:
        name = _FOLDED.get(part.name.strip().casefold())
        if name is None:
            continue
        if part.name != name or name in fields or part.is_file or part.size > FIELD_BYTES_MAX:
            raise InvalidRequest(
                f"the form's field {part.name!r} is given twice, in another case, or as a file; "
                f"give {name!r} once",
                parameter=name,
            )
        fields[name] = part
    return fields


def _text(part: _Part) -> str:
    try:
        return part.value.decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidRequest(f"{part.name} is not UTF-8", parameter=part.name) from None


def _flag(part: _Part | None) -> bool:
    value = "false" if part is None else _text(part).strip().lower()
    if value not in ("true", "false", "1", "0", ""):
        raise InvalidRequest(f"stream is {value[:24]!r}; send true or false", parameter="stream")
    return value in ("true", "1")


def _count(part: _Part | None) -> int:
    value = "1" if part is None else _text(part).strip()
    if not (value.isascii() and value.isdigit() and len(value) <= 4 and 1 <= int(value) <= 1024):
        raise InvalidRequest(f"n is {value[:24]!r}; send a whole number from 1 to 1024", parameter="n")
    return int(value)


def _media(parts: list[_Part]) -> Media:
    files = [part for part in parts if part.is_file]
    images = sum(part.media_type.startswith("image/") for part in files)
    inline_bytes = sum(part.size for part in files)
    return Media(images=images, audio=len(files) - images, inline_bytes=inline_bytes)

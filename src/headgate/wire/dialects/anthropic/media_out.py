"""Images and documents as Anthropic takes them; what it does not take is told. Read next: `parts_out`."""

import base64
import binascii
from typing import Final

from headgate.core.chat import Fields, Media
from headgate.core.quirks import Quirks
from headgate.wire.dialects.anthropic.parts_in import PLAIN_TEXT
from headgate.wire.dialects.anthropic.words import DIALECT
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.fields import shape_of

_IMAGES: Final = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})
_SPELLINGS: Final = {"image/jpg": "image/jpeg"}
_PDF: Final = "application/pdf"

_BEGINNINGS: Final = {
    "/9j/": "image/jpeg",
    "iVBOR": "image/png",
    "R0lGOD": "image/gif",
    "UklGR": "image/webp",
    "JVBERi": _PDF,
}
"""How files of these types begin, in base64."""


def media_block(part: Media, quirks: Quirks, changes: Changes, where: str, *, is_own: bool) -> Fields | None:
    """The block of an image or document; None for what can't be said, which is told."""
    if part.kind in ("audio", "video"):
        changes.alter(where, f"{DIALECT} takes no {part.kind}")
        return None
    source = _source(part) if is_own else _foreign_source(part, quirks, changes, where)
    if source is None:
        return None
    block: Fields = {"type": "image" if part.kind == "image" else "document", "source": source}
    if part.name is not None and (is_own or part.kind == "file"):
        block["title"] = part.name
    return block


def _source(part: Media) -> Fields:
    """The source as it was read; that of plain text is not base64."""
    if part.url is not None:
        return {"type": "url", "url": part.url}
    if part.file_id is not None:
        return {"type": "file", "file_id": part.file_id}
    data = part.data or ""
    if shape_of(part.native, DIALECT) == "text":
        return {"type": "text", "media_type": part.media_type, "data": base64.b64decode(data).decode()}
    return {"type": "base64", "media_type": part.media_type, "data": data}


def _foreign_source(part: Media, quirks: Quirks, changes: Changes, where: str) -> Fields | None:
    if part.file_id is not None:
        changes.alter(where, "a file that is stored at another provider can't be read from here")
        return None
    if part.url is not None:
        return _address(part, quirks, changes, where)
    data = part.data or ""
    kind = _kind_of(part.media_type, data)
    if part.kind == "image" and kind in _IMAGES:
        return {"type": "base64", "media_type": kind, "data": data}
    if part.kind == "file" and not quirks.takes_file_data:
        changes.alter(where, "the target takes no files")
        return None
    if part.kind == "file" and kind == _PDF:
        return {"type": "base64", "media_type": kind, "data": data}
    if part.kind == "file" and kind.startswith("text/"):
        text = _plain(data)
        if text is not None:
            return {"type": "text", "media_type": PLAIN_TEXT, "data": text}
    changes.alter(where, f"{DIALECT} takes no {part.kind} of the type {kind or 'unknown'}")
    return None


def _address(part: Media, quirks: Quirks, changes: Changes, where: str) -> Fields | None:
    if part.url is None or not part.url.startswith(("https://", "http://")):
        changes.alter(where, f"{DIALECT} takes addresses on the web only")
        return None
    if not quirks.takes_image_urls:
        changes.alter(where, "the target takes no addresses of images or documents")
        return None
    return {"type": "url", "url": part.url}


def _kind_of(media_type: str | None, data: str) -> str:
    if media_type is not None:
        plain = media_type.partition(";")[0].strip().lower()
        return _SPELLINGS.get(plain, plain)
    return next((kind for begin, kind in _BEGINNINGS.items() if data.startswith(begin)), "")


def _plain(data: str) -> str | None:
    try:
        return base64.b64decode(data, validate=True).decode()
    except (binascii.Error, ValueError):
        return None

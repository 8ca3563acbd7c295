"""Images, sound, films and documents, as Google writes them: in the call, or by where they are kept. Pure.

Never fetches anything. Source: Gemini API reference, `Blob`, `FileData`. Read next: `parts`.
"""

from typing import Final, Literal, cast

from headgate.core.chat import Fields, Media
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.google.signatures import seal_of
from headgate.wire.dialects.google.spelling import (
    DIALECT,
    Members,
    flags_of,
    own_fields,
    spelled,
    value_of,
)

Kind = Literal["image", "audio", "video", "file"]

_KINDS: Final[dict[str, Kind]] = {"image": "image", "audio": "audio", "video": "video"}
_TO_PLAIN: Final = str.maketrans("-_", "+/")
_TO_URLSAFE: Final = str.maketrans("+/", "-_")

_OWN_STORES: Final = ("https://generativelanguage.googleapis.com/", "gs://", "files/")
"""Addresses that only Google can read: nobody else can be sent there."""

_TYPES: Final = {
    "png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "gif": "image/gif", "webp": "image/webp",
    "heic": "image/heic", "heif": "image/heif", "pdf": "application/pdf", "txt": "text/plain",
    "md": "text/markdown", "csv": "text/csv", "html": "text/html", "json": "application/json",
    "mp3": "audio/mpeg", "wav": "audio/wav", "ogg": "audio/ogg", "flac": "audio/flac", "m4a": "audio/mp4",
    "mp4": "video/mp4", "webm": "video/webm", "mov": "video/quicktime", "mpeg": "video/mpeg",
}  # fmt: skip
_GUESSES: Final[dict[Kind, str]] = {
    "image": "image/jpeg",
    "audio": "audio/mpeg",
    "video": "video/mp4",
    "file": "application/pdf",
}


def kind_of(media_type: str | None) -> Kind:
    """What a media type stands for."""
    return _KINDS.get((media_type or "").partition("/")[0].lower(), "file")


def read_media(fields: Fields) -> Media | None:
    """The media in a part; None where it holds none."""
    members = Members(fields)
    for name in ("inlineData", "fileData"):
        key = members.key(name)
        inner = members.left.get(key)
        if isinstance(inner, dict):
            found = _read(name, members, key, cast("Fields", inner))
            if found is not None:
                return found
    return None


def _read(name: str, outer: Members, key: str, fields: Fields) -> Media | None:
    inner = Members(fields)
    where = inner.text("data") if name == "inlineData" else inner.text(inner.key("fileUri"))
    if where is None:
        return None
    media_type = inner.text(inner.key("mimeType"))
    title = inner.text(inner.key("displayName"))
    signature = outer.text(outer.key("thoughtSignature"))
    del outer.left[key]
    if inner.left:
        outer.left[key] = inner.left
    # Inside and outside may be spelled differently: what is inside is marked.
    outer.flags.extend("in." + flag for flag in inner.flags)
    outer.flags.append("own")
    data = url = file_id = None
    if name == "inlineData":
        data = _plain(where, outer)
    elif where.startswith(_OWN_STORES):
        file_id = where
    else:
        url = where
    return Media(
        kind=kind_of(media_type),
        media_type=media_type,
        data=data,
        url=url,
        file_id=file_id,
        name=title,
        seal=seal_of(signature)[0] if signature is not None else None,
        native=outer.shaped(),
    )


def _plain(data: str, outer: Members) -> str:
    """Base64 in the alphabet that everybody reads, and padded; Google's SDKs write the other one."""
    if ("-" in data or "_" in data) and "+" not in data and "/" not in data:
        outer.flags.append("urlsafe")
        data = data.translate(_TO_PLAIN)
    missing = -len(data) % 4
    if missing in (1, 2):
        outer.flags.append(f"unpadded={missing}")
        data += "=" * missing
    return data


def _as_it_came(data: str, flags: frozenset[str]) -> str:
    missing = value_of(flags, "unpadded")
    if missing is not None:
        data = data[: -int(missing)]
    return data.translate(_TO_URLSAFE) if "urlsafe" in flags else data


def write_media(part: Media, changes: Changes | None, where: str) -> Fields | None:
    """The media as a part, without its seal; None, told, for what only another provider can read."""
    if part.native is not None and part.native.dialect == DIALECT:
        return _written_back(part)
    if part.data is not None:
        if part.name is not None and changes is not None:
            changes.lose(where, "a file in the call has no name")
        return {"inlineData": {"mimeType": _type_of(part), "data": part.data}}
    address = part.url if part.url is not None else part.file_id
    if address is None or (part.url is None and not address.startswith(_OWN_STORES)):
        if changes is not None:
            changes.alter(where, f"the {part.kind} is kept at another provider, which alone can read it")
        return None
    head, comma, data = address.partition(",")
    if comma and head.startswith("data:") and head.endswith(";base64"):
        media_type = head[5:-7].partition(";")[0] or _type_of(part)
        return {"inlineData": {"mimeType": media_type, "data": data}}
    return {"fileData": {"mimeType": _type_of(part), "fileUri": address}}


def _written_back(part: Media) -> Fields:
    flags = flags_of(part.native)
    inside = frozenset(flag[3:] for flag in flags if flag.startswith("in."))
    inner: Fields = {}
    if part.media_type is not None:
        inner[spelled(inside, "mimeType")] = part.media_type
    if part.name is not None:
        inner[spelled(inside, "displayName")] = part.name
    if part.data is not None:
        key = spelled(flags, "inlineData")
        inner["data"] = _as_it_came(part.data, flags)
    else:
        key = spelled(flags, "fileData")
        inner[spelled(inside, "fileUri")] = part.url if part.url is not None else part.file_id
    fields = own_fields(part.native)
    left = fields.pop(key, None)
    if isinstance(left, dict):
        inner.update(cast("Fields", left))
    return {key: inner, **fields}


def _type_of(part: Media) -> str:
    if part.media_type:
        return part.media_type
    named = part.name or (part.url or "").partition("?")[0]
    return _TYPES.get(named.rpartition(".")[2][:8].lower(), _GUESSES[part.kind])

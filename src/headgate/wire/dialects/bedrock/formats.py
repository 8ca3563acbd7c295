"""What Bedrock calls the formats of images, documents, films and sounds. Pure data.

Source: the shapes ImageFormat, DocumentFormat, VideoFormat and AudioFormat of the Bedrock Runtime API.
"""

from typing import Final, Literal

Kind = Literal["image", "audio", "video", "file"]

MEMBERS: Final[dict[str, Kind]] = {"image": "image", "document": "file", "video": "video", "audio": "audio"}
"""Which member of a content block holds which kind."""
NAMES: Final[dict[Kind, str]] = {kind: member for member, kind in MEMBERS.items()}

MEDIA_TYPES: Final[dict[Kind, dict[str, str]]] = {
    "image": {"png": "image/png", "jpeg": "image/jpeg", "gif": "image/gif", "webp": "image/webp"},
    "file": {
        "pdf": "application/pdf",
        "csv": "text/csv",
        "doc": "application/msword",
        "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "xls": "application/vnd.ms-excel",
        "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "html": "text/html",
        "txt": "text/plain",
        "md": "text/markdown",
    },
    "video": {
        "mp4": "video/mp4",
        "mkv": "video/x-matroska",
        "mov": "video/quicktime",
        "webm": "video/webm",
        "flv": "video/x-flv",
        "mpeg": "video/mpeg",
        "mpg": "video/mpg",
        "wmv": "video/x-ms-wmv",
        "three_gp": "video/3gpp",
    },
    "audio": {
        "mp3": "audio/mpeg",
        "wav": "audio/wav",
        "flac": "audio/flac",
        "ogg": "audio/ogg",
        "opus": "audio/opus",
        "aac": "audio/aac",
        "x-aac": "audio/x-aac",
        "m4a": "audio/m4a",
        "mp4": "audio/mp4",
        "mka": "audio/x-matroska",
        "mkv": "audio/mkv",
        "mpga": "audio/mpga",
        "pcm": "audio/pcm",
        "webm": "audio/webm",
    },
}
_OTHER_NAMES: Final[dict[str, str]] = {
    "image/jpg": "jpeg",
    "audio/mp3": "mp3",
    "audio/x-wav": "wav",
    "audio/wave": "wav",
    "audio/x-m4a": "m4a",
    "audio/l16": "pcm",
    "text/x-markdown": "md",
    "application/xhtml+xml": "html",
}
_FORMATS: Final[dict[Kind, dict[str, str]]] = {
    kind: {media_type: name for name, media_type in table.items()} for kind, table in MEDIA_TYPES.items()
}
_BEGINNINGS: Final = {
    "/9j/": "image/jpeg",
    "iVBOR": "image/png",
    "R0lGOD": "image/gif",
    "UklGR": "image/webp",
    "JVBERi": "application/pdf",
}
"""How files of these types begin, in base64."""
_TEXTUAL: Final = ("application/json", "application/xml", "application/yaml", "application/javascript")


def format_of(
    kind: Kind, media_type: str | None, name: str | None = None, data: str | None = None
) -> str | None:
    """Bedrock's word for a media type, or for the ending of a file's name; None where it has none.

    Where no type is said, `data` (base64) tells by how it begins.
    """
    table = _FORMATS[kind]
    bare = (media_type or "").partition(";")[0].strip().lower()
    if not bare and data is not None:
        bare = next((found for begin, found in _BEGINNINGS.items() if data.startswith(begin)), "")
    if bare in table:
        return table[bare]
    other = _OTHER_NAMES.get(bare)
    if other in MEDIA_TYPES[kind]:
        return other
    if kind != "file":
        return None
    ending = (name or "").rpartition(".")[2].lower()
    if bare in ("", "application/octet-stream") and ending in MEDIA_TYPES["file"]:
        return ending
    # Any text may be sent as plain text: what it says is the same.
    return "txt" if bare.startswith("text/") or bare in _TEXTUAL else None

"""Blocks of a stream that come in pieces and are said whole: tools of the provider's own, and media. Pure.

Read next: `streams_in`.
"""

import base64
import binascii
from typing import cast

import msgspec

from headgate.core.chat import Fields, Media, NativePart, Part
from headgate.wire.dialects.bedrock.parts_in import OWN, read_block

_decode = msgspec.json.Decoder(Fields).decode


def whole_block(start: Fields, pieces: list[object]) -> Part:
    """A block that came in pieces, as a whole answer would hold it; a native part where it can't be whole."""
    member = next(iter(start), "")
    inner = start.get(member)
    if not isinstance(inner, dict):
        return NativePart(dialect=OWN, kind=member, value=start)
    whole: Fields = dict(cast("Fields", inner))
    objects = [cast("Fields", piece) for piece in pieces if isinstance(piece, dict)]
    if member == "toolUse":
        text = "".join(piece for one in objects if isinstance(piece := one.get("input"), str))
        try:
            whole["input"] = _decode(text or "{}")
        except msgspec.DecodeError:
            whole["input"] = text
    elif member == "toolResult":
        lists = [cast("list[object]", piece) for piece in pieces if isinstance(piece, list)]
        whole["content"] = [one for piece in lists for one in piece]
    else:
        return _whole_media(member, whole, objects)
    return read_block({member: whole})


def _whole_media(member: str, whole: Fields, pieces: list[Fields]) -> Part:
    sources = [cast("Fields", source) for piece in pieces if isinstance(source := piece.get("source"), dict)]
    texts = [data for source in sources if isinstance(data := source.get("bytes"), str)]
    for source in sources:
        whole["source"] = {**cast("Fields", whole.get("source", {})), **source}
    if texts:
        whole["source"] = {"bytes": joined(texts)}
    part = read_block({member: whole})
    return part if isinstance(part, Media) else NativePart(dialect=OWN, kind=member, value={member: whole})


def joined(pieces: list[str]) -> str:
    """Base64 of bytes whose pieces were each written so."""
    if len(pieces) == 1:
        return pieces[0]
    try:
        return base64.b64encode(b"".join(base64.b64decode(piece) for piece in pieces)).decode("ascii")
    except (binascii.Error, ValueError):
        return "".join(pieces)

"""A request body cut into its messages and what stands between them, for storing each message once.

The pieces joined are the body, byte for byte. A body that can't be cut is one piece. Never changes or judges
one. Read next: `records`, which stores the pieces.
"""

import msgspec

from headgate.core.faults import InvalidRequest
from headgate.wire.members import Member, Watched, read_members

MESSAGES_MAX = 100_000
MESSAGE_BYTES_MIN = 64
"""Shorter values are not worth a row of their own."""

_ARRAYS = ("messages", "input", "contents")
_WATCHED = Watched()
_FIELDS = {
    "openai-chat": ("messages", "tools"),
    "openai-responses": ("input", "instructions", "tools"),
    "openai": ("input", "prompt"),
    "anthropic": ("messages", "system", "tools"),
    "google": ("contents", "systemInstruction", "system_instruction", "tools"),
}

_items = msgspec.json.Decoder(list[msgspec.Raw]).decode


class Message(msgspec.Struct, frozen=True):
    """One message of a body, or its system text or tools, as it stands there."""

    raw: bytes


def split(dialect: str, body: bytes) -> list[bytes | Message]:
    """Cut a body into messages and the bytes between them.

    Each item of the messages is one Message, and so are the system text and the tools as a whole.
    """
    try:
        members = read_members(body, _WATCHED)
    except InvalidRequest:
        return [body]
    fields = _FIELDS.get(dialect, ())
    spans: list[tuple[int, int]] = []
    for member in members.values():
        if member.key in fields:
            spans.extend(_spans(member))
    pieces: list[bytes | Message] = []
    position = 0
    for start, end in spans[:MESSAGES_MAX]:
        if start > position:
            pieces.append(body[position:start])
        pieces.append(Message(body[start:end]))
        position = end
    if position < len(body) or not pieces:
        pieces.append(body[position:])
    return pieces


def join(pieces: list[bytes | Message]) -> bytes:
    """Put a body together again."""
    return b"".join(piece.raw if isinstance(piece, Message) else piece for piece in pieces)


def _spans(member: Member) -> list[tuple[int, int]]:
    """Where the messages of one member stand in the body, in order."""
    if member.key in _ARRAYS and member.raw.startswith(b"["):
        try:
            items = _items(member.raw)
        except (msgspec.DecodeError, RecursionError):
            return []
        spans: list[tuple[int, int]] = []
        position = 1
        for item in items:
            raw = bytes(item)
            position = member.raw.index(raw, position)
            if len(raw) >= MESSAGE_BYTES_MIN:
                spans.append((member.start + position, member.start + position + len(raw)))
            position += len(raw)
        return spans
    if len(member.raw) >= MESSAGE_BYTES_MIN:
        return [(member.start, member.end)]
    return []

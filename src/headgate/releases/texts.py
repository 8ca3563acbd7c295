"""Finds and replaces literal fragments in the message texts of a body, however they are escaped there.

Pure; a fragment is never found outside of message text, nor across two texts. Read next: `releases.editing`
(values), `releases.applying`.
"""

import bisect
import itertools
import re
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from headgate.core.call import Dialect
from headgate.releases.editing import ANY_MEMBER, Body
from headgate.wire.members import Member, items_of, read_members

REPLACED_MAX: Final = 256
"""How many places of one fragment in one call are replaced."""

ESCAPE_BYTES_MAX: Final = 6
"""The length of an escape such as `\\u00e9`."""

_NAME_END: Final = re.compile(r"[\[.]")
_TOOL_ROLES: Final = frozenset({b'"tool"', b'"function"'})
_PLAIN: Final = re.compile(r"[A-Za-z0-9 .,:;()\[\]_!?*#=-]{4,}")
"""Runs of characters that no encoder escapes."""
_SHORT: Final = {'"': b'\\\\"', "\\": b"\\\\\\\\", "\n": rb"\\n", "\r": rb"\\r", "\t": rb"\\t", "/": rb"\\?/"}
_SHORT_RARE: Final = {"\b": rb"\\b", "\f": rb"\\f"}
_decode = msgspec.json.Decoder(str).decode
_encode = msgspec.json.encode


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """Where message text stands within a value: in the value itself, in its items, in some of its members."""

    text: bool = False
    items: "Shape | None" = None
    members: Mapping[str, "Shape"] = {}


_LEAF = Shape(text=True)
_PARTS = Shape(text=True, items=Shape(members={"text": _LEAF}))
_MESSAGE = Shape(members={"content": _PARTS})
_TEXTS = Shape(text=True, items=_LEAF)
_GOOGLE = Shape(members={"parts": Shape(items=Shape(members={"text": _LEAF}), members={"text": _LEAF})})
_SHAPES: Final[Mapping[Dialect, Shape]] = {
    "openai-chat": Shape(members={"messages": Shape(items=_MESSAGE)}),
    "openai-responses": Shape(members={"instructions": _LEAF, "input": Shape(text=True, items=_MESSAGE)}),
    "openai": Shape(members={"prompt": _TEXTS, "input": _TEXTS}),
    "anthropic": Shape(members={"system": _PARTS, "messages": Shape(items=_MESSAGE)}),
    "google": Shape(
        members={
            "systemInstruction": _GOOGLE,
            "system_instruction": _GOOGLE,
            "contents": Shape(items=_GOOGLE, members=_GOOGLE.members),
            "content": _GOOGLE,
            "requests": Shape(items=Shape(members={"content": _GOOGLE})),
        }
    ),
}


class TextSpan(msgspec.Struct, frozen=True):
    """A text of a message: where it is, such as `messages[0].content`, and the bytes between its quotes."""

    path: str
    start: int
    end: int

    @property
    def member(self) -> str:
        """The member of the body in which it stands, such as `messages`."""
        end = _NAME_END.search(self.path)
        return self.path if end is None else self.path[: end.start()]


class Fragment:
    """A literal text, ready to be looked for."""

    __slots__ = ("_pattern", "plain", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.plain = longest_plain(text)
        self._pattern = None
        if self.plain.decode() != text:
            self._pattern = re.compile(b"".join(_alternatives(character) for character in text))

    def places(self, body: bytes) -> list[tuple[int, int]]:
        """Return where the fragment may stand in a body: whole characters, within a text or not."""
        if self._pattern is None:
            length = len(self.plain)
            whole = (at for at in _starts(body, self.plain) if _begins_character(body, at))
            return [(at, at + length) for at in itertools.islice(whole, REPLACED_MAX)]
        found: list[tuple[int, int]] = []
        if self.plain not in body:
            return found
        for match in self._pattern.finditer(body):
            if _begins_character(body, match.start()):
                found.append(match.span())
                if len(found) >= REPLACED_MAX:
                    break
        return found


class Replacement:
    """A fragment with what goes in its place, written as bodies may have it."""

    __slots__ = ("after", "ascii", "before", "old", "utf8")

    def __init__(self, old: str, new: str) -> None:
        self.old = Fragment(old)
        self.before = _encode(old)
        self.after = _encode(new)
        self.utf8 = self.after[1:-1]
        self.ascii = ascii_text(new)


class Replaced(msgspec.Struct, frozen=True):
    """A body after a replacement, and the texts in which something was replaced."""

    body: Body
    paths: tuple[str, ...]


def longest_plain(text: str) -> bytes:
    """Return the longest run in a text that stands in a body as it is; empty where there is none of four."""
    return max(_PLAIN.findall(text), key=len, default="").encode()


def replace(dialect: Dialect, body: Body, wanted: Replacement) -> Replaced:
    """Put a text in the place of a fragment wherever it stands in message text; nothing else changes."""
    raw = body.raw
    places = wanted.old.places(raw)
    if not places:
        return Replaced(body, ())
    spans = texts_at(dialect, body, [start for start, _ in places])
    encoded = wanted.ascii if raw.isascii() else wanted.utf8
    paths: dict[str, None] = {}
    splices: dict[str, list[tuple[int, int]]] = {}
    for start, end in places:
        for span in spans:
            if span.start <= start and end <= span.end:
                splices.setdefault(span.member, []).append((start, end))
                paths[span.path] = None
                break
    if not paths:
        return Replaced(body, ())
    values = {name: _spliced(raw, body.members[name], where, encoded) for name, where in splices.items()}
    return Replaced(body.changed(values), tuple(paths))


def _spliced(raw: bytes, member: Member, where: Sequence[tuple[int, int]], encoded: bytes) -> bytes:
    """Return the value of a member of a body with other bytes in those places."""
    pieces: list[bytes] = []
    position = member.start
    for start, end in where:
        pieces += (raw[position:start], encoded)
        position = end
    pieces.append(raw[position : member.end])
    return b"".join(pieces)


def holds_in_order(dialect: Dialect, body: Body, fragments: Sequence[str], plain: bytes) -> bool:
    """Whether one message text holds all fragments in order; `plain` is a run of bytes of one of them."""
    raw = body.raw
    if not plain:
        return any(_in_order(raw, span, fragments) for span in texts_at(dialect, body, None))
    first = raw.find(plain)
    if first < 0:
        return False
    # The first place is mostly the right one.
    for span in texts_at(dialect, body, [first]):
        if _in_order(raw, span, fragments):
            return True
    starts = _starts(raw, plain, first + len(plain))
    return any(_in_order(raw, span, fragments) for span in texts_at(dialect, body, starts))


def _starts(body: bytes, plain: bytes, beyond: int = 0) -> list[int]:
    found: list[int] = []
    at = body.find(plain, beyond)
    while at >= 0:
        found.append(at)
        at = body.find(plain, at + len(plain))
    return found


def _in_order(body: bytes, span: TextSpan, fragments: Sequence[str]) -> bool:
    text = _decode(body[span.start - 1 : span.end + 1])
    position = 0
    for fragment in fragments:
        position = text.find(fragment, position)
        if position < 0:
            return False
        position += len(fragment)
    return True


def texts_at(dialect: Dialect, body: Body, starts: Sequence[int] | None) -> list[TextSpan]:
    """Return the message texts in which one of the positions (ascending) stands; all texts for None.

    Raises InvalidRequest for a body that could be read in two ways.
    """
    found: list[TextSpan] = []
    for name, shape in _SHAPES[dialect].members.items():
        member = body.members.get(name)
        if member is not None and (starts is None or _any_within(starts, member.start, member.end)):
            _collect(member, shape, starts, name, found)
    return found


def _collect(
    member: Member, shape: Shape, starts: Sequence[int] | None, path: str, found: list[TextSpan]
) -> None:
    """Add the texts of a value whose `start` is its place in the body."""
    kind = member.raw[:1]
    if kind == b'"':
        if shape.text:
            found.append(TextSpan(path, member.start + 1, member.end - 1))
    elif kind == b"[":
        if shape.items is not None:
            _collect_items(member, shape.items, starts, path, found)
    elif shape.members and kind == b"{":
        members = read_members(member.raw, ANY_MEMBER, path)
        if "role" in members and members["role"].raw in _TOOL_ROLES:
            return
        for name, inner in shape.members.items():
            part = members.get(name)
            if part is not None:
                start = member.start + part.start
                if starts is None or _any_within(starts, start, start + len(part.raw)):
                    placed = Member(name, part.path, part.raw, start)
                    _collect(placed, inner, starts, f"{path}.{name}", found)


def _collect_items(
    member: Member, shape: Shape, starts: Sequence[int] | None, path: str, found: list[TextSpan]
) -> None:
    text, offset, position = member.raw, member.start, 1
    waiting = 0 if starts is None else bisect.bisect_left(starts, offset)
    for index, item in enumerate(items_of(member)):
        if starts is not None and (waiting >= len(starts) or starts[waiting] >= offset + len(text)):
            return
        raw = bytes(item)
        if not text.startswith(raw, position):  # white space stands before it
            position = text.index(raw, position)
        end = offset + position + len(raw)
        if starts is None or starts[waiting] < end:
            _collect(Member("", path, raw, offset + position), shape, starts, f"{path}[{index}]", found)
            if starts is not None:
                waiting = bisect.bisect_left(starts, end, waiting)
        position += len(raw) + 1


def _any_within(starts: Sequence[int], start: int, end: int) -> bool:
    index = bisect.bisect_left(starts, start)
    return index < len(starts) and starts[index] < end


def _alternatives(character: str) -> bytes:
    """A pattern for every way in which JSON may write a character that encoders write in several."""
    if _PLAIN.fullmatch(character * 4):
        return re.escape(character.encode())
    written = [_SHORT.get(character) or _SHORT_RARE.get(character) or re.escape(character.encode())]
    units = character.encode("utf-16-be")
    escapes = [b"\\\\u(?i:%02x%02x)" % (units[at], units[at + 1]) for at in range(0, len(units), 2)]
    return b"(?:" + b"|".join([*written, b"".join(escapes)]) + b")"


def _begins_character(body: bytes, position: int) -> bool:
    """Whether no escape sequence reaches over a position in a text."""
    if body.find(b"\\", max(position - ESCAPE_BYTES_MAX + 1, 0), position) < 0:
        return True
    if _is_escaped(body, position):
        return False
    return not any(
        body.startswith(b"\\u", position - back) and not _is_escaped(body, position - back)
        for back in range(2, 6)
    )


def _is_escaped(body: bytes, position: int) -> bool:
    before = position
    while before > 0 and body[before - 1] == 0x5C:
        before -= 1
    return (position - before) % 2 == 1


def ascii_text(text: str) -> bytes:
    """Write a text as JSON does between quotes, with every character outside of ASCII escaped."""
    encoded = _utf8_text(text)
    if encoded.isascii():
        return encoded
    units = encoded.decode()
    return "".join(character if character.isascii() else _escaped(character) for character in units).encode()


def _escaped(character: str) -> str:
    units = character.encode("utf-16-be")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))


def _utf8_text(text: str) -> bytes:
    return _encode(text)[1:-1]

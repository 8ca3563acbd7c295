"""The members of a JSON object and where their bytes stand, read as strictly as any provider may read them.

Two parsers can see different things in one text: a duplicate key, `Model` beside `model`, bytes that are no
UTF-8, text after the end. Policy must never decide on one reading while the provider acts on another, so
such bodies are refused here. Decodes no value but small ones that are asked for. Read next: `wire.reading`.
"""

import re
from collections.abc import Iterator

import msgspec

from headgate.core.faults import InvalidRequest

SMALL_VALUE_BYTES_MAX = 8192
HARMLESS_MAX = 1024

_NEXT = re.compile(rb'[ \t\n\r]*,[ \t\n\r]*"([^"\\]*(?:\\.[^"\\]*)*)"[ \t\n\r]*:[ \t\n\r]*')
_FIRST = re.compile(rb'[ \t\n\r]*\{[ \t\n\r]*"([^"\\]*(?:\\.[^"\\]*)*)"[ \t\n\r]*:[ \t\n\r]*')
_CLOSE = re.compile(rb"[ \t\n\r]*\}")
_HEAD = re.compile(rb'[ \t\n\r]*"([^"\\]*(?:\\.[^"\\]*)*)"[ \t\n\r]*:[ \t\n\r]*')
_TAIL = re.compile(rb"[ \t\n\r]*([,}])")
_OPEN = re.compile(rb"[ \t\n\r]*\{")

_raw_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_raw_items = msgspec.json.Decoder(list[msgspec.Raw]).decode
_text = msgspec.json.Decoder(str).decode
_any = msgspec.json.Decoder().decode


class Watched:
    """Names that policy reads in one kind of object; keys that differ from one only in case are refused."""

    __slots__ = ("folded", "harmless", "names")

    def __init__(self, *names: str) -> None:
        self.names = frozenset(names)
        self.harmless: set[str] = set(names)
        self.folded = {name.casefold(): name for name in names}


class Member(msgspec.Struct, frozen=True, eq=False):
    """One member of an object: its key, and the span of its value in the text it was read from."""

    key: str
    path: str
    raw: bytes
    start: int

    @property
    def end(self) -> int:
        """Where its value ends."""
        return self.start + len(self.raw)


Members = dict[str, Member]


def check_text(body: bytes) -> None:
    """Raise InvalidRequest unless the bytes are UTF-8 without a byte order mark."""
    if body.isascii():
        return
    if body.startswith(b"\xef\xbb\xbf"):
        raise InvalidRequest("the body begins with a byte order mark; send plain UTF-8 JSON without it")
    try:
        body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"the body is not UTF-8 at byte {error.start}; send UTF-8 JSON") from None


def read_members(text: bytes, watched: Watched, where: str = "") -> Members:
    """Return the members of the object that `text` is, in order.

    `where` names the object in messages, such as `stream_options`. Raises InvalidRequest for anything else
    than one JSON object, for a key given twice, and for one that differs from a watched name only in case.
    """
    subject = where or "the body"
    try:
        values = _raw_members(text)
    except msgspec.ValidationError:
        raise InvalidRequest(f"{subject} is no JSON object; send one", parameter=where or None) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidRequest(f"{subject} is no valid JSON: {error}", parameter=where or None) from None
    except RecursionError:
        raise InvalidRequest(f"{subject} is nested too deeply; flatten it", parameter=where or None) from None
    return _place(text, values, watched, where)


def _place(text: bytes, values: dict[str, msgspec.Raw], watched: Watched, where: str) -> Members:
    """Give each value its place in a text without white space between members, or leave it to `_walk`.

    The decoder keeps the last of equal keys. A second one, an escape in a key or white space make the text
    longer than the keys and values that are left, so that equal lengths prove that there is none of them.
    """
    prefix = f"{where}." if where else ""
    members: Members = {}
    position = 1
    for key, value in values.items():
        raw = bytes(value)
        position += len(key) + 3
        members[key] = Member(key, prefix + key if prefix else key, raw, position)
        position += len(raw) + 1
    if position != len(text):
        members = _walk(text, members, prefix)
    check_cases(members, watched, where)
    return members


def check_cases(members: Members, watched: Watched, where: str = "") -> None:
    """Raise InvalidRequest for a key that differs from a watched name only in case."""
    if not watched.harmless.issuperset(members):
        prefix = f"{where}." if where else ""
        for key in members:
            _check_case(key, watched, prefix)


def _walk(text: bytes, found: Members, prefix: str) -> Members:
    """The same for any text: a second key, or a text that differs from the value, stops the walk."""
    members: Members = {}
    position = 0
    pattern = _FIRST
    for key, member in found.items():
        head = pattern.match(text, position)
        if head is None or _key(head.group(1)) != key:
            break
        position = head.end()
        if not text.startswith(member.raw, position):
            break
        members[key] = Member(key, member.path, member.raw, position)
        position += len(member.raw)
        pattern = _NEXT
    if found and (len(members) != len(found) or _CLOSE.match(text, position) is None):
        _refuse_duplicate(text, prefix)
    return members


def _check_case(key: str, watched: Watched, prefix: str) -> None:
    name = watched.folded.get(key.casefold())
    if name is not None and key not in watched.names:
        _refuse_case(key, name, prefix)
    if len(watched.harmless) < HARMLESS_MAX:
        watched.harmless.add(key)  # seen before: need not be folded again


def _key(raw: bytes) -> str:
    return _text(b'"' + raw + b'"') if b"\\" in raw else raw.decode("utf-8")


def _refuse_case(key: str, name: str, prefix: str) -> None:
    raise InvalidRequest(
        f"{prefix}{key!r} differs from {name!r} only in case, and providers disagree on what that means; "
        f"write {name!r}",
        parameter=prefix + name,
    )


def _refuse_duplicate(text: bytes, prefix: str) -> None:
    seen: set[str] = set()
    for key in _keys(text):
        if key in seen:
            raise InvalidRequest(
                f"{prefix}{key} is given twice, and providers disagree on which one counts; give it once",
                parameter=prefix + key,
            )
        seen.add(key)
    raise InvalidRequest(f"{prefix or 'the body'} has a member given twice; give it once")


def _keys(text: bytes) -> Iterator[str]:
    """The keys of an object that is known to be valid JSON, duplicates included."""
    opened = _OPEN.match(text)
    position = opened.end() if opened else 0
    while (head := _HEAD.match(text, position)) is not None:
        yield _key(head.group(1))
        position = _value_end(text, head.end())
        tail = _TAIL.match(text, position)
        if tail is None or tail.group(1) == b"}":
            return
        position = tail.end()


_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"')
_SCALAR = re.compile(rb"[^,}\]\s]+")
_BRACKET = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{}]')


def _value_end(text: bytes, position: int) -> int:
    opening = text[position : position + 1]
    if opening not in (b"{", b"["):
        found = (_STRING if opening == b'"' else _SCALAR).match(text, position)
        return found.end() if found else len(text)
    depth = 0
    for found in _BRACKET.finditer(text, position):
        token = found.group()
        if token in (b"{", b"["):
            depth += 1
        elif token in (b"}", b"]"):
            depth -= 1
            if depth == 0:
                return found.end()
    return len(text)


def items_of(member: Member) -> list[msgspec.Raw]:
    """The items of a member that has to be an array. Raises InvalidRequest naming it otherwise."""
    try:
        return _raw_items(member.raw)
    except msgspec.DecodeError:
        raise InvalidRequest(f"{member.path} is no array; send one", parameter=member.path) from None


def is_null(member: Member | None) -> bool:
    """Whether the member is absent or null, which every provider takes for absent."""
    return member is None or member.raw == b"null"


def text_of(member: Member | None, length_max: int = 512) -> str | None:
    """The member's text; None where it is absent or null. Raises InvalidRequest for anything else."""
    if member is None or member.raw == b"null":
        return None
    value = _small(member)
    if not isinstance(value, str):
        raise InvalidRequest(f"{member.path} is no string; send one", parameter=member.path)
    if len(value) > length_max:
        raise InvalidRequest(
            f"{member.path} has {len(value)} characters; send at most {length_max}", parameter=member.path
        )
    return value


def flag_of(member: Member | None) -> bool:
    """The member's boolean; False where it is absent or null. Raises InvalidRequest for anything else."""
    if member is None or member.raw == b"null":
        return False
    if member.raw not in (b"true", b"false"):
        raise InvalidRequest(f"{member.path} is neither true nor false; send one", parameter=member.path)
    return member.raw == b"true"


def count_of(member: Member | None, count_max: int) -> int | None:
    """The member's whole number between 1 and `count_max`; None where it is absent or null."""
    if member is None or member.raw == b"null":
        return None
    value = _small(member)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= count_max:
        shown = member.raw[:24].decode("utf-8", "replace")
        raise InvalidRequest(
            f"{member.path} is {shown}; send a whole number from 1 to {count_max}", parameter=member.path
        )
    return value


def _small(member: Member) -> object:
    if len(member.raw) > SMALL_VALUE_BYTES_MAX:
        raise InvalidRequest(
            f"{member.path} has {len(member.raw)} bytes; send at most {SMALL_VALUE_BYTES_MAX}",
            parameter=member.path,
        )
    try:
        return _any(member.raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise InvalidRequest(f"{member.path} is no valid JSON value", parameter=member.path) from None

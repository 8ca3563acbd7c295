"""Changes values in a JSON body by splicing bytes: what is not changed stays as it was, to the byte.

Pure; knows nothing of rules. Read next: `releases.texts`, `releases.applying`, `wire.members`.
"""

from collections.abc import Callable, Mapping, Sequence

import msgspec

from headgate.wire.members import Member, Members, Watched, items_of, read_members
from headgate.wire.parameters import Place

ANY_MEMBER = Watched()
_encode = msgspec.json.encode

Change = Callable[[bytes | None], bytes | None]
"""Makes a new value of the one before, both JSON; None is an absent one. Raises CannotApply."""


class CannotApply(Exception):
    """A value is not of the kind that a change is for. The text says what it is."""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A change and where. `beside` are members that an object which is made for the value needs, too, and
    that have to be so in one that is there."""

    place: Place
    change: Change
    beside: tuple[tuple[str, bytes], ...] = ()


class Body:
    """A JSON body with its members, which are read once however often they are asked for or changed."""

    __slots__ = ("_members", "raw")

    def __init__(self, raw: bytes, members: Members | None = None) -> None:
        self.raw = raw
        self._members = members

    @property
    def members(self) -> Members:
        """Its members. Raises InvalidRequest for no object, or one that could be read in two ways."""
        if self._members is None:
            self._members = read_members(self.raw, ANY_MEMBER)
        return self._members

    def changed(self, values: Mapping[str, bytes | None]) -> "Body":
        """Return the body with other values, in JSON, of some of its members; None takes one away."""
        members = self.members
        if all(value is not None and name in members for name, value in values.items()):
            return Body(*_spliced(self.raw, members, values))
        return Body(*_rebuilt(self.raw, members, values, ""))


class Edit(msgspec.Struct, frozen=True, kw_only=True):
    """What was changed: the path as the body spells it, and JSON before and after, empty where absent."""

    field: str
    before: bytes
    after: bytes


def edit(body: Body, wanted: Sequence[Wanted]) -> tuple[Body, list[Edit], list[str]]:
    """Return the body with all changes that can be made, what was changed, and why any other was not.

    Raises InvalidRequest for a body that is no object or could be read in two ways.
    """
    edits: list[Edit] = []
    refusals: list[str] = []
    changed = _changes(body.members, wanted, "", edits, refusals)
    return body.changed(changed) if changed else body, edits, refusals


def _edit_object(
    raw: bytes, wanted: Sequence[Wanted], path: str, edits: list[Edit], refusals: list[str]
) -> bytes:
    members = read_members(raw, ANY_MEMBER, path)
    changed = _changes(members, wanted, path, edits, refusals)
    return _rebuilt(raw, members, changed, path)[0] if changed else raw


def _changes(
    members: Members, wanted: Sequence[Wanted], path: str, edits: list[Edit], refusals: list[str]
) -> dict[str, bytes | None]:
    """Return the new values of members of an object that is at a path."""
    changed: dict[str, bytes | None] = {}
    for each in wanted:
        found = [name for name in each.place[0] if _value(name, members, changed) is not None]
        for name in found or each.place[0][:1]:
            old = _value(name, members, changed)
            try:
                new = _changed(old, each, f"{path}.{name}" if path else name, edits)
            except CannotApply as refusal:
                refusals.append(str(refusal))
                continue
            if new != old:
                changed[name] = new
    return changed


def _value(name: str, members: Members, changed: dict[str, bytes | None]) -> bytes | None:
    """The value as it stands now; null is what every provider takes for absent."""
    if name in changed:
        return changed[name]
    member = members.get(name)
    return None if member is None or member.raw == b"null" else member.raw


def _changed(old: bytes | None, wanted: Wanted, path: str, edits: list[Edit]) -> bytes | None:
    if len(wanted.place) == 1:
        try:
            new = wanted.change(old)
        except CannotApply as refusal:
            raise CannotApply(f"{path} {refusal}") from None
        if new != old:
            edits.append(Edit(field=path, before=old or b"", after=new or b""))
        return new
    inner = msgspec.structs.replace(wanted, place=wanted.place[1:])
    if inner.place[0] == ("*",):
        return _each_changed(old, inner, path, edits)
    if old is None:
        return _made(inner, path, edits)
    if not old.startswith(b"{"):
        raise CannotApply(f"{path} is no object")
    _check_beside(old, wanted, path)
    refusals: list[str] = []
    new = _edit_object(old, [inner], path, edits, refusals)
    if refusals:
        raise CannotApply(refusals[0])
    return new


def _made(wanted: Wanted, path: str, edits: list[Edit]) -> bytes | None:
    """A new object that holds the value, where the change makes one out of nothing."""
    value = wanted.change(None)
    if value is None:
        return None
    names = [spellings[0] for spellings in wanted.place]
    edits.append(Edit(field=".".join([path, *names]), before=b"", after=value))
    for depth, name in enumerate(reversed(names), 1):
        beside = wanted.beside if depth == len(names) else ()
        pairs = [*beside, (name, value)]
        value = b"{" + b",".join(_encode(key) + b":" + raw for key, raw in pairs) + b"}"
    return value


def _check_beside(old: bytes, wanted: Wanted, path: str) -> None:
    if wanted.beside:
        members = read_members(old, ANY_MEMBER, path)
        for name, value in wanted.beside:
            if name not in members or members[name].raw != value:
                raise CannotApply(f"{path}.{name} is not {value.decode()}")


def _each_changed(old: bytes | None, wanted: Wanted, path: str, edits: list[Edit]) -> bytes | None:
    """The change in each item of an array."""
    if old is None:
        return None
    inner = msgspec.structs.replace(wanted, place=wanted.place[1:])
    pieces: list[bytes] = []
    position = 0
    refusals: list[str] = []
    for index, item in enumerate(items_of(Member(path, path, old, 0))):
        raw = bytes(item)
        start = old.index(raw, max(position, 1))
        pieces += (old[position:start], _edit_object(raw, [inner], f"{path}[{index}]", edits, refusals))
        position = start + len(raw)
    if refusals:
        raise CannotApply(refusals[0])
    return b"".join([*pieces, old[position:]])


def _spliced(raw: bytes, members: Members, changed: Mapping[str, bytes | None]) -> tuple[bytes, Members]:
    """Put other values in the place of some; those that stand after them move."""
    pieces: list[bytes] = []
    placed: Members = {}
    position = moved = 0
    for name, member in members.items():
        value = changed.get(name)
        if value is not None:
            pieces += (raw[position : member.start], value)
            position = member.end
            placed[name] = Member(name, member.path, value, member.start + moved)
            moved += len(value) - len(member.raw)
        elif moved:
            placed[name] = Member(name, member.path, member.raw, member.start + moved)
        else:
            placed[name] = member
    pieces.append(raw[position:])
    return b"".join(pieces), placed


def _rebuilt(
    raw: bytes, members: Members, changed: Mapping[str, bytes | None], path: str
) -> tuple[bytes, Members]:
    """Put the object together again: each member with what stands before it, but for those that go."""
    position = raw.index(b"{") + 1
    pieces = [raw[:position]]
    length = position
    placed: Members = {}
    for name, member in members.items():
        value = changed.get(name, member.raw)
        if value is not None:
            before = raw[position : member.start]
            if not placed and before.lstrip(b" \t\r\n").startswith(b","):  # what stood first is gone
                before = before.partition(b",")[2]
            pieces += (before, value)
            length += len(before)
            placed[name] = Member(name, member.path, value, length)
            length += len(value)
        position = member.end
    for name, value in changed.items():
        if name not in members and value is not None:
            before = (b"," if placed else b"") + _encode(name) + b":"
            pieces += (before, value)
            length += len(before)
            placed[name] = Member(name, f"{path}.{name}" if path else name, value, length)
            length += len(value)
    pieces.append(raw[position:])
    return b"".join(pieces), placed

"""Mustache templates without escaping: variables, sections, inverted sections, comments, own delimiters.

Source: the Mustache specification 1.4, its modules comments, delimiters, interpolation, inverted and
sections; what differs: nothing is escaped for HTML, and a variable that is missing is refused where it is
written (a section on one is simply false). No partials, no lambdas. The library most in use saw no release
since 2021, and none names what is missing or bounds its work. Read next: `managed.work`.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any, Final, cast

import msgspec

from headgate.prompts.managed.work import Hole, Refusal, Work, json_text, missing

DEPTH_MAX: Final = 32
TAGS_MAX: Final = 2000

Write = Callable[[Work, dict[str, Any]], None]
Stack = list[Any]
Node = Callable[[Work, Stack], None]

_ABSENT: Final = object()
_NAME: Final = re.compile(r"\.|[^\s.{}=]+(?:\.[^\s.{}=]+)*")
_REST_OF_LINE: Final = re.compile(r"[ \t]*(?:\r?\n|\Z)")
_KINDS: Final = frozenset("#^/!=&>{<$")
_ALONE: Final = frozenset("#^/!=")
_LONGER: Final = {"{": "}", "=": "="}
"""What stands before the closing delimiter of some kinds."""


class _Section:
    """A section that is being read: its name, where it began, and what stands in it so far."""

    __slots__ = ("inverted", "line", "name", "nodes")

    def __init__(self, name: str, line: int, *, inverted: bool) -> None:
        self.name = name
        self.line = line
        self.inverted = inverted
        self.nodes: list[Node] = []


class _Tag(msgspec.Struct, frozen=True):
    """One tag of a template: the text before it, its kind, what it says, and where the text goes on."""

    before: str
    kind: str
    content: str
    end: int
    line: int


def compile_mustache(text: str) -> tuple[Write, set[str], set[str]]:
    """Return what writes a template, the names that it reads, and those that it always needs.

    Raises Refusal that names the line.
    """
    return _Compiler(text).compile()


class _Compiler:
    def __init__(self, text: str) -> None:
        self.text = text
        self.opening, self.closing = "{{", "}}"
        self.names: set[str] = set()
        self.required: set[str] = set()
        self.open: list[_Section] = [_Section("", 1, inverted=False)]
        self.plain: list[str | Hole] = []
        self.is_plain = True
        self.tags = 0
        self.line = 1

    def compile(self) -> tuple[Write, set[str], set[str]]:
        position = 0
        while (tag := self._next(position)) is not None:
            if tag.before:
                self.open[-1].nodes.append(_literal(tag.before))
                self.plain.append(tag.before)
            self._take(tag)
            position = tag.end
        if len(self.open) > 1:
            section = self.open[-1]
            raise Refusal(f"the section {section.name!r} is never closed", line=section.line)
        rest = self.text[position:]
        if rest:
            self.open[0].nodes.append(_literal(rest))
        if self.is_plain:
            return _plain((*self.plain, rest)), self.names, self.required
        return _whole(self.open[0].nodes), self.names, self.required

    def _next(self, position: int) -> _Tag | None:
        start = self.text.find(self.opening, position)
        if start < 0:
            return None
        self.line += self.text.count("\n", position, start)
        self.tags += 1
        if self.tags > TAGS_MAX:
            raise Refusal(f"a template may have {TAGS_MAX} tags, and this has more", line=self.line)
        begin = start + len(self.opening)
        kind = self.text[begin : begin + 1]
        if kind in _KINDS:
            begin += 1
        else:
            kind = ""
        end = self.text.find(_LONGER.get(kind, "") + self.closing, begin)
        if end < 0:
            raise Refusal(f"the tag {self.text[start : start + 24]!r} is never closed", line=self.line)
        after = end + len(_LONGER.get(kind, "")) + len(self.closing)
        before = self.text[position:start]
        line = self.line
        if kind in _ALONE:
            before, after = self._stand_alone(start, before, after)
        self.line += self.text.count("\n", start, after)
        return _Tag(before, kind, self.text[begin:end].strip(), after, line)

    def _stand_alone(self, start: int, before: str, after: int) -> tuple[str, int]:
        """A tag that has a line for itself takes the line away with it."""
        indent = self.text[self.text.rfind("\n", 0, start) + 1 : start]
        rest = _REST_OF_LINE.match(self.text, after)
        if rest is None or indent.strip(" \t"):
            return before, after
        return before[: len(before) - len(indent)], rest.end()

    def _take(self, tag: _Tag) -> None:
        match tag.kind:
            case "!":
                return
            case "=":
                self._delimit(tag)
            case "#" | "^":
                self._open(tag)
            case "/":
                self._close(tag)
            case "" | "&" | "{":
                parts = self._parts(tag)
                if parts and len(self.open) == 1:
                    self.required.add(parts[0])
                self.open[-1].nodes.append(_variable(parts))
                self.is_plain = self.is_plain and len(parts) == 1
                self.plain.append(Hole(parts[0] if parts else "."))
            case _:
                raise Refusal(
                    f"the tag {tag.kind!r} is not offered: a prompt has no partials; write their text here",
                    line=tag.line,
                )

    def _parts(self, tag: _Tag) -> tuple[str, ...]:
        """The parts of a dotted name; none for `.`, which is the item itself."""
        if not _NAME.fullmatch(tag.content):
            raise Refusal(f"{tag.content[:60]!r} is no name of a variable", line=tag.line)
        if tag.content == ".":
            return ()
        parts = tuple(tag.content.split("."))
        self.names.add(parts[0])
        return parts

    def _delimit(self, tag: _Tag) -> None:
        marks = tag.content.split()
        if len(marks) != 2 or any("=" in mark for mark in marks):
            raise Refusal(f"{tag.content[:60]!r} is no pair of delimiters", line=tag.line)
        self.opening, self.closing = marks

    def _open(self, tag: _Tag) -> None:
        if len(self.open) > DEPTH_MAX:
            raise Refusal(f"sections may be nested {DEPTH_MAX} deep, and these are deeper", line=tag.line)
        self._parts(tag)
        self.is_plain = False
        self.open.append(_Section(tag.content, tag.line, inverted=tag.kind == "^"))

    def _close(self, tag: _Tag) -> None:
        section = self.open.pop()
        if section.name != tag.content or not self.open:
            raise Refusal(f"{tag.content[:60]!r} is closed, but {section.name!r} is open", line=tag.line)
        parts = () if section.name == "." else tuple(section.name.split("."))
        make = _inverted if section.inverted else _section
        self.open[-1].nodes.append(make(parts, section.nodes))


def _whole(nodes: Sequence[Node]) -> Write:
    def write(work: Work, variables: dict[str, Any]) -> None:
        stack: Stack = [variables]
        for node in nodes:
            node(work, stack)

    return write


def _plain(parts: Sequence[str | Hole]) -> Write:
    def write(work: Work, variables: dict[str, Any]) -> None:
        work.fill(parts, variables, _text)

    return write


def _literal(text: str) -> Node:
    def write(work: Work, stack: Stack) -> None:
        del stack
        work.write(text)

    return write


def _variable(parts: tuple[str, ...]) -> Node:
    def write(work: Work, stack: Stack) -> None:
        value = _find(work, stack, parts)
        if value is _ABSENT:
            raise missing(".".join(parts))
        work.write(value if isinstance(value, str) else _text(work, value))

    return write


def _section(parts: tuple[str, ...], nodes: Sequence[Node]) -> Node:
    def write(work: Work, stack: Stack) -> None:
        value = _find(work, stack, parts)
        if _is_false(value):
            return
        for item in cast("list[Any]", value) if isinstance(value, list) else (value,):
            work.step()
            stack.append(item)
            for node in nodes:
                node(work, stack)
            stack.pop()

    return write


def _inverted(parts: tuple[str, ...], nodes: Sequence[Node]) -> Node:
    def write(work: Work, stack: Stack) -> None:
        if _is_false(_find(work, stack, parts)):
            for node in nodes:
                node(work, stack)

    return write


def _find(work: Work, stack: Stack, parts: tuple[str, ...]) -> Any:
    """The value of a dotted name: its first part in the nearest object that has it, the others from there."""
    work.step(1 + len(parts) // 16)
    if not parts:
        return stack[-1]
    value: Any = _ABSENT
    for frame in reversed(stack):
        if isinstance(frame, dict) and parts[0] in frame:
            value = frame[parts[0]]  # pyright: ignore[reportUnknownVariableType]
            break
    for part in parts[1:]:
        value = cast("dict[str, Any]", value).get(part, _ABSENT) if isinstance(value, dict) else _ABSENT
    return value  # pyright: ignore[reportUnknownVariableType]


def _is_false(value: Any) -> bool:
    return value is _ABSENT or (not value and not isinstance(value, dict))


def _text(work: Work, value: Any) -> str:
    """What a value that is no text reads as: null as nothing, all else as JSON."""
    return "" if value is None else json_text(work, value)

"""A Python module in pieces that stand on their own: top-level blocks, and the methods of its classes.

The states of a file in git's history differ in few places, so what was read of a piece is kept and only
pieces that are new are parsed. Pure but for that memory; raises SyntaxError for what is no Python 3. Read
next: `facts`, `sites`.
"""

import ast
import re
from collections import OrderedDict
from collections.abc import Iterator

import msgspec

from headgate.prompts.facts import Facts, facts_of
from headgate.prompts.sites import Scope, Site, sites_in

KEPT_CHARACTERS_MAX = 600_000
"""Of source whose trees are kept: a tree takes a hundred times its source."""

_LEXEME = re.compile(
    r'#[^\n]*+|"""[^"\\]*+(?:(?:\\.|"(?!""))[^"\\]*+)*+(?:""")?|'
    r"'''[^'\\]*+(?:(?:\\.|'(?!''))[^'\\]*+)*+(?:''')?|"
    r'"(?:[^"\\\n]|\\.)*+"?|' + r"'(?:[^'\\\n]|\\.)*+'?|"
    r"\n(?P<indent>[ \t]*)(?:(?P<block>def |async def |@)|class[ \t]+(?P<name>\w+))"
    r"|\n(?P<plain>(?=[A-Za-z_]))",
    re.DOTALL,
)
"""Comments and strings, so that nothing within them counts, and lines that begin a piece.

A string that does not end is taken to the end: nothing is read twice, whatever a file holds.
"""


class Chunk(msgspec.Struct, frozen=True):
    """A part of a module's text: where it begins, the class that it belongs to, whether it heads a class."""

    text: str
    line: int
    owner: str = ""
    is_head: bool = False


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """What a chunk holds; `line` is added to the lines of its nodes and sites, `size` is in characters."""

    line: int
    size: int
    scope: Scope
    body: list[ast.stmt]
    facts: Facts
    sites: list[Site]


class _Read(msgspec.Struct, frozen=True):
    body: list[ast.stmt]
    facts: Facts
    sites: list[Site]


class Pieces:
    """Reads modules into pieces and remembers the latest of them."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, bool, str], _Read] = OrderedDict()
        self._characters = 0

    def of(self, source: str) -> list[Piece]:
        """Return the pieces of a module; raises SyntaxError with the line in it."""
        source = source.replace("\r\n", "\n").replace("\r", "\n")
        try:
            return [self._piece(chunk) for chunk in chunks_of(source)]
        except SyntaxError:
            # Not cut where Python would, or no Python: the whole tells, with the right line.
            body = ast.parse(source).body
            return [
                Piece(
                    line=0,
                    size=len(source),
                    scope=(),
                    body=body,
                    facts=facts_of(body, ()),
                    sites=sites_in(body, ()),
                )
            ]

    def _piece(self, chunk: Chunk) -> Piece:
        key = (chunk.owner, chunk.is_head, chunk.text)
        read = self._kept.get(key)
        if read is None:
            read = _read(chunk)
            self._kept[key] = read
            self._characters += len(chunk.text)
            while self._characters > KEPT_CHARACTERS_MAX and len(self._kept) > 1:
                (_, _, text), _ = self._kept.popitem(last=False)
                self._characters -= len(text)
        else:
            self._kept.move_to_end(key)
        scope = (chunk.owner,) if chunk.owner else ()
        line = chunk.line - 1 if chunk.owner else chunk.line
        return Piece(
            line=line, size=len(chunk.text), scope=scope, body=read.body, facts=read.facts, sites=read.sites
        )


def _read(chunk: Chunk) -> _Read:
    if not chunk.owner:
        text = f"{chunk.text}\n{_indent_of(chunk.text)}pass\n" if chunk.is_head else chunk.text
        body = ast.parse(text).body
        return _Read(body, facts_of(body, ()), sites_in(body, ()))
    owner, *others = ast.parse(f"class {chunk.owner}:\n{chunk.text}").body
    if others or not isinstance(owner, ast.ClassDef):  # such as `(a, b) = c`, which ends the class unseen
        raise SyntaxError(f"more than a method of {chunk.owner}")
    scope = (chunk.owner,)
    return _Read(owner.body, facts_of(owner.body, scope), sites_in(owner.body, scope))


def _indent_of(head: str) -> str:
    """Return the indentation of a class's body, of which only the head is given."""
    lines = [line for line in head.splitlines()[1:] if line.strip() and line[0] in " \t"]
    first = next((line for line in lines if not line.lstrip().startswith("#")), "")
    return first[: len(first) - len(first.lstrip())] or "    "


def chunks_of(source: str) -> Iterator[Chunk]:
    """Cut a module at its top-level functions, classes and their methods; together they are all of it."""
    cutter = _Cutter(source)
    for match in _LEXEME.finditer("\n" + source):
        if match.lastgroup is not None and match.lastgroup != "indent":
            yield from cutter.at(match)
    yield from cutter.end()


class _Cutter:
    """Where the piece began that is being read, and of which sort it is."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._start = 0
        self._line = 0
        self._in_block = False
        self._decorated = ""
        self._class = ""
        self._member_indent: str = ""
        self._owner = ""

    def at(self, match: re.Match[str]) -> Iterator[Chunk]:
        at = match.start()  # of the line after the line break, in the source without the one put before it
        indent, name = str(match["indent"] or ""), str(match["name"] or "")
        if match["plain"] is not None:
            if self._in_block:
                yield from self._cut(at)
                self._in_block, self._class = False, ""
            return
        if indent == "":
            if not self._decorated:
                yield from self._cut(at)
            self._in_block, self._class, self._member_indent = True, name, ""
            self._decorated = "\n" if match["block"] == "@" else ""
        elif self._class and name:
            # A class in the class: what stands deeper is its, and no method of the outer one.
            self._member_indent = self._member_indent or indent
        elif self._class and (not self._member_indent or indent == self._member_indent):
            self._member_indent = indent
            if self._decorated != indent:
                yield from self._cut(at, before_member=True)
                self._owner = self._class
            self._decorated = indent if match["block"] == "@" else ""

    def end(self) -> Iterator[Chunk]:
        yield from self._cut(len(self._source))

    def _cut(self, at: int, *, before_member: bool = False) -> Iterator[Chunk]:
        text = self._source[self._start : at]
        if text.strip():
            yield Chunk(text, self._line, self._owner, is_head=before_member and not self._owner)
        self._line += text.count("\n")
        self._start, self._owner = at, ""

"""What a scan finds: templates with their versions, parameters, models, keys, and what it left out.

Pure values; never reads a file. Read next: `expressions`, which makes templates of Python expressions.
"""

import hashlib
import re
from collections.abc import Iterable
from typing import Literal

import msgspec

VERSION_LENGTH = 12

_HALF = re.compile("[\ud800-\udfff]")

State = Literal["known", "dated", "retiring", "retired", "unknown"]
"""Of a model that is named: in the price table, pinned to a date, to be withdrawn on a day that is set,
withdrawn, or in no table."""


class Hole(msgspec.Struct, frozen=True, kw_only=True, tag="hole"):
    """A place in a template that a value fills: a name, or the expression that gives the value."""

    name: str


Part = str | Hole


class Template(msgspec.Struct, frozen=True, kw_only=True):
    """Literal fragments and holes, in order; no two fragments stand side by side and none is empty."""

    parts: tuple[Part, ...]

    @classmethod
    def of(cls, parts: Iterable[Part]) -> "Template":
        """Make a template of any parts, with neighbouring fragments joined, as they are sent."""
        joined: list[Part] = []
        for part in parts:
            if part == "":
                continue
            last = joined[-1] if joined else None
            if isinstance(part, str) and isinstance(last, str):
                joined[-1] = last + part
            else:
                joined.append(part)
        return cls(parts=tuple(map(_as_sent, joined)))

    @property
    def version(self) -> str:
        """The first 12 hex digits of the SHA-256 of the parts, whitespace and all."""
        # An object for a hole and a string for a fragment: no text can pass for a hole.
        return hashlib.sha256(msgspec.json.encode(self.parts)).hexdigest()[:VERSION_LENGTH]

    @property
    def text(self) -> str:
        """The whole, for people: holes as `{name}`."""
        return "".join(part if isinstance(part, str) else f"{{{part.name}}}" for part in self.parts)

    @property
    def literal(self) -> str:
        """The fragments alone, with a space for each hole."""
        return "".join(part if isinstance(part, str) else " " for part in self.parts)

    @property
    def holes(self) -> tuple[str, ...]:
        """The names of the holes, each once, in order."""
        return tuple(dict.fromkeys(part.name for part in self.parts if isinstance(part, Hole)))


def _as_sent(part: Part) -> Part:
    """Halves of a character, which only escapes can write, as UTF-8 has them: joined, or none of them."""
    text = part if isinstance(part, str) else part.name
    if text.isascii() or not _HALF.search(text):
        return part
    sent = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return sent if isinstance(part, str) else Hole(name=sent)


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A prompt: where it stands, its template, how it is written, and why it is taken for a prompt."""

    path: str
    symbol: str
    line: int
    template: Template
    kind: str
    why: str


class Parameter(msgspec.Struct, frozen=True, kw_only=True):
    """A parameter of a model call that is written into the code; `call` is what takes it, or empty."""

    path: str
    line: int
    symbol: str
    name: str
    value: str
    call: str


class ModelNamed(msgspec.Struct, frozen=True, kw_only=True):
    """A model whose name is written into the code."""

    path: str
    line: int
    model: str
    state: State
    until: str = ""
    """The day, year first, on which it was or will be withdrawn; empty where none is known."""


class KeyLeft(msgspec.Struct, frozen=True, kw_only=True):
    """What looks like a provider's key, masked: the key itself is kept nowhere."""

    path: str
    line: int
    kind: str
    masked: str


class Skipped(msgspec.Struct, frozen=True, kw_only=True):
    """A file that was not read, or not to its end, and why; line 0 where it is the file as a whole."""

    path: str
    line: int
    why: str


class Scan(msgspec.Struct, frozen=True, kw_only=True):
    """All that a scan found, in the order of path and line."""

    prompts: tuple[Found, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    models: tuple[ModelNamed, ...] = ()
    keys: tuple[KeyLeft, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    files: int = 0

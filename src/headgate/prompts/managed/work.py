"""What rendering a template may cost: characters written, and work, counted in steps of a bounded size.

Never measures time: the same template and values are refused on every machine, or on none. Read next:
`managed.templates`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

TextOf = Callable[["Work", Any], str]
"""How a notation writes a value that is no text."""

OUTPUT_CHARACTERS_MAX: Final = 1_000_000
"""Of all messages of a prompt together."""

STEPS_MAX: Final = 20_000
"""A node that is evaluated is one step, and so are each 256 characters or 16 items that it goes through."""

CHARACTERS_PER_STEP: Final = 256
ITEMS_PER_STEP: Final = 16


class Refusal(Exception):
    """A template that is not taken, or can't be rendered with these values; why, which line or variable."""

    def __init__(self, reason: str, *, line: int | None = None, variable: str | None = None) -> None:
        super().__init__(reason if line is None else f"line {line}: {reason}")
        self.reason = reason
        self.line = line
        self.variable = variable


class Hole(msgspec.Struct, frozen=True):
    """The place of a plain variable in a template."""

    name: str


class Work:
    """Counts what is written and done, and refuses what is beyond the bounds."""

    __slots__ = ("_characters_left", "_pieces", "_steps_left")

    def __init__(self) -> None:
        self._characters_left = OUTPUT_CHARACTERS_MAX
        self._steps_left = STEPS_MAX
        self._pieces: list[str] = []

    def write(self, text: str) -> None:
        """Add to the output. Raises Refusal when it grows too long."""
        self._characters_left -= len(text)
        if self._characters_left < 0:
            raise too_long()
        self._pieces.append(text)

    def fill(self, parts: Sequence[str | Hole], values: Mapping[str, Any], text_of: TextOf) -> None:
        """Write texts and the values of plain variables, as most templates are made of nothing else.

        Raises Refusal that names a variable that is missing.
        """
        pieces: list[str] = []
        for part in parts:
            if isinstance(part, str):
                pieces.append(part)
                continue
            try:
                value = values[part.name]
            except KeyError:
                raise missing(part.name) from None
            pieces.append(value if isinstance(value, str) else text_of(self, value))
        self.step(len(parts))
        self._characters_left -= sum(map(len, pieces))
        if self._characters_left < 0:
            raise too_long()
        self._pieces += pieces

    def step(self, count: int = 1) -> None:
        """Count work. Raises Refusal when there was too much of it."""
        self._steps_left -= count
        if self._steps_left < 0:
            raise Refusal(
                f"rendering takes more than {STEPS_MAX} steps; make its loops shorter, or give it fewer items"
            )

    def through(self, value: Any) -> None:
        """Count going through a value once: a text's characters, a list's items; others cost nothing more."""
        if isinstance(value, str):
            if len(value) >= CHARACTERS_PER_STEP:
                self.step(len(value) // CHARACTERS_PER_STEP)
        elif isinstance(value, (list, dict, range, tuple)):
            size = len(value)  # pyright: ignore[reportUnknownArgumentType]
            if size >= ITEMS_PER_STEP:
                self.step(size // ITEMS_PER_STEP)

    def take(self) -> str:
        """Return what was written since the last time."""
        pieces = self._pieces
        text = pieces[0] if len(pieces) == 1 else "".join(pieces)
        pieces.clear()
        return text


def too_long() -> Refusal:
    """Say that an output or a value in between grows too long."""
    return Refusal(f"rendering makes more than {OUTPUT_CHARACTERS_MAX} characters; shorten values or loops")


def missing(name: str) -> Refusal:
    """Say that a variable is missing."""
    return Refusal(f"the variable {name!r} is missing; give it a value", variable=name)


def json_text(work: Work, value: Any) -> str:
    """Write a value as JSON."""
    text = msgspec.json.encode(value).decode()
    work.step(1 + len(text) // 64)
    return text

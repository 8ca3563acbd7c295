"""What a translation dropped or altered, said as it happens. Pure."""

from collections.abc import Iterator
from typing import Literal

import msgspec

Weight = Literal["note", "loss", "meaning"]
"""`note`: said otherwise, means the same. `loss`: something that no answer depends on is gone. `meaning`: the
answer may be another one; strict translation refuses the call."""


class Change(msgspec.Struct, frozen=True):
    """One change: what (a path in the caller's body), why, and how bad."""

    what: str
    why: str
    weight: Weight

    def __str__(self) -> str:
        return f"{self.what}: {self.why}"


class Changes:
    """The changes of one translation, each once, in the order in which they came."""

    __slots__ = ("_found",)

    def __init__(self) -> None:
        self._found: dict[Change, None] = {}

    def __iter__(self) -> Iterator[Change]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)

    def note(self, what: str, why: str) -> None:
        """Say what is written otherwise and means the same."""
        self._found[Change(what, why, "note")] = None

    def lose(self, what: str, why: str) -> None:
        """Say what is gone, though no answer depends on it."""
        self._found[Change(what, why, "loss")] = None

    def alter(self, what: str, why: str) -> None:
        """Say what changes the meaning."""
        self._found[Change(what, why, "meaning")] = None

    def of_weight(self, weight: Weight) -> list[Change]:
        """Those of one weight."""
        return [one for one in self._found if one.weight == weight]

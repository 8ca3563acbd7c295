"""What is fuzzed: each target takes any bytes and raises for what must not be.

A target draws its choices from the head of its input with `Draw`, so that an input that was saved is read the
same way again. Read next: `fuzzer`, which runs targets; `wire_targets`, `http_targets`,
`prompt_targets`, `rule_targets`, `other_targets`.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

import msgspec

SEEDS: Final = Path(__file__).parent / "seeds"
"""One folder a target: inputs that once broke it, replayed by `make attack`."""

CUT: Final = b"\xfe|"
"""Stands in an input where a target cuts it; no text in UTF-8 holds it."""


class Draw:
    """Reads choices from the head of an input, and leaves the rest."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0

    def number(self, below: int) -> int:
        """Return a number from 0 to `below`, exclusive; 0 when the input is used up."""
        piece = self.take(1 if below <= 256 else 3)
        return int.from_bytes(piece, "big") % below

    def take(self, count: int) -> bytes:
        """Return the next bytes, fewer at the end."""
        piece = self._data[self._position : self._position + count]
        self._position += len(piece)
        return piece

    def rest(self) -> bytes:
        """Return all that is left."""
        return self.take(len(self._data))

    def cuts(self, data: bytes) -> list[bytes]:
        """Cut other data into pieces of drawn sizes, small ones often, to its end."""
        sizes = [self.number(256) for _ in range(8)] or [1]
        pieces: list[bytes] = []
        position = turn = 0
        while position < len(data):
            size = max(1, sizes[turn % len(sizes)] % 64)
            pieces.append(data[position : position + size])
            position += size
            turn += 1
        return pieces


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is fuzzed."""

    name: str
    run: Callable[[bytes], object]
    seeds: Callable[[], Iterable[bytes]]
    words: tuple[bytes, ...] = ()
    """What inputs are made of."""
    runs_min: int = 300
    """So many runs in ten seconds show that the fuzzer was at work, on a slow and busy machine too."""


def break_on_x(data: bytes) -> None:
    """Broken on purpose: shows that the fuzzer finds and hands over what breaks a target."""
    assert data[:1] != b"x"


BROKEN: Final = Target(name="broken", run=break_on_x, seeds=lambda: [b"a", b"b"], words=(b"x",))

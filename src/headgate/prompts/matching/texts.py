"""A message as it is compared: whitespace canonicalised, with its words, and the way back to the original.

Programs dedent, strip and wrap their prompts, so runs of whitespace count as one space. Pure. Read next:
`anchors`.
"""

import re
from bisect import bisect_right
from functools import cached_property
from itertools import accumulate
from operator import add

_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\s\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+")
"""Chinese, Japanese and Korean have no spaces: each character is a word."""
_IDEOGRAPH = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_RUN = re.compile(r"\s{2,}")


def canonical(text: str) -> str:
    """Return the text with each run of whitespace as one space, and none at its ends."""
    return " ".join(text.split())


def weight(text: str) -> int:
    """Count characters, those of Chinese, Japanese and Korean twice: each says as much as half a word."""
    return len(text) if text.isascii() else len(text) + len(_IDEOGRAPH.findall(text))


def words_of(text: str) -> tuple[list[str], list[int]]:
    """Return the words of a canonical text, and where each begins."""
    if text.isascii():
        words = text.split(" ") if text else []
        # Each word is followed by one space: so many lie before it as it has words before it.
        starts = list(map(add, accumulate(map(len, words), initial=0), range(len(words))))
        return words, starts
    found = list(_WORD.finditer(text))
    return [match.group() for match in found], [match.start() for match in found]


class Text:
    """A message, and what is worked out of it once."""

    __slots__ = ("__dict__", "canonical", "raw")

    def __init__(self, raw: str) -> None:
        self.raw = raw
        self.canonical = canonical(raw)

    @cached_property
    def words(self) -> tuple[list[str], list[int]]:
        """The words of the canonical text, and where each begins."""
        return words_of(self.canonical)

    @cached_property
    def _shifts(self) -> tuple[list[int], list[int]]:
        """Where in the canonical text a run of whitespace was cut, and by how much in all up to there."""
        shift = len(self.raw) - len(self.raw.lstrip())
        places, shifts = [-1], [shift]
        for match in _RUN.finditer(self.raw, shift):
            places.append(match.start() - shift)
            shift += match.end() - match.start() - 1
            shifts.append(shift)
        return places, shifts

    def at(self, position: int) -> int:
        """Return where in the original the character stands that is at a position of the canonical text."""
        places, shifts = self._shifts
        # The space that stands for a run is where the run begins: only what follows is moved by it.
        return position + shifts[bisect_right(places, position - 1) - 1]

    def end_at(self, position: int) -> int:
        """Return where in the original a stretch ends that ends, exclusively, at a canonical position."""
        return self.at(position - 1) + 1 if position else 0

"""Answers with what was said of them, and the verdict that follows: of people by majority. Pure.

Read next: `judges.analysis`.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Final

import msgspec

from headgate.judges.model import Scale, Shown

UNDECIDED: Final = 0.5


class JudgeMark(msgspec.Struct, frozen=True, kw_only=True):
    """One mark of the judge; `value` is None where it gave no verdict."""

    value: float | None
    shown: Shown = ""
    repeat: int = 0


class Marked(msgspec.Struct, frozen=True, kw_only=True):
    """An answer, or a pair, with the marks of the judge and of people.

    `sampled` says whether it is of the random sample. Lengths and models are those of the answer, of a pair
    those of `a` and `b`; 0 and empty where they are not known.
    """

    sampled: bool
    judge: tuple[JudgeMark, ...] = ()
    people: tuple[float, ...] = ()
    lengths: tuple[int, int] = (0, 0)
    models: tuple[str, str] = ("", "")

    def said(self) -> float | None:
        """Return what the judge said when it was first asked; None for no verdict."""
        first = min(self.judge, key=lambda mark: (mark.repeat, mark.shown), default=None)
        return None if first is None else first.value

    def said_in(self, shown: Shown) -> float | None:
        """Return what it first said of a pair in an order."""
        marks = [mark for mark in self.judge if mark.shown == shown]
        return min(marks, key=lambda mark: mark.repeat).value if marks else None

    def said_in_both(self) -> float | None:
        """Return what it said of a pair in both orders, a half where these differ; None without both."""
        one, other = self.said_in("ab"), self.said_in("ba")
        if one is None or other is None:
            return None
        return one if one == other else UNDECIDED

    def truth(self, scale: Scale) -> float | None:
        """Return what people say: the majority, of numbers from 1 to 5 the mean; None where they tie."""
        if not self.people:
            return None
        if scale == "one_to_five":
            return sum(self.people) / len(self.people)
        counted = Counter(self.people).most_common()
        if len(counted) > 1 and counted[0][1] == counted[1][1]:
            return None
        return counted[0][0]


class Both(msgspec.Struct, frozen=True):
    """An answer that the judge and people have marked."""

    item: Marked
    said: float
    truth: float


def both(items: Sequence[Marked], scale: Scale) -> list[Both]:
    """Return the answers with a verdict of the judge and one of people."""
    found: list[Both] = []
    for item in items:
        said, truth = item.said(), item.truth(scale)
        if said is not None and truth is not None:
            found.append(Both(item, said, truth))
    return found

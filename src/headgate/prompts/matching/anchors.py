"""Finds which of many fixed texts stand in a message, at the cost of a look at each of its words.

Each text is known by an anchor: its rarest word with the characters after it. A word of a message that begins
no anchor costs one look into a table; where one begins, the whole text is compared in place. Pure. Read next:
`compiling`.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence

from headgate.prompts.matching.texts import Text, words_of

ANCHOR_LENGTH = 16
"""Characters that an anchor has, where the text has so many."""
OCCURRENCES_MAX = 32
"""Of one text in one message; those after it are not seen."""
COMPARISONS_MAX = 200_000
"""Of one message; a message that asks for more is read no further."""


class Occurrences:
    """Where the texts stand in one message: positions in its canonical form, by the number of the text."""

    __slots__ = ("comparisons", "positions")

    def __init__(self) -> None:
        self.positions: dict[int, list[int]] = {}
        self.comparisons = 0


class Anchors:
    """Fixed texts by their rarest words. Texts are added, then `fix` is called once, then they are found."""

    __slots__ = ("_by_anchor", "_edges", "_lengths", "_numbers", "texts")

    def __init__(self) -> None:
        self.texts: list[str] = []
        """Canonical; a text's number is its place here."""
        self._edges: list[tuple[bool, bool]] = []
        self._numbers: dict[tuple[str, bool, bool], int] = {}
        self._by_anchor: dict[str, list[tuple[int, int]]] = {}
        self._lengths: dict[str, tuple[int, ...]] = {}

    def add(self, text: str, *, is_cut_left: bool, is_cut_right: bool) -> int:
        """Take in a text and return its number; cut edges may have more characters glued to their word."""
        key = (text, is_cut_left, is_cut_right)
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self.texts)
            self.texts.append(text)
            self._edges.append((is_cut_left, is_cut_right))
        return number

    def fix(self, wanted: set[int]) -> set[int]:
        """Choose the anchors of the wanted texts; return the numbers of those that can't be found.

        A text without a whole word, and one that is not wanted, has no anchor.
        """
        frequency: Counter[str] = Counter()
        for text in set(self.texts):
            frequency.update(set(words_of(text)[0]))
        lengths: dict[str, set[int]] = {}
        without: set[int] = set()
        for number, text in enumerate(self.texts):
            chosen = _rarest(text, self._edges[number], frequency) if number in wanted else None
            if chosen is None:
                without.add(number)
                continue
            word, offset = chosen
            anchor = text[offset : offset + ANCHOR_LENGTH]
            self._by_anchor.setdefault(anchor, []).append((number, offset))
            lengths.setdefault(word, set()).add(len(anchor))
        self._lengths = {word: tuple(sorted(each)) for word, each in lengths.items()}
        self._numbers.clear()
        self._edges.clear()
        return without

    def find(self, message: Text, within: Sequence[tuple[int, int]] | None = None) -> Occurrences:
        """Return where the texts stand in a message, or in those that begin at a word of some stretches."""
        found = Occurrences()
        words, starts = message.words
        beginning, by_anchor, texts, canonical = self._lengths, self._by_anchor, self.texts, message.canonical
        positions = found.positions
        for index in self._beginnings(words, starts, within):
            start = starts[index]
            for length in beginning[words[index]]:
                known = by_anchor.get(canonical[start : start + length])
                if known is None:
                    continue
                found.comparisons += len(known)
                if found.comparisons > COMPARISONS_MAX:
                    return found
                for number, offset in known:
                    position = start - offset
                    places = positions.get(number)
                    if position < 0 or (places is not None and len(places) >= OCCURRENCES_MAX):
                        continue
                    if canonical.startswith(texts[number], position):
                        if places is None:
                            positions[number] = [position]
                        else:
                            places.append(position)
        return found

    def _beginnings(
        self, words: list[str], starts: list[int], within: Sequence[tuple[int, int]] | None
    ) -> list[int]:
        """Return which words begin an anchor."""
        beginning = self._lengths
        if within is None:
            return [index for index, word in enumerate(words) if word in beginning]
        return [
            index
            for low, high in within
            for index in range(bisect_left(starts, low), bisect_left(starts, high))
            if words[index] in beginning
        ]


def _rarest(text: str, edges: tuple[bool, bool], frequency: Counter[str]) -> tuple[str, int] | None:
    words, starts = words_of(text)
    first, last = int(edges[0]), len(words) - int(edges[1])
    best: tuple[bool, bool, int, int, int] | None = None
    for index in range(first, last):
        word = words[index]
        is_short = len(text) - starts[index] < ANCHOR_LENGTH
        # What a program puts right beside a prompt may be glued to its outermost words.
        is_outermost = index in (0, len(words) - 1)
        rank = (is_outermost, is_short, frequency[word], -len(word), index)
        if best is None or rank < best:
            best = rank
    return None if best is None else (words[best[4]], starts[best[4]])

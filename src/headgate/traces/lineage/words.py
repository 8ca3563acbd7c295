"""Texts as sequences of words, the same however they are wrapped, escaped, quoted or cased. Pure.

Every word keeps its place, so that what is found among words can be shown in the text. Escapes of JSON (at
any depth) and of HTML are read over, since one side may have them and the other not.
Read next: `traces.lineage.matching`.
"""

import re
from array import array
from itertools import count
from typing import Final

CHARACTERS_MAX: Final = 8_000_000
"""How many characters of distinct texts are looked at in one trace."""

TEXT_CHARACTERS_MAX: Final = 262_144
"""How many characters of one text are looked at."""

# A letter of a script that writes no spaces is a word of its own. Long words are cut, so that a truncated one
# (of hexadecimal digits, say) still shares its beginning.
_ALONE: Final = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u9fff\uf900-\ufaff"
_WORD: Final = re.compile(rf"[{_ALONE}]|[^\W{_ALONE}]{{1,64}}")
_ESCAPED_SPACE: Final = re.compile(r"\\+[nrtbf]|&(?:quot|amp|lt|gt|apos|nbsp|#39|#x27|#34);")
_ESCAPED_CHARACTER: Final = re.compile(r"\\+u([0-9a-fA-F]{4})")


class Piece:
    """A distinct text: its words as numbers, and where each stands."""

    __slots__ = ("_places", "text", "words")

    def __init__(self, text: str, words: "array[int]") -> None:
        self.text = text
        self.words = words
        self._places: tuple[array[int], array[int]] | None = None

    def span(self, first: int, last: int) -> tuple[int, int]:
        """Return where the words from `first` up to, but without, `last` begin and end in the text."""
        if self._places is None:
            self._places = places(self.text)
        starts, ends = self._places
        return starts[first], ends[last - 1]


class Pieces:
    """The distinct texts of one trace: each is read once, however often it stands there."""

    def __init__(self, characters_max: int = CHARACTERS_MAX) -> None:
        self._characters_left = characters_max
        self._pieces: dict[str, Piece] = {}
        self._numbers: dict[str, int] = {}
        self._next = count()
        self.texts_left_out = 0
        self.characters_left_out = 0

    def of(self, text: str) -> Piece:
        """Return the piece of a text, without words where there is no room left for them."""
        found = self._pieces.get(text)
        if found is None:
            found = self._pieces[text] = Piece(text, self._read(text))
        return found

    def _read(self, text: str) -> "array[int]":
        looked_at = min(len(text), TEXT_CHARACTERS_MAX)
        if looked_at > self._characters_left:
            looked_at = 0
        if looked_at < len(text):
            self.texts_left_out += 1
            self.characters_left_out += len(text) - looked_at
        if not looked_at:
            return array("I")
        self._characters_left -= looked_at
        words = words_of(text[:looked_at])
        numbers, following = self._numbers, self._next
        for word in set(words).difference(numbers):
            numbers[word] = next(following)
        return array("I", map(numbers.__getitem__, words))


def words_of(text: str) -> list[str]:
    """Return the words of a text, normalised."""
    return _WORD.findall(_plain(text)[0])


def places(text: str) -> tuple["array[int]", "array[int]"]:
    """Return where each word of a text begins and ends."""
    plain, origin = _plain(text[:TEXT_CHARACTERS_MAX])
    starts, ends = array("I"), array("I")
    for found in _WORD.finditer(plain):
        starts.append(found.start() if origin is None else origin[found.start()])
        ends.append(found.end() if origin is None else origin[found.end()])
    return starts, ends


def _plain(text: str) -> tuple[str, "array[int] | None"]:
    """Return the text in lower case without escapes and, where it became shorter, each character's origin."""
    if "\\" in text or "&" in text:
        text = _ESCAPED_SPACE.sub(_blank, text)
    if "\\u" not in text:
        return _lower(text), None
    pieces: list[str] = []
    origin = array("I")
    position = 0
    for found in _ESCAPED_CHARACTER.finditer(text):
        pieces += (text[position : found.start()], chr(int(found[1], 16)))
        origin.extend(range(position, found.start() + 1))
        position = found.end()
    pieces.append(text[position:])
    origin.extend(range(position, len(text) + 1))
    return _lower("".join(pieces)), origin


def _blank(found: re.Match[str]) -> str:
    return " " * len(found[0])


def _lower(text: str) -> str:
    """Lower case, where that keeps every place."""
    lowered = text.lower()
    if len(lowered) == len(text):
        return lowered
    return "".join(low if len(low := letter.lower()) == 1 else letter for letter in text)

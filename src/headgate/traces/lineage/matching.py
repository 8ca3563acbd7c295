"""What two texts share: winnowed fingerprints of word grams, grown to maximal fragments. Pure.

Schleimer, Wilkerson, Aiken: Winnowing: local algorithms for document fingerprinting, SIGMOD 2003. Grams of
k words, of which the least of every w in a row is kept, find every shared stretch of w + k - 1 words. Here
only sources are winnowed; a text that is looked up asks with all of its grams, so that a whole short source
is found. Nothing that is reported hangs on which fingerprints were kept: shorter stretches are dropped.
Read next: `traces.lineage.finding`.
"""

from array import array
from collections.abc import Callable, Sequence
from itertools import compress
from typing import Final

import msgspec

from headgate.traces.lineage.words import Piece

GRAM_WORDS: Final = 4
WINDOW_GRAMS: Final = 5
SHARED_WORDS_MIN: Final = GRAM_WORDS + WINDOW_GRAMS - 1
"""A shared stretch has at least so many words (8), or is a whole source."""
SHARED_BYTES_MIN: Final = 32
"""And so many bytes: eight numbers in a row are no text."""
WHOLE_WORDS_MIN: Final = GRAM_WORDS
WHOLE_CHARACTERS_MIN: Final = 20
"""A source that stands whole in a text may be as short as this."""
PLACES_MAX: Final = 32
"""A gram that stands in more sources than this is looked up in the latest ones: boilerplate."""
PLACES_IN_ONE_MAX: Final = 4
STRETCHES_MAX: Final = 20_000
"""How many stretches of one text are compared: repetitive text has a great many."""


class Stretch(msgspec.Struct, frozen=True):
    """Words that stand in a source from `from_first` and in the other text from `to_first`."""

    source: Piece
    from_first: int
    to_first: int
    length: int


Prefer = Callable[[Piece], tuple[int, ...] | None]
"""How near a source is, greater is nearer; None where it may not be one."""


class Index:
    """The fingerprints of sources, and what a text shares with them."""

    def __init__(self) -> None:
        self._places: dict[int, list[tuple[Piece, int]]] = {}
        self._known: set[int] = set()

    def add(self, piece: Piece) -> None:
        """Make a piece a source. Adding it again changes nothing."""
        if id(piece) in self._known or len(piece.words) < WHOLE_WORDS_MIN:
            return
        self._known.add(id(piece))
        chosen: dict[int, int] = {}
        for fingerprint, place in winnow(grams(piece.words)):
            seen = chosen.get(fingerprint, 0)
            if seen == PLACES_IN_ONE_MAX:
                continue
            chosen[fingerprint] = seen + 1
            found = self._places.setdefault(fingerprint, [])
            found.append((piece, place))
            if len(found) > PLACES_MAX:
                del found[0]

    def match(self, piece: Piece, prefer: Prefer) -> list[Stretch]:
        """Return what stands in sources too; no word is credited twice.

        The longest stretch wins, among equally long ones the nearest source.
        """
        ranked: dict[int, tuple[int, ...] | None] = {}
        found: list[tuple[int, tuple[int, ...], Stretch]] = []
        for stretch in self._stretches(piece):
            source = stretch.source
            if id(source) not in ranked:
                ranked[id(source)] = prefer(source)
            rank = ranked[id(source)]
            if rank is not None and worth(piece, stretch):
                found.append((stretch.length, rank, stretch))
        found.sort(key=lambda one: (-one[0], tuple(-each for each in one[1]), one[2].to_first))
        return _uncovered(piece, [stretch for _, _, stretch in found])

    def _stretches(self, piece: Piece) -> list[Stretch]:
        asked = grams(piece.words)
        places = self._places
        reached: dict[tuple[int, int], int] = {}
        found: list[Stretch] = []
        for to_place in compress(range(len(asked)), map(places.__contains__, asked)):
            for source, from_place in places[asked[to_place]]:
                diagonal = (id(source), to_place - from_place)
                if source is piece or reached.get(diagonal, -1) > to_place:
                    continue
                stretch = grow(source, piece, from_place, to_place)
                if stretch is None:
                    continue
                reached[diagonal] = stretch.to_first + stretch.length
                found.append(stretch)
                if len(found) == STRETCHES_MAX:
                    return found
        return found


def grams(words: "array[int]") -> list[int]:
    """Return a hash of every k words in a row. Numbers hash alike in every process."""
    return [hash(gram) for gram in zip(*(words[start:] for start in range(GRAM_WORDS)), strict=False)]


def winnow(fingerprints: Sequence[int]) -> list[tuple[int, int]]:
    """Return the fingerprints that are the least of some window, with their places."""
    if len(fingerprints) <= WINDOW_GRAMS:
        kept = {min(fingerprints)} if fingerprints else set[int]()
    else:
        kept = set(map(min, *(fingerprints[start:] for start in range(WINDOW_GRAMS))))
    return [(each, place) for place, each in enumerate(fingerprints) if each in kept]


def grow(source: Piece, piece: Piece, from_place: int, to_place: int) -> Stretch | None:
    """Return the longest stretch around a gram that both share; None where only their hashes are equal."""
    ours, theirs = source.words, piece.words
    if ours[from_place : from_place + GRAM_WORDS] != theirs[to_place : to_place + GRAM_WORDS]:
        return None
    from_end, to_end = from_place + GRAM_WORDS, to_place + GRAM_WORDS
    from_end += _alike(ours, theirs, from_end, to_end)
    to_end = to_place + from_end - from_place
    while from_place and to_place and ours[from_place - 1] == theirs[to_place - 1]:
        from_place -= 1
        to_place -= 1
    return Stretch(source, from_place, to_place, to_end - to_place)


def _alike(ours: "array[int]", theirs: "array[int]", from_place: int, to_place: int) -> int:
    """How many words are the same from these places on: by leaps that grow, then shrink."""
    most = min(len(ours) - from_place, len(theirs) - to_place)
    done, leap = 0, 16
    while done + leap <= most and _equal(ours, theirs, (from_place + done, to_place + done), leap):
        done += leap
        leap *= 2
    while leap:
        if done + leap <= most and _equal(ours, theirs, (from_place + done, to_place + done), leap):
            done += leap
        leap //= 2
    return done


def _equal(ours: "array[int]", theirs: "array[int]", start: tuple[int, int], length: int) -> bool:
    return ours[start[0] : start[0] + length] == theirs[start[1] : start[1] + length]


def worth(piece: Piece, stretch: Stretch) -> bool:
    """Say whether a stretch is long enough to say where a text comes from."""
    source = stretch.source
    if stretch.length == len(source.words):
        return stretch.length >= WHOLE_WORDS_MIN and len(source.text) >= WHOLE_CHARACTERS_MIN
    if stretch.length < SHARED_WORDS_MIN:
        return False
    start, end = piece.span(stretch.to_first, stretch.to_first + stretch.length)
    return end - start >= SHARED_BYTES_MIN or len(piece.text[start:end].encode()) >= SHARED_BYTES_MIN


def _uncovered(piece: Piece, stretches: Sequence[Stretch]) -> list[Stretch]:
    """Credit each word to the first stretch that holds it; what remains of a stretch has to be worth it."""
    covered = bytearray(len(piece.words))
    kept: list[Stretch] = []
    for stretch in stretches:
        end = stretch.to_first + stretch.length
        begin = covered.find(0, stretch.to_first, end)
        while begin >= 0:
            until = covered.find(1, begin, end)
            until = end if until < 0 else until
            rest = Stretch(
                stretch.source, stretch.from_first + begin - stretch.to_first, begin, until - begin
            )
            if worth(piece, rest):
                covered[begin:until] = b"\1" * (until - begin)
                kept.append(rest)
            begin = covered.find(0, until, end)
    return sorted(kept, key=lambda one: one.to_first)

"""Finds templates of which most is in a message, though not all: changed, cut off, or not yet committed.

Works on what the whole templates left over: the lines of all templates are anchored, each votes for the
versions that hold it, and what has most is extended from line to line as far as the texts agree. Pure. Read
next: `pieces`.
"""

import re
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from headgate.prompts.matching.anchors import Anchors
from headgate.prompts.matching.chaining import Chain
from headgate.prompts.matching.compiling import FRAGMENT_MIN, Step
from headgate.prompts.matching.cover import Candidate, Choice, Taken, cover
from headgate.prompts.matching.model import CatalogueVersion
from headgate.prompts.matching.texts import Text, canonical, weight
from headgate.prompts.model import Template

SHARE_MIN = 0.5
"""Of a template's literal text, what a message must hold of it."""
LITERAL_MIN = 60
"""Characters that it must hold."""
LINES_MAX = 400
"""Lines of templates that are looked at in one message."""
HOLDERS_MAX = 500
"""Templates that a line may vote for: a line of more says little."""
TRIED_MAX = 12
"""Templates that are laid along a message, of those with the most votes."""
PIECES_MAX = 8
STEPS_MAX = 1 << 12
"""Of a template; the lines of fragments beyond count for the last."""

_SENTENCE = re.compile(r"\n|(?<=[.!?:;。])\s+")


class _Known(NamedTuple):
    """A template, its fragments canonicalised, by their parts, and the places that hold it."""

    template: Template
    steps: tuple[Step, ...]
    literal: int
    holders: Sequence[CatalogueVersion]


class _Stretch(NamedTuple):
    """Where a part of a fragment stands in the message."""

    step: Step
    start: int
    end: int


class PartialIndex:
    """The lines of all templates."""

    def __init__(
        self,
        texts: Sequence[str],
        stepped: Sequence[tuple[Sequence[CatalogueVersion], tuple[Step, ...]]],
    ) -> None:
        self._texts = texts
        self._lines = Anchors()
        self._known: list[_Known] = []
        # By line: template and step in one number, of which there are too many for pairs.
        self._holders: defaultdict[int, array[int]] = defaultdict(lambda: array("q"))
        numbered: dict[tuple[int, bool], list[int]] = {}
        for holders, steps in stepped:
            template = holders[0].template
            literal = sum(step.length for step in steps if not step.is_optional)
            literal = literal or sum(step.length for step in steps)
            known = len(self._known)
            self._known.append(_Known(template, steps, literal, holders))
            for index, step in enumerate(steps):
                part = template.parts[step.part]
                assert isinstance(part, str)
                lines = numbered.get((step.number, part[0].isspace()))
                if lines is None:
                    lines = numbered[step.number, part[0].isspace()] = [
                        self._lines.add(line, is_cut_left=is_first, is_cut_right=True)
                        for line, is_first in _lines_of(part)
                    ]
                for line in lines:
                    self._holders[line].append(known * STEPS_MAX + min(index, STEPS_MAX - 1))
        self._lines.fix(set(self._holders))

    def cover(self, message: Text, taken: Taken, at: Mapping[str, int]) -> list[Choice]:
        """Choose templates for what is free of a message; what they cover is taken."""
        gaps = [gap for gap in taken.gaps(len(message.canonical)) if gap[1] - gap[0] >= LITERAL_MIN]
        if not gaps:
            return []
        found = self._lines.find(message, gaps).positions
        places = sorted((start, line) for line, starts in found.items() for start in starts)
        free = [
            (start, line) for start, line in _within(places, gaps) if len(self._holders[line]) <= HOLDERS_MAX
        ][:LINES_MAX]
        chosen: list[Choice] = []
        while free and len(chosen) < PIECES_MAX:
            choice = self._best(message, free, taken, at)
            if choice is None:
                break
            taken.take(choice.chain.spans)
            chosen.append(choice)
            free = [(start, line) for start, line in free if taken.has_room([(start, start + 1)])]
        return chosen

    def _best(
        self, message: Text, free: list[tuple[int, int]], taken: Taken, at: Mapping[str, int]
    ) -> Choice | None:
        votes: Counter[int] = Counter()
        for line in {line for _, line in free}:
            length = len(self._lines.texts[line])
            for known in {holder // STEPS_MAX for holder in self._holders[line]}:
                votes[known] += length
        candidates: list[Candidate] = []
        for number, _ in sorted(votes.items(), key=lambda vote: (-vote[1], vote[0]))[:TRIED_MAX]:
            known = self._known[number]
            places = tuple(self._laid(message, number, free, taken))
            literal = sum(place.end - place.start for place in places)
            if literal >= max(LITERAL_MIN, SHARE_MIN * known.literal):
                candidates.append(Candidate(known.template, Chain(places), known.holders))
        return next(iter(cover(message, candidates, at)), None)

    def _laid(
        self, message: Text, number: int, free: list[tuple[int, int]], taken: Taken
    ) -> Iterator[_Stretch]:
        """Lay a template along a message from line to line, in the order of both."""
        steps = self._known[number].steps
        step_at = offset_at = low = 0
        for start, line in free:
            text = self._lines.texts[line]
            if start < low:
                continue
            for index in self._steps_holding(line, number):
                fragment = self._texts[steps[index].number]
                offset = fragment.find(text, offset_at if index == step_at else 0)
                if index < step_at or offset < 0:
                    continue
                before = _same_before(message.canonical, max(low, start - offset), start, fragment, offset)
                after = _same_after(message.canonical, start, fragment, offset)
                stretch = _Stretch(steps[index], start - before, start + after)
                if taken.has_room([(stretch.start, stretch.end)]):
                    yield stretch
                    step_at, offset_at, low = index, offset + after, stretch.end
                break

    def _steps_holding(self, line: int, number: int) -> Iterator[int]:
        for holder in self._holders[line]:
            if holder // STEPS_MAX == number:
                yield holder % STEPS_MAX


def _lines_of(part: str) -> list[tuple[str, bool]]:
    """Return the lines and sentences of a fragment that say enough, and which is cut off by a hole."""
    pieces = _SENTENCE.split(part)
    return [
        (line, index == 0 and not part[0].isspace())
        for index, piece in enumerate(pieces)
        if weight(line := canonical(piece)) >= FRAGMENT_MIN
    ]


def _within(places: list[tuple[int, int]], gaps: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    index = 0
    for start, line in places:
        while index < len(gaps) and gaps[index][1] <= start:
            index += 1
        if index < len(gaps) and gaps[index][0] <= start:
            yield start, line


def _same_after(text: str, start: int, fragment: str, offset: int) -> int:
    """Count the characters that are the same from a place in one and a place in the other on."""
    low, high = 0, min(len(text) - start, len(fragment) - offset)
    while low < high:
        middle = (low + high + 1) // 2
        if text[start + low : start + middle] == fragment[offset + low : offset + middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _same_before(text: str, least: int, start: int, fragment: str, offset: int) -> int:
    """Count the characters that are the same before a place in one and a place in the other."""
    low, high = 0, min(start - least, offset)
    while low < high:
        middle = (low + high + 1) // 2
        if text[start - middle : start - low] == fragment[offset - middle : offset - low]:
            low = middle
        else:
            high = middle - 1
    return low

"""Lays a template along a message: from its key fragment outward, each fragment at the nearest place.

Never goes back on a choice, so that the work is bounded by the number of fragments. Pure. Read next: `cover`.
"""

from bisect import bisect_left, bisect_right
from typing import NamedTuple

from headgate.prompts.matching.anchors import Occurrences
from headgate.prompts.matching.compiling import FRAGMENT_MIN, Compiled, Step
from headgate.prompts.matching.texts import Text

SEARCHED_MAX = 1_000_000
"""Characters in which a fragment without an anchor is looked for."""
STEPS_MAX = 50_000
"""Fragments sought in one message; after that no further template is laid along it."""


class Chain(NamedTuple):
    """Where the fragments of one rendering stand: step, and start and end in the canonical text, in order."""

    places: tuple[tuple[Step, int, int], ...]

    @property
    def literal(self) -> int:
        """Characters that the fragments cover."""
        return sum(end - start for _, start, end in self.places)

    @property
    def spans(self) -> tuple[tuple[int, int], ...]:
        """Start and end of each fragment."""
        return tuple((start, end) for _, start, end in self.places)


class Chaining:
    """What is known of one message while templates are laid along it; `steps` counts the fragments sought."""

    def __init__(self, message: Text, occurrences: Occurrences, texts: list[str], without: set[int]) -> None:
        self._canonical = message.canonical
        self._positions = occurrences.positions
        self._texts = texts
        self._without = without
        self.steps = 0

    def chains(self, template: Compiled) -> list[Chain]:
        """Return the renderings of a template in the message."""
        positions = self._positions
        self.steps += 1
        if self.steps > STEPS_MAX or not template.needed <= positions.keys():
            return []
        key = template.steps[template.key]
        made: list[Chain] = []
        low = 0
        places = positions[key.number]
        for index, start in enumerate(places):
            if start < low:
                continue
            high = len(self._canonical)
            if template.is_key_single and index + 1 < len(places):
                high = places[index + 1]
            chain = self._chain(template, start, low if template.is_key_single else 0, high)
            if chain is not None:
                made.append(chain)
                low = chain.places[-1][2]
        return made

    def _chain(self, template: Compiled, start: int, low: int, high: int) -> Chain | None:
        steps, key = template.steps, template.key
        end = start + steps[key].length
        right = self._onward(steps[key + 1 :], end, max(high, end))
        if right is None:
            return None
        left = self._backward(steps[:key], low, start)
        if left is None:
            return None
        places = [*left, (steps[key], start, end), *right]
        return (
            Chain(tuple(places)) if not template.is_whole_only or self._is_whole(template, places) else None
        )

    def _is_whole(self, template: Compiled, places: list[tuple[Step, int, int]]) -> bool:
        """Whether a rendering fills the message; its outer fragments are moved to the message's ends."""
        length = len(self._canonical)
        first, last = places[0][0], places[-1][0]
        if template.begins and places[0][1] != 0:
            if len(places) == 1 or not self._canonical.startswith(self._texts[first.number]):
                return False
            places[0] = (first, 0, first.length)
        if template.ends and places[-1][2] != length:
            if len(places) == 1 or not self._canonical.endswith(self._texts[last.number]):
                return False
            places[-1] = (last, length - last.length, length)
        return True

    def _onward(self, steps: tuple[Step, ...], low: int, high: int) -> list[tuple[Step, int, int]] | None:
        """Place fragments after a position, each as early as can be; optional ones where there is room."""
        placed: list[tuple[Step, int, int]] = []
        waiting: list[Step] = []
        for step in steps:
            if step.is_optional:
                waiting.append(step)
                continue
            start = self._first(step, low, high)
            if start is None:
                return None
            placed.extend(self._optional(waiting, low, start))
            waiting.clear()
            low = start + step.length
            placed.append((step, start, low))
        placed.extend(self._optional(waiting, low, high))
        return placed

    def _backward(self, steps: tuple[Step, ...], low: int, high: int) -> list[tuple[Step, int, int]] | None:
        """Place fragments before a position, each as late as can be."""
        placed: list[tuple[Step, int, int]] = []
        waiting: list[Step] = []
        for step in reversed(steps):
            if step.is_optional:
                waiting.insert(0, step)
                continue
            start = self._last(step, low, high)
            if start is None:
                return None
            placed[:0] = self._optional(waiting, start + step.length, high)
            waiting.clear()
            high = start
            placed.insert(0, (step, start, start + step.length))
        placed[:0] = self._optional(waiting, low, high)
        return placed

    def _optional(self, steps: list[Step], low: int, high: int) -> list[tuple[Step, int, int]]:
        placed: list[tuple[Step, int, int]] = []
        for step in steps:
            start = self._first(step, low, high)
            if start is not None:
                low = start + step.length
                placed.append((step, start, low))
        return placed

    def _first(self, step: Step, low: int, high: int) -> int | None:
        self.steps += 1
        if step.weight < FRAGMENT_MIN or step.number in self._without:
            start = self._canonical.find(self._texts[step.number], low, min(high, low + SEARCHED_MAX))
            return start if start >= 0 else None
        places = self._positions.get(step.number, [])
        index = bisect_left(places, low)
        if index < len(places) and places[index] + step.length <= high:
            return places[index]
        return None

    def _last(self, step: Step, low: int, high: int) -> int | None:
        self.steps += 1
        if step.weight < FRAGMENT_MIN or step.number in self._without:
            start = self._canonical.rfind(self._texts[step.number], max(low, high - SEARCHED_MAX), high)
            return start if start >= 0 else None
        places = self._positions.get(step.number, [])
        index = bisect_right(places, high - step.length) - 1
        if index >= 0 and places[index] >= low:
            return places[index]
        return None

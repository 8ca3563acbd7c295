"""Which steps of a trace determined how long it took, and how long each ran alone. Pure.

The path is read backwards from the end (as CRISP does: Zhang et al., "CRISP: Critical Path Analysis of
Large-Scale Microservice Architectures", USENIX ATC 2022): the step below that ended last held its parent up;
before that one began, the one that had ended last by then; what is left is the parent's own. A step that
outlives its parent holds the trace up, not the parent. Read next: `reading.tree`.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

OVERLAP_US: Final = 1000
"""A step may seem to end so long after the next began and still have been waited for: clocks are coarse."""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """A step by its times (microseconds of any clock). `parent` is its place in the sequence, None at a root;
    `clock` says whose clock told."""

    start_us: int
    end_us: int
    parent: int | None
    clock: str = ""


class Segment(msgspec.Struct, frozen=True):
    """A stretch of time in which a step, and nothing below it, held the trace up."""

    step: int
    start_us: int
    end_us: int


class Timing(msgspec.Struct, frozen=True, kw_only=True):
    """What the times of a trace come to. `segments` are in the order of time, `self_us` by step."""

    segments: list[Segment]
    self_us: list[int]


def timing(steps: Sequence[Step]) -> Timing:
    """Return the critical path and each step's own time. Parents lead to a root: there are no cycles."""
    family = _Family(steps)
    return Timing(segments=_path(family), self_us=[_own(family, step) for step in range(len(steps))])


class _Family:
    """Steps with the ones below each, and their times by one clock."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self.below: list[list[int]] = [[] for _ in steps]
        self.roots: list[int] = []
        for place, step in enumerate(steps):
            (self.roots if step.parent is None else self.below[step.parent]).append(place)
        self.start = [step.start_us for step in steps]
        self.end = [max(step.start_us, step.end_us) for step in steps]
        order = self._align(steps)
        self.last = list(self.end)
        """When the last step of each one's subtree ended."""
        for place in reversed(order):
            parent = steps[place].parent
            if parent is not None:
                self.last[parent] = max(self.last[parent], self.last[place])

    def _align(self, steps: Sequence[Step]) -> list[int]:
        """Move what another clock says began before its parent; return the steps, parents first."""
        moved = [0] * len(steps)
        order = list(self.roots)
        for place in order:
            for child in self.below[place]:
                if steps[child].clock == steps[place].clock:
                    moved[child] = moved[place]
                elif self.start[child] < self.start[place]:
                    slack = (self.end[place] - self.start[place]) - (self.end[child] - self.start[child])
                    moved[child] = self.start[place] + max(0, slack // 2) - self.start[child]
                self.start[child] += moved[child]
                self.end[child] += moved[child]
                order.append(child)
        return order


def _path(family: _Family) -> list[Segment]:
    if not family.roots:
        return []
    begins = min(family.start[root] for root in family.roots)
    ends = max(family.last[root] for root in family.roots)
    found: list[Segment] = []
    waiting = _held_up(family, family.roots, begins, ends)[0]
    while waiting:
        step, since, until = waiting.pop()
        held, gaps = _held_up(family, family.below[step], since, until)
        waiting.extend(held)
        for begin, end in gaps:
            begin, end = max(begin, family.start[step]), min(end, family.end[step])
            if begin < end:
                found.append(Segment(step, begin, end))
    return sorted(found, key=lambda segment: (segment.start_us, segment.end_us))


def _held_up(
    family: _Family, below: Sequence[int], since: int, until: int
) -> tuple[list[tuple[int, int, int]], list[tuple[int, int]]]:
    """Return which of some steps held up what ran from `since` to `until`, each with its own such times, and
    the time between them."""
    held: list[tuple[int, int, int]] = []
    gaps: list[tuple[int, int]] = []
    for child in sorted(below, key=lambda place: (family.last[place], family.start[place]), reverse=True):
        # One that began before its parent holds nobody up before that.
        begin, end = max(since, family.start[child]), family.last[child]
        if end > until + OVERLAP_US or begin >= until or end <= since:
            continue
        held.append((child, begin, min(end, until)))
        gaps.append((end, until))
        until = begin
    gaps.append((since, until))
    return held, gaps


def _own(family: _Family, step: int) -> int:
    """The time of a step in which none below it ran."""
    begin, end = family.start[step], family.end[step]
    own, covered = end - begin, begin
    for child in sorted(family.below[step], key=lambda place: family.start[place]):
        since, until = max(covered, family.start[child]), min(end, family.end[child])
        if since < until:
            own -= until - since
            covered = until
    return own

"""Which step stands inside which: answered at once, whatever parents spans name. Pure."""

from collections.abc import Sequence

from headgate.traces.lineage.model import Step


class Tree:
    """The steps of a trace as a forest. A parent that isn't there, or a ring of parents, makes a root."""

    def __init__(self, steps: Sequence[Step]) -> None:
        places = {step.id: place for place, step in enumerate(steps)}
        self._children: list[list[int]] = [[] for _ in steps]
        self._enters = [-1] * len(steps)
        self._leaves = [-1] * len(steps)
        self._depths = [0] * len(steps)
        self._clock = 0
        roots: list[int] = []
        self.parents: list[int | None] = [None] * len(steps)
        for place, step in enumerate(steps):
            parent = places.get(step.parent) if step.parent else None
            if parent is None or parent == place:
                roots.append(place)
            else:
                self.parents[place] = parent
                self._children[parent].append(place)
        for place in roots:
            self._walk(place)
        for place in range(len(steps)):
            if self._enters[place] < 0:  # in a ring, which is cut where it is first met
                cut = self.parents[place]
                if cut is not None:
                    self._children[cut].remove(place)
                self.parents[place] = None
                self._walk(place)

    def _walk(self, root: int) -> None:
        waiting = [(root, 0, False)]
        while waiting:
            place, depth, is_done = waiting.pop()
            self._clock += 1
            if is_done:
                self._leaves[place] = self._clock
                continue
            self._enters[place] = self._clock
            self._depths[place] = depth
            waiting.append((place, depth, True))
            waiting.extend((child, depth + 1, False) for child in self._children[place])

    def depth(self, place: int) -> int:
        """Return how many steps stand around a step."""
        return self._depths[place]

    def has_children(self, place: int) -> bool:
        """Say whether other steps stand inside."""
        return bool(self._children[place])

    def children(self, place: int) -> list[int]:
        """Return the steps right inside."""
        return self._children[place]

    def is_inside(self, place: int, other: int) -> bool:
        """Say whether a step stands inside another one, at any depth."""
        return self._enters[other] < self._enters[place] and self._leaves[place] < self._leaves[other]

"""The tree of a trace's spans, whatever they say of their parents. Pure.

A parent that is missing makes a root; of spans that go round in a circle, the one with the smallest id does.
"""

from collections.abc import Iterator, Mapping


class Tree:
    """Spans by id: `parent` (None at a root), `depth` (0 at a root), and all of them, the deepest first."""

    def __init__(self, parents: Mapping[int, int | None]) -> None:
        self.parent: dict[int, int | None] = {
            span: parent if parent in parents else None for span, parent in parents.items()
        }
        self.depth: dict[int, int] = {}
        for span in sorted(self.parent):
            self._find_depth(span)
        self.deepest_first = sorted(self.depth, key=lambda span: (-self.depth[span], span))

    def upward(self, span: int) -> Iterator[int]:
        """Walk from the span itself up to its root."""
        here: int | None = span
        while here is not None:
            yield here
            here = self.parent[here]

    def _find_depth(self, span: int) -> None:
        way: dict[int, None] = {}
        here: int | None = span
        while here is not None and here not in self.depth and here not in way:
            way[here] = None
            here = self.parent[here]
        if here is not None and here in way:
            steps = list(way)
            self.parent[min(steps[steps.index(here) :])] = None
            self._find_depth(span)
            return
        depth = -1 if here is None else self.depth[here]
        for step in reversed(way):
            depth += 1
            self.depth[step] = depth

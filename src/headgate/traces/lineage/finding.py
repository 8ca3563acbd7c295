"""Which text of one step went into which other step: one sweep over a trace in time. Pure.

Every input is looked up among what was there when its step began: outputs of steps that had ended, and
inputs of the steps around it. An output is looked up among outputs of the steps below it, and, where there
are none, among the sources of its own input. Each word is credited once: to the longest stretch; among
equals to the step that made it rather than to one around it that passed it on; then to the latest, so that
boilerplate that stands in many steps is credited to the nearest. Text that stood in an earlier input keeps
the source found there.
Read next: `traces.lineage.structure`, `traces.lineage.shares`.
"""

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from headgate.traces.lineage.matching import Index, Stretch, worth
from headgate.traces.lineage.model import Edge, Fragment, Step, Text
from headgate.traces.lineage.tree import Tree
from headgate.traces.lineage.words import Piece, Pieces

SEEN_MAX: Final = 64
"""How many of the latest steps that hold the same text are considered."""


class Held(msgspec.Struct, frozen=True):
    """A source where it stands: a text of a step, there from a moment on. `around`: only for steps inside."""

    step: int
    text: Text
    around: bool


class Credit(msgspec.Struct, frozen=True):
    """A stretch of a step's text and where it comes from."""

    held: Held
    stretch: Stretch


class Target(msgspec.Struct, frozen=True):
    """A text of a step, what of it is credited, and whether it stood in an earlier step's input."""

    step: int
    text: Text
    piece: Piece
    credits: list[Credit]
    repeated: bool
    is_output: bool


class Finder:
    """The sweep: goes through the steps in time and remembers what they held."""

    def __init__(self, steps: Sequence[Step], tree: Tree, pieces: Pieces) -> None:
        self._steps = steps
        self._tree = tree
        self._pieces = pieces
        self._index = Index()
        self._held: dict[int, list[Held]] = {}
        self._first: dict[int, list[Stretch]] = {}
        self._sources: dict[int, set[int]] = {}

    def targets(self) -> Iterator[Target]:
        """Yield every text of an input, and of outputs what is credited."""
        for place, begins in self._moments():
            step = self._steps[place]
            if begins:
                for text in step.own:
                    self._hold(place, text, around=True)
                for text in step.inputs:
                    yield self._input(place, text)
                if self._tree.has_children(place):
                    for text in step.inputs:
                        self._hold(place, text, around=True)
            else:
                for text in step.outputs:
                    found = self._output(place, text)
                    if found is not None:
                        yield found
                for text in step.outputs:
                    self._hold(place, text, around=False)

    def _moments(self) -> list[tuple[int, bool]]:
        """Return beginnings and ends in time; what has ended at a moment is there for what begins then."""
        moments: list[tuple[tuple[int, int, int, int], int, bool]] = []
        for place, step in enumerate(self._steps):
            depth = self._tree.depth(place)
            instant = step.end_us == step.start_us
            moments.append(((step.start_us, 1, depth, place), place, True))
            moments.append(((step.end_us, 2 if instant else 0, -depth, place), place, False))
        return [(place, begins) for _, place, begins in sorted(moments)]

    def _hold(self, place: int, text: Text, *, around: bool) -> None:
        piece = self._pieces.of(text.value)
        held = self._held.setdefault(id(piece), [])
        held.append(Held(place, text, around))
        if len(held) > SEEN_MAX:
            del held[0]
        self._index.add(piece)

    def _input(self, place: int, text: Text) -> Target:
        piece = self._pieces.of(text.value)
        repeated = id(piece) in self._first
        stretches = self._known(piece, place)
        found = self._credited(stretches, place)
        self._sources.setdefault(place, set()).update(id(each.stretch.source) for each in found)
        return Target(place, text, piece, found, repeated, False)

    def _known(self, piece: Piece, place: int) -> list[Stretch]:
        """Return what is credited of an input: all of it, or as when it first stood in one, or looked up."""
        whole = Stretch(piece, 0, 0, len(piece.words))
        if piece.words and worth(piece, whole) and self._nearest(piece, place) is not None:
            self._first.setdefault(id(piece), [whole])
            return [whole]
        found = self._first.get(id(piece))
        if found is None or any(self._nearest(each.source, place) is None for each in found):
            found = self._index.match(piece, lambda source: self._rank(source, place))
            self._first.setdefault(id(piece), found)
        return found

    def _output(self, place: int, text: Text) -> Target | None:
        piece = self._pieces.of(text.value)
        below = self._tree.has_children(place)
        sources = self._sources.get(place, set())
        if not below and not sources:
            return None

        def rank(source: Piece) -> tuple[int, ...] | None:
            if not below and id(source) not in sources:
                return None
            return self._rank(source, place, inside=below)

        whole = Stretch(piece, 0, 0, len(piece.words))
        if piece.words and worth(piece, whole) and rank(piece) is not None:
            stretches = [whole]
        else:
            stretches = self._index.match(piece, rank)
        found = self._credited(stretches, place, inside=below)
        return Target(place, text, piece, found, False, True) if found else None

    def _credited(self, stretches: Sequence[Stretch], place: int, *, inside: bool = False) -> list[Credit]:
        held = ((self._nearest(each.source, place, inside=inside), each) for each in stretches)
        return [Credit(one, each) for one, each in held if one is not None]

    def _rank(self, source: Piece, place: int, *, inside: bool = False) -> tuple[int, ...] | None:
        held = self._nearest(source, place, inside=inside)
        if held is None:
            return None
        step = self._steps[held.step]
        return (step.start_us if held.around else step.end_us, self._tree.depth(held.step), held.step)

    def _nearest(self, source: Piece, place: int, *, inside: bool = False) -> Held | None:
        """Return the latest step that may have given a text to a step, and that made it itself."""
        nearest: Held | None = None
        for held in reversed(self._held.get(id(source), ())):
            if not self._may_give(held, place, inside=inside):
                continue
            if nearest is None or (not held.around and self._tree.is_inside(held.step, nearest.step)):
                nearest = held
        return nearest

    def _may_give(self, held: Held, place: int, *, inside: bool) -> bool:
        if held.step == place:
            return held.around and held.text.kind in ("prompt", "variable")
        if inside:
            return not held.around and self._tree.is_inside(held.step, place)
        return not held.around or self._tree.is_inside(place, held.step)


def edges_of(target: Target, steps: Sequence[Step]) -> list[Edge]:
    """Return the edges into one text, a source's fragments together, in the order of the text."""
    gathered: dict[tuple[int, str], list[Credit]] = {}
    for credit in target.credits:
        gathered.setdefault((credit.held.step, credit.held.text.part), []).append(credit)
    edges: list[Edge] = []
    for (step, part), credited in gathered.items():
        fragments = [_fragment(target.piece, credit.stretch) for credit in credited]
        source = credited[0].held.text.value
        edges.append(
            Edge(
                from_span=steps[step].id,
                from_part=part,
                to_span=steps[target.step].id,
                to_part=target.text.part,
                how="content",
                fragments=fragments,
                share_of_source=_union([(one.from_start, one.from_end) for one in fragments]) / len(source),
                share_of_input=_union([(one.to_start, one.to_end) for one in fragments])
                / len(target.text.value),
                repeated=target.repeated,
            )
        )
    return edges


def _fragment(piece: Piece, stretch: Stretch) -> Fragment:
    from_start, from_end = stretch.source.span(stretch.from_first, stretch.from_first + stretch.length)
    to_start, to_end = piece.span(stretch.to_first, stretch.to_first + stretch.length)
    return Fragment(from_start, from_end, to_start, to_end)


def _union(ranges: list[tuple[int, int]]) -> int:
    """How many characters stand in at least one of these ranges."""
    total = reached = 0
    for start, end in sorted(ranges):
        total += max(0, end - max(start, reached))
        reached = max(reached, end)
    return total

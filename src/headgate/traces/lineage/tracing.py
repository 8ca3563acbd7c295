"""The lineage of a trace, whole or followed back from one step. Pure.

Read next: `traces.lineage.http`.
"""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from headgate.traces.lineage.finding import Finder, Target, edges_of
from headgate.traces.lineage.model import Context, Edge, LeftOut, Lineage, Step
from headgate.traces.lineage.shares import context_of
from headgate.traces.lineage.structure import structural_edges
from headgate.traces.lineage.tree import Tree
from headgate.traces.lineage.words import CHARACTERS_MAX, Pieces

STEPS_MAX: Final = 30_000
EDGES_MAX: Final = 20_000
"""How many edges an answer holds; what text repeats goes first."""
TEXTS_MAX: Final = 200_000
"""How many texts of inputs are looked at, however often each stands there."""
MODELS: Final = ("llm", "embedding", "reranker")
"""Steps whose input is a model's context."""


def lineage(
    steps: Sequence[Step], *, characters_max: int = CHARACTERS_MAX, edges_max: int = EDGES_MAX
) -> Lineage:
    """Return which text went where in a trace, and the shares of what its models read."""
    kept = sorted(steps, key=lambda step: (step.start_us, step.id))[:STEPS_MAX]
    tree = Tree(kept)
    pieces = Pieces(characters_max)
    first: list[Edge] = []
    again: list[Edge] = []
    contexts: list[Context] = []
    inputs: dict[int, list[Target]] = {}
    texts = edges_left_out = 0
    for target in Finder(kept, tree, pieces).targets():
        texts += 1
        if texts > TEXTS_MAX:
            continue
        if not target.repeated:
            first.extend(edges_of(target, kept))
        elif len(again) < edges_max:
            again.extend(edges_of(target, kept))
        else:
            edges_left_out += len(target.credits)
        if not target.is_output and kept[target.step].kind in MODELS:
            inputs.setdefault(target.step, []).append(target)
    for place, targets in inputs.items():
        context = context_of(kept[place], targets, kept)
        if context is not None:
            contexts.append(context)
    edges = with_structure([*first, *again], structural_edges(kept, tree))
    ordered = sorted(edges, key=lambda edge: edge.repeated)
    left_out = LeftOut(
        spans=len(steps) - len(kept),
        texts=pieces.texts_left_out + max(0, texts - TEXTS_MAX),
        characters=pieces.characters_left_out,
        edges=edges_left_out + max(0, len(ordered) - edges_max),
    )
    return Lineage(edges=ordered[:edges_max], contexts=contexts, left_out=left_out)


def with_structure(found: Sequence[Edge], structural: Iterable[Edge]) -> list[Edge]:
    """Add what only structure says: an edge between texts of which content says more stands once."""
    known: set[tuple[str, ...]] = set()
    for edge in found:
        known.add((edge.from_span, edge.to_span, edge.to_part))
        known.add((edge.from_span, edge.from_part.split("/")[1], edge.to_span, edge.to_part.split("/")[1]))
    edges = list(found)
    for edge in structural:
        whole = edge.to_part in ("/input", "/output")
        exact = (edge.from_span, edge.to_span, edge.to_part)
        fields = (edge.from_span, edge.from_part.split("/")[1], edge.to_span, edge.to_part.split("/")[1])
        if exact not in known and not (whole and fields in known):
            known.add(exact)
            edges.append(edge)
    return edges


def follow(whole: Lineage, span: str) -> Lineage:
    """Return the edges on the ways back from one step: into its output and input, and on from each source.

    What went into a step's output may be anything that it read, so a way goes on with all of its input.
    """
    into: dict[str, list[Edge]] = {}
    for edge in whole.edges:
        into.setdefault(edge.to_span, []).append(edge)
    reached = {span}
    waiting = [span]
    kept: list[Edge] = []
    while waiting:
        for edge in into.get(waiting.pop(), ()):
            kept.append(edge)
            if edge.from_span not in reached:
                reached.add(edge.from_span)
                waiting.append(edge.from_span)
    contexts = [context for context in whole.contexts if context.span in reached]
    return msgspec.structs.replace(whole, edges=kept, contexts=contexts)

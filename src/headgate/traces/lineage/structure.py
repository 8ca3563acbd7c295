"""Edges that ids and the tree say, whatever the texts are: how short answers are followed. Pure.

A tool's result goes where its call's id stands; an answer goes where its response id is named as the
previous one; a linked span's output goes into the span that links to it; and a step that is alone with its
parent passes on what both hold word for word.
"""

from collections.abc import Iterator, Sequence

from headgate.traces.lineage.model import Edge, Step, Text
from headgate.traces.lineage.tree import Tree


def structural_edges(steps: Sequence[Step], tree: Tree) -> Iterator[Edge]:
    """Yield the edges that the structure of a trace says, none of which goes back in time."""
    yield from _tool_edges(steps, tree)
    yield from _answer_edges(steps)
    yield from _tree_edges(steps, tree)


def _tool_edges(steps: Sequence[Step], tree: Tree) -> Iterator[Edge]:
    made: dict[str, tuple[Step, Text]] = {}
    for step in sorted(steps, key=lambda each: each.end_us):
        for text in step.outputs:
            # An agent's output may hold its models' calls again: the first to end made it.
            if text.kind == "tool_call" and text.call_id:
                made.setdefault(text.call_id, (step, text))
    ran = _runs(steps, tree, made)
    for call_id, (step, text) in made.items():
        tool = ran.get(call_id)
        if tool is not None and step.end_us <= tool.start_us:
            yield _edge((step.id, text.part), (tool.id, "/input"))
    for step in steps:
        for text in step.inputs:
            if text.kind != "tool_result" or not text.call_id:
                continue
            tool = ran.get(text.call_id)
            if tool is not None and tool is not step and tool.end_us <= step.start_us:
                yield _edge((tool.id, "/output"), (step.id, text.part))


def _runs(steps: Sequence[Step], tree: Tree, made: dict[str, tuple[Step, Text]]) -> dict[str, Step]:
    """The tool step of each call: by its id, else by name where calls and runs of that name are as many."""
    deepest_last = sorted(range(len(steps)), key=tree.depth)
    tools = [steps[place] for place in deepest_last if steps[place].kind == "tool"]
    ran: dict[str, Step] = {}
    for step in tools:
        if step.call_id:
            ran.setdefault(step.call_id, step)
    calls: dict[str, list[tuple[str, Step]]] = {}
    for call_id, (step, text) in made.items():
        if call_id not in ran and text.name:
            calls.setdefault(text.name, []).append((call_id, step))
    runs: dict[str, list[Step]] = {}
    for step in tools:
        if not step.call_id and step.tool:
            runs.setdefault(step.tool, []).append(step)
    for name, asked in calls.items():
        answered = sorted(runs.get(name, ()), key=lambda each: each.start_us)
        if len(asked) == len(answered):
            pairs = zip(asked, answered, strict=True)
            ran |= {call_id: tool for (call_id, step), tool in pairs if step.end_us <= tool.start_us}
    return ran


def _answer_edges(steps: Sequence[Step]) -> Iterator[Edge]:
    answered = {step.response_id: step for step in steps if step.response_id}
    known = {step.id: step for step in steps}
    for step in steps:
        sources = [answered.get(step.previous_response_id), *(known.get(link) for link in step.links)]
        for source in sources:
            if source is not None and source is not step and source.end_us <= step.start_us:
                yield _edge((source.id, "/output"), (step.id, "/input"))


def _tree_edges(steps: Sequence[Step], tree: Tree) -> Iterator[Edge]:
    for place, parent in enumerate(steps):
        children = tree.children(place)
        for child in children:
            if parent.start_us <= steps[child].start_us:
                yield from _passed_on((parent, parent.inputs), (steps[child], steps[child].inputs))
        if children:
            last = steps[max(children, key=lambda child: (steps[child].end_us, child))]
            if last.end_us <= parent.end_us:
                yield from _passed_on((last, last.outputs), (parent, parent.outputs))


def _passed_on(source: tuple[Step, Sequence[Text]], target: tuple[Step, Sequence[Text]]) -> Iterator[Edge]:
    there = {text.value.strip(): text.part for text in source[1] if text.value.strip()}
    for text in target[1]:
        part = there.get(text.value.strip())
        if part is not None:
            yield _edge((source[0].id, part), (target[0].id, text.part))


def _edge(source: tuple[str, str], target: tuple[str, str]) -> Edge:
    return Edge(
        from_span=source[0], from_part=source[1], to_span=target[0], to_part=target[1], how="structure"
    )

"""Lineage on recorded exchanges: results of tools are found, by content alone, where they stand."""

import gzip
import json
from pathlib import Path
from typing import Any

import msgspec

from headgate.traces.lineage.calls import with_call
from headgate.traces.lineage.matching import SHARED_BYTES_MIN, SHARED_WORDS_MIN
from headgate.traces.lineage.model import Step
from headgate.traces.lineage.texts import Fields, with_texts
from headgate.traces.lineage.tracing import lineage
from headgate.traces.lineage.words import words_of


def recorded_steps(path: Path) -> list[Step]:
    """The requests of all recorded exchanges as steps, one after the other."""
    steps: list[Step] = []
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            exchange: dict[str, Any] = json.loads(line)
            at = number * 1000
            bare = Step(id=exchange["id"], kind="llm", start_us=at + 500, end_us=at + 600)
            request = json.dumps(exchange["request"]).encode()
            steps.append(with_call(bare, exchange["dialect"], request, b"", ""))
    return steps


def results_of(step: Step) -> list[str]:
    """Results of tools in a request that are long enough to be known by their content."""
    texts = (text.value for text in step.inputs if text.kind == "tool_result")
    return [
        text for text in texts if len(words_of(text)) >= SHARED_WORDS_MIN and len(text) >= SHARED_BYTES_MIN
    ]


def without_ids(step: Step) -> Step:
    inputs = tuple(msgspec.structs.replace(text, call_id="") for text in step.inputs)
    return msgspec.structs.replace(step, inputs=inputs)


def test_results_of_tools_are_found_in_the_requests_that_hold_them(recorded_path: Path) -> None:
    steps = recorded_steps(recorded_path)
    first: dict[str, Step] = {}
    truth: set[tuple[str, str]] = set()
    for step in steps:
        for result in results_of(step):
            if result not in first:
                at = step.start_us
                tool = Step(id=f"tool-{len(first)}", kind="tool", start_us=at - 200, end_us=at - 100)
                first[result] = with_texts(tool, Fields(output=json.dumps(result)))
            truth.add((first[result].id, step.id))
    found = lineage([*(without_ids(step) for step in steps), *first.values()], edges_max=100_000)
    content = [edge for edge in found.edges if edge.how == "content" and edge.to_part.startswith("/request")]
    results = {(step.id, text.part) for step in steps for text in step.inputs if text.kind == "tool_result"}
    into_results = {
        (edge.from_span, edge.to_span) for edge in content if (edge.to_span, edge.to_part) in results
    }
    right = len(into_results & truth)
    assert len(truth) > 100
    assert right / len(truth) >= 0.99
    assert right / len(into_results) >= 0.99

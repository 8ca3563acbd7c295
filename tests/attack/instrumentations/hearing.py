"""What each instrumentation says of the two calls, beside what the provider said: a mark a subject.

`same`: what the provider said. `part`: some of it. `unsaid`: the instrumentation says nothing of it. Anything
else fails: a span that is read must not say what the provider didn't.
"""

import datetime
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

import msgspec
from tests.attack.instrumentations.answering import ANSWER, ANSWERED, ASKED, CALL, MODEL
from tests.attack.instrumentations.instrumentation_runs import FIXTURES

from headgate.catalog.prices import cost, facts_for
from headgate.traces.conventions.priced import priced
from headgate.traces.conventions.resolve import resolve
from headgate.traces.model import RawSpan, Span
from headgate.wire.usage import usage_of

Mark = Literal["same", "part", "unsaid"]
SUBJECTS: Final = (
    "model",
    "provider",
    "response id",
    "input",
    "output",
    "tools",
    "input tokens",
    "output tokens",
    "cached",
    "reasoning",
    "finish reason",
    "first token",
    "cost",
)

CALLED: Final = ("tool_call", "get_weather", {"city": "Paris"})
ASKS: Final = [("system", [("text", "Be brief.")]), ("user", [("text", "What is the weather in Paris?")])]
TOLD: Final = [
    *ASKS,
    ("assistant", [CALLED]),
    ("tool", [("tool_call_response", CALL["id"], "18 degrees, sunny")]),
]
INPUTS: Final = {ASKED["id"]: ASKS, ANSWERED["id"]: TOLD}
OUTPUTS: Final = {
    ASKED["id"]: [("assistant", [CALLED])],
    ANSWERED["id"]: [("assistant", [("text", ANSWER)])],
}
REASONS: Final = {"stop": "stop", "tool_calls": "tool_calls", "tool_call": "tool_calls"}
"""Finish reasons, and OpenAI's word: OpenTelemetry has one of its own."""


def recorded(name: str) -> list[RawSpan]:
    """What a program's exporter once sent."""
    return msgspec.json.decode((FIXTURES / f"{name}.json").read_bytes(), type=list[RawSpan])


def calls_in(spans: Sequence[RawSpan]) -> list[Span]:
    """The model calls among spans, read and priced, in order of time. Raises AssertionError unless two."""
    read = [priced(resolve(span)) for span in spans]
    found = sorted((span for span in read if span.kind == "llm"), key=lambda span: span.start_ns)
    assert len(found) == 2, [span.name for span in found]
    assert all(span.flags == () for span in read), [span.flags for span in read]
    return found


def marks_of(spans: Sequence[RawSpan]) -> dict[str, Mark]:
    """A mark for each subject, over both calls. Raises AssertionError where something else is said."""
    each = [call_marks(span, said) for span, said in zip(calls_in(spans), (ASKED, ANSWERED), strict=True)]
    return {subject: worst([marks[subject] for marks in each if subject in marks]) for subject in SUBJECTS}


def worst(marks: Sequence[Mark]) -> Mark:
    if len(set(marks)) == 1:
        return marks[0]
    return "part"


def call_marks(span: Span, said: Mapping[str, Any]) -> dict[str, Mark]:
    usage = usage_of("openai-chat", "chat", said["usage"])
    facts = facts_for("openai", MODEL, on=datetime.date(2026, 11, 22))
    tools = [definition.get("function", definition)["name"] for definition in json.loads(span.tools or "[]")]
    heard = span.usage
    assert heard is not None
    marks: dict[str, Mark] = {
        "model": mark(span.model, MODEL),
        "provider": mark(span.provider, "openai"),
        "response id": mark(span.response_id, said["id"]),
        "input": told(span.input, INPUTS[said["id"]]),
        "output": told(span.output, OUTPUTS[said["id"]]),
        "tools": mark(tools, ["get_weather"]),
        "input tokens": mark(heard.total_input, usage.total_input),
        "output tokens": mark(heard.total_output, usage.total_output),
        "cached": mark(heard.cache_read, usage.cache_read),
        "reasoning": mark(heard.reasoning, usage.reasoning),
        "finish reason": mark([REASONS[reason] for reason in span.finish_reasons], [said["finish_reason"]]),
    }
    # Without the cached tokens a call costs what it would have without a cache.
    plain = msgspec.structs.replace(usage, input=usage.total_input, cache_read=0)
    expected = cost(facts, plain if marks["cached"] == "unsaid" else usage)
    assert span.cost_pico_usd == expected, f"{span.cost_pico_usd} for {expected}"
    marks["cost"] = "part" if marks["cached"] == "unsaid" else "same"
    if span.first_token_ms is not None:
        assert 0 < span.first_token_ms <= (span.end_ns - span.start_ns) / 1e6
    if said is ANSWERED:
        marks["first token"] = "unsaid" if span.first_token_ms is None else "same"
    return marks


def mark(heard: object, said: object) -> Mark:
    if not heard:
        return "unsaid"
    assert heard == said, f"{heard!r} for {said!r}"
    return "same"


def told(text: str, said: Sequence[tuple[str, Sequence[tuple[Any, ...]]]]) -> Mark:
    if not text:
        return "unsaid"
    heard = [
        (role_of(message), [plain_part(part) for part in message["parts"]]) for message in json.loads(text)
    ]
    if heard == said:
        return "same"
    # What wasn't captured is left out, in its place; what was is the same.
    assert len(heard) == len(said), f"{heard} for {said}"
    for (role, parts), (role_said, parts_said) in zip(heard, said, strict=True):
        assert role == role_said and parts in ([], parts_said), f"{parts} for {parts_said}"
    return "part"


def role_of(message: Mapping[str, Any]) -> str:
    """pydantic-ai sends what a tool gave as the user's."""
    kinds = {part["type"] for part in message["parts"]}
    return "tool" if kinds == {"tool_call_response"} else message["role"]


def plain_part(part: Mapping[str, Any]) -> tuple[Any, ...]:
    match part["type"]:
        case "tool_call":
            return ("tool_call", part["name"], part["arguments"])
        case "tool_call_response":
            return ("tool_call_response", part["id"], part["response"])
        case kind:
            return (kind, part["content"])

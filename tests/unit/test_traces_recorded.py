"""What real instrumentations exported is read as the provider said it; a table says how much that is."""

import pytest
from tests.attack.instrumentations.hearing import calls_in, marks_of, recorded
from tests.attack.instrumentations.instrumentation_page import PAGE, page
from tests.attack.instrumentations.instrumentation_runs import FIXTURES, NAMES, ROOT

from headgate.traces.conventions.resolve import resolve

CONVENTIONS = {
    "haystack": "openinference",
    "langfuse": "langfuse",
    "langgraph": "openinference",
    "openai_v2": "otel",
    "openai_v2_logs": "otel",
    "openinference": "openinference",
    "openllmetry": "traceloop",
    "pydantic_ai": "pydantic-ai",
}


@pytest.mark.parametrize("name", NAMES)
def test_a_span_says_what_the_provider_said(name: str) -> None:
    marks = marks_of(recorded(name))
    assert {marks[subject] for subject in ("model", "output", "input tokens", "output tokens")} == {"same"}
    assert {span.convention for span in calls_in(recorded(name))} == {CONVENTIONS[name]}


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_kept_twice(name: str) -> None:
    for span in map(resolve, recorded(name)):
        if span.kind == "llm":
            assert "What is the weather in Paris?" in span.input
            assert "What is the weather in Paris?" not in span.attributes


def test_the_page_is_what_the_fixtures_say() -> None:
    assert (ROOT / PAGE).read_text() == page(), "run `make reference`"


def test_who_asks_and_for_whom_is_heard() -> None:
    for name in ("langfuse", "openinference"):
        for span in calls_in(recorded(name)):
            assert (span.user, span.session, span.tags) == ("user-1", "session-1", ("weather",))
    assert {span.agent for span in calls_in(recorded("pydantic_ai"))} == {"forecaster"}


def test_a_tool_is_heard() -> None:
    for name in ("langgraph", "pydantic_ai"):
        (tool,) = [span for span in map(resolve, recorded(name)) if span.kind == "tool"]
        assert (tool.tool, tool.output) == ("get_weather", '"18 degrees, sunny"')
        assert "Paris" in tool.input


def test_every_program_has_its_fixture() -> None:
    assert sorted(path.stem for path in FIXTURES.iterdir()) == list(NAMES)
    assert sorted(CONVENTIONS) == list(NAMES)

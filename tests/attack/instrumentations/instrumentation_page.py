"""Writes the table of instrumentations from what they exported.

    python -m tests.attack.instrumentations.instrumentation_page [FILE]

`make reference` calls it. A test holds the page against the fixtures, `make attack` those against a run.
"""

import sys
from pathlib import Path
from typing import Final

from tests.attack.instrumentations.hearing import SUBJECTS, Mark, marks_of, recorded
from tests.attack.instrumentations.instrumentation_runs import NAMES, ROOT

PAGE: Final = Path("docs") / "reference" / "instrumentations.md"
PINS: Final = ROOT / "constraints-instrumentations.txt"
SIGNS: Final[dict[Mark, str]] = {"same": "✓", "part": "~", "unsaid": "·"}
MEANINGS: Final[dict[Mark, str]] = {
    "same": "what the provider said",
    "part": "a part of it: in one of the calls, without what wasn't captured, or a cost without the discount "
    "of cached tokens that nobody told",
    "unsaid": "the instrumentation says nothing of it",
}
WHOSE: Final = {
    "openai_v2": ("OpenTelemetry", "opentelemetry-instrumentation-openai-v2"),
    "openai_v2_logs": ("OpenTelemetry, by logs", "opentelemetry-instrumentation-openai-v2"),
    "openllmetry": ("OpenLLMetry", "opentelemetry-instrumentation-openai"),
    "openinference": ("OpenInference", "openinference-instrumentation-openai"),
    "langfuse": ("Langfuse", "langfuse"),
    "langgraph": ("LangGraph by OpenInference", "openinference-instrumentation-langchain"),
    "pydantic_ai": ("pydantic-ai", "pydantic-ai-slim"),
    "haystack": ("Haystack by OpenInference", "openinference-instrumentation-haystack"),
}
"""The order of the table: each program's name for people, and its package."""


def page() -> str:
    """The whole page."""
    pins = dict(line.split("==") for line in PINS.read_text().splitlines() if "==" in line)
    assert set(WHOSE) == set(NAMES)
    lines = [
        "# Instrumentations",
        "<!-- Written by `make reference` from what instrumentations exported; change it there. -->\n",
        "Each was run unchanged, with its own exporter, around two model calls of the official client: one "
        "that asks for a tool, and one that answers, streamed by the client itself, whole by frameworks. "
        "Every subject of both calls was held against what the provider had said; nothing here contradicts "
        "it. What an instrumentation doesn't say, a call through Headgate does. The two are one in the trace "
        "where the client sends `traceparent` (its HTTP library is instrumented, or it does so itself) and "
        "the span that made the call is the instrumentation's; or, without that, where the instrumentation "
        "says the response id, whichever arrives first. Where it says neither, the call stands beside the "
        "trace. The programs are in `tests/attack/instrumentations/programs`.\n",
        "| Sign | Means |",
        "|---|---|",
        *(f"| {SIGNS[mark]} | {meaning} |" for mark, meaning in MEANINGS.items()),
        "",
        f"| Instrumentation | Package | {' | '.join(SUBJECTS)} |",
        "|---|---|" + ":-:|" * len(SUBJECTS),
    ]
    for name, (whose, package) in WHOSE.items():
        marks = marks_of(recorded(name))
        signs = " | ".join(SIGNS[marks[subject]] for subject in SUBJECTS)
        lines.append(f"| {whose} | {package} {pins[package]} | {signs} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    (Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / PAGE).write_text(page())

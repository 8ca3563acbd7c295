"""Langfuse's SDK, unchanged, against a running Headgate: its keys hold, and its scores are feedback, once."""

import time
from typing import Any

import pytest
from demo.running import Running, headgate
from tests.attack.instrumentations.instrumentation_runs import ENVIRONMENT, run_program

CONFIGURATION = '[providers.mock]\nkind = "mock"\n'
WAIT_S = 30.0


def said(running: Running) -> dict[str, Any]:
    """What was said, once all of it is there."""
    deadline = time.monotonic() + WAIT_S
    while True:
        found = {each["name"]: each for each in running.get("/feedback")["items"]}
        if len(found) == 3 or time.monotonic() > deadline:
            return found
        time.sleep(0.2)


@pytest.mark.timeout(200)
def test_its_keys_are_checked_and_its_scores_count_once() -> None:
    assert ENVIRONMENT.exists(), f"{ENVIRONMENT} is missing: run `make attack`, which makes it"
    with headgate(CONFIGURATION) as running:
        done = run_program("langfuse_scoring", running.url, running.url, running.make_key("langfuse"))
        assert done.returncode == 0, done.stderr[-3000:]
        trace = done.stdout.strip().splitlines()[-1]
        found = said(running)
        assert {name: each["value"] for name, each in found.items()} == {
            "relevant": 0.5,
            "helpful": True,
            "mood": "good",
        }
        assert found["relevant"]["trace_id"] == found["helpful"]["trace_id"] == trace
        assert found["relevant"]["span_id"] and found["relevant"]["comment"] == "so so"
        assert found["mood"]["session"] == "session-1"
        assert "rejected" not in done.stderr

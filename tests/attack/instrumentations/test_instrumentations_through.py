"""Programs with real instrumentations, through a running Headgate: calls and spans in, one trace out.

Each call is told of twice, by the gateway's record and by the instrumentation's span; it counts once. Of a
client that sends no `traceparent` the trace knows the span alone.
"""

import json
import time
from collections.abc import Generator
from decimal import Decimal
from typing import Any

import pytest
from demo.running import Running, headgate
from tests.attack.instrumentations.answering import ANSWERED, ASKED, MODEL, answering
from tests.attack.instrumentations.hearing import calls_in, recorded
from tests.attack.instrumentations.instrumentation_runs import ENVIRONMENT, NAMES, run_program

CONFIGURATION = """
[providers.weather]
kind = "openai"
base_url = "{url}/v1"
api_key = "env:WEATHER_KEY"

[models.gpt-5-mini]
targets = ["weather/gpt-5-mini"]
"""
# The provider gives the same ids to each program: a project apart keeps their calls from being joined.
PROJECTS = "".join(f'\n[projects.{name}]\nmodels = ["gpt-5-mini"]\n' for name in NAMES)
WAIT_S = 30.0
TOKENS = sum(said["usage"]["total_tokens"] for said in (ASKED, ANSWERED))
TRACED = ("openllmetry",)
"""Those that send `traceparent` with their calls, which the gateway's record then belongs to."""


@pytest.fixture(scope="module")
def house() -> Generator[Running]:
    assert ENVIRONMENT.exists(), f"{ENVIRONMENT} is missing: run `make attack`, which makes it"
    with answering() as server:
        configuration = CONFIGURATION.format(url=server.url) + PROJECTS
        with headgate(configuration, environment={"WEATHER_KEY": "anything"}) as running:
            yield running


def told(running: Running, name: str) -> list[dict[str, Any]]:
    """The traces of a project, once all its spans are there and counted."""
    deadline = time.monotonic() + WAIT_S
    while True:
        items = running.get("/traces", project=name)["items"]
        found = [running.get(f"/traces/{item['trace_id']}", project=name) for item in items]
        joined = [node for trace in found for node in trace["spans"] if "request_id" in node]
        whole = sum(item["spans"] for item in items) >= len(recorded(name))
        tokens = sum(sum(trace["usage"].values()) for trace in found)
        if whole and tokens >= TOKENS and (name not in TRACED or len(joined) == 2):
            return found
        assert time.monotonic() < deadline, json.dumps(found)
        time.sleep(0.5)


@pytest.mark.timeout(200)
@pytest.mark.parametrize("name", NAMES)
def test_a_call_that_is_told_of_twice_counts_once(house: Running, name: str) -> None:
    made = house.api.post("/keys", json={"name": name, "project": name, "may_assert": True}).json()
    done = run_program(name, house.url, house.url, made["key"])
    assert done.returncode == 0, done.stderr[-3000:]
    calls = house.wait_for_requests(2, project=name)
    traces = told(house, name)
    prompt = sum(said["usage"]["prompt_tokens"] for said in (ASKED, ANSWERED))
    completion = sum(said["usage"]["completion_tokens"] for said in (ASKED, ANSWERED))
    usages = [trace["usage"] for trace in traces]
    assert sum(usage["input"] + usage["cache_read"] for usage in usages) == prompt
    assert sum(usage["output"] + usage["reasoning"] for usage in usages) == completion
    assert {model for trace in traces for model in trace["models"]} & {MODEL, "gpt-5-mini"}
    counted = [node for trace in traces for node in trace["spans"] if node["counted"]]
    assert len(counted) == 2
    costs = {call["id"]: Decimal(call["cost_usd"]) for call in calls}
    spans = sorted(counted, key=lambda node: node["started_at"])
    said = [Decimal(span.cost_pico_usd or 0) / 10**12 for span in calls_in(recorded(name))]
    paid = [costs.get(node.get("request_id", ""), cost) for node, cost in zip(spans, said, strict=True)]
    assert sum(Decimal(trace["cost_usd"]) for trace in traces) == sum(paid)

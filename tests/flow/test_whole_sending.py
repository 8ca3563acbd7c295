"""The whole system sends its calls to collectors: with content, without, and to one that is away."""

import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import httpx
import msgspec
import pytest
from demo.running import Running, headgate
from tests.flow.collector import Collector, TakenSpan, closed_port

CANARY = "kestrel-4d5c6b7a"
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
CONFIG = """
[providers.shop]
kind = "mock"

[providers.only-anthropic]
kind = "mock"
dialects = ["anthropic"]

[prices."shop/small"]
input = "1"
output = "2"

[[exporters]]
name = "open"
endpoint = "{open}"
content = true
headers = {{ x-token = "env:COLLECTOR_TOKEN" }}

[[exporters]]
name = "closed"
endpoint = "{closed}"

[[exporters]]
name = "away"
endpoint = "http://127.0.0.1:{away}"
metrics = false
"""


class Place(msgspec.Struct, frozen=True):
    """A running Headgate and its collectors."""

    running: Running
    key: str
    open: Collector
    closed: Collector

    def ask(self, model: str, *, stream: bool = False) -> str:
        """One call of an application with a trace; returns its id."""
        given = httpx.post(
            f"{self.running.url}/v1/chat/completions",
            json={
                "model": model,
                "messages": [{"role": "user", "content": f"Say: {CANARY}"}],
                "stream": stream,
                "temperature": 0.25,
            },
            headers={"authorization": f"Bearer {self.key}", "traceparent": f"00-{TRACE}-{SPAN}-01"},
            trust_env=False,
            timeout=30,
        )
        assert given.status_code == 200, given.text
        return given.headers["x-headgate-request-id"]


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    with Collector() as with_content, Collector() as without:
        config = CONFIG.format(open=with_content.url, closed=without.url, away=closed_port())
        with headgate(config, environment={"COLLECTOR_TOKEN": "let-me-in"}) as running:
            yield Place(running, running.make_key(user="anna"), with_content, without)


SECOND = """
[providers.shop]
kind = "mock"
"""
FIRST = """
[providers.shop]
kind = "mock"

[prices."shop/small"]
input = "1"
output = "2"

[[exporters]]
name = "second"
endpoint = "{url}"
content = true
metrics = false
headers = {{ authorization = "env:SECOND_HOUSE" }}
"""


@pytest.mark.timeout(180)
def test_a_second_house_reads_the_same_call() -> None:
    with headgate(SECOND) as second:
        key = f"Bearer {second.make_key('first house')}"
        with headgate(FIRST.format(url=second.url), environment={"SECOND_HOUSE": key}) as first:
            with Collector() as unused:
                place = Place(first, first.make_key(user="anna"), unused, unused)
                call = place.ask("shop/small", stream=True)
            told = trace_of(second, TRACE)
            record = first.get(f"/requests/{call}")
    (node,) = told["spans"]
    assert (node["provider"], node["model"], node["cost_source"]) == ("shop", "small", "reported")
    assert (node["name"], node["kind"], node["counted"]) == ("chat shop/small", "llm", True)
    assert node["first_token_ms"] == record["first_token_ms"]
    assert told["user"] is None, "a key says who its user is, unless it may assert one"
    assert told["usage"] == record["usage"] and Decimal(told["cost_usd"]) == Decimal(record["cost_usd"])
    assert told["flags"] == []


def trace_of(house: Running, trace: str) -> dict[str, Any]:
    """A trace with its totals, once they are counted."""
    deadline = time.monotonic() + 30
    while True:
        found = house.api.get(f"/traces/{trace}")
        if found.status_code == 200 and found.json()["cost_usd"]:
            return found.json()
        assert time.monotonic() < deadline, found.text
        time.sleep(0.1)


def span_of(collector: Collector, call: str) -> TakenSpan:
    """The span of a call, once it has arrived."""
    deadline = time.monotonic() + 20
    while True:
        for span in collector.spans():
            if span.attributes.get("headgate.request_id") == call:
                return span
        assert time.monotonic() < deadline, f"no span of {call}"
        time.sleep(0.05)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("model", ["shop/small", "only-anthropic/m"])
def test_a_call_reaches_its_collectors_as_what_each_may_know(place: Place, model: str, stream: bool) -> None:
    call = place.ask(model, stream=stream)
    told, plain = span_of(place.open, call), span_of(place.closed, call)
    for span in (told, plain):
        assert (span.trace_id, span.parent_id, span.name) == (TRACE, SPAN, f"chat {model}")
        assert span.attributes["gen_ai.response.id"] == place.running.get(f"/requests/{call}")["response_id"]
        assert (span.attributes["user.id"], span.attributes["gen_ai.request.temperature"]) == ("anna", 0.25)
        assert span.attributes["gen_ai.usage.output_tokens"] > 0
        assert ("gen_ai.response.time_to_first_chunk" in span.attributes) is stream
    assert told.span_id == plain.span_id
    assert CANARY in told.attributes["gen_ai.input.messages"]
    assert CANARY in told.attributes["gen_ai.output.messages"]
    assert not place.closed.holds(CANARY)
    assert place.open.bodies[0][1]["x-token"] == "let-me-in"
    assert not place.open.holds("let-me-in")


def test_metrics_arrive_and_a_collector_that_is_away_is_named(place: Place) -> None:
    place.ask("shop/small")
    deadline = time.monotonic() + 20
    while True:
        names = {point.metric for point in place.closed.points()}
        found = {f"{one['name']} {one['signal']}": one for one in place.running.get("/status")["exporters"]}
        if len(names) >= 2 and found["away traces"]["failures"]:
            break
        assert time.monotonic() < deadline, (names, found)
        time.sleep(0.05)
    assert {"gen_ai.client.token.usage", "gen_ai.client.operation.duration"} <= names
    assert found["away traces"]["waiting"] >= 1 and found["away traces"]["last_error"]
    assert found["closed metrics"]["failures"] == 0 and found["closed metrics"]["sent"] >= 1

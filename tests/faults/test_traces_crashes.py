"""Spans while the shipper and control are killed, again and again: none is lost, and nothing counts twice."""

import itertools
import json
import os
import signal
import threading
import time
from decimal import Decimal
from typing import Any

import httpx
import psycopg
import pytest
from demo.running import Running, headgate

CONFIGURATION = '[providers.mock]\nkind = "mock"\n\n[models.small]\ntargets = ["mock/small"]\n'
SPANS = 6
BACK_S_MAX = 30.0
SETTLED_S_MAX = 90.0
COST_USD = Decimal("0.000125")


def body(number: int) -> dict[str, Any]:
    """A request of an exporter: one trace of an agent and calls that it made."""
    trace_id = f"{number + 1:032x}"
    called = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-5-mini"}
    spans = [
        {
            "traceId": trace_id,
            "spanId": f"{place + 1:016x}",
            "parentSpanId": "" if place == 0 else f"{1:016x}",
            "name": "agent" if place == 0 else "chat",
            "kind": 1,
            "startTimeUnixNano": str(time.time_ns()),
            "endTimeUnixNano": str(time.time_ns() + 1_000_000),
            "attributes": [] if place == 0 else _call(called),
        }
        for place in range(SPANS)
    ]
    return {"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}


def _call(called: dict[str, str]) -> list[dict[str, Any]]:
    said = [{"key": key, "value": {"stringValue": value}} for key, value in called.items()]
    message = json.dumps([{"role": "user", "parts": [{"type": "text", "content": "where is it"}]}])
    return [
        *said,
        {"key": "gen_ai.input.messages", "value": {"stringValue": message}},
        {"key": "gen_ai.usage.input_tokens", "value": {"intValue": "10"}},
        {"key": "gen_ai.usage.output_tokens", "value": {"intValue": "5"}},
        {"key": "gen_ai.usage.cost", "value": {"doubleValue": float(COST_USD)}},
    ]


def export(url: str, key: str, number: int) -> None:
    """Send one request, and come again with the same until it is taken."""
    said = body(number)
    headers = {"authorization": f"Bearer {key}"}
    while True:
        try:
            answer = httpx.post(f"{url}/v1/traces", json=said, headers=headers, timeout=10, trust_env=False)
        except httpx.TransportError:
            continue
        if answer.status_code == 200:
            return
        assert answer.status_code in (429, 502, 503, 504), answer.text
        time.sleep(0.05)


def kill(running: Running, role: str) -> None:
    """Kill the worker of that role, and wait for the one after it."""
    until = time.monotonic() + BACK_S_MAX
    while not (pids := running.worker_pids(role)):
        assert time.monotonic() < until, f"no {role} came up"
        time.sleep(0.02)
    os.kill(pids[0], signal.SIGKILL)
    while not (found := running.worker_pids(role)) or pids[0] in found:
        assert time.monotonic() < until, f"no {role} came back"
        time.sleep(0.02)


def sums(url: str) -> tuple[Any, ...]:
    """What is there: spans, what traces and sums by hour say of them, and what still waits."""
    with psycopg.connect(url) as connection:
        row = connection.execute(
            """
            select (select count(*) from spans), (select count(*) from traces),
                (select sum(spans) from traces), (select sum(calls) from traces),
                (select sum(cost_usd) from traces),
                (select sum(traces) from trace_rollups where dimension = ''),
                (select sum(spans) from trace_rollups where dimension = ''),
                (select sum(cost_usd) from trace_rollups where dimension = ''),
                (select count(*) from span_words),
                (select count(*) from trace_changes), (select count(*) from text_queue)
            """
        ).fetchone()
    assert row is not None
    return tuple(row)


@pytest.mark.timeout(240)
def test_kill_9_of_shipper_and_control_loses_and_doubles_no_span() -> None:
    with headgate(CONFIGURATION) as running:
        key = running.make_key("exporter")
        numbers = itertools.count()
        sent: list[int] = []
        killed = threading.Event()

        def keep_sending() -> None:
            while not killed.is_set():
                number = next(numbers)
                export(running.url, key, number)
                export(running.url, key, number)  # and once more, as an exporter that heard no answer
                sent.append(number)

        threads = [threading.Thread(target=keep_sending) for _ in range(3)]
        for thread in threads:
            thread.start()
        for role in ("shipper", "control", "shipper", "control"):
            kill(running, role)
        killed.set()
        for thread in threads:
            thread.join(BACK_S_MAX * 2)
        assert not any(thread.is_alive() for thread in threads) and len(sent) == next(numbers) > 10
        kill(running, "control")  # while it counts what came last
        traces, spans, calls = len(sent), len(sent) * SPANS, len(sent) * (SPANS - 1)
        cost = calls * COST_USD
        wanted = (spans, traces, spans, calls, cost, traces, spans, cost, calls, 0, 0)
        until = time.monotonic() + SETTLED_S_MAX
        while (found := sums(running.database_url())) != wanted and time.monotonic() < until:
            time.sleep(0.2)
        assert found == wanted

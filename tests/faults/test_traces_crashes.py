"""Spans while processes are killed or the database is away: none is lost, and nothing counts twice."""

import contextlib
import itertools
import json
import os
import signal
import threading
import time
from collections.abc import Generator
from decimal import Decimal
from typing import Any

import httpx
import psycopg
import pytest
from demo.running import Running, headgate

from headgate.drills.household import Household

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


class Exporters:
    """Threads that send traces, each twice, as an exporter that heard no answer; `sent` are those taken."""

    def __init__(self, running: Running) -> None:
        self._running = running
        self._key = running.make_key("exporter")
        self._numbers = itertools.count()
        self._is_over = threading.Event()
        self._threads = [threading.Thread(target=self._keep_sending) for _ in range(3)]
        self.sent: list[int] = []

    def _keep_sending(self) -> None:
        while not self._is_over.is_set():
            number = next(self._numbers)
            export(self._running.url, self._key, number)
            export(self._running.url, self._key, number)
            self.sent.append(number)

    def begin(self) -> None:
        for thread in self._threads:
            thread.start()

    def see(self, more: int) -> None:
        """Wait until so many more are taken."""
        wanted, until = len(self.sent) + more, time.monotonic() + BACK_S_MAX
        while len(self.sent) < wanted:
            assert time.monotonic() < until, "spans are taken"
            time.sleep(0.02)

    def end(self) -> None:
        self._is_over.set()
        for thread in self._threads:
            thread.join(BACK_S_MAX * 2)
        assert not any(thread.is_alive() for thread in self._threads)
        assert len(self.sent) == next(self._numbers) > 10


@contextlib.contextmanager
def exporting(running: Running) -> Generator[Exporters]:
    """Send meanwhile; return once all that was begun is taken."""
    exporters = Exporters(running)
    exporters.begin()
    try:
        yield exporters
    finally:
        exporters.end()


def assert_all_there(running: Running, sent: int) -> None:
    """Wait until each trace that was taken is there once, with all of its spans, and nothing waits."""
    traces, spans, calls = sent, sent * SPANS, sent * (SPANS - 1)
    cost = calls * COST_USD
    wanted = (spans, traces, spans, calls, cost, traces, spans, cost, calls, 0, 0)
    until = time.monotonic() + SETTLED_S_MAX
    while (found := sums(running.database_url())) != wanted and time.monotonic() < until:
        time.sleep(0.2)
    assert found == wanted


@pytest.mark.timeout(240)
def test_kill_9_of_gateway_shipper_and_control_loses_and_doubles_no_span() -> None:
    with headgate(CONFIGURATION) as running:
        with exporting(running) as exporters:
            for role in ("shipper", "gateway", "control", "gateway", "shipper", "control"):
                kill(running, role)
        kill(running, "control")  # while it counts what came last
        assert_all_there(running, len(exporters.sent))


@pytest.mark.timeout(240)
def test_spans_are_taken_while_the_database_is_away_and_none_is_lost() -> None:
    with headgate(CONFIGURATION) as running:
        database = Household(running.folder / "data").database
        with exporting(running) as exporters:
            exporters.see(5)
            with database.stopped():
                exporters.see(20)
                kill(running, "gateway")
                exporters.see(20)
                kill(running, "shipper")  # with the spans that it has not yet brought to the database
            exporters.see(5)
        assert_all_there(running, len(exporters.sent))

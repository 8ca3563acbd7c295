"""Log events and metrics while processes are killed, again and again: none is lost, none counts twice."""

import itertools
import threading
import time
from typing import Any

import httpx
import psycopg
import pytest
from demo.running import Running, headgate
from tests.faults.test_traces_crashes import BACK_S_MAX, CONFIGURATION, SETTLED_S_MAX, kill

SECOND_NS = 1_000_000_000
SENDERS = 3
CALLS_MIN = 12


def said(**attributes: Any) -> list[dict[str, Any]]:
    """Attributes as OTLP's JSON has them."""
    kinds: dict[type, str] = {str: "stringValue", int: "intValue", float: "doubleValue"}
    return [
        {"key": name.replace("__", "."), "value": {kinds[type(value)]: value}}
        for name, value in attributes.items()
    ]


def requests_of(number: int, sender: int, begin_ns: int) -> dict[str, Any]:
    """What an application sends of one call, by path: messages and a score, its span, and a measurement."""
    ids = {"traceId": f"{number + 1:032x}", "spanId": f"{number + 1:016x}"}
    at_ns = begin_ns + number * SECOND_NS
    span = {
        **ids,
        "name": "chat",
        "kind": 3,
        "startTimeUnixNano": str(at_ns),
        "endTimeUnixNano": str(at_ns + SECOND_NS),
        "attributes": said(gen_ai__operation__name="chat", gen_ai__request__model="gpt-5-mini"),
    }
    events: list[tuple[str, dict[str, str], list[dict[str, Any]]]] = [
        ("gen_ai.user.message", {"content": "where is it"}, []),
        ("gen_ai.choice", {"content": "there"}, []),
        (
            "gen_ai.evaluation.result",
            {},
            said(gen_ai__evaluation__name="found", gen_ai__evaluation__score__value=1.0),
        ),
    ]
    records = [
        {
            **ids,
            "eventName": name,
            "timeUnixNano": str(at_ns + place),
            "body": {"kvlistValue": {"values": said(**body)}},
            "attributes": attributes,
        }
        for place, (name, body, attributes) in enumerate(events)
    ]
    point = {
        "startTimeUnixNano": str(at_ns),
        "timeUnixNano": str(at_ns + SECOND_NS),
        "count": "1",
        "sum": 0.5,
        "explicitBounds": [1.0],
        "bucketCounts": ["1", "0"],
    }
    metric = {
        "name": "gen_ai.client.operation.duration",
        "unit": "s",
        "histogram": {"aggregationTemporality": 1, "dataPoints": [point]},
    }
    resource = {"attributes": said(service__name="shop", service__instance__id=f"sender {sender}")}
    return {
        "/v1/logs": {"resourceLogs": [{"scopeLogs": [{"logRecords": records}]}]},
        "/v1/traces": {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]},
        "/v1/metrics": {"resourceMetrics": [{"resource": resource, "scopeMetrics": [{"metrics": [metric]}]}]},
    }


def export(client: httpx.Client, path: str, body: dict[str, Any]) -> None:
    """Send one request, and come again with the same until it is taken, whole."""
    while True:
        try:
            answer = client.post(path, json=body)
        except httpx.TransportError:
            continue
        if answer.status_code == 200:
            assert answer.json() == {}, "all of it is kept"
            return
        assert answer.status_code in (429, 502, 503, 504), answer.text
        time.sleep(0.05)


def sums(url: str) -> tuple[Any, ...]:
    """What is there: spans that logs told all of, their events, scores, what was measured, and what waits."""
    with psycopg.connect(url) as connection:
        row = connection.execute(
            """
            select
                (select count(*) from spans where input like '%where is it%' and output like '%there%'),
                (select count(*) from spans), (select count(*) from span_events),
                (select count(*) from scores),
                (select count(*) from scores where trace_id is not null),
                (select sum(count) from metric_points), (select sum(total) from metric_points),
                (select count(*) from span_words), (select count(*) from trace_changes),
                (select count(*) from text_queue)
            """
        ).fetchone()
    assert row is not None
    return tuple(row)


@pytest.mark.timeout(240)
def test_kill_9_loses_and_doubles_no_log_event_and_no_measurement() -> None:
    with headgate(CONFIGURATION) as running:
        key = running.make_key("exporter")
        numbers = itertools.count()
        sent: list[int] = []
        killed = threading.Event()
        begin_ns = time.time_ns() - 3600 * SECOND_NS

        def keep_sending(sender: int) -> None:
            headers = {"authorization": f"Bearer {key}"}
            with httpx.Client(base_url=running.url, headers=headers, timeout=10, trust_env=False) as client:
                while not killed.is_set() or len(sent) < CALLS_MIN:
                    number = next(numbers)
                    for path, body in requests_of(number, sender, begin_ns).items():
                        export(client, path, body)
                        export(client, path, body)  # and again, as one that heard no answer
                    sent.append(number)

        threads = [threading.Thread(target=keep_sending, args=(sender,)) for sender in range(SENDERS)]
        for thread in threads:
            thread.start()
        for role in ("shipper", "gateway", "control", "shipper", "gateway"):
            kill(running, role)
        killed.set()
        for thread in threads:
            thread.join(BACK_S_MAX * 2)
        assert not any(thread.is_alive() for thread in threads) and len(sent) == next(numbers)
        kill(running, "shipper")  # while it ships what came last
        assert_all_there(running, len(sent))


def assert_all_there(running: Running, count: int) -> None:
    """Wait until each call is there once, with all that was said of it."""
    wanted = (count, count, 2 * count, count, count, count, count * 0.5, count, 0, 0)
    until = time.monotonic() + SETTLED_S_MAX
    while (found := sums(running.database_url())) != wanted and time.monotonic() < until:
        time.sleep(0.2)
    assert found == wanted

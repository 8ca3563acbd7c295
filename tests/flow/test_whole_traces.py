"""The whole system: spans that were answered are in the database, whoever is killed in between."""

import gzip
import os
import signal
import time
from collections.abc import Iterator
from typing import Any

import httpx
import psycopg
import pytest
from demo.running import Running, headgate
from tests.contract.otlp_messages import request_of

CONFIG = """
[providers.mock]
kind = "mock"

[models.assistant]
targets = ["mock/model"]
"""
PROTOBUF = {"content-type": "application/x-protobuf"}
WAIT_S_MAX = 30.0


@pytest.fixture(scope="module")
def house() -> Iterator[Running]:
    with headgate(CONFIG) as running:
        yield running


def send(house: Running, key: str, trace_id: bytes, count: int) -> int:
    return httpx.post(
        f"{house.url}/v1/traces",
        content=gzip.compress(request_of(count, trace_id=trace_id)),
        headers={**PROTOBUF, "content-encoding": "gzip", "x-api-key": key},
        trust_env=False,
        timeout=20,
    ).status_code


def wait_for(house: Running, question: str, wanted: Any, *values: Any) -> None:
    """Ask the database until it answers what is wanted."""
    deadline = time.monotonic() + WAIT_S_MAX
    with psycopg.connect(house.database_url(), autocommit=True) as connection:
        while True:
            found = connection.execute(question.encode(), values).fetchone()
            if found == (wanted,):
                return
            assert time.monotonic() < deadline, f"{found} and not {wanted}"
            time.sleep(0.05)


COUNT = "select count(*) from spans where project = 'shop' and trace_id = %s"


def test_spans_arrive_through_the_gateway(house: Running) -> None:
    key = house.make_key("exporter", project="shop")
    trace_id = os.urandom(16)
    assert send(house, key, trace_id, 300) == 200
    wait_for(house, COUNT, 300, trace_id.hex())
    assert send(house, key, trace_id, 300) == 200
    assert send(house, key, os.urandom(16), 1) == 200
    wait_for(house, COUNT, 300, trace_id.hex())


def test_the_other_paths_of_exporters_lead_to_control_too(house: Running) -> None:
    key = house.make_key("other-paths")
    for path in ("/api/public/otel/v1/traces", "/v1/logs", "/v1/metrics"):
        answer = httpx.post(
            f"{house.url}{path}", content=b"", headers={**PROTOBUF, "x-api-key": key}, trust_env=False
        )
        assert (answer.status_code, answer.content) == (200, b""), path


@pytest.mark.timeout(180)
def test_kill_9_of_control_loses_no_answered_span(house: Running) -> None:
    """Its journal is shipped to the end and closed, as a gateway's is."""
    key = house.make_key("killer", project="shop")
    sent = [os.urandom(16) for _ in range(20)]
    assert [send(house, key, trace_id, 50) for trace_id in sent] == [200] * 20
    [control] = house.worker_pids("control")
    os.kill(control, signal.SIGKILL)
    for trace_id in sent:
        wait_for(house, COUNT, 50, trace_id.hex())
    wait_for(house, "select count(*) from journals where closed_at is not null", 1)
    wait_for(house, "select count(*) from journal_rejects", 0)
    deadline = time.monotonic() + WAIT_S_MAX
    again = os.urandom(16)
    while send(house, key, again, 7) != 200:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    wait_for(house, COUNT, 7, again.hex())

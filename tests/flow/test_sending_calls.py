"""Calls on their way to collectors: what is sent and what is not; nothing is lost, or sent twice."""

import asyncio
import json
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from tests.contract.made_entries import (
    BOOT,
    envelope,
    make_attempt,
    make_begin,
    make_body,
    make_end,
    new_call,
)
from tests.flow.collector import Collector, TakenSpan, closed_port

from headgate.api.alerts import AlertView, add_alerts, list_alerts
from headgate.core.call import Usage
from headgate.core.entries import Body, End
from headgate.core.ports import Origin
from headgate.core.secret import Secret
from headgate.http1.pool import HttpTransport
from headgate.policy.egress import GuardedEgress
from headgate.records.bodies import BodySink
from headgate.records.sink import RecordSink
from headgate.store.database import Database
from headgate.traces.sending.job import AT_ONCE_MAX, ExportJob, wait_s
from headgate.traces.sending.model import Exporter, Sender, Signal
from headgate.traces.sending.sink import ExportSink
from headgate.traces.sending.spans import span_id_of
from headgate.traces.sending.store import ExporterState, exporter_states, sync_exporters

CANARY = "heron-9f8e7d6c"
TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", bytes.fromhex("00f067aa0ba902b7")
REQUEST: dict[str, Any] = {
    "model": "assistant",
    "messages": [{"role": "system", "content": f"be {CANARY}"}, {"role": "user", "content": f"say {CANARY}"}],
    "temperature": 0.5,
    "max_tokens": 20,
    "stop": [CANARY],
}
RESPONSE = {
    "id": "chatcmpl-7",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-5-mini-2026",
    "choices": [
        {"index": 0, "message": {"role": "assistant", "content": f"a {CANARY}"}, "finish_reason": "stop"}
    ],
}


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as opened:
        yield opened


def exporter(port: int, **changes: Any) -> Exporter:
    plain: dict[str, Any] = {
        "name": "c",
        "origin": Origin("http", "127.0.0.1", port),
        "path": "/otlp",
        "signals": ("traces",),
        "providers": {"openai": Sender(name="openai", address="api.openai.com", port=443)},
    }
    return Exporter(**{**plain, **changes})


async def configure(database: Database, *exporters: Exporter) -> None:
    async with database.transaction() as connection:
        await sync_exporters(connection, exporters)


async def ship(database: Database, *entries: End | Body) -> None:
    """Write entries as the shipper does, in its order of sinks."""
    batch = [envelope(entry) for entry in entries]
    async with database.transaction() as connection:
        for sink in (ExportSink(), RecordSink(), BodySink()):
            await sink.apply(connection, [one for one in batch if one.kind in sink.kinds])


@pytest.fixture
async def job(database: Database) -> AsyncIterator[ExportJob]:
    async with opened(database) as made:
        yield made


@asynccontextmanager
async def opened(database: Database, **bounds: Any) -> AsyncGenerator[ExportJob]:
    http = HttpTransport()
    try:
        egress = GuardedEgress({"http": http})
        yield ExportJob(database, egress, lambda place: Secret(f"of {place}"), add_alerts, **bounds)
    finally:
        await http.close()


async def states(database: Database) -> dict[str, ExporterState]:
    async with database.connection() as connection:
        return {f"{one.name} {one.signal}": one for one in await exporter_states(connection)}


async def waiting(database: Database) -> int:
    return sum(one.waiting for one in (await states(database)).values())


def said(spans: Sequence[TakenSpan]) -> set[str]:
    return {
        span.attributes["headgate.request_id"] for span in spans if "headgate.request_id" in span.attributes
    }


async def test_a_call_is_one_span_that_joins_its_trace(
    database: Database, collector: Collector, job: ExportJob
) -> None:
    one = exporter(collector.port, headers={"authorization": "env:TOKEN"})
    await configure(database, one)
    call = new_call()
    usage = Usage(input=3, cache_read=2, cache_write=4, output=5, reasoning=7)
    end = make_end(call, parent_span_id=SPAN, response_id="chatcmpl-7", usage=usage, environment="prod")
    await ship(
        database, end, make_body(call, json.dumps(REQUEST).encode(), response=json.dumps(RESPONSE).encode())
    )
    await job.drain(one, "traces")
    (span,) = collector.spans()
    assert (span.trace_id, span.parent_id) == (TRACE, SPAN.hex())
    assert (span.span_id, span.name, span.kind) == (span_id_of(call).hex(), "chat assistant", 3)
    assert (span.start_ns, span.end_ns - span.start_ns) == (end.started_ms * 10**6, 50 * 10**6)
    assert not span.error
    expected = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "assistant",
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.max_tokens": 20,
        "gen_ai.response.model": "gpt-5-mini",
        "gen_ai.response.id": "chatcmpl-7",
        "gen_ai.response.time_to_first_chunk": 0.02,
        "gen_ai.conversation.id": "s1",
        "gen_ai.usage.input_tokens": 9,
        "gen_ai.usage.output_tokens": 12,
        "gen_ai.usage.cache_read.input_tokens": 2,
        "gen_ai.usage.cache_write.input_tokens": 4,
        "gen_ai.usage.reasoning.output_tokens": 7,
        "server.address": "api.openai.com",
        "server.port": 443,
        "user.id": "ann",
        "tag.tags": ("blue",),
        "deployment.environment.name": "prod",
        "headgate.project": "default",
        "headgate.request_id": str(uuid.UUID(bytes=call)),
    }
    assert {name: span.attributes.get(name) for name in expected} == expected
    assert span.attributes["gen_ai.usage.cost"] == pytest.approx(1.234567e-6)
    assert collector.bodies[0][1]["authorization"] == "of env:TOKEN"
    assert not collector.holds(CANARY), "content is off"
    assert (await states(database))["c traces"].sent == 1 and await waiting(database) == 0


async def test_without_a_trace_a_call_begins_its_own_and_several_attempts_are_its_children(
    database: Database, collector: Collector, job: ExportJob
) -> None:
    one = exporter(collector.port)
    await configure(database, one)
    call = new_call()
    failed = make_attempt(
        target="google/gemini", status=503, code="upstream_error", message=f"{CANARY} is bad"
    )
    attempts = (failed, make_attempt(attempt=2))
    await ship(database, make_end(call, trace_id="", attempts=attempts))
    await job.drain(one, "traces")
    root, first, second = collector.spans()
    assert (root.trace_id, root.parent_id) == (call.hex(), "")
    assert {first.parent_id, second.parent_id} == {root.span_id}
    assert {first.trace_id, second.trace_id} == {call.hex()}
    assert len({root.span_id, first.span_id, second.span_id}) == 3
    assert (first.error, first.attributes["error.type"], second.error) == (True, "upstream_error", False)
    assert "gen_ai.operation.name" not in first.attributes, "so that nobody takes it for a second call"
    assert not any(name.startswith("gen_ai.usage") for name in second.attributes)
    assert not collector.holds(CANARY), "what a provider says of an error may quote its caller"


async def test_a_call_that_failed_says_why_by_its_code(
    database: Database, collector: Collector, job: ExportJob
) -> None:
    one = exporter(collector.port)
    await configure(database, one)
    end = make_end(
        new_call(), status=402, code="budget_exhausted", message=CANARY, target="", attempts=(), usage=Usage()
    )
    await ship(database, end)
    await job.drain(one, "traces")
    (span,) = collector.spans()
    assert (span.error, span.message, span.attributes["error.type"]) == (True, "", "budget_exhausted")
    assert span.attributes["gen_ai.provider.name"] == "headgate"
    assert "gen_ai.usage.input_tokens" not in span.attributes


async def test_a_label_that_forbids_the_collector_s_regions_keeps_the_call_here(
    database: Database, collector: Collector, job: ExportJob
) -> None:
    nowhere = exporter(collector.port, name="nowhere")
    there = exporter(collector.port, name="there", regions=frozenset({"eu-west"}))
    await configure(database, nowhere, there)
    await ship(database, make_end(new_call(), label_regions=("eu-west", "eu-north")))
    await ship(database, make_end(new_call(), label_regions=("us",)))
    await job.drain(nowhere, "traces")
    assert collector.calls == 0
    await job.drain(there, "traces")
    assert len(collector.spans()) == 1
    found = await states(database)
    assert (found["nowhere traces"].withheld, found["there traces"].withheld) == (2, 1)


async def test_only_what_is_wanted_is_queued(database: Database, collector: Collector) -> None:
    await ship(database, make_end(new_call()))
    assert await waiting(database) == 0, "nobody wants it"
    await configure(database, exporter(collector.port, projects=("blue",), signals=("traces", "metrics")))
    await ship(database, make_end(new_call()), make_end(new_call(), project="blue"))
    assert await waiting(database) == 2, "one call, two signals"
    await ship(database, make_end(new_call(), project="blue", record="none"))
    assert await waiting(database) == 2, "of it nothing is recorded"


async def test_a_call_that_died_with_its_gateway_is_sent_too(
    database: Database, collector: Collector, job: ExportJob
) -> None:
    one = exporter(collector.port)
    await configure(database, one)
    sinks = (ExportSink(), RecordSink())
    async with database.transaction() as connection:
        await sinks[1].apply(connection, [envelope(make_begin(new_call()))])
        for sink in sinks:
            await sink.close_journal(connection, BOOT)
    await job.drain(one, "traces")
    (span,) = collector.spans()
    assert (span.error, span.attributes["error.type"]) == (True, "interrupted")


async def test_nothing_is_lost_while_a_collector_is_away(
    database: Database, collector: Collector, job: ExportJob
) -> None:
    away = exporter(closed_port())
    await configure(database, away)
    calls = [new_call() for _ in range(AT_ONCE_MAX + 3)]
    await ship(database, *[make_end(call) for call in calls])
    await job.drain(away, "traces")
    found = (await states(database))["c traces"]
    assert (found.sent, found.failures, found.waiting) == (0, 1, len(calls))
    assert found.last_error
    here = exporter(collector.port)
    await configure(database, here)
    await job.drain(here, "traces")
    assert said(collector.spans()) == {str(uuid.UUID(bytes=call)) for call in calls}
    assert (await states(database))["c traces"].failures == 0 and await waiting(database) == 0


@pytest.mark.parametrize("status", [401, 404, 429, 502, 503, 504])
async def test_what_is_not_taken_now_is_sent_again_as_the_same_span(
    database: Database, collector: Collector, job: ExportJob, status: int
) -> None:
    one = exporter(collector.port)
    await configure(database, one)
    await ship(database, make_end(new_call()))
    collector.statuses = [status]
    await job.drain(one, "traces")
    found = (await states(database))["c traces"]
    assert (found.waiting, found.failures) == (1, 1) and str(status) in (found.last_error or "")
    await job.drain(one, "traces")
    assert len(collector.spans()) == 1 and await waiting(database) == 0


async def test_who_refuses_again_and_again_is_told_of_long_before_anything_is_dropped(
    database: Database, collector: Collector, job: ExportJob
) -> None:
    one = exporter(collector.port)
    await configure(database, one)
    await ship(database, make_end(new_call()))
    alerts: list[AlertView] = []
    for number in range(1, 10):
        collector.statuses = [401]
        await job.drain(one, "traces")
        alerts = await list_alerts(database, None, limit=10, kind="export_failing")
        assert len(alerts) == (number >= 8), "once an hour, from the eighth on"
    async with database.connection() as connection:
        cursor = await connection.execute(
            "select extract(epoch from retry_at - clock_timestamp()) from exporters where signal = 'traces'"
        )
        [(wait_s,)] = await cursor.fetchall()
    assert wait_s is not None and 20 < wait_s <= 60, "about each minute"
    assert "8 times" in alerts[0].message and "answered 401" in alerts[0].message
    assert await waiting(database) == 1
    await job.drain(one, "traces")
    assert len(collector.spans()) == 1 and (await states(database))["c traces"].failures == 0


async def test_what_a_collector_never_takes_is_counted_and_told_once(
    database: Database, collector: Collector, job: ExportJob
) -> None:
    one = exporter(collector.port)
    await configure(database, one)
    collector.statuses = [400, 400]
    for _ in range(2):
        await ship(database, make_end(new_call()))
        await job.drain(one, "traces")
    found = (await states(database))["c traces"]
    assert (found.rejected, found.waiting, found.sent) == (2, 0, 0)
    alerts = await list_alerts(database, None, limit=10, kind="export_dropped")
    assert [alert.subject for alert in alerts] == ["c"], "once an hour"
    assert "answered 400" in alerts[0].message


async def test_a_request_that_is_too_large_goes_in_halves(
    database: Database, collector: Collector, job: ExportJob
) -> None:
    one = exporter(collector.port)
    await configure(database, one)
    await ship(database, *[make_end(new_call()) for _ in range(4)])
    collector.statuses = [413, 200, 413]
    await job.drain(one, "traces")
    assert len(said(collector.spans())) == 4
    assert (await states(database))["c traces"].sent == 4


async def test_what_a_collector_takes_in_part_is_counted(
    database: Database, collector: Collector, job: ExportJob
) -> None:
    one = exporter(collector.port)
    await configure(database, one)
    collector.rejects = 2
    await ship(database, *[make_end(new_call()) for _ in range(5)])
    await job.drain(one, "traces")
    found = (await states(database))["c traces"]
    assert (found.sent, found.rejected, found.waiting) == (3, 2, 0)
    assert "too old" in (found.last_error or "")


async def test_a_slow_collector_holds_up_no_other(database: Database, collector: Collector) -> None:
    with Collector() as slow:
        slow.paused = 5.0
        await configure(database, exporter(slow.port, name="slow"), exporter(collector.port, name="quick"))
        await ship(database, make_end(new_call()))
        async with opened(database) as job:
            running = asyncio.create_task(job.run())
            try:
                async with asyncio.timeout(10):
                    while True:
                        if collector.spans() and slow.calls:
                            break
                        await asyncio.sleep(0.02)
                    assert not slow.bodies
            finally:
                running.cancel()
                await asyncio.wait([running])


async def test_two_jobs_send_a_call_once(database: Database, collector: Collector, job: ExportJob) -> None:
    one = exporter(collector.port)
    await configure(database, one)
    await ship(database, *[make_end(new_call()) for _ in range(30)])
    async with opened(database) as other:
        await asyncio.gather(job.drain(one, "traces"), other.drain(one, "traces"))
    assert len(collector.spans()) == 30


async def test_what_waits_too_long_is_dropped_counted_and_told(database: Database) -> None:
    away = exporter(closed_port())
    await configure(database, away)
    await ship(database, *[make_end(new_call()) for _ in range(5)])
    async with opened(database, waiting_max=3) as job:
        await job.drop()
    found = (await states(database))["c traces"]
    assert (found.dropped, found.waiting) == (2, 3)
    async with opened(database, age_s_max=0.0) as job:
        await job.drop()
    found = (await states(database))["c traces"]
    assert (found.dropped, found.waiting) == (5, 0)
    (alert,) = await list_alerts(database, None, limit=10, kind="export_dropped")
    assert alert.message.startswith("2 calls were not sent to the exporter c (traces)")


async def test_an_exporter_that_is_taken_out_leaves_nothing_behind(
    database: Database, collector: Collector, job: ExportJob
) -> None:
    await configure(database, exporter(collector.port))
    await ship(database, make_end(new_call()))
    await configure(database)
    await job.drop()
    async with database.connection() as connection:
        cursor = await connection.execute("select count(*) from exports")
        assert await cursor.fetchone() == (0,)
    assert await states(database) == {}


@pytest.mark.parametrize("dialect", ["openai-chat", "google"])
async def test_metrics_have_the_names_and_buckets_of_the_conventions(
    database: Database, collector: Collector, job: ExportJob, dialect: str
) -> None:
    signals: tuple[Signal, ...] = ("metrics",)
    one = exporter(collector.port, signals=signals)
    await configure(database, one)
    usage = Usage(input=3, cache_read=2, output=70)
    plain = {"dialect": dialect, "usage": usage, "duration_ms": 700, "first_token_ms": 300}
    await ship(database, *[make_end(new_call(), **plain) for _ in range(3)])
    await ship(database, make_end(new_call(), **plain, status=502, code="upstream_error"))
    unknown = make_end(
        new_call(), target="", attempts=(), status=404, code="model_not_found", model="made-up"
    )
    await ship(database, unknown)
    await job.drain(one, "metrics")
    points = collector.points()
    assert {point.temporality for point in points} == {1}
    found = {
        (point.metric, point.attributes.get("gen_ai.token.type"), point.attributes.get("error.type")): point
        for point in points
    }
    tokens = found["gen_ai.client.token.usage", "input", None]
    assert (tokens.count, tokens.sum, tokens.unit) == (4, 20.0, "{token}")
    assert tokens.bounds[:3] == (1, 4, 16) and tokens.counts[2] == 4
    assert found["gen_ai.client.token.usage", "output", None].sum == 280.0
    durations = found["gen_ai.client.operation.duration", None, None]
    assert (durations.count, durations.sum, durations.unit) == (3, pytest.approx(2.1), "s")
    assert durations.bounds[0] == 0.01 and durations.bounds[-1] == 81.92
    assert found["gen_ai.client.operation.duration", None, "upstream_error"].count == 1
    assert found["gen_ai.client.operation.time_to_first_chunk", None, None].count == 4
    operation = "chat" if dialect == "openai-chat" else "generate_content"
    assert tokens.attributes["gen_ai.operation.name"] == operation
    assert tokens.attributes["gen_ai.provider.name"] == "openai"
    assert not collector.holds("made-up"), "what clients make up is no series"


def test_pauses_grow_to_a_minute() -> None:
    assert [wait_s(failures, 1.0) for failures in (0, 1, 2, 5, 6, 1000)] == [1, 2, 4, 32, 60, 60]
    assert wait_s(3, 0.0) == 4

"""Metrics over HTTP: those of GenAI are in the journal before the answer, and read as series by the API."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from tests.contract.made_entries import BOOT, now_ms
from tests.contract.made_metrics import DURATION, METRICS_ANSWER, TOKENS, add_point, new_metrics
from tests.contract.test_otlp_spans import Kept, Serving, kept, post, serving
from tests.flow.control_app import control

from headgate.core.ports import Envelope
from headgate.journal.folder import segments
from headgate.journal.format import Entry, entries, seed_of
from headgate.store.database import Database
from headgate.traces.metrics.model import METRICS, MetricBatch, MetricPoint
from headgate.traces.metrics.sink import MetricSink

__all__ = ["kept", "serving"]
PATH = "/v1/metrics"


def payloads_of(kept: Kept) -> list[bytes]:
    seed = seed_of(kept.writer.boot)
    files = [file for file in segments(kept.writer.folder) if file.stream == "body"]
    found = [entry for file in files for entry in entries(file.path.read_bytes(), 0, seed, final=False)]
    return [entry.payload for entry in found if isinstance(entry, Entry) and entry.kind == METRICS]


def points_of(kept: Kept) -> list[MetricPoint]:
    return [
        point
        for payload in payloads_of(kept)
        for point in msgspec.msgpack.decode(payload, type=MetricBatch).points
    ]


def a_point(**fields: Any) -> dict[str, Any]:
    at_ns = now_ms() * 1_000_000
    return {"start_time_unix_nano": at_ns - 10**9, "time_unix_nano": at_ns, **fields}


def age_of(instant: str) -> float:
    return (datetime.now(UTC) - datetime.fromisoformat(instant)).total_seconds()


async def test_points_are_in_the_journal_and_read_as_series(
    serving: Serving, kept: Kept, database: Database, tmp_path: Path
) -> None:
    request = new_metrics()
    said = {"gen_ai.request.model": "gpt-5-mini", "user.id": "anna"}
    spread: dict[str, Any] = {
        "count": 4,
        "sum": 6.0,
        "explicit_bounds": [1.0, 2.0],
        "bucket_counts": [1, 2, 1],
    }
    add_point(request, DURATION, "histogram", attributes=said, **a_point(**spread))
    async with serving as api:
        assert (await post(api, request.SerializeToString(), PATH))[:2] == (200, b"")
        [point] = points_of(kept)
        assert point.attributes == {"gen_ai.request.model": "gpt-5-mini", "service.name": "shop"}
        async with database.transaction() as connection:
            found = [Envelope(BOOT.bytes, METRICS, payload) for payload in payloads_of(kept)]
            await MetricSink().apply(connection, found)
        [listed] = (await api.get("/metrics"))["items"]
        assert (listed["name"], listed["kind"], listed["series"]) == (DURATION, "histogram", 1)
        assert listed["services"] == ["shop"]
        assert 0 <= age_of(listed["last_seen"]) < 2 * 3600, "to the hour"
        asked = "attribute=gen_ai.request.model=gpt-5-mini&group_by=service.name&interval=hour"
        [series] = (await api.get(f"/metrics/series?name={DURATION}&{asked}"))["items"]
        assert (series["group"], series["count"], series["sum"]) == ("shop", 4, 6.0)
        assert series["quantiles"]["estimated"] is True and 1 <= series["quantiles"]["p50"] <= 2
        other = await api.get(f"/metrics/series?name={DURATION}&attribute=gen_ai.request.model=other")
        assert other["items"] == []


async def test_metrics_of_tools_and_of_earlier_names_are_kept(database: Database, kept: Kept) -> None:
    request = new_metrics()
    names = (
        "mcp.client.operation.duration",
        "llm.openai.chat_completions.exceptions",
        "llm.chat_completions.streaming_time_to_generate",
    )
    for name in names:
        add_point(request, name, "sum", **a_point(as_int=1))
    async with control(database, journal=kept.writer) as api:
        assert (await post(api, request.SerializeToString(), PATH))[:2] == (200, b"")
    assert [point.name for point in points_of(kept)] == list(names)


async def test_what_is_not_kept_is_said_and_counted(database: Database, kept: Kept) -> None:
    request = new_metrics()
    add_point(request, "http.server.duration", "sum", as_int=1)
    add_point(request, TOKENS, "sum", temporality=0, as_int=1)
    add_point(request, TOKENS, "sum")
    add_point(request, DURATION, "histogram", count=3, explicit_bounds=[1.0], bucket_counts=[1, 1])
    add_point(request, DURATION, "histogram", count=2, explicit_bounds=[2.0, 1.0], bucket_counts=[1, 1, 0])
    add_point(request, DURATION, "histogram", count=2, explicit_bounds=[1.0], bucket_counts=[2])
    add_point(request, DURATION, "gauge", as_double=float("nan"))
    far = {"offset": 2**31 - 1, "bucket_counts": [1]}
    add_point(request, DURATION, "exponential_histogram", count=1, scale=0, positive=far)
    old = request.resource_metrics[0].scope_metrics[0].metrics.add(name=DURATION)
    old.summary.data_points.add(count=1)
    add_point(request, TOKENS, "sum", **a_point(as_int=1))
    add_point(request, TOKENS, "sum", **a_point(as_int=1, flags=1))
    async with control(database, journal=kept.writer) as api:
        status, answer, _ = await post(api, request.SerializeToString(), PATH)
    partial = METRICS_ANSWER.FromString(answer).partial_success
    assert (status, partial.rejected_data_points, len(points_of(kept))) == (200, 9, 1)
    for reason in (
        "9 data points refused",
        "aggregation_temporality is 0",
        "value is missing",
        "count is 3, but the buckets hold 2",
        "explicit_bounds must be numbers that grow",
        "and 4 more",
    ):
        assert reason in partial.error_message

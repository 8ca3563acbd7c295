"""The output and the errors of `headgate traces`, as they are kept in tests/cli/snapshots_traces.

`HEADGATE_UPDATE_SNAPSHOTS=1` writes them again; then read the difference."""

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.cli.kept_output import KeptOutput
from tests.cli.scripted_api import ScriptedApi, serving, surround

from headgate.cli.app import main

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"

FACTS: dict[str, Any] = {
    "trace_id": TRACE,
    "project": "default",
    "name": "answer",
    "session": "s1",
    "user": "anna",
    "started_at": "2026-11-21T08:00:00.000Z",
    "duration_ms": 2000.0,
    "calls": 2,
    "errors": 1,
    "status": "error",
    "usage": {"input": 30, "cache_read": 0, "cache_write": 0, "output": 12, "reasoning": 0},
    "cost_usd": "0.0012",
    "unpriced": 0,
    "models": ["gpt-5-mini", "small"],
    "providers": ["openai"],
    "agents": ["clerk"],
    "tools": ["search"],
    "tags": ["red"],
    "keys": ["k1"],
    "flags": ["usage_differs"],
    "service": "shop",
    "release": None,
    "environment": "live",
}
OTHER: dict[str, Any] = {**FACTS, "trace_id": "0" * 31 + "1", "cost_usd": None, "user": None, "flags": []}


def step(name: str, depth: int, begin_ms: int, took_ms: float, **parts: Any) -> dict[str, Any]:
    plain = {
        "span_id": f"{begin_ms:016x}",
        "parent_id": None,
        "name": name,
        "kind": "span",
        "depth": depth,
        "started_at": f"2026-11-21T08:00:{begin_ms // 1000:02d}.{begin_ms % 1000:03d}Z",
        "offset_ms": float(begin_ms),
        "duration_ms": took_ms,
        "self_ms": took_ms,
        "status": "ok",
        "counted": False,
        "on_critical_path": False,
    }
    return {**plain, **parts}


SHARE = {"calls": 2, "usage": FACTS["usage"], "unpriced": 0}
DETAIL: dict[str, Any] = {
    **FACTS,
    "span_count": 4,
    "spans": [
        step("invoke_agent clerk", 0, 0, 2000.0, kind="agent", on_critical_path=True),
        step(
            "chat gpt-5-mini",
            1,
            100,
            900.0,
            kind="llm",
            model="gpt-5-mini",
            usage=FACTS["usage"],
            cost_usd="0.0012",
            counted=True,
            on_critical_path=True,
            request_id="0197a1b2-0000-7000-8000-000000000001",
        ),
        step("a wrapper", 1, 100, 1000.0, cost_usd="0.0012", flags=["sum_differs"]),
        step("search", 1, 1100, 800.0, kind="tool", status="error", status_message="no such\nindex"),
        step("lost", 0, 1999, 0.0, problem="orphan"),
    ],
    "cost_by_model": [{"name": "openai/gpt-5-mini", "cost_usd": "0.0012", **SHARE}],
    "cost_by_step": [{"name": "invoke_agent clerk", "cost_usd": None, **SHARE}],
}

LINEAGE: dict[str, Any] = {
    "trace_id": TRACE,
    "project": "default",
    "span_id": None,
    "edges": [
        {
            "from_span": "00f067aa0ba902b7",
            "from_part": "/documents/0/content",
            "to_span": "00f067aa0ba902b8",
            "to_part": "/input/0/parts/0/content",
            "how": "content",
            "fragments": [[0, 120, 40, 160]],
            "share_of_source": 0.98,
            "share_of_input": 0.6,
            "repeated": False,
        },
        {
            "from_span": "00f067aa0ba902b8",
            "from_part": "/output/0/parts/0",
            "to_span": "00f067aa0ba902b9",
            "to_part": "/input",
            "how": "structure",
            "fragments": [],
            "share_of_source": 0,
            "share_of_input": 0,
            "repeated": True,
        },
    ],
    "contexts": [
        {
            "span": "00f067aa0ba902b8",
            "characters": 200,
            "input_tokens": 50,
            "shares": [
                {
                    "source": "document",
                    "from_span": "00f067aa0ba902b7",
                    "from_part": "/documents/0/content",
                    "name": "d7",
                    "characters": 120,
                    "share": 0.6,
                    "tokens_estimated": 30.0,
                },
                {"source": "unknown", "characters": 80, "share": 0.4, "tokens_estimated": 20.0},
            ],
        }
    ],
    "left_out": {"spans": 0, "texts": 2, "characters": 900, "edges": 0},
}
SESSION: dict[str, Any] = {
    "session": "a b",
    "project": "default",
    "user": "anna",
    "started_at": "2026-11-21T08:00:00.000Z",
    "last_at": "2026-11-21T08:05:00.000Z",
    "traces": 2,
    "untraced": 1,
    "calls": 4,
    "errors": 1,
    "usage": FACTS["usage"],
    "cost_usd": "0.0012",
    "unpriced": 1,
}
ALONE: dict[str, Any] = {
    "id": "019aa4a1-0000-7000-8000-000000000001",
    "started_at": "2026-11-21T08:04:00.000Z",
    "model": "assistant",
    "status": 200,
    "cost_usd": "0.0003",
}
ASKED = [
    {"role": "system", "content": "Be kind."},
    {"role": "user", "parts": [{"type": "text", "content": "Which colour?"}, {"type": "uri", "uri": "x"}]},
]
SILENT = {"input": None, "output": {"answer": 42}}

METRIC = {
    "name": "gen_ai.client.token.usage",
    "unit": "{token}",
    "kind": "histogram",
    "series": 2,
    "attributes": ["gen_ai.request.model", "gen_ai.token.type"],
    "services": ["clerk", "shop"],
    "last_seen": "2026-11-21T09:00:00.000Z",
}
POINTS = [
    {
        "start": "2026-11-21T08:00:00.000Z",
        "group": "gpt-5-mini",
        "unit": "{token}",
        "kind": "histogram",
        "count": 1200,
        "sum": 1234567.0,
        "min": 3.0,
        "max": 9000.0,
        "last": None,
        "quantiles": {"p50": 812.5, "p95": 4000.0, "p99": 8100.123456, "estimated": True},
    },
    {
        "start": "2026-11-21T09:00:00.000Z",
        "group": "",
        "unit": "{token}",
        "kind": "gauge",
        "count": 1,
        "sum": 0.25,
        "min": 0.25,
        "max": 0.25,
        "last": 0.25,
        "quantiles": None,
    },
]

HIT = {
    "trace_id": TRACE,
    "span_id": "00f067aa0ba902b7",
    "project": "default",
    "name": "chat gpt-5-mini",
    "kind": "llm",
    "started_at": "2026-11-21T08:00:00.000Z",
    "snippet": "…sails a blue boat to…",
}

COMMANDS = {
    "lineage": f"traces lineage {TRACE}",
    "list": "traces --sort dearest --limit 2",
    "list-json": "traces list --limit 1 --json",
    "show": f"traces show {TRACE}",
    "show-unknown": "traces show nothing",
    "search": "traces search 'blue boat'",
    "sessions": "traces sessions",
    "session": "traces sessions 'a b'",
    "session-unknown": "traces sessions nothing",
    "metrics": "metrics",
    "metrics-series": (
        "metrics series gen_ai.client.token.usage --interval hour --group-by gen_ai.request.model"
        " --attribute gen_ai.token.type=input"
    ),
    "metrics-series-nameless": "metrics series",
}
KEPT = KeptOutput("snapshots_traces", COMMANDS)


@pytest.fixture(autouse=True)
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedApi]:
    scripted = ScriptedApi()
    scripted.items("/api/v1/traces", {**FACTS, "spans": 4}, {**OTHER, "spans": 1})
    scripted.on("GET", f"/api/v1/traces/{TRACE}", DETAIL)
    scripted.on("GET", f"/api/v1/traces/{TRACE}/lineage", LINEAGE)
    scripted.items("/api/v1/traces/search", HIT)
    scripted.items("/api/v1/sessions", SESSION)
    scripted.items("/api/v1/metrics", METRIC)
    scripted.on("GET", "/api/v1/metrics/series", {"items": POINTS, "next": None})
    turns = [
        {**FACTS, "spans": 4, "input": ASKED, "output": "It is \x1b[34mblue."},
        {**OTHER, "spans": 1, **SILENT},
    ]
    scripted.on(
        "GET", "/api/v1/sessions/a%20b", {**SESSION, "items": turns, "requests": [ALONE], "next": None}
    )
    with serving(scripted):
        surround(monkeypatch, scripted, tmp_path)
        yield scripted


@pytest.mark.parametrize("name", COMMANDS)
def test_output_of_traces_is_as_kept(name: str, api: ScriptedApi, capsys: pytest.CaptureFixture[str]) -> None:
    KEPT.check(name, api, capsys)


def test_no_snapshot_of_traces_is_left_over() -> None:
    KEPT.assert_none_is_left_over()


def test_filters_of_traces_are_asked_for_as_the_api_names_them(api: ScriptedApi) -> None:
    line = (
        "traces list --from 2026-11-21T00:00:00Z --min-duration-ms 50 --agent clerk --sort slowest --limit 2"
    )
    assert main(shlex.split(line)) == 0
    asked = [query for _, path, query, _ in api.asked if path == "/api/v1/traces"]
    assert asked == [
        {
            "from": "2026-11-21T00:00:00Z",
            "min_duration_ms": "50.0",
            "agent": "clerk",
            "sort": "slowest",
            "limit": "2",
        }
    ]


def test_attributes_of_metrics_are_asked_for_one_by_one(api: ScriptedApi) -> None:
    assert main(shlex.split("metrics series m --attribute a=b")) == 0
    asked = [query for _, path, query, _ in api.asked if path == "/api/v1/metrics/series"]
    assert asked == [{"name": "m", "attribute": "a=b"}]

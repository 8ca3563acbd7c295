"""The benchmark as a whole, on nginx alone and for a few seconds: every figure is there, and all ends."""

import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from bench.machine import cores, describe, tree
from bench.measuring import Bench
from bench.results import Results
from bench.rounds import Plan, Rounds
from bench.servers import direct
from bench.serving import Serving
from bench.starting import free_port
from bench.upstream import Upstream, nginx, upstream
from bench.verdicts import verdicts

ROOT = Path(__file__).resolve().parents[2]
NEEDED = ("nginx", "wrk", "gcc", "taskset")


@pytest.fixture(scope="module", autouse=True)
def _programs() -> None:
    missing = [name for name in NEEDED if shutil.which(name) is None]
    if len(os.sched_getaffinity(0)) < 2:
        missing.append("a second core")
    if missing:
        if os.environ.get("HEADGATE_PRIVILEGED") == "required":
            pytest.fail(f"{', '.join(missing)} is missing, and here everything must run")
        pytest.skip(f"{', '.join(missing)} is missing")


def start(cache: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "bench.benchmark", "--only", "nginx", "--cache", str(cache), *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def left_behind(cache: Path) -> list[str]:
    """Processes that were started from the folder and still run."""
    listed = subprocess.run(["ps", "-eo", "pid=,args="], capture_output=True, text=True, check=True)
    return [line for line in listed.stdout.splitlines() if str(cache) in line]


def test_a_short_run_measures_everything_and_leaves_nothing(tmp_path: Path) -> None:
    short = ("--rounds", "1", "--seconds", "1", "--calls", "500", "--repeats", "0")
    with start(tmp_path, *short) as process:
        said, complaints = process.communicate(timeout=110)
    assert process.returncode == 0, complaints
    assert "nginx, plain proxy" in said
    [path] = (tmp_path / "results").glob("*.json")
    results: Mapping[str, Any] = json.loads(path.read_text())
    runs = {run["kind"]: run for run in results["closed"]}
    assert set(runs) == {"json", "whole", "event", "paced"}
    for run in runs.values():
        assert run["calls"] > 20
        assert run["failed"] == 0
        assert run["cpu_us"] > 0
        # Kept: as many as there are calls in flight, and not one for each call.
        assert run["upstream_connections"] <= run["connections"] * 2
    assert {run["server"] for run in results["opened"]} == {"direct", "nginx"}
    assert [memory["calls"] for memory in results["memory"]] == [0, 50, 500]
    assert "| CPU per call, gateway |" in (tmp_path / "table.md").read_text()
    assert not left_behind(tmp_path)


def test_a_run_that_is_told_to_end_ends_what_it_started(tmp_path: Path) -> None:
    with start(tmp_path, "--seconds", "30") as process:
        assert process.stderr is not None
        # The first line comes once all servers are up.
        process.stderr.readline()
        assert left_behind(tmp_path)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=90)
    assert process.returncode == 128 + signal.SIGTERM
    deadline = time.monotonic() + 20
    while left_behind(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not left_behind(tmp_path)


def measured(folder: Path, source: Upstream, servings: list[Serving]) -> Results:
    """Run a short plan on servings that are up."""
    plan = Plan(rounds=1, seconds=1, calls=100, repeats_max=0, kinds=("json",))
    results = Results(machine=describe(), versions={}, date="2026-11-21")
    bench = Bench(
        cores=cores(),
        upstream=source,
        folder=folder / "programs",
        own_pid=os.getpid(),
        connections=8,
        warm_s=1,
        drain_s_max=1,
    )
    Rounds(bench, plan, results, lambda _: None).run(direct(source), servings)
    return results


def test_a_server_that_fails_is_noted_and_the_rest_is_measured(tmp_path: Path) -> None:
    with subprocess.Popen(["true"]) as ended:
        ended.wait()
    with upstream(tmp_path / "running", tmp_path / "programs") as source:
        alive = dataclasses.replace(direct(source), name="alive")
        gone = dataclasses.replace(alive, name="gone", gateway=frozenset({ended.pid}))
        results = measured(tmp_path, source, [gone, alive])
    assert results.notes["gone"] == ["measured no further: its process has ended under load"]
    assert not results.closed_of("gone", "json")
    assert (results.per_s("alive", "json") or 0) > 100


def test_a_server_that_connects_again_for_each_call_is_found_out(tmp_path: Path) -> None:
    with upstream(tmp_path / "running", tmp_path / "programs") as source:
        port = free_port()
        # Without `keepalive` nginx connects anew for each call.
        http = f"server {{ listen 127.0.0.1:{port}; location / {{ {pass_to(source)} }} }}"
        with nginx(tmp_path / "forgetful", http, port) as process:
            asked = direct(source).asks
            serving = Serving(name="headgate", port=port, gateway=tree({process.pid}), asks=asked)
            results = measured(tmp_path, source, [serving])
    [run] = results.closed_of("headgate", "json")
    assert run.failed == 0
    assert run.upstream_connections > run.calls * 0.9
    [kept] = [verdict for verdict in verdicts(results) if "connections are kept" in verdict.promise]
    assert kept.outcome == "NOT held"


def pass_to(source: Upstream) -> str:
    return f"proxy_pass http://127.0.0.1:{source.json_port};"

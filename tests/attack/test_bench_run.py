"""The benchmark as a whole, on nginx alone and for a few seconds: every figure is there, and all ends."""

import dataclasses
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import msgspec
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
from tests.attack.path_without import environment_without

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


def start(
    cache: Path, *arguments: str, only: str = "nginx", environment: Mapping[str, str] | None = None
) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "bench.benchmark", "--only", only, "--cache", str(cache), *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )


def results_in(cache: Path) -> Results:
    """The results of the one run with this cache."""
    [path] = (cache / "results").glob("*.json")
    return msgspec.json.decode(path.read_bytes(), type=Results)


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
    results = results_in(tmp_path)
    runs = {run.kind: run for run in results.closed}
    assert set(runs) == {"json", "whole", "event", "paced"}
    for run in runs.values():
        assert run.calls > 20
        assert run.failed == 0
        assert run.cpu_us > 0
        # Kept: as many as there are calls in flight, and not one for each call.
        assert run.upstream_connections <= run.connections * 2
    assert {run.server for run in results.opened} == {"direct", "nginx"}
    assert [memory.calls for memory in results.memory] == [0, 50, 500]
    assert "| CPU per call, gateway |" in (tmp_path / "table.md").read_text()
    assert not left_behind(tmp_path)


@pytest.mark.timeout(240)
def test_a_short_run_with_headgate_measures_it_and_finds_every_call_on_record(tmp_path: Path) -> None:
    shortest = ("--quick", "--seconds", "1", "--calls", "1000")
    with start(tmp_path, *shortest, only="nginx,headgate") as process:
        said, complaints = process.communicate(timeout=220)
    assert process.returncode == 0, complaints + said
    results = results_in(tmp_path)
    assert not results.unfinished
    for kind in ("json", "event"):
        [run] = [run for run in results.closed if (run.server, run.kind) == ("headgate", kind)]
        assert run.calls > 20 and run.cpu_us > 0
        assert run.shipping is not None and run.shipping.drained
        assert run.shipping.shipper_us > 0 and run.shipping.postgres_us > 0
        assert 0 <= run.shipping.backlog_records <= run.shipping.records
    [opened] = [run for run in results.opened if run.server == "headgate"]
    assert opened.p99_ms >= opened.p50_ms > 0
    assert [one.answered + one.failed for one in results.recorded] == [100, 900]
    at_rest, *_, last = [memory for memory in results.memory if memory.server == "headgate"]
    assert 20 < at_rest.gateway_rss_mb <= last.gateway_rss_mb + 5 and last.system_pss_mb > 60
    outcomes = {verdict.promise: verdict for verdict in verdicts(results)}
    assert outcomes["every call answered is on record, exactly once"].outcome == "held"
    assert outcomes["gateway CPU per call at most 5 × nginx's as a proxy, with uvicorn"].measured == "-"
    assert not left_behind(tmp_path)


@pytest.mark.timeout(120)
def test_a_peer_whose_tools_are_missing_is_left_out(tmp_path: Path) -> None:
    environment = environment_without(tmp_path / "path", ("node", "npm", "apt-get"))
    shortest = ("--quick", "--seconds", "1", "--calls", "100")
    with start(tmp_path, *shortest, only="nginx,portkey", environment=environment) as process:
        _, complaints = process.communicate(timeout=110)
    assert process.returncode == 0, complaints
    results = results_in(tmp_path)
    assert results.notes["portkey"] == ["left out: node, npm must be installed for the benchmark"]
    assert (results.per_s("nginx", "json") or 0) > 100
    assert "hint: apt-get install nodejs npm" in complaints


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

"""What the benchmark makes of its runs: medians, verdicts and the table, on results that are written here.

Read next: `bench.verdicts`, `bench.table`.
"""

import dataclasses
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from bench.payloads import Kind
from bench.readme import replace_between
from bench.results import ClosedRun, Memory, OpenRun, Results, Shipping
from bench.table import markdown
from bench.verdicts import verdicts

SNAPSHOT = Path(__file__).parent / "snapshots" / "bench_table.md"


def closed(server: str, kind: Kind, per_s: float, cpu_us: float, **changes: Any) -> ClosedRun:
    run = ClosedRun(
        server=server,
        kind=kind,
        connections=32,
        calls=int(per_s * 5),
        failed=0,
        per_s=per_s,
        cpu_us=cpu_us,
        p50_ms=1.0,
        p99_ms=3.0,
        core_share=1.0,
        foreign_cores=0.01,
        stolen_cores=0.0,
        upstream_connections=32,
        shipping=None,
    )
    return dataclasses.replace(run, **changes)


def opened(server: str, rate: float, p50_ms: float, p99_ms: float) -> OpenRun:
    return OpenRun(
        server=server,
        rate=rate,
        calls=1000,
        failed=0,
        p50_ms=p50_ms,
        p90_ms=p50_ms * 2,
        p99_ms=p99_ms,
        p999_ms=p99_ms * 2,
        max_ms=p99_ms * 3,
        late_p99_ms=0.01,
        core_share=0.5,
        foreign_cores=0.0,
        stolen_cores=0.0,
        upstream_connections=2,
    )


def memory(server: str, calls: int, megabytes: float, system: float) -> Memory:
    return Memory(
        server=server,
        calls=calls,
        failed=0,
        gateway_rss_mb=megabytes + 15,
        gateway_pss_mb=megabytes,
        system_pss_mb=system,
    )


def everything() -> Results:
    shipping = Shipping(
        shipper_us=31.0,
        postgres_us=44.0,
        control_us=1.0,
        backlog_bytes=3_400_000,
        backlog_records=1200,
        drain_s=1.25,
        drained=True,
        records=75_100,
    )
    results = Results(
        machine={
            "cpu": "A CPU",
            "cores": "2",
            "virtual": "yes",
            "memory": "8 GiB",
            "kernel": "Linux 6.1",
            "python": "3.11.2",
        },
        versions={"nginx": "1.22.1", "headgate": "0.1.0", "tensorzero": "2026.6.0"},
        date="2026-11-21",
        half_load_rate=7500.0,
        instructions={"nginx": 57_400.0, "headgate": 160_000.0},
        notes={"tensorzero": ["memory after 9,000 calls, since more would have taken too long"]},
    )
    speeds: tuple[tuple[Kind, float, float], ...] = (
        ("json", 20.0, 50.0),
        ("whole", 50.0, 120.0),
        ("event", 90.0, 300.0),
    )
    for kind, nginx_us, own_us in speeds:
        results.closed += [
            closed("nginx", kind, 48_000.0, nginx_us),
            closed("headgate", kind, 15_000.0, own_us, shipping=shipping),
            closed("headgate", kind, 14_000.0, own_us + 2, shipping=shipping),
            closed("headgate", kind, 100.0, 9_000.0, foreign_cores=0.6),
            closed("tensorzero", kind, 4_000.0, 240.0, failed=3),
        ]
    results.opened += [opened("direct", 7500.0, 0.1, 0.4), opened("headgate", 7500.0, 0.3, 1.9)]
    results.opened += [opened("direct", 2000.0, 0.1, 0.3), opened("tensorzero", 2000.0, 0.6, 2.3)]
    results.memory += [
        memory("nginx", 0, 5, 5),
        memory("nginx", 200_000, 5, 5),
        memory("headgate", 0, 45, 250),
        memory("headgate", 20_000, 48, 280),
        memory("headgate", 200_000, 49, 300),
        memory("tensorzero", 9_000, 69, 69),
    ]
    return results


def outcomes(results: Results) -> dict[str, str]:
    return {verdict.promise: verdict.outcome for verdict in verdicts(results)}


def test_the_table_and_its_verdicts() -> None:
    said = markdown(everything())
    if os.environ.get("UPDATE_SNAPSHOTS"):
        SNAPSHOT.write_text(said, encoding="utf-8")
    assert said == SNAPSHOT.read_text(encoding="utf-8")


def test_disturbed_runs_do_not_count_where_there_are_others() -> None:
    results = everything()
    assert results.cpu_us("headgate", "json") == 51.0
    results.closed = [run for run in results.closed if run.disturbed]
    assert results.cpu_us("headgate", "json") == 9_000.0


def test_results_are_read_again_as_they_were_written() -> None:
    results = everything()
    again = msgspec.json.decode(json.dumps(dataclasses.asdict(results)), type=Results)
    assert again == results


def breakages() -> Iterator[tuple[str, Callable[[Results], None]]]:
    """For each promise a part of its text, and what makes it break."""

    def slower(kind: Kind, cpu_us: float) -> Callable[[Results], None]:
        return lambda results: results.closed.extend([closed("headgate", kind, 100.0, cpu_us)] * 9)

    def late(results: Results) -> None:
        results.opened.extend([opened("headgate", 7500.0, 0.3, 2.5)] * 3)

    def larger(megabytes: float, system: float) -> Callable[[Results], None]:
        return lambda results: results.memory.append(memory("headgate", 200_000, megabytes, system))

    yield "per call at most 5 ×", slower("json", 101.0)
    yield "half of TensorZero", slower("json", 121.0)
    yield "per call at most 3 ×", slower("json", 61.0)
    yield "stretch: gateway CPU", slower("json", 41.0)
    yield "arriving whole", slower("whole", 151.0)
    yield "under 2 ms", late
    yield "process under 80 MB", larger(81, 300)
    yield "process flat", larger(58, 300)
    yield "the whole system", larger(49, 513)
    yield (
        "connections are kept",
        lambda results: results.closed.append(
            closed("headgate", "json", 15_000.0, 50.0, upstream_connections=75_000)
        ),
    )
    yield (
        "on record",
        lambda results: results.closed.extend(
            [dataclasses.replace(run, calls=run.calls + 500) for run in results.closed if run.shipping]
        ),
    )


@pytest.mark.parametrize(("promise", "broken"), list(breakages()), ids=lambda value: str(value)[:24])
def test_each_promise_is_said_not_to_hold_once_it_does_not(
    promise: str, broken: Callable[[Results], None]
) -> None:
    results = everything()
    broken(results)
    [outcome] = [outcome for text, outcome in outcomes(results).items() if promise in text]
    assert outcome == "NOT held"


def test_a_promise_that_was_not_measured_still_stands_in_the_list() -> None:
    found = outcomes(everything())
    empty = outcomes(Results(machine={}, versions={}, date="2026-11-21"))
    assert len(empty) == len(found)
    assert set(empty.values()) == {"not measured"}


def test_the_table_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    page = tmp_path / "README.md"
    page.write_text("before\n<!-- bench:begin -->\nold\n<!-- bench:end -->\nafter\n")
    replace_between(page, "bench", "| new \\1 |\n")
    replace_between(page, "bench", "| newer \\1 |\n")
    assert page.read_text() == "before\n<!-- bench:begin -->\n| newer \\1 |\n<!-- bench:end -->\nafter\n"
    page.write_text("no markers")
    with pytest.raises(SystemExit, match="exactly one place"):
        replace_between(page, "bench", "x")
    assert page.read_text() == "no markers"

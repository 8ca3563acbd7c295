"""What was promised of Headgate's speed and size, beside what was measured. Pure.

A promise that does not hold says so, and one that was not measured says that; none is left out.
Read next: docs/concepts/benchmark.md, docs/concepts/promises.md.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from bench.payloads import STREAMS
from bench.results import Memory, Results

Outcome = Literal["held", "NOT held", "not measured"]

FLAT_MB = 8.0
"""How much more a gateway process may hold after all calls than after the first tenth of them."""

GATEWAY_MB_MAX = 80.0
SYSTEM_MB_MAX = 512.0
RECONNECTS_MAX = 0.01
"""Upstream connections opened for each call, from which on a gateway is said not to keep them."""

_STREAM_NAMES = {"whole": "arriving whole", "event": "arriving event by event", "paced": "paced at 10 ms"}


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """A promise, what was measured, and whether it holds."""

    promise: str
    measured: str
    outcome: Outcome


def verdicts(results: Results) -> list[Verdict]:
    """All promises on speed and size, in the order in which they are made."""
    return [*_cpu(results), *_streams(results), *_latency(results), *_memory(results), *_kept(results)]


def _verdict(promise: str, value: float | None, most: float, shown: Callable[[float], str]) -> Verdict:
    if value is None:
        return Verdict(promise=promise, measured="-", outcome="not measured")
    return Verdict(promise=promise, measured=shown(value), outcome="held" if value <= most else "NOT held")


def _ratio(over: float | None, under: float | None) -> float | None:
    return over / under if over is not None and under else None


def _times(value: float) -> str:
    return f"{value:.2f} ×"


def _cpu(results: Results) -> Iterator[Verdict]:
    own = results.cpu_us("headgate", "json")
    to_nginx = _ratio(own, results.cpu_us("nginx", "json"))
    to_tensorzero = _ratio(own, results.cpu_us("tensorzero", "json"))
    promise = "gateway CPU per call at most {} × nginx's as a proxy"
    yield _verdict(promise.format(5), to_nginx, 5, _times)
    yield _verdict("gateway CPU per call at most half of TensorZero's", to_tensorzero, 0.5, _times)
    yield _verdict(promise.format(3) + ", with our own server", to_nginx, 3, _times)
    yield _verdict("stretch: " + promise.format(2), to_nginx, 2, _times)


def _streams(results: Results) -> Iterator[Verdict]:
    for kind in STREAMS:
        ratio = _ratio(results.cpu_us("headgate", kind), results.cpu_us("nginx", kind))
        yield _verdict(
            f"CPU of a 60-event stream, {_STREAM_NAMES[kind]}, at most 3 × nginx's", ratio, 3, _times
        )


def _latency(results: Results) -> Iterator[Verdict]:
    added = results.added_ms("headgate", results.half_load_rate)
    p99 = added[1] if added else None
    at = f"at half load ({results.half_load_rate:,.0f} calls/s)"
    for text, most in ((f"added p99 {at} under 2 ms", 2.0), (f"stretch: added p99 {at} under 1 ms", 1.0)):
        yield _verdict(text, p99, most, lambda value: f"{value:.2f} ms")


def _memory(results: Results) -> Iterator[Verdict]:
    found = [memory for memory in results.memory if memory.server == "headgate"]
    last: Memory | None = found[-1] if found and found[-1].calls else None
    calls = f"after {last.calls:,} calls" if last else "after many calls"
    growth = last.gateway_rss_mb - found[-2].gateway_rss_mb if last and len(found) > 2 else None
    yield _verdict(
        f"a gateway process under {GATEWAY_MB_MAX:.0f} MB {calls}",
        last.gateway_pss_mb if last else None,
        GATEWAY_MB_MAX,
        lambda value: f"{value:.0f} MB (resident {last.gateway_rss_mb if last else 0:.0f} MB)",
    )
    yield _verdict(
        f"a gateway process flat: under {FLAT_MB:.0f} MB more than after the first tenth of the calls",
        growth,
        FLAT_MB,
        lambda value: f"{value:+.1f} MB",
    )
    yield _verdict(
        f"the whole system, PostgreSQL included, under {SYSTEM_MB_MAX:.0f} MB",
        max((memory.system_pss_mb for memory in found), default=None),
        SYSTEM_MB_MAX,
        lambda value: f"{value:.0f} MB",
    )


def _kept(results: Results) -> Iterator[Verdict]:
    runs = results.closed_of("headgate", "json")
    reconnects = max((run.upstream_connections / max(1, run.calls) for run in runs), default=None)
    yield _verdict(
        "upstream connections are kept: at most one in a hundred calls opens one",
        reconnects,
        RECONNECTS_MAX,
        lambda value: f"{value:.4f} a call",
    )
    missing = [run.calls - run.shipping.records for run in runs if run.shipping and run.shipping.drained]
    yield _verdict(
        "every call answered is on record",
        max(0, *missing) if missing else None,
        0,
        lambda value: f"{value:.0f} missing",
    )

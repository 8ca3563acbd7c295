"""What was promised of Headgate's speed and size, beside what was measured. Pure.

A promise that does not hold says so, and one that was not measured says that; none is left out. What rests
on disturbed runs alone is shown and not judged, but for counts: nobody else's load loses a record.
Read next: docs/concepts/benchmark.md, docs/concepts/promises.md.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from bench.payloads import STREAMS, Kind
from bench.results import Memory, Results

Outcome = Literal["held", "NOT held", "not measured", "not measured (disturbed)"]
Sort = Literal["correctness", "figure", "stretch"]

OWN = "headgate"
UVICORN = "headgate-uvicorn"

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
    sort: Sort = "figure"


def verdicts(results: Results) -> list[Verdict]:
    """All promises on speed and size, in the order in which they are made."""
    return [
        *_cpu(results),
        *_streams(results),
        *_latency(results),
        *_memory(results),
        _connections(results),
        _answered(results),
        _on_record(results),
    ]


def is_failed(results: Results, *, strict: bool) -> bool:
    """Whether the bench as a whole has failed: Headgate or nginx not measured to the end, or not correct.

    A figure that does not hold makes it fail only if it is `strict`; a stretch never does.
    """
    counting = ("correctness", "figure") if strict else ("correctness",)
    broken = any(one.outcome == "NOT held" and one.sort in counting for one in verdicts(results))
    return broken or any(name in ("nginx", OWN, UVICORN) for name in results.unfinished)


@dataclass(frozen=True, kw_only=True)
class _Figure:
    value: float
    disturbed: bool


def _verdict(
    promise: str,
    figure: _Figure | None,
    most: float,
    shown: Callable[[float], str],
    sort: Sort = "figure",
) -> Verdict:
    if figure is None:
        return Verdict(promise=promise, measured="-", outcome="not measured", sort=sort)
    outcome: Outcome = "held" if figure.value <= most else "NOT held"
    if figure.disturbed:
        outcome = "not measured (disturbed)"
    return Verdict(promise=promise, measured=shown(figure.value), outcome=outcome, sort=sort)


def _counted(value: float | None) -> _Figure | None:
    return None if value is None else _Figure(value=value, disturbed=False)


def _ratio(results: Results, over: str, under: str, kind: Kind) -> _Figure | None:
    above, below = results.cpu_us(over, kind), results.cpu_us(under, kind)
    if above is None or not below:
        return None
    disturbed = results.is_disturbed(over, kind) or results.is_disturbed(under, kind)
    return _Figure(value=above / below, disturbed=disturbed)


def _times(value: float) -> str:
    return f"{value:.2f} ×"


def _cpu(results: Results) -> Iterator[Verdict]:
    promise = "gateway CPU per call at most {} × nginx's as a proxy"
    yield _verdict(promise.format(5) + ", with uvicorn", _ratio(results, UVICORN, "nginx", "json"), 5, _times)
    to_tensorzero = _ratio(results, UVICORN, "tensorzero", "json")
    yield _verdict(
        "gateway CPU per call at most half of TensorZero's, with uvicorn", to_tensorzero, 0.5, _times
    )
    own = _ratio(results, OWN, "nginx", "json")
    yield _verdict(promise.format(3) + ", with our own server", own, 3, _times)
    yield _verdict("stretch: " + promise.format(2) + ", with our own server", own, 2, _times, "stretch")
    gain = _ratio(results, OWN, UVICORN, "json")
    yield _verdict("gateway CPU per call less with our own server than with uvicorn", gain, 1, _times)


def _streams(results: Results) -> Iterator[Verdict]:
    for kind in STREAMS:
        promise = f"CPU of a 60-event stream, {_STREAM_NAMES[kind]}, at most 3 × nginx's"
        yield _verdict(promise, _ratio(results, OWN, "nginx", kind), 3, _times)


def _latency(results: Results) -> Iterator[Verdict]:
    rate = results.half_load_rate
    added = results.added(OWN, rate)
    failed = sum(run.failed for run in results.opened_at(OWN, rate))
    at = (
        f"at {rate:,.0f} calls/s, as given,"
        if results.is_rate_given
        else f"at half load ({rate:,.0f} calls/s)"
    )
    judged: tuple[tuple[str, float, Sort], ...] = (
        (f"added p99 {at} under 2 ms", 2.0, "figure"),
        (f"stretch: added p99 {at} under 1 ms", 1.0, "stretch"),
    )
    for promise, most, sort in judged:
        if failed:
            yield Verdict(promise=promise, measured=f"{failed:,} calls failed", outcome="NOT held", sort=sort)
            continue
        figure = _Figure(value=added.p99_ms, disturbed=added.disturbed) if added else None
        yield _verdict(promise, figure, most, lambda value: f"{value:.2f} ms", sort)


def _memory(results: Results) -> Iterator[Verdict]:
    found = [memory for memory in results.memory if memory.server == OWN]
    last: Memory | None = found[-1] if found and found[-1].calls else None
    calls = f"after {last.calls:,} calls" if last else "after many calls"
    growth = last.gateway_rss_mb - found[-2].gateway_rss_mb if last and len(found) > 2 else None
    yield _verdict(
        f"a gateway process under {GATEWAY_MB_MAX:.0f} MB {calls}",
        _counted(last.gateway_rss_mb if last else None),
        GATEWAY_MB_MAX,
        lambda value: f"{value:.0f} MB ({last.gateway_pss_mb if last else 0:.0f} MB proportional)",
    )
    yield _verdict(
        f"a gateway process flat: under {FLAT_MB:.0f} MB more than after the first tenth of the calls",
        _counted(growth),
        FLAT_MB,
        lambda value: f"{value:+.1f} MB",
    )
    yield _verdict(
        f"the whole system, PostgreSQL included, under {SYSTEM_MB_MAX:.0f} MB",
        _counted(max((memory.system_pss_mb for memory in found), default=None)),
        SYSTEM_MB_MAX,
        lambda value: f"{value:.0f} MB",
    )


def _connections(results: Results) -> Verdict:
    runs = [run for run in results.closed if run.server == OWN and run.kind == "json"]
    # One for each call in flight has to be opened once.
    reconnects = max(
        (max(0, run.upstream_connections - run.connections) / max(1, run.calls) for run in runs), default=None
    )
    return _verdict(
        "upstream connections are kept: at most one in a hundred calls opens one",
        _counted(reconnects),
        RECONNECTS_MAX,
        lambda value: f"{value:.4f} a call",
    )


def _answered(results: Results) -> Verdict:
    runs = [
        run
        for run in [*results.closed, *results.opened, *results.memory]
        if run.server in (OWN, UVICORN) and run.calls
    ]
    # A figure, as to refuse in time of need is no mistake.
    return _verdict(
        "no call is refused or broken off",
        _counted(sum(run.failed for run in runs) if runs else None),
        0,
        lambda value: f"{value:,.0f} failed",
    )


def _on_record(results: Results) -> Verdict:
    """Judge loads of an exact number by equality; wrk's, which cuts its last calls, by what is missing."""
    promise = "every call answered is on record, exactly once"
    cut = [(run.calls, run.shipping) for run in results.closed if run.server in (OWN, UVICORN)]
    shipped = [(calls, shipping) for calls, shipping in cut if shipping]
    exact = [one for one in results.recorded if one.server in (OWN, UVICORN)]
    stuck = sum(not shipping.drained for _, shipping in shipped) + sum(not one.drained for one in exact)
    outcome: Outcome = "held"
    if not shipped and not exact:
        outcome, measured = "not measured", "-"
    elif stuck:
        outcome, measured = (
            "NOT held",
            f"not all had arrived after {stuck} of {len(shipped) + len(exact)} runs",
        )
    else:
        missing = sum(max(0, calls - shipping.records) for calls, shipping in shipped)
        missing += sum(one.missing for one in exact)
        surplus = sum(one.surplus for one in exact)
        measured = f"{missing:,} missing, {surplus:,} too many"
        if missing or surplus:
            outcome = "NOT held"
    return Verdict(promise=promise, measured=measured, outcome=outcome, sort="correctness")

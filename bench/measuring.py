"""One run of load on one server: what it did, what it cost, and whether the machine was left alone meanwhile.

Never repeats and never compares. Read next: `rounds`, which does, and `results` for what a run is.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from bench.loads import Closed, LoadFailed, Target, Timed, closed_loop, counted_calls, open_loop
from bench.machine import Cores, cpu_s, pss_mb, rss_mb, tree, used
from bench.payloads import Kind
from bench.results import ClosedRun, Memory, OpenRun, Recorded, Shipping
from bench.serving import Serving, Waiting
from bench.upstream import Upstream

T = TypeVar("T")

RESTING_CORES = 0.15
PARTS = ("shipper", "postgres")
SETTLE_S_MAX = 5.0
"""How long after a load's last answer its last record may be written."""


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What the machine spent between two moments."""

    seconds: float
    gateway_s: float
    foreign_cores: float
    stolen_cores: float
    connections: int


@dataclass(frozen=True, kw_only=True)
class Bench:
    """Where a run happens: cores, upstreams, and a folder for files."""

    cores: Cores
    upstream: Upstream
    folder: Path
    own_pid: int
    connections: int
    warm_s: float
    drain_s_max: float
    servings: Sequence[Serving] = ()
    """All servers that are up: what those use that are not asked is not somebody else's, up to a bound."""

    def target(self, serving: Serving, kind: Kind) -> Target:
        """The load's target on a server."""
        return Target(port=serving.port_of(kind), ask=serving.asks[kind], folder=self.folder)

    def cost(self, serving: Serving, load: Callable[[], T]) -> tuple[T, Cost]:
        """Run a load and say what it cost. Raises LoadFailed, also when the gateway process has ended."""
        counts, at = self.upstream.counts(), time.monotonic()
        machine, known, gateway = used(), self._known_s(serving), cpu_s(serving.gateway)
        resting = self._resting_s(serving)
        result = load()
        if not all(Path(f"/proc/{pid}").exists() for pid in serving.gateway):
            raise LoadFailed("its process has ended under load")
        seconds = time.monotonic() - at
        after = used()
        # Servers at rest tick and poll a little, in all runs alike; more than that is a disturbance.
        rested_s = min(self._resting_s(serving) - resting, RESTING_CORES * seconds)
        known_s = self._known_s(serving) - known + rested_s
        return result, Cost(
            seconds=seconds,
            gateway_s=cpu_s(serving.gateway) - gateway,
            foreign_cores=max(0.0, after.busy_s - machine.busy_s - known_s) / seconds,
            stolen_cores=(after.stolen_s - machine.stolen_s) / seconds,
            # Less the two that asking takes.
            connections=self.upstream.counts().connections - counts.connections - 2,
        )

    def _known_s(self, serving: Serving) -> float:
        # The bench itself with the load clients that it has waited for; not the servers that it has started.
        own = cpu_s({self.own_pid}, with_ended=True)
        return own + cpu_s(serving.everything() | tree(self.upstream.pids), with_ended=True)

    def _resting_s(self, serving: Serving) -> float:
        others = [other.everything() for other in self.servings if other.name != serving.name]
        return cpu_s(frozenset[int]().union(*others), with_ended=True)


def measure_closed(bench: Bench, serving: Serving, kind: Kind, seconds: float, connections: int) -> ClosedRun:
    """Keep a server full and say what each call cost it."""
    target = bench.target(serving, kind)
    closed_loop(target, connections=connections, seconds=bench.warm_s)
    shipped = _Shipped(bench, serving)

    def load() -> Closed:
        result = closed_loop(target, connections=connections, seconds=seconds)
        shipped.look()
        return result

    result, cost = bench.cost(serving, load)
    calls = max(1, result.calls - result.refused)
    return ClosedRun(
        server=serving.name,
        kind=kind,
        connections=connections,
        calls=result.calls - result.refused,
        failed=result.refused + result.broken,
        per_s=(result.calls - result.refused) / result.seconds,
        cpu_us=cost.gateway_s * 1e6 / calls,
        p50_ms=result.p50_us / 1e3,
        p99_ms=result.p99_us / 1e3,
        foreign_cores=cost.foreign_cores,
        stolen_cores=cost.stolen_cores,
        upstream_connections=cost.connections,
        shipping=shipped.result(calls),
    )


class _Shipped:
    """Watches one load's records on their way to the database. Does nothing for a server that keeps none."""

    def __init__(self, bench: Bench, serving: Serving) -> None:
        wait_until_shipped(bench, serving)
        self._bench = bench
        self._serving = serving
        self._rows = serving.journal.count_records() if serving.journal else 0
        self._before = serving.journal.waiting() if serving.journal else Waiting()
        self._left = self._before
        self._looked = 0.0
        self._spent_s = self._parts_s()

    def look(self) -> None:
        """See what waits, at once after the load."""
        if self._serving.journal:
            self._looked = time.monotonic()
            self._left = self._serving.journal.waiting()

    def result(self, calls: int) -> Shipping | None:
        """Wait until all has arrived and say what that took; records are counted when that is over."""
        if self._serving.journal is None:
            return None
        drained = wait_until_shipped(self._bench, self._serving)
        drain_s = time.monotonic() - self._looked
        spent = {name: used_s - self._spent_s[name] for name, used_s in self._parts_s().items()}
        records = _records_since(self._serving, self._rows, calls)
        written = max(1, self._left.written_bytes - self._before.written_bytes)
        return Shipping(
            shipper_us=spent["shipper"] * 1e6 / calls,
            postgres_us=spent["postgres"] * 1e6 / calls,
            backlog_bytes=self._left.journal_bytes,
            backlog_records=round(records * min(1.0, self._left.accounting_bytes / written)),
            drain_s=drain_s,
            drained=drained,
            records=records,
        )

    def _parts_s(self) -> dict[str, float]:
        return {name: cpu_s(self._serving.part(name), with_ended=True) for name in PARTS}


def wait_until_shipped(bench: Bench, serving: Serving) -> bool:
    """Wait until the database has all that the journal holds; False when that takes too long."""
    if serving.journal is None:
        return True
    deadline = time.monotonic() + bench.drain_s_max
    while serving.journal.waiting().journal_bytes > 0:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def _records_since(serving: Serving, rows: int, expected: int) -> int:
    """Records since there were so many; a last one may be written just after its call was answered."""
    if serving.journal is None:
        return 0
    deadline = time.monotonic() + SETTLE_S_MAX
    while (records := serving.journal.count_records() - rows) < expected and time.monotonic() < deadline:
        time.sleep(0.2)
    return records


def measure_open(bench: Bench, serving: Serving, rate: float, seconds: float) -> OpenRun:
    """Make calls at a fixed rate and say how long they took."""
    wait_until_shipped(bench, serving)
    target = bench.target(serving, "json")
    connections = bench.connections
    load, cost = bench.cost(
        serving,
        lambda: open_loop(target, rate=rate, seconds=seconds, warm_s=bench.warm_s, connections=connections),
    )
    return OpenRun(
        server=serving.name,
        rate=rate,
        calls=load.counted,
        failed=load.refused + load.broken + load.unanswered,
        p50_ms=load.p50_us / 1e3,
        p99_ms=load.p99_us / 1e3,
        late_p99_ms=load.late_p99_us / 1e3,
        foreign_cores=cost.foreign_cores,
        stolen_cores=cost.stolen_cores,
        upstream_connections=cost.connections,
    )


def measure_memory(serving: Serving, calls: int, failed: int) -> Memory:
    """What the server holds now, after so many calls, of the last of which so many have failed."""
    return Memory(
        server=serving.name,
        calls=calls,
        failed=failed,
        gateway_rss_mb=rss_mb(tree(serving.gateway)),
        gateway_pss_mb=pss_mb(tree(serving.gateway)),
        system_pss_mb=pss_mb(serving.everything() - serving.part("watching")),
    )


@dataclass(frozen=True, kw_only=True)
class Made:
    """An exact number of calls that were made, and for a server that keeps records what is on record."""

    load: Timed
    recorded: Recorded | None


def make_calls(bench: Bench, serving: Serving, calls: int, timeout_s: float) -> Made | None:
    """Make so many calls and wait until they are on record; None when there was no time for them."""
    wait_until_shipped(bench, serving)
    rows = serving.journal.count_records() if serving.journal else 0
    load = counted_calls(
        bench.target(serving, "json"), calls=calls, connections=bench.connections, timeout_s=timeout_s
    )
    if load is None or serving.journal is None:
        return Made(load=load, recorded=None) if load else None
    drained = wait_until_shipped(bench, serving)
    recorded = Recorded(
        server=serving.name,
        answered=load.ok,
        failed=load.refused + load.broken,
        records=_records_since(serving, rows, load.ok),
        drained=drained,
    )
    return Made(load=load, recorded=recorded)

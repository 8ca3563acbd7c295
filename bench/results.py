"""What the benchmark has found: each run as it was, and the whole, which is written as JSON. Pure.

Read next: `verdicts` and `table`, which are made from it.
"""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from bench.payloads import Kind

DISTURBED_CORES = 0.1
"""Foreign use of the machine, or what its host took, from which on a run counts as disturbed."""


@dataclass(frozen=True, kw_only=True)
class Shipping:
    """What bringing records to the database cost: CPU a call until all was there, and what waited."""

    shipper_us: float
    postgres_us: float
    control_us: float
    backlog_bytes: int
    backlog_records: int
    drain_s: float
    drained: bool
    records: int


@dataclass(frozen=True, kw_only=True)
class ClosedRun:
    """A server kept full: calls or streams a second, and the CPU of its gateway process for each."""

    server: str
    kind: Kind
    connections: int
    calls: int
    failed: int
    per_s: float
    cpu_us: float
    p50_ms: float
    p99_ms: float
    core_share: float
    foreign_cores: float
    stolen_cores: float
    upstream_connections: int
    shipping: Shipping | None

    @property
    def disturbed(self) -> bool:
        """Whether others used the machine meanwhile."""
        return self.foreign_cores > DISTURBED_CORES or self.stolen_cores > DISTURBED_CORES


@dataclass(frozen=True, kw_only=True)
class OpenRun:
    """A server asked at a fixed rate: how long calls took from when they were due."""

    server: str
    rate: float
    calls: int
    failed: int
    p50_ms: float
    p90_ms: float
    p99_ms: float
    p999_ms: float
    max_ms: float
    late_p99_ms: float
    core_share: float
    foreign_cores: float
    stolen_cores: float
    upstream_connections: int

    @property
    def disturbed(self) -> bool:
        """Whether others used the machine meanwhile."""
        return self.foreign_cores > DISTURBED_CORES or self.stolen_cores > DISTURBED_CORES


@dataclass(frozen=True, kw_only=True)
class Memory:
    """What a server's gateway process and its whole system hold, in MB."""

    server: str
    calls: int
    failed: int
    gateway_rss_mb: float
    gateway_pss_mb: float
    system_pss_mb: float


@dataclass(kw_only=True)
class Results:
    """All that was measured, in the order in which it was."""

    machine: Mapping[str, str]
    versions: Mapping[str, str]
    date: str
    half_load_rate: float = 0.0
    closed: list[ClosedRun] = field(default_factory=list[ClosedRun])
    opened: list[OpenRun] = field(default_factory=list[OpenRun])
    memory: list[Memory] = field(default_factory=list[Memory])
    instructions: dict[str, float] = field(default_factory=dict[str, float])
    notes: dict[str, list[str]] = field(default_factory=dict[str, list[str]])

    def closed_of(self, server: str, kind: Kind) -> list[ClosedRun]:
        """A server's runs of a kind: those that were left alone, or all if there is none."""
        runs = [run for run in self.closed if run.server == server and run.kind == kind]
        return [run for run in runs if not run.disturbed] or runs

    def opened_of(self, server: str, rate: float) -> list[OpenRun]:
        """A server's runs at a rate, likewise."""
        runs = [run for run in self.opened if run.server == server and abs(run.rate - rate) < 0.5]
        return [run for run in runs if not run.disturbed] or runs

    def cpu_us(self, server: str, kind: Kind) -> float | None:
        """The median CPU a call of the gateway process."""
        return median(self.closed_of(server, kind), lambda run: run.cpu_us)

    def per_s(self, server: str, kind: Kind) -> float | None:
        """The median of calls or streams a second."""
        return median(self.closed_of(server, kind), lambda run: run.per_s)

    def added_ms(self, server: str, rate: float) -> tuple[float, float] | None:
        """The median p50 and p99 at a rate, less those of calls made directly at that rate."""
        through, direct = self.opened_of(server, rate), self.opened_of("direct", rate)
        if not through or not direct:
            return None
        return (
            statistics.median(run.p50_ms for run in through)
            - statistics.median(run.p50_ms for run in direct),
            statistics.median(run.p99_ms for run in through)
            - statistics.median(run.p99_ms for run in direct),
        )


Run = ClosedRun | OpenRun


def median(runs: Sequence[ClosedRun], figure: Callable[[ClosedRun], float]) -> float | None:
    """The median of a figure over runs; None where there are none."""
    return statistics.median(figure(run) for run in runs) if runs else None

"""What the benchmark has found: each run as it was, and the whole, which is written as JSON. Pure.

Read next: `verdicts` and `table`, which are made from it.
"""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from bench.payloads import Kind

DISTURBED_CORES = 0.1
"""Foreign use of the machine, or what its host took, from which on a run counts as disturbed."""

LATE_MS = 2.0
LATE_DIRECT_MS = 0.5
"""How late the load client may send its calls, at p99, before its run counts as disturbed.

Through a server that counts against the server, whose own shipper may be what keeps the client from its core.
Made directly it counts for all servers, since it is subtracted.
"""

NOISE_MS = 0.1
"""How much slower the direct p99 may be than the one through a server, by chance."""


@dataclass(frozen=True, kw_only=True)
class Shipping:
    """What bringing records to the database cost: CPU a call until all was there, and what waited."""

    shipper_us: float
    postgres_us: float
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
    """A server asked at a fixed rate: how long calls took from when they were due.

    `late_p99_ms`: how long after that the client sent them although it had a free connection.
    """

    server: str
    rate: float
    calls: int
    failed: int
    p50_ms: float
    p99_ms: float
    late_p99_ms: float
    foreign_cores: float
    stolen_cores: float
    upstream_connections: int

    @property
    def is_client_late(self) -> bool:
        """Whether the load client itself was late, so that the times are in part its own."""
        return self.late_p99_ms > (LATE_DIRECT_MS if self.server == "direct" else LATE_MS)

    @property
    def disturbed(self) -> bool:
        """Whether others used the machine meanwhile, or the client was late."""
        foreign = self.foreign_cores > DISTURBED_CORES or self.stolen_cores > DISTURBED_CORES
        return foreign or self.is_client_late


@dataclass(frozen=True, kw_only=True)
class Memory:
    """What a server's gateway process and its whole system hold, in MB."""

    server: str
    calls: int
    failed: int
    gateway_rss_mb: float
    gateway_pss_mb: float
    system_pss_mb: float


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """An exact number of calls, and the records that came of them. `drained`: whether all had arrived."""

    server: str
    answered: int
    failed: int
    records: int
    drained: bool

    @property
    def missing(self) -> int:
        """Calls that were answered and are not on record."""
        return max(0, self.answered - self.records)

    @property
    def surplus(self) -> int:
        """Records of no call. One that failed may be on record or not."""
        return max(0, self.records - self.answered - self.failed)


@dataclass(frozen=True, kw_only=True)
class Added:
    """What a server adds to direct calls, in ms. `disturbed`: one side was never measured undisturbed."""

    p50_ms: float
    p99_ms: float
    disturbed: bool


@dataclass(kw_only=True)
class Results:
    """All that was measured, in the order in which it was.

    `half_load_rate` is half of what Headgate answers, unless a rate was given. `unfinished`: servers that
    were not measured to the end.
    """

    machine: Mapping[str, str]
    versions: Mapping[str, str]
    date: str
    half_load_rate: float = 0.0
    is_rate_given: bool = False
    closed: list[ClosedRun] = field(default_factory=list[ClosedRun])
    opened: list[OpenRun] = field(default_factory=list[OpenRun])
    memory: list[Memory] = field(default_factory=list[Memory])
    recorded: list[Recorded] = field(default_factory=list[Recorded])
    instructions: dict[str, float] = field(default_factory=dict[str, float])
    notes: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    unfinished: list[str] = field(default_factory=list[str])

    def closed_of(self, server: str, kind: Kind) -> list[ClosedRun]:
        """A server's runs of a kind: those that were left alone, or all if there is none."""
        return undisturbed([run for run in self.closed if run.server == server and run.kind == kind])

    def opened_at(self, server: str, rate: float) -> list[OpenRun]:
        """All of a server's runs at a rate."""
        return [run for run in self.opened if run.server == server and abs(run.rate - rate) < 0.5]

    def is_disturbed(self, server: str, kind: Kind) -> bool:
        """Whether what is said of a server's runs of a kind rests on disturbed ones."""
        return any(run.disturbed for run in self.closed_of(server, kind))

    def cpu_us(self, server: str, kind: Kind) -> float | None:
        """The median CPU a call of the gateway process."""
        return median(self.closed_of(server, kind), lambda run: run.cpu_us)

    def per_s(self, server: str, kind: Kind) -> float | None:
        """The median of calls or streams a second."""
        return median(self.closed_of(server, kind), lambda run: run.per_s)

    def added(self, server: str, rate: float) -> Added | None:
        """The median p50 and p99 at a rate, less those of calls made directly at that rate.

        Calls that are faster through a server than without it, by more than noise, were disturbed.
        """
        through = undisturbed(self.opened_at(server, rate))
        direct = undisturbed(self.opened_at("direct", rate))
        if not through or not direct:
            return None
        p50_ms, p99_ms = (
            statistics.median(figure(run) for run in through)
            - statistics.median(figure(run) for run in direct)
            for figure in (_p50_ms, _p99_ms)
        )
        used_disturbed = any(run.disturbed for run in [*through, *direct])
        return Added(p50_ms=p50_ms, p99_ms=p99_ms, disturbed=used_disturbed or p99_ms < -NOISE_MS)


Run = ClosedRun | OpenRun
R = TypeVar("R", bound=Run)


def undisturbed(runs: Sequence[R]) -> list[R]:
    """Those that were left alone, or all if there is none."""
    return [run for run in runs if not run.disturbed] or list(runs)


def median(runs: Sequence[ClosedRun], figure: Callable[[ClosedRun], float]) -> float | None:
    """The median of a figure over runs; None where there are none."""
    return statistics.median(figure(run) for run in runs) if runs else None


def _p50_ms(run: OpenRun) -> float:
    return run.p50_ms


def _p99_ms(run: OpenRun) -> float:
    return run.p99_ms

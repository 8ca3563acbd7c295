"""A simulated deployment under one seed: hosts, processes, a database, a network, and a clock.

Nothing here reads a clock, draws from another source of chance, or waits: a seed means the same each time.
Read next: `events` (what can happen), `healing` (what must hold in the end), `gateway`, `shipping`.
"""

from collections.abc import Callable
from random import Random
from typing import Any

import msgspec
from tests.simulation import calls
from tests.simulation.books import Books
from tests.simulation.calls import Attempt, Call
from tests.simulation.disk import SimJournal
from tests.simulation.gateway import GatewayProcess, Killed
from tests.simulation.line import Flight
from tests.simulation.model_database import ModelDatabase
from tests.simulation.model_rows import Tables
from tests.simulation.plan import Plan, plan_of
from tests.simulation.shipping import SimShipper

from headgate.meters.model import Budget
from headgate.meters.scope import Meter


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """The classes that a world is made of; a planted fault puts another in one's place."""

    database: type[ModelDatabase] = ModelDatabase
    gateway: type[GatewayProcess] = GatewayProcess
    shipper: type[SimShipper] = SimShipper
    focus: dict[str, Any] = {}
    """Fields of the plan that are set, whatever the seed says; `weights` are added."""


class Host:
    """A machine: its disk, its clocks, its processes."""

    def __init__(self, world: "World", name: str) -> None:
        self.world = world
        self.name = name
        self.journals: dict[str, SimJournal] = {}
        self.processes: list[GatewayProcess] = []
        self.shipper = world.parts.shipper(world, self)
        self.wall_ms = 0
        """How far this host's wall clock is ahead."""
        self.lag_ms = 0
        """For how long this host has slept; its monotonic clock stood still then."""
        self.table_ms = world.random.choice((0, 0, 0, 0, 1_800_000))
        """By how much this host's table of time zones differs from the others'."""
        self.is_partitioned = False


class World:
    """One schedule."""

    def __init__(self, seed: int, *, parts: Parts | None = None, is_traced: bool = False) -> None:
        self.parts = parts or Parts()
        self.plan: Plan = plan_of(seed)
        for name, value in self.parts.focus.items():
            setattr(self.plan, name, {**self.plan.weights, **value} if name == "weights" else value)
        self.random = Random(seed ^ 0x5EED)
        self.trace: list[str] | None = [] if is_traced else None
        self.now_ms = self.plan.start_ms
        self.database = self.parts.database()
        self.database.now_ms = self.now_ms
        self.clock_jump_ms = 0
        self.books = Books(self.database)
        self.books.is_durable = self.plan.is_durable
        self.is_database_up = True
        self.standby: Tables | None = None
        self.messages: list[Flight] = []
        self.working: list[Attempt] = []
        self.calls = 0
        self.admitted = 0
        self.poisoned = 0
        self.is_torn = False
        self.is_calm = False
        """Whether all is mended and nothing more goes wrong."""
        self.hosts = [Host(self, f"h{number}") for number in range(1, self.plan.hosts + 1)]
        self.journals: list[SimJournal] = []
        for number in range(self.plan.processes):
            self.start(self.hosts[number % len(self.hosts)])
        self.checkpoint()

    # What the parts ask of their world.

    def say(self, text: str) -> None:
        """Leave a line in the trace."""
        if self.trace is not None:
            self.trace.append(f"{self.now_ms - self.plan.start_ms:>7} ms  {text}")

    def fuse(self) -> int:
        """After how many steps a new process is killed; 0 for never."""
        return 0 if not self.plan.kills else 1 + int(self.random.expovariate(self.plan.kills))

    def counted(self, call: Call) -> list[tuple[Budget, Meter]]:
        """Return what counts a call."""
        subject = f"user={call.number % self.plan.subjects}" if self.plan.subjects > 1 else ""
        return [(budget, Meter(budget.id, subject)) for budget in self.plan.budgets]

    def send(self, attempt: Attempt) -> None:
        """A provider has got an attempt."""
        self.admitted += 1
        calls.send(attempt, self.random, attempt.call.process.now_ms if attempt.call.process else 0)
        self.working.append(attempt)

    def cut(self, attempt: Attempt) -> int:
        """A stream is cut; return the most that its provider can bill then."""
        if not attempt.is_billed:
            attempt.is_billed = True
            self.books.bill(attempt, self.random.randrange(attempt.most + 1))
        if not attempt.is_bounded:
            return max(attempt.hold, attempt.bill)
        return self.random.randrange(attempt.bill, attempt.hold + 1)

    def can_reach(self, host: Host) -> bool:
        """Say whether the database answers this host."""
        return self.is_database_up and not host.is_partitioned

    def checkpoint(self) -> None:
        """What an asynchronous standby has of the commits so far."""
        if self.plan.may_lose_commits and (self.standby is None or self.random.random() < 0.1):
            self.standby = self.database.tables.copy()

    @property
    def processes(self) -> list[GatewayProcess]:
        """All that live."""
        return [process for host in self.hosts for process in host.processes]

    # Processes.

    def start(self, host: Host) -> GatewayProcess:
        """Start a gateway process on a host."""
        process = self.parts.gateway(self, host, f"p{len(self.journals) + 1}")
        host.processes.append(process)
        self.journals.append(process.journal)
        return process

    def run_in(self, process: GatewayProcess, step: Callable[..., None], *values: object) -> None:
        """Let a process do something; it may be killed in the middle."""
        if not process.is_alive:
            return
        try:
            step(*values)
        except Killed:
            self.is_torn = True
            self.kill(process)

    def kill(self, process: GatewayProcess) -> None:
        """End a process here and now; its host starts another."""
        self.say(f"{process.name} is killed")
        self.end(process)
        self.start(process.host)

    def end(self, process: GatewayProcess) -> None:
        """A process is no more: the kernel lets go of its lock."""
        process.is_alive = False
        process.journal.has_writer = False
        process.journal.version += 1
        process.host.processes.remove(process)

    # The network and the providers.

    def execute(self, flight: Flight) -> None:
        """The database gets a request and commits."""
        line, database = flight.line, self.database
        if flight.asks:
            flight.answer = database.grant(line.boot_id, flight.asks)
            self.books.committed(may_grant=True)
        elif flight.looked_up:
            flight.answer = database.held(line.boot_id, flight.looked_up)
        else:
            flight.answer = database.give_back(line.boot_id, flight.told)
            self.books.committed()
        self.checkpoint()
        flight.is_executed, flight.executed_ms = True, database.now_ms
        if self.trace is not None:
            self.say(f"database executes the {flight} of {line.name}: {flight.answer}")
        if database.recalls:
            self._notify()

    def _notify(self) -> None:
        notices, self.database.recalls = self.database.recalls, []
        for window, boot in notices:
            for process in self.processes:
                if self.random.random() >= self.plan.lost and self.can_reach(process.host):
                    process.recall(window, boot)

    def deliver(self, flight: Flight) -> None:
        """An answer arrives, if anyone is there for it."""
        line = flight.line
        if isinstance(line, GatewayProcess):
            self.run_in(line, line.land, flight)

    def lose(self, flight: Flight) -> None:
        """A connection breaks."""
        line = flight.line
        if isinstance(line, GatewayProcess):
            self.run_in(line, line.lose, flight)

    def provide(self, attempt: Attempt) -> None:
        """A provider goes on with its work: bills, then answers."""
        if not attempt.is_billed and attempt.outcome != "unreachable":
            attempt.is_billed = True
            amount = calls.bill_of(attempt, self.random)
            self.say(f"the provider of {attempt} bills {amount}, and {attempt.outcome}")
            self.books.bill(attempt, amount)
            if self.random.random() < 0.4:
                return
        self.working.remove(attempt)
        process = attempt.call.process
        assert process is not None
        self.run_in(process, process.answered, attempt)

    def advance(self, ms: int) -> None:
        """Time passes."""
        self.now_ms += ms
        self.database.now_ms = self.now_ms + self.clock_jump_ms

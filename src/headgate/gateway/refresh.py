"""Keeps a gateway in step with the database: keys, meters, the active snapshot, and the clock.

Polls every 250 ms and on NOTIFY; a change is swapped in whole, between calls, and so are the prices of a day
that begins (UTC). While the database is away the last state serves, from memory or from disk, for as long as
`access.book` allows. Read next: `gateway.live`.
"""

import asyncio
import contextlib
import logging
import os
import uuid
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Final

from headgate.access import gateways
from headgate.access.book import AccessBook
from headgate.config import snapshots
from headgate.config.compile import compile_stored
from headgate.config.secrets import Secrets
from headgate.config.snapshot import Snapshot
from headgate.core.faults import Fault, Misconfigured
from headgate.core.pages import now_of
from headgate.experiments.model import ASSIGNMENT_ID
from headgate.gateway.catching_up import catch_up
from headgate.gateway.live import KnownState, LiveState, read_state, write_state
from headgate.gateway.overriding import Overriding
from headgate.gateway.plane import Current
from headgate.gateway.proofs import Proofs, ProofSource
from headgate.gateway.trials import trials_of
from headgate.store.clock import DatabaseClock
from headgate.store.database import Connection, Database
from headgate.store.tasks import end_tasks

log = logging.getLogger("headgate.gateway")

POLL_S: Final = 0.25
SAVE_EVERY_S: Final = 2.0
SAVE_S_MAX: Final = 0.2
CLOCK_EVERY_S: Final = 10.0


class Identity:
    """Who this gateway is: its boot, its name, and where it keeps its copy of the last state."""

    __slots__ = ("boot", "folder", "host_id", "name")

    def __init__(self, boot: uuid.UUID, name: str, folder: Path) -> None:
        self.boot = boot
        self.name = name
        self.folder = folder
        self.host_id = host_id_of(folder)

    @property
    def keys_path(self) -> Path:
        """The copy of the keys."""
        return self.folder / f"{self.name.replace(' ', '-')}.keys"

    @property
    def state_path(self) -> Path:
        """The copy of the snapshot and the meters."""
        return self.folder / f"{self.name.replace(' ', '-')}.state"


def host_id_of(folder: Path) -> str:
    """Return the id of this data folder, made at its first start: names of hosts aren't unique. Blocks."""
    path = folder / "host.id"
    beside = folder / f"host.{uuid.uuid4().hex}.new"
    if not path.exists():
        beside.write_text(uuid.uuid4().hex)
        with contextlib.suppress(FileExistsError):  # another worker was first
            os.link(beside, path)
        beside.unlink()
    return path.read_text()


class Credentials:
    """Where what providers are called with comes from: the environment, and what proves calls with it."""

    __slots__ = ("_environment", "_proofs")

    def __init__(self, environment: Mapping[str, str], proofs: ProofSource) -> None:
        self._environment = environment
        self._proofs = proofs

    async def of(self, snapshot: Snapshot) -> tuple[Secrets, Proofs]:
        """Resolve all of a snapshot's; what can't be had leaves its provider out, with the reason."""
        secrets = Secrets.resolve(snapshot, self._environment)
        proofs = await self._proofs.of(snapshot, secrets)
        for name, reason in proofs.missing.items():
            log.error("provider %s is left out: %s", name, reason)
        return secrets, proofs


class Population:
    """How many gateways share the limits now, this one included, as of the last heartbeat."""

    __slots__ = ("gateways",)

    def __init__(self) -> None:
        self.gateways = 1

    def count(self) -> int:
        """Return the number."""
        return self.gateways


class Refresher:
    """Polls, and hands each new state to `swap`."""

    def __init__(
        self,
        identity: Identity,
        database: Database,
        clock: DatabaseClock,
        book: AccessBook,
        *,
        credentials: Credentials,
        population: Population,
        swap: Callable[[Current], None],
    ) -> None:
        self._identity = identity
        self._database = database
        self._clock = clock
        self._live = LiveState(book)
        self._credentials = credentials
        self._population = population
        self._swap = swap
        self._snapshot: Snapshot | None = None
        self._day: date | None = None
        """The day, in UTC, by whose prices the snapshot was compiled."""
        self._wake = asyncio.Event()
        self._saved_s = 0.0
        self._clock_s = -CLOCK_EVERY_S
        self._changed = True
        self._saving: asyncio.Task[None] | None = None
        self.reached = False

    def wake(self) -> None:
        """Something changed: look now."""
        self._wake.set()

    async def start(self) -> None:
        """Load the first state: from the database, or from disk while it is away.

        Raises Unavailable when neither has one.
        """
        try:
            await self.refresh()
        except Fault:
            state = await asyncio.to_thread(read_state, self._identity.state_path)
            if state is None:
                raise
            self._live.book.load(self._identity.keys_path, self._clock.now_ms())
            self._live.budgets = {budget.id: budget for budget in state.budgets}
            self._live.rate_limits = {limit.id: limit for limit in state.rate_limits}
            self._live.rules = {rule.name: rule for rule in state.rules}
            self._live.prompts = {prompt.id: prompt for prompt in state.prompts}
            self._live.environments = {each.id: each for each in state.environments}
            if state.assignment is not None:
                self._live.assignment[ASSIGNMENT_ID] = state.assignment
            self._live.ended = {each.version: each for each in state.ended}
            self._live.rollouts = {each.version: each for each in state.rollouts}
            self._live.shares = {each.version: each for each in state.shares}
            await self._compile(state.document.encode(), state.snapshot)
            log.warning("the database is away: serving from the last state on disk")
            await self._publish()

    async def run(self) -> None:
        """Refresh until cancelled."""
        while True:
            with contextlib.suppress(TimeoutError):
                # Not wait_for: before Python 3.12 it swallows a cancellation that comes with the event.
                async with asyncio.timeout(POLL_S):
                    await self._wake.wait()
            self._wake.clear()
            await self.follow_day()
            try:
                await self.refresh()
            except Fault as fault:
                if self.reached:
                    log.warning("refreshing waits: %s", fault.message)
                self.reached = False

    async def refresh(self) -> None:
        """Look once. Raises Unavailable when the database is away."""
        async with self._database.connection() as connection:
            await self._synchronise(connection)
            meters = await catch_up(connection, self._live)
            known = self._snapshot.id if self._snapshot else None
            active = await snapshots.current(connection, unless=known)
            if active is not None:
                await self._compile(active.document, active.id)
            if not self._live.unread:
                # A meter that can't be read is like a database that is away: calls go on for `max_stale`.
                self._live.book.contacted(self._clock.now_ms(), self._live.seq)
            if meters or active is not None:
                await self._publish()
            identity = self._snapshot.id if self._snapshot else ""
            boot, name = self._identity.boot, self._identity.name
            live = await gateways.heartbeat(
                connection, boot, name, self._live.seq, identity, host_id=self._identity.host_id
            )
            self._population.gateways = live
        self.reached = True
        await self._save()

    async def leave(self) -> None:
        """Tell the database that this gateway takes no more calls."""
        await end_tasks([self._saving] if self._saving is not None else [])
        async with self._database.connection() as connection:
            await gateways.leave(connection, self._identity.boot)

    async def _synchronise(self, connection: Connection) -> None:
        now_s = self._clock.monotonic()
        if now_s - self._clock_s >= CLOCK_EVERY_S:
            await self._clock.synchronise(connection)
            self._clock_s = now_s

    async def follow_day(self) -> None:
        """Price calls by the day that it is, also while the database is away; calls that run keep theirs."""
        snapshot = self._snapshot
        if snapshot is not None and self._day != now_of(self._clock).date():
            await self._compile(snapshot.document, snapshot.id)
            await self._publish()

    async def _compile(self, document: bytes, identity: str) -> None:
        """A snapshot that this version can't read leaves the one before it in force."""
        self._day = now_of(self._clock).date()
        try:
            # Reading price tables takes its time, so it stays off the loop.
            self._snapshot = await asyncio.to_thread(
                compile_stored, document, identity=identity, today=self._day
            )
        except Misconfigured as fault:
            if self._snapshot is None:
                raise
            log.error("snapshot %s is not taken: %s", identity, fault)

    async def _publish(self) -> None:
        snapshot = self._snapshot
        if snapshot is None:
            return
        self._changed = True
        self._live.book.max_stale_ms = snapshot.max_stale_ms
        secrets, proofs = await self._credentials.of(snapshot)
        budgets = [*snapshot.budgets, *self._live.budgets.values()]
        limits = [*snapshot.rate_limits, *self._live.rate_limits.values()]
        overriding = Overriding.of(self._live.rules, self._live.prompts, self._live.environments)
        live = self._live
        trials = trials_of(snapshot, live.secret, live.ended, live.rollouts, live.shares)
        self._swap(Current(snapshot, secrets, budgets, limits, overriding, proofs=proofs, trials=trials))

    async def _save(self) -> None:
        """Write the copy on disk; a disk that stalls is not waited for, so that changes go on to be taken."""
        now_s = self._clock.monotonic()
        if now_s - self._saved_s < SAVE_EVERY_S or (self._saving is not None and not self._saving.done()):
            return
        self._saved_s = now_s
        self._saving = asyncio.create_task(self._save_now(), name="save state")
        await asyncio.wait([self._saving], timeout=SAVE_S_MAX)

    async def _save_now(self) -> None:
        try:
            await asyncio.to_thread(self._write)
        except OSError as error:
            self._changed = True
            log.warning("the last state is not written to disk: %s", error)

    def _write(self) -> None:
        self._live.book.save(self._identity.keys_path)
        snapshot = self._snapshot
        if snapshot is None or not self._changed:
            return
        self._changed = False
        state = KnownState(
            snapshot=snapshot.id,
            document=snapshot.document.decode(),
            budgets=tuple(self._live.budgets.values()),
            rate_limits=tuple(self._live.rate_limits.values()),
            rules=tuple(self._live.rules.values()),
            prompts=tuple(self._live.prompts.values()),
            environments=tuple(self._live.environments.values()),
            assignment=self._live.assignment.get(ASSIGNMENT_ID),
            ended=tuple(self._live.ended.values()),
            rollouts=tuple(self._live.rollouts.values()),
            shares=tuple(self._live.shares.values()),
        )
        write_state(self._identity.state_path, state)

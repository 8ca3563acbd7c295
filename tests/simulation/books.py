"""What really happened, kept apart from all that is simulated, and what must hold of it.

`Books` hears of each bill of a provider, each answer that a client saw and each commit of the database. It
raises `Broken` at the step at which a promise breaks; `final` says what must hold once all is healed.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from tests.simulation.disk import SimJournal
from tests.simulation.model_database import ModelDatabase
from tests.simulation.model_rows import Window

from headgate.core.entries import BEGIN, BODY, END, SETTLED
from headgate.meters.leases import Lease

if TYPE_CHECKING:
    from tests.simulation.calls import Attempt


Due = tuple[int, list[int], bool]
"""What an attempt is charged, of which windows, and whether its journal has its end."""


class Broken(AssertionError):
    """A promise does not hold."""


class Books:
    """The truth of one schedule."""

    def __init__(self, database: ModelDatabase) -> None:
        self.database = database
        self.attempts: dict[tuple[str, int], Attempt] = {}
        self.answered: dict[str, int | None] = {}
        self.billed: dict[int, int] = {}
        """By window: what providers billed, without what exceeds the holds of calls of unbounded cost."""
        self.slack: dict[int, int] = {}
        """By window: what a disk that changed or lost entries can have cost."""
        self.totals: dict[int, tuple[int, int]] = {}
        self.has_lost_commits = False
        """Set by a failover to a standby that lacked the last commits: no promise about budgets then."""
        self.is_durable = False
        """Whether an answer waits for the disk (`durability = "power"`)."""

    def took(self, lease: Lease, clock_error_ms: int) -> None:
        """Hear that money of a window was reserved."""
        at_ms = self.database.now_ms - clock_error_ms
        if not lease.edges.starts_ms <= at_ms < lease.edges.ends_ms:
            raise Broken(f"money of window {lease.window} was reserved outside of the window's time")
        if lease.available < 0 and not self.has_lost_commits:
            raise Broken(f"more was reserved of window {lease.window} than its lease holds")

    def began(self, attempt: Attempt) -> None:
        """Hear that an attempt is about to be sent."""
        self.attempts[attempt.call.id, attempt.number] = attempt

    def bill(self, attempt: Attempt, amount: int) -> None:
        """Hear that a provider bills an attempt."""
        attempt.bill = amount
        if attempt.is_excused:
            return
        for lease, hold in attempt.parts:
            billed = amount if attempt.is_bounded else min(amount, hold)
            self.billed[lease.window] = self.billed.get(lease.window, 0) + billed
            window = self.database.tables.windows.get(lease.window)
            if window is not None:
                self.covered(window)

    def excuse(self, attempt: Attempt) -> None:
        """The disk has lost all that was written of an attempt: what it bills nobody can know."""
        if attempt.is_excused:
            return
        for lease, hold in attempt.parts:
            billed = attempt.bill if attempt.is_bounded else min(attempt.bill, hold)
            self.billed[lease.window] = self.billed.get(lease.window, 0) - billed
        attempt.is_excused = True

    def allow(self, window: int, amount: int) -> None:
        """The disk has lost an end: its attempt is charged in full although the rest was used again."""
        self.slack[window] = self.slack.get(window, 0) + amount

    def covered(self, window: Window) -> None:
        """All that was billed stands in the database, as spent or as leased."""
        billed = self.billed.get(window.id, 0)
        if billed > window.spent + window.leased and not self.has_lost_commits:
            raise Broken(
                f"providers billed {billed} in window {window.id}, where {window.spent} are spent "
                f"and {window.leased} leased"
            )

    def committed(self, *, may_grant: bool = False) -> None:
        """Look at all windows after a commit."""
        tables = self.database.tables
        for window in tables.windows.values():
            total, leased, overrun = window.spent + window.leased, window.leased, window.overrun
            known = self.totals.get(window.id)
            if known is not None and known[0] == total and known[1] == leased:
                continue
            before = known[0] if known else 0
            self.totals[window.id] = (total, leased)
            held = 0
            for row in window.rows.values():
                held += row.held
            if held != leased:
                raise Broken(f"window {window.id} has {leased} leased, and its leases hold {held}")
            if self.has_lost_commits:
                continue
            self.covered(window)
            limit = tables.budgets[tables.budget_of[window.meter]]
            # What exceeded its hold can have been taken from what other calls in flight still hold.
            beyond = overrun + self.slack.get(window.id, 0)
            if total > max(before, limit if may_grant else 0) + beyond:
                raise Broken(f"window {window.id} went from {before} to {total} of {limit}")

    def forget_totals(self) -> None:
        """The database is another one than before."""
        self.totals = {
            window.id: (window.spent + window.leased, -1) for window in self.database.tables.windows.values()
        }

    def exhausted(self, lease: Lease, boot: str, amount: int) -> None:
        """Hear that a call was told that spend has used a budget up."""
        window = self.database.tables.windows.get(lease.window)
        if window is None or self.has_lost_commits:
            return
        unshipped = lease.settled - window.rows[boot].settled
        if lease.limit - window.spent - unshipped >= amount:
            raise Broken(f"window {lease.window} was said to be spent, and is only reserved")

    def answer(self, call: str, cost: int | None) -> None:
        """Hear that a client saw the end of its answer."""
        if call in self.answered:
            raise Broken(f"call {call} was answered twice")
        self.answered[call] = cost

    # Once all is healed, shipped and closed.

    def final(self, journals: list[SimJournal]) -> None:
        """What must hold at the end."""
        expected = self._expected(journals)
        self._ledger(expected)
        self._windows(expected)
        self._records(journals, expected)
        for attempt in self.attempts.values():
            charged = expected.get((attempt.call.id, attempt.number))
            is_known = attempt.is_bounded or (attempt.is_seen and charged is not None and charged[2])
            if charged is not None and charged[0] < attempt.bill and is_known and not attempt.is_excused:
                raise Broken(f"{attempt} was billed {attempt.bill} and charged {charged[0]}")

    def _expected(self, journals: list[SimJournal]) -> dict[tuple[str, int], Due]:
        """What the journals say that each attempt is charged, and of which windows."""
        expected: dict[tuple[str, int], Due] = {}
        for journal in journals:
            for one in journal.acct.frames:
                key = (one.call, one.attempt)
                if one.is_lost or one.attempt == 0:
                    continue
                if one.kind == BEGIN:
                    most = max((amount for _, amount in one.holds), default=0)
                    expected[key] = (most, [window for window, _ in one.holds], False)
                elif one.kind in (SETTLED, END):
                    windows = [window for window, _ in one.holds]
                    expected[key] = (one.charged, windows or expected.get(key, (0, [], True))[1], True)
        return expected

    def _ledger(self, expected: dict[tuple[str, int], Due]) -> None:
        ledger = self.database.tables.ledger
        for key, (charged, _, _) in expected.items():
            entered = ledger.get(key)
            if (entered.pico_usd if entered else 0) != charged:
                raise Broken(f"the ledger says {entered} of attempt {key}, the journal {charged}")
        for key, row in ledger.items():
            if row.pico_usd and key not in expected:
                raise Broken(f"the ledger has an attempt {key} of which no journal knows")

    def _windows(self, expected: dict[tuple[str, int], Due]) -> None:
        tables = self.database.tables
        spent: dict[int, int] = {}
        for charged, windows, _ in expected.values():
            for window in windows:
                spent[window] = spent.get(window, 0) + charged
        for window in tables.windows.values():
            entered = sum(row.pico_usd for row in tables.ledger.values() if window.id in row.windows)
            if not window.spent == entered == spent.get(window.id, 0):
                raise Broken(f"{window} and its ledger ({entered}), journals say {spent.get(window.id, 0)}")
            if window.leased:
                raise Broken(f"{window.leased} of window {window.id} are leased for ever")
        for meter in tables.windows_of.values():
            ordered = sorted((tables.windows[one] for one in meter), key=lambda one: one.starts_ms)
            for earlier, later in itertools.pairwise(ordered):
                if earlier.ends_ms > later.starts_ms:
                    raise Broken(f"windows {earlier.id} and {later.id} of a meter overlap")
        if tables.open_attempts and any(not one.is_charged for one in tables.open_attempts.values()):
            raise Broken("attempts stay open for ever")

    def _records(self, journals: list[SimJournal], expected: dict[tuple[str, int], Due]) -> None:
        """Each call that was answered or begun is on record once, and costs what its attempts are charged."""
        tables = self.database.tables
        costs: dict[str, int] = {}
        for (call, _), (charged, _, _) in expected.items():
            costs[call] = costs.get(call, 0) + charged
        written = {one.call: one for journal in journals for one in journal.acct.frames if one.kind == END}
        ends = {call: one for call, one in written.items() if not one.is_lost}
        for call, cost in self.answered.items():
            end = written.get(call)
            if end is None or (end.is_lost and self.is_durable and not end.is_rotten):
                raise Broken(f"call {call} was answered, and its end was never on the disk")
            record = tables.requests.get(call)
            if not end.is_lost and (record is None or record.cost != cost):
                raise Broken(f"call {call} is on record as {record}, and was answered at {cost}")
        for call, record in tables.requests.items():
            if call in ends:
                if (record.code, record.cost) != (ends[call].code, ends[call].cost):
                    raise Broken(f"call {call} is on record as {record}, its end says {ends[call]}")
            elif (record.cost or 0) != costs.get(call, 0):
                raise Broken(f"call {call} is on record as {record}, its attempts cost {costs.get(call, 0)}")
        begun = {
            one.call
            for journal in journals
            for one in journal.acct.frames
            if one.kind == BEGIN and not one.is_lost
        }
        missing = (ends.keys() | begun) - tables.requests.keys()
        if missing:
            raise Broken(f"calls {sorted(missing)} are in the journal and not on record")
        if tables.open_calls:
            raise Broken(f"calls {sorted(tables.open_calls)} are shown as running for ever")
        self._bodies(journals)

    def _bodies(self, journals: list[SimJournal]) -> None:
        written = {
            one.call
            for journal in journals
            for one in journal.body.frames
            if one.kind == BODY and not one.is_lost
        }
        if written != self.database.tables.bodies.keys():
            odd = written ^ self.database.tables.bodies.keys()
            raise Broken(f"bodies of {sorted(odd)} are not what the journals hold")

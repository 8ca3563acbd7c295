"""A small exact model of what the database does for budgets and journals: each method is one transaction.

It follows `store/migrations/0010_meters.sql`, the `queries.sql` of meters and journal, and the statements of
the sinks, line by line where money is concerned; `test_simulation_database_model.py` holds it against them.
What the sinks decide is not written again: `meters.settling` runs here as it does in the shipper.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence

import msgspec
from tests.simulation.model_rows import (
    JournalRow,
    LedgerRow,
    OpenAttempt,
    OpenCall,
    Request,
    Row,
    Tables,
    Window,
)

from headgate.core.entries import BEGIN, BODY, END, SETTLED, Body
from headgate.core.ports import Envelope
from headgate.journal.folder import StreamName
from headgate.meters.asks import Ask, Granted
from headgate.meters.leases import Answer
from headgate.meters.scope import Meter
from headgate.meters.settling import Charges, Settlement, charges, ledger_row, sort
from headgate.meters.windows import Edges
from headgate.records.running import Running, interrupted_cost, sort_calls

METER_KINDS = frozenset({BEGIN, SETTLED, END})
POISON = 77
"""The kind of an entry that its sink can't apply."""
INTERRUPTED = "interrupted"

_BODY = msgspec.msgpack.Decoder(Body)


class NotApplied(Exception):
    """A statement failed: nothing of its transaction stays."""


class Moved(Exception):
    """The position of a journal is not where its shipper believes it."""


class Closed(Exception):
    """The boot gets nothing more."""


class Told(msgspec.Struct, frozen=True):
    """One of the leases that a process gives back: its window, its `returned`, and what it knows of it."""

    meter: Meter
    window: int
    returned: int
    edges: Edges
    exact: bool


class ModelDatabase:
    """The database at one moment. `now_ms` is its clock; `recalls` are the notices that it sent."""

    def __init__(self) -> None:
        self.tables = Tables()
        self.now_ms = 0
        self.recalls: list[tuple[int, str]] = []
        self.last_window = 0

    # Grants: the function grant_leases.

    def grant(self, boot: str, asks: Sequence[Ask]) -> Granted:
        """Grant all that is asked, or nothing. Raises Closed."""
        if self.is_closed(boot):
            raise Closed(boot)
        windows: dict[int, Window | None] = {}
        for ask in sorted(asks, key=lambda one: (one.budget, one.subject)):
            self.tables.budgets.setdefault(ask.budget, ask.limit)
            windows[ask.place] = self.open_window(ask)
        for window in windows.values():
            if window is not None:
                window.rows.setdefault(boot, Row())
        is_outside = False
        refused: set[int] = set()
        deltas: dict[int, int] = {}
        for ask in asks:
            window = windows[ask.place]
            if (
                window is None
                or self.now_ms >= window.ends_ms
                or (ask.window_id is not None and ask.window_id != window.id)
            ):
                is_outside = True
            else:
                self._weigh(boot, ask, window, deltas, refused)
        if not is_outside and not refused:
            for place, delta in deltas.items():
                self._add(boot, windows[place], delta)
        return self._granted(boot, asks, windows, refused, is_outside=is_outside)

    def is_closed(self, boot: str) -> bool:
        """Say whether the boot was closed."""
        return boot in self.tables.closed_boots

    def open_window(self, ask: Ask) -> Window | None:
        """Find the window that holds the database's time, or store the one proposed if that does."""
        tables, at = self.tables, self.now_ms
        meter = tables.meters.get((ask.budget, ask.subject))
        if meter is None:
            meter = tables.meters[ask.budget, ask.subject] = len(tables.meters) + 1
            tables.windows_of[meter] = []
            tables.budget_of[meter] = ask.budget
        stored = [tables.windows[one] for one in tables.windows_of[meter]]
        for window in stored:
            if window.starts_ms <= at < window.ends_ms:
                return window
        if not ask.starts_ms <= at < ask.ends_ms:
            return None
        starts_ms = max([ask.starts_ms, *(one.ends_ms for one in stored if one.ends_ms <= at)])
        ends_ms = min([ask.ends_ms, *(one.starts_ms for one in stored if one.starts_ms > at)])
        return self.store_window(meter, starts_ms, ends_ms)

    def store_window(self, meter: int, starts_ms: int, ends_ms: int) -> Window:
        """Add a window to a meter."""
        self.last_window += 1
        window = Window(self.last_window, meter, starts_ms, ends_ms)
        self.tables.windows[window.id] = window
        self.tables.windows_of[meter].append(window.id)
        return window

    def left(self, window: Window) -> int:
        """What may still be granted of a window."""
        limit = self.tables.budgets[self.tables.budget_of[window.meter]]
        return limit - window.spent - window.leased

    def register(self, row: Row, ask: Ask) -> None:
        """Take in what the boot says of itself."""
        row.granted = max(row.granted, ask.known)
        row.returned = min(row.granted, max(row.returned, ask.returned))

    def delta(self, row: Row, ask: Ask, level: int) -> int:
        """What has to be added so that the boot gets `level` beyond what it knows of."""
        return max(0, ask.known + level - row.granted)

    def _weigh(self, boot: str, ask: Ask, window: Window, deltas: dict[int, int], refused: set[int]) -> None:
        row = window.rows[boot]
        held = row.held
        self.register(row, ask)
        window.leased += row.held - held
        left = self.left(window)
        if left >= ask.exact_below:
            level = max(ask.pending, min(ask.chunk, left // (2 * ask.processes)))
        elif left >= ask.pending:
            level = ask.pending
        else:
            level = ask.need
        delta = self.delta(row, ask, level)
        added = _added(row, delta)
        if added > left:
            delta = self.delta(row, ask, ask.need)
            added = _added(row, delta)
        if added > max(0, left):
            refused.add(ask.place)
            if window.leased > row.held:
                self.recalls.append((window.id, boot))
        deltas[ask.place] = delta

    def _add(self, boot: str, window: Window | None, delta: int) -> None:
        assert window is not None
        row = window.rows[boot]
        window.leased += _added(row, delta)
        row.granted += delta

    def _granted(
        self,
        boot: str,
        asks: Sequence[Ask],
        windows: dict[int, Window | None],
        refused: set[int],
        *,
        is_outside: bool,
    ) -> Granted:
        answers: list[tuple[Meter, Answer]] = []
        for ask in asks:
            window = windows[ask.place]
            if window is not None:
                exact = self.left(window) < ask.exact_below
                edges = Edges(window.starts_ms, window.ends_ms)
                answers.append((Meter(ask.budget, ask.subject), self._answer(boot, window, edges, exact)))
        return Granted(
            answers=tuple(answers),
            refused=frozenset(Meter(ask.budget, ask.subject) for ask in asks if ask.place in refused)
            if not is_outside
            else frozenset(),
            is_outside=is_outside,
            now_ms=self.now_ms,
        )

    def _answer(self, boot: str, window: Window, edges: Edges, exact: bool) -> Answer:
        row = window.rows[boot]
        return Answer(
            window=window.id,
            edges=edges,
            granted=row.granted,
            returned=row.returned,
            settled=row.settled,
            spent=window.spent,
            leased=window.leased,
            limit=self.tables.budgets[self.tables.budget_of[window.meter]],
            exact=exact,
        )

    # The function held_leases.

    def held(self, boot: str, meters: Sequence[Meter]) -> list[tuple[Meter, Answer]]:
        """What is on record as held of some meters, in all their windows."""
        found: list[tuple[int, Meter, Window]] = []
        for meter in meters:
            known = self.tables.meters.get((meter.limit, meter.subject), 0)
            for number in self.tables.windows_of.get(known, ()):
                window = self.tables.windows[number]
                if boot in window.rows and window.rows[boot].held > 0:
                    found.append((number, meter, window))
        return [
            (meter, self._answer(boot, window, Edges(window.starts_ms, window.ends_ms), True))
            for _, meter, window in sorted(found, key=lambda one: one[0])
        ]

    # The function return_leases.

    def give_back(self, boot: str, told: Sequence[Told]) -> list[tuple[Meter, Answer]]:
        """Take back what a boot says it has returned; answer with what is on record."""
        known: list[tuple[Told, Window]] = []
        for one in told:
            window = self.tables.windows.get(one.window)
            if window is not None and boot in window.rows:
                known.append((one, window))
        for one, window in known:
            row = window.rows[boot]
            held = row.held
            if one.returned > row.returned:
                row.returned = min(row.granted, max(row.returned, one.returned))
                window.leased += row.held - held
        return [(one.meter, self._answer(boot, window, one.edges, one.exact)) for one, window in known]

    # The sinks: what the shipper applies in its transaction.

    def apply(self, boot: uuid.UUID, batch: Sequence[Envelope]) -> None:
        """Apply a batch whole. Raises NotApplied where a statement would fail."""
        try:
            if any(one.kind == POISON for one in batch):
                raise NotApplied("poison")
            bodies = [_BODY.decode(one.payload) for one in batch if one.kind == BODY]
            metered = [one for one in batch if one.kind in METER_KINDS]
            running, ended = sort_calls(metered)
            rows, settlements = sort(metered)
        except (msgspec.MsgspecError, ValueError) as error:
            raise NotApplied(str(error)) from error
        self.copy_requests(str(boot), [(_id(end.call), end.code, end.cost_pico_usd) for _, end in ended])
        for call, one in running.items():
            self.run_call(str(boot), str(call), one)
        for body in bodies:
            self.tables.bodies[_id(body.call)] = str(boot)
        self._meter(rows.values(), settlements)

    def copy_requests(self, boot: str, ended: Sequence[tuple[str, str, int | None]]) -> None:
        """Put calls on record. Raises NotApplied where one is there already (the primary key)."""
        keys = [call for call, _, _ in ended]
        if len(set(keys)) < len(keys) or any(call in self.tables.requests for call in keys):
            raise NotApplied("a call is on record already")
        for call, code, cost in ended:
            self.tables.open_calls.pop(call, None)
            self.tables.requests[call] = Request(boot, code, cost)

    def run_call(self, boot: str, call: str, one: Running) -> None:
        """Show a call as running, with what it has cost so far."""
        known = self.tables.open_calls.get(call)
        if one.begin is not None:
            reserved = max((hold.pico_usd for hold in one.begin.holds), default=0)
            charged = one.charged + (known.charged if known else 0)
            charged += known.reserved if known and known.is_open and one.begins else 0
            self.tables.open_calls[call] = OpenCall(
                known.boot if known else boot, reserved, charged, one.is_open
            )
        elif known is not None:
            known.charged += one.charged
            known.is_open = one.is_open
        else:
            self.tables.open_calls[call] = OpenCall(boot, 0, one.charged, one.is_open, is_begun=False)

    def _meter(self, begun: Iterable[dict[str, object]], settlements: Sequence[Settlement]) -> None:
        tables = self.tables
        for one in settlements:
            if one.is_open:
                key = (str(one.boot), str(one.request), one.attempt)
                found = tables.open_attempts.pop(key, None)
                if found is not None:
                    one.join(found.row, found.holds, is_charged=found.is_charged)
        for row in begun:
            key = (str(row["boot"]), str(row["request"]), int(str(row["attempt"])))
            holds: list[list[int]] = row["holds"]  # pyright: ignore[reportAssignmentType]
            tables.open_attempts.setdefault(key, OpenAttempt(row, holds))
        settled = [one for one in settlements if one.charged > 0 and not one.is_refund]
        settled = [one for one in settled if self.enter(one)]
        refunds = [one for one in settlements if one.is_refund]
        for one in refunds:
            entered = tables.ledger.get((str(one.request), one.attempt))
            if entered is not None and entered.in_full:
                entered.pico_usd, entered.in_full = one.charged, False
        self.settle(charges(settled + refunds))

    def enter(self, settlement: Settlement) -> bool:
        """Write a ledger row; say whether it is new."""
        row = ledger_row(settlement)
        key = (str(settlement.request), settlement.attempt)
        if key in self.tables.ledger:
            return False
        self.tables.ledger[key] = LedgerRow(row["pico_usd"], row["windows"])
        return True

    def settle(self, sums: Charges) -> None:
        """The function settle_leases."""
        for (boot_id, window_id), (charged, overrun) in sums.items():
            window, boot = self.tables.windows.get(window_id), str(boot_id)
            if window is None:
                continue
            row = window.rows.setdefault(boot, Row())
            held = row.held
            if boot in self.tables.closed_boots:
                row.returned = min(row.granted, max(row.returned, row.granted - row.settled - charged))
            row.settled += charged
            window.spent += charged
            window.leased += row.held - held
            window.overrun = max(0, window.overrun + overrun)

    # Journals: journal/queries.sql.

    def position(self, boot: str) -> JournalRow:
        """Register a journal and return where it stands."""
        fresh: dict[StreamName, tuple[int, int]] = {"acct": (1, 0), "body": (1, 0)}
        return self.tables.journals.setdefault(boot, JournalRow(places=fresh))

    def check_place(self, boot: str, stream: StreamName, place: tuple[int, int]) -> None:
        """Raise Moved where the journal stands elsewhere."""
        row = self.tables.journals.get(boot)
        if row is None or row.places[stream] != place:
            raise Moved(boot)

    def move(self, boot: str, stream: StreamName, after: tuple[int, int]) -> None:
        """Move a journal's position, which has been compared."""
        self.tables.journals[boot].places[stream] = after

    def close_journal(self, boot: uuid.UUID, places: Mapping[StreamName, tuple[int, int]]) -> None:
        """Close a journal, with what its sinks do then. Raises Moved where it stands elsewhere."""
        row = self.tables.journals.get(str(boot))
        if row is None or (row.places != places and not row.is_closed):
            raise Moved(str(boot))
        if not row.is_closed:
            row.is_closed = True
            self.interrupt(str(boot))
            self.close_boot(str(boot))

    def interrupt(self, boot: str) -> None:
        """Put on record the calls that a boot had begun and not ended; each costs what it is charged."""
        known = [(call, one) for call, one in self.tables.open_calls.items() if one.boot == boot]
        left = [(call, one) for call, one in known if one.is_begun]
        self.copy_requests(
            boot, [(call, INTERRUPTED, self.interrupted_cost(call, one)) for call, one in left]
        )
        for call, one in known:
            if not one.is_begun:
                del self.tables.open_calls[call]

    def interrupted_cost(self, call: str, one: OpenCall) -> int | None:
        """What an interrupted call costs, None where it is not known."""
        return interrupted_cost(one.charged, one.reserved, is_open=one.is_open)

    def close_boot(self, boot: str) -> tuple[int, int, int]:
        """The function close_boot: attempts charged in full, their sum, and what was given back."""
        tables = self.tables
        tables.closed_boots.add(boot)
        amounts: dict[int, int] = {}
        attempts = charged = 0
        for (owner, request, attempt), one in tables.open_attempts.items():
            if owner != boot or one.is_charged:
                continue
            one.is_charged = True
            if (request, attempt) in tables.ledger:
                continue
            most = self.full(one.holds)
            tables.ledger[request, attempt] = LedgerRow(most, [hold[0] for hold in one.holds], in_full=True)
            attempts, charged = attempts + 1, charged + most
            for window, amount in one.holds:
                amounts[window] = amounts.get(window, 0) + self.full([[window, amount]])
        given_back = sum(window.rows[boot].held for window in tables.windows.values() if boot in window.rows)
        identity = uuid.UUID(boot)
        self.settle({(identity, window): [amount, 0] for window, amount in amounts.items()})
        for window in tables.windows.values():
            row = window.rows.get(boot)
            if row is not None and row.held:
                window.leased -= row.held
                row.returned = row.granted - row.settled
        return attempts, charged, max(0, given_back - charged)

    def full(self, holds: Sequence[Sequence[int]]) -> int:
        """What an attempt is charged of which nothing but its begin is known."""
        return max((hold[1] for hold in holds), default=0)

    # Budgets.

    def put_limit(self, budget: str, limit: int) -> None:
        """A limit that changes keeps its meters."""
        self.tables.budgets[budget] = limit


def _added(row: Row, delta: int) -> int:
    return max(0, row.granted + delta - row.returned - row.settled) - row.held


def _id(call: bytes) -> str:
    return str(uuid.UUID(bytes=call))

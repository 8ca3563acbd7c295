"""The simulated database against the real one: the same random operations, the same answers, the same rows.

So the model can't drift from `store/migrations/0010_meters.sql`, from `queries.sql` of meters and journal,
or from what the sinks write. The real clock is set by the test: `clock_timestamp` is found in a schema
of its own first.
"""

import random
import uuid
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from tests.contract.made_entries import make_attempt, make_begin, make_end
from tests.simulation.model_database import Closed, ModelDatabase, Moved, NotApplied, Told
from tests.simulation.model_rows import OpenCall

from headgate.core.entries import BEGIN, END, SETTLED, Hold, Settled
from headgate.core.money import parse_usd
from headgate.core.ports import Envelope
from headgate.journal import shipper
from headgate.journal.folder import STREAMS, StreamName
from headgate.meters.asks import Ask
from headgate.meters.desk import BootClosed, LeaseDesk
from headgate.meters.leases import Answer, Lease
from headgate.meters.rows import QUERIES, fetch
from headgate.meters.scope import Meter
from headgate.meters.sink import MeterSink, close_journal
from headgate.meters.windows import Edges
from headgate.records.sink import RecordSink
from headgate.store.database import Connection, Database

HOUR_MS = 3_600_000
START_MS = 500_000 * HOUR_MS
BOOTS = tuple(uuid.UUID(int=number) for number in (1, 2, 3))
PLACES = tuple(f"{stream}_{part}" for stream in STREAMS for part in ("segment", "offset"))

CLOCK = """
create schema simulated;
create table simulated.clock (at timestamptz not null);
insert into simulated.clock values (to_timestamp(0));
create function simulated.clock_timestamp() returns timestamptz language sql stable
as $$ select at from simulated.clock $$;
"""


@pytest.fixture
async def timed(database_url: str) -> AsyncIterator[Database]:
    """The database with a clock that the test sets."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(CLOCK)  # pyright: ignore[reportArgumentType]
    options = "-c search_path=simulated,pg_catalog,public"
    async with Database(make_conninfo(database_url, options=options), connections_max=1) as database:
        yield database


class Both:
    """The model and the database, which are told the same."""

    def __init__(self, database: Database, seed: int) -> None:
        self.database = database
        self.model = ModelDatabase()
        self.random = random.Random(seed)
        self.calls = 0

    async def begin(self) -> None:
        """Set the clock; window numbers go on from where the database's are."""
        self.model.now_ms = START_MS
        async with self.database.connection() as connection:
            await connection.execute("select grant_epoch()")
            cursor = await connection.execute("select last_value, is_called from meter_windows_id_seq")
            row = await cursor.fetchone()
        assert row is not None
        self.model.last_window = row[0] if row[1] else row[0] - 1
        await self.pass_time(0)

    async def pass_time(self, ms: int) -> None:
        """Move both clocks, maybe back."""
        self.model.now_ms += ms
        async with self.database.connection() as connection:
            await connection.execute("update simulated.clock set at = from_unix_ms(%s)", (self.model.now_ms,))

    async def step(self) -> None:
        """One random operation."""
        chosen = self.random.choices(
            (self.grant, self.give_back, self.apply, self.move, self.close, self.limit, self.time, self.held),
            cum_weights=(8, 11, 18, 20, 21, 22, 24, 26),
        )[0]
        await chosen()

    async def time(self) -> None:
        """Time passes, or the clock is set."""
        await self.pass_time(self.random.choice((1000, 20 * 60_000, HOUR_MS, -40 * 60_000)))

    async def grant(self) -> None:
        """Ask for money."""
        boot = self.random.choice(BOOTS)
        scopes = self.random.sample((("a", ""), ("a", "user=1"), ("b", "")), self.random.choice((1, 1, 2)))
        asks = [self._ask(place, *scope) for place, scope in enumerate(scopes)]
        try:
            expected = self.model.grant(str(boot), asks)
        except Closed:
            with pytest.raises(BootClosed):
                await LeaseDesk(boot, self.database).grant(asks)
            return
        found = await LeaseDesk(boot, self.database).grant(asks)
        assert msgspec.structs.replace(found, identity=None) == expected, asks

    async def held(self) -> None:
        """Ask what is on record of meters in doubt."""
        boot = self.random.choice(BOOTS)
        meters = [Meter(*scope) for scope in (("a", ""), ("a", "user=1"), ("b", ""))]
        found = await LeaseDesk(boot, self.database).held(meters)
        assert list(found.answers) == self.model.held(str(boot), meters)
        assert found.now_ms == self.model.now_ms

    def _ask(self, place: int, budget: str, subject: str) -> Ask:
        pick = self.random
        shift_ms = pick.choice((0, 0, 0, HOUR_MS // 2, HOUR_MS))
        starts_ms = (self.model.now_ms + shift_ms) // HOUR_MS * HOUR_MS - shift_ms % HOUR_MS
        need = pick.choice((0, 5, 20))
        pending = need + pick.choice((0, 0, 10))
        known = self.model.tables.windows.keys()
        return Ask(
            place=place,
            budget=budget,
            name=budget,
            scope={},
            limit=pick.choice((60, 300)),
            window="hour",
            timezone="UTC",
            subject=subject,
            starts_ms=starts_ms,
            ends_ms=starts_ms + HOUR_MS,
            window_id=pick.choice((None, None, *list(known)[-3:])),
            known=pick.choice((0, 0, 5, 20, 60)),
            returned=pick.choice((0, 0, 5, 40)),
            need=need,
            pending=pending,
            chunk=pending + pick.choice((0, 40)),
            exact_below=pick.choice((0, 50, 60, 300, 1000)),
            processes=pick.choice((1, 2)),
        )

    async def give_back(self) -> None:
        """Tell what was returned."""
        windows = list(self.model.tables.windows.values())
        if not windows:
            return
        boot = self.random.choice(BOOTS)
        leases: list[Lease] = []
        for window in self.random.sample(windows, min(2, len(windows))):
            meter = Meter(self.model.tables.budget_of[window.meter], str(window.id))
            answer = Answer(
                window=window.id,
                edges=Edges(window.starts_ms, window.ends_ms),
                granted=0,
                returned=self.random.choice((0, 3, 10, 50)),
                settled=0,
                spent=0,
                leased=0,
                limit=0,
                exact=True,
            )
            leases.append(Lease(meter, answer, 0))
        told = [Told(one.meter, one.window, one.returned, one.edges, one.exact) for one in leases]
        found = await LeaseDesk(boot, self.database).give_back(leases)
        expected = self.model.give_back(str(boot), told)
        assert sorted(found, key=_by_window) == sorted(expected, key=_by_window)

    async def apply(self) -> None:
        """Apply a batch: calls that begin, fail, end, in one batch or in several, now and then twice."""
        boot = self.random.choice(BOOTS)
        batch = [self._entry(boot) for _ in range(self.random.choice((1, 2, 4)))]
        try:
            self.model.apply(boot, batch)
        except NotApplied:
            with pytest.raises(psycopg.errors.UniqueViolation):
                await self._apply(batch)
        else:
            await self._apply(batch)

    async def _apply(self, batch: list[Envelope]) -> None:
        async with self.database.transaction() as connection:
            ours = [one for one in batch if one.kind in RecordSink.kinds]
            await RecordSink().apply(connection, ours)
            await MeterSink().apply(connection, batch)

    def _entry(self, boot: uuid.UUID) -> Envelope:
        pick = self.random
        kind = pick.choice((BEGIN, BEGIN, SETTLED, END))
        if kind == BEGIN or not self.calls:
            self.calls += 1
        call = uuid.UUID(int=(pick.randrange(self.calls) if kind != BEGIN else self.calls) + 1).bytes
        windows = [*self.model.tables.windows][-4:] or [1]
        chosen = pick.sample(windows, min(len(windows), pick.choice((0, 1, 2))))
        holds = tuple(Hold(window, pick.choice((1, 10))) for window in chosen)
        attempt, charged = pick.choice((1, 1, 2)), pick.choice((0, 1, 7, 12))
        if kind == BEGIN:
            entry: msgspec.Struct = make_begin(call, attempt=attempt, holds=holds)
        elif kind == SETTLED:
            entry = Settled(call, attempt, charged, holds)
        else:
            last = make_attempt(attempt=attempt, charged_pico_usd=charged, holds=holds)
            entry = make_end(call, attempts=(last,), cost_pico_usd=charged)
        return Envelope(boot.bytes, kind, msgspec.msgpack.encode(entry))

    async def move(self) -> None:
        """Register a journal and move it, from where it stands or from elsewhere."""
        boot, stream = self.random.choice(BOOTS), self.random.choice(STREAMS)
        row = self.model.position(str(boot))
        old = self.random.choice((row.places[stream], (1, 0)))
        after = (self.random.randrange(1, 4), self.random.randrange(100))
        async with self.database.connection() as connection:
            await connection.execute(shipper.QUERIES["register_journal"], (boot, "here"))
            moved = await self._move(connection, boot, stream, old, after)
        try:
            self.model.check_place(str(boot), stream, old)
        except Moved:
            assert not moved
        else:
            assert moved
            self.model.move(str(boot), stream, after)

    async def _move(
        self, connection: Connection, boot: uuid.UUID, stream: StreamName, old: Any, after: Any
    ) -> bool:
        names = {"boot": boot, "segment": after[0], "offset": after[1], "damaged": 0}
        places = {"old_segment": old[0], "old_offset": old[1]}
        cursor = await connection.execute(shipper.QUERIES[f"move_{stream}"], {**names, **places})
        return await cursor.fetchone() is not None

    async def close(self) -> None:
        """Close a journal, where it stands or elsewhere, with what the sinks do then."""
        boot = self.random.choice(BOOTS)
        places = dict(self.model.position(str(boot)).places.items())
        if self.random.random() < 0.3:
            places["acct"] = (9, 9)
        was_closed = self.model.tables.journals[str(boot)].is_closed
        try:
            self.model.close_journal(boot, places)
            is_refused = False
        except Moved:
            is_refused = True
        values = [value for stream in STREAMS for value in places[stream]]
        async with self.database.transaction() as connection:
            await connection.execute(shipper.QUERIES["register_journal"], (boot, "here"))
            parameters = {"boot": boot, **dict(zip(PLACES, values, strict=True))}
            cursor = await connection.execute(shipper.QUERIES["close_journal"], parameters)
            has_closed = await cursor.fetchone() is not None
            assert has_closed == (not is_refused and not was_closed)
            if has_closed:
                await RecordSink().close_journal(connection, boot)
                await close_journal(connection, boot)

    async def limit(self) -> None:
        """Set another limit."""
        budget = self.random.choice([*self.model.tables.budgets, "a"])
        if budget not in self.model.tables.budgets:
            return
        limit = self.random.choice((10, 100, 500))
        self.model.put_limit(budget, limit)
        parameters = {"id": budget, "name": budget, "scope": "{}", "limit_pico": limit}
        async with self.database.connection() as connection:
            await connection.execute(
                QUERIES["put_budget"], {**parameters, "window": "hour", "timezone": "UTC"}
            )

    async def compare(self) -> None:
        """Every row of one is a row of the other."""
        tables = self.model.tables
        async with self.database.connection() as connection:
            windows = await fetch(
                connection,
                "select id, unix_ms(starts_at) s, unix_ms(ends_at) e, spent, leased, overrun"
                " from meter_windows",
            )
            leases = await fetch(connection, "select boot, window_id, granted, returned, settled from leases")
            opened = await fetch(
                connection, "select boot, request, attempt, charged_at is not null as c from open_attempts"
            )
            ledger = await fetch(
                connection, "select request, attempt, pico_usd, windows, charged_in_full from ledger"
            )
            requests = await fetch(connection, "select id, boot, code, cost_usd::text as cost from requests")
            calls = await fetch(
                connection,
                "select id, boot, attempt, reserved_usd::text r, charged_usd::text c, is_open"
                " from open_calls",
            )
            boots = await fetch(connection, "select boot from closed_boots")
        assert {row["id"]: tuple(map(int, list(row.values())[1:])) for row in windows} == {
            one.id: (one.starts_ms, one.ends_ms, one.spent, one.leased, one.overrun)
            for one in tables.windows.values()
        }
        assert {(str(row["boot"]), row["window_id"]): _amounts(row) for row in leases} == {
            (boot, one.id): (row.granted, row.returned, row.settled)
            for one in tables.windows.values()
            for boot, row in one.rows.items()
        }
        assert {(str(row["boot"]), str(row["request"]), row["attempt"]): row["c"] for row in opened} == {
            key: one.is_charged for key, one in tables.open_attempts.items()
        }
        assert {(str(row["request"]), row["attempt"]): _entered(row) for row in ledger} == {
            key: (one.pico_usd, sorted(one.windows), one.in_full) for key, one in tables.ledger.items()
        }
        assert {str(row["id"]): (str(row["boot"]), row["code"], _pico(row["cost"])) for row in requests} == {
            key: (one.boot, one.code, one.cost) for key, one in tables.requests.items()
        }
        assert {str(row["id"]): _open_call(row) for row in calls} == tables.open_calls
        assert {str(row["boot"]) for row in boots} == tables.closed_boots


def _by_window(pair: tuple[Meter, Answer]) -> int:
    return pair[1].window


def _amounts(row: dict[str, Any]) -> tuple[int, int, int]:
    return int(row["granted"]), int(row["returned"]), int(row["settled"])


def _entered(row: dict[str, Any]) -> tuple[int, list[int], bool]:
    return int(row["pico_usd"]), sorted(row["windows"]), row["charged_in_full"]


def _pico(text: str | None) -> int | None:
    return None if text is None else parse_usd(text)


def _open_call(row: dict[str, Any]) -> OpenCall:
    return OpenCall(
        str(row["boot"]), parse_usd(row["r"]), parse_usd(row["c"]), row["is_open"], row["attempt"] > 0
    )


@pytest.mark.parametrize("seed", range(12))
async def test_the_model_does_what_the_database_does(timed: Database, seed: int) -> None:
    both = Both(timed, seed)
    await both.begin()
    for number in range(150):
        await both.step()
        if number % 15 == 14:
            await both.compare()
    assert len(both.model.tables.windows) > 2 and both.model.tables.ledger

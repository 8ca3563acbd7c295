"""Calls are priced by the day on which they begin, whenever their configuration was stored."""

import uuid
from datetime import UTC, date, datetime
from pathlib import Path

from headgate.access.book import AccessBook
from headgate.api.state import ControlState
from headgate.catalog.model import Price
from headgate.catalog.prices import facts_for
from headgate.config.compile import compile_file
from headgate.config.snapshots import put_in_force
from headgate.gateway.plane import Current
from headgate.gateway.proofs import ProofSource
from headgate.gateway.refresh import Credentials, Identity, Population, Refresher
from headgate.policy.egress import GuardedEgress
from headgate.store.clock import DatabaseClock
from headgate.store.database import Connection, Database

CONFIG = """
[providers.openai]
kind = "openai"
api_key = "env:KEY"

[models.thinking]
targets = ["openai/o3"]
"""
CUT_ON = date(2025, 6, 10)
"""The day on which o3 became cheaper."""
STORED_AT = datetime(2025, 6, 9, 23, 59, 59, tzinfo=UTC)
NEXT_DAY = datetime(2025, 6, 10, 0, 0, 1, tzinfo=UTC)


class MovedClock(DatabaseClock):
    """Stands where it is put, and says nothing else though the database does."""

    def __init__(self, at: datetime) -> None:
        super().__init__()
        self.at = at

    def now_ms(self) -> int:
        return int(self.at.timestamp() * 1000)

    async def synchronise(self, connection: Connection) -> float:
        return 0.0


def prices() -> tuple[Price | None, Price | None]:
    before = facts_for("openai", "o3", on=STORED_AT.date()).price
    after = facts_for("openai", "o3", on=CUT_ON).price
    assert before != after
    return before, after


async def store(database: Database) -> None:
    snapshot = compile_file(CONFIG, today=STORED_AT.date())
    async with database.transaction() as connection:
        await put_in_force(connection, snapshot, base=None, actor="file")


def refresher_of(database: Database, clock: DatabaseClock, folder: Path, taken: list[Current]) -> Refresher:
    return Refresher(
        Identity(uuid.uuid4(), "gateway 1", folder),
        database,
        clock,
        AccessBook(),
        credentials=Credentials({"KEY": "sk-1"}, ProofSource(GuardedEgress({}), clock)),
        population=Population(),
        swap=taken.append,
    )


async def test_a_gateway_takes_the_prices_of_the_day_that_begins(database: Database, tmp_path: Path) -> None:
    await store(database)
    clock, taken = MovedClock(STORED_AT), list[Current]()
    refresher = refresher_of(database, clock, tmp_path, taken)
    await refresher.start()
    await refresher.follow_day()
    assert len(taken) == 1
    clock.at = NEXT_DAY
    await refresher.follow_day()
    await refresher.follow_day()
    # One more, and a call that began with the first keeps it.
    assert len(taken) == 2
    for name in ("thinking", "openai/o3"):
        assert tuple(each.alias(name).targets[0].facts.price for each in taken) == prices()
    assert taken[0].snapshot.id == taken[1].snapshot.id
    await refresher.leave()


async def test_a_gateway_that_starts_from_its_disk_takes_those_of_the_day(
    database: Database, tmp_path: Path
) -> None:
    await store(database)
    taken: list[Current] = []
    before = refresher_of(database, MovedClock(STORED_AT), tmp_path, taken)
    await before.start()
    await before.leave()
    async with Database("postgresql://nobody@127.0.0.1:1/none", wait_s=0.2) as away:
        await refresher_of(away, MovedClock(NEXT_DAY), tmp_path, taken).start()
    assert tuple(each.alias("thinking").targets[0].facts.price for each in taken) == prices()


async def test_control_tells_the_prices_of_the_day_that_begins(database: Database) -> None:
    await store(database)
    clock = MovedClock(STORED_AT)
    state = ControlState(database, clock, {"KEY": "sk-1"}, dict)
    found: list[Price | None] = []
    for at in (STORED_AT, NEXT_DAY):
        clock.at = at
        await state.refresh()
        found.append(state.targets_of("thinking")[0].facts.price)
    assert tuple(found) == prices()

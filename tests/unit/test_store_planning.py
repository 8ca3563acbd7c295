"""What the server's planner is told about tables that have begun to fill."""

from typing import LiteralString

from headgate.store.database import Database
from headgate.store.planning import PlanningJob

FILLED: LiteralString = """
create table has_filled (project text, number bigint, words text);
create index by_number on has_filled (project, number);
create index by_words on has_filled (project, words);
insert into has_filled select 'default', n, 'the same' from generate_series(1, 20000) n;
create table has_hardly as select generate_series(1, 10)
"""
LOOKED_UP: LiteralString = (
    "explain select * from has_filled where project = any(array['default']) and project = 'default'"
    " and number = 5 limit 1"
)


async def filled(database: Database) -> None:
    await PlanningJob(database).run_once()
    async with database.transaction() as connection:
        await connection.execute(FILLED)


async def plan(database: Database) -> str:
    async with database.connection() as connection:
        cursor = await connection.execute(LOOKED_UP)
        return "\n".join([str(row[0]) async for row in cursor])


async def test_a_table_that_has_filled_is_analysed_once(database: Database) -> None:
    await filled(database)
    assert "by_number" not in await plan(database)
    assert await PlanningJob(database).run_once() == ["has_filled"]
    assert "by_number" in await plan(database)
    assert await PlanningJob(database).run_once() == []


async def test_what_another_process_analyses_is_not_waited_for(database: Database) -> None:
    await filled(database)
    async with database.transaction() as connection:
        await connection.execute("lock table has_filled in share update exclusive mode")
        assert await PlanningJob(database).run_once() == ["has_filled"]
        assert "by_number" not in await plan(database)
    assert await PlanningJob(database).run_once() == ["has_filled"]

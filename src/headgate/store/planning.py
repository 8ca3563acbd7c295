"""Tells the server's planner about tables that have begun to fill, as long as control runs.

A table of which nothing is known looks small whatever it holds: today's partitions after midnight, every
table of a new deployment. Plans made then, and kept by connections, read all of an index for each row.
autovacuum looks once a minute, which at 5,000 spans a second is 300,000 rows too late. So each table is
analysed once, as soon as it has some pages; autovacuum goes on, and each analysis has plans made anew.
"""

import asyncio
from typing import Final

from psycopg import sql

from headgate.store.database import Database
from headgate.store.queries import Queries

LOOK_S: Final = 2.0
PAGES_MIN: Final = 16
"""Below 128 kB no plan is slow."""

_queries = Queries.load("headgate.store")


class PlanningJob:
    """Analyses tables that nobody has analysed, until cancelled."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def run(self) -> None:
        """Look every two seconds."""
        while True:
            await self.run_once()
            await asyncio.sleep(LOOK_S)

    async def run_once(self) -> list[str]:
        """Analyse what is new and has filled; return the names of those tables."""
        async with self._database.connection() as connection:
            cursor = await connection.execute(_queries.tables_unknown, {"pages_min": PAGES_MIN})
            names = [str(row[0]) for row in await cursor.fetchall()]
            for name in names:
                await connection.execute(sql.SQL("analyze (skip_locked) {}").format(sql.Identifier(name)))
        return names

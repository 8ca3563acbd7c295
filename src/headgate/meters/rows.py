"""Rows of a statement as dictionaries, and the meters' statements."""

from collections.abc import Mapping
from typing import Any, Final, LiteralString

from psycopg.rows import dict_row

from headgate.store.database import Connection
from headgate.store.queries import Queries

QUERIES: Final = Queries.load("headgate.meters")


async def fetch(
    connection: Connection, query: LiteralString, parameters: Mapping[str, Any] | None = None
) -> list[dict[str, Any]]:
    """Run a statement and return all its rows by column name."""
    cursor = connection.cursor(row_factory=dict_row)
    await cursor.execute(query, parameters)
    return await cursor.fetchall()

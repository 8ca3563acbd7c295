"""Rows by the names of their columns, for the queries that make many-column answers."""

from collections.abc import Mapping
from typing import Any, LiteralString

from psycopg.rows import dict_row

from headgate.store.database import Connection


async def fetch_rows(
    connection: Connection, query: LiteralString, parameters: Mapping[str, Any] | None = None
) -> list[dict[str, Any]]:
    """Run a query and return all its rows."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(query, parameters)
        return await cursor.fetchall()

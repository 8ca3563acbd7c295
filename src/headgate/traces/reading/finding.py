"""Where a trace is: its row, by its id, in the projects that a caller sees. Read next: `reading.opening`."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

import msgspec
from psycopg.rows import TupleRow

from headgate.core.faults import InvalidRequest, NotFound
from headgate.store.database import Connection
from headgate.traces.reading.listing import QUERIES, seen_projects, trace_item, with_columns
from headgate.traces.reading.model import TraceItem

_HEX: Final = 32


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """The row of a trace, and the days on which parts of it arrived, as SQL takes them."""

    item: TraceItem
    days: dict[str, Any]
    elsewhere: frozenset[str] = frozenset()
    """Ids of answers whose calls another trace has."""


async def find_trace(connection: Connection, project_ids: Sequence[str] | None, trace_id: str) -> Kept:
    """Return the row of a trace. Raises as `open_trace` does."""
    number = read_trace_id(trace_id)
    projects = await seen_projects(connection, project_ids)
    cursor = await connection.execute(
        with_columns(QUERIES.get_traces), {"trace_id": number, "project_ids": projects}
    )
    rows = await cursor.fetchall()
    if not rows:
        raise unknown_trace(trace_id)
    if len(rows) > 1:
        named = ", ".join(sorted(str(row[1]) for row in rows))
        raise InvalidRequest(
            f"the trace {trace_id[:64]!r} is in several projects: {named}; name one with `project`",
            parameter="project",
        )
    return _kept(rows[0])


def read_trace_id(text: str) -> UUID:
    """Read 32 hexadecimal digits. Raises NotFound for what is no id of a trace."""
    try:
        if len(text) != _HEX:
            raise ValueError(text)
        return UUID(text)
    except ValueError:
        raise unknown_trace(text) from None


def unknown_trace(trace_id: str) -> NotFound:
    """Say that there is no such trace."""
    return NotFound(f"there is no trace {trace_id[:64]!r}; `headgate traces` lists them")


def _kept(row: TupleRow) -> Kept:
    item = trace_item(row)
    days = {"first_day": row[-3], "last_day": row[-2], "trace_id": row[0], "trace": row[0].hex}
    return Kept(item=item, days=days, elsewhere=frozenset(row[-1]))

"""A warehouse query's result, row by row: of PostgreSQL, and what speaks its protocol.

The transaction is read-only and the query one statement, so nothing can be changed by it. At most
`ROWS_AT_ONCE` rows are held, whatever the result. Read next: `feedback_import`.
"""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Final

import psycopg
from psycopg.types.string import TextLoader

from headgate.cli.failure import CommandFailed
from headgate.cli.feedback_lines import Line, Opened

ROWS_AT_ONCE: Final = 1000
STATEMENT_S_MAX: Final = 900
CONNECT_S_MAX: Final = 10
_MARK: Final = b"headgate_outcomes"
_AS_TEXT: Final = ("date", "timestamp", "timestamptz")
"""Read by `core.written`, which refuses an `infinity` on its own line and not the whole result."""


@contextmanager
def queried(database: str, query: str) -> Generator[Opened]:
    """Run a query and give its rows as lines. Raises CommandFailed that says what the database says."""
    try:
        with psycopg.connect(database, connect_timeout=CONNECT_S_MAX) as connection:
            connection.read_only = True
            for kind in _AS_TEXT:
                connection.adapters.register_loader(kind, TextLoader)
            connection.execute(f"set local statement_timeout = '{STATEMENT_S_MAX}s'".encode())
            # Prepared, so that the server takes one statement alone: none after a semicolon.
            asked = query.strip().rstrip(";").encode()
            connection.execute(b"declare %b no scroll cursor for %b" % (_MARK, asked), prepare=True)
            found = _fetched(connection)
            header = [column.name for column in found.description or ()]
            yield Opened(lines=_lines(connection, found, header), header=header, read=lambda: 0, size=None)
            connection.rollback()
    except psycopg.OperationalError as error:
        raise CommandFailed(
            f"the database does not answer: {_first_line(error)}", "check --database, and that it runs"
        ) from error
    except psycopg.Error as error:
        raise CommandFailed(
            f"the query is refused: {_first_line(error)}", "write one SELECT; nothing may be changed by it"
        ) from error


Cursor = psycopg.Cursor[tuple[object, ...]]


def _fetched(connection: psycopg.Connection[tuple[object, ...]]) -> Cursor:
    return connection.execute(b"fetch forward %d from %b" % (ROWS_AT_ONCE, _MARK))


def _lines(
    connection: psycopg.Connection[tuple[object, ...]], found: Cursor, header: list[str]
) -> Iterator[Line]:
    number = 0
    while rows := found.fetchall():
        for row in rows:
            number += 1
            yield Line(number, dict(zip(header, row, strict=True)))
        found = _fetched(connection)


def _first_line(error: psycopg.Error) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]

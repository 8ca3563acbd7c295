"""Takes the words of spans into the index for searching, as long as control runs.

In one transaction a row of the queue is taken and its words are written, so that a process that dies has
done nothing; several processes take different rows. It gives way to shipping: after each batch it rests.
Read next: `keeping.texts`.
"""

import asyncio
import time
from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from headgate.records.bodies import read_bodies
from headgate.records.model import Bodies
from headgate.store.database import Connection, Database
from headgate.traces.keeping.sink import QUERIES
from headgate.traces.keeping.texts import TEXT_BYTES_MAX, words_of
from headgate.traces.sending.messages import spoken_of

IDLE_S: Final = 0.5
REST_SHARE: Final = 0.5
CHARACTERS_READ: Final = TEXT_BYTES_MAX
"""So much of a text is read; of messages the end."""


class WordsJob:
    """Empties the queue until cancelled."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def run(self) -> None:
        """Take what is queued, resting in proportion, so that control answers meanwhile."""
        while True:
            began = time.monotonic()
            taken = await self.run_once()
            took_s = time.monotonic() - began
            await asyncio.sleep(took_s * REST_SHARE if taken else IDLE_S)

    async def run_once(self) -> int:
        """Take the oldest row of the queue that nobody else takes; return how many spans it named."""
        async with self._database.transaction() as connection:
            cursor = await connection.execute(QUERIES.take_text)
            row = await cursor.fetchone()
            if row is None:
                return 0
            day, project, traces, numbers, calls = row
            scope = {"project_ids": [project], "project": project, "day": day}
            if calls:
                await _take_calls(connection, scope, list(zip(traces, numbers, calls, strict=True)))
                return len(calls)
            named = {"traces": traces, "numbers": numbers, "characters": CHARACTERS_READ}
            cursor = await connection.execute(QUERIES.read_texts, {**scope, **named})
            found = await cursor.fetchall()
            texts = await asyncio.to_thread(_texts, found)
            await _write(connection, scope, found, texts)
            return len(numbers)


async def _take_calls(
    connection: Connection, scope: dict[str, Any], named: Sequence[tuple[UUID, int, UUID]]
) -> None:
    """Take the words of recorded calls, one at a time, where their bodies are there and open to all."""
    rows: list[tuple[UUID, int, UUID]] = []
    texts: list[str] = []
    for trace, number, call in named:
        cursor = await connection.execute(QUERIES.hold_call, {**scope, "call": call})
        held = await cursor.fetchone()
        bodies = None if held is None else await read_bodies(connection, scope["project_ids"], call)
        if held is None or bodies is None:
            continue
        rows.append((trace, number, call))
        texts.append(await asyncio.to_thread(call_words, held[0], held[1], bodies))
    if rows:
        await _write(connection, scope, rows, texts)


def call_words(dialect: str, model: str, bodies: Bodies) -> str:
    """Return the words of a call: what came out before what went in, as of spans."""
    spoken = spoken_of(dialect, model, bodies)
    return words_of(spoken.output, spoken.input[-CHARACTERS_READ:], spoken.system)


def _texts(rows: Sequence[Sequence[Any]]) -> list[str]:
    return [words_of(*row[2:]) for row in rows]


async def _write(
    connection: Connection, scope: dict[str, Any], rows: Sequence[Sequence[Any]], texts: Sequence[str]
) -> None:
    parameters = {
        **scope,
        "traces": [row[0] for row in rows],
        "numbers": [row[1] for row in rows],
        "texts": list(texts),
        "calls": [row[2] if isinstance(row[2], UUID) else None for row in rows],
    }
    await connection.execute(QUERIES.add_words, parameters)

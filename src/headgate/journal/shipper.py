"""Brings the journals of this host to PostgreSQL: each entry arrives exactly once.

Sinks apply a batch and the position moves past it in one transaction, by compare-and-set. What can't be
applied is found by bisection and kept in `journal_rejects`; while the database is away everything waits, on
disk. Accounting and bodies are shipped apart, so that neither waits for the other. One shipper a host. Never
decodes a payload. Read next: `journal.reading`, `core.ports.Sink`.
"""

import asyncio
import logging
import shutil
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Protocol, runtime_checkable

import msgspec
import psycopg

from headgate.core.entries import ALERT, Alert
from headgate.core.faults import Unavailable
from headgate.core.ports import Envelope, Sink
from headgate.journal.folder import STREAMS, StreamName, boots, mark_shipped, segments
from headgate.journal.format import Entry
from headgate.journal.reading import Batch, Journal, Place, Position, read
from headgate.store.database import Connection, Database, first_line, will_pass
from headgate.store.queries import Queries

log = logging.getLogger("headgate.journal")

QUERIES: Final = Queries.load("headgate.journal")
POLL_S: Final = 0.05
IDLE_POLL_S: Final = 0.2
"""So long it rests once nothing has come for a while: an idle host costs little."""
RETRY_S: Final = 0.2
RETRY_S_MAX: Final = 5.0
KEEP_S: Final = 24 * 3600.0
KEEP_BYTES: Final = 8 * 1024 * 1024 * 1024
SWEEP_EVERY_S: Final = 60.0
COMPARE_EVERY_S: Final = 5.0
"""How often a database that has forgotten something (a failover, a restore) is looked for."""
REASON_CHARACTERS_MAX: Final = 2000
SKIP_S: Final = 60.0
"""How long a journal that can't be read, or can't be closed, is left alone."""


@runtime_checkable
class ClosingSink(Protocol):
    """A sink that wants to know when a journal has been shipped to its end and its writer is gone."""

    async def close_journal(self, connection: Connection, boot: uuid.UUID) -> object:
        """Settle what the boot has left open, in the transaction that closes its journal."""
        ...


class Shipper:
    """Ships all journals under one folder until it is told to stop.

    Shipped segments stay for `keep_s`, as long as they are at most `keep_bytes` together.
    """

    def __init__(
        self,
        folder: Path,
        database: Database,
        sinks: Sequence[Sink],
        *,
        host: str,
        keep_s: float = KEEP_S,
        keep_bytes: int = KEEP_BYTES,
    ) -> None:
        self._folder = folder
        self._database = database
        self._sinks = tuple(sinks)
        self._host = host
        self._keep_s = keep_s
        self._keep_bytes = keep_bytes
        self._journals: dict[uuid.UUID, Journal] = {}
        self._finding = asyncio.Lock()
        self._stopping = asyncio.Event()
        self._swept_s = self._compared_s = time.monotonic()
        self.shipped_entries = 0
        self.rejected_entries = 0
        self.damaged_bytes = 0
        self.away_since_s: float | None = None

    async def run(self) -> None:
        """Ship until stopped, and then until nothing is left that can be shipped."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            async with asyncio.TaskGroup() as tasks:
                for stream in STREAMS:
                    tasks.create_task(self._run(stream), name=f"ship {stream}")
            await self._last_round()
        finally:
            for journal in self._journals.values():
                journal.release()

    def stop(self) -> None:
        """Ship what is there, then end."""
        self._stopping.set()

    async def ship_once(self) -> bool:
        """Ship one batch of each stream of each journal; say whether anything moved.

        Raises Unavailable when the database is away.
        """
        moved = [await self.ship_stream(stream) for stream in STREAMS]
        return any(moved)

    async def ship_stream(self, stream: StreamName) -> bool:
        """Ship one batch of this stream of each journal, and close what has come to its end.

        Raises Unavailable when the database is away.
        """
        moved = False
        if stream == "acct" and time.monotonic() - self._compared_s > COMPARE_EVERY_S:
            self._compared_s = time.monotonic()
            await self.compare()
        for boot in await asyncio.to_thread(boots, self._folder):
            journal = await self._journal(boot)
            if journal.closed or journal.retry_at_s > time.monotonic():
                continue
            try:
                moved = await self._ship(journal, stream) or moved
            except OSError as error:
                log.error("journal %s can't be read: %s", boot, error)
                journal.retry_at_s = time.monotonic() + SKIP_S
        if stream == "acct" and time.monotonic() - self._swept_s > SWEEP_EVERY_S:
            self._swept_s = time.monotonic()
            await asyncio.to_thread(self.sweep)
        return moved

    async def compare(self) -> None:
        """Begin again with journals of which the database has less than it had: it is a standby that lacked
        the last commits, or was restored. Raises Unavailable when it is away."""
        known = {boot: journal.place for boot, journal in self._journals.items()}
        if not known:
            return
        async with self._database.connection() as connection:
            cursor = await connection.execute(QUERIES["get_positions"], (list(known),))
            found = {row[0]: _place(row[1:]) for row in await cursor.fetchall()}
        for boot, place in known.items():
            journal = self._journals.get(boot)
            if journal is not None and (boot not in found or found[boot].is_behind(place)):
                log.error("the database has forgotten entries of journal %s: they are shipped again", boot)
                del self._journals[boot]
                journal.release()

    def sweep(self) -> None:
        """Delete segments shipped longer ago than is kept, then the oldest of what is too much. Blocks."""
        for journal in list(self._journals.values()):
            self._mark_all_shipped(journal)
        oldest_s = time.time() - self._keep_s
        kept = 0
        shipped = [
            file
            for boot in boots(self._folder)
            for file in segments(self._folder / str(boot))
            if file.shipped
        ]
        for file in sorted(shipped, key=lambda file: file.changed_s, reverse=True):
            kept += file.size
            if file.changed_s < oldest_s or kept > self._keep_bytes:
                file.path.unlink(missing_ok=True)
        for boot, journal in list(self._journals.items()):
            if journal.closed and not segments(journal.folder):
                shutil.rmtree(journal.folder, ignore_errors=True)
                del self._journals[boot]

    def _mark_all_shipped(self, journal: Journal) -> None:
        for file in segments(journal.folder):
            stream: StreamName = "acct" if file.stream == "acct" else "body"
            if not file.shipped and (journal.closed or file.number < journal.positions[stream].segment):
                mark_shipped(journal.folder, stream, file.number)

    async def _run(self, stream: StreamName) -> None:
        retry_s, poll_s = RETRY_S, POLL_S
        while not self._stopping.is_set():
            try:
                moved = await self.ship_stream(stream)
            except Unavailable as fault:
                self._note_away(fault)
                await self._pause(retry_s)
                retry_s = min(retry_s * 2, RETRY_S_MAX)
                continue
            self.away_since_s, retry_s = None, RETRY_S
            if moved:
                poll_s = POLL_S
            else:
                await self._pause(poll_s)
                poll_s = min(poll_s * 1.5, IDLE_POLL_S)

    async def _last_round(self) -> None:
        try:
            while await self.ship_once():
                pass
        except Unavailable as fault:
            log.warning("what is left waits for the next shipper: %s", fault.message)

    def _note_away(self, fault: Unavailable) -> None:
        if self.away_since_s is None:
            self.away_since_s = time.monotonic()
            log.warning("shipping waits: %s", fault.message)

    async def _pause(self, pause_s: float) -> None:
        try:
            await asyncio.wait_for(self._stopping.wait(), pause_s)
        except TimeoutError:
            return

    async def _journal(self, boot: uuid.UUID) -> Journal:
        """Return the journal with its positions, which the database knows and nobody else."""
        async with self._finding:
            known = self._journals.get(boot)
            if known is not None:
                return known
            journal = Journal(boot, self._folder / str(boot))
            async with self._database.connection() as connection:
                await connection.execute(QUERIES["register_journal"], (boot, self._host))
                cursor = await connection.execute(QUERIES["get_position"], (boot,))
                row = await cursor.fetchone()
            if row is None:
                raise Unavailable(f"the row of journal {boot} is gone again")
            place = _place(row)
            journal.positions, journal.closed = dict(place.positions), place.is_closed
            self._journals[boot] = journal
            return journal

    async def _ship(self, journal: Journal, stream: StreamName) -> bool:
        # In this order: a writer that is gone by now adds nothing to what is read after.
        journal.check_writer()
        is_dead = journal.is_dead
        batch = await asyncio.to_thread(read, journal, stream, is_dead=is_dead)
        if batch is not None:
            journal.drained.discard(stream)
            await self._ship_batch(journal, stream, batch)
            return True
        if is_dead:
            journal.drained.add(stream)
            if len(journal.drained) == len(STREAMS):
                await self._close(journal)
                return True
        return False

    async def _ship_batch(self, journal: Journal, stream: StreamName, batch: Batch) -> None:
        place = journal.positions[stream]
        if batch.damaged_bytes or batch.missing:
            self.damaged_bytes += batch.damaged_bytes
            text = f"{batch.damaged_bytes} damaged bytes and {batch.missing} missing segments"
            log.error("journal %s, %s segment %d: %s", journal.boot, stream, place.segment, text)
        await self._apply(journal, stream, batch.entries, batch.after, batch.damaged_bytes)
        if batch.after.segment != place.segment:
            await asyncio.to_thread(mark_shipped, journal.folder, stream, place.segment)

    async def _apply(
        self,
        journal: Journal,
        stream: StreamName,
        batch: Sequence[Entry],
        after: Position,
        damaged_bytes: int,
    ) -> None:
        """Apply a batch, whole or in ever smaller parts; what fails alone is rejected."""
        try:
            async with self._database.transaction() as connection:
                await self._check_place(connection, journal, stream)
                await self._hand_over(connection, journal.boot, batch)
                if damaged_bytes:
                    await self._alert(connection, journal, f"{damaged_bytes} damaged bytes were skipped")
                await self._move(connection, journal, stream, after, damaged_bytes)
        except Unavailable:
            raise
        except Exception as error:  # a job's border: whatever a sink can't apply must not stop the rest
            if will_pass(error):
                raise Unavailable(first_line(error)) from error
            if len(batch) > 1:
                half = len(batch) // 2
                middle = Position(journal.positions[stream].segment, batch[half - 1].next_offset)
                await self._apply(journal, stream, batch[:half], middle, damaged_bytes)
                await self._apply(journal, stream, batch[half:], after, 0)
                return
            await self._reject(journal, stream, batch, after, error)
        else:
            self.shipped_entries += len(batch)
        journal.positions[stream] = after

    async def _hand_over(self, connection: Connection, boot: uuid.UUID, batch: Sequence[Entry]) -> None:
        for sink in self._sinks:
            chosen = [
                Envelope(boot.bytes, entry.kind, entry.payload) for entry in batch if entry.kind in sink.kinds
            ]
            if chosen:
                await sink.apply(connection, chosen)

    async def _check_place(self, connection: Connection, journal: Journal, stream: StreamName) -> None:
        """Hold this stream until the transaction ends. Raises Unavailable when someone else has moved it."""
        await connection.execute(QUERIES["lock_stream"], (f"{journal.boot} {stream}",))
        cursor = await connection.execute(QUERIES["get_position"], (journal.boot,))
        row = await cursor.fetchone()
        place = journal.positions[stream]
        found = None if row is None else (row[0:2] if stream == "acct" else row[2:4])
        if found != (place.segment, place.offset):
            self._forget(journal)

    async def _move(
        self, connection: Connection, journal: Journal, stream: StreamName, after: Position, damaged: int
    ) -> None:
        old = journal.positions[stream]
        cursor = await connection.execute(
            QUERIES["move_acct" if stream == "acct" else "move_body"],
            {
                "boot": journal.boot,
                "segment": after.segment,
                "offset": after.offset,
                "old_segment": old.segment,
                "old_offset": old.offset,
                "damaged": damaged,
            },
        )
        if await cursor.fetchone() is None:
            self._forget(journal)

    def _forget(self, journal: Journal) -> None:
        # Another shipper, or a restored database, has moved it: begin again from what stands there.
        if self._journals.get(journal.boot) is journal:
            del self._journals[journal.boot]
        journal.release()
        raise Unavailable(f"the position of journal {journal.boot} has changed meanwhile")

    async def _reject(
        self,
        journal: Journal,
        stream: StreamName,
        batch: Sequence[Entry],
        after: Position,
        error: Exception,
    ) -> None:
        reason = first_line(error).replace("\0", "\ufffd")[:REASON_CHARACTERS_MAX]
        log.error("an entry of journal %s can't be applied: %s", journal.boot, reason)
        place = journal.positions[stream]
        async with self._database.transaction() as connection:
            for entry in batch:
                await connection.execute(
                    QUERIES["add_reject"],
                    (journal.boot, stream, place.segment, place.offset, entry.kind, entry.payload, reason),
                )
            await self._alert(connection, journal, f"an entry was rejected: {reason}")
            await self._move(connection, journal, stream, after, 0)
        self.rejected_entries += len(batch)

    async def _alert(self, connection: Connection, journal: Journal, message: str) -> None:
        """Tell people, through the sink that takes alerts; one that can't be told stays in the log."""
        entry = Alert(time.time_ns() // 1_000_000, "journal_damaged", str(journal.boot), message)
        try:
            async with connection.transaction():
                alert = Entry(ALERT, msgspec.msgpack.encode(entry), 0)
                await self._hand_over(connection, journal.boot, [alert])
        except psycopg.DatabaseError as error:
            if will_pass(error):
                raise
            log.error("an alert could not be kept: %s", first_line(error))

    async def _close(self, journal: Journal) -> None:
        """All is shipped and the writer is gone: let the sinks settle what it left open."""
        try:
            async with self._database.transaction() as connection:
                if await self._mark_closed(connection, journal):
                    for sink in self._sinks:
                        if isinstance(sink, ClosingSink):
                            await sink.close_journal(connection, journal.boot)
        except Unavailable:
            raise
        except Exception as error:  # a job's border: one journal must not hold up the others
            if will_pass(error):
                raise Unavailable(first_line(error)) from error
            log.exception("journal %s can't be closed and is left open for now", journal.boot)
            journal.retry_at_s = time.monotonic() + SKIP_S
            return
        journal.closed = True
        journal.release()
        await asyncio.to_thread(self._mark_all_shipped, journal)
        log.info("journal %s is shipped and closed", journal.boot)

    async def _mark_closed(self, connection: Connection, journal: Journal) -> bool:
        """Say whether it was not closed before. Raises Unavailable where the database has not all of it."""
        acct, body = journal.positions["acct"], journal.positions["body"]
        cursor = await connection.execute(
            QUERIES["close_journal"],
            {
                "boot": journal.boot,
                "acct_segment": acct.segment,
                "acct_offset": acct.offset,
                "body_segment": body.segment,
                "body_offset": body.offset,
            },
        )
        if await cursor.fetchone() is not None:
            return True
        cursor = await connection.execute(QUERIES["get_position"], (journal.boot,))
        row = await cursor.fetchone()
        if row is None or not _place(row).is_closed:
            self._forget(journal)
        return False


def _place(row: Sequence[Any]) -> Place:
    """Positions and closing time of a journal, as `journals` has them."""
    positions: dict[StreamName, Position] = {
        "acct": Position(row[0], row[1]),
        "body": Position(row[2], row[3]),
    }
    return Place(positions=positions, is_closed=row[4] is not None)

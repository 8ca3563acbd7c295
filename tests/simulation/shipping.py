"""A simulated shipper: the real reader, and the steps of `journal.shipper` between which it may die.

Reading and applying are two steps, so that all may happen in between. Applying, moving the position and
looking that it has not moved are one transaction, whose commit may be heard of or not.
"""

import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tests.simulation.disk import Segment, SimJournal, load
from tests.simulation.model_database import Moved, NotApplied
from tests.simulation.model_rows import JournalRow

from headgate.core.ports import Envelope
from headgate.journal.folder import STREAMS, StreamName
from headgate.journal.format import Entry
from headgate.journal.reading import Batch, Place, Position, next_batch

if TYPE_CHECKING:
    from tests.simulation.world import Host, World


class Away(Exception):
    """The database can't be reached, or its answer is lost."""


class Known:
    """What the shipper remembers of a journal."""

    __slots__ = ("boot", "drained", "is_closed", "is_dead", "journal", "places", "read", "version")

    def __init__(self, journal: SimJournal) -> None:
        self.journal = journal
        self.boot: uuid.UUID = journal.boot
        self.places: dict[StreamName, Position] = {}
        self.drained: set[StreamName] = set()
        self.is_dead = False
        self.is_closed = False
        self.version = -1
        self.read: tuple[StreamName, Batch] | None = None

    @property
    def place(self) -> Place:
        """Where the journal stands, as far as is remembered."""
        return Place(positions=dict(self.places), is_closed=self.is_closed)


class SimShipper:
    """The one shipper of a host, from its start to its end."""

    def __init__(self, world: "World", host: "Host") -> None:
        self.world = world
        self.host = host
        self.known: dict[str, Known] = {}
        self.has_moved = False

    def step(self, journal: SimJournal, stream: StreamName) -> None:
        """Do the next thing for one stream of a journal; nothing while the database is away."""
        try:
            known = self.find(journal)
            if known.is_closed:
                return
            if known.read is not None:
                self.ship_read(known)
                return
            self.look(known, stream)
            if self.world.random.random() < 0.7:
                self.ship_read(known)
        except Away:
            return

    def ship_read(self, known: Known) -> None:
        """Ship what was read, if anything was."""
        read, known.read = known.read, None
        if read is not None:
            self.ship(known, *read)

    def compare(self) -> None:
        """Begin again with journals of which the database has less than it had (`Shipper.compare`)."""
        if not self.world.can_reach(self.host):
            return
        for boot, known in list(self.known.items()):
            row = self.world.database.tables.journals.get(boot)
            if row is None or place_of(row).is_behind(known.place):
                self.world.say(f"the database has forgotten entries of {boot[:8]}")
                del self.known[boot]

    def find(self, journal: SimJournal) -> Known:
        """Return the journal with its positions, which the database knows and nobody else."""
        boot = journal.boot_id
        known = self.known.get(boot)
        if known is None:
            self.reach()
            row = self.world.database.position(boot)
            known = Known(journal)
            place = place_of(row)
            known.places, known.is_closed = place.positions, place.is_closed
            self.known[boot] = known
            self.has_moved = True
            self.mark_shipped(known)
        return known

    def look(self, known: Known, stream: StreamName) -> None:
        """Read what is new; a dead writer's journal that has nothing new is closed."""
        # In this order: a writer that is gone by now adds nothing to what is read after.
        is_dead = self.check_writer(known)
        batch = self.next_batch(known, stream, is_dead=is_dead)
        if batch is not None:
            known.read = (stream, batch)
        elif is_dead:
            known.drained.add(stream)
            if len(known.drained) == len(STREAMS):
                self.close(known)

    def check_writer(self, known: Known) -> bool:
        """Find out whether the writer has ended."""
        known.is_dead = known.is_dead or not known.journal.has_writer
        return known.is_dead

    def next_batch(self, known: Known, stream: StreamName, *, is_dead: bool) -> Batch | None:
        """Read on from where the journal stands. A living writer may be in the middle of an entry."""
        segments = known.journal.stream(stream).segments
        is_still = not known.journal.has_writer or self.world.is_calm or self.world.random.random() < 0.7
        cut = 0 if is_still else self.world.random.randrange(200)

        def read(segment: Segment, offset: int, size: int) -> bytes:
            data = load(segment, offset, size)
            return data[: len(data) - cut] if cut and segment.number == len(segments) else data

        return next_batch(segments, known.places[stream], known.journal.seed, read, is_dead=is_dead)

    def ship(self, known: Known, stream: StreamName, batch: Batch) -> None:
        """Apply a batch; note on the disk what the database has all of."""
        place = known.places[stream]
        self.apply(known, stream, batch.entries, batch.after, batch.damaged_bytes)
        if batch.after.segment != place.segment:
            known.journal.stream(stream).segments[place.segment].shipped = True
            known.journal.version += 1

    def apply(
        self, known: Known, stream: StreamName, entries: Sequence[Entry], after: Position, damaged: int
    ) -> None:
        """Apply entries in one transaction, whole or in ever smaller parts."""
        self.reach()
        try:
            self.transact(known, stream, entries, after, damaged)
        except Moved:
            del self.known[known.journal.boot_id]
            raise Away from None
        except NotApplied:
            if len(entries) > 1:
                half = len(entries) // 2
                middle = Position(known.places[stream].segment, entries[half - 1].next_offset)
                self.apply(known, stream, entries[:half], middle, damaged)
                self.apply(known, stream, entries[half:], after, 0)
                return
            self.reject(known, stream, entries, after)
        self.commit()
        known.places[stream] = after

    def transact(
        self, known: Known, stream: StreamName, entries: Sequence[Entry], after: Position, damaged: int
    ) -> None:
        """What is done in the transaction. Raises Moved, NotApplied."""
        database, boot = self.world.database, known.journal.boot_id
        place = known.places[stream]
        database.check_place(boot, stream, (place.segment, place.offset))
        self.hand_over(known, entries)
        database.tables.damaged_bytes += damaged
        database.move(boot, stream, (after.segment, after.offset))
        if self.world.trace is not None:
            self.world.say(f"shipper of {self.host.name} applies {len(entries)} entries of {boot[:8]}")

    def hand_over(self, known: Known, entries: Sequence[Entry]) -> None:
        """Let the sinks apply the entries."""
        boot = known.boot
        self.world.database.apply(boot, [Envelope(boot.bytes, one.kind, one.payload) for one in entries])

    def reject(self, known: Known, stream: StreamName, entries: Sequence[Entry], after: Position) -> None:
        """Keep what can't be applied, with the reason."""
        boot = known.journal.boot_id
        for one in entries:
            self.world.database.tables.rejects.append((boot, one.kind))
        self.world.database.move(boot, stream, (after.segment, after.offset))

    def close(self, known: Known) -> None:
        """All is shipped and the writer is gone."""
        self.reach()
        self.close_journal(known)
        if self.world.trace is not None:
            self.world.say(f"shipper of {self.host.name} closes journal {known.journal.boot_id[:8]}")
        self.commit()
        known.is_closed = True
        self.mark_shipped(known)

    def mark_shipped(self, known: Known) -> None:
        """Note on the disk which segments the database has all of (`Shipper._mark_all_shipped`)."""
        known.journal.version += 1
        for name in STREAMS:
            for segment in known.journal.stream(name).segments.values():
                segment.shipped = (
                    segment.shipped or known.is_closed or segment.number < known.places[name].segment
                )

    def close_journal(self, known: Known) -> None:
        """The transaction that closes, if the database has all of it."""
        places: dict[StreamName, tuple[int, int]] = {
            name: (one.segment, one.offset) for name, one in known.places.items()
        }
        try:
            self.world.database.close_journal(known.boot, places)
        except Moved:
            del self.known[known.journal.boot_id]
            raise Away from None
        except NotApplied:
            raise Away from None  # left open for now

    def reach(self) -> None:
        """Raise Away while the database can't be reached from here."""
        if not self.world.can_reach(self.host):
            raise Away

    def commit(self) -> None:
        """The commit: heard of, or not. Raises Away."""
        self.has_moved = True
        self.world.books.committed()
        self.world.checkpoint()
        if self.world.random.random() < self.world.plan.lost_answers:
            self.world.say("its commit was not heard of")
            raise Away


def place_of(row: JournalRow) -> Place:
    """Return where the database has a journal."""
    positions: dict[StreamName, Position] = {name: Position(*row.places[name]) for name in STREAMS}
    return Place(positions=positions, is_closed=row.is_closed)

"""Planted faults of the journal's format, of its reader, and of the shipper."""

import uuid
from collections.abc import Sequence

from tests.simulation import disk
from tests.simulation.model_database import Moved, NotApplied
from tests.simulation.planting import Fault, changed, plant, planted
from tests.simulation.shipping import Away, Known, SimShipper

from headgate.core.ports import Envelope
from headgate.journal import format as journal_format
from headgate.journal.folder import STREAMS, StreamName
from headgate.journal.format import HEAD, MARK, PAYLOAD_BYTES_MAX, Entry
from headgate.journal.reading import Batch, Position


@planted("the position moves before its entries are applied")
class MovedFirst(SimShipper):
    def transact(
        self, known: Known, stream: StreamName, entries: Sequence[Entry], after: Position, damaged: int
    ) -> None:
        database, boot, place = self.world.database, known.journal.boot_id, known.places[stream]
        database.check_place(boot, stream, (place.segment, place.offset))
        database.move(boot, stream, (after.segment, after.offset))
        self.commit()
        self.hand_over(known, entries)


@planted("entries are applied before their position moves")
class AppliedFirst(SimShipper):
    def transact(
        self, known: Known, stream: StreamName, entries: Sequence[Entry], after: Position, damaged: int
    ) -> None:
        database, boot, place = self.world.database, known.journal.boot_id, known.places[stream]
        database.check_place(boot, stream, (place.segment, place.offset))
        self.hand_over(known, entries)
        self.commit()
        database.move(boot, stream, (after.segment, after.offset))


@planted("entries are applied wherever the position is")
class PlaceUnchecked(SimShipper):
    def transact(
        self, known: Known, stream: StreamName, entries: Sequence[Entry], after: Position, damaged: int
    ) -> None:
        self.hand_over(known, entries)
        self.world.database.move(known.journal.boot_id, stream, (after.segment, after.offset))


@planted("a journal is replayed under another boot")
class OtherBoot(SimShipper):
    def hand_over(self, known: Known, entries: Sequence[Entry]) -> None:
        boot = self.host.processes[0].boot if self.host.processes else known.boot
        batch = [Envelope(boot.bytes, one.kind, one.payload) for one in entries]
        self.world.database.apply(boot, batch)


@planted("a journal is closed before it is drained")
class ClosedUndrained(SimShipper):
    def look(self, known: Known, stream: StreamName) -> None:
        if self.check_writer(known):
            self.close(known)
        else:
            super().look(known, stream)


@planted("a journal is closed once one of its streams is drained")
class ClosedHalfDrained(SimShipper):
    def look(self, known: Known, stream: StreamName) -> None:
        super().look(known, stream)
        if known.drained and not known.is_closed and known.read is None:
            self.close(known)


@planted("a writer that writes nothing is taken for dead")
class SilentIsDead(SimShipper):
    def check_writer(self, known: Known) -> bool:
        return True


@planted("whether the writer lives is asked after reading")
class AskedAfterReading(SimShipper):
    def look(self, known: Known, stream: StreamName) -> None:
        if stream in known.drained and known.journal.has_writer:
            known.drained.discard(stream)
        if stream in known.drained:
            if len(known.drained) == len(STREAMS):
                self.close(known)
            return
        batch = self.next_batch(known, stream, is_dead=False)
        if batch is not None:
            known.read = (stream, batch)
        else:
            known.drained.add(stream)


@planted("the end of a living writer's segment is taken for damage")
class TailSkipped(SimShipper):
    def next_batch(self, known: Known, stream: StreamName, *, is_dead: bool) -> Batch | None:
        return super().next_batch(known, stream, is_dead=True)


@planted("a batch with an entry that can't be applied is rejected whole")
class RejectedWhole(SimShipper):
    def apply(
        self, known: Known, stream: StreamName, entries: Sequence[Entry], after: Position, damaged: int
    ) -> None:
        self.reach()
        try:
            self.transact(known, stream, entries, after, damaged)
        except Moved:
            del self.known[known.journal.boot_id]
            raise Away from None
        except NotApplied:
            self.reject(known, stream, entries, after)
        self.commit()
        known.places[stream] = after


@planted("an entry that can't be applied stops its journal")
class PoisonStops(SimShipper):
    def reject(self, known: Known, stream: StreamName, entries: Sequence[Entry], after: Position) -> None:
        raise Away


@planted("the next segment is read before this one is at its end")
class NextSegmentTooSoon(SimShipper):
    def next_batch(self, known: Known, stream: StreamName, *, is_dead: bool) -> Batch | None:
        place = known.places[stream]
        following = known.journal.stream(stream).segments.get(place.segment + 1)
        if following is not None and following.size:
            return Batch((), 0, Position(following.number, 0))
        return super().next_batch(known, stream, is_dead=is_dead)


@planted("a database that has forgotten entries is not noticed")
class ForgottenUnnoticed(SimShipper):
    def compare(self) -> None:
        return

    def close_journal(self, known: Known) -> None:
        row = self.world.database.tables.journals.get(known.journal.boot_id)
        if row is not None:
            self.world.database.close_journal(known.boot, dict(row.places))


ENTRY_AT = journal_format._entry_at


@changed("a checksum is not verified", journal_format, "_entry_at")
def entry_unchecked(data: bytes, position: int, seed: int) -> tuple[int, bytes, int] | bool:
    if len(data) - position < HEAD.size:
        return MARK.startswith(data[position : position + len(MARK)])
    mark, length, _, kind = HEAD.unpack_from(data, position)
    if mark != MARK or length > PAYLOAD_BYTES_MAX:
        return False
    end = position + HEAD.size + length
    return True if end > len(data) else (kind, data[position + HEAD.size : end], end)


@changed("a torn tail is taken for an entry", journal_format, "_entry_at")
def entry_torn(data: bytes, position: int, seed: int) -> tuple[int, bytes, int] | bool:
    found = ENTRY_AT(data, position, seed)
    if found is True and len(data) - position > HEAD.size:
        kind = HEAD.unpack_from(data, position)[3]
        return kind, data[position + HEAD.size :], len(data)
    return found


def _same_seed(boot: uuid.UUID) -> int:
    return 0


plant(
    Fault(
        name="a checksum does not begin with the boot",
        changes=((disk, "seed_of", _same_seed),),
        focus={"bodies": True, "weights": {"rot": 2.0}},
    )
)

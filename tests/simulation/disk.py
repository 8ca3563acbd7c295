"""A simulated disk: the journals of one host, byte for byte, and what a crash or a power cut leaves of them.

The frames are the real ones (`journal.format`), and the shipper reads them with the real reader
(`journal.reading`). What `journal.writer` and `journal.segment` do with files is followed here: rotation to a
segment made ready, bodies dropped at three quarters of the bound, no new calls at the bound.
"""

import uuid
from random import Random

import msgspec

from headgate.core.entries import BODY
from headgate.journal.format import frame, seed_of

SEGMENT_BYTES_MAX = 400
TOTAL_BYTES_MAX = 3000
ROOM_BYTES = 6000
"""What the ends of the calls in flight, thirty and more, may take up beyond that."""


class NoRoom(AssertionError):
    """A journal has taken up more than its bound and the room behind it."""


class Frame(msgspec.Struct):
    """An entry that was appended, and whether it is still whole. `attempt` is 0 for one of a whole call."""

    kind: int
    call: str
    attempt: int
    segment: int
    offset: int
    end: int
    charged: int = 0
    holds: tuple[tuple[int, int], ...] = ()
    cost: int | None = None
    code: str = ""
    is_lost: bool = False
    is_rotten: bool = False


class Segment:
    """A segment: its bytes, and how many of them are on the disk for sure."""

    __slots__ = ("data", "number", "shipped", "synced")

    def __init__(self, number: int) -> None:
        self.number = number
        self.data = bytearray()
        self.synced = 0
        self.shipped = False

    @property
    def size(self) -> int:
        """Bytes that readers see."""
        return len(self.data)


class Stream:
    """The segments of one stream, and what was written to them."""

    __slots__ = ("frames", "segments", "spare")

    def __init__(self) -> None:
        self.segments: dict[int, Segment] = {1: Segment(1)}
        self.spare: Segment | None = None
        self.frames: list[Frame] = []

    @property
    def current(self) -> Segment:
        """Where is written to."""
        return self.segments[len(self.segments) - (self.spare is not None)]

    def append(self, data: bytes, entry: Frame) -> None:
        """Write an entry to the present segment, or to the next once this one is long enough."""
        current = self.current
        if self.spare is None and current.size > SEGMENT_BYTES_MAX:
            self.sync()  # the thread is never so late
        if self.spare is not None and current.size + len(data) > SEGMENT_BYTES_MAX:
            self.spare = None
            current = self.current
        entry.segment, entry.offset = current.number, current.size
        current.data += data
        entry.end = current.size
        self.frames.append(entry)

    def sync(self) -> None:
        """Bring all to the disk, and make the next segment ready where it will be needed soon."""
        for segment in self.segments.values():
            segment.synced = len(segment.data)
        if self.spare is None and self.current.size > SEGMENT_BYTES_MAX // 2:
            self.spare = self.segments[len(self.segments) + 1] = Segment(len(self.segments) + 1)

    def cut_power(self, random: Random, shipped: tuple[int, int]) -> None:
        """Lose what was not synced, or a part of it; what lies before `shipped` the database has already."""
        for segment in self.segments.values():
            if segment.synced < segment.size:
                kept = random.randrange(segment.synced, segment.size + 1)
                before = bytes(segment.data)
                lost = segment.size - kept
                del segment.data[kept:]
                if random.random() < 0.3:
                    segment.data += bytes(min(lost, random.randrange(1, 40)))
                for one in self.frames:
                    if one.segment != segment.number or (one.segment, one.end) <= shipped:
                        continue
                    # Zeros in the place of what is gone may be what an entry ended in.
                    if bytes(segment.data[one.offset : one.end]) != before[one.offset : one.end]:
                        one.is_lost = True

    def rot(self, random: Random, after: tuple[int, int]) -> Frame | None:
        """Change a byte of an entry behind a position; the answer is what was hit."""
        behind = [one for one in self.frames if (one.segment, one.offset) >= after and not one.is_lost]
        if not behind:
            return None
        hit = random.choice(behind)
        at = random.randrange(hit.offset, hit.end)
        self.segments[hit.segment].data[at] ^= 1 << random.randrange(8)
        hit.is_lost = hit.is_rotten = True
        return hit


class SimJournal:
    """The journal of one boot, as its writer left it."""

    __slots__ = (
        *("acct", "bodies_dropped", "body", "boot", "boot_id", "has_writer", "seed"),
        *("synced_version", "total_bytes", "version"),
    )

    def __init__(self, boot: uuid.UUID) -> None:
        self.boot = boot
        self.boot_id = str(boot)
        self.version = 0
        self.synced_version = -1
        """Raised with each change, so that nobody looks in vain."""
        self.seed = seed_of(boot)
        self.acct = Stream()
        self.body = Stream()
        self.has_writer = True
        self.total_bytes = 0
        self.bodies_dropped = 0

    def stream(self, name: str) -> Stream:
        """Return one of the two streams."""
        return self.acct if name == "acct" else self.body

    @property
    def is_healthy(self) -> bool:
        """Whether a new call can be put on record."""
        return self.total_bytes < TOTAL_BYTES_MAX

    def append(self, payload: bytes, entry: Frame) -> None:
        """Write an accounting entry."""
        data = frame(entry.kind, payload, self.seed)
        self.acct.append(data, entry)
        self.version += 1
        if self.unshipped_bytes() > TOTAL_BYTES_MAX + ROOM_BYTES:
            raise NoRoom(f"journal {self.boot_id} takes up {self.unshipped_bytes()} bytes")
        self.total_bytes += len(data)

    def append_body(self, payload: bytes, call: str) -> bool:
        """Write a body; say whether it was."""
        data = frame(BODY, payload, self.seed)
        if self.total_bytes + len(data) > TOTAL_BYTES_MAX * 3 // 4:
            self.bodies_dropped += 1
            return False
        self.version += 1
        self.body.append(data, Frame(BODY, call, 0, 0, 0, 0))
        self.total_bytes += len(data)
        return True

    def tear(self, kind: int, payload: bytes, kept: int) -> None:
        """Write the beginning of an entry: its writer is killed in the middle."""
        data = frame(kind, payload, self.seed)
        self.acct.current.data += data[: min(kept, len(data) - 1)]

    def sync(self) -> None:
        """What the writer's thread does each 50 ms."""
        if self.synced_version != self.version:
            self.synced_version = self.version
            self.acct.sync()
            self.body.sync()
            self.total_bytes = self.unshipped_bytes()
            bodies = sum(one.size for one in self.body.segments.values() if not one.shipped)
            if bodies > TOTAL_BYTES_MAX * 3 // 4:
                raise NoRoom(f"bodies of journal {self.boot_id} take up {bodies} bytes")

    def unshipped_bytes(self) -> int:
        """What waits for the shipper."""
        segments = (*self.acct.segments.values(), *self.body.segments.values())
        return sum(segment.size for segment in segments if not segment.shipped)


def load(segment: Segment, offset: int, size: int) -> bytes:
    """Return what a segment holds from an offset on (`journal.reading.Load`)."""
    return bytes(segment.data[offset : offset + size])

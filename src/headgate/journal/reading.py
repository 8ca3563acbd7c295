"""Reading a journal's segments as the shipper does: from a position on, in bounded batches.

Never writes and never asks the database. Blocks: called in a thread. Read next: `journal.shipper`.
"""

import os
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, Protocol, TypeVar

import msgspec

from headgate.journal.folder import SegmentFile, StreamName, segments, take_lock
from headgate.journal.format import FILLER, Damage, Entry, entries, seed_of

BATCH_BYTES: Final = 4 * 1024 * 1024
BATCH_BYTES_MAX: Final = 16 * 1024 * 1024
"""Enough for the largest entry: a batch that holds none is read again with this much."""
BATCH_ENTRIES_MAX: Final = 2000


class Position(msgspec.Struct, frozen=True):
    """A place in one stream of a journal."""

    segment: int
    offset: int


class Batch(msgspec.Struct, frozen=True):
    """What was read from a segment: entries, and the position after them. `missing` segments were skipped."""

    entries: tuple[Entry, ...]
    damaged_bytes: int
    after: Position
    missing: int = 0


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a journal stands: the positions of its streams, and whether it is closed."""

    positions: dict[StreamName, Position]
    is_closed: bool

    def is_behind(self, known: "Place") -> bool:
        """Say whether this is less than what was known: a database that has forgotten what it had."""
        if known.is_closed and not self.is_closed:
            return True
        return any(
            (found.segment, found.offset) < (known.positions[stream].segment, known.positions[stream].offset)
            for stream, found in self.positions.items()
        )


class Journal:
    """One boot's journal as the shipper sees it."""

    __slots__ = ("boot", "closed", "drained", "folder", "is_dead", "lock", "positions", "retry_at_s", "seed")

    def __init__(self, boot: uuid.UUID, folder: Path) -> None:
        self.boot = boot
        self.folder = folder
        self.seed = seed_of(boot)
        self.positions: dict[StreamName, Position] = {}
        self.drained: set[StreamName] = set()
        self.is_dead = False
        self.closed = False
        self.lock: int | None = None
        self.retry_at_s = 0.0

    @property
    def place(self) -> Place:
        """Where it stands, as far as the shipper knows."""
        return Place(positions=dict(self.positions), is_closed=self.closed)

    def check_writer(self) -> None:
        """Find out whether the writer has ended; from then on nothing is added."""
        if not self.is_dead:
            self.lock = take_lock(self.folder)
            self.is_dead = self.lock is not None

    def release(self) -> None:
        """Let go of a dead writer's lock."""
        if self.lock is not None:
            os.close(self.lock)
            self.lock = None


class Sized(Protocol):
    """A segment, of whatever is known that it holds so many bytes."""

    @property
    def size(self) -> int:
        """Bytes that it holds."""
        ...


S = TypeVar("S", bound=Sized)
Load = Callable[[S, int, int], bytes]
"""Returns what a segment holds from an offset on, at most so many bytes: fewer only at its end."""


def read(journal: Journal, stream: StreamName, *, is_dead: bool) -> Batch | None:
    """Read the next entries of a stream; None where there is nothing new.

    `is_dead`: the writer had ended before this call.
    """
    files = {file.number: file for file in segments(journal.folder) if file.stream == stream}
    return next_batch(files, journal.positions[stream], journal.seed, _bytes_of, is_dead=is_dead)


def next_batch(
    files: Mapping[int, S], position: Position, seed: int, load: Load[S], *, is_dead: bool
) -> Batch | None:
    """Return the next entries after a position among the segments of a stream; None: nothing new. Pure.

    A segment is final once its writer is dead, or once the next one holds bytes.
    """
    following = min(
        (number for number, file in files.items() if number > position.segment and file.size), default=0
    )
    present = files.get(position.segment)
    final = is_dead or following > 0
    batch = None if present is None else _read_segment(present, position, seed, load, final=final)
    if batch is None and following:
        missing = following - position.segment - (present is not None)
        return Batch((), 0, Position(following, 0), missing)
    return batch


def _read_segment(file: S, position: Position, seed: int, load: Load[S], *, final: bool) -> Batch | None:
    for size in (BATCH_BYTES, BATCH_BYTES_MAX):
        data = load(file, position.offset, size)
        whole = len(data) < size
        batch = _batch(data, position, seed, final=final and whole)
        if batch is not None or whole:
            return batch
    return None


def _bytes_of(file: SegmentFile, offset: int, size: int) -> bytes:
    path = file.path
    # The file may be marked as shipped between the listing and now, if another shipper is at work here.
    for candidate in (path, path.with_suffix(".shipped"), path.with_suffix(".seg")):
        try:
            with candidate.open("rb", buffering=0) as opened:
                opened.seek(offset)
                return _read_all(opened.fileno(), size)
        except FileNotFoundError:
            continue
    return b""


def _read_all(descriptor: int, size: int) -> bytes:
    pieces: list[bytes] = []
    while size > 0 and (piece := os.read(descriptor, size)):
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)


def _batch(data: bytes, position: Position, seed: int, *, final: bool) -> Batch | None:
    found: list[Entry] = []
    damaged = 0
    offset = position.offset
    for item in entries(data, position.offset, seed, final=final):
        offset = item.next_offset
        if isinstance(item, Damage):
            damaged += item.skipped_bytes
        elif item.kind != FILLER:
            found.append(item)
            if len(found) == BATCH_ENTRIES_MAX:
                break
    if offset == position.offset:
        return None
    return Batch(tuple(found), damaged, Position(position.segment, offset))

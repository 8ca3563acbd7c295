"""How journals lie on disk: one folder a boot, with a lock that its writer holds, and numbered segments.

    journal/<boot>/lock
    journal/<boot>/acct-00000001.shipped   accounting (begins, settlements, ends), which the database has
    journal/<boot>/acct-00000002.seg       accounting, still to ship
    journal/<boot>/body-00000001.seg       bodies

The lock tells whether the writer lives, since the kernel lets go of it when a process ends, however it ends.
A shipped segment keeps its number, so that a restored database can be shipped to again.
"""

import fcntl
import os
import re
import uuid
from pathlib import Path
from typing import Literal

import msgspec

StreamName = Literal["acct", "body"]
STREAMS: tuple[StreamName, ...] = ("acct", "body")
_SEGMENT = re.compile(r"^(acct|body)-(\d{8})\.(seg|shipped)$")


class SegmentFile(msgspec.Struct, frozen=True):
    """A segment on disk."""

    stream: str
    number: int
    path: Path
    shipped: bool
    size: int
    changed_s: float


def segment_path(folder: Path, stream: StreamName, number: int, *, shipped: bool = False) -> Path:
    """Return the path of a boot's segment."""
    return folder / f"{stream}-{number:08d}.{'shipped' if shipped else 'seg'}"


def segments(folder: Path) -> list[SegmentFile]:
    """Return a boot's segments of both streams, in order; none where the folder is gone."""
    found: list[SegmentFile] = []
    try:
        entries = os.scandir(folder)
    except FileNotFoundError:
        return []
    with entries:
        for entry in entries:
            match = _SEGMENT.match(entry.name)
            if match is None:
                continue
            try:
                status = entry.stat()
            except FileNotFoundError:
                # Marked as shipped or deleted since it was listed: that says nothing of the others.
                continue
            shipped = match[3] == "shipped"
            found.append(
                SegmentFile(
                    match[1], int(match[2]), Path(entry.path), shipped, status.st_size, status.st_mtime
                )
            )
    return sorted(found, key=lambda file: (file.stream, file.number))


def boots(folder: Path) -> list[uuid.UUID]:
    """Return the boots that have a journal here, in the order of their ids; a UUIDv7's is that of time."""
    found: list[uuid.UUID] = []
    for entry in folder.iterdir() if folder.exists() else ():
        try:
            found.append(uuid.UUID(entry.name))
        except ValueError:
            continue
    return sorted(found)


def take_lock(folder: Path) -> int | None:
    """Take the lock of a boot's folder; None while another holds it. The descriptor holds it till closed."""
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def make_locked(folder: Path) -> int:
    """Make a boot's folder and hold its lock. Raises FileExistsError when the boot has a journal already.

    It appears under its name with the lock held, so that no shipper takes a new journal for a dead one.
    """
    new = folder.with_name(f".{folder.name}.new")
    new.mkdir(mode=0o700, parents=True)
    descriptor = take_lock(new)
    if descriptor is None or folder.exists():
        raise FileExistsError(f"the boot {folder.name} has a journal already")
    new.rename(folder)
    return descriptor


def mark_shipped(folder: Path, stream: StreamName, number: int) -> None:
    """Note that the database has all of a segment, and give back the room kept behind its end."""
    path = segment_path(folder, stream, number)
    try:
        os.truncate(path, path.stat().st_size)
        path.rename(segment_path(folder, stream, number, shipped=True))
    except FileNotFoundError:
        return

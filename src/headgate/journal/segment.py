"""One file of a journal that is appended to, with room on the disk kept ahead of its end.

Appending is one write(2) and nothing else; all that may block (allocating, syncing, closing) is for the sync
thread. Read next: `journal.writer`.
"""

import ctypes
import errno
import os
import sys
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from headgate.journal.folder import StreamName, segment_path

_KEEP_SIZE: Final = 1
"""FALLOC_FL_KEEP_SIZE of fallocate(2): room behind the end, which readers don't see."""
_UNSUPPORTED = (errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL)


def _fallocate() -> Callable[[int, int, int, int], int] | None:
    if sys.platform != "linux":
        return None
    function: Any = ctypes.CDLL(None, use_errno=True).fallocate64
    function.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)
    return function


_FALLOCATE: Final = _fallocate()


class Segment:
    """One file. `size` counts what was written, `allocated` up to where the disk has room for sure."""

    __slots__ = ("_descriptor", "allocated", "number", "size")

    def __init__(self, folder: Path, stream: StreamName, number: int) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        self._descriptor = os.open(segment_path(folder, stream, number), flags, 0o600)
        self.number = number
        self.size = 0
        self.allocated = 0

    @property
    def room_bytes(self) -> int:
        """How much can be appended even if the disk is full otherwise."""
        return self.allocated - self.size

    def write(self, data: bytes) -> None:
        """Append, whole or not at all. Raises OSError when the disk is full."""
        written = 0
        try:
            while written < len(data):
                written += os.write(self._descriptor, data[written:] if written else data)
        except OSError:
            if written:
                # Half an entry would hide the next one. Cutting it off also gives up the room behind.
                os.ftruncate(self._descriptor, self.size)
                self.allocated = self.size
            raise
        self.size += len(data)

    def allocate(self, ahead_bytes: int) -> None:
        """Keep at least so much room ahead. Raises OSError when the disk has not that much. Blocks."""
        size = self.size
        if self.allocated - size >= ahead_bytes:
            return
        wanted = size + 2 * ahead_bytes
        # Where it is not supported (macOS), nothing can be done: the room counts as there.
        if _FALLOCATE is not None and _FALLOCATE(self._descriptor, _KEEP_SIZE, 0, wanted) != 0:
            error = ctypes.get_errno()
            if error not in _UNSUPPORTED:
                raise OSError(error, os.strerror(error))
        self.allocated = wanted

    def sync(self) -> None:
        """Bring what was written to the disk. Blocks."""
        os.fdatasync(self._descriptor)

    def close(self) -> None:
        """Give back the room behind the end, and close. Blocks."""
        os.ftruncate(self._descriptor, self.size)
        os.close(self._descriptor)


class Stream:
    """The segments of one stream: the present one, the next one made ready, and those to be closed.

    `append` belongs to the loop; everything else to the sync thread, which alone closes files.
    """

    __slots__ = ("_folder", "_name", "_retired", "_segment_bytes_max", "_spare", "current", "made")

    def __init__(self, folder: Path, name: StreamName, segment_bytes_max: int) -> None:
        self._folder = folder
        self._name: StreamName = name
        self._segment_bytes_max = segment_bytes_max
        self.current = Segment(folder, name, 1)
        self._spare: Segment | None = None
        self._retired: deque[Segment] = deque()
        self.made = True
        """Whether the folder has to be synced, too."""

    def append(self, data: bytes) -> None:
        """Write to the present segment, or to the next once this one is long enough. Raises OSError.

        While the thread has not made the next one yet, this one grows on.
        """
        spare = self._spare
        if spare is not None and self.current.size + len(data) > self._segment_bytes_max:
            self._spare = None
            # Retired before it is replaced: the thread always finds it in one place or the other.
            self._retired.append(self.current)
            self.current = spare
        self.current.write(data)

    def sync(self) -> None:
        """Sync what was written, and close what is no longer written to. Blocks. Raises OSError."""
        self.current.sync()
        while self._retired:
            segment = self._retired.popleft()
            segment.sync()
            segment.close()

    def prepare(self, ahead_bytes: int) -> None:
        """Keep room ahead, and the next segment ready. Blocks. Raises OSError when the disk is full."""
        if self._spare is None and self.current.size > self._segment_bytes_max // 2:
            number = self.current.number + 1
            spare = Segment(self._folder, self._name, number)
            try:
                spare.allocate(ahead_bytes)
            except OSError:
                spare.close()
                segment_path(self._folder, self._name, number).unlink()
                raise
            self.made = True
            self._spare = spare
        self.current.allocate(ahead_bytes)

    def close(self) -> None:
        """Close all files. Blocks."""
        self.sync()
        self.current.close()
        if self._spare is not None:
            self._spare.close()

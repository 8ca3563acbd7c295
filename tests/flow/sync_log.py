"""Writes down what any process of a run syncs to the disk, and when; syncs are slow. Put on PYTHONPATH.

folder = write_hook(tmp_path)  # PYTHONPATH=folder SYNC_LOG=file
"""

from pathlib import Path
from typing import NamedTuple

SLOW_S = 0.05
HOOK = f"""
import os, time

_LOG = os.environ.get("SYNC_LOG")
_sync = os.fdatasync

def _noted(descriptor):
    size = os.fstat(descriptor).st_size
    time.sleep({SLOW_S})
    _sync(descriptor)
    line = f"{{time.monotonic()}} {{size}} {{os.readlink(f'/proc/self/fd/{{descriptor}}')}}\\n".encode()
    log = os.open(_LOG, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(log, line)
    finally:
        os.close(log)

if _LOG:
    os.fdatasync = _noted
"""


class Synced(NamedTuple):
    """The first `size` bytes of a file were on the disk by then (`time.monotonic`)."""

    at_s: float
    size: int
    path: str


def write_hook(folder: Path) -> Path:
    """Write the hook where Python finds it at the start of each process; return the folder."""
    place = folder / "syncs"
    place.mkdir()
    (place / "sitecustomize.py").write_text(HOOK)
    return place


def synced(log: Path) -> list[Synced]:
    """All syncs so far."""
    rows = [line.split(" ", 2) for line in log.read_text().splitlines()]
    return [Synced(float(at_s), int(size), path) for at_s, size, path in rows]

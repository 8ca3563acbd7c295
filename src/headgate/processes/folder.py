"""The data folder: made private, held by one supervisor at a time.

Never deletes anything in it. Read next: `supervisor` and `backup`, its two holders.
"""

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from headgate.core.faults import Conflict, Misconfigured

LOCK_NAME = "up.lock"
ADMIN_KEY_NAME = "admin.key"
VAULT_KEY_NAME = "vault.key"


def make_private(folder: Path) -> None:
    """Create the folder with mode 0700 if it is missing. Raises Misconfigured when it can't be."""
    if folder.is_dir():
        return
    try:
        folder.mkdir(mode=0o700, parents=True)
    except OSError as error:
        raise Misconfigured(
            f"the data folder {folder} can't be made ({error.strerror}); name another with --data"
        ) from error


@contextmanager
def held(folder: Path) -> Generator[None]:
    """Hold the folder exclusively. Raises Conflict, naming the holder's process id, when it is taken.

    The lock is the kernel's (flock), so that it ends with its holder however that ends.
    """
    make_private(folder)
    descriptor = os.open(folder / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 32, 0).decode(errors="replace").strip() or "unknown"
            raise Conflict(
                f"the data folder {folder} is in use by process {holder}; "
                "stop that `headgate up` first, or name another folder with --data"
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
        os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def holder(folder: Path) -> int | None:
    """Return the process id of the supervisor that holds the folder; None while none does."""
    try:
        descriptor = os.open(folder / LOCK_NAME, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        text = os.pread(descriptor, 32, 0).decode(errors="replace").strip()
        return int(text) if text.isdigit() else None
    finally:
        os.close(descriptor)
    return None


def metrics_folder(folder: Path) -> Path:
    """Where gateways leave what they count, for control to collect."""
    return folder / "metrics"


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read (mode 0600), replacing it whole."""
    beside = path.with_name(path.name + ".new")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)

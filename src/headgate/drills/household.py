"""The processes of one `headgate up` on this machine, found by its data folder, and the end of them.

Never touches a process that is no child of the supervisor that holds the folder, but for its own embedded
database. Read next: `processes.folder`, whose lock names the supervisor.
"""

import os
import signal
from pathlib import Path

import msgspec
import psutil

from headgate.core.faults import Misconfigured
from headgate.processes.folder import holder
from headgate.processes.spec import Role
from headgate.store.embedded import EmbeddedPostgres


class Worker(msgspec.Struct, frozen=True, kw_only=True):
    """One process: its id, what `ps` calls it, and when it began, so that no successor is taken for it."""

    pid: int
    title: str
    began_s: float


class Household:
    """One set-up on this machine. Raises Misconfigured where no `headgate up` holds the folder."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.database = EmbeddedPostgres(data_dir)
        found = holder(data_dir)
        if found is None:
            raise Misconfigured(
                f"no `headgate up` of this machine holds {data_dir}; name its data folder with --data"
            )
        self.supervisor = found

    @property
    def is_embedded(self) -> bool:
        """Whether its database is the embedded one, running."""
        return self.database.pid is not None

    def workers(self, role: Role) -> list[Worker]:
        """Return the present workers of a role."""
        try:
            children = psutil.Process(self.supervisor).children()
        except psutil.NoSuchProcess:
            return []
        found = [worker for child in children if (worker := _worker(child)) is not None]
        return [worker for worker in found if worker.title.split()[1] == role]

    def database_process(self) -> Worker | None:
        """Return the embedded database's first process; None where it does not run."""
        try:
            pid = self.database.pid
            return (
                None
                if pid is None
                else Worker(pid=pid, title="postgres", began_s=psutil.Process(pid).create_time())
            )
        except psutil.NoSuchProcess:
            return None


def end_at_once(worker: Worker) -> bool:
    """Send SIGKILL; say whether the process was still there."""
    try:
        if psutil.Process(worker.pid).create_time() != worker.began_s:
            return False
        os.kill(worker.pid, signal.SIGKILL)
    except (psutil.NoSuchProcess, ProcessLookupError):
        return False
    return True


def _worker(child: psutil.Process) -> Worker | None:
    try:
        words = child.cmdline()
        began_s = child.create_time()
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return None
    title = words[0] if words else ""
    if not title.startswith("headgate "):
        return None
    return Worker(pid=child.pid, title=title, began_s=began_s)

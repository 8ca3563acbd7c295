"""The machine: its cores, what processes have used of them, and what they hold in memory (Linux, /proc).

Never starts anything. Read next: `starting`, which does.
"""

import contextlib
import os
import platform
import sys
import sysconfig
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

TICKS = os.sysconf("SC_CLK_TCK")
NICE_FIRST = -20


@dataclass(frozen=True, kw_only=True)
class Cores:
    """The core that a gateway has for itself, and those for everything else."""

    gateway: int
    others: frozenset[int]


@dataclass(frozen=True, kw_only=True)
class Used:
    """Seconds of processor time since boot: of all cores together, and stolen by the host."""

    busy_s: float
    stolen_s: float


def cores() -> Cores:
    """Choose the cores. Raises SystemExit on a machine with only one."""
    allowed = sorted(os.sched_getaffinity(0))
    if len(allowed) < 2:
        raise SystemExit("error: the benchmark needs two cores, one of them for the gateway alone")
    return Cores(gateway=allowed[0], others=frozenset(allowed[1:]))


def pin(pids: Iterable[int], where: Iterable[int]) -> None:
    """Keep processes, with all their threads, on some cores; first in line there, where that is allowed."""
    for pid in pids:
        for task in Path(f"/proc/{pid}/task").iterdir():
            os.sched_setaffinity(int(task.name), set(where))
            if os.geteuid() == 0:
                os.setpriority(os.PRIO_PROCESS, int(task.name), NICE_FIRST)
        if os.geteuid() == 0:
            # Where the kernel groups processes by session, being nice counts within a group alone.
            with contextlib.suppress(OSError):
                Path(f"/proc/{pid}/autogroup").write_text(str(NICE_FIRST))


def tree(pids: Iterable[int]) -> frozenset[int]:
    """The processes and all that descend from them."""
    found: set[int] = set()
    for pid in pids:
        try:
            found.add(pid)
            found |= {child.pid for child in psutil.Process(pid).children(recursive=True)}
        except psutil.NoSuchProcess:
            found.discard(pid)
    return frozenset(found)


def cpu_s(pids: Iterable[int], *, with_ended: bool = False) -> float:
    """Processor time that processes have used, in seconds; on request with that of children that ended."""
    total = 0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        total += sum(int(field) for field in fields[11 : 15 if with_ended else 13])
    return total / TICKS


def used() -> Used:
    """What the machine has used. Time in interrupts counts, idle and waiting time does not."""
    name, *numbers = Path("/proc/stat").read_text().partition("\n")[0].split()
    assert name == "cpu", name
    user, nice, system, _idle, _waiting, hard, soft, stolen, *_ = (int(number) for number in numbers)
    return Used(busy_s=(user + nice + system + hard + soft) / TICKS, stolen_s=stolen / TICKS)


def pss_mb(pids: Iterable[int]) -> float:
    """Memory that processes hold, in MB: what they share is shared out among those that share it."""
    return sum(_rollup(pid, "Pss:") for pid in pids) * 1024 / 1e6


def rss_mb(pids: Iterable[int]) -> float:
    """Memory that processes hold, in MB, with all that they share, as `ps` shows it."""
    return sum(_rollup(pid, "Rss:") for pid in pids) * 1024 / 1e6


def _rollup(pid: int, field: str) -> int:
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith(field):
                return int(line.split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return 0


def describe() -> Mapping[str, str]:
    """CPU model, cores, memory, kernel and Python, for the table's foot."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    return {
        "cpu": model,
        "cores": str(os.cpu_count()),
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "kernel": f"{platform.system()} {platform.release()}",
        "virtual": _virtual(),
        "python": platform.python_version(),
        "build": _build(),
    }


def _build() -> str:
    """How this interpreter was built: one without optimisation takes a quarter more cycles."""
    if "--enable-optimizations" in str(sysconfig.get_config_var("CONFIG_ARGS")):
        return "an optimised build"
    # Debian asks for the same by its own rules, which the arguments don't show.
    if sys.base_prefix == "/usr" and Path("/etc/debian_version").exists():
        return "Debian's build, optimised"
    return "a build without optimisation"


def _virtual() -> str:
    flags = Path("/proc/cpuinfo").read_text()
    return "yes" if " hypervisor" in flags else "no"

"""What a running Headgate holds: memory, handles by kind, tasks, connections, disk; and whether it grows.

Memory is PSS, so that pages which processes share count once; what is judged is a process's own, since PSS
moves when another ends. Growth is the median of all slopes between two samples (Theil 1950, Sen 1968), which
a single outlier does not move.
"""

import itertools
import math
import re
import statistics
import time
from collections import Counter
from pathlib import Path
from typing import Literal

import msgspec
import psycopg
from demo.running import Running

SAMPLES_MIN = 12
MEGABYTE = 1_000_000
BARS = " ▁▂▃▄▅▆▇█"

Judged = Literal["flat", "GROWS", "too few", "shown only"]


class Bound(msgspec.Struct, frozen=True, kw_only=True):
    """How much a measure may grow in ten minutes, what it may wander beside that, and its most ever."""

    per_ten_minutes: float = math.inf
    wander: float = 0
    most: float = math.inf


BOUNDS: tuple[tuple[str, Bound], ...] = (
    (r"gateway \d+ own memory", Bound(per_ten_minutes=1 * MEGABYTE, wander=1.5 * MEGABYTE)),
    (r"(control|shipper|up) own memory", Bound(per_ten_minutes=1 * MEGABYTE, wander=2 * MEGABYTE)),
    # Sockets come and go with the calls in flight; one lost in each hundred calls would still show.
    (r"(gateway \d+|control|shipper|up) sockets", Bound(per_ten_minutes=0, wander=20)),
    (r"(gateway \d+|control|shipper|up) (pipe|file|other)s", Bound(per_ten_minutes=0, wander=2)),
    (r"gateway \d+ tasks", Bound(per_ten_minutes=0, wander=15)),
    # Two for each gateway, two for the shipper, eight and a listener for control, and those of successors.
    (r"database connections", Bound(most=20)),
    (r"spool bytes", Bound(per_ten_minutes=0, wander=1 * MEGABYTE)),
)
"""By measure, as a pattern. Others, such as how the database grows with its records, are shown only."""


class Series(msgspec.Struct, kw_only=True):
    """One measure of one process: begun anew when the process has a successor."""

    pid: int
    points: list[tuple[float, float]] = msgspec.field(default_factory=list[tuple[float, float]])

    def slope(self, settle_s: float) -> tuple[float, float] | None:
        """Growth a second and the seconds that it was seen over, without the first so many; None: too few."""
        if not self.points:
            return None
        begin = self.points[0][0] + settle_s
        kept = [point for point in self.points if point[0] >= begin]
        if len(kept) < SAMPLES_MIN:
            return None
        step = max(1, len(kept) // 60)
        pairs = itertools.combinations(kept[::step], 2)
        slopes = [(later[1] - early[1]) / (later[0] - early[0]) for early, later in pairs]
        return statistics.median(slopes), kept[-1][0] - kept[0][0]


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the table."""

    measure: str
    first: float
    last: float
    most: float
    growth_per_ten_minutes: float | None
    judged: Judged
    bars: str


class Samples:
    """Looks at all processes of a running Headgate, again and again."""

    def __init__(self, running: Running, settle_s: float) -> None:
        self._running = running
        self._settle_s = settle_s
        self._series: dict[str, Series] = {}
        self._began = time.monotonic()

    def look(self) -> None:
        """Take one sample of everything."""
        now = time.monotonic() - self._began
        for title, pid in self._processes().items():
            try:
                self._add(f"{title} memory", pid, now, memory_bytes(pid, "Pss"))
                self._add(f"{title} own memory", pid, now, memory_bytes(pid, "Anonymous"))
                for kind, count in handles(pid).items():
                    self._add(f"{title} {kind}s", pid, now, count)
            except OSError:
                continue  # it ended while it was looked at
        data = self._running.folder / "data"
        for name, value in self._tasks(data).items():
            gateway = self._series.get(f"{name} memory")
            if gateway is not None:
                self._add(f"{name} tasks", gateway.pid, now, value)
        for name in ("spool", "journal", "postgres-18"):
            self._add(f"{name} bytes", 0, now, folder_bytes(data / name))
        self._look_at_database(now)

    def rows(self) -> list[Row]:
        """Return a line for each measure, in order of its name."""
        return [self._row(name, series) for name, series in sorted(self._series.items()) if series.points]

    def _row(self, name: str, series: Series) -> Row:
        values = [value for _, value in series.points]
        bound = next((each for pattern, each in BOUNDS if re.fullmatch(pattern, name)), None)
        found = series.slope(self._settle_s)
        judged: Judged = "shown only"
        if bound is not None:
            judged = "too few"
            if found is not None:
                allowed = bound.per_ten_minutes * found[1] / 600 + bound.wander
                judged = "flat" if found[0] * found[1] <= allowed and max(values) <= bound.most else "GROWS"
        return Row(
            measure=name,
            first=values[0],
            last=values[-1],
            most=max(values),
            growth_per_ten_minutes=None if found is None else found[0] * 600,
            judged=judged,
            bars=sparkline(values),
        )

    def _add(self, name: str, pid: int, now: float, value: float) -> None:
        series = self._series.get(name)
        if series is None or series.pid != pid:
            series = self._series[name] = Series(pid=pid)
        series.points.append((now, value))

    def _processes(self) -> dict[str, int]:
        found = {"up": self._running.process.pid}
        children = Path(f"/proc/{self._running.process.pid}/task/{self._running.process.pid}/children")
        for pid in map(int, children.read_text().split()):
            try:
                title = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0].decode()
            except OSError:
                continue
            if title.startswith("headgate "):
                found[title.removeprefix("headgate ")] = pid
        return found

    def _tasks(self, data: Path) -> dict[str, float]:
        found: dict[str, float] = {}
        for path in (data / "metrics").glob("gateway *.prom"):
            try:
                match = re.search(r"^headgate_tasks\{[^}]*\} (\d+)$", path.read_text(), re.MULTILINE)
            except OSError:
                continue
            if match is not None:
                found[path.stem] = float(match[1])
        return found

    def _look_at_database(self, now: float) -> None:
        query = (
            "select count(*) from pg_stat_activity "
            "where backend_type = 'client backend' and pid <> pg_backend_pid()"
        )
        with psycopg.connect(self._running.database_url(), autocommit=True) as connection:
            row = connection.execute(query).fetchone()
        assert row is not None
        self._add("database connections", 0, now, float(row[0]))
        server = int((self._running.folder / "data/postgres-18/postmaster.pid").read_text().split("\n")[0])
        backends = Path(f"/proc/{server}/task/{server}/children").read_text().split()
        total = 0
        for pid in (server, *map(int, backends)):
            try:
                total += memory_bytes(pid, "Pss")
            except OSError:
                continue
        self._add("database memory", server, now, total)


def memory_bytes(pid: int, kind: Literal["Pss", "Anonymous"]) -> int:
    """Memory of a process: all, shared pages counted in part, or what is its own and no file's.

    Raises OSError when it has ended.
    """
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    match = re.search(rf"^{kind}:\s+(\d+) kB$", text, re.MULTILINE)
    return int(match[1]) * 1024 if match is not None else 0


def handles(pid: int) -> Counter[str]:
    """Open file descriptors by kind. Raises OSError when the process has ended."""
    found = Counter({"socket": 0, "pipe": 0, "file": 0, "other": 0})
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            target = str(entry.readlink())
        except FileNotFoundError:
            continue
        kind = target.partition(":")[0]
        found[kind if kind in found else "file" if target.startswith("/") else "other"] += 1
    return found


def folder_bytes(folder: Path) -> int:
    """What all files below a folder take on disk."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.lstat().st_blocks * 512
        except OSError:
            continue
    return total


def sparkline(values: list[float], width: int = 30) -> str:
    """Draw values as bars from their least to their most."""
    step = max(1, -(-len(values) // width))
    shown = [statistics.median(values[start : start + step]) for start in range(0, len(values), step)]
    low, high = min(shown), max(shown)
    if high == low:
        return BARS[1] * len(shown)
    return "".join(BARS[1 + round((value - low) / (high - low) * 7)] for value in shown)


def table(rows: list[Row]) -> str:
    """Write the lines as a table; bytes in MB."""
    lines = [f"{'measure':28}{'first':>10}{'last':>10}{'most':>10}{'a 10 min':>12}  verdict"]
    for row in rows:
        scale = MEGABYTE if row.measure.endswith(("memory", "bytes")) else 1
        growth = "" if row.growth_per_ten_minutes is None else f"{row.growth_per_ten_minutes / scale:+.2f}"
        values = "".join(f"{value / scale:10.1f}" for value in (row.first, row.last, row.most))
        lines.append(f"{row.measure:28}{values}{growth:>12}  {row.judged:10}  {row.bars}")
    return "\n".join(lines)

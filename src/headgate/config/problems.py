"""Everything that is wrong with a configuration, collected, so that one run of the file shows all of it.

Read next: `config.load` and `config.compile`, which add to it.
"""

import difflib
from collections.abc import Iterable, Sequence

import msgspec

from headgate.config.lines import Path, path_text
from headgate.core.faults import Misconfigured

PROBLEMS_SHOWN = 50


class Locations(msgspec.Struct, frozen=True, kw_only=True):
    """Where the parts of a document stand. Without lines (a document from the API) only the source shows."""

    source: str = ""
    lines: dict[Path, int] = msgspec.field(default_factory=dict[Path, int])

    def where(self, path: Path) -> str:
        """Return `file:line` of a path, or of the nearest part around it that stands in the file."""
        for length in range(len(path), 0, -1):
            line = self.lines.get(path[:length])
            if line is not None:
                return f"{self.source}:{line}"
        return self.source


NOWHERE = Locations()


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong: where, and why, with what to write in its place."""

    path: Path
    where: str
    reason: str

    def __str__(self) -> str:
        return f"{self.where}: {self.reason}" if self.where else self.reason


class Problems:
    """The problems of one document, in the order in which they were found."""

    def __init__(self, locations: Locations = NOWHERE) -> None:
        self._locations = locations
        self.found: list[Problem] = []

    def add(self, path: Path, reason: str) -> None:
        """Note that the value at `path` is refused; `reason` goes on after the path's own text."""
        subject = path_text(path)
        self.found.append(
            Problem(path=path, where=self._locations.where(path), reason=f"{subject} {reason}".strip())
        )

    def where(self, path: Path) -> str:
        """Return where a path stands, for a reason that names a second place."""
        return self._locations.where(path) or path_text(path)

    def raise_if_any(self) -> None:
        """Raise Misconfigured with all problems, a line each, in the order of the file."""
        if not self.found:
            return
        ordered = sorted(self.found, key=lambda problem: _line_of(problem.where))
        first, *rest = ordered[:PROBLEMS_SHOWN]
        lines = [first.reason, *map(str, rest)]
        if len(ordered) > PROBLEMS_SHOWN:
            lines.append(f"... and {len(ordered) - PROBLEMS_SHOWN} more")
        raise Misconfigured("\n".join(lines), where=first.where or None)


def nearest(name: str, known: Iterable[str]) -> str:
    """Return `; nearest is X` for the known name that resembles most, else what is known."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    if close:
        return f"; nearest is {close[0]}"
    return f"; known are {', '.join(names)}" if 0 < len(names) <= 12 else ""


def check_twice(names: Sequence[str], path: Path, problems: Problems) -> None:
    """Refuse names of entries of a list that stand there before."""
    for place, name in enumerate(names):
        if name in names[:place]:
            problems.add((*path, place, "name"), f"is {name!r} a second time; choose another")


def _line_of(where: str) -> int:
    line = where.rpartition(":")[2]
    return int(line) if line.isdigit() else 0

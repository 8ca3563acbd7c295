"""Reads a git repository by asking `git`: its commits with what each changed, and the content of blobs.

Never writes to the repository and never runs what it configures. Raises NoHistory with git's own words.
Read next: `history`.
"""

import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

import msgspec

SAFE = ("-c", "core.fsmonitor=false", "-c", "core.quotePath=false", "-c", "log.showSignature=false")
MARK = "\x01"
READ_BYTES = 1 << 16


class NoHistory(Exception):
    """A folder has no history that can be read."""


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What a commit did to a path: the blobs before and after, None where there was or is none."""

    path: str
    before: str | None
    after: str | None


class Commit(msgspec.Struct, frozen=True, kw_only=True):
    """A commit, its first parent, and what it changed against that."""

    id: str
    parent: str | None
    changes: tuple[Change, ...]
    day: str = ""
    """The day on which it was committed, year first, in UTC."""


def ask(folder: Path, *arguments: str) -> str:
    """Return what git answers; raises NoHistory with what it complains of."""
    try:
        done = subprocess.run(  # noqa: S603
            ["git", "-C", str(folder), *SAFE, *arguments],  # noqa: S607
            capture_output=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except FileNotFoundError as error:
        raise NoHistory("git is not installed") from error
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        if said and "not a git repository" in said[0]:
            raise NoHistory("it is in no git repository")
        raise NoHistory(said[0] if said else f"git ended with {done.returncode}")
    return done.stdout.decode("utf-8", "surrogateescape")


def head_of(folder: Path) -> str:
    """Return the id of the commit that is checked out."""
    return ask(folder, "rev-parse", "--verify", "HEAD").strip()


def is_shallow(folder: Path) -> bool:
    """Whether the history was cut when the repository was cloned."""
    return ask(folder, "rev-parse", "--is-shallow-repository").strip() == "true"


def files_at_head(folder: Path) -> dict[str, str]:
    """Return the blob of each file of the checked-out commit within a folder, by its path from there."""
    files: dict[str, str] = {}
    for line in ask(folder, "ls-tree", "-r", "-z", "HEAD").split("\0"):
        about, _, path = line.partition("\t")
        mode_type_blob = about.split(" ")
        if len(mode_type_blob) == 3 and mode_type_blob[1] == "blob":
            files[path] = mode_type_blob[2]
    return files


def commits_of(folder: Path) -> Iterator[Commit]:
    """Yield the commits that touch a folder, parents first; merges against their first parent.

    Of a whole repository these are all its commits: a list of paths would leave branches out.
    """
    is_whole = ask(folder, "rev-parse", "--show-prefix").strip() == ""
    text = ask(
        folder, "log", "-z", "--reverse", "--topo-order", "--raw", "--no-abbrev", "--no-renames",
        "--diff-merges=first-parent", f"--format={MARK}%H %ct %P",
        *(() if is_whole else ("--full-history", "--relative", "--", ".")),
    )  # fmt: skip
    tokens = iter(text.split("\0"))
    head: list[str] = []
    changes: list[Change] = []
    for token in tokens:
        line = token.lstrip("\n")
        if line.startswith(MARK):
            if head:
                yield _commit(head, changes)
            head, changes = line[1:].split(), []
        elif line.startswith(":"):
            modes = line.split(" ")
            before, after = _blob(modes[0], modes[2]), _blob(modes[1], modes[3])
            changes.append(Change(path=next(tokens), before=before, after=after))
    if head:
        yield _commit(head, changes)


def _commit(head: list[str], changes: list[Change]) -> Commit:
    day = datetime.fromtimestamp(int(head[1]), UTC).date().isoformat()
    parent = head[2] if len(head) > 2 else None
    return Commit(id=head[0], day=day, parent=parent, changes=tuple(changes))


def _blob(mode: str, blob: str) -> str | None:
    is_file = mode.removeprefix(":").startswith("100")
    return blob if is_file and set(blob) != {"0"} else None


class Blobs:
    """The blobs of a repository, read through one `git cat-file --batch`; ends with its `with` block."""

    def __init__(self, folder: Path) -> None:
        self._process = subprocess.Popen(  # noqa: S603
            ["git", "-C", str(folder), *SAFE, "cat-file", "--batch"],  # noqa: S607
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )

    def __enter__(self) -> "Blobs":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._process.wait()

    def read(self, blob: str, bytes_max: int) -> bytes | None:
        """Return a blob's content; None where the repository lacks it or it is larger than `bytes_max`."""
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            return None
        stdin.write(f"{blob}\n".encode())
        stdin.flush()
        header = stdout.readline().split()
        if len(header) != 3:
            return None
        size = int(header[2])
        if size <= bytes_max:
            return stdout.read(size + 1)[:-1]
        left = size + 1
        while left > 0:
            left -= len(stdout.read(min(left, READ_BYTES)))
        return None

"""The history of prompts: every version of every prompt, with the interval of commits that hold it.

Each state of a file is read once and kept (`kept`). A prompt whose file or name changes goes on under the new
one. Never writes to the repository. Read next: `git`, then `scanning`.
"""

from collections.abc import Iterable
from pathlib import Path, PurePosixPath

import msgspec

from headgate.prompts import kept as keeping
from headgate.prompts.files import JINJA, MUSTACHE, PROMPT, VALUES, is_of_prompts
from headgate.prompts.git import Change, Commit, commits_of, files_at_head, head_of, is_shallow
from headgate.prompts.kept import Held, Kept, Progress
from headgate.prompts.model import Found, Skipped
from headgate.prompts.scanning import is_test

SUFFIXES = (".py", *sorted(JINJA | MUSTACHE | PROMPT | VALUES), ".md", ".txt")

Key = tuple[str, str, str]
"""Path, symbol and version."""


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a prompt: as `Found`, and from which commit to which it was held."""

    found: Found
    first_commit: str
    last_commit: str
    is_newest: bool
    """Whether the commit that is checked out holds it."""
    first_day: str = ""
    """The day of the first commit, year first, in UTC."""
    was: tuple[str, ...] = ()
    """Where it stood before, oldest first, as `path:symbol`."""


class History(msgspec.Struct, frozen=True, kw_only=True):
    """All versions, in the order in which they began; `shallow` says that older commits were cut off."""

    versions: tuple[Version, ...]
    commits: int
    blobs: int
    blobs_read: int
    shallow: bool
    skipped: tuple[Skipped, ...] = ()


class _Interval(msgspec.Struct):
    found: Found
    first: int
    last: int
    is_newest: bool = False
    was: tuple[str, ...] = ()
    moved: bool = False
    """Whether it goes on under another path or symbol."""


def history_of(
    folder: Path, kept_in: Path, progress: Progress | None = None, only: frozenset[str] | None = None
) -> History:
    """Read all versions of the prompts in a folder's repository; raises NoHistory where it has none.

    `progress` is told how many states of how many are read. `only` names the paths whose prompts are wanted;
    what these were called before is read with them.
    """
    head = head_of(folder)
    file = keeping.file_of(folder, kept_in)
    kept = keeping.load(file)
    commits = list(commits_of(folder))
    at_head = files_at_head(folder)
    chosen = None if only is None else _with_earlier(only, commits)
    commits = [_of_prompts(commit, chosen) for commit in commits]
    at_head = {path: blob for path, blob in at_head.items() if _may_hold(path, chosen)}
    wanted = dict.fromkeys(
        (change.path, blob) for commit in commits for change in commit.changes
        for blob in (change.before, change.after) if blob is not None
    )  # fmt: skip
    wanted.update(dict.fromkeys(at_head.items()))
    new = [state for state in wanted if not kept.has(state)]
    if new:
        try:
            keeping.read_new(folder, new, kept, progress)
        finally:
            keeping.save(file, kept)  # what was read before an interruption, too
    intervals = _Reader(commits, kept).intervals(at_head)
    return History(
        versions=tuple(
            _version(each, commits, head)
            for each in sorted(intervals, key=lambda interval: (interval.first, interval.found.path))
        ),
        commits=len(commits),
        blobs=len(wanted),
        blobs_read=len(new),
        shallow=is_shallow(folder),
        skipped=tuple(
            Skipped(path=path, line=0, why=why)
            for path, blob in at_head.items()
            if (why := kept.why_skipped((path, blob))) is not None
        ),
    )


def _version(interval: _Interval, commits: list[Commit], head: str) -> Version:
    """Name the commits of an interval; the number after the last is what is checked out."""
    first = commits[interval.first] if interval.first < len(commits) else None
    last = commits[interval.last] if interval.last < len(commits) else None
    return Version(
        found=interval.found,
        first_commit=first.id if first else head,
        last_commit=last.id if last else head,
        is_newest=interval.is_newest,
        first_day=first.day if first else commits[-1].day if commits else "",
        was=interval.was,
    )


def _may_hold(path: str, chosen: frozenset[str] | None = None) -> bool:
    if chosen is not None and path not in chosen:
        return False
    if is_test(path) or not path.endswith(SUFFIXES) or path.startswith((".github/", ".circleci/")):
        return False
    return not path.endswith((".md", ".txt")) or is_of_prompts(path)


def _with_earlier(only: frozenset[str], commits: list[Commit]) -> frozenset[str]:
    """Add what the paths were called before: what the commit that brought them took away."""
    paths = set(only)
    for commit in reversed(commits):
        brought = [change for change in commit.changes if change.before is None and change.path in paths]
        if not brought:
            continue
        for gone in commit.changes:
            if gone.after is None and any(_may_be(gone, change) for change in brought):
                paths.add(gone.path)
    return frozenset(paths)


def _may_be(gone: Change, brought: Change) -> bool:
    before, after = PurePosixPath(gone.path), PurePosixPath(brought.path)
    return gone.before == brought.after or before.name == after.name or before.parent == after.parent


def _of_prompts(commit: Commit, chosen: frozenset[str] | None) -> Commit:
    changes = tuple(change for change in commit.changes if _may_hold(change.path, chosen))
    return msgspec.structs.replace(commit, changes=changes)


class _Reader:
    """Follows each version of each prompt from the commit that brings it to the last that holds it."""

    def __init__(self, commits: list[Commit], kept: Kept) -> None:
        self._commits = commits
        self._kept = kept
        self._intervals: dict[Key, _Interval] = {}

    def intervals(self, at_head: dict[str, str]) -> Iterable[_Interval]:
        order = {commit.id: index for index, commit in enumerate(self._commits)}
        before_each = -1
        for index, commit in enumerate(self._commits):
            # Where a part of a repository is read, a parent may be left out: the one before stands for it.
            parent = order.get(commit.parent or "", before_each)
            before_each = index
            if commit.changes:
                self._commit(commit, index, parent)
        newest = len(self._commits)
        for path, blob in at_head.items():
            for key, each in self._held(path, blob).items():
                found = self._found(path, each)
                interval = self._intervals.setdefault(key, _Interval(found, newest, newest))
                interval.found, interval.last = found, newest
                interval.is_newest, interval.moved = True, False
        return [each for each in self._intervals.values() if not each.moved]

    def _commit(self, commit: Commit, index: int, parent: int) -> None:
        came: dict[Key, Held] = {}
        gone: dict[Key, Held] = {}
        for change in commit.changes:
            before = self._held(change.path, change.before)
            now = self._held(change.path, change.after)
            for key, each in now.items():
                interval = self._intervals.get(key)
                if interval is None:
                    came[key] = each
                else:
                    interval.last, interval.moved = max(interval.last, index), False
            gone.update((key, each) for key, each in before.items() if key not in now)
        for key in gone:
            if key in self._intervals:
                self._intervals[key].last = max(self._intervals[key].last, parent)
        for key, each in came.items():
            self._begin(key, each, index, gone)

    def _begin(self, key: Key, held: Held, index: int, gone: dict[Key, Held]) -> None:
        """Begin a version, or go on with the one that the same commit took from elsewhere."""
        path, symbol, version = key
        interval = _Interval(self._found(path, held), index, index)
        self._intervals[key] = interval
        same = [other for other in gone if other[2] == version and other in self._intervals]
        if same:
            source = max(same, key=lambda other: (other[1] == symbol, other[0] == path))
            before = self._intervals[source]
            interval.first, interval.was = before.first, (*before.was, f"{source[0]}:{source[1]}")
            before.moved = True
            return
        renamed = {other[0] for other in gone if other[1] == symbol and other[0] != path}
        if len(renamed) == 1:
            interval.was = (f"{renamed.pop()}:{symbol}",)  # its file was renamed and it was changed

    def _held(self, path: str, blob: str | None) -> dict[Key, Held]:
        return {(path, each.symbol, each.version): each for each in self._kept.held(path, blob)}

    def _found(self, path: str, held: Held) -> Found:
        template = self._kept.templates[held.version]
        return Found(
            path=path, symbol=held.symbol, line=held.line, template=template, kind=held.kind, why=held.why
        )

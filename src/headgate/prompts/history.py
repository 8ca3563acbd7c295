"""The history of prompts: every version of every prompt, with the interval of commits that hold it.

Each distinct blob is read and parsed once, and what it holds is kept in a folder, so that the next scan reads
only what is new. Never writes to the repository. Read next: `git`, then `scanning`.
"""

import hashlib
import multiprocessing
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec

from headgate.prompts.files import JINJA, MUSTACHE, PROMPT, VALUES, is_of_prompts
from headgate.prompts.git import Blobs, Commit, commits_of, files_at_head, head_of, is_shallow
from headgate.prompts.model import Found, Skipped, Template
from headgate.prompts.scanning import BYTES_MAX, FileScan, is_test, scan_bytes

SUFFIXES = (".py", *sorted(JINJA | MUSTACHE | PROMPT | VALUES), ".md", ".txt")
TOGETHER = 50
"""Blobs that are read at once, between two words of progress."""

MANY = 400
"""From so many new blobs on, further processes are worth their start."""

Progress = Callable[[int, int], None]


class Held(msgspec.Struct, frozen=True, array_like=True):
    """One prompt as a blob holds it; its template stands in `Kept.templates` under its version."""

    symbol: str
    version: str
    line: int
    kind: str
    why: str


class Kept(msgspec.Struct, kw_only=True):
    """What was read before: the prompts of each blob at a path, and each template once."""

    scanner: str
    blobs: dict[str, list[Held]] = {}
    templates: dict[str, Template] = {}
    skipped: dict[str, str] = {}


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a prompt: as `Found`, and from which commit to which it was held."""

    found: Found
    first_commit: str
    last_commit: str
    is_newest: bool
    """Whether the commit that is checked out holds it."""


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


def history_of(folder: Path, kept_in: Path, progress: Progress | None = None) -> History:
    """Read all versions of the prompts in a folder's repository; raises NoHistory where it has none.

    `progress` is told how many blobs of how many are done.
    """
    head = head_of(folder)
    file = kept_in / f"{hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:16]}.msgpack"
    kept = _load(file)
    commits = [_of_prompts(commit) for commit in commits_of(folder)]
    at_head = {path: blob for path, blob in files_at_head(folder).items() if _may_hold(path)}
    wanted = dict.fromkeys(
        (change.path, blob) for commit in commits for change in commit.changes
        for blob in (change.before, change.after) if blob is not None
    )  # fmt: skip
    wanted.update(dict.fromkeys(at_head.items()))
    new = [(path, blob) for path, blob in wanted if _key(path, blob) not in kept.blobs]
    if new:
        _read(folder, new, kept, progress)
        _save(file, kept)
    intervals = _intervals(commits, at_head, head, kept)
    order = {commit.id: index for index, commit in enumerate(commits)}
    names = {index: commit for commit, index in order.items()} | {len(commits): head}
    return History(
        versions=tuple(
            Version(
                found=each.found,
                first_commit=names[each.first],
                last_commit=names[each.last],
                is_newest=each.is_newest,
            )
            for each in sorted(intervals, key=lambda interval: (interval.first, interval.found.path))
        ),
        commits=len(commits),
        blobs=len(wanted),
        blobs_read=len(new),
        shallow=is_shallow(folder),
        skipped=tuple(
            Skipped(path=path, line=0, why=why)
            for key, why in kept.skipped.items()
            for path, blob in [_of_key(key)]
            if at_head.get(path) == blob
        ),
    )


def _may_hold(path: str) -> bool:
    if is_test(path) or not path.endswith(SUFFIXES):
        return False
    return not path.endswith((".md", ".txt")) or is_of_prompts(path)


def _of_prompts(commit: Commit) -> Commit:
    changes = tuple(change for change in commit.changes if _may_hold(change.path))
    return msgspec.structs.replace(commit, changes=changes)


def _read(folder: Path, new: list[tuple[str, str]], kept: Kept, progress: Progress | None) -> None:
    """Read new blobs, in all processors where there are many; what is read is put into `kept`."""
    workers = min(os.cpu_count() or 1, 8)
    with Blobs(folder) as blobs, ExitStack() as stack:
        pool: ProcessPoolExecutor | None = None
        if workers > 1 and len(new) >= MANY:
            spawned = multiprocessing.get_context("spawn")  # no copy of this process's threads and files
            pool = stack.enter_context(
                ProcessPoolExecutor(workers, mp_context=spawned, initializer=end_with_parent)
            )
        waiting: deque[tuple[list[tuple[str, str]], Future[list[FileScan]]]] = deque()
        for start in range(0, len(new), TOGETHER):
            if progress is not None:
                progress(start, len(new))
            some = new[start : start + TOGETHER]
            contents = [(path, blobs.read(blob, BYTES_MAX)) for path, blob in some]
            if pool is None:
                _keep(some, scan_contents(contents), kept)
                continue
            waiting.append((some, pool.submit(scan_contents, contents)))
            if len(waiting) > workers * 2:
                done, future = waiting.popleft()
                _keep(done, future.result(), kept)
        for done, future in waiting:
            _keep(done, future.result(), kept)


def end_with_parent() -> None:
    """End this process when the one that started it ends, however that went."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_wait_and_end, args=(parent,), daemon=True).start()


def _wait_and_end(parent: Any) -> None:
    parent.join()
    os._exit(1)


def scan_contents(contents: list[tuple[str, bytes | None]]) -> list[FileScan]:
    """Scan files of which path and content are given, None where it could not be had."""
    return [
        FileScan(skipped=(Skipped(path=path, line=0, why="too large, or not in this clone"),))
        if content is None
        else scan_bytes(content, path, settings=False)
        for path, content in contents
    ]


def _keep(read: list[tuple[str, str]], scans: list[FileScan], kept: Kept) -> None:
    for (path, blob), scan in zip(read, scans, strict=True):
        key = _key(path, blob)
        for prompt in scan.prompts:
            kept.templates[prompt.template.version] = prompt.template
        kept.blobs[key] = [
            Held(each.symbol, each.template.version, each.line, each.kind, each.why) for each in scan.prompts
        ]
        if scan.skipped:
            kept.skipped[key] = scan.skipped[0].why


def _intervals(commits: list[Commit], at_head: dict[str, str], head: str, kept: Kept) -> Iterable[_Interval]:
    """Follow each version of each prompt from the commit that brings it to the last that holds it."""
    order = {commit.id: index for index, commit in enumerate(commits)}
    intervals: dict[tuple[str, str, str], _Interval] = {}
    before_each = -1
    for index, commit in enumerate(commits):
        # Where a part of a repository is read, a parent may be left out: the one before stands for it.
        parent = order.get(commit.parent or "", before_each)
        before_each = index
        for change in commit.changes:
            held = _held(change.path, change.before, kept)
            now = _held(change.path, change.after, kept)
            for key, each in now.items():
                interval = intervals.get(key)
                if interval is None:
                    intervals[key] = _Interval(_found(change.path, each, kept), index, index)
                else:
                    interval.last = max(interval.last, index)
            for key in held.keys() - now.keys():
                if key in intervals:
                    intervals[key].last = max(intervals[key].last, parent)
    for path, blob in at_head.items():
        for key, each in _held(path, blob, kept).items():
            found = _found(path, each, kept)
            interval = intervals.setdefault(key, _Interval(found, len(commits), len(commits)))
            interval.found, interval.last, interval.is_newest = found, len(commits), True
    return intervals.values()


def _held(path: str, blob: str | None, kept: Kept) -> dict[tuple[str, str, str], Held]:
    if blob is None:
        return {}
    return {(path, each.symbol, each.version): each for each in kept.blobs.get(_key(path, blob), [])}


def _found(path: str, held: Held, kept: Kept) -> Found:
    template = kept.templates[held.version]
    return Found(
        path=path, symbol=held.symbol, line=held.line, template=template, kind=held.kind, why=held.why
    )


def _key(path: str, blob: str) -> str:
    return f"{blob} {path}"


def _of_key(key: str) -> tuple[str, str]:
    blob, _, path = key.partition(" ")
    return path, blob


def _scanner() -> str:
    """What reads the prompts, as a digest: what another read is not trusted."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _load(file: Path) -> Kept:
    scanner = _scanner()
    try:
        kept = msgspec.msgpack.decode(file.read_bytes(), type=Kept)
    except (OSError, msgspec.DecodeError):
        return Kept(scanner=scanner)
    return kept if kept.scanner == scanner else Kept(scanner=scanner)


def _save(file: Path, kept: Kept) -> None:
    """Keep what was read; a folder that can't be written to only costs the next scan its time."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        partial = file.with_suffix(f".{os.getpid()}")
        partial.write_bytes(msgspec.msgpack.encode(kept))
        partial.replace(file)
    except OSError:
        return

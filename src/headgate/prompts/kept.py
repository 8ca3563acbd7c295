"""What was read of a repository's blobs, kept in a folder, so that the next scan reads only what is new.

Reads blobs in several processes where there are many; writes nothing but its own file. Read next: `history`.
"""

import hashlib
import multiprocessing
import os
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import msgspec

from headgate.prompts.git import Blobs
from headgate.prompts.model import Skipped, Template
from headgate.prompts.pieces import Pieces
from headgate.prompts.scanning import BYTES_MAX, FileScan, Options, scan_bytes

PROMPTS_ONLY = Options(settings=False)

TOGETHER = 60
"""Blobs that are read at once, between two words of progress."""

MANY = 400
"""From so many new blobs on, further processes are worth their start."""

WORKERS_MAX = 8

Progress = Callable[[int, int], None]

State = tuple[str, str]
"""A file's path and the blob that it holds there: what a text is taken for depends on both."""


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
    states: dict[str, list[Held]] = {}
    templates: dict[str, Template] = {}
    skipped: dict[str, str] = {}

    def has(self, state: State) -> bool:
        """Whether a state was read."""
        return _key(state) in self.states

    def held(self, path: str, blob: str | None) -> list[Held]:
        """Return what a path held; nothing where there is no blob."""
        return [] if blob is None else self.states.get(_key((path, blob)), [])

    def why_skipped(self, state: State) -> str | None:
        """Say why a state could not be read, or None."""
        return self.skipped.get(_key(state))


def _key(state: State) -> str:
    path, blob = state
    return f"{blob} {path}"


def file_of(folder: Path, kept_in: Path) -> Path:
    """Return the file in which is kept what was read of a folder's repository."""
    return kept_in / f"{hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:16]}.msgpack"


def load(file: Path) -> Kept:
    """Return what was kept; nothing where there is none, or where another scanner read it."""
    scanner = scanner_digest()
    try:
        kept = msgspec.msgpack.decode(file.read_bytes(), type=Kept)
    except (OSError, msgspec.DecodeError):
        return Kept(scanner=scanner)
    return kept if kept.scanner == scanner else Kept(scanner=scanner)


def save(file: Path, kept: Kept) -> None:
    """Keep what was read."""
    write_whole(file, msgspec.msgpack.encode(kept))


def write_whole(file: Path, content: bytes) -> None:
    """Write a file of the folder; one that can't be written to only costs the next scan its time."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        partial = file.with_suffix(f"{file.suffix}.{os.getpid()}")
        partial.write_bytes(content)
        partial.replace(file)
    except OSError:
        return


def scanner_digest() -> str:
    """What reads the prompts, as a digest: what another read is not trusted."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def read_new(folder: Path, new: list[State], kept: Kept, progress: Progress | None) -> None:
    """Read new states, in all processors where there are many; what is read is put into `kept`.

    The states of one path are read one after the other, since each is mostly what the one before was.
    """
    in_turn: dict[str, list[State]] = {}
    for state in new:
        in_turn.setdefault(state[0], []).append(state)
    ordered = [state for states in in_turn.values() for state in states]
    tell = progress or _tell_nobody
    tell(0, len(ordered))
    workers = min(os.cpu_count() or 1, WORKERS_MAX)
    with Blobs(folder) as blobs:
        if workers > 1 and len(ordered) >= MANY:
            try:
                _read_in_processes(workers, blobs, ordered, kept, tell)
            except BrokenProcessPool:
                # No process could be started, or one was killed: this one reads what is left.
                ordered = [state for state in ordered if not kept.has(state)]
            else:
                return
        for start in range(0, len(ordered), TOGETHER):
            some = ordered[start : start + TOGETHER]
            _keep(some, scan_contents(_contents(blobs, some)), kept)
            tell(len(new) - len(ordered) + start + len(some), len(new))


def _read_in_processes(workers: int, blobs: Blobs, ordered: list[State], kept: Kept, tell: Progress) -> None:
    spawned = multiprocessing.get_context("spawn")  # no copy of this process's threads and files
    waiting: deque[tuple[list[State], Future[list[FileScan]]]] = deque()
    done = 0
    with ProcessPoolExecutor(workers, mp_context=spawned, initializer=end_with_parent) as pool:
        for start in range(0, len(ordered), TOGETHER):
            some = ordered[start : start + TOGETHER]
            waiting.append((some, pool.submit(scan_contents, _contents(blobs, some))))
            # So many wait at most: contents of blobs are large.
            while len(waiting) > (workers * 2 if start + TOGETHER < len(ordered) else 0):
                first, future = waiting.popleft()
                _keep(first, future.result(), kept)
                done += len(first)
                tell(done, len(ordered))


def _contents(blobs: Blobs, states: list[State]) -> list[tuple[str, bytes | None]]:
    return [(path, blobs.read(blob, BYTES_MAX)) for path, blob in states]


def _tell_nobody(done: int, of: int) -> None:
    """Take no notice."""


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
    pieces = Pieces()
    return [
        FileScan(skipped=(Skipped(path=path, line=0, why="too large, or not in this clone"),))
        if content is None
        else scan_bytes(content, path, PROMPTS_ONLY, pieces)
        for path, content in contents
    ]


def _keep(read: list[State], scans: list[FileScan], kept: Kept) -> None:
    for state, scan in zip(read, scans, strict=True):
        key = _key(state)
        for prompt in scan.prompts:
            kept.templates[prompt.template.version] = prompt.template
        kept.states[key] = [
            Held(each.symbol, each.template.version, each.line, each.kind, each.why) for each in scan.prompts
        ]
        if scan.skipped:
            kept.skipped[key] = scan.skipped[0].why

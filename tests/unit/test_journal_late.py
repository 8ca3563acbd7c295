"""What a journal's writer keeps in memory while its disk is slow or stalls, and what it drops."""

import asyncio
import os
import resource
import threading
import time
import uuid
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from headgate.journal.folder import StreamName
from headgate.journal.late import LATE_BODIES_BYTES_MAX, LATE_S
from headgate.journal.reading import Journal, Position, read
from headgate.journal.writer import JournalWriter

KIND = 1
MEGABYTE = 2**20
FDATASYNC = os.fdatasync


def written(journal: JournalWriter, stream: StreamName) -> list[bytes]:
    """Return the payloads that are on disk, in order."""
    found = Journal(journal.boot, journal.folder)
    found.positions[stream] = Position(1, 0)
    payloads: list[bytes] = []
    while batch := read(found, stream, is_dead=True):
        assert not batch.damaged_bytes and not batch.missing
        payloads += [entry.payload for entry in batch.entries]
        found.positions[stream] = batch.after
    return payloads


@contextmanager
def stalled(journal: JournalWriter, monkeypatch: pytest.MonkeyPatch) -> Generator[None]:
    """Let the disk answer no sync within the block."""
    answers, asked = threading.Event(), threading.Event()

    def fdatasync(descriptor: int) -> None:
        asked.set()
        assert answers.wait(60)
        FDATASYNC(descriptor)

    monkeypatch.setattr(os, "fdatasync", fdatasync)
    try:
        assert asked.wait(30)
        time.sleep(2 * LATE_S)
        yield
    finally:
        answers.set()


def test_a_disk_that_syncs_slowly_costs_no_body(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fdatasync(descriptor: int) -> None:
        time.sleep(2 * LATE_S)
        FDATASYNC(descriptor)

    monkeypatch.setattr(os, "fdatasync", fdatasync)
    journal = JournalWriter(tmp_path, uuid.uuid4(), segment_bytes_max=200)
    entries = [b"%03d" % number for number in range(150)]
    late = 0
    for entry in entries:
        assert journal.append_body(KIND, entry)
        journal.append(KIND, entry)
        late += journal.is_late
        time.sleep(0.01)
    journal.close()
    assert 0 < late < len(entries), "both ways of writing took turns"
    assert written(journal, "body") == written(journal, "acct") == entries
    assert journal.bodies_dropped == 0


def test_while_the_disk_stalls_bodies_are_kept_up_to_a_bound_and_accounting_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = JournalWriter(tmp_path, uuid.uuid4())
    body = bytes(MEGABYTE)
    kept = LATE_BODIES_BYTES_MAX // MEGABYTE - 1  # a frame is more than its payload
    with stalled(journal, monkeypatch):
        assert [journal.append_body(KIND, body) for _ in range(kept + 3)] == [True] * kept + [False] * 3
        assert not journal.is_late, "bodies keep no call waiting"
        for _ in range(kept + 3):
            journal.append(KIND, body)
        assert journal.is_late
    until_s = time.monotonic() + 30
    while journal.is_late or not journal.append_body(KIND, b"the last"):
        assert time.monotonic() < until_s
        time.sleep(0.01)
    journal.close()
    assert written(journal, "body")[:kept] == [body] * kept
    assert written(journal, "body")[-1] == b"the last"
    assert written(journal, "acct") == [body] * (kept + 3)


async def test_a_late_body_that_cannot_be_written_keeps_no_accounting_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = JournalWriter(tmp_path, uuid.uuid4())
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        with stalled(journal, monkeypatch):
            assert journal.append_body(KIND, bytes(2 * MEGABYTE))
            assert journal.append_body(KIND, b"small")
            journal.append(KIND, b"end")
            resource.setrlimit(resource.RLIMIT_FSIZE, (MEGABYTE, hard))
        await journal.written(20)
        until_s = time.monotonic() + 30
        while journal.bodies_dropped == 0:
            assert time.monotonic() < until_s
            await asyncio.sleep(0.01)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    journal.close()
    assert journal.bodies_dropped == 1
    assert written(journal, "acct") == [b"end"]
    assert written(journal, "body") == [b"small"]

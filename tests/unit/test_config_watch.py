"""A changed file gives a new snapshot; a wrong one is refused, and the old stays in force."""

import asyncio
import logging
import os
from pathlib import Path

import pytest

from headgate.config.snapshot import Snapshot
from headgate.config.watch import ConfigurationWatcher
from headgate.core.faults import Misconfigured, Unavailable

GOOD = '[providers.mock]\nkind = "mock"\nseed = {seed}\n'


class Seen:
    def __init__(self) -> None:
        self.snapshots: list[Snapshot] = []
        self.refusals: list[Misconfigured] = []

    async def snapshot(self, snapshot: Snapshot) -> None:
        self.snapshots.append(snapshot)

    async def refusal(self, fault: Misconfigured) -> None:
        self.refusals.append(fault)


def write(path: Path, text: str, at_ns: int) -> None:
    path.write_text(text)
    os.utime(path, ns=(at_ns, at_ns))


async def test_changes_are_noticed_and_refusals_leave_the_old(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "headgate.toml"
    seen = Seen()
    watcher = ConfigurationWatcher(path, on_snapshot=seen.snapshot, on_refused=seen.refusal)
    write(path, GOOD.format(seed=1), 1)
    await watcher.look()
    await watcher.look()
    assert len(seen.snapshots) == 1

    write(path, GOOD.format(seed='"x"'), 2)
    with caplog.at_level(logging.ERROR):
        await watcher.look()
        await watcher.look()
    assert [fault.where for fault in seen.refusals] == ["headgate.toml:3"]
    assert "headgate.toml:3: providers.mock.seed has to be a whole number" in caplog.text
    assert watcher.current == seen.snapshots[0].id

    write(path, "# only a comment\n" + GOOD.format(seed=1), 3)
    await watcher.look()
    assert len(seen.snapshots) == 1

    replacement = tmp_path / "new"
    write(replacement, GOOD.format(seed=2), 3)
    replacement.replace(path)
    await watcher.look()
    assert watcher.current == seen.snapshots[1].id

    path.unlink()
    await watcher.look()
    await watcher.look()
    assert len(seen.refusals) == 2
    assert "can't be read" in seen.refusals[1].message


async def test_what_is_in_force_already_is_not_handed_on(tmp_path: Path) -> None:
    path = tmp_path / "headgate.toml"
    write(path, GOOD.format(seed=1), 1)
    first = Seen()
    await ConfigurationWatcher(path, on_snapshot=first.snapshot).look()
    second = Seen()
    watcher = ConfigurationWatcher(path, on_snapshot=second.snapshot, current=first.snapshots[0].id)
    await watcher.look()
    assert second.snapshots == []


async def test_a_snapshot_that_could_not_be_stored_is_tried_again(tmp_path: Path) -> None:
    path = tmp_path / "headgate.toml"
    write(path, GOOD.format(seed=1), 1)
    tries: list[str] = []

    async def store(snapshot: Snapshot) -> None:
        tries.append(snapshot.id)
        if len(tries) == 1:
            raise Unavailable("the database is away")

    watcher = ConfigurationWatcher(path, on_snapshot=store)
    await watcher.look()
    assert watcher.current is None
    await watcher.look()
    await watcher.look()
    assert (len(tries), watcher.current) == (2, tries[0])


async def test_it_watches_until_it_is_cancelled(tmp_path: Path) -> None:
    path = tmp_path / "headgate.toml"
    seen = Seen()
    changed = asyncio.Event()

    async def notice(snapshot: Snapshot) -> None:
        await seen.snapshot(snapshot)
        changed.set()

    write(path, GOOD.format(seed=1), 1)
    watching = asyncio.create_task(ConfigurationWatcher(path, on_snapshot=notice, poll_s=0.01).run())
    for seed in (2, 3):
        await asyncio.wait_for(changed.wait(), 20)
        changed.clear()
        write(path, GOOD.format(seed=seed), seed)
    await asyncio.wait_for(changed.wait(), 20)
    watching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await watching
    assert len(seen.snapshots) == 3


async def test_a_snapshot_that_is_refused_later_counts_as_refused(tmp_path: Path) -> None:
    path = tmp_path / "headgate.toml"
    write(path, GOOD.format(seed=1), 1)
    seen = Seen()

    async def refuse(snapshot: Snapshot) -> None:
        raise Misconfigured(f"{snapshot.id} is managed elsewhere")

    watcher = ConfigurationWatcher(path, on_snapshot=refuse, on_refused=seen.refusal)
    await watcher.look()
    assert (len(seen.refusals), watcher.current) == (1, None)

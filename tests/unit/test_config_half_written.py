"""A file that is being written is not read before its writer is done: half of it may be valid too."""

import asyncio
from pathlib import Path

from headgate.config.snapshot import Snapshot
from headgate.config.watch import ConfigurationWatcher

HALF = '[providers.mock]\nkind = "mock"\n'
WHOLE = HALF + '\n[models.assistant]\ntargets = ["mock/model"]\n'


async def test_what_is_half_written_is_never_taken(tmp_path: Path) -> None:
    path = tmp_path / "headgate.toml"
    path.write_text(HALF + "\n[models.first]\n" + 'targets = ["mock/a"]\n')
    taken: list[Snapshot] = []

    async def take(snapshot: Snapshot) -> None:
        taken.append(snapshot)

    watcher = ConfigurationWatcher(path, on_snapshot=take)
    await watcher.look()
    path.write_text(HALF)
    looking = asyncio.create_task(watcher.look())
    await asyncio.sleep(0.05)
    path.write_text(WHOLE)
    await looking
    assert [list(snapshot.aliases) for snapshot in taken] == [["first"], ["assistant"]]


async def test_an_emptied_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "headgate.toml"
    path.write_text(WHOLE)
    taken: list[Snapshot] = []
    refused: list[str] = []

    async def take(snapshot: Snapshot) -> None:
        taken.append(snapshot)

    async def refuse(fault: Exception) -> None:
        refused.append(str(fault))

    watcher = ConfigurationWatcher(path, on_snapshot=take, on_refused=refuse)
    await watcher.look()
    path.write_text("")
    await watcher.look()
    assert len(taken) == 1
    assert "is empty" in refused[0]

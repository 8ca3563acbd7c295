"""Whole system: the data folder's disk is full. Bodies go first, then new calls; open streams end well."""

import asyncio
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.faults.drilled_house import Drilled, broken, drilled, until
from tests.faults.privileges import run_privileged, undo

DISK = "size=48m"
WITH_DATABASE = "size=320m"


@pytest.fixture
def disk(request: pytest.FixtureRequest) -> Iterator[Path]:
    """A folder whose `data` is a small disk of its own."""
    with tempfile.TemporaryDirectory(prefix="hg-", ignore_cleanup_errors=True) as folder:
        data = Path(folder) / "data"
        data.mkdir(mode=0o700)
        run_privileged("mount", "-t", "tmpfs", "-o", f"{request.param},mode=0700", "tmpfs", str(data))
        try:
            yield Path(folder)
        finally:
            undo(("umount", "--lazy", str(data)))


class Filler:
    """Takes all room that a disk has left, again and again, until it gives it back."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "filler"
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Filler":
        fill(self._path)
        self._task = asyncio.create_task(self._go_on())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.wait([self._task])
        self._path.unlink()

    async def _go_on(self) -> None:
        while True:
            await asyncio.sleep(0.02)
            fill(self._path)


def fill(path: Path) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    try:
        for size in (2**20, 2**12):
            try:
                while True:
                    os.write(descriptor, b"\0" * size)
            except OSError:
                continue
    finally:
        os.close(descriptor)


def metric(place: Drilled, name: str) -> float:
    text = place.house.api.get(place.house.url + "/metrics").text
    return sum(float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(name))


def alive(place: Drilled) -> bool:
    return place.house.api.get(place.house.url + "/healthz").status_code == 200


@pytest.mark.timeout(180)
@pytest.mark.parametrize("disk", [DISK], indirect=True)
async def test_a_full_disk_drops_bodies_first_then_refuses_and_recovers(
    disk: Path, database_url: str
) -> None:
    with drilled(folder=disk, database_url=database_url, workers=1, models=("steady-3000",)) as place:
        # Entries of 9 kB a call, so that the room kept ahead is used up within seconds.
        tags = [f"{number:02}" + "\N{HIGH VOLTAGE SIGN}" * 62 for number in range(16)]
        async with (
            place.visitors(
                "steady-3000", clients=2, stream_every=1, pause_s=60, fields={"max_tokens": 4000}
            ) as long,
            place.visitors(clients=6, pause_s=0.0, tags=tags, stream_every=0) as short,
        ):
            assert await short.see(20, 20)
            async with Filler(disk / "data"):
                await asyncio.sleep(0.5)
                full_at = len(short.seen)
                assert await short.see(100, 20), "calls go on, without their bodies"
                assert all(one.is_answered for one in short.seen[full_at : full_at + 100])
                assert await until(lambda: short.seen[-1].status == 503, 60), "at the bound, a clear refusal"
                assert '"unavailable"' in short.seen[-1].said
                assert alive(place)
                [gateway] = place.household.workers("gateway")
                assert not long.seen, "open streams go on"
            assert await short.see(20, 20), "and once there is room again, so do calls"
            assert place.household.workers("gateway") == [gateway], "the same process all along"
            assert await until(lambda: metric(place, "headgate_bodies_dropped_total") >= 100, 20)
        assert [one.is_answered for one in long.seen] == [True, True], "to their very end"
        assert not broken(place, long.seen + short.seen)

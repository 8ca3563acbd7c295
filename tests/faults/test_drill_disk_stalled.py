"""Whole system: the data folder's disk stalls. Open streams and health go on; new calls are told, in time.

The disk is a file on another file system, which is frozen: whatever has to reach the disk then waits.
"""

import asyncio
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from tests.faults.drilled_house import Drilled, broken, drilled
from tests.faults.privileges import run_privileged, undo

STALL_S = 12.0
"""Longer than a worker may stay silent before its supervisor kills it."""
LATE_S_MAX = 2.5
HEALTHY_S_MAX = 5.0
"""Far less than the stall. What is promised of health is that it waits for no disk, not how fast it is."""
REVOKED_S_MAX = 1.0
"""As promised, whatever else the machine does."""


class StallingDisk:
    """A folder whose `data` is a disk that can be stalled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.outer = folder / "outer"

    @contextmanager
    def stalled(self) -> Generator[None]:
        # Whatever becomes of this process, nothing on this machine stays frozen.
        thaw = ["sh", "-c", f"sleep 60; fsfreeze --unfreeze {self.outer}"]
        watchdog = subprocess.Popen(thaw, stderr=subprocess.DEVNULL, start_new_session=True)
        subprocess.run(["fsfreeze", "--freeze", str(self.outer)], check=True, timeout=30)
        try:
            yield
        finally:
            subprocess.run(["fsfreeze", "--unfreeze", str(self.outer)], check=True, timeout=30)
            os.killpg(watchdog.pid, signal.SIGKILL)
            watchdog.wait()


@pytest.fixture
def disk() -> Iterator[StallingDisk]:
    with tempfile.TemporaryDirectory(prefix="hg-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        made = StallingDisk(folder)
        data = folder / "data"
        for place in (made.outer, data):
            place.mkdir(mode=0o700)
        try:
            image(folder / "outer.img", 320)
            run_privileged("mount", "-o", "loop", str(folder / "outer.img"), str(made.outer))
            image(made.outer / "inner.img", 256)
            run_privileged("mount", "-o", "loop", str(made.outer / "inner.img"), str(data))
            yield made
        finally:
            undo(
                ("fsfreeze", "--unfreeze", str(made.outer)),
                ("umount", "--lazy", str(data)),
                ("umount", "--lazy", str(made.outer)),
            )


def image(path: Path, megabytes: int) -> None:
    with path.open("wb") as file:
        file.truncate(megabytes * 2**20)
    run_privileged("mkfs.ext4", "-q", "-m", "0", "-E", "lazy_itable_init=1", str(path))


@pytest.mark.timeout(180)
async def test_a_stalled_disk_never_stalls_the_loop(disk: StallingDisk, database_url: str) -> None:
    fields = {"max_tokens": 3000}
    with drilled(folder=disk.folder, database_url=database_url, workers=1, models=("steady-2000",)) as place:
        [gateway] = place.household.workers("gateway")
        async with (
            place.visitors("steady-2000", clients=2, stream_every=1, pause_s=60, fields=fields) as long,
            place.visitors(clients=4, pause_s=0.02) as short,
        ):
            assert await short.see(20, 20)
            with disk.stalled():
                began_s = time.monotonic()
                asking = asyncio.create_task(ask_for_health(place, STALL_S))
                await asyncio.sleep(3)
                await revoked_within_a_second(place)
                slowest_s = await asking
                ended_s = time.monotonic()
            assert await short.see(20, 20), "and then calls go on"
            assert place.household.workers("gateway") == [gateway], "the same process all along"
        assert slowest_s < HEALTHY_S_MAX, "health waits for no disk"
        late = [one for one in short.seen if began_s + 2 < one.ended_s < ended_s]
        assert {one.status for one in late} == {503}, late[:3]
        assert all(one.took_s < LATE_S_MAX for one in late)
        assert [one.is_answered for one in long.seen] == [True, True], "streams go on to their very end"
        assert not broken(place, long.seen + short.seen)


async def revoked_within_a_second(place: Drilled) -> None:
    made = (await asyncio.to_thread(place.house.api.post, "/keys", json={"name": "short-lived"})).json()
    headers = {"authorization": f"Bearer {made['key']}"}
    async with httpx.AsyncClient(base_url=place.house.url, timeout=10, trust_env=False) as http:

        async def status() -> int:
            body = {"model": "assistant", "messages": [{"role": "user", "content": "hi"}]}
            return (await http.post("/v1/chat/completions", json=body, headers=headers)).status_code

        assert await status() == 503, "known, and refused for the disk's sake"
        await asyncio.to_thread(place.house.api.delete, f"/keys/{made['id']}")
        began_s = time.monotonic()
        while await status() != 401:
            assert time.monotonic() - began_s < REVOKED_S_MAX, "keys are still followed"
            await asyncio.sleep(0.05)


async def ask_for_health(place: Drilled, for_s: float) -> float:
    """Ask again and again; return the longest that an answer took."""
    slowest_s = 0.0
    until_s = time.monotonic() + for_s
    async with httpx.AsyncClient(base_url=place.house.url, timeout=30, trust_env=False) as http:
        while time.monotonic() < until_s:
            began_s = time.monotonic()
            assert (await http.get("/healthz")).status_code == 200
            slowest_s = max(slowest_s, time.monotonic() - began_s)
            await asyncio.sleep(0.1)
    return slowest_s

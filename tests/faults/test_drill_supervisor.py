"""Whole system: the supervisor, or all of a host at once, is killed; the next start loses nothing."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from tests.faults.drilled_house import Drilled, again, broken, drilled, until

from headgate.drills.household import Worker, end_at_once

GONE_S_MAX = 45.0


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="hg-", ignore_cleanup_errors=True) as name:
        yield Path(name)


def everything(place: Drilled) -> list[Worker]:
    household = place.household
    own = psutil.Process(household.supervisor)
    first = household.database_process()
    workers = [*household.workers("gateway"), *household.workers("control"), *household.workers("shipper")]
    supervisor = Worker(pid=own.pid, title="headgate up", began_s=own.create_time())
    return [supervisor, *workers, *([] if first is None else [first])]


def is_gone(worker: Worker) -> bool:
    try:
        process = psutil.Process(worker.pid)
        return process.create_time() != worker.began_s or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.mark.timeout(200)
async def test_kill_9_of_the_supervisor_drains_its_workers(folder: Path) -> None:
    with drilled(folder=folder, workers=2) as place:
        async with place.visitors(clients=4, pause_s=0.02) as before:
            assert await before.see(30, 20)
            supervisor, *workers = everything(place)
            workers = [worker for worker in workers if worker.title != "postgres"]
            end_at_once(supervisor)
            assert await until(lambda: all(is_gone(worker) for worker in workers), GONE_S_MAX)
        with again(place) as after:
            async with after.visitors(clients=4, pause_s=0.02) as visitors:
                assert await visitors.see(30, 20)
            assert not broken(after, before.seen + visitors.seen)


@pytest.mark.timeout(200)
async def test_kill_9_of_everything_at_once(folder: Path) -> None:
    with drilled(folder=folder, workers=2) as place:
        async with place.visitors(clients=6, pause_s=0.0) as before:
            assert await before.see(50, 20)
            found = everything(place)
            for worker in found:
                end_at_once(worker)
            assert await until(lambda: all(is_gone(worker) for worker in found), 10)
        with again(place) as after:
            async with after.visitors(clients=4, pause_s=0.02) as visitors:
                assert await visitors.see(30, 20)
            assert not broken(after, before.seen + visitors.seen)

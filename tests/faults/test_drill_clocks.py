"""Whole system: this host's wall clock jumps days ahead and back under load; windows, ids and keys hold.

Only the processes of the drill see another time (libfaketime, Debian's package `faketime`); the database
keeps the right one, as it does when one host of several is wrong.
"""

import asyncio
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.faults.drilled_house import Drilled, broken, drilled
from tests.faults.privileges import lack

from headgate.core.identity import time_ms_of
from headgate.core.money import parse_usd

JUMPS = ("+3d", "-2d", "+90d", "-400d", "+0s")
SLACK = timedelta(seconds=90)
REFUSED_SHARE_MAX = 0.05
"""503 is a slow machine: a grant that took longer than a quarter of a second. Next to none without jumps."""


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="hg-", ignore_cleanup_errors=True) as name:
        yield Path(name)


def faked_time(file: Path) -> Mapping[str, str]:
    """The environment in which processes take the wall clock's error from a file, and nothing else of it."""
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    if not found:
        lack("the library of the package `faketime`")
    return {
        "LD_PRELOAD": str(found[0]),
        "FAKETIME_TIMESTAMP_FILE": str(file),
        "FAKETIME_CACHE_DURATION": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "NO_FAKE_STAT": "1",
    }


def jump(file: Path, by: str) -> None:
    beside = file.with_suffix(".new")
    beside.write_text(by + "\n")
    beside.replace(file)


def wait_for_all(place: Drilled, workers: int) -> None:
    """Wait for every gateway: one that is still starting takes up to a second more to learn of a new key."""
    deadline_s = time.monotonic() + 30
    while len(place.house.get("/status")["gateways"]) < workers:
        assert time.monotonic() < deadline_s, "a gateway never came"
        time.sleep(0.1)


@pytest.mark.timeout(200)
async def test_a_wall_clock_that_jumps_moves_nothing(folder: Path, database_url: str) -> None:
    file = folder / "error.faketime"
    jump(file, "+0s")
    began = datetime.now(UTC)
    with drilled(folder=folder, database_url=database_url, workers=2, environment=faked_time(file)) as place:
        house = place.house
        wait_for_all(place, 2)
        limits = [{"name": "today", "limit": "1000 USD", "window": "day"}]
        expires = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
        place.key = house.make_key("for-an-hour", may_assert=True, budgets=limits, expires_at=expires)
        async with place.visitors(clients=4, pause_s=0.02) as visitors:
            for by in JUMPS:
                jump(file, by)
                await asyncio.sleep(2.5)
                assert await visitors.see(20, 20), (by, visitors.seen[-1])
            statuses = Counter(one.status for one in visitors.seen)
            # No key ends early, no budget is taken for spent.
            assert set(statuses) <= {200, 503}, [one for one in visitors.seen if one.status != 200][:5]
            assert statuses[503] <= REFUSED_SHARE_MAX * len(visitors.seen), statuses
        jump(file, "+3d")
        await asyncio.sleep(2.5)
        check_revoked_in_time(place)
        assert not broken(place, visitors.seen)
        spent = {item["name"]: parse_usd(item["spent_usd"]) for item in house.get("/budgets")["items"]}
        assert spent["house"] > 0
        if datetime.now(UTC).date() == began.date():
            assert spent["today"] == spent["house"], "one window all along"
        for record in house.requests():
            for at in (datetime.fromisoformat(record["started_at"]), time_of(record["id"])):
                assert began - SLACK < at < datetime.now(UTC) + SLACK, record


def check_revoked_in_time(place: Drilled) -> None:
    """Keys are still made and revoked, whatever this host takes for the time."""
    made = place.house.api.post("/keys", json={"name": "short-lived"})
    assert made.status_code == 201, made.text
    gone = place.house.api.delete(f"/keys/{made.json()['id']}")
    assert gone.json()["not_acknowledged"] == []


def time_of(call: str) -> datetime:
    return datetime.fromtimestamp(time_ms_of(uuid.UUID(call)) / 1000, UTC)

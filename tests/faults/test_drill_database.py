"""Whole system: PostgreSQL is away for a whole minute under load; no call is lost or counted twice."""

import asyncio
import time
from collections.abc import Iterator

import httpx
import pytest
from tests.faults.drilled_house import Drilled, broken, drilled, until

from headgate.access.changes import LiveChange, put_all
from headgate.store.database import Database

AWAY_S = 60.0
BACK_S_MAX = 20.0


@pytest.fixture(scope="module")
def place() -> Iterator[Drilled]:
    with drilled(workers=2) as running:
        yield running


@pytest.mark.timeout(240)
async def test_a_minute_without_postgresql_loses_no_answered_call(place: Drilled) -> None:
    slowest_s = 0.0
    async with (
        place.visitors(clients=4, pause_s=0.05) as metered,
        place.visitors("unmetered", clients=4, pause_s=0.05) as unmetered,
        httpx.AsyncClient(base_url=place.house.url, timeout=10, trust_env=False) as http,
    ):
        await asyncio.sleep(1.5)
        stopped = place.household.database.stopped()
        await asyncio.to_thread(stopped.__enter__)
        began_s = time.monotonic()
        before = unmetered.answered
        try:
            while time.monotonic() - began_s < AWAY_S:
                asked_s = time.monotonic()
                assert (await http.get("/healthz")).status_code == 200
                slowest_s = max(slowest_s, time.monotonic() - asked_s)
                await asyncio.sleep(0.5)
            during = unmetered.answered - before
        finally:
            await asyncio.to_thread(stopped.__exit__, None, None, None)
        assert await metered.see(40, BACK_S_MAX), "calls under a budget are answered again"
    assert during > AWAY_S, "calls that no budget counts go on without the database"
    assert slowest_s < 2.0, "the gateways never stood still"
    away = [one for one in metered.seen if began_s + 1 < one.ended_s < began_s + AWAY_S]
    statuses = {one.status for one in away}
    assert statuses <= {200, 503}, statuses
    assert all(one.took_s < 10 for one in away), "who can't be answered is told so, soon"
    assert any('"unavailable"' in one.said for one in away), "a clear refusal in the dialect's shape"
    assert not broken(place, metered.seen + unmetered.seen)


@pytest.mark.timeout(120)
async def test_a_database_that_comes_and_goes(place: Drilled) -> None:
    async with place.visitors(clients=4, pause_s=0.02) as metered:
        for _ in range(4):
            assert await metered.see(20, BACK_S_MAX)
            with place.household.database.stopped():
                await asyncio.sleep(0.4)
        assert await metered.see(20, BACK_S_MAX)
    assert not broken(place, metered.seen)


@pytest.mark.timeout(120)
async def test_a_database_that_ends_by_itself_is_started_again(place: Drilled) -> None:
    server = place.household.database
    server.stop()
    assert await until(lambda: server.pid is not None, BACK_S_MAX)
    async with place.visitors(clients=2) as metered:
        assert await metered.see(10, BACK_S_MAX)
    assert not broken(place, metered.seen)


@pytest.mark.timeout(120)
async def test_a_live_object_that_cant_be_read_ends_no_process(place: Drilled) -> None:
    before = place.household.workers("gateway") + place.household.workers("control")
    async with Database(place.house.database_url(), connections_max=1) as database:

        async def put(body: bytes | None) -> None:
            async with database.transaction() as connection:
                await put_all(connection, [LiveChange(kind, "of-later", body) for kind in ("budget", "key")])

        async with place.visitors(clients=2) as metered:
            assert await metered.see(5, BACK_S_MAX)
            await put(b'{"from": "a later version"}')
            await asyncio.sleep(1.5)
            assert await metered.see(10, BACK_S_MAX)
            await put(None)
            assert await metered.see(10, BACK_S_MAX)
    assert place.household.workers("gateway") + place.household.workers("control") == before
    assert "can't be read by this version" in place.house.log.read_text()
    assert not broken(place, metered.seen)

"""A prompt that runs in an environment and is not in its release: said by the status, alerted of once."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from tests.contract.made_entries import make_end, new_call
from tests.contract.made_entries import now_ms as entries_now_ms
from tests.flow.control_app import Api, control
from tests.flow.test_api_releases import BODY

from headgate.api import jobs
from headgate.core.entries import END
from headgate.core.identity import text_of
from headgate.core.ports import Envelope
from headgate.records.sink import RecordSink
from headgate.releases.unreleased import ALERT_KIND, ReleasedPrompts, due_alerts
from headgate.store.database import Database

BOOT = bytes(16)
WITHIN_S = 10.0


async def record(database: Database, release: str, *prompts: dict[str, Any], **changes: Any) -> str:
    """A call on record, and the prompts that matching found in it."""
    call = new_call()
    end = make_end(call, environment="production", release=release, **changes)
    envelope = Envelope(BOOT, END, msgspec.msgpack.encode(end))
    async with database.transaction() as connection:
        await RecordSink().apply(connection, [envelope])
        await connection.execute(
            "update requests set prompts = %s::jsonb where id = %s",
            (json.dumps([{"kind": "code", "source": "shop", **each} for each in prompts]), text_of(call)),
        )
    return text_of(call)


def now() -> datetime:
    return datetime.fromtimestamp(entries_now_ms() / 1000, UTC)


async def due(database: Database) -> list[tuple[str, str]]:
    async with database.transaction() as connection:
        alerts = await due_alerts(connection, ReleasedPrompts(), now)
    return [(alert.subject, alert.message) for alert in alerts]


async def released(api: Api) -> str:
    release = (await api.post("/releases", BODY))["id"]
    await api.post("/environments/production", {"release": release}, status=200)
    return release


KNOWN = {"name": "app.py:SYSTEM", "version": "aaaa"}
OTHER = {"name": "app.py:SYSTEM", "version": "bbbb"}
NEW = {"name": "new.py:NEW", "version": "cccc"}
EITHER = {"name": "app.py:SYSTEM", "version": "dddd", "versions": ["dddd", "aaaa"]}


async def test_what_runs_outside_of_its_release_is_told_of_once(database: Database) -> None:
    async with control(database) as api:
        release = await released(api)
        await record(database, release, KNOWN, EITHER)
        assert await due(database) == []
        await record(database, release, KNOWN, OTHER)
        await record(database, release, OTHER)
        await record(database, release, NEW)
        told = dict(await due(database))
        assert set(told) == {"production: app.py:SYSTEM@bbbb", "production: new.py:NEW@cccc"}
        assert f"not in its release {release}, which has aaaa" in told["production: app.py:SYSTEM@bbbb"]
        assert "no prompt of that name" in told["production: new.py:NEW@cccc"]
        await record(database, release, OTHER)
        assert await due(database) == []
        status = await api.get("/environments/production/status")
        assert [(each["prompt"], each["version"], each["calls"]) for each in status["unreleased"]] == [
            ("app.py:SYSTEM", "bbbb", 3),
            ("new.py:NEW", "cccc", 1),
        ]
        assert status["unreleased"][0]["released"] == ["aaaa"]


async def test_libraries_managed_prompts_and_calls_of_no_environment_are_no_drift(
    database: Database,
) -> None:
    async with control(database) as api:
        release = await released(api)
        async with database.connection() as connection:
            await connection.execute(
                "insert into catalogue_sources (project, source, kind, head, commits, commits_digest, state, "
                "settings, pushed_by) values ('default', 'lib', 'library', '1', 0, '', '', '{}', 'tests')"
            )
        await record(database, release, {**NEW, "source": "lib"})
        await record(database, release, {**NEW, "kind": "managed"})
        await record(database, "no-such-release", NEW)
        call = await record(database, release, NEW)
        async with database.connection() as connection:
            await connection.execute("update requests set environment = '' where id = %s", (call,))
        assert await due(database) == []
        assert (await api.get("/environments/production/status"))["unreleased"] == []


async def test_control_raises_the_alert_by_itself(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "UNRELEASED_S", 0.1)
    async with control(database) as api:
        await record(database, await released(api), NEW)
        found: list[dict[str, Any]] = []
        async with asyncio.timeout(WITHIN_S):
            while not found:
                await asyncio.sleep(0.05)
                found = (await api.get("/alerts", kind=ALERT_KIND))["items"]
    assert [each["subject"] for each in found] == ["production: new.py:NEW@cccc"]
    assert found[0]["project"] == "default"

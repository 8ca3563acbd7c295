"""Runs of checks go by retention, and what a requirement or a baseline stands on stays."""

import uuid
from typing import Any

import pytest
from tests.flow.control_app import Api, control, make_key

from headgate.api.schedule import tidy
from headgate.checks.retention import expire_checks
from headgate.config.compile import compile_file
from headgate.core.faults import Misconfigured
from headgate.store.database import Database

DIGEST = "ab" * 32
DAYS = {"default": 10}


async def run(api: Api, target: str, verdict: str | None = "met") -> str:
    """A run with a result and a judgement."""
    new: dict[str, Any] = {
        "name": "orders",
        "target": target,
        "dataset": "cases",
        "dataset_digest": "0" * 64,
        "definition": {},
    }
    identity = str((await api.post("/checks/runs", new))["id"])
    mark = {"score": 1.0, "reason": "fits", "digest": uuid.uuid4().hex * 2}
    results = [{"case": "a", "repeat": 0, "marks": {"judge": mark}}]
    await api.post(f"/checks/runs/{identity}/results", {"results": results}, status=202)
    if verdict is not None:
        told = {"verdict": verdict, "report": {"sentence": "so"}}
        await api.patch(f"/checks/runs/{identity}", told)
    return identity


async def age(database: Database, *runs: str, days: int = 20) -> None:
    async with database.connection() as connection:
        await connection.execute(
            "update check_runs set changed_at = changed_at - make_interval(days => %s) "
            "where id = any(%s::uuid[])",
            (days, list(runs)),
        )


async def left(database: Database, table: str = "check_runs") -> list[Any]:
    async with database.connection() as connection:
        column = {"check_runs": "id::text", "check_results": "run::text"}.get(table, "digest")
        found = await connection.execute(f"select {column} from {table}".encode())
        return [value for (value,) in await found.fetchall()]


async def expire(database: Database) -> None:
    async with database.connection() as connection:
        await expire_checks(connection, DAYS)


async def test_the_last_verdict_of_each_target_stays_and_what_is_kept(database: Database) -> None:
    async with control(database) as api:
        first, baseline, last = [await run(api, "small") for _ in range(3)]
        other = await run(api, "large", "not met")
        given_up, later = await run(api, "tiny", None), await run(api, "tiny", None)
        kept = await api.ask("PUT", f"/api/v1/checks/runs/{baseline}/kept", {"kept": True})
        assert kept[1]["kept"] is True
        await age(database, first, baseline, last, other, given_up)
        await expire(database)
        assert set(await left(database)) == {baseline, last, other, later}
        assert set(await left(database, "check_results")) == {baseline, last, other, later}
        await api.ask("PUT", f"/api/v1/checks/runs/{baseline}/kept", {"kept": False})
        await expire(database)
        assert baseline not in await left(database)
        # A run without a verdict takes nobody's place.
        await run(api, "large", None)
        await expire(database)
        assert other in await left(database)
        await run(api, "large")
        await expire(database)
        assert other not in await left(database)


async def test_what_is_younger_stays_and_so_does_what_others_keep_longer(database: Database) -> None:
    async with control(database) as api:
        runs = [await run(api, "small") for _ in range(2)]
        await age(database, *runs, days=9)
        await expire(database)
        assert set(await left(database)) == set(runs)
        await age(database, *runs, days=2)
        async with database.connection() as connection:
            await expire_checks(connection, {})
        assert set(await left(database)) == set(runs), "a project that the file does not name keeps a year"
        assert len(await left(database, "check_judgements")) == 2
        async with database.connection() as connection:
            await connection.execute("update check_judgements set said_at = said_at - interval '11 days'")
        await expire(database)
        assert await left(database, "check_judgements") == []
        assert set(await left(database, "check_results")) == {runs[1]}


async def test_the_schedule_does_it_for_each_projects_days(database: Database) -> None:
    async with control(database) as api:
        runs = [await run(api, "small") for _ in range(2)]
        await age(database, *runs, days=366)
        await tidy(database, api.app.dependencies["in_force"].dependency())  # type: ignore[operator]
        assert await left(database) == [runs[1]]


async def test_only_who_made_a_run_or_administers_its_project_keeps_it(database: Database) -> None:
    _, member = await make_key(database, "member")
    _, viewer = await make_key(database, "viewer")
    _, foreign = await make_key(database, "project_admin", "elsewhere")
    async with control(database) as api:
        made = await run(api, "small")
        for key, status in ((member, 403), (viewer, 403), (foreign, 404)):
            asked = await api.as_key(key).ask("PUT", f"/api/v1/checks/runs/{made}/kept", {"kept": True})
            assert asked[0] == status, key


def test_days_are_read_from_the_file() -> None:
    head = '[providers.mock]\nkind = "mock"\n[models.a]\ntargets = ["mock/small"]\n[projects.shop]\n'
    assert compile_file(head).project("shop").check_retention_days == 365
    assert compile_file(head + 'check_retention = "30 days"').project("shop").check_retention_days == 30
    with pytest.raises(Misconfigured, match="check_retention"):
        compile_file(head + 'check_retention = "forever"')

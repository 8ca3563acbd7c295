"""A survey that one arm answers less often is noticed, whatever source brought the answers."""

import csv
import hashlib
import hmac
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest
from tests.cli.scripted_api import ScriptedApi, serving, surround
from tests.flow.control_app import TOML, Api, control, put_in_force
from tests.flow.test_api_experiments import EXPERIMENT, World, at, metric

from headgate.cli.app import main
from headgate.config.compile import compile_file
from headgate.core.entries import End
from headgate.core.identity import trace_id_of
from headgate.store.database import Database

UNITS = 300
SHARES = {"now": 0.6, "new": 0.3}
SECRET = "a secret of the survey"
SYSTEM = """
[feedback.survey]
secrets = ["env:SURVEY_SECRET"]
items = "$"

[[feedback.survey.outcomes]]
name = "csat"
value = "$.value"
business_id = "$.business_id"
at = "$.at"
"""
Answers = list[dict[str, Any]]


def answers_of(ends: list[End]) -> Answers:
    """Of each arm its share of users, named by user, session, trace, call and business id in turn."""
    said: Answers = []
    for place, end in enumerate(ends):
        arm = end.exposures[0].arm
        if place % UNITS < SHARES[arm] * UNITS:
            subject = (
                {"user": end.user},
                {"session": end.session},
                {"trace_id": end.trace_id},
                {"request_id": str(uuid.UUID(bytes=end.call))},
                {"business_id": f"order-{place}"},
            )[place % 5]
            said.append({"name": "csat", "value": float(place % 5 + 1), "at": at(end, 1), **subject})
    return said


@pytest.fixture
def recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedApi]:
    """What the command line and the SDK send, taken down."""

    def take(body: Any) -> Any:
        items = [{"id": "x", "code": None, "message": None} for _ in body["items"]]
        return {"accepted": len(items), "known": 0, "refused": 0, "items": items}

    scripted = ScriptedApi()
    scripted.on("POST", "/api/v1/feedback/batch", take, status=202)
    with serving(scripted):
        surround(monkeypatch, scripted, tmp_path)
        yield scripted


def by_file(said: Answers, _: str) -> None:
    columns = list(dict.fromkeys(name for one in said for name in one))
    with Path("answers.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, columns, restval="")
        writer.writeheader()
        writer.writerows(said)
    assert main(["feedback", "import", "answers.csv"]) == 0


def by_query(said: Answers, database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("create table answers (said jsonb)")
        for one in said:
            connection.execute("insert into answers values (%s)", (msgspec.json.encode(one).decode(),))
    names = ("name", "at", "user", "session", "trace_id", "request_id", "business_id")
    columns = ", ".join(f"said ->> '{name}' as \"{name}\"" for name in names)
    query = f"select {columns}, (said ->> 'value')::numeric as value from answers"
    assert main(["feedback", "import", "--query", query, "--database", database_url]) == 0


def by_sdk(said: Answers, _: str) -> None:
    """In a process of its own, as an application."""
    Path("said.json").write_bytes(msgspec.json.encode(said))
    script = (
        "import json, datetime, headgate\n"
        "for one in json.load(open('said.json')):\n"
        "    at = datetime.datetime.fromisoformat(one.pop('at'))\n"
        "    headgate.feedback(one.pop('name'), one.pop('value'), at=at, **one)\n"
        "assert headgate.flush(30)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60, env=dict(os.environ))


async def by_webhook(api: Api, said: Answers) -> None:
    """What a business system knows: ids of its own."""
    for start in range(0, len(said), 100):
        body = msgspec.json.encode(said[start : start + 100])
        sent = int(time.time())
        made = hmac.new(SECRET.encode(), f"{sent}.".encode() + body, hashlib.sha256).hexdigest()
        answer = await api.client.post(
            "/api/v1/feedback/from/survey",
            content=body,
            headers={"x-headgate-signature": f"t={sent},v1={made}"},
        )
        assert answer.status_code == 200, answer.text


async def exposed(api: Api, database: Database) -> tuple[World, list[End]]:
    toml = TOML + EXPERIMENT + SYSTEM
    await put_in_force(database, toml)
    await api.app.dependencies["in_force"].dependency().refresh()  # type: ignore[operator]
    made = World(api, database, compile_file(toml).experiments[0])
    ends = [
        made.exposed(f"{arm}-{number}", arm, trace_id=trace_id_of(f"order-{place * UNITS + number}").hex())
        for place, arm in enumerate(SHARES)
        for number in range(UNITS)
    ]
    await made.ship(*ends)
    return made, ends


async def check(made: World) -> None:
    csat = metric((await made.shown())["report"], "csat")
    assert csat["answered"] == pytest.approx(SHARES, abs=0.01)
    [note] = [note for note in csat["notes"] if "answered unequally" in note]
    assert note.startswith("csat is answered unequally: 30.0% of new against 60.0% of now")


@pytest.mark.parametrize("bring", [by_file, by_query, by_sdk])
async def test_a_survey_that_one_arm_answers_less_is_noticed(
    database: Database, database_url: str, recorded: ScriptedApi, bring: Callable[[Answers, str], None]
) -> None:
    async with control(database) as api:
        made, ends = await exposed(api, database)
        said = answers_of(ends)
        bring(said, database_url)
        batches = [body for _, _, _, body in recorded.asked]
        assert sum(len(body["items"]) for body in batches) == len(said)
        for _ in range(2):  # and again, which changes nothing
            for body in batches:
                done = await api.post("/feedback/batch", body, status=202)
                assert done["refused"] == 0, done
        await check(made)


async def test_a_business_systems_answers_are_watched_too(database: Database) -> None:
    async with control(database, environment={"SURVEY_SECRET": SECRET}) as api:
        made, ends = await exposed(api, database)
        said = [
            {"value": 4, "at": at(end, 1), "business_id": f"order-{place}"}
            for place, end in enumerate(ends)
            if place % UNITS < SHARES[end.exposures[0].arm] * UNITS
        ]
        await by_webhook(api, said)
        await by_webhook(api, said)
        await check(made)

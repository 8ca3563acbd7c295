"""Calls on record get the prompts of their project's code: in rows, in sums, and in what matches none."""

import asyncio
import hashlib
import json
import uuid
from typing import Any

import msgspec
import pytest
from tests.contract.made_entries import envelope, make_body, make_end, new_call
from tests.contract.summed import differences

from headgate.core.entries import PromptUsed
from headgate.prompts.catalogue.matching_job import TRIES_MAX, MatchingJob
from headgate.prompts.catalogue.model import (
    CataloguePush,
    CataloguePushed,
    NewCommits,
    NewState,
    NewTemplate,
    NewVersion,
)
from headgate.prompts.catalogue.store import put
from headgate.prompts.catalogue.traffic import RenderedSink
from headgate.prompts.model import Hole, Template
from headgate.records.bodies import BodySink
from headgate.records.costs import costs
from headgate.records.queries import get_request
from headgate.records.retention import drop_expired
from headgate.records.sink import RecordSink
from headgate.store.database import Database
from headgate.store.rows import fetch_rows

COMMITS = tuple(hashlib.sha1(bytes([number]), usedforsecurity=False).hexdigest() for number in range(5))
OLD = Template.of(
    ("You are a careful clerk of ", Hole(name="shop"), ". Answer in one short sentence, politely.")
)
NEW = Template.of(
    ("You are a careful clerk of ", Hole(name="shop"), ". Answer in two sentences, with a number.")
)
ASK = Template.of(("Here is what the customer writes to us today:\n", Hole(name="letter"), "\nAnswer it."))

WRAPPED = Template.of(
    ("You are a careful clerk of ", Hole(name="shop"), ".\nAnswer in one short sentence, politely.")
)


def version(template: Template, symbol: str, first: int, last: int, *, is_newest: bool = False) -> NewVersion:
    return NewVersion(
        path="shop/clerk.py",
        symbol=symbol,
        version=template.version,
        kind="constant",
        line=3,
        first=first,
        last=last,
        is_newest=is_newest,
    )


def push_of(*versions: NewVersion, **changes: Any) -> CataloguePush:
    push = CataloguePush(
        source="shop",
        templates=tuple(NewTemplate.of(each) for each in (OLD, NEW, ASK, WRAPPED)),
        commits=NewCommits(start=0, ids=COMMITS, times=tuple(range(len(COMMITS)))),
        state=NewState(head=COMMITS[-1], versions=versions),
    )
    return msgspec.structs.replace(push, **changes)


BOTH = (
    version(OLD, "RULES", 0, 2),
    version(NEW, "RULES", 3, 4, is_newest=True),
    version(ASK, "ASK", 1, 4, is_newest=True),
)


async def pushed(database: Database, *versions: NewVersion, project: str = "default") -> CataloguePushed:
    async with database.transaction() as connection:
        return await put(connection, project, push_of(*(versions or BOTH)), "tests")


async def record(
    database: Database, messages: list[dict[str, Any]], *, with_end: bool = True, **changes: Any
) -> str:
    """Write a call as the shipper does; return its id."""
    call = new_call()
    end = make_end(call, **{"release": "", **changes})
    body = json.dumps({"model": "assistant", "messages": messages}).encode()
    async with database.transaction() as connection:
        if with_end:
            await RecordSink().apply(connection, [envelope(end)])
            await RenderedSink().apply(connection, [envelope(end)])
        await BodySink().apply(connection, [envelope(make_body(call, body, project=end.project))])
    return str(uuid.UUID(bytes=call))


def system(shop: str, ending: str = "Answer in two sentences, with a number.") -> dict[str, Any]:
    return {"role": "system", "content": f"You are a careful clerk of {shop}. {ending}"}


def letter(text: str) -> dict[str, Any]:
    return {
        "role": "user",
        "content": f"Here is what the customer writes to us today:\n{text}\nAnswer it.",
    }


async def prompts_of(database: Database, call: str) -> list[dict[str, Any]]:
    async with database.connection() as connection:
        return msgspec.json.decode((await get_request(connection, None, call)).prompts)


async def by_prompt(database: Database) -> dict[str, tuple[int, str | None]]:
    async with database.connection() as connection:
        rows = await costs(connection, None, group_by=("prompt",))
    return {str(row.prompt): (row.requests, row.cost_usd) for row in rows}


async def test_a_call_gets_the_prompts_of_its_messages(database: Database) -> None:
    await pushed(database)
    call = await record(database, [system("Anna's"), letter("Where is my parcel?")])
    assert await MatchingJob(database).run_once() == 1
    first, second = await prompts_of(database, call)
    assert first == {
        "name": "shop/clerk.py:RULES",
        "version": NEW.version,
        "kind": "code",
        "source": "shop",
        "message": 0,
        "role": "system",
        "first_commit": COMMITS[3],
        "last_commit": COMMITS[4],
        "values": {"shop": "Anna's"},
        "coverage": 1.0,
        "exact": True,
    }
    assert (second["name"], second["values"]) == ("shop/clerk.py:ASK", {"letter": "Where is my parcel?"})
    assert second["message"] == 1
    assert await by_prompt(database) == {"shop/clerk.py:RULES": (1, "0.000001234567")}


async def test_sums_move_whole_with_their_sketches(database: Database) -> None:
    await pushed(database)
    for number in range(3):
        await record(database, [system(f"shop {number}")], duration_ms=50 + number)
    await record(database, [{"role": "user", "content": "Nothing that anybody has written down."}])
    async with database.connection() as connection:
        before = await fetch_rows(connection, SUMS)
    assert await MatchingJob(database).run_once() == 4
    async with database.connection() as connection:
        after = await fetch_rows(connection, SUMS)
        names = await fetch_rows(connection, "select prompt, requests from rollups order by prompt")
    assert after == before
    assert [(row["prompt"], row["requests"]) for row in names] == [("", 1), ("shop/clerk.py:RULES", 3)]
    assert (await by_prompt(database))["shop/clerk.py:RULES"] == (3, "0.000003703701")
    assert await differences(database) == []


SUMS = """
select sum(requests) as requests, sum(input) as input, sum(output) as output, sum(cost_usd) as cost,
    sum_sketches(duration_sketch) as took, sum_sketches(first_token_sketch) as first from rollups
"""


async def test_managed_prompts_stay_and_name_the_call(database: Database) -> None:
    await pushed(database)
    used = (PromptUsed("greeting", 7, b'{"name": "Ann"}'),)
    call = await record(database, [system("Anna's")], prompts=used)
    await MatchingJob(database).run_once()
    managed, code = await prompts_of(database, call)
    assert (managed["name"], managed["version"], managed["kind"]) == ("greeting", "7", "managed")
    assert code["name"] == "shop/clerk.py:RULES"
    assert await by_prompt(database) == {"greeting": (1, "0.000001234567")}


async def test_what_a_managed_prompt_wrote_is_not_unknown(database: Database) -> None:
    await pushed(database)
    wrote = {"role": "system", "content": "Greet every customer by name, and wish them a pleasant day."}
    await record(database, [wrote], prompts=(PromptUsed("greeting", 7),))
    await MatchingJob(database).run_once()
    async with database.connection() as connection:
        assert await fetch_rows(connection, UNKNOWN) == []
        days = await fetch_rows(connection, "select calls, unknown from match_days")
    assert [(row["calls"], row["unknown"]) for row in days] == [(1, 0)]


async def test_the_release_says_which_commit_ran(database: Database) -> None:
    """Versions that differ in whitespace alone fit a message alike: only the commit tells them apart."""
    await pushed(database, BOTH[0], version(WRAPPED, "RULES", 3, 4, is_newest=True))
    releases = {
        COMMITS[1]: OLD,
        COMMITS[1][:8]: OLD,
        COMMITS[3][:7]: WRAPPED,
        "main": None,
        COMMITS[2][:6]: None,
    }
    messages = [system("Anna's", "\tAnswer in one short sentence, politely.")]
    calls = {release: await record(database, messages, release=release) for release in releases}
    await MatchingJob(database).run_once()
    for release, template in releases.items():
        (entry,) = await prompts_of(database, calls[release])
        commit = next((each for each in COMMITS if each.startswith(release)), None) if template else None
        assert entry.get("commit") == commit, release
        if template is not None:
            assert (entry["version"], "versions" in entry) == (template.version, False), release
        else:
            assert set(entry["versions"]) == {OLD.version, WRAPPED.version}
            assert (entry["first_commit"], entry["last_commit"]) == (COMMITS[0], COMMITS[4])


async def test_a_push_matches_again_what_it_explains(database: Database) -> None:
    job = MatchingJob(database)
    early = await record(database, [system("Anna's")])
    assert await job.run_once() == 1
    assert await prompts_of(database, early) == []
    first = await pushed(database, version(OLD, "RULES", 0, 4, is_newest=True))
    assert first.queued == 1
    await job.run_once()
    second = await pushed(database)
    assert (second.changed, second.queued) == (True, 1)
    await job.run_once()
    assert [entry["version"] for entry in await prompts_of(database, early)] == [NEW.version]
    third = await pushed(database)
    assert (third.changed, third.queued) == (False, 0)
    assert await job.run_once() == 0
    assert (await by_prompt(database))["shop/clerk.py:RULES"][0] == 1
    async with database.connection() as connection:
        assert await fetch_rows(connection, "select calls from match_days") == [{"calls": 1}]
        traffic = await fetch_rows(connection, "select version, calls from prompt_traffic")
    assert traffic == [{"version": NEW.version, "calls": 1}]


async def test_a_body_waits_for_its_record(database: Database) -> None:
    await pushed(database)
    call = await record(database, [system("Anna's")], with_end=False)
    job = MatchingJob(database)
    assert await job.run_once() == 0
    async with database.transaction() as connection:
        await RecordSink().apply(connection, [envelope(make_end(uuid.UUID(call).bytes, release=""))])
        await connection.execute("update match_queue set not_before = '-infinity'")
    assert await job.run_once() == 1
    assert len(await prompts_of(database, call)) == 1


async def test_what_matches_nothing_is_put_together(database: Database) -> None:
    await pushed(database)
    job = MatchingJob(database)
    for name in ("Anna", "Ben", "Carla"):
        await record(
            database,
            [
                {
                    "role": "system",
                    "content": f"Translate what {name} says into plain Dutch, and nothing else.",
                }
            ],
        )
    await record(database, [system("Anna's"), letter("Where is my parcel?")])
    assert await job.run_once() == 4
    async with database.connection() as connection:
        rows = await fetch_rows(connection, UNKNOWN)
        days = await fetch_rows(connection, "select calls, unknown from match_days")
    assert [(row["template"], row["calls"], row["role"]) for row in rows] == [
        ("Translate what <*> says into plain Dutch, and nothing else.", 3, "system")
    ]
    assert [(row["calls"], row["unknown"]) for row in days] == [(4, 3)]


UNKNOWN = """
select u.template, u.role, d.calls
from unknown_prompts u join unknown_days d on d.project = u.project and d.id = u.id
"""


async def test_hosts_share_their_groups_and_a_push_explains_them_away(database: Database) -> None:
    await pushed(database, version(ASK, "ASK", 0, 4, is_newest=True))
    one, other = MatchingJob(database), MatchingJob(database)
    for number, job in enumerate((one, other, one, other)):
        await record(database, [system(f"shop {number}")])
        assert await job.run_once() == 1
    async with database.connection() as connection:
        rows = await fetch_rows(connection, UNKNOWN)
    assert [row["calls"] for row in rows] == [4]
    await pushed(database)
    assert await other.run_once() == 4
    async with database.connection() as connection:
        assert await fetch_rows(connection, UNKNOWN) == []


async def test_a_call_that_cannot_be_matched_holds_up_no_other(database: Database) -> None:
    await pushed(database)
    broken, *others = [await record(database, [system(f"shop {number}")]) for number in range(4)]
    job = MatchingJob(database)
    async with database.connection() as connection:
        await connection.execute("update requests set usage = '7' where id = %s", (broken,))
    for _ in range(TRIES_MAX):
        with pytest.raises(msgspec.ValidationError):
            await job.run_once()
        async with database.connection() as connection:
            await connection.execute("update match_queue set not_before = '-infinity'")
    assert await job.run_once() == 1
    for call in others:
        assert len(await prompts_of(database, call)) == 1
    async with database.connection() as connection:
        assert await fetch_rows(connection, "select * from match_queue") == []


async def test_what_waited_for_a_day_is_left_as_it_is(database: Database) -> None:
    await pushed(database)
    call = await record(database, [system("Anna's")])
    async with database.connection() as connection:
        await connection.execute("update match_queue set queued_at = queued_at - interval '25 hours'")
    assert await MatchingJob(database).run_once() == 1
    assert await prompts_of(database, call) == []
    async with database.connection() as connection:
        assert await fetch_rows(connection, "select * from match_queue") == []


async def test_what_matching_keeps_goes_with_its_day(database: Database) -> None:
    await pushed(database)
    job = MatchingJob(database)
    said = {"role": "system", "content": "Nobody has ever written this down in any repository."}
    await record(database, [said])
    await job.run_once()
    await record(database, [said])
    await record(database, [said], project="other")
    async with database.connection() as connection:
        for table in ("match_queue", "unknown_days"):
            await connection.execute(f"update {table} set day = current_date - 40")
        await connection.execute("update unknown_prompts set example_day = current_date - 40")
        await drop_expired(connection, {"other": 90})
        queued = await fetch_rows(connection, "select project from match_queue")
        kept = await fetch_rows(connection, "select template, example from unknown_prompts")
        assert [row["project"] for row in queued] == ["other"]
        assert kept == [{"template": said["content"], "example": ""}]
        assert await fetch_rows(connection, "select * from unknown_days") == []
        await connection.execute(
            "update unknown_prompts set last_seen = clock_timestamp() - interval '40 days'"
        )
        await drop_expired(connection, {"other": 90})
        assert await fetch_rows(connection, "select * from unknown_prompts") == []


async def test_sums_hold_while_calls_come_in_and_are_matched_on_two_hosts(database: Database) -> None:
    await pushed(database)
    jobs = [MatchingJob(database) for _ in range(2)]

    async def arrive(number: int) -> None:
        for _ in range(15):
            await record(database, [system(f"shop {number}")], target=f"openai/model-{number}")

    async def match(job: MatchingJob) -> None:
        for _ in range(15):
            await job.run_once()

    await asyncio.gather(*(arrive(number) for number in range(3)), *(match(job) for job in jobs))
    for _ in range(10):
        async with database.connection() as connection:
            await connection.execute("update match_queue set not_before = '-infinity'")
        await jobs[0].run_once()
    assert {name: count for name, (count, _) in (await by_prompt(database)).items()} == {
        "shop/clerk.py:RULES": 45
    }
    async with database.connection() as connection:
        rows = await fetch_rows(connection, "select sum(calls) as calls from prompt_traffic")
        counted = await fetch_rows(connection, "select calls, unknown from match_days")
    assert rows[0]["calls"] == 45
    assert counted == [{"calls": 45, "unknown": 0}]


async def test_two_hosts_never_match_a_call_twice(database: Database) -> None:
    await pushed(database)
    for number in range(40):
        await record(database, [system(f"shop {number}")])
    jobs = [MatchingJob(database) for _ in range(3)]
    taken = 0
    for _ in range(3):
        taken += sum(await asyncio.gather(*(job.run_once() for job in jobs)))
    assert taken == 40
    assert (await by_prompt(database))["shop/clerk.py:RULES"][0] == 40

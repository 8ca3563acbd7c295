"""The second look of an erasure: every table is counted, and what is there of a subject again is found."""

import uuid
from typing import Final, LiteralString

import pytest
from tests.contract.made_entries import envelope, make_body, make_end, new_call
from tests.contract.test_erasures import Person, erase, fill, read, removed

from headgate.records.bodies import BodySink
from headgate.records.rows import day_of
from headgate.records.sink import RecordSink
from headgate.store.database import Connection, Database
from headgate.traces.erasure.erasing import count
from headgate.traces.erasure.model import Kind
from headgate.traces.erasure.tables import ERASED
from headgate.traces.keeping.log_sink import LogSink
from headgate.traces.keeping.words import WordsJob

OF_CALLS: Final[dict[str, LiteralString]] = {
    "match_queue": """insert into match_queue (project, day, id) values (%(project)s, %(day)s, %(call)s)
        on conflict do nothing""",
    "rollout_pairs": """insert into rollout_pairs (version, project, unit, at, call, shadow, present_failed,
            candidate_failed, present_refused, candidate_refused)
        select 'v', %(project)s, 'u', clock_timestamp(), call, shadow, false, false, false, false
        from (values (%(call)s::uuid, %(other)s::uuid), (%(other)s::uuid, %(call)s::uuid))
            p (call, shadow)""",
    "check_judgements": """insert into check_judgements (project, digest, score, reason, request_id)
        values (%(project)s, %(call)s::text::bytea, 1, '', %(call)s)""",
    "check_results": """with run as (
            insert into check_runs (id, project, key, name, target, definition, dataset, dataset_digest)
            values (gen_random_uuid(), %(project)s, 'k9', 'c', 'p/m', '{}', 'orders', '') returning id
        )
        insert into check_results (run, project, "case", repeat, result, calls)
        select id, %(project)s, 'other', 0, '{}', array[%(call)s::uuid, gen_random_uuid()] from run""",
    "context_replays": """with study as (
            insert into context_studies (id, project, key, digest, definition)
            values (gen_random_uuid(), %(project)s, 'k9', gen_random_uuid()::text, '{}') returning id
        )
        insert into context_replays (study, project, subject, request_id, calls, result)
        select id, %(project)s, 'other', %(call)s, array[uuidv7()], '{}' from study""",
    "unknown_prompts": """insert into unknown_prompts
            (project, id, number, role, template, example, example_day, first_seen, last_seen)
        values (%(project)s, gen_random_uuid(), 2, 'user', '', '', %(day)s, %(day)s, %(day)s)""",
    "marks": """with item as (
            insert into judged_items (project, id, judge, subject, case_name, request_id, key, "user",
                session, content, length_a, length_b, model_a, model_b, lot, sampled)
            values (%(project)s, gen_random_uuid(), 'j', 'request', '', %(call)s, 'k1', %(user)s, %(session)s,
                '', 1, 1, '', '', 0.5, true) returning project, id
        )
        insert into marks
            (project, item, source, said_by, version, question, shown, repeat, comment, key)
        select project, id, 'person', 'p', 'v', 'q', 's', 0, '', 'k9' from item""",
}


BESIDE: Final[tuple[LiteralString, ...]] = (
    """insert into rollout_pairs (version, project, unit, at, call, shadow, present_failed,
            candidate_failed, present_refused, candidate_refused)
        values ('v', %(project)s, 'u', now(), %(call)s, %(shadow)s, false, false, false, false)""",
    """with study as (
            insert into context_studies (id, project, key, digest, definition)
            values (gen_random_uuid(), %(project)s, 'k9', '', '{}') returning id
        )
        insert into context_replays (study, project, subject, request_id, calls, result)
        select id, %(project)s, 'one', %(call)s, array[%(replay)s::uuid], '{}' from study""",
)


async def put(connection: Connection, one: Person) -> None:
    """Rows that somebody's first call brings to tables which sinks do not fill."""
    call = uuid.UUID(bytes=one.calls[0])
    place = {"project": one.project, "user": one.name, "session": f"s-{one.canary}", "call": call}
    place["other"] = uuid.UUID(bytes=new_call())
    for statement in OF_CALLS.values():
        await connection.execute(statement, {**place, "day": day_of(call)})


async def fill_all(database: Database, *people: Person) -> None:
    await fill(database, *people)
    async with database.transaction() as connection:
        for one in people:
            await put(connection, one)
    while await WordsJob(database).run_once():
        pass


@pytest.mark.parametrize("kind", ["user", "session", "trace_id", "key", "all_before"])
async def test_a_dry_run_says_of_each_table_what_is_removed(database: Database, kind: Kind) -> None:
    anna, ben = Person("anna", "default"), Person("ben", "default")
    await fill_all(database, anna, ben, Person("anna", "blue"))
    named = {"user": "anna", "session": f"s-{anna.canary}", "trace_id": anna.trace.hex(), "key": "k1"}
    subject = named.get(kind, "2100-01-01T00:00:00Z")
    told = removed(await erase(database, kind, subject, dry_run=True))
    done = await erase(database, kind, subject)
    gone = removed(done)
    looked = {table: told.get(table, 0) for table in (*OF_CALLS, "span_words", "span_events")}
    assert looked == {table: gone.get(table, 0) for table in looked}
    people = 1 if kind in ("user", "session", "trace_id") else 2
    assert {looked[table] for table in ("check_results", "check_judgements", "marks", "context_replays")} == {
        people
    }
    assert looked["match_queue"] == 3 * people
    assert looked["rollout_pairs"] == 2 * people
    assert looked["span_words"] >= 2 * people and looked["span_events"] == 2 * people
    assert gone["drift_watches"] == told["drift_watches"] == people
    assert {row.table for row in done.second_look} == set(ERASED)
    assert {row.table for row in done.second_look if row.found} <= {"messages"}


async def test_a_dry_run_counts_shadows_and_replays_and_notes_none_of_them(database: Database) -> None:
    anna = Person("anna", "default")
    await fill(database, anna)
    beside = [new_call() for _ in range(2)]
    # As a shadow is recorded: without a session, and of nobody where it has no user.
    ends = [make_end(call, project="default", user="", session="", trace_id="") for call in beside]
    bodies = [make_body(call, b"{}", project="default", response=b"{}") for call in beside]
    async with database.transaction() as connection:
        await RecordSink().apply(connection, [envelope(end) for end in ends])
        await BodySink().apply(connection, [envelope(body) for body in bodies])
        place = {"project": "default", "call": uuid.UUID(bytes=anna.calls[0])}
        place |= {"shadow": uuid.UUID(bytes=beside[0]), "replay": uuid.UUID(bytes=beside[1])}
        for statement in BESIDE:
            await connection.execute(statement, place)
    asked = await erase(database, "user", "anna", dry_run=True)
    told = removed(asked)
    async with database.connection() as connection:
        cursor = await connection.execute("select count(*) from erasure_calls")
        assert await cursor.fetchone() == (0,)
    gone = removed(await erase(database, "user", "anna"))
    assert told["requests"] == gone["requests"] == len(anna.calls) + len(beside)
    assert told["request_bodies"] == gone["request_bodies"] == len(anna.calls) + len(beside)


async def test_a_second_look_finds_in_each_table_what_is_there_again(database: Database) -> None:
    anna = Person("anna", "default")
    await fill_all(database, anna, Person("ben", "default"))
    erasure = await erase(database, "user", "anna")
    async with database.transaction() as connection:
        await put(connection, anna)
        await LogSink().apply(connection, anna.logs())
        await connection.execute(AGAIN, {"trace": uuid.UUID(bytes=anna.trace)})
        await connection.execute("update erasures set cutoff = clock_timestamp()")
    async with database.connection() as connection:
        found = await count(connection, await read(database, erasure.id))
    wanted = {**dict.fromkeys(OF_CALLS, 1), "rollout_pairs": 2, "judged_items": 1}
    wanted |= {"span_words": 1, "span_events": 2, "trace_changes": 1}
    assert {table: found[table] for table in wanted} == wanted


async def test_what_others_say_later_on_the_day_is_not_found(database: Database) -> None:
    await fill_all(database, Person("anna", "default"))
    erasure = await erase(database, "user", "anna")
    async with database.transaction() as connection:
        await connection.execute(LATER)
    async with database.connection() as connection:
        assert (await count(connection, await read(database, erasure.id)))["unknown_prompts"] == 0


AGAIN = """
    with words as (
        insert into span_words (day, project, trace_id, span_id, words)
        values (current_date, 'default', %(trace)s, 7, 'late')
    )
    insert into trace_changes (project, trace_id) values ('default', %(trace)s) on conflict do nothing"""
LATER = """
    insert into unknown_prompts
        (project, id, number, role, template, example, example_day, first_seen, last_seen)
    select 'default', gen_random_uuid(), 3, 'user', 'x', 'x', day, now(), day from erasure_calls limit 1"""

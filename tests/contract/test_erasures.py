"""Erasures on a real PostgreSQL: nothing of the subject is left in any table, all else is as before."""

import json
import uuid
from collections.abc import Iterable
from typing import Any

import pytest
from psycopg import sql
from psycopg.rows import dict_row
from tests.contract.made_entries import envelope, make_body, make_end, new_call
from tests.contract.made_logs import log_envelopes, logs_of
from tests.contract.made_spans import make_batch, make_span, new_trace, span_envelope
from tests.contract.summed import differences

from headgate.core.entries import Body, End
from headgate.core.ports import Envelope
from headgate.records.bodies import BodySink
from headgate.records.rows import day_of
from headgate.records.sink import RecordSink
from headgate.store.database import Database
from headgate.traces.erasure.erasing import QUERIES, Eraser, count, row_of
from headgate.traces.erasure.model import Erasure, ErasureRow, Kind, digest_of, receipt_digest, shown
from headgate.traces.keeping.log_sink import LogSink
from headgate.traces.keeping.sink import SpanSink, TraceCallSink
from headgate.traces.model import Span

SHARED = {
    "role": "system",
    "content": "You are the clerk of this house, and everybody is told these same words.",
}
OUR_OWN = (
    *("erasures", "erasure_calls", "erasure_cases", "erasure_traces", "erasure_messages"),
    *("trace_changes", "text_queue"),
)


class Person:
    """Somebody with calls, a trace and feedback in a project; `marks` are all that tells of them."""

    def __init__(self, name: str, project: str, calls: int = 3) -> None:
        self.name, self.project = name, project
        self.canary = f"canary{name}{project}"
        self.trace = new_trace()
        self.calls = [new_call() for _ in range(calls)]
        self.marks = {
            *(name, self.canary, self.trace.hex(), str(uuid.UUID(bytes=self.trace))),
            *(str(uuid.UUID(bytes=call)) for call in self.calls),
        }

    def ends(self) -> list[End]:
        known: dict[str, Any] = {"project": self.project, "user": self.name, "session": f"s-{self.canary}"}
        known |= {"tags": (), "trace_id": self.trace.hex(), "message": f"said {self.canary}"}
        return [make_end(call, **known) for call in self.calls]

    def bodies(self) -> list[Body]:
        own = {
            "role": "user",
            "content": f"{self.canary} asks what only this one asks, in more than 64 bytes.",
        }
        asked = json.dumps({"messages": [SHARED, own]}).encode()
        answer = json.dumps({"choices": [{"message": {"content": f"{self.canary}, yes"}}]}).encode()
        return [make_body(call, asked, project=self.project, response=answer) for call in self.calls]

    def spans(self) -> list[Span]:
        root = make_span(self.trace, 1, user=self.name, session=f"s-{self.canary}", input=f'"{self.canary}"')
        inside = make_span(
            self.trace, 2, 1, output=f'"{self.canary}"', attributes='{"a": "' + self.canary + '"}'
        )
        return [root, inside]

    def logs(self) -> list[Envelope]:
        """Of a span that is there, and of one that never comes."""
        said = ("gen_ai.user.message", {"body": {"content": self.canary}})
        found: list[Envelope] = []
        for span in (2, 99):
            data = logs_of(said, trace_id=self.trace, span_id=span.to_bytes(8, "big"))
            found += log_envelopes(data, project=self.project)
        return found


async def fill(database: Database, *people: Person) -> None:
    async with database.transaction() as connection:
        for one in people:
            ends = [envelope(end) for end in one.ends()]
            await RecordSink().apply(connection, ends)
            await TraceCallSink().apply(connection, ends)
            await BodySink().apply(connection, [envelope(body) for body in one.bodies()])
            await SpanSink().apply(connection, [span_envelope(make_batch(*one.spans(), project=one.project))])
            await LogSink().apply(connection, one.logs())
            call = uuid.UUID(bytes=one.calls[0])
            place = {"project": one.project, "user": one.name, "canary": one.canary, "call": call}
            place |= {"trace": uuid.UUID(bytes=one.trace), "day": day_of(call), "case": call.hex[16:]}
            for statement in BY_HAND:
                await connection.execute(statement, place)


BY_HAND = (
    """insert into ledger
        (at, request, attempt, project, key, "user", provider, target, model, tags, pico_usd)
    select clock_timestamp(), id, 1, %(project)s, 'k1', %(user)s, 'p', 'p/m', 'm', array[%(canary)s], 5
    from unnest(array[%(call)s::uuid, gen_random_uuid()]) id""",
    """insert into scores (project, id, key, name, kind, value, text, comment, source, said_by, at, subject,
        trace_id, span_id, session, "user", business_id)
    select %(project)s, gen_random_uuid()::text, 'k1', 'good', 'number', 1, %(canary)s, %(canary)s, 'person',
        'x', clock_timestamp(), s, case s when 'span' then %(trace)s::uuid end, case s when 'span' then 2 end,
        case s when 'session' then 's-' || %(canary)s else '' end,
        case s when 'user' then %(user)s else '' end, ''
    from unnest(array['user', 'session', 'span']) s""",
    """insert into scores (project, id, key, name, kind, value, text, comment, source, said_by, at, subject,
        request_id, session, "user", business_id)
    values (%(project)s, gen_random_uuid()::text, 'k1', 'good', 'number', 1, %(canary)s, '', 'code', 'x',
        clock_timestamp(), 'request', %(call)s, '', '', '')""",
    """insert into alerts (at, kind, subject, project, message)
    values (clock_timestamp(), 'budget_80', 'monthly', %(project)s,
        'the budget of ''' || %(user)s || ''' is near')""",
    """insert into unknown_prompts
        (project, id, number, role, template, example, example_day, first_seen, last_seen)
    select %(project)s, id, 1, 'user', %(canary)s, %(canary)s, %(day)s, %(day)s, %(day)s
    from gen_random_uuid() id""",
    """insert into dataset_cases (project, dataset, id, first_version, digest, body, request_id, trace_id,
        session, "user", key)
    values (%(project)s, 'orders', %(case)s, 1, '', jsonb_build_object('input', %(canary)s::text), %(call)s,
        %(trace)s, 's-' || %(canary)s, %(user)s, 'k1')""",
    """with run as (
        insert into drift_runs
            (canary, target, version, due_at, started_at, asked_by, state, project, dataset)
        select 'd' || %(case)s, 'p/m', 'v', at, at, 'k1', 'done', %(project)s, 'orders'
        from clock_timestamp() at returning id, canary
    ), watch as (
        insert into drift_watches (watch, version, state, values_a_day)
        select 'canary/' || canary || '/p/m', 'v', jsonb_build_object('answers', known), 1
        from run, jsonb_build_object(%(case)s::text, array[%(canary)s]) known
    )
    insert into drift_answers (run, place, watch, at, "case", is_reference, signals, characters, text)
    select id, 0, 'canary/' || canary || '/p/m', clock_timestamp(), %(case)s, true, '{}', 3, %(canary)s
    from run""",
    """insert into journal_rejects (boot, stream, segment, "offset", kind, payload, error)
    values (gen_random_uuid(), 'acct', 1, 0, 3,
        set_byte('\\x00', 0, 160 + length(%(user)s)) || %(user)s::bytea || %(canary)s::bytea
            || set_byte('\\x00', 0, 160 + length(%(project)s)) || %(project)s::bytea, 'no')""",
)


COLUMNS = """
    select c.relname as name, json_agg(json_build_array(a.attname, a.atttypid::regtype)) as columns
    from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
    group by c.relname order by c.relname
"""


async def dump(database: Database) -> dict[str, list[str]]:
    """Every row of every table as text, whatever type its columns have."""
    found: dict[str, list[str]] = {}
    async with database.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(COLUMNS)
        for table in await cursor.fetchall():
            shown = [
                sql.SQL("encode({0}, 'escape') as {0}" if kind == "bytea" else "{0}::text as {0}").format(
                    sql.Identifier(name)
                )
                for name, kind in table["columns"]
            ]
            statement = sql.SQL("select {} from {}").format(
                sql.SQL(", ").join(shown), sql.Identifier(table["name"])
            )
            await cursor.execute(statement)
            found[table["name"]] = sorted(repr(row) for row in await cursor.fetchall())
    return found


def holding(found: dict[str, list[str]], marks: Iterable[str]) -> dict[str, int]:
    """How many rows of each table hold one of these."""
    words = tuple(marks)
    counts = {table: sum(any(word in row for word in words) for row in rows) for table, rows in found.items()}
    return {table: count for table, count in counts.items() if count}


async def erase(
    database: Database, kind: Kind, subject: str, project: str = "default", *, dry_run: bool = False
) -> Erasure:
    asked = {"id": uuid.uuid4(), "project": project, "kind": kind, "subject": subject, "dry_run": dry_run}
    asked |= {"subject_digest": digest_of(subject), "cutoff": None, "asked_by": "k1", "days": 30}
    if kind == "all_before":
        asked["cutoff"] = subject
    async with database.transaction() as connection:
        await connection.execute(QUERIES.ask, asked)
    await Eraser(database).work()
    return shown(await read(database, asked["id"]))


async def read(database: Database, erasure: Any) -> ErasureRow:
    async with database.connection() as connection:
        cursor = await connection.execute(QUERIES.get, {"id": erasure, "project_ids": None})
        row = await cursor.fetchone()
    assert row is not None
    return row_of(row)


def removed(erasure: Erasure) -> dict[str, int]:
    return {row.table: row.removed for row in erasure.tables if row.removed}


async def house(database: Database) -> list[Person]:
    people = [
        Person("anna", "default"),
        Person("ben", "default"),
        Person("anna", "blue"),
        Person("cleo", "blue"),
    ]
    await fill(database, *people)
    return people


async def test_nothing_of_a_user_is_left_and_others_are_as_they_were(database: Database) -> None:
    anna, *others = await house(database)
    before = await dump(database)
    told = holding(before, {anna.canary})
    assert set(told) >= {"requests", "request_bodies", "messages", "spans", "traces", "scores", "ledger"}
    assert set(told) >= {"unknown_prompts", "journal_rejects"}
    erasure = await erase(database, "user", "anna")
    assert await differences(database) == []
    after = await dump(database)
    own = anna.marks - {"anna"}
    left = holding({table: rows for table, rows in after.items() if table not in OUR_OWN}, own)
    # The ledger's row of a call stays, without a name.
    assert left == {"ledger": 1}
    assert not holding(after, {anna.canary})
    kept = [row for rows in after.values() for row in rows if "'anna'" in row and "'blue'" not in row]
    assert [row for row in kept if "subject_digest" not in row] == []
    for table in before.keys() - set(OUR_OWN) - {"ledger", "unknown_prompts", "traces"}:
        strangers = [row for row in before[table] if not any(mark in row for mark in own)]
        strangers = [row for row in strangers if "'anna'" not in row or "'blue'" in row]
        gone = [row for row in strangers if row not in after[table] and "the budget of" not in row]
        assert not gone, table
        assert set(after[table]) <= set(before[table]), table
    for other in others:
        assert holding(after, {other.canary}).keys() >= {"requests", "messages", "spans", "traces"}
    assert removed(erasure)["requests"] == 3
    assert removed(erasure)["spans"] == 2
    assert removed(erasure)["traces"] == 1
    assert removed(erasure)["scores"] == 4
    assert removed(erasure)["messages"] == 1
    assert (removed(erasure)["dataset_cases"], removed(erasure)["drift_answers"]) == (1, 1)
    assert {row.table: row.remained for row in erasure.tables if row.remained} == {"messages": 1}
    assert {row.table: row.found for row in erasure.second_look if row.found} == {"messages": 1}


async def test_a_dry_run_counts_and_removes_nothing(database: Database) -> None:
    await house(database)
    before = await dump(database)
    erasure = await erase(database, "user", "anna", dry_run=True)
    after = await dump(database)
    assert {table: rows for table, rows in after.items() if table not in OUR_OWN} == {
        table: rows for table, rows in before.items() if table not in OUR_OWN
    }
    assert removed(erasure)["requests"] == 3
    assert removed(erasure)["spans"] == 2
    assert removed(erasure)["ledger"] == 2
    assert (removed(erasure)["dataset_cases"], removed(erasure)["drift_answers"]) == (1, 1)


@pytest.mark.parametrize("kind", ["session", "trace_id", "key", "all_before"])
async def test_other_subjects_are_erased_in_their_project_alone(database: Database, kind: Kind) -> None:
    anna, ben, *blue = await house(database)
    named = {"session": f"s-{anna.canary}", "trace_id": anna.trace.hex(), "key": "k1"}
    erasure = await erase(database, kind, named.get(kind, "2100-01-01T00:00:00Z"))
    after = await dump(database)
    for table in ("requests", "request_bodies", "messages", "spans", "traces"):
        assert not holding({table: after[table]}, {anna.canary}), (kind, table)
        is_left = bool(holding({table: after[table]}, {ben.canary}))
        assert is_left == (kind in ("session", "trace_id")), (kind, table)
        for other in blue:
            assert holding({table: after[table]}, {other.canary}), (kind, table)
    assert removed(erasure)["requests"] == (3 if kind in ("session", "trace_id") else 6)


async def test_what_comes_late_of_the_time_before_is_erased_by_the_next_look(database: Database) -> None:
    anna = Person("anna", "default")
    erasure = await erase(database, "user", "anna")
    assert removed(erasure) == {}
    await fill(database, anna)
    async with database.transaction() as connection:
        await connection.execute(
            "update erasures set cutoff = clock_timestamp(), next_look = clock_timestamp()"
        )
    await Eraser(database).work()
    after = await dump(database)
    assert not holding({table: after[table] for table in ("requests", "spans", "messages")}, {anna.canary})
    row = await read(database, erasure.id)
    assert (row.looks, row.state) == (2, "done")
    assert removed(shown(row))["requests"] == 3


async def test_bodies_that_come_after_their_calls_were_erased_go_too(database: Database) -> None:
    anna = Person("anna", "default")
    async with database.transaction() as connection:
        await RecordSink().apply(connection, [envelope(end) for end in anna.ends()])
    erasure = await erase(database, "user", "anna")
    async with database.transaction() as connection:
        await BodySink().apply(connection, [envelope(body) for body in anna.bodies()])
    async with database.connection() as connection:
        assert (await count(connection, await read(database, erasure.id)))["request_bodies"] == 3
        await connection.execute("update erasures set next_look = clock_timestamp()")
    await Eraser(database).work()
    assert not holding(await dump(database), {anna.canary})


async def test_what_somebody_does_afterwards_stays(database: Database) -> None:
    await erase(database, "user", "anna")
    anna = Person("anna", "default")
    await fill(database, anna)
    async with database.transaction() as connection:
        await connection.execute(
            """update erasures set next_look = clock_timestamp(), cutoff = '2020-01-01Z'"""
        )
    await Eraser(database).work()
    assert holding(await dump(database), {anna.canary}).keys() >= {"requests", "spans", "messages", "traces"}


async def test_in_a_trace_of_several_only_the_own_spans_go(database: Database) -> None:
    anna, ben = Person("anna", "default", calls=0), Person("ben", "default", calls=0)
    mixed = [*anna.spans(), make_span(anna.trace, 3, 1, user="ben", input=f'"{ben.canary}"')]
    async with database.transaction() as connection:
        await SpanSink().apply(connection, [span_envelope(make_batch(*mixed))])
    await erase(database, "user", "anna")
    after = await dump(database)
    assert not holding(after, {anna.canary})
    assert len(after["spans"]) == 1
    (trace,) = after["traces"]
    assert "'user': ''" in trace
    assert "'spans': '1'" in trace


async def test_a_receipt_is_signed_and_forgets_the_name_in_the_end(database: Database) -> None:
    await house(database)
    erasure = await erase(database, "user", "anna")
    row = await read(database, erasure.id)
    assert row.digest == receipt_digest(row)
    assert erasure.subject_digest == digest_of("anna").hex()
    async with database.transaction() as connection:
        await connection.execute("update erasures set stands_until = clock_timestamp() - interval '1 day'")
    await Eraser(database).work()
    assert shown(await read(database, erasure.id)).subject is None
    after = await dump(database)
    assert not after["erasure_calls"]
    assert not after["erasure_cases"]
    assert not after["erasure_traces"]
    assert not after["erasure_messages"]


async def test_a_long_erasure_goes_on_batch_by_batch(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headgate.traces.erasure.erasing.CALLS_AT_ONCE", 2)
    monkeypatch.setattr("headgate.traces.erasure.erasing.TRACES_AT_ONCE", 1)
    people = [Person("anna", "default", calls=5), Person("anna", "default"), Person("ben", "default")]
    await fill(database, *people)
    assert removed(await erase(database, "user", "anna"))["requests"] == 8
    after = await dump(database)
    assert not holding(after, {*people[0].marks - {"anna"}, people[1].canary}).keys() - {*OUR_OWN, "ledger"}


async def test_feedback_that_comes_late_goes_where_it_is_of_the_time_before(database: Database) -> None:
    erasure = await erase(database, "user", "anna")
    said = {
        "before": ("1 hour", "anna", ""),
        "after": ("-1 hour", "anna", ""),
        "of another": ("1 hour", "bert", ""),
    }
    async with database.connection() as connection:
        for name, (ago, user, session) in said.items():
            await connection.execute(
                "insert into scores"
                " (project, id, key, name, kind, text, comment, source, said_by, at, subject,"
                " session, \"user\", business_id) values ('default', %s, 'k1', 'liked', 'boolean', '',"
                " 'late', 'person', '', clock_timestamp() - %s::interval, 'user', %s, %s, '')",
                (name, ago, session, user),
            )
        await connection.execute("update erasures set next_look = clock_timestamp()")
    await Eraser(database).work()
    async with database.connection() as connection:
        cursor = await connection.execute("select id from scores order by id")
        assert [row[0] for row in await cursor.fetchall()] == ["after", "of another"]
    found = shown(await read(database, uuid.UUID(erasure.id)))
    assert removed(found)["scores"] == 1
    assert {table.table: table.found for table in found.second_look}["scores"] == 0

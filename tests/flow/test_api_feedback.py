"""Feedback over the API: said once or in batches, of what came before and of what comes later."""

import time
import uuid
from collections.abc import Sequence
from datetime import date
from typing import Any

import msgspec
import pytest
from tests.contract.made_entries import BOOT, envelope, make_end, new_call
from tests.flow.control_app import Api, control, make_key
from tests.flow.test_api_prompts import key_of

from headgate.core.identity import trace_id_of
from headgate.core.ports import Envelope
from headgate.records.sink import RecordSink
from headgate.store.database import Database
from headgate.traces.keeping.sink import SpanSink, TraceCallSink
from headgate.traces.model import SPANS, ScoreSaid, Span, SpanBatch
from headgate.traces.scores.model import Feedback, SpanScore
from headgate.traces.scores.queries import scores_of
from headgate.traces.scores.storing import write_span_scores

TRACE = uuid.UUID(bytes=bytes(range(16)))
SPAN = bytes(range(8))
EVER = {"first_day": date(1970, 1, 1), "last_day": date(9999, 1, 1)}
HELPFUL: dict[str, Any] = {"trace_id": TRACE.hex, "name": "helpful", "value": True}


async def of_trace(database: Database, projects: Sequence[str] = ("default",)) -> list[Feedback]:
    async with database.connection() as connection:
        return await scores_of(connection, projects, TRACE, EVER)


async def say(api: Api, **said: Any) -> Any:
    return (await api.post("/feedback", {**HELPFUL, **said}, status=202))["id"]


async def make_trace(database: Database, *facets: str) -> None:
    async with database.connection() as connection:
        await connection.execute(
            "insert into traces (project, trace_id, started_at, ended_at, first_day, last_day, facets) "
            "values ('default', %s, now(), now(), current_date, current_date, %s)",
            (TRACE, list(facets)),
        )


async def facets_of(database: Database) -> list[str]:
    async with database.connection() as connection:
        found = await connection.execute("select facets from traces where trace_id = %s", (TRACE,))
        [[facets]] = await found.fetchall()
        return facets


async def scored(database: Database) -> list[str]:
    return [word for word in await facets_of(database) if word.startswith("score:")]


async def test_each_kind_of_value_comes_back_as_it_was_said(database: Database) -> None:
    async with control(database) as api:
        values = [True, False, 0, 1, 0.5, -3, 1e300, "yes", "", 2**60]
        for place, value in enumerate(values):
            await say(api, value=value, name=f"n{place}", at=f"2026-11-20T08:00:{place:02d}.123Z")
        found = (await api.get("/feedback", trace_id=TRACE.hex))["items"]
    assert [each["value"] for each in reversed(found)] == values
    kinds = [type(each["value"]).__name__ for each in reversed(found)]
    assert kinds == ["bool", "bool", "int", "int", "float", "int", "float", "str", "str", "float"]
    assert found[-1]["at"] == "2026-11-20T08:00:00.123Z"


async def test_the_same_twice_counts_once_and_other_content_is_a_conflict(database: Database) -> None:
    async with control(database) as api:
        assert await say(api) == await say(api)
        assert await say(api, value=False) != await say(api)
        assert await say(api, id="mine", comment="a") == "mine"
        assert await say(api, id="mine", comment="a") == "mine"
        differing = {**HELPFUL, "id": "mine", "comment": "b", "value": 3, "at": "2026-11-20T08:00:00Z"}
        refused = await api.post("/feedback", {**differing, "trace_id": "1" * 32}, status=409)
        assert "'mine'" in refused["error"]["message"]
        assert "differs in value, comment, trace_id, at;" in refused["error"]["message"]
        assert len((await api.get("/feedback"))["items"]) == 3


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({}, "names no subject"),
    ({"trace_id": TRACE.hex, "user": "anna"}, "names trace_id and user"),
    ({"span_id": SPAN.hex(), "session": "s"}, "names span_id and session"),
    ({"trace_id": "0" * 32}, "all zeros"),
    ({"trace_id": "xyz"}, "$.trace_id"),
    ({"request_id": "xyz"}, "$.request_id"),
    ({"span_id": "12"}, "$.span_id"),
    ({"user": ""}, "$.user"),
    ({"user": "u", "value": None}, "$.value"),
    ({"user": "u", "value": [1]}, "$.value"),
    ({"user": "u", "value": "x" * 8001}, "$.value"),
    ({"user": "u", "name": ""}, "$.name"),
    ({"user": "u", "name": " x"}, "$.name"),
    ({"user": "u", "source": "cat"}, "cat"),
    ({"user": "u", "at": "yesterday"}, "at is 'yesterday'"),
    ({"user": "u", "at": "9999-12-31T00:00:00Z"}, "more than a day ahead"),
    ({"user": "u", "at": "1970-01-01T00:00:00Z"}, "before the year 2000"),
    ({"user": "u", "id": "a b"}, "$.id"),
    ({"user": "u", "score": 1}, "score"),
]


@pytest.mark.parametrize(("said", "why"), REFUSED)
async def test_what_makes_no_sense_is_refused_alone_and_in_a_batch(
    database: Database, said: dict[str, Any], why: str
) -> None:
    bad = {"name": "n", "value": 1, **said}
    async with control(database) as api:
        refused = await api.post("/feedback", bad, status=400)
        assert why in refused["error"]["message"]
        batch = await api.post("/feedback/batch", {"items": [HELPFUL, bad, HELPFUL]}, status=202)
        assert (batch["accepted"], batch["refused"]) == (2, 1)
        first, second, third = batch["items"]
        assert first == third and first["id"] and first["code"] is None
        assert second["id"] is None and second["code"] == "invalid_request"
        assert second["message"].startswith("items[1]: ") and why in second["message"]
        assert len((await api.get("/feedback"))["items"]) == 1


async def test_a_batch_holds_a_thousand_and_says_which_differ(database: Database) -> None:
    items = [{**HELPFUL, "id": f"i{n}", "value": n} for n in range(1000)]
    async with control(database) as api:
        batch = await api.post("/feedback/batch", {"items": items}, status=202)
        assert (batch["accepted"], batch["refused"]) == (1000, 0)
        again = await api.post(
            "/feedback/batch", {"items": [*items[1:], {**items[0], "value": -1}]}, status=202
        )
        assert (again["accepted"], again["refused"]) == (999, 1)
        assert (
            again["items"][-1]["code"] == "conflict" and "differs in value" in again["items"][-1]["message"]
        )
        twice = [{**HELPFUL, "id": "new", "value": n} for n in (1, 1, 2)]
        found = await api.post("/feedback/batch", {"items": twice}, status=202)
        assert [each["code"] for each in found["items"]] == [None, None, "conflict"]
        await api.post("/feedback/batch", {"items": [*items, HELPFUL]}, status=400)
        seen: list[str] = []
        page = await api.get("/feedback", limit=300, name="helpful")
        while True:
            seen += [each["id"] for each in page["items"]]
            if page["next"] is None:
                break
            page = await api.get("/feedback", limit=300, name="helpful", next=page["next"])
        assert len(seen) == len(set(seen)) == 1001
    await arrive(database)
    assert "score:helpful" in await facets_of(database)


async def test_a_dry_run_says_what_would_come_of_it_and_keeps_nothing(database: Database) -> None:
    async with control(database) as api:
        await make_trace(database)
        await say(api, id="there")
        items = [{**HELPFUL, "id": "there"}, {**HELPFUL, "id": "new"}, {**HELPFUL, "id": "new"}]
        items += [{**HELPFUL, "id": "there", "value": 3}, {"name": "n", "value": 1}]
        batch = {"items": items, "dry_run": True}
        tried = await api.post("/feedback/batch", batch, status=202)
        assert (tried["accepted"], tried["known"], tried["refused"]) == (3, 2, 2)
        assert [each["id"] for each in (await api.get("/feedback"))["items"]] == ["there"]
        done = await api.post("/feedback/batch", {"items": items}, status=202)
        assert done == tried
        assert len((await api.get("/feedback"))["items"]) == 2
        again = await api.post("/feedback/batch", {"items": items}, status=202)
        assert (again["accepted"], again["known"], again["refused"]) == (3, 3, 2)


async def arrive(database: Database, *scores: ScoreSaid) -> None:
    """A span of the trace comes, which may say something of itself."""
    now_ns = time.time_ns()
    span = Span(
        trace_id=TRACE.bytes,
        span_id=SPAN,
        parent_id=b"",
        name="step",
        kind="span",
        start_ns=now_ns,
        end_ns=now_ns + 1000,
        scores=scores,
    )
    batch = SpanBatch(project="default", key="k", received_ms=now_ns // 1_000_000, spans=(span,))
    content = Envelope(BOOT.bytes, SPANS, msgspec.msgpack.encode(batch))
    async with database.transaction() as connection:
        await SpanSink().apply(connection, [content])


async def test_filters_narrow_the_list(database: Database) -> None:
    async with control(database) as api:
        order = await say(api, trace_id=None, business_id="order-7", source="code", by="checks", name="paid")
        session = await say(api, trace_id=None, session="s1", at="2026-01-02T00:00:00Z")
        user = await say(api, trace_id=None, user="anna", at="2026-01-01T00:00:00Z", source="model")
        span = await say(api, span_id=SPAN.hex())

        async def found(**filters: Any) -> set[str]:
            return {each["id"] for each in (await api.get("/feedback", **filters))["items"]}

        assert await found() == {order, session, user, span}
        assert await found(business_id="order-7") == await found(name="paid") == await found(by="checks")
        assert await found(trace_id=trace_id_of("order-7").hex()) == {order}
        assert await found(session="s1") == {session} and await found(user="anna") == {user}
        assert await found(span_id=SPAN.hex()) == {span} == await found(trace_id=TRACE.hex)
        assert await found(source="model") == {user} and await found(project="another") == set()
        times = {"from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z"}
        assert await found(**times) == {user}
        wrong: list[dict[str, Any]] = [{"source": "cat"}, {"trace_id": "x"}, {"span_id": "x" * 16}]
        for each in [*wrong, {"from": "x"}, {"name": ""}]:
            own = {"authorization": f"Bearer {api.key}"}
            refused = await api.client.get("/api/v1/feedback", params=each, headers=own)
            assert refused.status_code == 400 and next(iter(each)) in refused.json()["error"]["message"]


async def test_a_request_brings_its_trace_before_and_after(database: Database) -> None:
    before, after = new_call(), new_call()
    async with control(database) as api:
        await make_trace(database, "model:gpt-5", "score:gone")
        await record(database, before)
        await say(api, trace_id=None, request_id=str(uuid.UUID(bytes=before)), name="before")
        assert await scored(database) == ["score:before"]
        await say(api, trace_id=None, request_id=str(uuid.UUID(bytes=after)), name="after")
        assert [each.name for each in await of_trace(database)] == ["before"]
        await record(database, after)
        assert [each.name for each in await of_trace(database)] == ["before", "after"]
        assert await of_trace(database, ["another"]) == []
        assert await scored(database) == ["score:after", "score:before"]
        assert "model:gpt-5" in await facets_of(database)
        found = (await api.get("/feedback", trace_id=TRACE.hex))["items"]
        assert {each["name"] for each in found} == {"before", "after"}


async def record(database: Database, call: bytes) -> None:
    async with database.transaction() as connection:
        ended = [envelope(make_end(call, trace_id=TRACE.hex))]
        await RecordSink().apply(connection, ended)
        await TraceCallSink().apply(connection, ended)


async def test_a_span_that_comes_later_brings_its_trace(database: Database) -> None:
    async with control(database) as api:
        await say(api, trace_id=None, span_id=SPAN.hex())
        assert await of_trace(database) == []
        await arrive(database, ScoreSaid(name="relevance", value=0.5))
        found = await of_trace(database)
        assert {each.name: each.span_id for each in found} == dict.fromkeys(
            ("relevance", "helpful"), SPAN.hex()
        )
    assert await scored(database) == ["score:helpful", "score:relevance"]


async def test_scores_of_spans_are_kept_once(database: Database) -> None:
    def of_span(said: ScoreSaid) -> SpanScore:
        at_ns = 1_700_000_000_000_000_000
        return SpanScore(
            project="default", key="k", trace_id=TRACE.bytes, span_id=SPAN, at_ns=at_ns, said=said
        )

    rows = [
        of_span(ScoreSaid(name="relevance", value=0.75, text="relevant", comment="it\0 is", source="model")),
        of_span(ScoreSaid(name="relevance", value=0.75, text="relevant", source="person")),
        of_span(ScoreSaid(name="label", text="good", source="robot")),
        of_span(ScoreSaid(name="broken", value=float("nan"))),
        of_span(ScoreSaid(name=" \n", value=1.0)),
        of_span(ScoreSaid(name="empty")),
    ]
    await make_trace(database)
    for _ in range(2):
        async with database.transaction() as connection:
            await write_span_scores(connection, [*rows, *rows])
    found = await of_trace(database)
    assert {(each.name, each.value, each.label, each.source, each.comment) for each in found} == {
        ("relevance", 0.75, "relevant", "model", "it\ufffd is"),
        ("relevance", 0.75, "relevant", "person", ""),
        ("label", "good", "", "code", ""),
        ("broken", "nan", "", "code", ""),
    }
    assert {(each.span_id, each.at) for each in found} == {(SPAN.hex(), "2023-11-14T22:13:20.000Z")}
    assert await facets_of(database) == ["score:broken", "score:label", "score:relevance"]


async def test_what_is_taken_back_is_gone_and_on_the_audit_log(database: Database) -> None:
    async with control(database) as api:
        await make_trace(database)
        identity = await say(api)
        gone = await api.delete(f"/feedback/{identity}")
        assert (gone["id"], gone["name"]) == (identity, "helpful")
        await api.delete(f"/feedback/{identity}", status=404)
        assert await of_trace(database) == []
        assert await facets_of(database) == []
        [entry] = [each for each in (await api.get("/audit"))["items"] if each["kind"] == "feedback"]
        assert (entry["action"], entry["object"]) == ("delete", identity)
        assert await say(api) == identity


async def test_a_member_says_and_sees_its_own_and_nobody_another_projects(database: Database) -> None:
    _, member = await make_key(database, "member")
    _, other = await make_key(database, "member", "elsewhere")
    _, viewer = await make_key(database, "viewer")
    _, owner = await make_key(database, "project_admin")
    async with control(database) as api:
        one, two, seeing, owning = (api.as_key(key) for key in (member, other, viewer, owner))
        mine = await say(one, id="same")
        await say(two, id="same", value=False)
        theirs = await say(api, id="of-admin")
        assert [each["id"] for each in (await one.get("/feedback"))["items"]] == [mine]
        [elsewhere] = (await two.get("/feedback"))["items"]
        assert (elsewhere["project"], elsewhere["value"]) == ("elsewhere", False)
        assert {each["id"] for each in (await seeing.get("/feedback"))["items"]} == {mine, theirs}
        assert (await one.get("/feedback", key="another"))["items"] == []
        assert (await seeing.get("/feedback", project="elsewhere"))["items"] == []
        await seeing.post("/feedback", HELPFUL, status=403)
        await one.delete(f"/feedback/{theirs}", status=404)
        await owning.delete(f"/feedback/{theirs}")
        refused = await api.delete("/feedback/same", status=409)
        assert "default, elsewhere" in refused["error"]["message"]
        status, gone = await api.ask("DELETE", "/api/v1/feedback/same", project="elsewhere")
        assert (status, gone["project"]) == (200, "elsewhere")
        await one.delete("/feedback/same")


async def test_what_one_said_is_changed_by_its_own_key_alone(database: Database) -> None:
    async with control(database) as api:
        await make_trace(database)
        said = await say(api, comment="first", by="Ada")
        await say(api, name="stars", value=3)
        member = await key_of(api, "member", "default")
        address = f"/api/v1/feedback/{said}"
        assert (await api.as_key(member).ask("PUT", address, {"value": False}))[0] == 404
        status, found = await api.ask("PUT", address, {"value": False, "comment": "on a second look"})
        assert (status, found["value"], found["comment"], found["by"], found["name"]) == (
            *(200, False, "on a second look"),
            *("Ada", "helpful"),
        )
        assert [(each.id, each.value) for each in await of_trace(database) if each.name == "helpful"] == [
            (said, False)
        ]
        assert await scored(database) == ["score:helpful", "score:stars"]
        assert (await api.ask("PUT", "/api/v1/feedback/nothing", {"value": 1}))[0] == 404
        log = (await api.get("/audit", limit=5))["items"]
        assert (log[0]["action"], log[0]["kind"], log[0]["object"]) == ("change", "feedback", said)


async def test_an_admin_says_something_of_another_project_and_nobody_else_does(database: Database) -> None:
    async with control(database) as api:
        made = await api.post("/feedback?project=blue", HELPFUL, status=202)
        assert [each["id"] for each in (await api.get("/feedback", project="blue"))["items"]] == [made["id"]]
        member = await key_of(api, "member", "default")
        status, _ = await api.as_key(member).ask("POST", "/api/v1/feedback?project=blue", HELPFUL)
        assert status == 403
        assert (await api.as_key(member).ask("PUT", "/api/v1/feedback/x?project=blue", {"value": 1}))[
            0
        ] == 403


async def test_names_in_use_are_offered_with_what_they_take(database: Database) -> None:
    async with control(database) as api:
        for value in (True, False, True):
            await say(api, value=value, user="anna", trace_id=None, comment=str(value))
        for value in (1, 4.5):
            await say(api, name="stars", value=value)
        for place, value in enumerate(("resolved", "escalated", "resolved")):
            await say(api, name="outcome", value=value, comment=str(place))
        names = {each["name"]: each for each in (await api.get("/feedback/names"))["items"]}
        assert {name: (each["kind"], each["least"], each["most"]) for name, each in names.items()} == {
            "helpful": ("boolean", 0, 1),
            "stars": ("number", 1, 4.5),
            "outcome": ("text", None, None),
        }
        assert names["outcome"]["words"] == ["resolved", "escalated"]
        member = await key_of(api, "member", "default")
        assert (await api.as_key(member).get("/feedback/names"))["items"] == []

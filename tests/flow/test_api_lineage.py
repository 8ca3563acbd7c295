"""The lineage of a trace through the control API: spans, recorded calls, what a key sees."""

import json
import uuid
from typing import Any

import msgspec
from psycopg.types.json import Jsonb
from tests.contract.traces_by_hand import at, new_trace, put_calls, put_spans, put_trace
from tests.flow.control_app import Api, control, make_key
from tests.lineage_chains import messages

from headgate.core.entries import BODY, Body
from headgate.core.identity import IdentitySource
from headgate.core.ports import Envelope
from headgate.records.bodies import BodySink
from headgate.records.rows import day_of
from headgate.store.clock import SystemClock
from headgate.store.database import Database

DOCUMENT = "The lease of a gateway lasts two seconds, and its journal gives back what a dead one has held."
ANSWER = "It lasts two seconds, and then its journal gives back what a dead one has held, says the manual."


def span(name: str, kind: str, begin: int, took: int, **parts: Any) -> dict[str, Any]:
    plain = {"name": name, "kind": kind, "started_at": at(begin), "duration_us": took * 1000, "parent_id": 1}
    empty = {"input": "", "output": "", "details": Jsonb({}), "key": "k1", "usage": None}
    return {**plain, **empty, **parts}


SPANS = (
    span("answer", "agent", 0, 900, parent_id=None, output=json.dumps(ANSWER)),
    span("search", "retriever", 10, 20, details=Jsonb({"documents": [{"id": "d7", "content": DOCUMENT}]})),
    span(
        "chat",
        "llm",
        50,
        100,
        input=messages(("user", f"How long?\n{DOCUMENT}")),
        output=messages(("assistant", ANSWER)),
        usage=Jsonb({"input": 40, "output": 20}),
    ),
)


async def house(database: Database) -> tuple[str, list[str]]:
    trace = await put_trace(database, new_trace())
    return trace, await put_spans(database, trace, *SPANS)


def pairs(found: Any) -> set[tuple[str, str]]:
    return {(edge["from_span"], edge["to_span"]) for edge in found["edges"]}


async def test_an_answer_is_followed_back_to_its_document(database: Database) -> None:
    async with control(database) as api:
        trace, (root, search, chat) = await house(database)
        found = await api.get(f"/traces/{trace}/lineage", span_id=root)
        assert pairs(found) == {(chat, root), (search, chat)}
        assert found["left_out"] == {"spans": 0, "texts": 0, "characters": 0, "edges": 0}
        edge = next(one for one in found["edges"] if one["to_part"] == "/input/0/parts/0/content")
        ((start, end, *_),) = edge["fragments"]
        assert DOCUMENT[start:end] == DOCUMENT.rstrip(".")
        (context,) = found["contexts"]
        assert context["input_tokens"] == 40
        assert context["shares"][0]["name"] == "d7"
        assert (await api.get(f"/traces/{trace}/lineage", span_id=search))["edges"] == []


async def test_a_member_sees_the_part_of_its_own_key(database: Database) -> None:
    async with control(database) as api:
        trace, _ = await house(database)
        key_id, key = await make_key(database, "member")
        await api.post("/budgets", {"name": "look", "limit": "1 USD"})
        member = api.as_key(key)
        assert (await member.ask("GET", f"/api/v1/traces/{trace}/lineage"))[0] == 404
        other = await put_trace(database, new_trace(), facets=[f"key:{key_id}"])
        _, own, _ = await put_spans(
            database, other, SPANS[0], {**SPANS[1], "key": key_id}, {**SPANS[2], "key": "k1"}
        )
        assert pairs(await member.get(f"/traces/{other}/lineage")) == set()
        assert own in {source for source, _ in pairs(await api.get(f"/traces/{other}/lineage"))}
        assert (await member.ask("GET", f"/api/v1/traces/{trace}/lineage", project="blue"))[0] == 404


async def test_a_step_that_is_not_there_is_said(database: Database) -> None:
    async with control(database) as api:
        trace, _ = await house(database)
        status, found = await api.ask("GET", f"/api/v1/traces/{trace}/lineage", span_id="f" * 16)
        assert (status, found["error"]["code"]) == (404, "not_found")
        assert "`headgate traces show` lists them" in found["error"]["message"]


async def record(database: Database, call: uuid.UUID, request: Any, response: bytes, content: str) -> None:
    """Write a call's bodies as the shipper does."""
    asked = msgspec.json.encode(request)
    body = Body(
        call=call.bytes,
        project="default",
        dialect="openai-chat",
        request=asked,
        response=response,
        request_length=len(asked),
        response_length=len(response),
        response_content_type=content,
    )
    async with database.transaction() as connection:
        await BodySink().apply(connection, [Envelope(uuid.uuid4().bytes, BODY, msgspec.msgpack.encode(body))])


async def recorded(api: Api, database: Database) -> tuple[Any, list[str]]:
    """Two recorded calls around a retrieval: the first streamed, the second asked with both texts."""
    identities = IdentitySource(SystemClock())
    calls = [identities.next(), identities.next()]
    day = day_of(calls[0])
    trace = await put_trace(database, new_trace(), first_day=day, last_day=day)
    _, search = await put_spans(database, trace, *({**one, "day": day} for one in SPANS[:2]))
    pieces = [ANSWER[:30], ANSWER[30:]]
    chunks = [{"id": "c", "choices": [{"index": 0, "delta": {"content": piece}}]} for piece in pieces]
    stream = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks) + "data: [DONE]\n\n"
    question = {"role": "user", "content": "How long does it last?"}
    await record(database, calls[0], {"messages": [question]}, stream.encode(), "text/event-stream")
    asked = [
        question,
        {"role": "assistant", "content": ANSWER},
        {"role": "user", "content": f"And: {DOCUMENT}"},
    ]
    answer = {"choices": [{"index": 0, "message": {"role": "assistant", "content": "Yes."}}]}
    await record(database, calls[1], {"messages": asked}, json.dumps(answer).encode(), "application/json")
    rows = [
        {"id": call, "day": day, "started_at": at(100 * place), "duration_ms": 50, "parent_span_id": 1}
        for place, call in enumerate(calls, 1)
    ]
    made = await put_calls(database, trace, *rows)
    return await api.get(f"/traces/{trace}/lineage"), [*made, search]


async def test_recorded_calls_have_a_part_in_it(database: Database) -> None:
    async with control(database) as api:
        found, (first, second, search) = await recorded(api, database)
    assert {(first, second), (search, second)} <= pairs(found)
    parts = {(edge["from_part"], edge["to_part"]) for edge in found["edges"]}
    assert ("/response/0/parts/0", "/request/messages/1/content") in parts
    assert ("/documents/0/content", "/request/messages/2/content") in parts

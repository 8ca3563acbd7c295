"""What is like a call, through the control API: each list shows as many calls as were counted of it."""

import uuid
from collections.abc import Sequence
from typing import Any

from tests.contract.made_entries import envelope, make_body
from tests.flow.control_app import Api, control, make_key
from tests.flow.test_api_requests import ended, record

from headgate.core.entries import End, PromptUsed
from headgate.records.bodies import BodySink
from headgate.store.database import Database

HELLO = PromptUsed("hello", 3)
RULES = "You answer in one sentence, and say so where you do not know the answer."
"""Long enough to be kept apart."""


def said(*texts: str) -> bytes:
    """A request's body."""
    messages = ",".join(f'{{"role":"user","content":"{text}"}}' for text in texts)
    return f'{{"model":"assistant","messages":[{messages}]}}'.encode()


async def with_bodies(database: Database, calls: Sequence[tuple[End, bytes]]) -> list[str]:
    """Write calls and what they said; return their ids."""
    ids = await record(database, *[end for end, _ in calls])
    async with database.transaction() as connection:
        bodies = [envelope(make_body(end.call, body, project=end.project)) for end, body in calls]
        await BodySink().apply(connection, bodies)
    return ids


async def lists_of(api: Api, request: str) -> dict[str, Any]:
    """What is like a request by kind; each list has as many calls as were counted, all of which match."""
    found = await api.get(f"/requests/{request}/similar")
    lists: dict[str, Any] = {}
    for each in found["lists"]:
        shown = await api.get("/requests", **each["filters"], **{"from": found["begin"], "to": found["end"]})
        ids = [item["id"] for item in shown["items"]]
        assert len(ids) == each["calls"], each
        assert (request in ids) is each["holds_itself"], each
        lists[each["kind"]] = ids
    return lists


async def test_calls_that_are_alike_are_lists_with_their_counts(database: Database) -> None:
    async with control(database) as api:
        calls = [
            (ended(prompts=(HELLO,), duration_ms=100, finish="length"), said(RULES, "one")),
            (ended(prompts=(HELLO,), duration_ms=300, finish="length"), said(RULES, "one")),
            (ended(prompts=(PromptUsed("hello", 4),), duration_ms=900), said(RULES, "two")),
            (ended(prompts=(HELLO,), project="blue", duration_ms=900), said(RULES, "one")),
            (ended(prompts=(HELLO,), model="other"), said(RULES, "one")),
            (ended(status=502, code="upstream_error"), said("else")),
        ]
        ids = await with_bodies(database, calls)
        lists = await lists_of(api, ids[0])
        assert {kind: [ids.index(each) for each in found] for kind, found in lists.items()} == {
            "request": [1, 0],
            "opening": [2, 1, 0],
            "prompt": [4, 1, 0],
            "prompt_slower": [1],
            "ending": [1, 0],
        }
        failed = await lists_of(api, ids[5])
        assert set(failed) == {"request", "target_slower", "error"}
        assert failed["error"] == [ids[5]] == failed["request"]


async def test_the_call_before_and_after_is_of_the_session_or_the_user(database: Database) -> None:
    async with control(database) as api:
        ids = await record(
            database,
            *[ended(session=session, user="anna") for session in ("a", "", "a", "b", "")],
            ended(session="", user=""),
        )

        async def neighbours(place: int) -> dict[str, int]:
            found = await api.get(f"/requests/{ids[place]}/similar")
            return {each["kind"]: ids.index(each["id"]) for each in found["neighbours"]}

        assert await neighbours(0) == {"session_after": 2}
        assert await neighbours(2) == {"session_before": 0}
        assert await neighbours(1) == {"user_before": 0, "user_after": 2}
        assert await neighbours(3) == {} and await neighbours(5) == {}


async def test_nobody_learns_of_calls_that_they_may_not_see(database: Database) -> None:
    async with control(database) as api:
        key, text = await make_key(database, "member")
        _, other = await make_key(database, "viewer", "blue")
        await api.post("/budgets", {"name": "look", "limit": "1 USD"})  # what writes is heard, keys with it
        calls = [(ended(key=key), said("one")), (ended(), said("one")), (ended(key=key), said("one"))]
        ids = await with_bodies(database, calls)
        member = api.as_key(text)
        lists = await lists_of(member, ids[0])
        assert lists["request"] == [ids[2], ids[0]]
        found = await member.get(f"/requests/{ids[0]}/similar")
        assert [each["id"] for each in found["neighbours"]] == [ids[2]]
        # Nor by naming another's call: what it says is not compared with.
        assert (await member.get("/requests", same_request=ids[1]))["items"] == []
        assert (await member.ask("GET", f"/api/v1/requests/{ids[1]}/similar"))[0] == 404
        assert (await api.as_key(other).get("/requests", same_opening=ids[0]))["items"] == []


async def test_what_is_no_request_is_refused(database: Database) -> None:
    async with control(database) as api:
        for text in ("0197a1b2", "nonsense"):
            assert (await api.ask("GET", "/api/v1/requests", same_request=text))[0] == 400
            assert (await api.ask("GET", "/api/v1/requests", same_opening=text))[0] == 400
        assert (await api.get("/requests", same_request=str(uuid.uuid4())))["items"] == []

"""A recorded call held against its own context over the API, and who may see it."""

from typing import Any

import msgspec
from tests.contract.made_entries import envelope, make_body
from tests.flow.control_app import control, make_key
from tests.flow.test_api_requests import ended, record

from headgate.records.bodies import BodySink
from headgate.store.database import Database

DOCUMENT = "The Zugspitze is 2,962 metres high and lies in Bavaria."


async def recorded(database: Database, answer: str, *messages: dict[str, Any], **parts: Any) -> str:
    """Put a call with its body on record, and return its id."""
    call = ended(**parts)
    [identity] = await record(database, call)
    said = {"choices": [{"index": 0, "message": {"role": "assistant", "content": answer}}]}
    body = make_body(
        call.call,
        msgspec.json.encode({"model": "assistant", "messages": list(messages)}),
        response=msgspec.json.encode(said),
        project=call.project,
    )
    async with database.transaction() as connection:
        await BodySink().apply(connection, [envelope(body)])
    return identity


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


async def test_a_call_is_held_against_tools_and_documents(database: Database) -> None:
    tool = {"role": "tool", "tool_call_id": "c1", "content": '{"height_m": 2962}'}
    async with control(database) as api:
        false = await recorded(database, "It is 2,964 metres high.", user("How high?"), tool)
        true = await recorded(database, "It is 2,962 metres high.", user(f"<doc>{DOCUMENT}</doc> How high?"))
        alone = await recorded(database, "It is 2,962 metres high.", user("How high?"))
        [unrecorded] = await record(database, ended())
        found = await api.get(f"/requests/{false}/grounding")
        assert [piece["kind"] for piece in found["pieces"]] == ["message", "tool_result"]
        assert found["pieces"][1]["part"] == "/messages/1/content"
        assert found["claims"][0]["missing"] == [{"kind": "number", "text": "2,964"}]
        assert (found["question"], found["answer"]) == ("How high?", "It is 2,964 metres high.")
        assert "all numbers" in (await api.get(f"/requests/{true}/grounding"))["sentence"]
        assert "no context" in (await api.get(f"/requests/{alone}/grounding"))["problem"]
        assert "not on record" in (await api.get(f"/requests/{unrecorded}/grounding"))["problem"]


async def test_who_may_not_see_a_call_may_not_see_its_context(database: Database) -> None:
    async with control(database) as api:
        identity = await recorded(database, "It is 2,962 m.", user("How high?"), project="blue")
        _, other = await make_key(database, "viewer", "default")
        _, member = await make_key(database, "member", "blue")
        await api.post("/budgets", {"name": "look", "limit": "1 USD"})
        for key in (other, member):
            status, _ = await api.as_key(key).ask("GET", f"/api/v1/requests/{identity}/grounding")
            assert status == 404
        assert (await api.ask("GET", "/api/v1/requests/nothing/grounding"))[0] == 404

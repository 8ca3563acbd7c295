"""Where a call's messages came from: pieces that make up each text, and what they are."""

import uuid
from typing import Any

import msgspec
import pytest
from tests.attack.api_operations import COMMITS, PUSH
from tests.contract.made_entries import envelope, make_body
from tests.contract.made_spans import make_batch, make_span, new_trace, span_envelope
from tests.flow.control_app import Api, control
from tests.flow.test_api_requests import ended

from headgate.core.entries import Override, PromptUsed
from headgate.prompts.catalogue.matching_job import MatchingJob
from headgate.prompts.model import Hole, Template
from headgate.prompts.provenance.painting import RuleText, changed_by
from headgate.records.bodies import BodySink
from headgate.records.sink import RecordSink
from headgate.store.database import Database
from headgate.traces.keeping.sink import SpanSink

CLERK = Template.of(
    ("You are a careful clerk of ", Hole(name="shop"), ". Answer in one short sentence, politely.")
)
VERSION: dict[str, Any] = {**PUSH["state"]["versions"][0], "symbol": "CLERK", "version": CLERK.version}
PUSHED: dict[str, Any] = {
    **PUSH,
    "templates": [msgspec.to_builtins(CLERK)],
    "state": {**PUSH["state"], "versions": [VERSION]},
}
INPUTS = ("input", "cache_read", "cache_write")
SAID = "You are a careful clerk of the corner shop. Answer in one short sentence, politely."
MESSAGES: list[dict[str, Any]] = [
    {"role": "system", "content": SAID},
    {"role": "user", "content": "What did I buy yesterday?"},
    {"role": "assistant", "content": None, "tool_calls": []},
    {"role": "tool", "tool_call_id": "1", "content": "three pears"},
    {"role": "assistant", "content": "Three pears. \u202e\U0001f350"},
    {"role": "user", "content": "And what did they cost, in pounds?"},
]


async def called(database: Database, messages: list[dict[str, Any]], **parts: Any) -> str:
    """A call on record with its body, matched to the catalogue."""
    call = ended(**parts)
    body = make_body(
        call.call, msgspec.json.encode({"model": "m", "messages": messages}), project=call.project
    )
    async with database.transaction() as connection:
        await RecordSink().apply(connection, [envelope(call)])
        await BodySink().apply(connection, [envelope(body)])
    await MatchingJob(database).run_once()
    return str(uuid.UUID(bytes=call.call))


async def painted(api: Api, identity: str) -> Any:
    return await api.get(f"/requests/{identity}/provenance")


def origins(found: Any) -> list[list[tuple[str, str]]]:
    return [[(piece["text"], piece["origin"]) for piece in text["pieces"]] for text in found["texts"]]


async def test_each_stretch_says_where_it_came_from(database: Database) -> None:
    async with control(database) as api:
        await api.post("/prompts/catalogue", PUSHED, status=200)
        found = await painted(api, await called(database, MESSAGES))
        whole = ["".join(piece["text"] for piece in text["pieces"]) for text in found["texts"]]
        assert whole == [each["content"] for each in MESSAGES if each["role"] != "tool" and each["content"]]
        assert origins(found) == [
            [
                ("You are a careful clerk of ", "template"),
                ("the corner shop", "variable"),
                (". Answer in one short sentence, politely.", "template"),
            ],
            [("What did I buy yesterday?", "history")],
            [("Three pears. \u202e\U0001f350", "history")],
            [("And what did they cost, in pounds?", "unknown")],
        ]
        assert [piece["name"] for piece in found["texts"][0]["pieces"]] == [
            "app.py:CLERK",
            "shop",
            "app.py:CLERK",
        ]
        (template,) = found["templates"]
        assert (template["name"], template["line"], template["version"]) == ("app.py:CLERK", 1, CLERK.version)
        assert (template["first_commit"], template["last_commit"]) == COMMITS
        counts = {each["origin"]: each["characters"] for each in found["shares"]}
        assert counts["tool"] == len("three pears")
        assert counts["variable"] == len("the corner shop")
        assert abs(sum(each["share"] for each in found["shares"]) - 1) < 0.001


async def test_a_managed_prompt_and_a_rule_say_their_words(database: Database) -> None:
    async with control(database) as api:
        version = {
            "engine": "mustache",
            "messages": [{"role": "system", "content": "You greet every guest called {{who}} by name."}],
            "model": "assistant",
        }
        await api.post("/prompts/greeting/versions", version)
        rule = Override("rule calm@1", "/messages/1/content", b'"Say it loudly"', b'"Say it softly"')
        messages = [
            {"role": "system", "content": "You greet every guest called Ada by name."},
            {"role": "user", "content": "Say it softly, please."},
        ]
        used = PromptUsed("greeting", 1, b'{"who": "Ada"}')
        found = await painted(api, await called(database, messages, prompts=(used,), overrides=(rule,)))
        assert origins(found) == [
            [
                ("You greet every guest called ", "template"),
                ("Ada", "variable"),
                (" by name.", "template"),
            ],
            [("Say it ", "unknown"), ("softly", "rule"), (", please.", "unknown")],
        ]
        assert [(each["prompt"], each["kind"]) for each in found["templates"]] == [("greeting", "managed")]


RETURNS = "What was bought in the corner shop may be brought back within fourteen days, unused."
HOURS = "The corner shop opens at nine, and closes at six on all days but Sunday."


async def test_documents_that_the_trace_retrieved_are_found_wherever_their_words_stand(
    database: Database,
) -> None:
    """Whole, wrapped otherwise, or in part; in a variable, too; and to nobody who may not see the trace."""
    trace = new_trace()
    said = msgspec.json.encode(
        [
            {"id": "returns.md", "content": RETURNS},
            {"id": "hours.md", "content": HOURS},
            {"id": "x", "content": "-"},
        ]
    ).decode()
    retrieval = make_span(trace, 5, kind="retriever", documents=said)
    wrapped = RETURNS.replace(" may be ", "\nmay be ")
    part = "closes at six on all days but Sunday"
    asked = f"Answer by these:\n{wrapped}\nAnd it {part}. Can I bring them back?"
    messages = [
        {"role": "system", "content": SAID.replace("the corner shop", HOURS)},
        {"role": "user", "content": asked},
    ]
    async with control(database) as api:
        await api.post("/prompts/catalogue", PUSHED, status=200)
        async with database.transaction() as connection:
            await SpanSink().apply(connection, [span_envelope(make_batch(retrieval))])
        identity = await called(database, messages, trace_id=trace.hex())
        found = await painted(api, identity)
        system, question = found["texts"]
        assert (HOURS, "document", "hours.md") in [
            (piece["text"], piece["origin"], piece["name"]) for piece in system["pieces"]
        ]
        assert [
            (piece["text"], piece["name"]) for piece in question["pieces"] if piece["origin"] == "document"
        ] == [(wrapped, "returns.md"), (f" {part}.", "hours.md")]
        assert "".join(piece["text"] for piece in question["pieces"]) == asked
        shares = {each["origin"]: each for each in found["shares"]}
        usage = (await api.get(f"/requests/{identity}"))["usage"]
        tokens = sum(usage[name] for name in INPUTS)
        assert sum(each["tokens_estimated"] for each in shares.values()) == pytest.approx(tokens, abs=3)
        assert shares["document"]["characters"] > 150
        untraced = await painted(api, await called(database, messages, trace_id=new_trace().hex()))
        assert "document" not in {each["origin"] for each in untraced["shares"]}


async def test_a_call_without_a_body_has_no_texts_and_others_calls_are_not_there(database: Database) -> None:
    async with control(database) as api:
        call = ended()
        async with database.transaction() as connection:
            await RecordSink().apply(connection, [envelope(call)])
        identity = str(uuid.UUID(bytes=call.call))
        assert await painted(api, identity) == {"texts": [], "shares": [], "templates": []}
        other = await api.post("/keys", {"name": "other", "role": "viewer", "project": "blue"})
        status, _ = await api.as_key(other["key"]).ask("GET", f"/api/v1/requests/{identity}/provenance")
        assert status == 404


def test_a_rule_that_only_took_something_away_wrote_nothing() -> None:
    rule = RuleText(source="rule calm@1", before="be very kind", after="be kind")
    assert changed_by(rule, "Please be kind.") == []
    assert changed_by(rule, "Nothing of it.") == []

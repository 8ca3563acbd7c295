"""How versions of a prompt do, over the API: equal to the calls and the feedback behind each number."""

import random
from decimal import Decimal
from typing import Any

import pytest
from tests.contract.test_catalogue_matching import NEW, OLD, letter, record, system
from tests.flow.control_app import Api, control
from tests.flow.test_api_prompts import RULES, key_of, push_of

from headgate.core.call import Usage
from headgate.core.entries import PromptUsed
from headgate.prompts.catalogue.matching_job import MatchingJob
from headgate.prompts.outcomes.counting import FeedbackJob
from headgate.prompts.outcomes.model import mean_of, share_of
from headgate.records import sketch
from headgate.store.database import Database

OLD_ENDING = "Answer in one short sentence, politely."
TRACE = "0af7651916cd43dd8448eb211c80319c"


async def counted(database: Database) -> None:
    """Match and count all that waits, however it was put off."""
    await MatchingJob(database).run_once()
    async with database.transaction() as connection:
        await connection.execute("update feedback_queue set not_before = '-infinity'")
    await FeedbackJob(database).run_once()


async def calls_of(database: Database, amount: int) -> list[str]:
    """Record calls of two versions, some of which failed, have no price, or name a release."""
    source = random.Random(3)
    made: list[str] = []
    for number in range(amount):
        ending = {} if number % 3 else {"ending": OLD_ENDING}
        made.append(
            await record(
                database,
                [system(f"shop {number}", **ending), letter("Where is it?")],
                status=source.choice((200, 200, 429, 502)),
                duration_ms=source.randint(5, 9000),
                first_token_ms=source.choice((None, 40)),
                cost_pico_usd=source.choice((None, 1_000_000, 3_333_333)),
                estimated=source.random() < 0.5,
                usage=Usage(input=source.randint(1, 900), cache_read=5, output=source.randint(1, 90)),
                environment=source.choice(("", "production")),
                release=source.choice(("", "rel-of-tests")),
            )
        )
    return made


async def all_of(api: Api, **asked: Any) -> list[dict[str, Any]]:
    return (await api.get("/requests", limit=500, **asked))["items"]


def compare(outcome: dict[str, Any], calls: list[dict[str, Any]]) -> None:
    """Hold what is said of a version against its calls."""
    assert outcome["calls"] == outcome["measured"] == sum(outcome["calls_by_day"]) == len(calls)
    failed = sum(call["status"] >= 400 for call in calls)
    assert outcome["failed"] == sum(outcome["failed_by_day"]) == failed
    share = share_of(failed, len(calls))
    assert share is not None
    assert outcome["failed_share"] == {"value": share.value, "low": share.low, "high": share.high}
    costs = [Decimal(call["cost_usd"]) for call in calls if call["cost_usd"] is not None]
    assert Decimal(outcome["cost_usd"]) == sum(costs)
    assert sum(map(Decimal, outcome["cost_usd_by_day"])) == sum(costs)
    assert outcome["unpriced"] == len(calls) - len(costs)
    mean = sum(costs, Decimal(0)) / len(costs)
    assert Decimal(outcome["cost_usd_per_call"]) == mean.quantize(Decimal("1e-12"))
    assert outcome["estimated"] == sum(call["estimated"] for call in calls)
    for bucket, tokens in outcome["usage"].items():
        assert tokens == sum(call["usage"][bucket] for call in calls), bucket
    buckets: list[int] = []
    for call in calls:
        sketch.add(buckets, call["duration_ms"])
    assert outcome["duration_p50_ms"] == sketch.quantile_ms(buckets, 0.5)
    assert outcome["duration_p95_ms"] == sketch.quantile_ms(buckets, 0.95)
    assert outcome["last_seen"] == max(call["started_at"] for call in calls)


async def test_each_number_equals_the_records(database: Database) -> None:
    async with control(database) as api:
        await api.post("/prompts/catalogue", push_of(), 200)
        await calls_of(database, 40)
        await record(database, [system("Anna")], record="metadata")
        await counted(database)
        found = await api.get("/prompts/outcomes", name=RULES)
        assert {each["version"] for each in found["versions"]} == {OLD.version, NEW.version}
        assert len(found["days"]) == 31 == len(found["versions"][0]["calls_by_day"])
        for outcome in found["versions"]:
            narrowed = {"prompt": RULES, "prompt_version": outcome["version"], "from": found["since"]}
            calls = await all_of(api, **narrowed)
            compare(outcome, calls)
            failed = await all_of(api, **narrowed, status="error")
            assert outcome["failed"] == len(failed)
        for place in found["places"]:
            named = {"prompt": RULES, place["kind"]: place["name"], "from": found["since"]}
            assert place["calls"] == len(await all_of(api, **named))
        assert {place["kind"] for place in found["places"]} == {"environment", "release", "model", "key"}
        shown = await api.get(f"/prompts/{RULES}")
        assert {each["version"]: each["traffic"]["calls"] for each in shown["versions"]} == {
            each["version"]: each["calls"] for each in found["versions"]
        }


async def test_many_keys_leave_room_for_the_models_of_a_prompt(database: Database) -> None:
    async with control(database) as api:
        await api.post("/prompts/greeting/versions", {"messages": [{"role": "system", "content": "Greet."}]})
        for number in range(60):
            used = (PromptUsed("greeting", 1),)
            await record(database, [system("Anna")], prompts=used, key=f"key-{number}", model="assistant")
        places = (await api.get("/prompts/outcomes", name="greeting"))["places"]
        assert sum(each["kind"] == "key" for each in places) == 50
        assert [(each["name"], each["calls"]) for each in places if each["kind"] == "model"] == [
            ("assistant", 60)
        ]


async def test_a_managed_prompt_is_counted_by_version_as_its_calls_end(database: Database) -> None:
    async with control(database) as api:
        for text in ("Greet {{name}}.", "Greet {{name}} warmly."):
            await api.post("/prompts/greeting/versions", {"messages": [{"role": "system", "content": text}]})
        for version, status in ((1, 200), (2, 200), (2, 502)):
            used = (PromptUsed("greeting", version),)
            await record(database, [system("Anna")], prompts=used, status=status)
        found = await api.get("/prompts/outcomes", name="greeting")
        assert [(each["version"], each["calls"], each["failed"]) for each in found["versions"]] == [
            ("2", 2, 1),
            ("1", 1, 0),
        ]
        for outcome in found["versions"]:
            compare(outcome, await all_of(api, prompt="greeting", prompt_version=outcome["version"]))
        assert (found["source"], found["same_text"]) == (None, [])


async def said_of(api: Api, name: str = RULES) -> dict[tuple[str, str], tuple[str, int, Any]]:
    found = await api.get("/prompts/outcomes", name=name)
    return {
        (outcome["version"], each["name"]): (
            each["of"],
            each["answers"],
            None if each["estimate"] is None else round(each["estimate"]["value"], 9),
        )
        for outcome in found["versions"]
        for each in outcome["feedback"]
    }


async def test_feedback_counts_for_the_versions_of_its_call_and_goes_with_it(database: Database) -> None:
    async with control(database) as api:
        await api.post("/prompts/catalogue", push_of(), 200)
        new, old = [
            await record(database, [system("Anna", ending)])
            for ending in ("Answer in two sentences, with a number.", OLD_ENDING)
        ]
        ids: list[str] = []
        for call, value in ((new, True), (new, False), (new, True), (old, False)):
            said = {"request_id": call, "name": "helpful", "value": value, "id": f"said-{len(ids)}"}
            ids.append((await api.post("/feedback", said, status=202))["id"])
        for value in (3, 5.5, 1):
            await api.post("/feedback", {"request_id": new, "name": "stars", "value": value}, status=202)
        await api.post("/feedback", {"request_id": old, "name": "why", "value": "too long"}, status=202)
        await api.post("/feedback", {"user": "anna", "name": "helpful", "value": True}, status=202)
        # Said before anything was matched.
        await FeedbackJob(database).run_once()
        assert await said_of(api) == {}
        await counted(database)
        assert await said_of(api) == {
            (NEW.version, "helpful"): ("share", 3, 0.666666667),
            (NEW.version, "stars"): ("mean", 3, 3.166666667),
            (OLD.version, "helpful"): ("share", 1, 0.0),
            (OLD.version, "why"): ("text", 1, None),
        }
        await api.delete(f"/feedback/{ids[0]}")
        await counted(database)
        assert (await said_of(api))[NEW.version, "helpful"] == ("share", 2, 0.5)
        await api.delete(f"/feedback/{ids[3]}")
        await counted(database)
        assert (OLD.version, "helpful") not in await said_of(api)


async def test_feedback_on_a_trace_counts_once_for_each_version_that_it_held(database: Database) -> None:
    async with control(database) as api:
        await api.post("/prompts/catalogue", push_of(), 200)
        await api.post("/prompts/greeting/versions", {"messages": [{"role": "system", "content": "Greet."}]})
        await api.post("/feedback", {"trace_id": TRACE, "name": "solved", "value": True}, status=202)
        await FeedbackJob(database).run_once()
        for ending in (OLD_ENDING, OLD_ENDING, "Answer in two sentences, with a number."):
            await record(database, [system("Anna", ending)], trace_id=TRACE)
        await record(database, [system("x")], trace_id=TRACE, prompts=(PromptUsed("greeting", 1),))
        await counted(database)
        assert await said_of(api) == {
            (OLD.version, "solved"): ("share", 1, 1.0),
            (NEW.version, "solved"): ("share", 1, 1.0),
        }
        assert await said_of(api, "greeting") == {("1", "solved"): ("share", 1, 1.0)}
        listed = {each["name"]: each["feedback"] for each in (await api.get("/prompts"))["items"]}
        for name in (RULES, "greeting"):
            assert [(each["name"], each["answers"]) for each in listed[name]] == [("solved", 1)]


async def test_who_sees_own_calls_alone_sees_no_sums_and_other_projects_none(database: Database) -> None:
    async with control(database) as api:
        await api.post("/prompts/catalogue", push_of(), 200)
        member, stranger = await key_of(api, "member", "default"), await key_of(api, "viewer", "blue")
        for key, status in ((member, 403), (stranger, 404)):
            asked = f"/api/v1/prompts/outcomes?name={RULES}"
            assert (await api.as_key(key).ask("GET", asked))[0] == status
        for name in ("nothing:HERE", "no-such", "greeting/versions/1"):
            assert (await api.ask("GET", "/api/v1/prompts/outcomes", name=name))[0] == 404


@pytest.mark.parametrize("values", [[1.0], [2.0, 2.0], [1.0, 4.0, 2.5], [1e60, -1e60, 3.0]])
def test_a_mean_has_an_interval_where_its_values_differ(values: list[float]) -> None:
    exact = [Decimal(repr(value)) for value in values]
    found = mean_of(len(values), sum(exact, Decimal(0)), sum((each * each for each in exact), Decimal(0)))
    assert found is not None
    assert found.value == pytest.approx(sum(values) / len(values), abs=1e45)
    if len(set(values)) == 1:
        assert (found.low, found.high) == (None, None)
    else:
        assert found.low is not None
        assert found.high is not None
        assert found.low < found.value < found.high

"""What-if over the API on records in a real database: repriced, replayed, under rules, sampled, scoped."""

import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
from tests.contract.made_entries import envelope, make_attempt, make_body, make_end, new_call
from tests.flow.control_app import Api, control, make_key, put_in_force

from headgate.core.call import Usage
from headgate.core.identity import text_of
from headgate.records.bodies import BodySink
from headgate.records.sink import RecordSink
from headgate.store.clock import SystemClock
from headgate.store.database import Database

TOML = """
[providers.shop]
kind = "openai-compatible"
base_url = "http://127.0.0.1:9/v1"

[providers.other]
kind = "openai-compatible"
base_url = "http://127.0.0.1:9/v1"

[models.assistant]
targets = ["shop/gpt-4o"]

[prices."shop/gpt-4o"]
input = "1"
output = "10"

[prices."shop/gpt-4o-mini"]
input = "0.1"
output = "1"

[prices."other/llama"]
input = "0.1"
output = "0.1"

[[budgets]]
name = "all"
limit = "100 USD"
window = "day"
"""

PAID = 100 * 1_000_000 + 50 * 10_000_000
"""Pico-USD of a call of 100 tokens in and 50 out at shop/gpt-4o."""
SOME_MS = 1_700_000_000_000


def same_ids(begin: int, count: int) -> list[bytes]:
    """Ids that are the same in each run: by a hash of them calls are in a sample or not."""
    return [uuid.UUID(int=SOME_MS << 80 | 7 << 76 | 2 << 62 | begin + each).bytes for each in range(count)]


async def record(database: Database, given: int | list[bytes], **changes: Any) -> list[str]:
    """Calls on record, as many or with these ids, a second apart in the last minutes."""
    now_ms = SystemClock().now_ms()
    calls = given if isinstance(given, list) else [new_call() for _ in range(given)]
    count = len(calls)
    ends = [
        make_end(
            call,
            **{
                "started_ms": now_ms - 1000 * (count - number) - 1000,
                "target": "shop/gpt-4o",
                "usage": Usage(input=100, output=50),
                "cost_pico_usd": PAID,
                "attempts": (make_attempt(cost_pico_usd=PAID, reserved_pico_usd=0, target="shop/gpt-4o"),),
                **changes,
            },
        )
        for number, call in enumerate(calls)
    ]
    async with database.transaction() as connection:
        await RecordSink().apply(connection, [envelope(end) for end in ends])
    return [text_of(call) for call in calls]


async def ask(api: Api, **body: Any) -> dict[str, Any]:
    return await api.post("/whatif", body, status=200)


def pico(text: str) -> int:
    return int(Decimal(text) * 10**12)


async def test_the_same_price_gives_the_same_and_another_is_exact(database: Database) -> None:
    async with control(database) as api:
        await put_in_force(database, TOML)
        await api.post("/keys", {"name": "refreshes"})
        await record(database, 5)
        same = await ask(api)
        assert (same["calls"], same["looked_at"], same["exact"]) == (5, 5, True)
        assert pico(same["actual_usd"]) == pico(same["would_usd"]["value_usd"]) == 5 * PAID
        dear = await ask(api, prices={"shop/gpt-4o": {"input": "2", "output": "20"}})
        assert dear["exact"] is True
        assert pico(dear["would_usd"]["high_usd"]) == 10 * PAID
        assert pico(dear["change_usd"]["value_usd"]) == 5 * PAID


async def test_another_model_has_an_interval_and_says_how_it_was_made(database: Database) -> None:
    async with control(database) as api:
        await put_in_force(database, TOML)
        await api.post("/keys", {"name": "refreshes"})
        await record(database, 5)
        found = await ask(api, models={"assistant": "shop/gpt-4o-mini"})
        low, value, high = (pico(found["would_usd"][f"{edge}_usd"]) for edge in ("low", "value", "high"))
        assert (low, value, high) == tuple(5 * (10_000_000 + tokens * 1_000_000) for tokens in (25, 50, 100))
        assert found["exact"] is False
        assert "the same tokenizer" in found["methods"][0]
        foreign = await ask(api, models={"assistant": "other/llama"})
        assert "0.75 to 1.35 times the tokens in (assumed)" in foreign["methods"][0]
        await record(
            database,
            40,
            target="shop/gpt-4o-mini",
            usage=Usage(input=100, output=100),
            cost_pico_usd=110_000_000,
        )
        await record(database, 40)
        measured = await ask(api, models={"assistant": "shop/gpt-4o-mini"})
        assert "2.00 to 2.00 times the tokens out (mean of recorded calls" in measured["methods"][0]
        (group,) = [each for each in measured["groups"] if each["target"] == "shop/gpt-4o"]
        assert pico(group["would_usd"]["value_usd"]) == 45 * 110_000_000


async def test_a_lower_limit_says_which_calls_and_when(database: Database) -> None:
    async with control(database) as api:
        await put_in_force(database, TOML)
        await api.post("/keys", {"name": "refreshes"})
        calls = await record(database, 10)
        found = await ask(api, limits={"all": f"{Decimal(PAID * 4) / 10**12:f} USD"})
        assert found["refused_calls"] == 6
        assert found["refused"] == calls[4:]
        (budget,) = [each for each in found["budgets"] if each["name"] == "all"]
        assert budget["refused_calls"] == 6
        fifth = (await api.get(f"/requests/{calls[4]}"))["started_at"]
        assert budget["ended_at"] == fifth
        assert pico(found["would_usd"]["value_usd"]) == 4 * PAID
        later = await ask(api, limits={"all": f"{Decimal(PAID * 4) / 10**12:f} USD"}, **{"from": fifth})
        assert later["calls"] == 6
        assert later["refused_calls"] == 6, "what was spent before the period counts"


async def test_rules_cut_answers_and_move_calls(database: Database) -> None:
    async with control(database) as api:
        await put_in_force(database, TOML)
        await api.post("/keys", {"name": "refreshes"})
        calls = [new_call() for _ in range(3)]
        request = {
            "model": "assistant",
            "max_tokens": 100,
            "messages": [{"role": "user", "content": "Hello"}],
        }
        async with database.transaction() as connection:
            ends = [
                make_end(
                    call,
                    target="shop/gpt-4o",
                    usage=Usage(input=100, output=50),
                    cost_pico_usd=PAID,
                    attempts=(make_attempt(cost_pico_usd=PAID, reserved_pico_usd=0),),
                    dialect="openai-chat",
                )
                for call in calls
            ]
            await RecordSink().apply(connection, [envelope(end) for end in ends])
            bodies = [make_body(call, msgspec.json.encode(request)) for call in calls[:2]]
            await BodySink().apply(connection, [envelope(body) for body in bodies])
        cut = await ask(api, rules=[{"name": "short", "clamp": {"max_output": {"most": 10}}}])
        assert pico(cut["would_usd"]["value_usd"]) == PAID + 2 * (100 * 1_000_000 + 10 * 10_000_000)
        assert any("rules change 2 of the calls" in each for each in cut["methods"])
        assert any("1 calls have no whole body" in each for each in cut["methods"])
        moved = await ask(api, rules=[{"name": "cheap", "model": "shop/gpt-4o-mini"}])
        targets = {each["new_target"]: each["calls"] for each in moved["groups"]}
        assert targets == {"shop/gpt-4o-mini": 2, "shop/gpt-4o": 1}


async def test_a_sample_is_the_same_for_a_seed_and_its_interval_is_wide_enough(database: Database) -> None:
    async with control(database) as api:
        await put_in_force(database, TOML)
        await api.post("/keys", {"name": "refreshes"})
        for tokens in range(20):
            spent: dict[str, Any] = {
                "usage": Usage(input=100, output=10 * tokens),
                "cost_pico_usd": 100 * 1_000_000 + 10 * tokens * 10_000_000,
                "started_ms": SOME_MS,
            }
            await record(database, same_ids(20 * tokens, 20), **spent)
        day = {"from": "2023-11-14T00:00:00Z", "to": "2023-11-15T00:00:00Z"}
        whole = await ask(api, **day)
        found = await ask(api, calls_max=100, seed=3, **day)
        assert 60 <= found["looked_at"] <= 140
        assert found["exact"] is False
        assert found == await ask(api, calls_max=100, seed=3, **day)
        other = await ask(api, calls_max=100, seed=4, **day)
        assert other["would_usd"] != found["would_usd"]
        truth = pico(whole["would_usd"]["value_usd"])
        held = 0
        for seed in range(20):
            sampled = await ask(api, calls_max=100, seed=seed, **day)
            held += pico(sampled["would_usd"]["low_usd"]) <= truth <= pico(sampled["would_usd"]["high_usd"])
        assert held >= 16


async def test_what_can_not_be_asked_is_refused_by_name(database: Database) -> None:
    async with control(database) as api:
        await put_in_force(database, TOML)
        await api.post("/keys", {"name": "refreshes"})
        for body, status, says in (
            ({"models": {"assistant": "assistant"}}, 400, "alias"),
            ({"models": {"assistant": "nowhere/x"}}, 404, "nowhere/x"),
            ({"prices": {"shop/gpt-4o": {"weather": "1"}}}, 400, "weather"),
            ({"limits": {"none": "1 USD"}}, 400, "there is no budget 'none' (all"),
            ({"from": "2026-11-21T00:00:00Z", "to": "2026-11-20T00:00:00Z"}, 400, "not before"),
            ({"rules": [{"name": "x", "set": {"temperature": "hot"}}]}, 400, "temperature"),
        ):
            found_status, found = await api.ask("POST", "/api/v1/whatif", body)
            assert (found_status, says in found["error"]["message"]) == (status, True), found


async def test_projects_see_their_own_calls_and_members_none(database: Database) -> None:
    async with control(database) as api:
        _, viewer = await make_key(database, "viewer", "blue")
        _, member = await make_key(database, "member", "blue")
        await put_in_force(database, TOML)
        await api.post("/keys", {"name": "refreshes"})
        await record(database, 3)
        await record(database, 2, project="blue")
        assert (await ask(api))["calls"] == 5
        assert (await ask(api, project="blue"))["calls"] == 2
        blue = api.as_key(viewer)
        assert (await ask(blue))["calls"] == 2
        assert (await ask(blue, project="default"))["calls"] == 0
        assert (await api.as_key(member).ask("POST", "/api/v1/whatif", {}))[0] == 403


async def test_progress_is_told_as_events_and_so_is_what_goes_wrong(database: Database) -> None:
    async with control(database) as api:
        await put_in_force(database, TOML)
        await api.post("/keys", {"name": "refreshes"})
        await record(database, 3)
        answer = await api.client.post(
            "/api/v1/whatif/stream", headers={"authorization": f"Bearer {api.key}"}, content=b"{}"
        )
        assert answer.headers["content-type"].startswith("text/event-stream")
        events = [
            line.removeprefix("event: ") for line in answer.text.splitlines() if line.startswith("event")
        ]
        assert events[0] == "progress"
        assert events[-1] == "answer"
        begin = (datetime.now(UTC) - timedelta(days=1)).isoformat()
        body = msgspec.json.encode(
            {"from": begin, "rules": [{"name": "x", "match": {"template": "a.py:NONE"}, "remove": ["seed"]}]}
        )
        refused = await api.client.post(
            "/api/v1/whatif/stream", headers={"authorization": f"Bearer {api.key}"}, content=body
        )
        assert "event: error" in refused.text and "a.py:NONE" in refused.text

"""Two releases compared over the API: the calls of users, and what was said of them."""

import uuid
from random import Random
from typing import Any

from tests.contract.made_entries import envelope, make_end, new_call, now_ms
from tests.flow.control_app import Api, control
from tests.flow.test_api_releases import two_releases

from headgate.core.entries import End
from headgate.core.ports import Sink
from headgate.records.sink import RecordSink
from headgate.store.database import Database

USERS = 12


async def served(database: Database, release: str, random: Random, **further: Any) -> list[End]:
    """Five calls of each user, on record."""
    ends = [
        make_end(
            new_call(),
            **{
                "release": release,
                "user": f"u{number % USERS}",
                "session": f"s{number}",
                "trace_id": random.randbytes(16).hex(),
                "started_ms": now_ms() - random.randrange(3_600_000),
                "cost_pico_usd": random.randrange(10**9, 2 * 10**9),
                **further,
            },
        )
        for number in range(5 * USERS)
    ]
    sink: Sink = RecordSink()
    async with database.transaction() as connection:
        await sink.apply(connection, [envelope(end) for end in ends])
    return ends


async def say(api: Api, items: list[dict[str, Any]]) -> None:
    done = await api.post("/feedback/batch", {"items": items}, status=202)
    assert done["refused"] == 0, done


async def test_feedback_is_compared_and_calls_of_one_user_are_held_together(database: Database) -> None:
    random = Random(8)
    async with control(database) as api:
        one, other = await two_releases(api)
        before, after = [await served(database, release, random) for release in (one, other)]
        liked = [
            (end, float(random.random() < share))
            for ends, share in ((before, 0.2), (after, 0.9))
            for end in ends
        ]
        # Of calls and of traces by turns; what is said of a call counts once, though its trace has it, too.
        await say(
            api,
            [
                {"name": "liked", "value": bool(value), "trace_id": end.trace_id}
                if place % 2
                else {"name": "liked", "value": bool(value), "request_id": str(uuid.UUID(bytes=end.call))}
                for place, (end, value) in enumerate(liked)
            ],
        )
        await say(api, [{"name": "liked", "value": "very much", "trace_id": after[0].trace_id}])
        await say(api, [{"name": "stars", "value": 3, "trace_id": after[0].trace_id}])
        await say(api, [{"name": "liked", "value": True, "user": "u1"}])
        found = await api.get("/releases/compare", a=one, b=other)
    assert (found["calls_a"], found["calls_b"], found["clustered_by"]) == (60, 60, "user")
    assert found["feedback"] == "60 answers before, 61 after, on calls and their traces"
    assert "Calls of one user may resemble each other" in found["method"]
    measures = {measure["name"]: measure for measure in found["measures"]}
    assert [name for name in measures if name.startswith("feedback")] == ["feedback liked"]
    liking = measures["feedback liked"]
    assert (liking["calls_before"], liking["calls_after"], liking["unit"]) == (60, 60, "share")
    assert liking["is_clear"] and liking["sentence"].startswith("feedback liked rose by ")
    assert liking["before"]["value"] == round(sum(value for _, value in liked[:60]) / 60, 6)
    assert not measures["errors"]["is_clear"]


async def test_without_users_and_sessions_calls_stand_alone(database: Database) -> None:
    random = Random(3)
    async with control(database) as api:
        one, other = await two_releases(api)
        for release in (one, other):
            await served(database, release, random, user="app", session="")
        found = await api.get("/releases/compare", a=one, b=other)
    assert (found["clustered_by"], found["feedback"]) == (None, "none recorded")
    assert "independent" in found["method"]

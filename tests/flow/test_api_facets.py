"""What requests have in common is counted as the list lists it, each facet under all filters but its own."""

import pytest
from tests.flow.control_app import Api, control, make_key
from tests.flow.test_api_requests import ended, record

from headgate.core.entries import PromptUsed
from headgate.records import facets as call_facets
from headgate.store.database import Database

FILTERS: list[dict[str, str]] = [
    {},
    {"model": "assistant"},
    {"model": "assistant", "key": "k1", "status": "ok"},
    {"target": "mock"},
    {"status": "error"},
    {"environment": "production"},
    {"environment": "-", "model": "assistant", "status": "4xx"},
    {"status": "429"},
    {"code": "rate_limited"},
    {"prompt": "greet"},
    {"prompt": "greet", "prompt_version": "3"},
    {"environment": "production", "user": "anna"},
    {"tag": "red", "session": "s1"},
    {"price": "known", "project": "default"},
    {"text": "nobody says this"},
]
FACETS = ("status", "code", "model", "target", "prompt", "release", "environment", "key", "user", "tag")
SUMMED = 7
"""So many of the filters are ones that sums know."""


async def calls_made(database: Database) -> None:
    await record(
        database,
        ended(prompts=(PromptUsed("greet", 3), PromptUsed("close", 1))),
        ended(prompts=(PromptUsed("greet", 3),), environment="production", release="r1"),
        ended(user="", tags=(), key="k2", status=429, code="rate_limited", target=""),
        ended(model="writer", user="ben", tags=("red", "blue"), target="other/large"),
        ended(model="writer", user="ben", status=502, code="provider_error", project="blue"),
    )


async def facets_of(api: Api, **query: str) -> dict[str, dict[str, int]]:
    found = (await api.get("/requests/facets", **query))["items"]
    assert all(each["without"] == [] for each in found)
    return {each["facet"]: {value["value"]: value["calls"] for value in each["values"]} for each in found}


async def test_facets_count_what_the_list_lists_under_each_value(database: Database) -> None:
    """A facet under all filters but its own: as many as are listed where one clicks on the value."""
    async with control(database) as api:
        await calls_made(database)
        for query in FILTERS:
            found = await facets_of(api, **query)
            assert tuple(found) == FACETS
            for facet, values in found.items():
                own = ("prompt", "prompt_version") if facet == "prompt" else (facet,)
                others = {name: value for name, value in query.items() if name not in own}
                for value, calls in values.items():
                    listed = await api.get("/requests", **others, **{facet: value or "-"})
                    assert calls == len(listed["items"]) > 0, (query, facet, value)
            assert ("text" in query) == (not any(found.values())), query
        assert (await facets_of(api, facet="user, tag"))["tag"] == {"red": 4, "blue": 1, "": 1}
        _, member = await make_key(database, "member")
        await api.post("/budgets", {"name": "look", "limit": "1 USD"})
        assert not any((await facets_of(api.as_key(member))).values())
        status, refused = await api.ask("GET", "/api/v1/requests/facets", facet="mood")
        assert (status, refused["error"]["message"][:15]) == (400, "facet is 'mood'")


async def test_facets_of_many_calls_are_sums_or_say_what_they_leave_out(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with control(database) as api:
        await calls_made(database)
        whole = [await facets_of(api, **query) for query in FILTERS[:SUMMED]]
        monkeypatch.setattr(call_facets, "COUNTED_MAX", 0)
        for query, expected in zip(FILTERS, whole, strict=False):
            found = await facets_of(api, **query)
            for facet in ("status", "model", "target", "release", "environment", "key"):
                assert found[facet] == expected[facet], (query, facet)
            # A call counts with the first of its prompts there.
            assert found["prompt"].get("greet") == expected["prompt"].get("greet")
        assert (await facets_of(api))["user"] == {"anna": 2, "ben": 2, "": 1}
        # Of a user no sums are kept: the newest are counted, and since when is said.
        listed = (await api.get("/requests", user="ben"))["items"]
        (models,) = (await api.get("/requests/facets", facet="model", user="ben"))["items"]
        assert models["values"] == [{"value": "writer", "calls": 1}]
        assert models["begin"] == listed[0]["started_at"]
        async with database.transaction() as connection:
            # A list that waits is one that takes too long.
            await connection.execute("lock table request_bodies in access exclusive mode")
            (found,) = (await api.get("/requests/facets", facet="model", text="x", key="k1"))["items"]
        assert found["without"] == ["text"]
        assert found["values"] == [{"value": "assistant", "calls": 2}, {"value": "writer", "calls": 2}]

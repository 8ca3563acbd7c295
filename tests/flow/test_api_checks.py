"""Datasets and runs of checks over the API: versions that stay, cases from calls, results once, erasure."""

import uuid
from typing import Any

import pytest
from tests.contract.made_entries import envelope, make_body
from tests.flow.control_app import Api, control
from tests.flow.test_api_erasures import erased
from tests.flow.test_api_requests import ended, record

from headgate.core.entries import End
from headgate.datasets.model import Case, digest_of
from headgate.records.bodies import BodySink
from headgate.store.database import Database

CASES: list[dict[str, Any]] = [
    {"id": "a", "input": "one?", "expected": "1"},
    {"id": "b", "input": "two?", "expected": "2"},
]
CHAT = (
    b'{"model": "assistant", "stream": true, "user": "anna", "messages": [{"role": "user", "content": "%s"}]}'
)


async def calls(database: Database, *texts: str, **parts: Any) -> list[str]:
    """Calls on record with their bodies."""
    ends: list[End] = [ended(**parts) for _ in texts]
    ids = await record(database, *ends)
    bodies = [
        make_body(end.call, CHAT % text.encode(), project=end.project)
        for end, text in zip(ends, texts, strict=True)
    ]
    async with database.transaction() as connection:
        await BodySink().apply(connection, [envelope(body) for body in bodies])
    return ids


async def cases_in(api: Api, name: str = "orders", **query: Any) -> list[dict[str, Any]]:
    return (await api.get(f"/datasets/{name}/cases", **query))["items"]


async def test_versions_are_known_by_their_cases_and_stay(database: Database) -> None:
    async with control(database) as api:
        made = await api.post("/datasets", {"name": "orders"})
        assert (made["version"], made["cases"]) == (0, 0)
        first = await api.post("/datasets/orders/cases", {"cases": CASES})
        assert (first["version"], first["added"], first["cases"]) == (1, 2, 2)
        assert first["digest"] == digest_of([Case(**case) for case in CASES])
        again = await api.post("/datasets/orders/cases", {"cases": CASES[::-1]})
        assert (again["version"], again["added"], again["digest"]) == (1, 0, first["digest"])
        other = {"id": "b", "input": "two?", "expected": "zwei"}
        second = await api.post("/datasets/orders/cases", {"cases": [other]})
        assert (second["version"], second["changed"], second["cases"]) == (2, 1, 2)
        third = await api.post("/datasets/orders/cases", {"cases": CASES[:1], "replace": True})
        assert (third["version"], third["removed"], third["cases"]) == (3, 1, 1)
        assert await cases_in(api, version=1) == CASES
        assert await cases_in(api, version=2) == [CASES[0], other]
        assert await cases_in(api) == CASES[:1]
        page = await api.get("/datasets/orders/cases", version=1, limit=1)
        following = await api.get("/datasets/orders/cases", version=1, limit=1, next=page["next"])
        assert [page["items"][0]["id"], following["items"][0]["id"]] == ["a", "b"]
        shown = await api.get("/datasets/orders")
        assert [each["version"] for each in shown["versions"]] == [3, 2, 1]
        assert (await api.ask("GET", "/api/v1/datasets/orders/cases", version=9))[0] == 404
        assert (await api.delete("/datasets/orders"))["version"] == 3
        assert (await api.get("/datasets"))["items"] == []


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"cases": []}, "cases"),
    ({"cases": [{"input": "a", "body": {}}]}, "cases[0]: it has input and body"),
    ({"cases": [*CASES, CASES[0]]}, "cases[2]: this is the case of cases[0] again"),
    ({"cases": [{"input": "a\0b"}]}, "U+0000"),
    ({"cases": [{"input": "a", "origin": "heaven"}]}, "heaven"),
]


@pytest.mark.parametrize(("body", "reason"), REFUSED)
async def test_cases_that_are_none_are_refused(database: Database, body: Any, reason: str) -> None:
    async with control(database) as api:
        await api.post("/datasets", {"name": "orders"})
        status, found = await api.ask("POST", "/api/v1/datasets/orders/cases", body)
        assert status == 400
        assert reason in found["error"]["message"]
        assert (await api.ask("POST", "/api/v1/datasets", {"name": "orders"}))[0] == 409
        assert (await api.ask("POST", "/api/v1/datasets/none/cases", {"cases": CASES}))[0] == 404
        status, found = await api.ask("POST", "/api/v1/datasets/orders/calls", {})
        assert (status, "name calls by" in found["error"]["message"]) == (400, True)
        status, _ = await api.ask("POST", "/api/v1/datasets/orders/calls", {"model": "a", "least": 1})
        assert status == 400


async def test_calls_with_thumbs_down_become_cases(database: Database) -> None:
    async with control(database) as api:
        liked, disliked, again = await calls(database, "good", "bad", "bad")
        await record(database, ended(dialect="openai", operation="embeddings"))
        without = (await record(database, ended()))[0]
        for call, value in ((liked, True), (disliked, False), (again, False), (without, False)):
            await api.post("/feedback", {"name": "thumb", "value": value, "request_id": call}, status=202)
        await api.post("/datasets", {"name": "orders"})
        asked = {"feedback": "thumb", "most": 0, "tags": ["complaint"]}
        taken = await api.post("/datasets/orders/calls", asked)
        assert (taken["calls"], taken["without_body"], taken["repeated"]) == (3, 1, 1)
        (case,) = await cases_in(api)
        assert case["body"] == {"model": "assistant", "messages": [{"role": "user", "content": "bad"}]}
        assert (case["origin"], case["tags"], case["cluster"]) == ("feedback", ["complaint"], "s1")
        taken = await api.post("/datasets/orders/calls", {"model": "assistant"})
        assert (taken["calls"], taken["other_dialects"], taken["added"]["cases"]) == (5, 1, 2)


OTHERS: list[tuple[str, bytes, list[dict[str, Any]]]] = [
    (
        "anthropic",
        b'{"model": "assistant", "max_tokens": 50, "system": "Be short.", '
        b'"messages": [{"role": "user", "content": "How far?"}]}',
        [{"role": "system", "content": "Be short."}, {"role": "user", "content": "How far?"}],
    ),
    (
        "openai-responses",
        b'{"model": "assistant", "instructions": "Be short.", "input": "How far?"}',
        [{"role": "system", "content": "Be short."}, {"role": "user", "content": "How far?"}],
    ),
    (
        "google",
        b'{"contents": [{"role": "user", "parts": [{"text": "How far?"}]}]}',
        [{"role": "user", "content": "How far?"}],
    ),
]


@pytest.mark.parametrize(("dialect", "body", "messages"), OTHERS, ids=[each[0] for each in OTHERS])
async def test_calls_in_other_dialects_become_cases_that_ask_the_same(
    database: Database, dialect: str, body: bytes, messages: list[dict[str, Any]]
) -> None:
    async with control(database) as api:
        end: End = ended(dialect=dialect)
        await record(database, end)
        made = make_body(end.call, body, project=end.project)
        nonsense: End = ended(dialect=dialect)
        await record(database, nonsense)
        other = make_body(nonsense.call, b'{"messages": [null], "input": [null], "contents": [null]}')
        async with database.transaction() as connection:
            await BodySink().apply(connection, [envelope(made), envelope(other)])
        await api.post("/datasets", {"name": "orders"})
        taken = await api.post("/datasets/orders/calls", {"model": end.model})
        assert (taken["calls"], taken["without_body"], taken["other_dialects"]) == (2, 1, 0)
        (case,) = await cases_in(api)
        assert case["body"]["model"] == end.model
        assert [
            {**each, "role": each["role"].replace("developer", "system")} for each in case["body"]["messages"]
        ] == messages


async def begun(api: Api, dataset: str = "orders") -> str:
    run = {
        "name": "orders",
        "target": "target",
        "dataset": dataset,
        "dataset_digest": "0" * 64,
        "definition": {"repeats": 1},
    }
    return (await api.post("/checks/runs", run))["id"]


def result(case: str, request: str = "", **marks: Any) -> dict[str, Any]:
    return {"case": case, "repeat": 0, "request_id": request, "marks": marks or {"right": {"score": 1.0}}}


async def test_a_run_keeps_each_result_once_and_what_judges_said(database: Database) -> None:
    async with control(database) as api:
        keys = [
            (await api.post("/keys", {"name": name, "role": "member", "project": project}))["key"]
            for name, project in (("ci", "default"), ("other", "default"), ("outside", "blue"))
        ]
        member, another, outsider = keys
        own = api.as_key(member)
        run = await begun(own)
        judged = {"score": 0.5, "reason": "so so", "digest": "ab" * 32, "request_id": str(uuid.uuid4())}
        results = [result("a"), result("b", polite=judged)]
        path = f"/checks/runs/{run}/results"
        assert (await own.post(path, {"results": results}, status=202))["accepted"] == 2
        await own.post(path, {"results": [result("a", right={"score": 0.0})]}, status=202)
        found = (await own.get(path))["items"]
        assert [(each["case"], sorted(each["marks"])) for each in found] == [
            ("a", ["right"]),
            ("b", ["polite"]),
        ]
        assert found[0]["marks"]["right"]["score"] == 1.0
        known = await own.post("/checks/judgements", {"digests": ["ab" * 32, "cd" * 32]}, status=200)
        assert known["items"] == [{"digest": "ab" * 32, "score": 0.5, "reason": "so so"}]
        await own.patch(f"/checks/runs/{run}", {"verdict": "met", "report": {"sentence": "passes"}})
        shown = await api.get(f"/checks/runs/{run}")
        assert (shown["run"]["verdict"], shown["report"]) == ("met", {"sentence": "passes"})
        assert [each["id"] for each in (await api.get("/checks/runs", name="orders"))["items"]] == [run]
        assert (await api.as_key(another).ask("POST", f"/api/v1{path}", {"results": results}))[0] == 403
        stranger = api.as_key(outsider)
        assert (await stranger.ask("GET", f"/api/v1{path}"))[0] == 404
        assert (await stranger.get("/checks/runs"))["items"] == []
        found = await stranger.post("/checks/judgements", {"digests": ["ab" * 32]}, status=200)
        assert found["items"] == []


async def test_cases_say_which_call_they_came_from(database: Database) -> None:
    async with control(database) as api:
        (call,) = await calls(database, "hers")
        await api.post("/datasets", {"name": "orders"})
        await api.post("/datasets/orders/cases", {"cases": CASES[:1]})
        await api.post("/datasets/orders/calls", {"request_ids": [call]})
        sources = (await api.get("/datasets/orders/sources"))["items"]
        assert [each["id"] for each in sources] == [case["id"] for case in await cases_in(api)]
        assert {(each["request_id"], each["first_version"]) for each in sources} == {(None, 1), (call, 2)}
        first = await api.get("/datasets/orders/sources", version=1)
        assert [each["id"] for each in first["items"]] == ["a"]
        assert (await api.ask("GET", "/api/v1/datasets/orders/sources", version=9))[0] == 404


async def test_two_runs_are_compared_on_the_cases_that_both_asked(database: Database) -> None:
    async with control(database) as api:
        ours, theirs = await begun(api), await begun(api)
        names = [f"case {number:02}" for number in range(60)]
        await api.post(
            f"/checks/runs/{ours}/results", {"results": [result(name) for name in names]}, status=202
        )
        wrong = [result(name, right={"score": 0.0}) for name in names[1:50]]
        missing = result(names[50], right={"score": None, "reason": "it said nothing"})
        await api.post(f"/checks/runs/{theirs}/results", {"results": [*wrong, missing]}, status=202)
        found = await api.get(f"/checks/runs/{ours}/comparison", against=theirs)
        assert found["is_same_dataset"]
        (right,) = found["scorers"]
        assert (right["cases"], right["better"], right["worse"], right["left_out"]) == (49, 49, 0, 11)
        assert (right["mean"], right["against"], right["difference"]) == (1, 0, 1)
        assert 0 < right["low"] < 1 and right["high"] == 1
        assert right["sentence"].startswith("right: this run is better by ")
        back = await api.get(f"/checks/runs/{theirs}/comparison", against=ours)
        assert back["scorers"][0]["high"] == -right["low"]
        assert "this run is worse by " in back["scorers"][0]["sentence"]
        same = await api.get(f"/checks/runs/{ours}/comparison", against=ours)
        assert "it is not known which run is better" in same["scorers"][0]["sentence"]


async def test_runs_on_clusters_are_compared_by_cluster(database: Database) -> None:
    async with control(database) as api:
        new = {"name": "orders", "target": "target", "dataset": "orders", "dataset_digest": "0" * 64}
        new |= {"definition": {}, "largest_cluster": 40}
        ours = (await api.post("/checks/runs", new))["id"]
        theirs = await begun(api)
        for run, right in ((ours, 1.0), (theirs, 0.0)):
            results = [
                {**result(f"{number:02}", right={"score": right}), "cluster": f"document {number % 3}"}
                for number in range(60)
            ]
            await api.post(f"/checks/runs/{run}/results", {"results": results}, status=202)
        found = await api.get(f"/checks/runs/{theirs}/comparison", against=ours)
        assert (found["against"]["largest_cluster"], found["run"]["largest_cluster"]) == (40, 1)
        (right,) = found["scorers"]
        assert (right["cases"], right["clusters"], right["worse"]) == (60, 3, 60)
        assert right["low"] == -1 < 0 < right["high"], "three clusters tell little"
        assert "it is not known which run is better" in right["sentence"]
        kept = (await api.get(f"/checks/runs/{ours}/results", limit=1))["items"]
        assert kept[0]["cluster"] == "document 0"


async def test_erasing_a_user_takes_its_cases_and_the_calls_made_with_them(database: Database) -> None:
    async with control(database) as api:
        await calls(database, "hers", user="anna", session="")
        await calls(database, "his", user="ben", session="")
        await api.post("/datasets", {"name": "orders"})
        await api.post("/datasets/orders/calls", {"model": "assistant"})
        texts = {case["body"]["messages"][0]["content"]: case["id"] for case in await cases_in(api)}
        (hers, judge) = await calls(database, "hers", "how good?", user="", key="ci", session="")
        (his,) = await calls(database, "his", user="", key="ci", session="")
        run = await begun(api)
        judged = {"score": 1.0, "digest": "ab" * 32, "request_id": judge}
        results = [result(texts["hers"], hers, polite=judged), result(texts["his"], his)]
        await api.post(f"/checks/runs/{run}/results", {"results": results}, status=202)
        receipt = await erased(api, database, user="anna")
        told = {row["table"]: row["removed"] for row in receipt["tables"]}
        assert (told["dataset_cases"], told["check_results"], told["check_judgements"]) == (1, 1, 1)
        assert told["requests"] == 3
        assert [each["id"] for each in (await api.get("/requests"))["items"]][:1] == [his]
        assert [case["id"] for case in await cases_in(api)] == [texts["his"]]
        left = (await api.get(f"/checks/runs/{run}/results"))["items"]
        assert [each["case"] for each in left] == [texts["his"]]
        assert all(row["found"] == 0 for row in receipt["second_look"])


async def test_an_empty_run_is_taken_back_and_no_other(database: Database) -> None:
    new: dict[str, Any] = {
        "name": "one",
        "target": "target",
        "dataset": "d",
        "dataset_digest": "0" * 64,
        "definition": {},
    }
    result = {"case": "a", "repeat": 0, "marks": {"right": {"score": 1.0}}}
    async with control(database) as api:
        empty = await api.post("/checks/runs", new)
        full = await api.post("/checks/runs", new)
        await api.post(f"/checks/runs/{full['id']}/results", {"results": [result]}, 202)
        assert (await api.ask("DELETE", f"/api/v1/checks/runs/{empty['id']}"))[0] == 204
        status, refused = await api.ask("DELETE", f"/api/v1/checks/runs/{full['id']}")
        assert status == 409 and "has results, which stay" in refused["error"]["message"]
        assert [run["id"] for run in (await api.get("/checks/runs"))["items"]] == [full["id"]]

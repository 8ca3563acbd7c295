"""What Langfuse's SDK asks beside OTLP: keys are checked, scores kept once, the rest answered in words."""

import base64
from typing import Any

import httpx
import msgspec
from tests.flow.control_app import Api, control, make_key

from headgate.store.database import Database

TRACE, SPAN = "ab" * 16, "cd" * 8
AT = "2026-11-22T08:00:00.123456Z"
NUMBER: dict[str, Any] = {"id": "s1", "name": "csat", "value": 4.0, "traceId": TRACE, "timestamp": AT}
OF_SPAN = {"observationId": SPAN}
SCORES: list[dict[str, Any]] = [
    NUMBER,
    {
        "id": "s2",
        "name": "helpful",
        "value": 1.0,
        "dataType": "BOOLEAN",
        "traceId": TRACE,
        "observationId": SPAN,
    },
    {
        "id": "s3",
        "name": "mood",
        "value": "good",
        "dataType": "CATEGORICAL",
        "sessionId": "s-1",
        "comment": "so",
    },
]


async def ask(
    api: Api, method: str, path: str, body: object = None, key: str | None = None
) -> httpx.Response:
    """As the SDK does: the key is the password, whatever the name."""
    name = base64.b64encode(f"pk-lf-1:{key or api.key}".encode()).decode()
    return await api.client.request(
        method,
        f"/api/public/{path}",
        headers={"authorization": f"Basic {name}"},
        content=None if body is None else msgspec.json.encode(body),
    )


async def kept(api: Api) -> dict[str, Any]:
    return {each["id"]: each for each in (await api.get("/feedback"))["items"]}


async def test_a_key_is_checked_as_the_sdk_does(database: Database) -> None:
    async with control(database) as api:
        _, member = await make_key(database, "member", "blue")
        await api.post("/budgets", {"name": "look", "limit": "1 USD"})
        found = (await ask(api, "GET", "projects", key=member)).json()
        assert [(each["id"], each["organization"]["name"]) for each in found["data"]] == [("blue", "blue")]
        assert (await ask(api, "GET", "projects", key="sk-lf-none")).status_code == 401


async def test_scores_count_once_and_the_last_of_an_id_holds(database: Database) -> None:
    async with control(database) as api:
        for _ in range(2):
            answer = await ask(api, "POST", "scores", SCORES)
            assert (answer.status_code, answer.json()) == (202, {"message": "Accepted"})
        found = await kept(api)
        assert {name: each["value"] for name, each in found.items()} == {"s1": 4, "s2": True, "s3": "good"}
        assert found["s1"]["at"] == "2026-11-22T08:00:00.123Z"
        assert (found["s2"]["trace_id"], found["s2"]["span_id"]) == (TRACE, SPAN)
        assert (found["s3"]["session"], found["s3"]["comment"], found["s3"]["source"]) == (
            "s-1",
            "so",
            "code",
        )
        answer = await ask(api, "POST", "scores", {**NUMBER, "value": 5})
        assert (answer.status_code, answer.json()) == (200, {"id": "s1"})
        assert (await kept(api))["s1"]["value"] == 5


async def test_what_cannot_be_kept_is_told_and_the_rest_is_kept(database: Database) -> None:
    async with control(database) as api:
        _, member = await make_key(database, "member")
        await api.post("/budgets", {"name": "look", "limit": "1 USD"})
        await ask(api, "POST", "scores", [NUMBER], key=member)
        wrong: list[Any] = [
            {"name": "csat", "value": 1, "traceId": "not hex"},
            {"name": "csat", "value": 1, "datasetRunId": "run"},
            {"value": 1},
            {"name": "csat", "value": 1},
            {**NUMBER, "value": 2},
        ]
        answer = await ask(api, "POST", "scores", [*wrong, *SCORES[1:]])
        assert answer.status_code == 207
        found = answer.json()
        assert (found["accepted"], found["rejected"]) == (2, 5)
        messages = [each["message"] for each in found["errors"]]
        assert "trace_id" in messages[0] and "dataset run 'run'" in messages[1] and "name" in messages[2]
        assert "names no subject" in messages[3] and "another key has said 's1'" in messages[4]
        assert set(await kept(api)) == {"s1", "s2", "s3"}
        for body in ({"name": "x"}, "text"):
            assert (await ask(api, "POST", "scores", body)).status_code == 400


async def test_events_of_earlier_sdks_are_scores_or_told_to_come_by_otlp(database: Database) -> None:
    async with control(database) as api:
        batch = [
            {"id": "e1", "type": "score-create", "timestamp": AT, "body": NUMBER},
            {"id": "e2", "type": "trace-create", "timestamp": AT, "body": {"id": TRACE}},
            {"id": "e3", "type": "score-create", "timestamp": AT, "body": {"name": "csat"}},
        ]
        answer = await ask(api, "POST", "ingestion", {"batch": batch, "metadata": {}})
        found = answer.json()
        assert answer.status_code == 207
        assert [each["id"] for each in found["successes"]] == ["e1"]
        assert [each["id"] for each in found["errors"]] == ["e2", "e3"]
        assert "OTLP" in found["errors"][0]["message"]
        assert set(await kept(api)) == {"s1"}
        bodies: list[Any] = [{}, {"batch": 1}, {"batch": ["x"]}, []]
        for body in bodies:
            assert (await ask(api, "POST", "ingestion", body)).status_code == 400


async def test_all_else_is_told_what_to_use_here(database: Database) -> None:
    async with control(database) as api:
        for method, path, said in (
            ("GET", "v2/prompts/greeting?label=production", "headgate prompts"),
            ("GET", "traces?limit=5", "/api/v1/traces"),
            ("DELETE", "datasets/one", "/api/openapi.json"),
            ("POST", "media", "switch media off"),
        ):
            answer = await ask(api, method, path)
            assert answer.status_code == 404, path
            assert said in answer.json()["error"]["message"], answer.text
        assert (await ask(api, "GET", "traces", key="none")).status_code == 401

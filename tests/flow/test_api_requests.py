"""Requests and costs through the control API: filters, who sees what, and following as they come in."""

import asyncio
import contextlib
import socket
import uuid
from collections.abc import AsyncGenerator
from typing import Any

import httpx
import msgspec
import pytest
from tests.flow.control_app import Api, control, make_key

from headgate.core.call import Usage
from headgate.core.entries import END, SHADOW, End, Exposure
from headgate.core.identity import IdentitySource
from headgate.core.money import parse_usd
from headgate.core.ports import Envelope
from headgate.http1.asgi import AsgiServer, AsgiService
from headgate.records.sink import RecordSink
from headgate.store.clock import SystemClock
from headgate.store.database import Database

IDENTITIES = IdentitySource(SystemClock())


def ended(**parts: Any) -> End:
    """A call that ended well; `parts` differ from that."""
    plain: dict[str, Any] = {
        "call": IDENTITIES.next().bytes,
        "started_ms": SystemClock().now_ms(),
        "duration_ms": 12,
        "first_token_ms": 5,
        "project": "default",
        "key": "k1",
        "user": "anna",
        "session": "s1",
        "tags": ("red",),
        "dialect": "openai-chat",
        "operation": "chat",
        "stream": False,
        "model": "assistant",
        "target": "mock/small",
        "status": 200,
        "code": "",
        "message": "",
        "attempts": (),
        "excluded": (),
        "changes": (),
        "snapshot": "abc",
        "release": "",
        "trace_id": "",
        "usage": Usage(input=10, output=5),
        "cost_pico_usd": parse_usd("0.001"),
        "estimated": False,
        "truncated": False,
    }
    return End(**{**plain, **parts})


async def record(database: Database, *calls: End) -> list[str]:
    """Write calls to the record as the shipper does; return their ids."""
    batch = [Envelope(uuid.uuid4().bytes, END, msgspec.msgpack.encode(call)) for call in calls]
    async with database.transaction() as connection:
        await RecordSink().apply(connection, batch)
    return [str(uuid.UUID(bytes=call.call)) for call in calls]


async def test_requests_are_listed_newest_first_and_filtered(database: Database) -> None:
    async with control(database) as api:
        ids = await record(
            database,
            ended(),
            ended(project="blue", user="ben", status=429, code="rate_limited", target=""),
            ended(model="mock/large", target="mock/large", session="s2", duration_ms=900),
        )
        assert [each["id"] for each in (await api.get("/requests"))["items"]] == ids[::-1]
        wanted: list[tuple[dict[str, Any], list[int]]] = [
            ({"project": "blue"}, [1]),
            ({"user": "anna"}, [2, 0]),
            ({"session": "s2"}, [2]),
            ({"model": "assistant"}, [1, 0]),
            ({"target": "mock/large"}, [2]),
            ({"status": "4xx"}, [1]),
            ({"status": "200", "key": "k1"}, [2, 0]),
            ({"code": "rate_limited"}, [1]),
            ({"tag": "red", "limit": 1}, [2]),
            ({"min_duration_ms": 900}, [2]),
            ({"min_duration_ms": 900.5}, []),
            ({"from": "2100-01-01T00:00:00Z"}, []),
            ({"to": "2001-01-01T00:00:00+01:00"}, []),
        ]
        for query, places in wanted:
            found = [each["id"] for each in (await api.get("/requests", **query))["items"]]
            assert found == [ids[place] for place in places], query
        for wrong in ("slow", "-1", "nan"):
            status, refused = await api.ask("GET", f"/api/v1/requests?min_duration_ms={wrong}")
            assert status == 400
            assert "min_duration_ms" in refused["error"]["message"]
        page = await api.get("/requests", limit=2)
        rest = await api.get("/requests", limit=2, next=page["next"])
        assert ([each["id"] for each in rest["items"]], rest["next"]) == ([ids[0]], None)
        shown = await api.get(f"/requests/{ids[0]}")
        assert (shown["usage"]["input"], shown["cost_usd"], shown["attempts"]) == (10, "0.001", [])


async def test_requests_are_filtered_by_experiment_and_arm(database: Database) -> None:
    def part(name: str, arm: str, version: str = "v1") -> Exposure:
        return Exposure(name, version, arm, "ann" if arm else "", "user")

    async with control(database) as api:
        ids = await record(
            database,
            ended(exposures=(part("tiny", "now"),)),
            ended(exposures=(part("tiny", "new"), part('a "b\\ é', "now"))),
            ended(exposures=(part("tiny", ""),)),
            ended(),
            ended(exposures=(part("tiny", "new", "v2"),)),
        )
        wanted: list[tuple[dict[str, Any], list[int]]] = [
            ({"experiment": "tiny"}, [4, 2, 1, 0]),
            ({"experiment": "v2"}, [4]),
            ({"experiment": "tiny", "arm": "now"}, [0]),
            ({"experiment": "v1", "arm": "new"}, [1]),
            ({"arm": "now"}, [1, 0]),
            ({"experiment": "tiny", "arm": "-"}, [2]),
            ({"experiment": 'a "b\\ é'}, [1]),
            ({"experiment": '" || true || "'}, []),
        ]
        for query, places in wanted:
            found = [each["id"] for each in (await api.get("/requests", **query))["items"]]
            assert found == [ids[place] for place in places], query


async def test_shadows_are_told_apart_and_shown_alone_or_left_out(database: Database) -> None:
    def shadow_of(call: str) -> Exposure:
        return Exposure("rollout:tiny", "v1", "candidate", call, SHADOW)

    async with control(database) as api:
        plain = ended(exposures=(Exposure("rollout:tiny", "v1", "candidate", "shadow", "user"),))
        named = str(uuid.UUID(bytes=plain.call))
        ids = await record(
            database,
            plain,
            ended(exposures=(shadow_of(named),), target="mock/large"),
            ended(),
            ended(exposures=(Exposure("other", "v2", "now", "ann", "user"), shadow_of(named)), user=""),
        )
        listed = (await api.get("/requests"))["items"]
        assert [(each["id"], each["shadow"]) for each in listed] == [
            (ids[3], True), (ids[2], False), (ids[1], True), (ids[0], False),
        ]  # fmt: skip
        for identity, is_shadow in ((ids[0], False), (ids[1], True)):
            assert (await api.get(f"/requests/{identity}"))["shadow"] is is_shadow
        wanted: list[tuple[dict[str, Any], list[int]]] = [
            ({"shadow": "yes"}, [3, 1]),
            ({"shadow": "no"}, [2, 0]),
            ({"shadow": "no", "limit": 1}, [2]),
            ({"shadow": "yes", "target": "mock/large"}, [1]),
            ({"shadow": "no", "experiment": "rollout:tiny"}, [0]),
            ({"shadow": "yes", "user": "-"}, [3]),
        ]
        for query, places in wanted:
            found = [each["id"] for each in (await api.get("/requests", **query))["items"]]
            assert found == [ids[place] for place in places], query
        assert (await api.get("/requests/counts", shadow="yes"))["calls"] == 2
        assert (await api.get("/requests/counts"))["calls"] == 4
        status, refused = await api.ask("GET", "/api/v1/requests?shadow=true")
        assert (status, refused["error"]["message"]) == (400, "shadow is 'true'; write yes or no")


async def test_each_role_sees_its_own(database: Database) -> None:
    async with control(database) as api:
        member_id, member = await make_key(database, "member", "blue")
        _, viewer = await make_key(database, "viewer", "blue")
        await api.post("/budgets", {"name": "look", "limit": "1 USD"})
        ids = await record(
            database, ended(project="blue", key=member_id), ended(project="blue"), ended(key=member_id)
        )
        seen: dict[str, list[str]] = {}
        for name, text in (("member", member), ("viewer", viewer), ("admin", api.key)):
            other = api.as_key(text)
            seen[name] = [each["id"] for each in (await other.get("/requests"))["items"]]
            for identity in ids:
                status, _ = await other.ask("GET", f"/api/v1/requests/{identity}")
                assert (status == 200) == (identity in seen[name]), (name, identity)
            assert (await other.get("/requests", project="red"))["items"] == []
        assert seen == {"member": ids[:1], "viewer": ids[1::-1], "admin": ids[::-1]}
        assert (await api.as_key(member).get("/requests", key="k1"))["items"] == []
        own = await api.as_key(member).get("/costs", group_by="project")
        assert [(row["project"], row["requests"]) for row in own["items"]] == [("blue", 1)]


async def test_costs_are_summed_by_what_is_asked(database: Database) -> None:
    async with control(database) as api:
        await record(
            database, ended(), ended(), ended(model="other", cost_pico_usd=None), ended(project="blue")
        )
        rows = (await api.get("/costs", group_by="project,model"))["items"]
        sums = {(row["project"], row["model"]): (row["requests"], row["cost_usd"]) for row in rows}
        assert sums == {
            ("default", "assistant"): (2, "0.002"),
            ("default", "other"): (1, None),
            ("blue", "assistant"): (1, "0.001"),
        }
        first = await api.get("/costs", group_by="project,model", limit=2)
        second = await api.get("/costs", group_by="project,model", limit=2, next=first["next"])
        assert (first["items"] + second["items"], second["next"]) == (rows, None)
        daily = (await api.get("/costs", group_by="tag", interval="day", project="blue"))["items"]
        assert [(row["tag"], row["requests"]) for row in daily] == [("red", 1)]
        assert daily[0]["start"].endswith("T00:00:00.000Z")


@contextlib.asynccontextmanager
async def served(api: Api) -> AsyncGenerator[httpx.AsyncClient]:
    """The same application on a real socket, since following streams."""
    listening = socket.create_server(("127.0.0.1", 0))
    server: AsgiServer = AsgiService(quiet(api), [listening])._server  # pyright: ignore[reportPrivateUsage]
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    await server.listening.wait()
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    try:
        async with httpx.AsyncClient(base_url=url, timeout=10, trust_env=False) as client:
            yield client
    finally:
        server.should_exit = True
        await serving


def quiet(api: Api) -> Any:
    """The application without a lifespan: it runs already."""

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            for step in ("startup", "shutdown"):
                await receive()
                await send({"type": f"lifespan.{step}.complete"})
        else:
            await api.app(scope, receive, send)

    return answer


async def test_a_call_shows_to_who_follows_within_a_second(database: Database) -> None:
    async with control(database) as api, served(api) as client:
        made = await api.post("/keys", {"name": "watch", "role": "viewer"})
        await record(database, ended())
        headers = {"authorization": f"Bearer {made['key']}"}
        async with client.stream("GET", "/api/v1/requests/stream", headers=headers) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            lines = answer.aiter_lines()
            await until_line(lines, ": following")
            await record(database, ended(project="blue"))
            (identity,) = await record(database, ended(model="new"))
            async with asyncio.timeout(1.0):
                data = await until_line(lines, "data: ")
            assert msgspec.json.decode(data.removeprefix("data: "))["id"] == identity
            await api.delete(f"/keys/{made['id']}")
            data = await until_line(lines, "data: ")
            assert "invalid_key" in data
            with pytest.raises(StopAsyncIteration):
                while True:
                    await anext(lines)


async def until_line(lines: Any, prefix: str) -> str:
    async with asyncio.timeout(5.0):
        while not (line := await anext(lines)).startswith(prefix):
            pass
    return line

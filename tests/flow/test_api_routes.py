"""Every route of the control API: closed by default, in one error shape, described."""

import re
from typing import Any, get_args

from litestar import Litestar, get
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute
from tests.flow.control_app import TOML, Api, asking, control, make_key

from headgate.access.book import AccessBook
from headgate.access.gate import ANY_KEY, PUBLIC, Gate, grants_of
from headgate.access.model import Role
from headgate.access.roles import Grant
from headgate.api.app import create_control_app
from headgate.api.errors import EXCEPTION_HANDLERS
from headgate.api.services import ControlServices
from headgate.policy.egress import GuardedEgress
from headgate.store.clock import SystemClock
from headgate.store.database import Database

OPEN = {
    *("/", "/assets/{name:str}", "/{page:str}", "/{page:str}/{rest:path}"),
    *("/healthz", "/readyz", "/metrics", "/api", "/api/openapi.json", "/api/{path:str}"),
    *("/api/v1/sign-in", "/api/v1/sign-out", "/api/v1/feedback/from/{system:str}"),
}


def app_without_database() -> Litestar:
    database = Database("postgresql://nobody@127.0.0.1:1/none")
    return create_control_app(
        ControlServices(database=database, clock=SystemClock(), egress=GuardedEgress({}))
    )


def routes(app: Litestar) -> list[tuple[str, str, HTTPRouteHandler]]:
    return [
        (method, route.path, handler)
        for route in app.routes
        if isinstance(route, HTTPRoute)
        for method, (handler, _) in route.route_handler_map.items()
        if method != "OPTIONS"
    ]


def test_every_route_declares_its_grant() -> None:
    declared = {
        (method, path): grants_of(handler) for method, path, handler in routes(app_without_database())
    }
    assert len(declared) > 30
    known = {*get_args(Grant), PUBLIC, ANY_KEY}
    assert not {route: grant for route, grant in declared.items() if grant not in known}
    assert {path for (_, path), grant in declared.items() if grant == PUBLIC} == OPEN


QUESTIONS = {
    *("/api/v1/whatif", "/api/v1/whatif/stream", "/api/v1/rules/test", "/api/v1/planning"),
    "/api/v1/judges/{name:str}/pairs/find",
}
"""Asked with a body, and they change nothing."""

DOORS = {"/api/v1/sign-in", "/api/v1/sign-out"}
"""They take a key themselves, or none, and change nothing but the browser's cookie."""

SIGNED = {"/api/v1/feedback/from/{system:str}"}
"""Takes a signature in place of a key."""

TELEMETRY = {"/v1/traces", "/v1/metrics", "/v1/logs", "/api/public/otel/v1/traces"}
"""Refused in OTLP's own words, `google.rpc.Status`."""

NOWHERE = {"/api/public/{rest:path}"}
"""Says which route to ask in place of one of Langfuse's, and does nothing."""

CHECKED_INSIDE = {"/api/v1/prompts/{name:path}"}
"""One route with several parts: rendering takes the grant to read, all else is checked in the handler."""


def test_every_change_needs_a_grant_to_write_or_erase() -> None:
    weak = {
        path
        for method, path, handler in routes(app_without_database())
        if method != "GET" and not str(grants_of(handler)).endswith((":write", ":erase"))
    }
    assert weak == QUESTIONS | DOORS | SIGNED | CHECKED_INSIDE | NOWHERE


async def test_no_route_but_the_open_ones_answers_without_a_key(database: Database) -> None:
    async with control(database) as api:
        stranger = api.as_key(None)
        for method, path, handler in routes(api.app):
            if grants_of(handler) == PUBLIC:
                continue
            filled = re.sub(r"\{\w+:int\}", "1", path).replace("{", "").replace(":str}", "")
            status, found = await stranger.ask(method, filled)
            assert status == 401, path
            if path in TELEMETRY:
                assert "no key was sent" in found["message"], path
            else:
                assert found["error"]["code"] == "invalid_key", path


async def test_a_handler_without_a_grant_is_closed_to_all(database: Database) -> None:
    async with control(database) as api:

        @get("/forgotten")
        async def forgotten() -> str:
            return "open"

        api.app.register(forgotten)
        status, found = await api.ask("GET", "/forgotten")
    assert status == 403
    assert "no grant" in found["error"]["message"]


REACH: list[tuple[Role, str, bool]] = [
    ("viewer", "/requests", True),
    ("viewer", "/metrics", True),
    ("member", "/metrics/series?name=gen_ai.client.token.usage", True),
    ("viewer", "/keys", False),
    ("member", "/costs", True),
    ("member", "/budgets", False),
    ("project_admin", "/keys", True),
    ("project_admin", "/audit", False),
    ("project_admin", "/webhooks", False),
    ("admin", "/status", True),
]


async def test_roles_reach_what_their_grants_say(database: Database) -> None:
    async with control(database) as api:
        keys = {role: (await make_key(database, role))[1] for role in get_args(Role)}
        await settle(api)
        for role, path, allowed in REACH:
            status, found = await api.as_key(keys[role]).ask("GET", f"/api/v1{path}")
            assert status == (200 if allowed else 403), (role, path)
            assert allowed or found["error"]["code"] == "not_allowed"


async def settle(api: Api) -> None:
    """Let the server take in keys that were made behind its back: any change makes it look."""
    await api.post("/budgets", {"name": "look", "limit": "1 USD"})


HOSTS = {
    "127.0.0.1:4400": 200,
    "localhost:4400": 200,
    "[::1]:4400": 200,
    "gateway.example:4400": 200,
    "rebound.example": 403,
    "127.0.0.1.rebound.example": 403,
    "localhost.rebound.example:4400": 403,
}
ORIGINS = {
    "http://127.0.0.1:4400": 200,
    "http://evil.example": 403,
    "null": 403,
    "http://127.0.0.1:1": 403,
}


async def test_unknown_host_names_are_refused(database: Database) -> None:
    found: dict[str, int] = {}
    async with control(database) as api:
        base = await api.get("/snapshots")
        toml = TOML + '\n[server]\nallowed_hosts = ["Gateway.example"]\n'
        await api.post("/config/apply", {"toml": toml, "base": base["items"][0]["id"]}, status=200)
        for host in HOSTS:
            found[host], _ = await api.ask("GET", "/api/v1/whoami", headers={"host": host})
            page = await api.client.get("/", headers={"host": host})
            assert page.status_code == found[host]
    assert found == HOSTS


async def test_a_foreign_origin_is_refused(database: Database) -> None:
    found: dict[str, int] = {}
    async with control(database) as api:
        for origin in ORIGINS:
            found[origin], _ = await api.ask("GET", "/api/v1/whoami", headers={"origin": origin})
    assert found == ORIGINS


async def test_a_forwarded_header_changes_nothing(database: Database) -> None:
    async with control(database) as api:
        forwarded = {"x-forwarded-host": "evil.example", "x-forwarded-for": "1.2.3.4", "forwarded": "host=e"}
        found, _ = await api.ask("GET", "/api/v1/whoami", headers=forwarded)
        stranger, _ = await api.as_key(None).ask("GET", "/api/v1/whoami", headers=forwarded)
    assert (found, stranger) == (200, 401)


REFUSED: list[tuple[str, str, Any, int, str, str]] = [
    ("GET", "/api/v1/nothing", None, 404, "not_found", "/api/v1/nothing"),
    ("PUT", "/api/v1/keys", None, 405, "invalid_request", "PUT /api/v1/keys"),
    ("GET", "/api/v1/keys?limt=3", None, 400, "invalid_request", "limt"),
    ("GET", "/api/v1/keys?limit=0", None, 400, "invalid_request", "limit"),
    ("GET", "/api/v1/keys?limit=501", None, 400, "invalid_request", "limit"),
    ("GET", "/api/v1/keys?next=%00", None, 400, "invalid_request", "next"),
    ("GET", "/api/v1/requests?limit=501", None, 400, "invalid_request", "limit"),
    ("GET", "/api/v1/requests?from=yesterday", None, 400, "invalid_request", "from"),
    ("GET", "/api/v1/requests?status=odd", None, 400, "invalid_request", "status"),
    ("GET", "/api/v1/requests?filter=odd", None, 400, "invalid_request", "filter"),
    ("GET", "/api/v1/costs?group_by=shoe", None, 400, "invalid_request", "shoe"),
    ("GET", "/api/v1/costs?interval=week", None, 400, "invalid_request", "week"),
    ("POST", "/api/v1/keys", {"name": "a", "colour": "red"}, 400, "invalid_request", "colour"),
    ("POST", "/api/v1/keys", {"name": ""}, 400, "invalid_request", "name"),
    ("POST", "/api/v1/keys", {"name": "a\u0000"}, 400, "invalid_request", "name"),
    ("POST", "/api/v1/budgets", {"name": "a", "limit": "-1 USD"}, 400, "invalid_request", "limit"),
    ("GET", "/api/v1/requests/none", None, 404, "not_found", "none"),
    ("GET", "/api/v1/budgets/none", None, 404, "not_found", "none"),
    ("DELETE", "/api/v1/keys/none", None, 404, "not_found", "none"),
    ("DELETE", "/api/v1/webhooks/none", None, 404, "not_found", "none"),
    ("GET", "/api/v1/snapshots/none", None, 404, "not_found", "none"),
]


async def test_errors_have_one_shape(database: Database) -> None:
    async with control(database) as api:
        for method, path, body, status, code, says in REFUSED:
            found_status, found = await api.ask(method, path, body)
            assert found_status == status, (path, found)
            error = found["error"]
            assert set(error) == {"code", "message", "hint", "request_id"}
            assert (error["code"], says in error["message"]) == (code, True), error
            assert error["hint"]
            assert error["request_id"]


async def test_a_body_that_is_no_json_or_too_long_is_refused(database: Database) -> None:
    async with control(database, body_bytes_max=1000) as api:
        headers = {"authorization": f"Bearer {api.key}"}
        broken = await api.client.post("/api/v1/keys", headers=headers, content=b"{")
        long = await api.client.post("/api/v1/keys", headers=headers, content=b" " * 1001)
    assert (broken.status_code, long.status_code) == (400, 413)
    assert long.json()["error"]["code"] == "request_too_large"


async def test_an_internal_error_tells_nothing_but_its_request_id() -> None:
    @get("/broken", opt={"grant": PUBLIC})
    async def broken() -> str:
        raise RuntimeError("the password is tulip")

    gate = Gate(AccessBook(), SystemClock())
    app = Litestar([broken], guards=[gate.check], exception_handlers=EXCEPTION_HANDLERS, logging_config=None)
    async with asking(app) as client:
        answer = await client.get("/broken")
    assert answer.status_code == 500
    assert "tulip" not in answer.text
    assert answer.json()["error"]["request_id"]


async def test_the_description_builds_and_every_route_has_a_text(database: Database) -> None:
    async with control(database) as api:
        answer = await api.client.get("/api/openapi.json")
    described = answer.json()
    operations = {
        (method, path): operation
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
    }
    wanted = {
        (method.lower(), re.sub(r":(?:str|path|int)\}", "}", path))
        for method, path, _ in routes(app_without_database())
        if path.startswith("/api/v1")
    }
    assert wanted <= set(operations)
    assert not [where for where, operation in operations.items() if not operation.get("description")]
    listed = {each["name"] for each in operations["get", "/api/v1/requests"]["parameters"]}
    assert {"from", "to", "project", "key", "user", "session", "model", "target", "status", "code"} <= listed
    assert {"prompt", "release", "text", "limit", "next"} <= listed


async def test_the_page_loads_nothing_and_runs_nothing(database: Database) -> None:
    async with control(database) as api:
        answer = await api.client.get("/")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "<script" not in answer.text
    assert "://" not in answer.text.replace("http://127.0.0.1:4400", "")
    assert 'base_url="http://127.0.0.1:4400/v1"' in answer.text
    assert answer.headers["x-headgate-request-id"]


async def test_ready_says_what_is_wrong(database: Database) -> None:
    async with control(database) as api:
        ready = await api.client.get("/readyz")
        alive = await api.client.get("/healthz")
    assert (ready.status_code, alive.json()) == (200, {"status": "alive"})
    away = app_without_database()
    async with away.lifespan(), asking(away) as client:
        answer = await client.get("/readyz")
        refused = await client.get("/api/v1/whoami", headers={"authorization": "Bearer hg_something"})
    assert answer.status_code == 503
    assert any("database" in reason for reason in answer.json()["wrong"])
    assert refused.status_code == 503


async def test_metrics_of_gateways_and_control_are_one_text(database: Database) -> None:
    async def two_gateways() -> str:
        return '# TYPE calls counter\ncalls{g="1"} 1\n# TYPE calls counter\ncalls{g="2"} 2\n'

    async with control(database, gateway_metrics=two_gateways) as api:
        text = (await api.client.get("/metrics")).text
    assert text.count("# TYPE calls counter") == 1
    assert 'calls{g="1"} 1\ncalls{g="2"} 2' in text
    assert "headgate_control_keys 1" in text
    async with asking(closed_metrics(database)) as client:
        assert (await client.get("/metrics")).status_code == 401


def closed_metrics(database: Database) -> Litestar:
    services = ControlServices(
        database=database, clock=SystemClock(), egress=GuardedEgress({}), metrics_open=False
    )
    return create_control_app(services)

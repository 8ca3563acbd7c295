"""Schemathesis and our own malice against the control API, through a whole `headgate up` on real PostgreSQL.

No 5xx, answers as described, errors in the one shape, nothing unknown taken, and no way around the gate.
"""

import json
import re
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from demo.running import Running, chat, headgate
from tests.attack.api_operations import (
    COMMITS,
    NOBODY,
    OPERATIONS,
    PUSH,
    READERS,
    RELEASE,
    RULE,
    VERBS,
    VERSION,
    Operation,
    places,
)
from tests.attack.api_refusals import REFUSED
from tests.attack.api_release_refusals import LISTS_TOO_LONG, RELEASES_REFUSED
from tests.attack.conftest import Show

CONFIG = """
[providers.mock]
kind = "mock"

[models.assistant]
targets = ["mock/small", "mock/large"]

[[budgets]]
name = "monthly"
limit = "500 USD"
max_cost_per_call = "0.01 USD"

[[rate_limits]]
name = "per-user"
scope = { user = "*" }
limit = "6000 requests"
window = "minute"
"""
ROLES = ("admin", "project_admin", "member", "viewer")
CASES_MIN = {"admin": 4_000, "project_admin": 300, "member": 300, "viewer": 300}
NOT_CHECKED = "positive_data_acceptance"
"""A cursor, a time zone or a snapshot that is in force is no matter of a schema: refusing one is right."""
ENDLESS = ("/api/v1/requests/stream", "/api/v1/traces/stream")
LENGTHS = ("maxItems", "maxProperties")
ITEMS_MAX = 100
"""Of a list in one example: of those that may be longer, `LISTS_TOO_LONG` tries the bound."""


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with headgate(CONFIG) as started:
        for _ in range(3):
            assert chat(started.url, started.admin_key, "assistant").status_code == 200
        started.wait_for_requests(3)
        put_things(started)
        yield started


def put_things(running: Running) -> None:
    """One of each thing that can be asked for by name, whatever became of it and of the models meanwhile."""
    api = running.api
    base = api.post("/config/plan", json={"toml": CONFIG}).json()["base"]
    made = [api.post("/config/apply", json={"toml": CONFIG, "base": base})]
    made += [api.post("/prompts/greeting/versions", json={**VERSION, "labels": ["production"]})]
    made.append(api.put("/rules/shorter", json=RULE))
    if made[-1].status_code == 404:
        made[-1] = api.post("/rules", json={"name": "shorter", **RULE})
    made.append(api.post("/prompts/catalogue", json=PUSH))
    made += [api.post("/releases", json={**RELEASE, "commit": commit}) for commit in COMMITS]
    made += [api.post("/environments/staging", json={"release": commit}) for commit in COMMITS]
    for answer in made:
        assert answer.status_code in (200, 201), answer.text


THINGS = (
    "/prompts/greeting",
    "/prompts/greeting/versions/1",
    "/prompts/greeting/versions/production",
    "/prompts/greeting/diff",
    "/prompts/app.py:HELLO",
    f"/prompts/app.py:HELLO/versions/{PUSH['state']['versions'][0]['version']}",
    "/prompts/catalogue/one",
    "/rules/shorter",
    "/rules/shorter/versions",
    f"/releases/{COMMITS[0]}?project=default",
    "/environments/staging/history",
    "/environments/staging/status",
)
"""Where the things that are put show."""


@pytest.fixture
def keys(running: Running) -> dict[str, str]:
    """A key of each role, for each test its own: who explores may revoke what it finds."""
    return {role: running.make_key(f"attack-{role}-{uuid.uuid4().hex[:8]}", role=role) for role in ROLES}


@pytest.fixture(scope="module")
def described(running: Running) -> dict[str, Any]:
    return httpx.get(f"{running.url}/api/openapi.json", trust_env=False).json()


def bounded(described: dict[str, Any]) -> dict[str, Any]:
    """The description without the bounds of long lists: one example past those would be of 280 MB."""

    def within(value: Any) -> Any:
        if isinstance(value, list):
            return [within(item) for item in cast("list[Any]", value)]
        if not isinstance(value, dict):
            return value
        return {
            name: within(member)
            for name, member in cast("dict[str, Any]", value).items()
            if name not in LENGTHS or member <= ITEMS_MAX
        }

    return within(described)


def explore(running: Running, key: str, role: str, examples: int, folder: Path) -> int:
    """Let schemathesis loose with a key; return how many requests it made. Fails with what it found."""
    checks = ["--checks", "all", "--exclude-checks", NOT_CHECKED]
    if role != "admin":
        # What it makes, it may not see, and what it may not do is 403 before the body is read.
        phases = ["--phases", "fuzzing"]
        checks[-1] += ",negative_data_rejection,missing_required_header"
    else:
        phases = ["--phases", "coverage,fuzzing,stateful"]
    described = httpx.get(f"{running.url}/api/openapi.json", trust_env=False).json()
    # An environment made in one project is rightly not there in another, which would be drawn for its body.
    del described["components"]["schemas"]["RollBack"]["properties"]["project"]
    (folder / "description.json").write_text(json.dumps(bounded(described)))
    done = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "run", "description.json", "--url", running.url),
            *("--header", f"Authorization: Bearer {key}", "--no-color"),
            *(word for path in ENDLESS for word in ("--exclude-path", path)),
            *("--max-examples", str(examples), "--seed", "1", "--continue-on-failure", "--warnings", "off"),
            *checks,
            *phases,
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        timeout=400,
    )
    assert done.returncode == 0, done.stdout[-12_000:] + done.stderr[-2_000:]
    tested = re.search(r"Tested: (\d+)", done.stdout)
    generated = re.search(r"(\d+) generated", done.stdout)
    assert tested is not None and int(tested[1]) == len(OPERATIONS) - len(ENDLESS)
    assert generated is not None
    return int(generated[1])


def internal_errors(running: Running) -> list[str]:
    """What went wrong inside the server: every 500 leaves a line of level error."""
    lines = [json.loads(line) for line in running.log.read_text().splitlines() if line.startswith("{")]
    return [str(line["message"])[:300] for line in lines if line["level"] in ("error", "critical")]


@pytest.mark.timeout(500)
def test_schemathesis_finds_nothing_as_an_administrator(
    running: Running, tmp_path: Path, shown: Show
) -> None:
    made = explore(running, running.admin_key, "admin", 15, tmp_path)
    count = len(OPERATIONS) - len(ENDLESS)
    shown(f"{made} requests of schemathesis over {count} operations as an administrator")
    assert made >= CASES_MIN["admin"]
    assert not internal_errors(running)
    assert len(running.worker_pids("control")) == 1


@pytest.mark.timeout(300)
@pytest.mark.parametrize("role", ["project_admin", "member", "viewer"])
def test_schemathesis_finds_nothing_as_a_lesser_role(
    running: Running, keys: dict[str, str], role: str, tmp_path: Path
) -> None:
    made = explore(running, keys[role], role, 8, tmp_path)
    assert made >= CASES_MIN[role], made
    assert not internal_errors(running)


def ask(
    running: Running, method: str, path: str, key: str | None, body: object = None
) -> tuple[int, dict[str, str], Any]:
    headers = {} if key is None else {"authorization": f"Bearer {key}"}
    content = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
    with (
        httpx.Client(base_url=running.url, trust_env=False, verify=False, timeout=20) as client,
        client.stream(method, path, headers=headers, content=content) as answer,
    ):
        if answer.headers["content-type"].startswith("text/event-stream"):
            return answer.status_code, dict(answer.headers), next(answer.iter_text())
        answer.read()
        is_json = answer.headers["content-type"].startswith("application/json")
        return answer.status_code, dict(answer.headers), answer.json() if is_json else answer.text


def check_shape(found: Any, where: object) -> None:
    """An error has the one documented shape."""
    assert set(found) == {"error"}, where
    assert set(found["error"]) == {"code", "message", "hint", "request_id"}, where
    assert all(isinstance(value, str) and value for value in found["error"].values()), where


def test_the_table_of_operations_is_complete(described: dict[str, Any]) -> None:
    found = {(method, path) for path, methods in described["paths"].items() for method in methods}
    assert found == set(OPERATIONS)
    with_body = {
        place for place in found if "requestBody" in described["paths"][place[1]][place[0]]
    }  # each has a good body here, from which the others are made
    assert with_body == {place for place, operation in OPERATIONS.items() if operation.body is not None}


def test_no_operation_is_open_to_a_weaker_key(running: Running, keys: dict[str, str]) -> None:
    revoked = running.make_key("attack-revoked", role="admin")
    identity = revoked.split("_")[1]
    assert running.api.delete(f"/keys/{identity}").status_code == 200
    strangers = (None, "hg_none_none", revoked, keys["admin"][:-1], keys["admin"] + "0")
    tried = 0
    for method, path, operation in places():
        if operation.roles is None:
            continue
        for key in strangers:
            status, headers, found = ask(running, method, path, key, operation.body)
            assert (status, found["error"]["code"]) == (401, "invalid_key"), (method, path, key)
            assert headers["www-authenticate"] == "Bearer"
            check_shape(found, path)
            tried += 1
        for role in ROLES:
            if role not in operation.roles:
                status, _, found = ask(running, method, path, keys[role], operation.body)
                assert (status, found["error"]["code"]) == (403, "not_allowed"), (method, path, role)
                check_shape(found, path)
                tried += 1
    assert tried > 350


def test_every_operation_is_open_to_the_roles_that_have_it(running: Running, keys: dict[str, str]) -> None:
    for method, path, operation in places():
        # Of those that change something only such as find nothing to change.
        if method not in ("get", "delete") and (method, path, operation) not in VERBS:
            continue
        found = 200 if operation.is_there and NOBODY not in path else 404
        for role in operation.roles or (None,):
            status, _, _ = ask(running, method, path, None if role is None else keys[role], operation.body)
            assert status == found, (path, role)


def test_what_is_there_is_shown_to_whom_may_see_it(running: Running, keys: dict[str, str]) -> None:
    put_things(running)
    for path in THINGS:
        for role in READERS:
            status, _, found = ask(running, "get", f"/api/v1{path}", keys[role])
            assert status == 200, (path, role, found)


def with_unknown(operation: Operation) -> Iterator[dict[str, Any]]:
    """The good body with a member that nobody knows, at its top and inside each object that is described."""
    assert operation.body is not None
    yield {**operation.body, "unknown_member": 1}
    for name in operation.nested:
        inside: Any = operation.body[name]
        if isinstance(inside, list):
            yield {**operation.body, name: [{**inside[0], "unknown_member": 1}]}
        else:
            yield {**operation.body, name: {**inside, "unknown_member": 1}}


def test_an_unknown_member_is_refused_by_name(running: Running) -> None:
    tried = 0
    for method, path, operation in places():
        for body in with_unknown(operation) if operation.body is not None else ():
            status, _, found = ask(running, method, path, running.admin_key, body)
            assert status == 400, (path, body)
            assert "unknown_member" in found["error"]["message"], (path, found)
            check_shape(found, path)
            tried += 1
    assert tried >= 45


def test_an_unknown_parameter_is_refused_by_name(running: Running) -> None:
    for method, path, operation in places():
        if path == "/healthz":
            continue  # answered by the gateway itself, whatever is asked
        joined = f"{path}{'&' if '?' in path else '?'}unknown_member=1"
        status, _, found = ask(running, method, joined, running.admin_key, operation.body)
        assert status == 400, path
        assert "unknown_member" in found["error"]["message"], path


def test_what_no_schema_writes_down_is_refused_in_the_one_shape(running: Running) -> None:
    put_things(running)
    for method, path, body in (*REFUSED, *RELEASES_REFUSED):
        status, headers, found = ask(running, method, f"/api/v1{path}", running.admin_key, body)
        assert status in (400, 404), (method, path, body, status)
        assert headers["content-type"] == "application/json"
        check_shape(found, (method, path))
    assert not internal_errors(running)


def long_lists(described: object) -> Iterator[int]:
    """The bounds that `bounded` leaves out."""
    members: dict[str, Any] = cast("dict[str, Any]", described) if isinstance(described, dict) else {}
    yield from (members[name] for name in LENGTHS if members.get(name, 0) > ITEMS_MAX)
    inside = cast("list[object]", described) if isinstance(described, list) else list(members.values())
    for value in inside:
        yield from long_lists(value)


def test_a_list_that_is_too_long_is_refused(running: Running, described: dict[str, Any]) -> None:
    bounds = list(long_lists(described["components"]["schemas"]))
    assert len(bounds) == len(LISTS_TOO_LONG)
    for path, body in LISTS_TOO_LONG:
        status, _, found = ask(running, "post", f"/api/v1{path}", running.admin_key, body)
        assert (status, found["error"]["code"]) == (400, "invalid_request"), (path, found)
        [bound] = [each for each in set(bounds) if f"length <= {each} " in found["error"]["message"]]
        bounds.remove(bound)
        check_shape(found, path)
    assert not bounds, "each has been passed"


def test_a_body_of_another_type_is_refused(running: Running) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "a"):
        answer = running.api.post(
            "/keys", content=b'--x\r\n\r\nname="a"\r\n--x--', headers={"content-type": kind}
        )
        assert answer.status_code == 400, kind
        check_shape(answer.json(), kind)

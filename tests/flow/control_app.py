"""A control API on a real database, as tests ask it: no gateway, and webhooks that go to a local socket."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncGenerator
from typing import Any, cast

import httpx
import msgspec
from litestar import Litestar

from headgate.access.model import Role
from headgate.access.store import NewKey, create_key, first_admin_key
from headgate.api.app import create_control_app
from headgate.api.services import ControlServices
from headgate.config import snapshots
from headgate.config.compile import compile_file
from headgate.config.snapshots import current
from headgate.http1.pool import HttpTransport
from headgate.policy.egress import GuardedEgress
from headgate.store.clock import SystemClock
from headgate.store.database import Database

TOML = """
[providers.mock]
kind = "mock"

[models.assistant]
targets = ["mock/small", "mock/large"]

[[budgets]]
name = "monthly"
limit = "500 USD"

[[rate_limits]]
name = "per-user"
scope = { user = "*" }
limit = "60 requests"
window = "minute"
"""


class Api:
    """A client with a key."""

    def __init__(self, client: httpx.AsyncClient, key: str | None, app: Litestar) -> None:
        self.client = client
        self.app = app
        self.key = key

    async def ask(
        self, method: str, path: str, body: Any = None, *, headers: dict[str, str] | None = None, **query: Any
    ) -> tuple[int, Any]:
        """Send one request below /api/v1 and return status and JSON."""
        own = {"authorization": f"Bearer {self.key}"} if self.key else {}
        answer = await self.client.request(
            method,
            path,
            params=query or None,
            headers={**own, **(headers or {})},
            content=None if body is None else msgspec.json.encode(body),
        )
        return answer.status_code, msgspec.json.decode(answer.content) if answer.content else None

    async def get(self, path: str, **query: Any) -> Any:
        status, found = await self.ask("GET", f"/api/v1{path}", **query)
        assert status == 200, found
        return found

    async def post(self, path: str, body: Any, status: int = 201) -> Any:
        found_status, found = await self.ask("POST", f"/api/v1{path}", body)
        assert found_status == status, found
        return found

    async def patch(self, path: str, body: Any, status: int = 200) -> Any:
        found_status, found = await self.ask("PATCH", f"/api/v1{path}", body)
        assert found_status == status, found
        return found

    async def delete(self, path: str, status: int = 200) -> Any:
        found_status, found = await self.ask("DELETE", f"/api/v1{path}")
        assert found_status == status, found
        return found

    def as_key(self, key: str | None) -> "Api":
        """The same server, seen with another key."""
        return Api(self.client, key, self.app)


async def put_in_force(database: Database, toml: str = TOML) -> str:
    """Compile, store and activate a configuration, as `headgate up` does at its start."""
    snapshot = await asyncio.to_thread(compile_file, toml)
    async with database.transaction() as connection:
        active = await current(connection)
        base = None if active is None else active.id
        await snapshots.put_in_force(connection, snapshot, base=base, actor="tests")
    return snapshot.id


async def make_key(database: Database, role: Role, project: str = "default") -> tuple[str, str]:
    """Make a key and return its id and text."""
    new = NewKey(name=f"{role}-{uuid.uuid4().hex[:8]}", role=role, project=project)
    async with database.transaction() as connection:
        created = await create_key(connection, new, actor="tests", now_ms=SystemClock().now_ms())
    return created.key.id, created.text.reveal()


def asking(app: Litestar) -> httpx.AsyncClient:
    """A client of an application in this process and on this loop."""
    transport = httpx.ASGITransport(app=cast("Any", app), raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:4400")


@contextlib.asynccontextmanager
async def control(database: Database, **parts: Any) -> AsyncGenerator[Api]:
    """Serve the control API over a configuration, and yield a client with an admin key."""
    await put_in_force(database)
    async with database.transaction() as connection:
        admin = await first_admin_key(connection, now_ms=SystemClock().now_ms())
    assert admin is not None
    transport = HttpTransport()
    egress = GuardedEgress({"http": transport, "https": transport})
    services = ControlServices(database=database, clock=SystemClock(), egress=egress, acknowledge_wait_s=0.3)
    services = msgspec.structs.replace(services, **parts)
    try:
        app = create_control_app(services)
        async with app.lifespan(), asking(app) as client:
            yield Api(client, admin.reveal(), app)
    finally:
        await transport.close()

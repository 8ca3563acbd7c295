"""Routes of alerts and webhooks.

Never returns a webhook's secret but in the answer that makes it. Read next: `api.alerts`, `api.webhooks`.
"""

import re
import secrets
from typing import Annotated, Any

import msgspec
from litestar import Controller, Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, SkipValidation

from headgate.access.gate import CallerKey, PageLimit, grant
from headgate.access.http import Store
from headgate.access.model import Key
from headgate.access.roles import visible
from headgate.access.store import AuditEntry, write_audit
from headgate.access.vault import Vault
from headgate.api.alerts import QUERIES, AlertView, list_alerts
from headgate.api.webhooks import (
    URL_CHARACTERS_MAX,
    URL_PATTERN,
    WEBHOOKS_MAX,
    make_secret,
    read_destination,
    webhook_purpose,
)
from headgate.core.faults import Conflict, InvalidRequest, NotFound
from headgate.core.pages import LIMIT_DEFAULT, Page, decode_cursor, encode_cursor, format_datetime
from headgate.store.rows import fetch_rows

Sealing = NamedDependency[SkipValidation[Vault]]

KIND_PATTERN = r"^[a-z][a-z0-9_.]{0,63}(?!\n)$"
AlertKind = Annotated[str, msgspec.Meta(pattern=KIND_PATTERN)]


class NewWebhook(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where alerts are to be sent. `kinds` null: all alerts."""

    url: Annotated[
        str, msgspec.Meta(max_length=URL_CHARACTERS_MAX, extra_json_schema={"pattern": URL_PATTERN})
    ]
    kinds: Annotated[tuple[AlertKind, ...], msgspec.Meta(min_length=1, max_length=32)] | None = None


class WebhookView(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook, without its secret."""

    id: str
    url: str
    kinds: list[str] | None
    created_at: str
    created_by: str


class CreatedWebhookView(WebhookView, frozen=True, kw_only=True):
    """A webhook just made. `secret` signs what it receives, and is shown this once."""

    secret: str


class DeletedWebhookView(msgspec.Struct, frozen=True, kw_only=True):
    """The id of what was deleted; nothing more is sent to it."""

    id: str


class AlertsController(Controller):
    """What people should hear of."""

    path = "/alerts"
    tags = ("alerts",)

    @get(opt={"grant": grant("alerts:read")})
    async def list_alerts(
        self,
        caller: CallerKey,
        database: Store,
        kind: FromQuery[str | None] = None,
        limit: PageLimit = LIMIT_DEFAULT,
        next: FromQuery[str | None] = None,  # noqa: A002 - the contract's name
    ) -> Page[AlertView]:
        """List alerts, newest first: budgets at 50, 80, 100 %, overruns, breakers, a growing journal."""
        before = None if next is None else decode_cursor(next, int)
        if kind is not None and not re.fullmatch(KIND_PATTERN, kind):
            raise InvalidRequest("kind is no kind of alert; write one such as `budget`", parameter="kind")
        found = await list_alerts(
            database, visible(caller).project_ids, limit=limit + 1, before=before, kind=kind
        )
        following = encode_cursor(int(found[limit - 1].id)) if len(found) > limit else None
        return Page(items=found[:limit], next=following)


class WebhooksController(Controller):
    """Who is told of alerts."""

    path = "/webhooks"
    tags = ("alerts",)

    @get(opt={"grant": grant("webhooks:read")})
    async def list_webhooks(
        self,
        database: Store,
        limit: PageLimit = LIMIT_DEFAULT,
        next: FromQuery[str | None] = None,  # noqa: A002 - the contract's name
    ) -> Page[WebhookView]:
        """List webhooks, without their secrets."""
        after = None if next is None else decode_cursor(next, str)
        async with database.connection() as connection:
            query = QUERIES["list_webhooks"]
            rows = await fetch_rows(connection, query, {"after": after, "limit": limit + 1})
        items = [WebhookView(**_fields(row)) for row in rows]
        return Page(
            items=items[:limit], next=encode_cursor(items[limit - 1].id) if len(rows) > limit else None
        )

    @post(opt={"grant": grant("webhooks:write")})
    async def create_webhook(
        self, caller: CallerKey, database: Store, vault: Sealing, data: JSONBody[NewWebhook]
    ) -> Response[CreatedWebhookView]:
        """Make a webhook. Each alert is sent as JSON, signed, at most eight times until it is taken.

        `x-headgate-signature: t=SECONDS,v1=HEX` is HMAC-SHA256 with the secret over `SECONDS.BODY`.
        """
        destination = read_destination(data.url)
        secret = make_secret(secrets.token_bytes)
        identity = secrets.token_hex(8)
        shown = destination.origin.host
        async with database.transaction() as connection:
            await connection.execute(QUERIES["lock_webhooks"])
            counted = await fetch_rows(connection, QUERIES["count_webhooks"])
            if counted[0]["webhooks"] >= WEBHOOKS_MAX:
                raise Conflict(f"there are {WEBHOOKS_MAX} webhooks already; delete one first")
            rows = await fetch_rows(
                connection,
                QUERIES["add_webhook"],
                {
                    "id": identity,
                    "url": data.url,
                    "secret": vault.seal(secret, webhook_purpose(identity)),
                    "kinds": None if data.kinds is None else list(data.kinds),
                    "created_by": caller.id,
                },
            )
            await write_audit(connection, _entry(caller, "create", identity, after={"host": shown}))
        view = CreatedWebhookView(**_fields(rows[0]), secret=secret.reveal())
        return Response(view, status_code=201, headers={"cache-control": "no-store"})

    @delete("/{webhook_id:str}", status_code=200, opt={"grant": grant("webhooks:write")})
    async def delete_webhook(
        self, caller: CallerKey, database: Store, webhook_id: FromPath[str]
    ) -> DeletedWebhookView:
        """Delete a webhook; alerts on their way to it are dropped."""
        async with database.transaction() as connection:
            rows = await fetch_rows(connection, QUERIES["delete_webhook"], {"id": webhook_id})
            if not rows:
                raise NotFound(f"there is no webhook {webhook_id[:64]!r}; GET /api/v1/webhooks lists them")
            await write_audit(connection, _entry(caller, "delete", webhook_id))
        return DeletedWebhookView(id=webhook_id)


def _fields(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "created_at": format_datetime(row["created_at"])}


def _entry(caller: Key, action: str, webhook: str, *, after: dict[str, str] | None = None) -> AuditEntry:
    return AuditEntry(actor=caller.id, action=action, kind="webhook", object=webhook, after=after)

"""Webhooks: where alerts are sent, signed, with retries that back off and end.

The receiver checks `x-headgate-signature: t=SECONDS,v1=HEX`: HMAC-SHA256 with the webhook's secret over
`SECONDS.BODY`, and refuses an old `t`. Everything leaves through the egress port. The outbox is a table, so
that any control process delivers and none has to stay. Read next: `api.alerts`.
"""

import asyncio
import hashlib
import hmac
import logging
import random
import re
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from headgate.access.vault import PREFIX, Vault, is_sealed
from headgate.api.alerts import QUERIES
from headgate.core.faults import Fault, InvalidRequest
from headgate.core.labels import UNRESTRICTED
from headgate.core.pages import format_datetime
from headgate.core.ports import Clock, Egress, Origin, Outgoing, Timeouts
from headgate.core.secret import Secret
from headgate.store.database import Database
from headgate.store.rows import fetch_rows

log = logging.getLogger("headgate.api")

ATTEMPTS_MAX: Final = 8
BACKOFF_S: Final = 2.0
BACKOFF_S_MAX: Final = 600.0
AT_ONCE_MAX: Final = 8
URL_CHARACTERS_MAX: Final = 2000
URL_PATTERN: Final = (
    r"^https?://([A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?([/?][!\"$-~]*)?$"
)
WEBHOOKS_MAX: Final = 100
SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - how a secret begins, not one
TIMEOUTS: Final = Timeouts(connect_s=5.0, first_byte_s=10.0, idle_s=10.0, total_s=15.0)
CLAIM_S: Final = 30.0
UNOPENED_S: Final = 5.0
"""How long what this host can't sign is left to others, before it says so."""
ERROR_CHARACTERS_MAX: Final = 300
UNOPENED: Final = (
    "its secret was sealed with another key; start all hosts with the same HEADGATE_VAULT_KEY, then make the "
    "webhook anew"
)


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """What a webhook receives, as JSON. The same `id` may come twice; take it once."""

    id: str
    at: str
    kind: str
    subject: str
    project: str | None
    message: str


class Destination(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook's URL, taken apart."""

    origin: Origin
    target: bytes
    host: bytes


def read_destination(url: str) -> Destination:
    """Take a webhook's URL apart. Raises InvalidRequest for what is no plain http(s) URL."""
    refusal = InvalidRequest(
        "url is no http:// or https:// address without user, password and #", parameter="url"
    )
    if len(url) > URL_CHARACTERS_MAX or not re.fullmatch(URL_PATTERN, url):
        raise refusal
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise refusal from None
    if not parts.hostname:
        raise refusal
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    secure = parts.scheme == "https"
    return Destination(
        origin=Origin("https" if secure else "http", parts.hostname, port or (443 if secure else 80)),
        target=target.encode("ascii"),
        host=parts.netloc.encode("ascii"),
    )


def make_secret(random_bytes: Callable[[int], bytes]) -> Secret:
    """Make a signing secret of 256 bits."""
    return Secret(SECRET_PREFIX + random_bytes(32).hex())


def webhook_purpose(webhook: str) -> str:
    """Return what a webhook's secret is sealed for, so that no other row's text opens in its place."""
    return f"webhook {webhook}"


def signature(secret: Secret, sent_s: int, body: bytes) -> str:
    """Return the value of `x-headgate-signature` for a body sent at a Unix time in seconds."""
    signed = f"{sent_s}.".encode() + body
    digest = hmac.new(secret.reveal().encode(), signed, hashlib.sha256).hexdigest()
    return f"t={sent_s},v1={digest}"


def wait_s(attempts: int, jitter: float) -> float:
    """Return how long to wait after that many attempts: exponential, capped, and spread by half."""
    return min(BACKOFF_S_MAX, BACKOFF_S * 4 ** (attempts - 1)) * (0.5 + jitter / 2)


class Deliverer:
    """Takes what is due from the outbox and sends it, some at a time."""

    def __init__(self, database: Database, egress: Egress, clock: Clock, vault: Vault) -> None:
        self._database = database
        self._egress = egress
        self._clock = clock
        self._vault = vault

    async def seal_plain(self) -> None:
        """Seal the secrets that an earlier version left in the database as they were."""
        async with self._database.transaction() as connection:
            for row in await fetch_rows(connection, QUERIES["plain_webhooks"]):
                sealed = self._vault.seal(Secret(row["secret"]), webhook_purpose(row["id"]))
                await connection.execute(QUERIES["seal_webhook"], {"id": row["id"], "secret": sealed})

    async def deliver_due(self) -> int:
        """Send what is due now; return how many were tried."""
        async with self._database.connection() as connection:
            own = {"sealed": PREFIX, "own": self._vault.prefix, "unopened_s": UNOPENED_S}
            due = {"limit": AT_ONCE_MAX, "claim_s": CLAIM_S, **own}
            rows = await fetch_rows(connection, QUERIES["take_deliveries"], due)
        async with asyncio.TaskGroup() as group:
            for row in rows:
                group.create_task(self._deliver(row))
        return len(rows)

    async def _deliver(self, row: Mapping[str, Any]) -> None:
        place = {"alert": row["alert"], "webhook": row["webhook"]}
        if is_sealed(row["secret"]) and not row["secret"].startswith(self._vault.prefix):
            await self._note_unopened(row, place)
            return
        error = await self._send(row)
        async with self._database.connection() as connection:
            if error is None:
                await connection.execute(QUERIES["delivered"], place)
                return
            waiting_s = wait_s(row["attempts"], random.random())
            await connection.execute(
                QUERIES["not_delivered"],
                {**place, "error": error, "wait_s": waiting_s, "attempts_max": ATTEMPTS_MAX},
            )
        log.warning("webhook %s did not take alert %s: %s", row["webhook"], row["alert"], error)

    async def _note_unopened(self, row: Mapping[str, Any], place: Mapping[str, Any]) -> None:
        """Count no attempt where the secret was sealed with another key: a host that has it may come back."""
        waits = {"wait_s_min": UNOPENED_S, "wait_s_max": BACKOFF_S_MAX}
        async with self._database.connection() as connection:
            await connection.execute(QUERIES["not_opened"], {**place, **waits, "error": UNOPENED})
        log.warning("webhook %s gets no alert %s from here: %s", row["webhook"], row["alert"], UNOPENED)

    def _secret(self, row: Mapping[str, Any]) -> Secret:
        """Return what to sign with; it lies open where an earlier version left it so and no key is common."""
        kept = row["secret"]
        return self._vault.open(kept, webhook_purpose(row["webhook"])) if is_sealed(kept) else Secret(kept)

    async def _send(self, row: Mapping[str, Any]) -> str | None:
        """Send one notice; return why it was not taken, or None."""
        notice = Notice(
            id=str(row["alert"]),
            at=format_datetime(row["at"]),
            kind=row["kind"],
            subject=row["subject"],
            project=row["project"] or None,
            message=row["message"],
        )
        body = msgspec.json.encode(notice)
        try:
            destination = read_destination(row["url"])
            secret = self._secret(row)
            answer = await self._egress.send(
                Outgoing(
                    origin=destination.origin,
                    method="POST",
                    target=destination.target,
                    headers=[
                        (b"host", destination.host),
                        (b"content-type", b"application/json"),
                        (b"user-agent", b"headgate"),
                        (
                            b"x-headgate-signature",
                            signature(secret, self._clock.now_ms() // 1000, body).encode(),
                        ),
                    ],
                    body=body,
                    content_length=len(body),
                    timeouts=TIMEOUTS,
                ),
                regions=frozenset(),
                label=UNRESTRICTED,
            )
        except Fault as fault:
            return fault.message[:ERROR_CHARACTERS_MAX]
        status = answer.status
        answer.close()
        return None if 200 <= status < 300 else f"it answered {status}"

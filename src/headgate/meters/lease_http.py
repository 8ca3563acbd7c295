"""Routes of leases: which boots hold money of budgets, and giving up one whose host is gone for good.

No timeout ever gives a lease back; this is the operator's way, and it is audited. Read next: `meters.sink`.
"""

import uuid
from typing import Annotated, Any

import msgspec
from litestar import Controller, get, post
from litestar.params import FromPath, JSONBody

from headgate.access.gate import CallerKey, grant
from headgate.access.store import AuditEntry, write_audit
from headgate.core.faults import Conflict, InvalidRequest
from headgate.core.money import format_usd
from headgate.core.pages import Page, format_datetime
from headgate.meters.listing import Store
from headgate.meters.rows import QUERIES, fetch
from headgate.meters.sink import release_boot

BOOTS_MAX = 500


class LeaseView(msgspec.Struct, frozen=True, kw_only=True):
    """What one boot of a gateway holds. `live`: it has reported within the last seconds."""

    boot: str
    name: str | None
    host: str | None
    seen_at: str | None
    live: bool
    held_usd: str
    attempts_open: int


class Release(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why a boot is given up; stands in the audit log."""

    reason: Annotated[str, msgspec.Meta(min_length=3, max_length=500)]


class Released(msgspec.Struct, frozen=True, kw_only=True):
    """What giving up a boot did: attempts charged in full, their sum, and what its budgets got back."""

    boot: str
    attempts_charged: int
    charged_usd: str
    given_back_usd: str


class LeasesController(Controller):
    """What gateways hold of budgets."""

    path = "/leases"
    tags = ("budgets",)

    @get(opt={"grant": grant("leases:read")})
    async def list_leases(self, database: Store) -> Page[LeaseView]:
        """List the boots that hold money of budgets, the largest sum first."""
        async with database.connection() as connection:
            rows = await fetch(connection, QUERIES["list_leases"], {"limit": BOOTS_MAX})
        return Page(items=[_view(row) for row in rows])

    @post("/{boot:str}/release", status_code=200, opt={"grant": grant("leases:write")})
    async def release(
        self, caller: CallerKey, database: Store, boot: FromPath[str], data: JSONBody[Release]
    ) -> Released:
        """Give up a boot whose host is gone for good, journal and all.

        What it had begun is charged in full, the rest goes back to its budgets. 409 while it lives. If its
        journal turns up after all, true costs take the place of the full ones.
        """
        identity = _boot_of(boot)
        async with database.transaction() as connection:
            rows = await fetch(connection, QUERIES["boot_is_live"], {"boot": identity})
            if rows[0]["live"]:
                raise Conflict(
                    f"boot {boot} reported a moment ago; stop its gateway, which gives leases back"
                )
            done = await release_boot(connection, identity, f"given up: {data.reason}")
            released = Released(
                boot=str(identity),
                attempts_charged=done.attempts,
                charged_usd=format_usd(done.charged),
                given_back_usd=format_usd(done.given_back),
            )
            entry = AuditEntry(
                actor=caller.id,
                action="release",
                kind="boot",
                object=str(identity),
                after={**msgspec.to_builtins(released), "reason": data.reason},
            )
            await write_audit(connection, entry)
        return released


def _boot_of(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        raise InvalidRequest(
            f"{text[:64]!r} is no boot; GET /api/v1/leases lists them", parameter="boot"
        ) from None


def _view(row: dict[str, Any]) -> LeaseView:
    return LeaseView(
        boot=str(row["boot"]),
        name=row["name"],
        host=row["host"],
        seen_at=None if row["seen_at"] is None else format_datetime(row["seen_at"]),
        live=bool(row["live"]),
        held_usd=format_usd(int(row["held"])),
        attempts_open=row["attempts"],
    )

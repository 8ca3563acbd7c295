"""Routes of erasures: asked for, listed, shown with the receipt, and counted again.

An admin erases in every project, a project admin in its own. What is asked for is audited, with a digest in
place of the name. Read next: `traces.erasure.erasing`.
"""

from typing import Any
from uuid import UUID

import msgspec
from litestar import Controller, get, post
from litestar.params import FromPath, FromQuery, JSONBody

from headgate.access.gate import CallerKey, PageLimit, grant
from headgate.access.http import Store, Time
from headgate.access.roles import visible
from headgate.access.store import AuditEntry, write_audit
from headgate.core.faults import Conflict, NotAllowed, NotFound
from headgate.core.identity import IdentitySource
from headgate.core.pages import LIMIT_DEFAULT, Page, decode_cursor, encode_cursor, parse_instant_ms
from headgate.records.rows import instant
from headgate.store.database import Connection
from headgate.traces.erasure.erasing import QUERIES, STANDS_DAYS, count, row_of
from headgate.traces.erasure.model import Erasure, ErasureRow, NewErasure, digest_of, shown


class ErasuresController(Controller):
    """What is erased of a subject, and the receipts."""

    path = "/erasures"
    tags = ("erasures",)

    @post(opt={"grant": grant("records:erase")})
    async def erase(
        self, caller: CallerKey, database: Store, clock: Time, data: JSONBody[NewErasure]
    ) -> Erasure:
        """Erase everything of a user, session, trace or key of a project, or all before a time.

        Answers at once; the work goes on in batches, and `GET /erasures/{id}` shows how far it is. What
        arrives later of the time before is erased too, for 30 days. With `dry_run` it is only counted.
        """
        kind, subject = data.subject()
        if not visible(caller).sees(data.project):
            raise NotAllowed(
                f"a key of the project {caller.project!r} erases nothing of {data.project!r}; ask an admin"
            )
        identity = IdentitySource(clock).next()
        digest = digest_of(subject)
        before = instant(parse_instant_ms(subject, "all_before")) if kind == "all_before" else None
        asked: dict[str, Any] = {
            "id": identity,
            "project": data.project,
            "kind": kind,
            "subject": subject,
            "subject_digest": digest,
            "cutoff": before,
            "asked_by": caller.id,
            "dry_run": data.dry_run,
            "days": STANDS_DAYS,
        }
        entry = AuditEntry(
            actor=caller.id,
            action="erase",
            kind="erasure",
            object=str(identity),
            project=data.project,
            after={"kind": kind, "subject_sha256": digest.hex(), "dry_run": data.dry_run},
        )
        async with database.transaction() as connection:
            await connection.execute(QUERIES.ask, asked)
            await write_audit(connection, entry)
            return shown(await _get(connection, None, str(identity)))

    @get(opt={"grant": grant("records:erase")})
    async def list_erasures(
        self,
        caller: CallerKey,
        database: Store,
        limit: FromQuery[PageLimit] = LIMIT_DEFAULT,
        next: FromQuery[str | None] = None,  # noqa: A002 - the parameter's name
    ) -> Page[Erasure]:
        """List erasures, newest first."""
        before = None if next is None else decode_cursor(next, UUID)
        asked = {"project_ids": _projects(caller), "before": before, "limit": limit + 1}
        async with database.connection() as connection:
            cursor = await connection.execute(QUERIES.list, asked)
            rows = [row_of(row) for row in await cursor.fetchall()]
        more = encode_cursor(str(rows[limit - 1].id)) if len(rows) > limit else None
        return Page(items=[shown(row) for row in rows[:limit]], next=more)

    @get("/{erasure_id:str}", opt={"grant": grant("records:erase")})
    async def show_erasure(self, caller: CallerKey, database: Store, erasure_id: FromPath[str]) -> Erasure:
        """Show one erasure: how far it is, and its receipt."""
        async with database.connection() as connection:
            return shown(await _get(connection, _projects(caller), erasure_id))

    @post("/{erasure_id:str}/verify", status_code=200, opt={"grant": grant("records:erase")})
    async def verify_erasure(self, caller: CallerKey, database: Store, erasure_id: FromPath[str]) -> Erasure:
        """Count again what there is of the subject, and put it into the second look."""
        async with database.transaction() as connection:
            row = await _get(connection, _projects(caller), erasure_id)
            if row.state != "done" or not row.subject:
                why = (
                    "is not done yet; ask again" if row.subject else "stands no longer, its name is forgotten"
                )
                raise Conflict(f"the erasure {erasure_id[:64]!r} {why}")
            found = msgspec.json.encode(await count(connection, row)).decode()
            await connection.execute(QUERIES.confirm, {"id": row.id, "second_look": found})
            return shown(msgspec.structs.replace(row, second_look=found))


def _projects(caller: CallerKey) -> list[str] | None:
    seen = visible(caller).project_ids
    return None if seen is None else list(seen)


def _identity(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotFound(f"there is no erasure {text[:64]!r}; `GET /erasures` lists them") from None


async def _get(connection: Connection, project_ids: list[str] | None, text: str) -> ErasureRow:
    asked = {"id": _identity(text), "project_ids": project_ids}
    cursor = await connection.execute(QUERIES.get, asked)
    row = await cursor.fetchone()
    if row is None:
        raise NotFound(f"there is no erasure {text[:64]!r}; `GET /erasures` lists them")
    return row_of(row)

"""Where leases are asked for and given back: the statements of a purse, one transaction each.

Never decides anything: `grant_leases` and `return_leases` do (`store/migrations/0010_meters.sql`), and
`meters.leases` on this side.
"""

import json
import uuid
from collections.abc import Iterable, Sequence
from typing import Any, LiteralString

import msgspec

from headgate.core.faults import Unavailable
from headgate.meters.asks import Ask, Granted
from headgate.meters.epochs import Epoch, registration
from headgate.meters.leases import Answer, Lease
from headgate.meters.rows import QUERIES, fetch
from headgate.meters.scope import Meter
from headgate.meters.windows import Edges
from headgate.store.database import Database


class DeskAway(Exception):
    """The database can't be asked now."""


class HeldBack(DeskAway):
    """The database grants nothing before all gateways have registered with it."""


class BootClosed(DeskAway):
    """The database has closed this process's leases for good."""


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """What a boot holds of some meters, which server says so, and its time."""

    answers: tuple[tuple[Meter, Answer], ...]
    identity: str
    now_ms: int


class LeaseDesk:
    """Speaks to the database for one boot."""

    def __init__(self, boot: uuid.UUID, database: Database) -> None:
        self.boot = boot
        self._database = database
        self._grant: LiteralString = QUERIES["grant_leases"]
        self._return: LiteralString = QUERIES["return_leases"]

    async def grant(self, asks: Sequence[Ask]) -> Granted:
        """Ask for money: all or nothing. Raises DeskAway, or BootClosed."""
        payload = json.dumps(msgspec.to_builtins(asks))  # limits may be beyond 64 bits
        rows = await self._rows(self._grant, {"boot": self.boot, "asks": payload})
        if any(row["outcome"] == "closed" for row in rows):
            raise BootClosed("the leases of this process were closed")
        meters = {ask.place: Meter(ask.budget, ask.subject) for ask in asks}
        return Granted(
            answers=tuple(
                (meters[row["place"]], _answer(row)) for row in rows if row["window_id"] is not None
            ),
            refused=frozenset(meters[row["place"]] for row in rows if row["outcome"] == "refused"),
            is_outside=any(row["outcome"] == "outside" for row in rows),
            now_ms=rows[0]["now_ms"],
            identity=rows[0]["identity"],
            is_held=any(row["outcome"] == "held" for row in rows),
        )

    async def look(self) -> Epoch:
        """Ask which server answers, and whether it grants. Raises DeskAway."""
        rows = await self._rows(QUERIES["grant_epoch"], {})
        return msgspec.convert(rows[0], Epoch)

    async def register(self, epoch: int, leases: Sequence[Lease]) -> list[tuple[Lease, Answer | None]]:
        """Tell all that is held; learn what is on record of it, None where it was lost.

        Raises DeskAway, or BootClosed.
        """
        told = {lease.window: lease for lease in leases}
        payload = json.dumps(registration(leases))
        rows = await self._rows(
            QUERIES["register_leases"], {"boot": self.boot, "epoch": epoch, "leases": payload}
        )
        if any(row["window_id"] is None for row in rows):
            raise BootClosed("the leases of this process were closed")
        found: list[tuple[Lease, Answer | None]] = []
        for row in rows:
            lease = told[row["window_id"]]
            known = row["granted"] is not None
            found.append((lease, _answer(row, edges=lease.edges, exact=lease.exact) if known else None))
        return found

    async def held(self, meters: Sequence[Meter]) -> Held:
        """Ask what is on record as held of some meters, in all their windows. Raises DeskAway."""
        rows = await self._rows(
            QUERIES["held_leases"],
            {
                "boot": self.boot,
                "budgets": [meter.limit for meter in meters],
                "subjects": [meter.subject for meter in meters],
            },
        )
        held = [row for row in rows if row["window_id"] is not None]
        return Held(
            answers=tuple((Meter(row["budget"], row["subject"]), _answer(row)) for row in held),
            identity=rows[0]["identity"],
            now_ms=rows[0]["now_ms"],
        )

    async def give_back(self, leases: Iterable[Lease]) -> list[tuple[Meter, Answer]]:
        """Tell what was returned of each lease, in all. Raises DeskAway."""
        told = {lease.window: lease for lease in leases}
        rows = await self._rows(
            self._return,
            {
                "boot": self.boot,
                "windows": list(told),
                "returned": [lease.returned for lease in told.values()],
            },
        )
        return [
            (
                told[row["window_id"]].meter,
                _answer(row, edges=told[row["window_id"]].edges, exact=told[row["window_id"]].exact),
            )
            for row in rows
        ]

    async def _rows(self, query: LiteralString, parameters: dict[str, Any]) -> list[dict[str, Any]]:
        try:
            async with self._database.connection() as connection:
                return await fetch(connection, query, parameters)
        except Unavailable as error:
            raise DeskAway(error.message) from error


def _answer(row: dict[str, Any], *, edges: Edges | None = None, exact: bool | None = None) -> Answer:
    return Answer(
        window=row["window_id"],
        edges=edges or Edges(row["starts_ms"], row["ends_ms"]),
        granted=int(row["granted"]),
        returned=int(row["returned"]),
        settled=int(row["settled"]),
        spent=int(row["spent"]),
        leased=int(row["leased"]),
        limit=int(row["limit_pico"]),
        exact=row["exact"] if exact is None else exact,
    )

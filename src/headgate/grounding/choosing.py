"""Chooses calls of live traffic as they are shipped: those that a rule of `[[grounding]]` takes, by lot.

Runs inside the shipper's transaction, so that each call is chosen once; reads the rules from the database,
where control puts those in force. Read next: `grounding.rules`, `grounding.live`.
"""

import uuid
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from headgate.core.entries import END, End
from headgate.core.ports import Envelope
from headgate.grounding.rules import GroundingRule
from headgate.records.rows import name
from headgate.store.database import Connection
from headgate.store.queries import Queries

QUERIES: Final = Queries.load("headgate.grounding")

_decode = msgspec.msgpack.Decoder(End).decode


class GroundingSink:
    """Applies END to the rules of groundedness (`core.ports.Sink`)."""

    kinds = frozenset({END})

    async def apply(self, connection: Connection, batch: Sequence[Envelope]) -> None:
        """Note the calls that rules take. Without a rule it costs one look at a small table."""
        cursor = await connection.execute(QUERIES.rules_in_force)
        rules = [msgspec.json.decode(text, type=GroundingRule) for (text,) in await cursor.fetchall()]
        if not rules:
            return
        rows: list[dict[str, Any]] = []
        for envelope in batch:
            if envelope.kind != END:
                continue
            end = _decode(envelope.payload)
            call = str(uuid.UUID(bytes=end.call))
            rows += [
                {"rule": rule.name, "request_id": call, "project": name(end.project)}
                for rule in rules
                if rule.takes(call, end)
            ]
        if rows:
            await connection.execute(QUERIES.add_calls, {"rows": msgspec.json.encode(rows).decode()})

    async def close_journal(self, connection: Connection, boot: uuid.UUID) -> None:
        """Nothing is left to do: a call that did not end has no answer to hold."""

"""What the shipper applies of the journal: calls that were compared with their shadows, and those left out.

Runs inside the shipper's transaction, so that each counts once; loads no statistics. Read next:
`rollouts.pairs`.
"""

import uuid
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from headgate.core.entries import COMPARED, LEFT_OUT, Answered, Compared, LeftOut
from headgate.core.ports import Envelope
from headgate.records.rows import identity, instant, name, usd
from headgate.store.database import Connection
from headgate.store.queries import Queries

QUERIES: Final = Queries.load("headgate.rollouts")

_compared = msgspec.msgpack.Decoder(Compared).decode
_left_out = msgspec.msgpack.Decoder(LeftOut).decode
_encode = msgspec.json.encode


class PairSink:
    """Applies COMPARED and LEFT_OUT (`core.ports.Sink`)."""

    kinds = frozenset({COMPARED, LEFT_OUT})

    async def apply(self, connection: Connection, batch: Sequence[Envelope]) -> None:
        """Write a batch."""
        pairs = [_row(_compared(one.payload)) for one in batch if one.kind == COMPARED]
        counts: Counter[tuple[str, str]] = Counter()
        for envelope in batch:
            if envelope.kind == LEFT_OUT:
                said = _left_out(envelope.payload)
                counts[said.version, said.reason] += said.calls
        if pairs:
            await connection.execute(QUERIES.add_pairs, {"rows": _encode(pairs).decode()})
        if counts:
            rows = [
                {"version": version, "reason": reason, "calls": counts[version, reason]}
                for version, reason in sorted(counts)
            ]
            await connection.execute(QUERIES.add_left_out, {"rows": _encode(rows).decode()})

    async def close_journal(self, connection: Connection, boot: uuid.UUID) -> None:
        """Nothing is left to do: a shadow that did not end was compared with nothing."""


def _row(pair: Compared) -> dict[str, Any]:
    return {
        "version": pair.version,
        "project": name(pair.project),
        "unit": name(pair.unit),
        "at": instant(pair.at_ms),
        "call": identity(pair.call),
        "shadow": identity(pair.shadow),
        **_answered("present", pair.present),
        **_answered("candidate", pair.candidate),
        "same_finish": pair.same_finish,
        "same_tools": pair.same_tools,
        "same_text": pair.same_text,
        "keeps_form": pair.keeps_form,
    }


def _answered(arm: str, answered: Answered) -> dict[str, Any]:
    return {
        f"{arm}_failed": answered.failed,
        f"{arm}_refused": answered.refused,
        f"{arm}_ms": answered.wait_ms,
        f"{arm}_usd": usd(answered.cost_pico_usd),
        f"{arm}_characters": answered.characters,
    }

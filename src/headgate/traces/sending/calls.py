"""The calls that are sent, read from the record, with what was said where they may carry it.

Read next: `traces.sending.messages`.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
from psycopg.rows import TupleRow

from headgate.core.call import Usage
from headgate.core.labels import Label
from headgate.core.money import parse_usd
from headgate.records.bodies import read_bodies
from headgate.records.rows import exposures_of
from headgate.store.database import Connection
from headgate.traces.sending.messages import spoken_of
from headgate.traces.sending.model import Exporter, SentAttempt, SentCall, SentPrompt
from headgate.traces.sending.sink import QUERIES
from headgate.traces.sending.store import Place, columns_of

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


async def load_calls(
    connection: Connection, exporter: Exporter, places: Sequence[Place], *, content: bool
) -> list[SentCall]:
    """Read calls from the record; those that were erased meanwhile are not there."""
    project_ids = None if exporter.projects is None else list(exporter.projects)
    cursor = await connection.execute(QUERIES.load_calls, {**columns_of(places), "project_ids": project_ids})
    calls: list[SentCall] = []
    for row in await cursor.fetchall():
        call = _call(row)
        is_open = call.label.readers is None and call.label.purposes is None
        if content and is_open and row[30] == "full":
            bodies = await read_bodies(connection, project_ids, row[0])
            if bodies is not None:
                spoken = spoken_of(call.dialect, call.model, bodies)
                call = msgspec.structs.replace(call, spoken=spoken)
        calls.append(call)
    return calls


def _call(row: TupleRow) -> SentCall:
    regions, readers, purposes = row[27:30]
    return SentCall(
        id=row[0].bytes,
        project=row[1],
        key=row[2],
        user=row[3],
        session=row[4],
        tags=tuple(row[5]),
        trace_id=row[6],
        parent_span_id=b"" if row[7] is None else row[7].to_bytes(8, "big", signed=True),
        response_id=row[8],
        started_ms=(row[9] - _EPOCH) // timedelta(milliseconds=1),
        duration_ms=row[10],
        first_token_ms=row[11],
        dialect=row[12],
        operation=row[13],
        stream=row[14],
        model=row[15],
        target=row[16],
        status=row[17],
        code=row[18],
        message=row[19],
        attempts=msgspec.json.decode(row[20], type=tuple[SentAttempt, ...]),
        truncated=row[21],
        estimated=row[22],
        release=row[23],
        environment=row[24],
        usage=msgspec.json.decode(row[25], type=Usage),
        cost_pico_usd=None if row[26] is None else parse_usd(row[26]),
        label=Label(regions=_set(regions), readers=_set(readers), purposes=_set(purposes)),
        parameters={} if row[31] is None else msgspec.json.decode(row[31], type=dict[str, Any]),
        prompts=msgspec.json.decode(row[32], type=tuple[SentPrompt, ...]),
        arms=tuple([one for one in exposures_of(row[33]) if one.arm]),
        finish=row[34],
        answered_model=row[35],
    )


def _set(values: list[str] | None) -> frozenset[str] | None:
    return None if values is None else frozenset(values)

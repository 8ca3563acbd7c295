"""Cases from recorded calls: those that are named, those of a trace, those that feedback says something of.

A call in another dialect is put in the words of OpenAI's chat route; one whose body is not on record, that is
no chat, or that would ask something else then, is no case; how many is said. Read next: `datasets.http`.
"""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, cast

import msgspec

from headgate.core.call import AnyDialect
from headgate.core.faults import Fault, InvalidRequest
from headgate.core.quirks import Quirks
from headgate.datasets.model import Case, Origin, checked_case
from headgate.datasets.store import QUERIES, Source
from headgate.records.bodies import ERASED, read_requests
from headgate.store.database import Connection
from headgate.store.rows import fetch_rows
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.registry import CODECS

CALLS_MAX: Final = 1000
DIALECT: Final = "openai-chat"

_NOT_ASKED: Final = frozenset({"stream", "stream_options", "user", "metadata", "store", "safety_identifier"})
"""Fields of a body that say nothing of what is asked, and may name somebody."""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which calls: all that is given has to be so. `key`: only those of this key."""

    project: str
    key: str | None
    begin: datetime
    end: datetime
    ids: tuple[uuid.UUID, ...] = ()
    trace_ids: tuple[str, ...] = ()
    model: str | None = None
    tag: str | None = None
    feedback: str | None = None
    least: float | None = None
    most: float | None = None
    limit: int = CALLS_MAX

    @property
    def origin(self) -> Origin:
        """Where such cases come from."""
        if self.feedback is not None:
            return "feedback"
        return "trace" if self.trace_ids else "request"


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """Cases with their sources, and how many calls are none, by reason."""

    cases: tuple[tuple[Case, Source], ...]
    calls: int
    other_dialects: int
    without_body: int
    repeated: int


async def cases_of_calls(connection: Connection, wanted: Wanted, tags: Sequence[str]) -> Found:
    """Return the cases of the calls that are wanted, the newest first."""
    told: dict[str, Any] = msgspec.structs.asdict(wanted)
    told |= {"project_ids": [wanted.project]}
    told |= {name: list(told[name]) or None for name in ("ids", "trace_ids")}
    rows = await fetch_rows(connection, QUERIES.find_calls, told)
    chats = [row for row in rows if row["dialect"] in CODECS]
    bodies: dict[uuid.UUID, bytes] = {}
    if chats:
        ids = [row["id"] for row in chats]
        bodies = await read_requests(connection, [wanted.project], wanted.project, ids)
    cases: dict[str, tuple[Case, Source]] = {}
    without, repeated = 0, 0
    for row in chats:
        case = _case_of(bodies.get(row["id"], b""), row, wanted.origin, tags)
        if case is None:
            without += 1
        elif case.id in cases:
            repeated += 1
        else:
            cases[case.id] = (case, _source_of(row))
    return Found(
        cases=tuple(cases.values()),
        calls=len(rows),
        other_dialects=len(rows) - len(chats),
        without_body=without,
        repeated=repeated,
    )


def _case_of(body: bytes, row: dict[str, Any], origin: Origin, tags: Sequence[str]) -> Case | None:
    """Return a call as a case, known by its content; None where its messages are not on record."""
    asked = _asked(body, row["dialect"], row["model"])
    messages: Any = asked.get("messages")
    if not isinstance(messages, list) or not messages or msgspec.json.decode(ERASED) in messages:
        return None
    bare = {name: value for name, value in asked.items() if name not in _NOT_ASKED}
    case = Case(body=bare, tags=tuple(tags), origin=origin, cluster=row["session"] or None)
    try:
        # Its id is that of its content, whichever session it came from.
        identity = checked_case(msgspec.structs.replace(case, cluster=None, tags=())).id
    except InvalidRequest:
        return None
    return msgspec.structs.replace(case, id=identity)


def _asked(body: bytes, dialect: str, model: str) -> dict[str, Any]:
    """Return what a call asked, in the words of OpenAI's chat route; nothing where that asks otherwise."""
    changes = Changes()
    try:
        if dialect != DIALECT:
            call = CODECS[cast("AnyDialect", dialect)].read_call(body, model=model, stream=False)
            body = CODECS[DIALECT].write_call(call, Quirks(), changes)
        asked = msgspec.json.decode(body, type=dict[str, Any])
    except (Fault, msgspec.DecodeError, RecursionError):
        return {}
    return {} if changes.of_weight("meaning") else asked


def _source_of(row: dict[str, Any]) -> Source:
    trace_id = row["trace_id"]
    return Source(
        request_id=row["id"],
        trace_id=uuid.UUID(trace_id) if len(trace_id) == 32 else None,
        session=row["session"],
        user=row["user"],
        key=row["key"],
    )

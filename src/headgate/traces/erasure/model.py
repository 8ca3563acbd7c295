"""What is asked to be erased, and the receipt of it. Pure. Read next: `traces.erasure.tables`."""

import hashlib
import re
from datetime import datetime
from typing import Annotated, Any, Final, Literal
from uuid import UUID

import msgspec

from headgate.core.faults import InvalidRequest
from headgate.core.names import Name
from headgate.core.pages import format_datetime, parse_instant_ms
from headgate.traces.erasure.tables import COUNTED, ELSEWHERE, ERASED, KEPT

Kind = Literal["user", "session", "trace_id", "key", "all_before"]
State = Literal["waiting", "running", "done"]
KINDS: Final[tuple[Kind, ...]] = ("user", "session", "trace_id", "key", "all_before")

Subject = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=r"^[^\x00]+$")]

_TRACE_ID: Final = re.compile(r"[0-9a-f]{32}")


class NewErasure(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be erased of a project: exactly one of user, session, trace, key, or all before a time.

    `dry_run` counts only.
    """

    project: Name
    user: Subject | None = None
    session: Subject | None = None
    trace_id: Subject | None = None
    key: Subject | None = None
    all_before: Subject | None = None
    dry_run: bool = False

    def subject(self) -> tuple[Kind, str]:
        """Return what is named and its name. Raises InvalidRequest for none, several, or no such value."""
        values: list[tuple[Kind, str]] = [(kind, str(getattr(self, kind) or "")) for kind in KINDS]
        given: list[tuple[Kind, str]] = [each for each in values if each[1]]
        if len(given) != 1:
            named = ", ".join(kind for kind, _ in given) or "none"
            raise InvalidRequest(f"name exactly one of {', '.join(KINDS)}; this names {named}")
        kind, value = given[0]
        if kind == "trace_id" and _TRACE_ID.fullmatch(value) is None:
            raise InvalidRequest(f"trace_id is {value[:64]!r}; write 32 hexadecimal digits", parameter=kind)
        if kind == "all_before":
            parse_instant_ms(value, kind)
        return kind, value


class ErasureRow(msgspec.Struct, frozen=True, array_like=True):
    """An erasure as the database keeps it."""

    id: UUID
    project: str
    kind: Kind
    subject: str
    subject_digest: bytes
    cutoff: datetime
    asked_at: datetime
    asked_by: str
    dry_run: bool
    state: State
    removed: str
    remained: str
    second_look: str
    looks: int
    finished_at: datetime | None
    digest: bytes | None
    stands_until: datetime


class TableRemoved(msgspec.Struct, frozen=True, kw_only=True):
    """What was removed from a table (in a dry run: would be, at least), what remained, and why."""

    table: str
    removed: int
    remained: int
    why: str


class TableFound(msgspec.Struct, frozen=True, kw_only=True):
    """What a second look has found in a table."""

    table: str
    found: int


class Erasure(msgspec.Struct, frozen=True, kw_only=True):
    """An erasure with its receipt. `digest` is the SHA-256 of the receipt as it was when it was done.

    `subject` is null once the erasure stands no longer; `subject_digest` is the SHA-256 of its name.
    """

    id: str
    project: str
    kind: Kind
    subject: str | None
    subject_digest: str
    before: str
    at: str
    by: str
    dry_run: bool
    state: State
    finished_at: str | None
    looks: int
    stands_until: str
    tables: list[TableRemoved]
    kept: dict[str, str]
    elsewhere: dict[str, str]
    second_look: list[TableFound]
    digest: str | None


def digest_of(subject: str) -> bytes:
    """Return the SHA-256 of a subject's name."""
    return hashlib.sha256(subject.encode()).digest()


def receipt_digest(row: ErasureRow) -> bytes:
    """Return the SHA-256 of a receipt: its parts as JSON, in this order."""
    parts = [str(row.id), row.project, row.kind, row.subject_digest.hex(), format_datetime(row.cutoff)]
    counts = [_counts(text) for text in (row.removed, row.remained, row.second_look)]
    told: list[Any] = [*parts, row.asked_by, row.dry_run, *(sorted(each.items()) for each in counts)]
    return hashlib.sha256(msgspec.json.encode(told)).digest()


def shown(row: ErasureRow) -> Erasure:
    """Return an erasure as the API says it."""
    removed, remained = _counts(row.removed), _counts(row.remained)
    reasons = {**ERASED, **COUNTED}
    return Erasure(
        id=str(row.id),
        project=row.project,
        kind=row.kind,
        subject=row.subject or None,
        subject_digest=row.subject_digest.hex(),
        before=format_datetime(row.cutoff),
        at=format_datetime(row.asked_at),
        by=row.asked_by,
        dry_run=row.dry_run,
        state=row.state,
        finished_at=None if row.finished_at is None else format_datetime(row.finished_at),
        looks=row.looks,
        stands_until=format_datetime(row.stands_until),
        tables=[
            TableRemoved(
                table=table,
                removed=removed.get(table, 0),
                remained=remained.get(table, 0),
                why=why if remained.get(table) or table == "ledger" else "",
            )
            for table, why in reasons.items()
        ],
        kept=KEPT,
        elsewhere=ELSEWHERE,
        second_look=[
            TableFound(table=table, found=found) for table, found in _counts(row.second_look).items()
        ],
        digest=None if row.digest is None else row.digest.hex(),
    )


def _counts(text: str) -> dict[str, int]:
    return msgspec.json.decode(text, type=dict[str, int])

"""Questions asked of scores: a page of them, those of a trace, and one taken out.

Every question takes `project_ids`: None means all projects, which only an admin may ask for. Read next:
`traces/scores/queries.sql`, `scores.model`.
"""

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from headgate.core.faults import Conflict, InvalidRequest, NotFound
from headgate.core.identity import span_number, span_text
from headgate.core.pages import (
    LIMIT_DEFAULT,
    LIMIT_MAX,
    Page,
    decode_cursor,
    encode_cursor,
    format_datetime,
)
from headgate.store.database import Connection
from headgate.store.rows import fetch_rows
from headgate.traces.scores.model import (
    ChangeFeedback,
    Feedback,
    NameInUse,
    NamesInUse,
    NewFeedback,
    score_of,
    value_of,
)
from headgate.traces.scores.storing import QUERIES, add_scores

OF_TRACE_MAX = 1000
AROUND_MAX = 100
"""Of the session or the user of a trace."""
NAMES_LOOK = 5000
NAMES_MAX = 100
WORDS_MAX = 20
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class FeedbackFilters(msgspec.Struct, frozen=True, kw_only=True):
    """What a page is narrowed to; None narrows nothing. Ids as people write them."""

    project: str | None = None
    key: str | None = None
    name: str | None = None
    source: str | None = None
    by: str | None = None
    request_id: str | None = None
    trace_id: str | None = None
    span_id: str | None = None
    session: str | None = None
    user: str | None = None
    business_id: str | None = None
    begin: datetime | None = None
    end: datetime | None = None


class Around(msgspec.Struct, frozen=True, kw_only=True):
    """A trace, the days on which parts of it arrived, and whose it is."""

    trace_id: uuid.UUID
    days: Mapping[str, Any]
    session: str | None
    user: str | None


async def list_feedback(
    connection: Connection,
    project_ids: Sequence[str] | None,
    filters: FeedbackFilters,
    *,
    limit: int = LIMIT_DEFAULT,
    cursor: str | None = None,
) -> Page[Feedback]:
    """Return a page, the newest first. Raises InvalidRequest for an id or a cursor that is none."""
    limit = max(1, min(limit, LIMIT_MAX))
    before = None if cursor is None else decode_cursor(cursor, tuple[int, str, str])
    if before is not None and before[0] > _microseconds(datetime.max.replace(tzinfo=UTC)):
        raise InvalidRequest("next is no cursor of this list; pass on what the page before said")
    asked: dict[str, Any] = {
        **msgspec.structs.asdict(filters),
        "project_ids": None if project_ids is None else list(project_ids),
        "request_id": _uuid(filters.request_id, "request_id"),
        "trace_id": _uuid(filters.trace_id, "trace_id"),
        "span_id": _span(filters.span_id),
        "before_at": None if before is None else _EPOCH + timedelta(microseconds=before[0]),
        "before_id": None if before is None else before[1],
        "before_project": None if before is None else before[2],
        "limit": limit + 1,
    }
    found = await connection.execute(QUERIES.list_scores, asked, prepare=False)
    rows = [_named(row) for row in await found.fetchall()]
    following = None
    if len(rows) > limit:
        last = rows[limit - 1]
        following = encode_cursor((_microseconds(last["at"]), last["id"], last["project"]))
    return Page(items=[_feedback(row) for row in rows[:limit]], next=following)


async def scores_of(
    connection: Connection,
    project_ids: Sequence[str],
    trace_id: uuid.UUID,
    days: Mapping[str, Any],
    *,
    key: str | None = None,
) -> list[Feedback]:
    """Return what was said of a trace, its spans and its requests, the oldest first, 1,000 at most.

    `days` are the `first_day` and `last_day` on which parts of it arrived; with `key` what this key said.
    """
    rows = await fetch_rows(
        connection,
        QUERIES.scores_of,
        {
            "project_ids": list(project_ids),
            "trace_id": trace_id,
            "first_day": days["first_day"],
            "last_day": days["last_day"],
            "key": key,
            "limit": OF_TRACE_MAX,
        },
    )
    return [_feedback(row) for row in rows]


async def scores_around(
    connection: Connection, project_ids: Sequence[str], around: Around, *, key: str | None = None
) -> list[Feedback]:
    """Return what was said of a trace as `scores_of` does, then the newest of its session and of its user."""
    found = await scores_of(connection, project_ids, around.trace_id, around.days, key=key)
    for name in ("session", "user"):
        subject = getattr(around, name)
        if subject is not None:
            filters = FeedbackFilters(**{name: subject}, key=key)
            found += (await list_feedback(connection, project_ids, filters, limit=AROUND_MAX)).items
    return found


async def take_out(
    connection: Connection,
    project_ids: Sequence[str] | None,
    identity: str,
    *,
    project: str | None = None,
    key: str | None = None,
) -> Feedback:
    """Delete one, in the caller's transaction; with `key` only what that key said.

    Raises NotFound where there is none, Conflict where several projects have one of that id.
    """
    rows = await fetch_rows(
        connection,
        QUERIES.delete_score,
        {
            "project_ids": None if project_ids is None else list(project_ids),
            "id": identity,
            "project": project,
            "key": key,
        },
    )
    if not rows:
        raise NotFound(
            f"there is no feedback {identity[:100]!r}; `headgate feedback list` shows what there is"
        )
    if len(rows) > 1:
        projects = ", ".join(sorted(row["project"] for row in rows))
        raise Conflict(f"feedback {identity[:100]!r} stands in {projects}; name one with `project`")
    return _feedback(rows[0])


async def names_in_use(
    connection: Connection, project_ids: Sequence[str] | None, *, key: str | None = None
) -> NamesInUse:
    """Return the names under which something was said of late; with `key` by this key."""
    asked = {
        "project_ids": None if project_ids is None else list(project_ids),
        "key": key,
        "look": NAMES_LOOK,
        "words": WORDS_MAX,
        "limit": NAMES_MAX,
    }
    rows = await fetch_rows(connection, QUERIES.names_in_use, asked)
    return NamesInUse(items=[NameInUse(**row) for row in rows])


async def change(
    connection: Connection, project: str, key: str, identity: str, instead: ChangeFeedback
) -> tuple[Feedback, Feedback]:
    """Say something else under the same id, in the caller's transaction: what counted before counts no more.

    Returns what was said, and what is. Raises NotFound where this key has said nothing of that id.
    """
    gone = await take_out(connection, [project], identity, project=project, key=key)
    said = NewFeedback(
        name=gone.name,
        value=instead.value,
        comment=instead.comment,
        id=gone.id,
        source=gone.source,
        by=gone.by,
        request_id=gone.request_id,
        trace_id=None if gone.request_id or gone.business_id else gone.trace_id,
        span_id=gone.span_id,
        session=gone.session,
        user=gone.user,
        business_id=gone.business_id,
    )
    await add_scores(connection, project, [score_of(said, key)])
    rows = await fetch_rows(connection, QUERIES.get_feedback, {"project_ids": [project], "id": gone.id})
    return gone, _feedback(rows[0])


_COLUMNS = (
    *("project", "id", "key", "name", "kind", "value", "text", "comment", "source", "said_by", "at"),
    *("received_at", "subject", "request_id", "trace_id", "span_id", "session", "user", "business_id"),
)


def _named(row: Sequence[Any]) -> dict[str, Any]:
    return dict(zip(_COLUMNS, row, strict=True))


def _feedback(row: dict[str, Any]) -> Feedback:
    return Feedback(
        id=row["id"],
        project=row["project"],
        name=row["name"],
        value=value_of(row["kind"], row["value"], row["text"]),
        label="" if row["kind"] == "text" else row["text"],
        comment=row["comment"],
        source=row["source"],
        by=row["said_by"],
        at=format_datetime(row["at"]),
        received_at=format_datetime(row["received_at"]),
        key=row["key"],
        request_id=None if row["request_id"] is None else str(row["request_id"]),
        trace_id=None if row["trace_id"] is None else row["trace_id"].hex,
        span_id=None if row["span_id"] is None else span_text(row["span_id"]),
        session=row["session"] or None,
        user=row["user"] or None,
        business_id=row["business_id"] or None,
    )


def _microseconds(instant: datetime) -> int:
    return (instant - _EPOCH) // timedelta(microseconds=1)


def _uuid(text: str | None, parameter: str) -> uuid.UUID | None:
    if text is None:
        return None
    try:
        return uuid.UUID(text)
    except ValueError:
        raise InvalidRequest(f"{parameter} is {text[:64]!r}, which is no id", parameter=parameter) from None


def _span(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        return span_number(bytes.fromhex(text.rjust(16, "0") if len(text) <= 16 else "no"))
    except (ValueError, OverflowError):
        raise InvalidRequest(
            f"span_id is {text[:64]!r}; write its 16 hex digits", parameter="span_id"
        ) from None

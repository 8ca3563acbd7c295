"""The queue of answers that people mark: who gets in, what is shown, and what a person says.

A judge's mark, and why an answer is in the queue, show only to who has marked it. Answers come in the order
of their lots, so that those that nobody got to yet were left out by chance. Read next: `judges.content`.
"""

import uuid
from collections.abc import Sequence
from typing import Any, Final, Literal

import msgspec

from headgate.core.faults import Conflict, NotFound
from headgate.core.identity import span_text
from headgate.core.pages import Page, decode_cursor, encode_cursor, format_datetime
from headgate.judges.content import content_of
from headgate.judges.items import Content, Judged, Named, lot_of, order_for
from headgate.judges.model import Judge, Rule, said_of, value_of
from headgate.judges.storing import QUERIES, add_items, add_marks
from headgate.store.database import Connection
from headgate.store.rows import fetch_rows

State = Literal["open", "done", "all"]
SWEPT_MAX: Final = 200
"""How many answers one rule puts into the queue at a time."""


class ReviewItem(msgspec.Struct, frozen=True, kw_only=True):
    """An answer in the queue. Why it is there is not said: that would tell what the judge thought."""

    id: str
    judge: str
    subject: str
    request_id: str | None
    other_request_id: str | None
    """Of a pair of calls the one whose answer is `b`."""
    trace_id: str | None
    span_id: str | None
    case: str | None
    wanted: int
    marked: int
    mine: bool
    """Whether who asks has marked it."""
    chosen_at: str | None


class Review(msgspec.Struct, frozen=True, kw_only=True):
    """What a person marks: the question, the answer, and how a mark is written.

    A pair stands in the order `shown`: `first` and `second` are `a` and `b`, or the reverse. Marks name `a`
    and `b`.
    """

    item: ReviewItem
    rubric: str
    scale: str
    write: str
    content: Content
    shown: str
    missing: str


class SaidMark(msgspec.Struct, frozen=True, kw_only=True):
    """One mark, of a person or the judge, as it was said."""

    source: str
    by: str
    version: str
    value: Any
    shown: str
    repeat: int
    comment: str
    at: str


class MarkedItem(msgspec.Struct, frozen=True, kw_only=True):
    """An answer that has been marked, with all that was said of it, and why it was chosen."""

    item: ReviewItem
    chosen: str
    sampled: bool
    marks: list[SaidMark]
    content: Content | None = None


async def choose(connection: Connection, judge: Judge, ids: Sequence[uuid.UUID], rule: Rule) -> int:
    """Put answers into the queue, and return how many were not there before."""
    if not ids:
        return 0
    parameters = {
        "project_ids": [judge.project],
        "judge": judge.name,
        "ids": list(ids),
        "wanted": judge.review.people,
        "chosen": rule,
    }
    cursor = await connection.execute(QUERIES.choose, parameters)
    return len(await cursor.fetchall())


async def choose_by_rules(connection: Connection, judge: Judge, said: dict[uuid.UUID, Judged]) -> int:
    """Put into the queue what the rules want of answers that the judge has just marked."""
    sampled = [identity for identity in said if lot_of(identity) < judge.review.random]
    unsure = [
        identity
        for identity, each in said.items()
        if any(mark.value is None or (mark.sure or 1.0) < judge.review.uncertain for mark in each.marks)
    ]
    chosen = await choose(connection, judge, sampled, "random")
    if judge.review.uncertain > 0:
        chosen += await choose(connection, judge, unsure, "uncertain")
    return chosen


async def sweep(connection: Connection, judge: Judge) -> int:
    """Put into the queue what users' feedback points at: disagreement with the judge, and thumbs down."""
    chosen = 0
    parameters = {
        "project_ids": [judge.project],
        "judge": judge.name,
        "version": judge.version,
        "feedback": judge.review.feedback,
        "limit": SWEPT_MAX,
    }
    if judge.review.disagreement and judge.scale == "yes_no":
        cursor = await connection.execute(QUERIES.disagreeing, parameters)
        ids = list({identity for (identity,) in await cursor.fetchall()})
        chosen += await choose(connection, judge, ids, "disagreement")
    if judge.review.thumbs_down and judge.scale != "pairwise":  # a call is one answer, and no pair
        cursor = await connection.execute(QUERIES.thumbs_down, parameters)
        for (request,) in await cursor.fetchall():
            try:
                async with connection.transaction():
                    ids = await add_items(connection, judge, [Named(request_id=str(request))])
            except NotFound:
                continue  # feedback on a call that isn't on record, or not yet
            chosen += await choose(connection, judge, ids, "thumbs_down")
    return chosen


async def list_reviews(
    connection: Connection, judge: Judge, *, by: str, state: State, limit: int, cursor: str | None
) -> Page[ReviewItem]:
    """Return a page of the queue."""
    after = -1.0 if cursor is None else decode_cursor(cursor, float)
    rows = await _queue(connection, judge, by=by, state=state, after=after, limit=limit + 1)
    following = encode_cursor(rows[limit - 1]["lot"]) if len(rows) > limit else None
    return Page(items=[review_item(row) for row in rows[:limit]], next=following)


async def next_review(connection: Connection, judge: Judge, by: str) -> Review | None:
    """Return what a person may mark next: what waits, and that person hasn't marked. None for nothing."""
    rows = await _queue(connection, judge, by=by, state="open", others=True, limit=1)
    return await _review(connection, judge, rows[0], by) if rows else None


async def show_review(connection: Connection, judge: Judge, identity: uuid.UUID, by: str) -> Review:
    """Return an answer in the queue as a person sees it before marking."""
    return await _review(connection, judge, await _find(connection, judge, identity, by), by)


async def mark(
    connection: Connection,
    judge: Judge,
    identity: uuid.UUID,
    *,
    by: str,
    key: str,
    value: object,
    comment: str,
) -> MarkedItem:
    """Keep what a person says, and show what the judge had said.

    The same again counts once. Raises Conflict where that person said something else before, or where as many
    people as were wanted have marked it.
    """
    row = await _find(connection, judge, identity, by)
    if row["marked"] >= row["wanted"] and not row["mine"]:
        raise Conflict(
            f"{row['marked']} of {row['wanted']} people have marked this answer; `headgate reviews next` "
            "shows another"
        )
    common = {
        "source": "person",
        "said_by": by,
        "version": "",
        "question": judge.question,
        "project": judge.project,
        "key": key,
    }
    said = {"item": identity, "shown": "", "repeat": 0, "value": value_of(judge.scale, value), "sure": None}
    await add_marks(connection, common, [{**said, "comment": comment}])
    row = await _find(connection, judge, identity, by)
    return (await with_marks(connection, judge, [row]))[0]


async def export(connection: Connection, judge: Judge, *, limit: int, cursor: str | None) -> Page[MarkedItem]:
    """Return the calibration set, page by page: what people marked, with what was said and what was read."""
    parameters = {
        "project_ids": [judge.project],
        "judge": judge.name,
        "question": judge.question,
        "after": -1.0 if cursor is None else decode_cursor(cursor, float),
        "limit": limit + 1,
    }
    rows = await fetch_rows(connection, QUERIES.calibration, parameters)
    following = encode_cursor(rows[limit - 1]["lot"]) if len(rows) > limit else None
    items: list[MarkedItem] = []
    for row, marked in zip(rows[:limit], await with_marks(connection, judge, rows[:limit]), strict=True):
        shows = await content_of(connection, row)
        items.append(msgspec.structs.replace(marked, content=shows.content))
    return Page(items=items, next=following)


async def with_marks(
    connection: Connection, judge: Judge, rows: Sequence[dict[str, Any]]
) -> list[MarkedItem]:
    """Return answers with all that was said of them."""
    parameters = {"project_ids": [judge.project], "ids": [row["id"] for row in rows]}
    said: dict[uuid.UUID, list[SaidMark]] = {}
    for found in await fetch_rows(connection, QUERIES.marks_of_items, parameters):
        value = None if found["value"] is None else said_of(judge.scale, found["value"])
        said.setdefault(found["item"], []).append(
            SaidMark(
                source=found["source"],
                by=found["said_by"],
                version=found["version"],
                value=value,
                shown=found["shown"],
                repeat=found["repeat"],
                comment=found["comment"],
                at=format_datetime(found["at"]),
            )
        )
    return [
        MarkedItem(
            item=review_item(row),
            chosen=row["chosen"],
            sampled=row["sampled"],
            marks=said.get(row["id"], []),
        )
        for row in rows
    ]


def review_item(row: dict[str, Any]) -> ReviewItem:
    """Return a row of the queue as it is shown."""
    return ReviewItem(
        id=str(row["id"]),
        judge=row["judge"],
        subject=row["subject"],
        request_id=None if row["request_id"] is None else str(row["request_id"]),
        other_request_id=None if row["other_request_id"] is None else str(row["other_request_id"]),
        trace_id=None if row["trace_id"] is None else row["trace_id"].hex,
        span_id=None if row["span_id"] is None else span_text(row["span_id"]),
        case=row["case_name"] or None,
        wanted=row["wanted"],
        marked=row["marked"],
        mine=row["mine"],
        chosen_at=None if row["chosen_at"] is None else format_datetime(row["chosen_at"]),
    )


async def _review(connection: Connection, judge: Judge, row: dict[str, Any], by: str) -> Review:
    shows = await content_of(connection, row)
    is_pair = judge.scale == "pairwise"
    return Review(
        item=review_item(row),
        rubric=judge.rubric,
        scale=judge.scale,
        write=_WRITE[judge.scale],
        # Who answered would tell more than the answer does.
        content=msgspec.structs.replace(shows.content, model="", model_a="", model_b=""),
        shown=order_for(row["id"], by) if is_pair else "",
        missing=shows.missing,
    )


_WRITE: Final = {
    "yes_no": "yes or no",
    "one_to_five": "1, 2, 3, 4 or 5",
    "pairwise": "a, b or tie",
}


async def _find(connection: Connection, judge: Judge, identity: uuid.UUID, by: str) -> dict[str, Any]:
    rows = await _queue(connection, judge, by=by, state="all", limit=1, identity=identity)
    if not rows:
        raise _unknown(str(identity))
    return rows[0]


async def _queue(
    connection: Connection,
    judge: Judge,
    *,
    by: str,
    state: State,
    limit: int,
    after: float = -1.0,
    others: bool = False,
    identity: uuid.UUID | None = None,
) -> list[dict[str, Any]]:
    parameters = {
        "project_ids": [judge.project],
        "judge": judge.name,
        "question": judge.question,
        "by": by,
        "state": state,
        "after": after,
        "others": others,
        "id": identity,
        "limit": limit,
    }
    return await fetch_rows(connection, QUERIES.queue, parameters)


def _unknown(identity: str) -> NotFound:
    return NotFound(
        f"there is no answer {identity[:64]!r} in the queue; `headgate reviews list` shows what there is"
    )


async def judge_of(
    connection: Connection, project_ids: Sequence[str] | None, identity: str
) -> tuple[uuid.UUID, str, str]:
    """Return the id, project and judge of an answer. Raises NotFound."""
    try:
        number = uuid.UUID(identity)
    except ValueError:
        raise _unknown(identity) from None
    parameters = {"project_ids": None if project_ids is None else list(project_ids), "id": number}
    rows = await fetch_rows(connection, QUERIES.get_item, parameters)
    if not rows:
        raise _unknown(identity)
    return number, rows[0]["project"], rows[0]["judge"]

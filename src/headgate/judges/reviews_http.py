"""Routes of reviews: what people are to mark, one answer at a time, and what they said.

Whoever marks sees the project's calls, so this takes a role that may read them. Read next: `judges.queue`.
"""

from typing import Annotated

import msgspec
from litestar import Controller, get, post
from litestar.params import FromPath, FromQuery, JSONBody

from headgate.access.gate import CallerKey, PageLimit, grant
from headgate.access.http import Store
from headgate.access.roles import project_meant, visible
from headgate.access.store import AuditEntry, write_audit
from headgate.core.pages import LIMIT_DEFAULT, Page
from headgate.judges.items import ITEMS_MAX, Named
from headgate.judges.model import Rule
from headgate.judges.queue import (
    MarkedItem,
    Review,
    ReviewItem,
    State,
    choose,
    export,
    judge_of,
    list_reviews,
    mark,
    next_review,
    show_review,
    sweep,
)
from headgate.judges.storing import add_items, find_judge

Person = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=r"^[^\x00]+$")]


class NewReviews(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Answers that people are to mark for a judge: by hand, or from a run of a check."""

    judge: Annotated[str, msgspec.Meta(max_length=100)]
    items: Annotated[list[Named], msgspec.Meta(min_length=1, max_length=ITEMS_MAX)]
    rule: Rule = "hand"


class Added(msgspec.Struct, frozen=True, kw_only=True):
    """The ids of answers, and how many were not in the queue before."""

    ids: list[str]
    chosen: int


class Next(msgspec.Struct, frozen=True, kw_only=True):
    """What to mark next; null where nothing waits for this person."""

    review: Review | None


class NewMark(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a person says: true or false, 1 to 5, or `a`, `b`, `tie`. `by` is by default the key."""

    value: bool | int | Annotated[str, msgspec.Meta(max_length=8)]
    by: Person | None = None
    comment: Annotated[str, msgspec.Meta(max_length=8000, pattern=r"^[^\x00]*$")] = ""


class ReviewsController(Controller):
    """Answers that people are to mark."""

    path = "/reviews"
    tags = ("reviews",)

    @get(opt={"grant": grant("judges:read")})
    async def list_reviews(
        self,
        caller: CallerKey,
        *,
        database: Store,
        judge: FromQuery[str],
        which: FromQuery[State] = "open",
        by: FromQuery[str | None] = None,
        project: FromQuery[str | None] = None,
        limit: PageLimit = LIMIT_DEFAULT,
        next: FromQuery[str | None] = None,  # noqa: A002 - the contract's name
    ) -> Page[ReviewItem]:
        """List the answers in a judge's queue. What the judge said, and why they are there, doesn't show."""
        where = project_meant(caller, project)
        async with database.connection() as connection:
            found = await find_judge(connection, where, judge)
            return await list_reviews(
                connection, found, by=by or caller.id, state=which, limit=limit, cursor=next
            )

    @post(status_code=201, opt={"grant": grant("judges:write")})
    async def add_reviews(
        self,
        caller: CallerKey,
        database: Store,
        data: JSONBody[NewReviews],
        project: FromQuery[str | None] = None,
    ) -> Added:
        """Put answers into a judge's queue by hand; those that are there already stay as they are."""
        where = project_meant(caller, project)
        async with database.transaction() as connection:
            judge = await find_judge(connection, where, data.judge)
            ids = await add_items(connection, judge, data.items)
            rule: Rule = data.rule if data.rule in ("hand", "check") else "hand"
            chosen = await choose(connection, judge, ids, rule)
            entry = AuditEntry(
                actor=caller.id,
                action="review",
                kind="judge",
                object=judge.name,
                project=where,
                after={"items": [str(each) for each in ids], "rule": rule},
            )
            await write_audit(connection, entry)
        return Added(ids=[str(each) for each in ids], chosen=chosen)

    @get("/next", opt={"grant": grant("reviews:write")})
    async def next_review(
        self,
        caller: CallerKey,
        *,
        database: Store,
        judge: FromQuery[str],
        by: FromQuery[str | None] = None,
        project: FromQuery[str | None] = None,
    ) -> Next:
        """Show what a person may mark next, without what the judge said."""
        where = project_meant(caller, project)
        async with database.transaction() as connection:
            found = await find_judge(connection, where, judge)
            await sweep(connection, found)
            return Next(review=await next_review(connection, found, by or caller.id))

    @get("/export", opt={"grant": grant("judges:read")})
    async def export_reviews(
        self,
        caller: CallerKey,
        *,
        database: Store,
        judge: FromQuery[str],
        project: FromQuery[str | None] = None,
        limit: PageLimit = LIMIT_DEFAULT,
        next: FromQuery[str | None] = None,  # noqa: A002 - the contract's name
    ) -> Page[MarkedItem]:
        """Return what people have marked, with what the judge said: the calibration set."""
        where = project_meant(caller, project)
        async with database.connection() as connection:
            found = await find_judge(connection, where, judge)
            return await export(connection, found, limit=limit, cursor=next)

    @get("/{review_id:str}", opt={"grant": grant("reviews:write")})
    async def show_review(
        self,
        caller: CallerKey,
        *,
        database: Store,
        review_id: FromPath[str],
        by: FromQuery[str | None] = None,
    ) -> Review:
        """Show one answer of the queue as a person sees it before marking."""
        projects = visible(caller).project_ids
        async with database.connection() as connection:
            identity, where, name = await judge_of(connection, projects, review_id)
            judge = await find_judge(connection, where, name)
            return await show_review(connection, judge, identity, by or caller.id)

    @post("/{review_id:str}/marks", status_code=201, opt={"grant": grant("reviews:write")})
    async def add_mark(
        self, caller: CallerKey, *, database: Store, review_id: FromPath[str], data: JSONBody[NewMark]
    ) -> MarkedItem:
        """Mark an answer, and see what the judge had said. A person's mark stays: 409 for another."""
        projects = visible(caller).project_ids
        by = data.by or caller.id
        async with database.transaction() as connection:
            identity, where, name = await judge_of(connection, projects, review_id)
            judge = await find_judge(connection, where, name)
            marked = await mark(
                connection, judge, identity, by=by, key=caller.id, value=data.value, comment=data.comment
            )
            entry = AuditEntry(
                actor=caller.id,
                action="mark",
                kind="review",
                object=str(identity),
                project=where,
                after={"judge": name, "by": by, "value": data.value},
            )
            await write_audit(connection, entry)
        return marked

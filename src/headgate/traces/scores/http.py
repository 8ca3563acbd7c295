"""Routes of feedback: said, listed and taken back.

Whoever says something says it of its key's own project; a member sees and takes back what its key said. Read
next: `scores.model`, `scores.storing`.
"""

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

import msgspec
from litestar import Controller, Request, delete, get, post, put
from litestar.params import FromPath, FromQuery, JSONBody, Parameter

from headgate.access.gate import CallerKey, PageLimit, grant
from headgate.access.http import Store, Time
from headgate.access.roles import project_meant, visible
from headgate.access.store import AuditEntry, write_audit
from headgate.core.faults import Conflict, InvalidRequest
from headgate.core.pages import LIMIT_DEFAULT, Page, parse_instant_ms
from headgate.records.http import narrowed
from headgate.traces.scores.model import (
    BATCH_MAX,
    ChangeFeedback,
    Feedback,
    NamesInUse,
    NewFeedback,
    Score,
    score_of,
)
from headgate.traces.scores.queries import FeedbackFilters, change, list_feedback, names_in_use, take_out
from headgate.traces.scores.storing import Added, add_scores, set_facets

TEXT_CHARACTERS_MAX: Final = 256
_TEXTS: Final[dict[str, str]] = {
    "project": "feedback of this project",
    "key": "said with the key of this id",
    "name": "of this name",
    "source": "of this source: person, code or model",
    "by": "said by this person, program or model",
    "request_id": "of this request",
    "trace_id": "of this trace, by 32 hex digits",
    "span_id": "of this span, by 16 hex digits",
    "session": "of this session",
    "user": "of this user",
    "business_id": "of this id of your own",
}
_TIMES: Final = {"from": "of this time or later", "to": "before this time"}
_FILTERS: Final[dict[str, Any]] = {
    name: Parameter(str, required=False, default=None, description=text)
    for name, text in {**_TEXTS, **_TIMES}.items()
}


class Accepted(msgspec.Struct, frozen=True, kw_only=True):
    """The id under which feedback is kept: yours, or one made from its content."""

    id: str


class NewBatch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Up to 1,000, each as `POST /feedback` takes it. `dry_run` answers as ever, and keeps nothing."""

    items: Annotated[list[dict[str, Any]], msgspec.Meta(min_length=1, max_length=BATCH_MAX)]
    dry_run: bool = False


class BatchItem(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one: its id where it counts, else why it does not."""

    id: str | None
    code: str | None = None
    message: str | None = None


class Batched(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a batch: how many count and do not, and each in the order in which they came.

    `known` of those that count were there before, or stand in the batch twice."""

    accepted: int
    known: int
    refused: int
    items: list[BatchItem]


class FeedbackListController(Controller):
    """What was said, as a list."""

    path = "/feedback"
    tags = ("feedback",)
    parameters = _FILTERS

    @get(opt={"grant": grant("feedback:read")})
    async def list_feedback(
        self,
        caller: CallerKey,
        *,
        request: Request[Any, Any, Any],
        database: Store,
        limit: PageLimit = LIMIT_DEFAULT,
        next: FromQuery[str | None] = None,  # noqa: A002 - the contract's name
    ) -> Page[Feedback]:
        """List feedback, the newest first. All filters given must match.

        An admin sees all projects, a project admin and a viewer their own, a member what its key said.
        """
        seen = visible(caller)
        filters = _filters(request.query_params)
        project_ids = seen.project_ids
        if seen.key is not None:
            if filters.key not in (None, seen.key):
                project_ids = ()
            filters = msgspec.structs.replace(filters, key=seen.key)
        async with database.connection() as connection:
            return await list_feedback(connection, project_ids, filters, limit=limit, cursor=next)


@get("/feedback/names", opt={"grant": grant("feedback:read")}, tags=["feedback"])
async def list_names_in_use(
    caller: CallerKey, database: Store, project: FromQuery[str | None] = None
) -> NamesInUse:
    """List the names under which something was said of late: what to offer who says something."""
    seen = narrowed(visible(caller), project)
    async with database.connection() as connection:
        return await names_in_use(connection, seen.project_ids, key=seen.key)


class FeedbackController(Controller):
    """What people, code and models say of traces, spans, requests, sessions and users."""

    path = "/feedback"
    tags = ("feedback",)

    @post(status_code=202, opt={"grant": grant("feedback:write")})
    async def add_feedback(
        self,
        caller: CallerKey,
        database: Store,
        clock: Time,
        data: JSONBody[NewFeedback],
        project: FromQuery[str | None] = None,
    ) -> Accepted:
        """Say something of a request, trace, span, session or user of your project.

        An admin may name another `project`. What is named may come later, or have come long ago. The same
        `id` twice counts once: 409 where the content differs. Without `id` one is made from the content.
        """
        of_project = project_meant(caller, project)
        score = score_of(data, caller.id, now_ms=clock.now_ms())
        async with database.transaction() as connection:
            [added] = await add_scores(connection, of_project, [score])
        if added.differs:
            raise Conflict(_difference(added))
        return Accepted(id=added.id)

    @post("/batch", status_code=202, opt={"grant": grant("feedback:write")})
    async def add_feedback_batch(
        self, caller: CallerKey, database: Store, clock: Time, data: JSONBody[NewBatch]
    ) -> Batched:
        """Say up to 1,000 things at once; those that are refused leave the others alone."""
        now_ms = clock.now_ms()
        items: list[BatchItem | None] = []
        scores: list[Score] = []
        for place, each in enumerate(data.items):
            try:
                scores.append(score_of(_read(each), caller.id, now_ms=now_ms))
                items.append(None)
            except InvalidRequest as fault:
                message = f"items[{place}]: {fault.message}"
                items.append(BatchItem(id=None, code=fault.code, message=message))
        added: list[Added] = []
        if scores:
            async with (
                database.connection() as connection,
                connection.transaction(force_rollback=data.dry_run),
            ):
                added = await add_scores(connection, caller.project, scores)
        kept = iter(added)
        answers = [_answer(next(kept)) if item is None else item for item in items]
        accepted = sum(answer.code is None for answer in answers)
        known = sum(not each.is_new and not each.differs for each in added)
        return Batched(accepted=accepted, known=known, refused=len(answers) - accepted, items=answers)

    @put("/{feedback_id:str}", opt={"grant": grant("feedback:write")})
    async def change_feedback(
        self,
        caller: CallerKey,
        database: Store,
        feedback_id: FromPath[str],
        data: JSONBody[ChangeFeedback],
        project: FromQuery[str | None] = None,
    ) -> Feedback:
        """Say something else than you did: what your own key said counts no more, and this does."""
        of_project = project_meant(caller, project)
        async with database.transaction() as connection:
            before, after = await change(connection, of_project, caller.id, feedback_id, data)
            entry = AuditEntry(
                actor=caller.id,
                action="change",
                kind="feedback",
                object=after.id,
                project=of_project,
                before=before,
                after=after,
            )
            await write_audit(connection, entry)
        return after

    @delete("/{feedback_id:str}", status_code=200, opt={"grant": grant("feedback:write")})
    async def delete_feedback(
        self,
        caller: CallerKey,
        database: Store,
        feedback_id: FromPath[str],
        project: FromQuery[str | None] = None,
    ) -> Feedback:
        """Take feedback back; a member what its own key said. Answers with what it was."""
        seen = visible(caller)
        async with database.transaction() as connection:
            gone = await take_out(connection, seen.project_ids, feedback_id, project=project, key=seen.key)
            if gone.trace_id is not None:
                await set_facets(connection, gone.project, [uuid.UUID(gone.trace_id)])
            entry = AuditEntry(
                actor=caller.id,
                action="delete",
                kind="feedback",
                object=gone.id,
                project=gone.project,
                before=gone,
            )
            await write_audit(connection, entry)
        return gone


def _read(item: dict[str, Any]) -> NewFeedback:
    try:
        return msgspec.convert(item, NewFeedback)
    except msgspec.ValidationError as error:
        raise InvalidRequest(str(error)) from None


def _answer(added: Added) -> BatchItem:
    if added.differs:
        return BatchItem(id=added.id, code=Conflict.code, message=_difference(added))
    return BatchItem(id=added.id)


def _difference(added: Added) -> str:
    return (
        f"there is other feedback {added.id!r} already, which differs in {', '.join(added.differs)}; "
        "give this an id of its own, or delete the other first"
    )


def _filters(query: Mapping[str, str]) -> FeedbackFilters:
    texts: dict[str, str] = {}
    for name in _TEXTS:
        if name in query:
            texts[name] = query[name]
            if not 0 < len(query[name]) <= TEXT_CHARACTERS_MAX:
                raise InvalidRequest(
                    f"{name} has {len(query[name])} characters; write 1 to {TEXT_CHARACTERS_MAX}",
                    parameter=name,
                )
    if texts.get("source", "person") not in ("person", "code", "model"):
        raise InvalidRequest(
            f"source is {texts['source'][:64]!r}; write person, code or model", parameter="source"
        )
    return FeedbackFilters(**texts, begin=_time(query, "from"), end=_time(query, "to"))


def _time(query: Mapping[str, str], name: str) -> datetime | None:
    if name not in query:
        return None
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=parse_instant_ms(query[name], name))

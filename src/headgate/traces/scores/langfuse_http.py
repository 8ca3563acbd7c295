"""Routes that Langfuse's SDK calls beside OTLP, so that it runs unchanged: its check of keys, and its scores.

Whatever else it asks is answered in words: what to use here instead. Read next: `scores.langfuse`,
`otlp.http` (its spans).
"""

from collections.abc import Sequence
from typing import Any, Final

from litestar import Request, Response, get, post, route
from litestar.params import FromPath

from headgate.access.gate import ANY_KEY, KEY_ANYWHERE, CallerKey, grant
from headgate.access.http import Store, Time
from headgate.access.model import Key
from headgate.core.faults import InvalidRequest, NotFound
from headgate.store.database import Database
from headgate.traces.scores.langfuse import events_of, items_of, score_said
from headgate.traces.scores.model import BATCH_MAX, Score
from headgate.traces.scores.queries import take_out
from headgate.traces.scores.storing import add_scores

AnyRequest = Request[Any, Any, Any]
PREFIX: Final = "/api/public"
_PROMPTS: Final = "`headgate prompts` manages prompts; docs/guides/managed-prompts.md says how to fetch them"
_INSTEAD: Final = (
    ("prompts", _PROMPTS),
    ("v2/prompts", _PROMPTS),
    ("traces", "GET /api/v1/traces lists traces"),
    ("observations", "GET /api/v1/traces/{trace_id} shows the steps of a trace"),
    ("sessions", "GET /api/v1/sessions lists sessions"),
    ("scores", "GET /api/v1/feedback lists what was said"),
    ("media", "what is attached is not kept; switch media off in the SDK"),
)


@get(f"{PREFIX}/projects", include_in_schema=False, opt={"grant": ANY_KEY, KEY_ANYWHERE: True})
async def langfuse_projects(caller: CallerKey) -> dict[str, Any]:
    """Show the key's project, as Langfuse's SDK asks to check its keys."""
    named = {"id": caller.project, "name": caller.project}
    return {"data": [{**named, "organization": named, "metadata": {}}]}


@post(
    f"{PREFIX}/scores",
    include_in_schema=False,
    opt={"grant": grant("feedback:write"), KEY_ANYWHERE: True},
)
async def langfuse_scores(
    caller: CallerKey, database: Store, clock: Time, request: AnyRequest
) -> Response[dict[str, Any]]:
    """Take scores of Langfuse's SDK as feedback; one of an id that is there takes its place."""
    body = await request.body()
    items = items_of(body)
    if body.lstrip()[:1] != b"[":
        score = score_said(items[0], caller.id, now_ms=clock.now_ms())
        [wrong] = await _add(database, caller, [score])
        if wrong:
            raise InvalidRequest(wrong)
        return Response({"id": score.id}, status_code=200)
    told = await _take(database, caller, items, clock.now_ms())
    errors = [{"message": wrong} for wrong in told if wrong]
    if not errors:
        return Response({"message": "Accepted"}, status_code=202)
    accepted = len(items) - len(errors)
    return Response({"accepted": accepted, "rejected": len(errors), "errors": errors}, status_code=207)


@post(
    f"{PREFIX}/ingestion",
    include_in_schema=False,
    opt={"grant": grant("feedback:write"), KEY_ANYWHERE: True},
)
async def langfuse_ingestion(
    caller: CallerKey, database: Store, clock: Time, request: AnyRequest
) -> Response[dict[str, Any]]:
    """Take the scores among the events of earlier SDKs of Langfuse; spans come by OTLP alone."""
    events = events_of(await request.body())
    scores = [event for event in events if event.get("type") == "score-create"]
    bodies = [event.get("body") for event in scores]
    told = iter(await _take(database, caller, bodies, clock.now_ms()))
    successes: list[dict[str, Any]] = []
    errors: list[dict[str, Any]] = []
    for event in events:
        identity = str(event.get("id", ""))[:200]
        kind = str(event.get("type", ""))[:64]
        wrong = f"{kind!r} is not taken; send spans by OTLP, as the SDK does from version 3 on"
        if kind == "score-create":
            wrong = next(told)
        if wrong:
            errors.append({"id": identity, "status": 400, "message": wrong})
        else:
            successes.append({"id": identity, "status": 201})
    return Response({"successes": successes, "errors": errors}, status_code=207)


@route(
    f"{PREFIX}/{{rest:path}}",
    http_method=["GET", "POST", "PUT", "PATCH", "DELETE"],
    include_in_schema=False,
    opt={"grant": ANY_KEY, KEY_ANYWHERE: True, "any_query": True},
)
async def langfuse_else(caller: CallerKey, rest: FromPath[str]) -> None:
    """Say what there is in place of other routes of Langfuse's."""
    del caller
    asked = rest.strip("/")
    instead = next((said for head, said in _INSTEAD if asked.startswith(head)), "")
    raise NotFound(
        f"of Langfuse's API there are spans by OTLP, scores and projects here, and no {PREFIX}/{asked[:100]}"
        + (f"; {instead}" if instead else "; /api/openapi.json lists Headgate's own routes")
    )


LANGFUSE_ROUTES: Final[tuple[Any, ...]] = (
    langfuse_projects,
    langfuse_scores,
    langfuse_ingestion,
    langfuse_else,
)


async def _take(database: Database, caller: Key, items: Sequence[object], now_ms: int) -> list[str]:
    """Keep scores; return for each what is wrong with it, empty where it counts."""
    if len(items) > BATCH_MAX:
        raise InvalidRequest(f"{len(items)} scores are sent at once; send {BATCH_MAX} at most")
    scores: list[Score | None] = []
    told: list[str] = []
    for item in items:
        try:
            scores.append(score_said(item, caller.id, now_ms=now_ms))
            told.append("")
        except InvalidRequest as fault:
            scores.append(None)
            told.append(fault.message)
    kept = iter(await _add(database, caller, [score for score in scores if score is not None]))
    return [wrong if score is None else next(kept) for score, wrong in zip(scores, told, strict=True)]


async def _add(database: Database, caller: Key, scores: list[Score]) -> list[str]:
    """Add scores; of an id that is there what this key said before gives way, as Langfuse has it."""
    if not scores:
        return []
    told: list[str] = []
    async with database.transaction() as connection:
        for score, added in zip(scores, await add_scores(connection, caller.project, scores), strict=True):
            wrong = ""
            if added.differs:
                try:
                    await take_out(connection, [caller.project], score.id, key=caller.id)
                    await add_scores(connection, caller.project, [score])
                except NotFound:
                    wrong = f"another key has said {score.id!r} already; give this an id of its own"
            told.append(wrong)
    return told

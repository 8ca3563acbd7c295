"""Routes of requests and costs: what is on record, as it comes in, and what it came to.

Access stands inside every question (`project_ids`, and the key where only own calls show), before paging.
Read next: `records.queries`, `access.roles`.
"""

import math
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, Protocol, get_args

import msgspec
from litestar import Controller, Request, get
from litestar.di import NamedDependency
from litestar.params import FromPath, Parameter, SkipValidation
from litestar.response import ServerSentEvent

from headgate.access.gate import CallerKey, Gate, grant
from headgate.access.http import Store
from headgate.access.roles import Visible, visible
from headgate.core.faults import InvalidRequest
from headgate.core.pages import LIMIT_DEFAULT, LIMIT_MAX, Page, decode_cursor, encode_cursor, parse_instant_ms
from headgate.records.breakdown import PricedFacts, attempts_of, breakdown
from headgate.records.costs import COST_ROWS_MAX, costs
from headgate.records.counting import RequestCounts, count_requests
from headgate.records.following import FOLLOWED_PAGE, Followed, Followers, follow
from headgate.records.model import (
    CostRow,
    GroupName,
    Interval,
    NarrowName,
    RequestDetail,
    RequestFilters,
    RequestItem,
)
from headgate.records.queries import get_request, list_requests
from headgate.records.rows import day_of
from headgate.store.database import Connection, Database

AnyRequest = Request[Any, Any, Any]
Guard = NamedDependency[SkipValidation[Gate]]

TEXT_CHARACTERS_MAX: Final = 256
POLL_S: Final = 0.2
DEFAULT_LENGTH: Final = timedelta(days=1)
LONGEST_MS: Final = 10.0**12
NONE: Final = "-"
"""What filters say of calls without such a name, which records have as an empty one."""
_MAY_BE_NONE: Final = frozenset(
    {"key", "user", "session", "model", "target", "prompt", "release", "environment", "tag"}
)

_TEXTS: Final[dict[str, str]] = {
    "project": "requests of this project",
    "key": "made with the key of this id; - is none",
    "user": "of this user; - is none",
    "session": "of this session; - is none",
    "model": "that asked for this model; - is none",
    "target": "that this provider, or provider/model, answered; - is none",
    "status": "that ended with this status: 429, 4xx, ok or error",
    "code": "that ended with this code",
    "prompt": "that used this prompt; - is none",
    "prompt_version": "that used this version of a prompt",
    "price": "whose price is known, or unknown",
    "release": "of this release, by id, name or commit; - is none",
    "environment": "of this environment; - is none",
    "trace_id": "of this trace",
    "response_id": "whose answer has this id",
    "tag": "with this tag; - is none",
    "experiment": "in the experiment of this name or version",
    "arm": "in this arm of an experiment; - is none, since the unit was not known",
    "crossed": "of units of this arm of the experiment, served by another arm",
    "unknown": "that hold a message of this group, by its id, that no prompt explains",
    "text": "whose messages or answer hold this text",
    "id": "whose id begins or ends so: six or more of its first or last digits; 0197…b4f2 is both",
    "finish": "whose answer ended so: stop, length, tool_calls, content_filter, refusal or another word",
    "same_request": "whose body is that of the request of this id, byte for byte: of 10,000 next to it",
    "same_opening": "whose first message of 64 bytes or more is that of the request of this id: of as many",
}
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(9999, 1, 1, tzinfo=UTC)
"""Whatever is later is as late: there is room for a step more."""
_TIMES: Final = {"from": "that started at or after this time", "to": "that started before this time"}


def query_parameter(description: str, annotation: type[Any] = str) -> Any:
    """Describe a query parameter that may be left out."""
    return Parameter(annotation, required=False, default=None, description=description)


PAGING: Final[dict[str, Any]] = {
    "limit": query_parameter(f"how many items at most, up to {LIMIT_MAX}", int),
    "next": query_parameter("the cursor that the page before gave"),
}
WHEN: Final[dict[str, Any]] = {name: query_parameter(text) for name, text in _TIMES.items()}
FILTERS: Final[dict[str, Any]] = {name: query_parameter(text) for name, text in _TEXTS.items()} | WHEN
FILTERS["min_duration_ms"] = query_parameter("that took at least so long")
FILTERS["shadow"] = query_parameter(
    "yes for shadows alone, which are made beside other requests and shown to nobody; no for all others"
)
_COSTS: Final[dict[str, Any]] = {
    "group_by": query_parameter(f"words of {', '.join(get_args(GroupName))}, joined by commas"),
    "interval": query_parameter("hour or day; left out, one sum for all"),
    "project": query_parameter("only calls of this project"),
    **{name: query_parameter(_TEXTS[name]) for name in get_args(NarrowName)},
}


Following = NamedDependency[SkipValidation[Followers]]


class RequestListController(Controller):
    """Calls on record, as a list."""

    path = "/requests"
    tags = ("requests",)
    parameters = {**FILTERS, **PAGING}  # noqa: RUF012 - how the framework takes them

    @get(opt={"grant": grant("requests:read")})
    async def list_requests(
        self, caller: CallerKey, request: AnyRequest, database: Store
    ) -> Page[RequestItem]:
        """List requests, newest first. All filters given must match.

        An admin sees all projects, a project admin and a viewer their own, a member its own calls.
        """
        filters, seen = read_filters(request.query_params, visible(caller))
        async with database.connection() as connection:
            return await list_requests(
                connection,
                seen.project_ids,
                filters,
                limit=read_limit(request.query_params),
                cursor=request.query_params.get("next"),
            )


class CountController(Controller):
    """Calls on record, counted."""

    path = "/requests/counts"
    tags = ("requests",)
    parameters = FILTERS

    @get(opt={"grant": grant("requests:read")})
    async def count_requests(self, caller: CallerKey, request: AnyRequest, database: Store) -> RequestCounts:
        """Count requests by time, for any filter that lists take: the newest 10,000 that match, for a second.

        `counted_from` says from when on all are counted. `/series` counts all, by fewer filters.
        """
        filters, seen = read_filters(request.query_params, visible(caller))
        begin, end = read_span(request.query_params)
        async with database.connection() as connection:
            return await count_requests(connection, seen.project_ids, filters, begin=begin, end=end)


class FollowController(Controller):
    """Calls on record, as they come in."""

    path = "/requests/stream"
    tags = ("requests",)
    parameters = FILTERS

    @get(opt={"grant": grant("requests:read")})
    async def follow_requests(
        self, caller: CallerKey, request: AnyRequest, database: Store, gate: Guard, following: Following
    ) -> ServerSentEvent:
        """Send requests as they are recorded, as server-sent events of the kind `request`.

        The same filters as for the list. Ends when the key is revoked or expires.
        """
        filters, seen = read_filters(request.query_params, visible(caller))
        following.check()
        followed = _followed(database, seen, filters)
        return ServerSentEvent(follow(followed, filters.begin, lambda: gate.authenticate(request), following))


class PriceBook(Protocol):
    """Where the prices are that requests were settled at."""

    async def priced(
        self, connection: Connection, snapshot: str, target: str, day: date
    ) -> Sequence[PricedFacts]:
        """Return what may have been known of a target's prices, the likeliest first."""
        ...


Prices = NamedDependency[SkipValidation[PriceBook]]


@get("/requests/{request_id:str}", tags=["requests"], opt={"grant": grant("requests:read")})
async def show_request(
    caller: CallerKey, database: Store, request_id: FromPath[str], price_book: Prices
) -> RequestDetail:
    """Show one request in full: what its steps took, its attempts, the targets left out and why, what its
    cost is made of, and its bodies."""
    seen = visible(caller)
    async with database.connection() as connection:
        detail = await get_request(connection, seen.project_ids, request_id, key=seen.key)
        day = day_of(uuid.UUID(detail.id))
        targets = {attempt.target for attempt in attempts_of(detail) if not attempt.estimated}
        targets |= {attempt.target for attempt in attempts_of(detail) if attempt.cost_usd is None}
        priced = {
            target: await price_book.priced(connection, detail.snapshot, target, day)
            for target in sorted(targets)
        }
    return msgspec.structs.replace(detail, cost=breakdown(detail, priced))


class CostsController(Controller):
    """What calls cost."""

    path = "/costs"
    tags = ("costs",)
    parameters = {**_COSTS, **WHEN, **PAGING}  # noqa: RUF012 - how the framework takes them

    @get(opt={"grant": grant("costs:read")})
    async def list_costs(self, caller: CallerKey, request: AnyRequest, database: Store) -> Page[CostRow]:
        """Sum up what calls cost, from the rollups, by interval and then the dearest first.

        A cost that is unknown is null and adds nothing; `unpriced` counts such calls. Users, tags and
        sessions are kept by project and day alone: neither narrowed nor grouped by anything else.
        """
        query = request.query_params
        seen = narrowed(visible(caller), query.get("project"))
        begin, end = read_times(query)
        only = {name: text for name in get_args(NarrowName) if (text := read_name(query, name)) is not None}
        seen, key = of_key(seen, only.get("key"))
        if key is not None:
            only["key"] = key
        place = max(0, decode_cursor(query["next"], int)) if "next" in query else 0
        limit = read_limit(query, LIMIT_MAX)
        following = place + limit
        async with database.connection() as connection:
            rows = await costs(
                connection,
                seen.project_ids,
                group_by=_groups(query.get("group_by")),
                interval=_interval(query.get("interval")),
                begin=begin,
                end=end,
                only=only,
                limit=min(COST_ROWS_MAX, following + 1),
            )
        return Page(
            items=rows[place:following],
            next=encode_cursor(following) if following < len(rows) else None,
        )


def read_filters(query: Mapping[str, str], seen: Visible) -> tuple[RequestFilters, Visible]:
    """Read the filters of a list within what the caller sees. Raises InvalidRequest that names one."""
    texts = {name: read_name(query, name) for name in _TEXTS}
    begin, end = read_times(query)
    seen, texts["key"] = of_key(seen, texts["key"])
    least_ms = read_milliseconds(query, "min_duration_ms")
    if texts["price"] not in (None, "known", "unknown"):
        raise InvalidRequest(f"price is {texts['price']!r}; write known or unknown", parameter="price")
    shadow = read_yes_no(query, "shadow")
    return RequestFilters(**texts, begin=begin, end=end, min_duration_ms=least_ms, shadow=shadow), seen


def _followed(database: Database, seen: Visible, filters: RequestFilters) -> Followed:
    async def newest(begin: datetime) -> list[RequestItem]:
        since = msgspec.structs.replace(filters, begin=begin)
        async with database.connection() as connection:
            return (await list_requests(connection, seen.project_ids, since, limit=FOLLOWED_PAGE)).items

    return Followed(kind="request", newest=newest, place=_id_of, poll_s=POLL_S)


def _id_of(item: RequestItem) -> str:
    return item.id


def read_text(query: Mapping[str, str], name: str) -> str | None:
    """Read a filter. Raises InvalidRequest for one that is empty or too long."""
    value = query.get(name)
    if value is not None and (not value or len(value) > TEXT_CHARACTERS_MAX):
        raise InvalidRequest(
            f"{name} has {len(value)} characters; write 1 to {TEXT_CHARACTERS_MAX}", parameter=name
        )
    return value


def read_name(query: Mapping[str, str], name: str) -> str | None:
    """Read a filter by a name; empty where calls without one are asked for. Raises as `read_text` does."""
    value = read_text(query, name)
    return "" if value == NONE and name in _MAY_BE_NONE else value


def read_yes_no(query: Mapping[str, str], name: str) -> bool | None:
    """Read yes or no; None where neither is said. Raises InvalidRequest for anything else."""
    text = query.get(name)
    if text not in (None, "yes", "no"):
        raise InvalidRequest(f"{name} is {text[:32]!r}; write yes or no", parameter=name)
    return None if text is None else text == "yes"


def read_milliseconds(query: Mapping[str, str], name: str) -> float | None:
    """Read a filter that is a time. Raises InvalidRequest for what is no number of milliseconds."""
    text = query.get(name)
    if text is None:
        return None
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 <= number <= LONGEST_MS:
        raise InvalidRequest(f"{name} is {text[:32]!r}; write a number of milliseconds", parameter=name)
    return number


def read_times(query: Mapping[str, str]) -> tuple[datetime | None, datetime | None]:
    """Read `from` and `to`. Raises InvalidRequest for what is no time."""
    times = [
        None
        if name not in query
        else min(LATEST, EPOCH + timedelta(milliseconds=parse_instant_ms(query[name], name)))
        for name in _TIMES
    ]
    return times[0], times[1]


def read_span(query: Mapping[str, str]) -> tuple[datetime, datetime]:
    """Read `from` and `to`; a day, and now, where they are left out. Raises InvalidRequest for no time."""
    begin, end = read_times(query)
    end = end or datetime.now(UTC)
    begin = begin or end - DEFAULT_LENGTH
    if begin >= end:
        raise InvalidRequest("from is not before to; name an earlier time", parameter="from")
    return begin, end


def read_limit(query: Mapping[str, str], default: int = LIMIT_DEFAULT) -> int:
    """Read how many items a page has at most. Raises InvalidRequest for what is no such number."""
    text = query.get("limit")
    if text is None:
        return default
    limit = int(text) if text.isascii() and text.isdigit() and len(text) <= 4 else 0
    if not 1 <= limit <= LIMIT_MAX:
        raise InvalidRequest(
            f"limit is {text[:16]!r}; write a number between 1 and {LIMIT_MAX}", parameter="limit"
        )
    return limit


def narrowed(seen: Visible, project: str | None) -> Visible:
    """Return what a caller sees of one project; all that it sees where none is named."""
    if project is None:
        return seen
    return msgspec.structs.replace(seen, project_ids=(project,) if seen.sees(project) else ())


def of_key(seen: Visible, key: str | None) -> tuple[Visible, str | None]:
    """Return what a caller sees of the calls of a key, and that key; a member sees its own alone."""
    if seen.key is None or key == seen.key:
        return seen, key
    return (seen if key is None else msgspec.structs.replace(seen, project_ids=())), seen.key


def _groups(text: str | None) -> tuple[GroupName, ...]:
    words = ("project", "model") if text is None else tuple(word.strip() for word in text.split(","))
    try:
        return tuple(dict.fromkeys(msgspec.convert(words, tuple[GroupName, ...])))
    except msgspec.ValidationError:
        raise InvalidRequest(
            f"group_by is {text!r}; write words of {', '.join(get_args(GroupName))}, joined by commas",
            parameter="group_by",
        ) from None


def _interval(text: str | None) -> Interval | None:
    try:
        return msgspec.convert(text, Interval | None)
    except msgspec.ValidationError:
        raise InvalidRequest(f"interval is {text!r}; write hour or day", parameter="interval") from None

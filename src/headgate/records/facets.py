"""What the calls of a filter have in common: how often each model, prompt, user and so on stands in them.

Few calls are counted one by one. Many are counted from sums where these are kept by what is asked, else the
newest of them; where that takes too long, without the filters that no sums know, which are named.
Read next: `records.counting`, `records.levels`.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Literal, LiteralString, get_args

import msgspec
from psycopg.errors import QueryCanceled

from headgate.core.pages import format_datetime
from headgate.records.costs import costs, day_edge, instant_of, slot_edge
from headgate.records.counting import COUNTED_MAX, look_no_longer
from headgate.records.levels import QUERIES as SUM_QUERIES
from headgate.records.levels import part_parameters, parts_of, summed_projects
from headgate.records.model import NarrowName, RequestFilters
from headgate.records.queries import filter_parameters
from headgate.records.rollup import HOUR_S
from headgate.records.sink import QUERIES
from headgate.store.database import Connection

FacetName = Literal[
    "status", "code", "model", "target", "prompt", "release", "environment", "key", "user", "tag"
]

VALUES_MAX: Final = 100
LOOKED_MS: Final = 300
_NAMES: Final[tuple[str, ...]] = get_args(NarrowName)
_SUMMED: Final[frozenset[FacetName]] = frozenset(
    ("status", "model", "target", "prompt", "release", "environment", "key")
)
_CLASSES: Final = {"ok": [1, 2, 3], "4xx": [4], "5xx": [5], "error": [4, 5]}
"""What sums know of a status: its class."""


class CallFacetValue(msgspec.Struct, frozen=True, kw_only=True):
    """A value of a facet, empty for none, and how many calls have it."""

    value: str
    calls: int


class CallFacet(msgspec.Struct, frozen=True, kw_only=True):
    """The most frequent values of a facet, under all filters but its own.

    Counted are the calls from `begin` to `end`: later than asked for where there are too many, and earlier
    by up to a quarter of an hour, or a day, where sums are kept by these. `without` names filters that were
    left out of it.
    """

    facet: FacetName
    begin: str
    end: str
    without: list[str]
    values: list[CallFacetValue]


class _Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A question about some facets; `filters` hold its times."""

    project_ids: tuple[str, ...] | None
    filters: RequestFilters
    begin: datetime
    end: datetime
    facets: tuple[FacetName, ...]

    def names(self) -> dict[str, str]:
        """The filters that sums are kept by."""
        return _given(self.filters, _NAMES)

    def others(self) -> dict[str, Any]:
        """The filters that no sums know."""
        known = {"begin", "end", "project", *_NAMES}
        if self.filters.status in _CLASSES:
            known.add("status")
        return _given(self.filters, sorted({*RequestFilters.__struct_fields__} - known))

    def classes(self) -> list[int] | None:
        """The classes of status that are asked for, as far as sums know them."""
        return _CLASSES.get(self.filters.status or "")

    def summed(self) -> tuple[FacetName, ...]:
        """The facets that sums know."""
        return tuple(facet for facet in self.facets if facet in _SUMMED)

    def is_by_one_name(self) -> bool:
        """Whether sums by one name alone know it: facets of all calls, or how those of a name ended."""
        names = self.names()
        return not names or (len(names) == 1 and self.summed() == ("status",))

    def narrowed(self, **filters: Any) -> "_Asked":
        """The same with other filters."""
        return msgspec.structs.replace(self, filters=msgspec.structs.replace(self.filters, **filters))


async def count_facets(
    connection: Connection,
    project_ids: Sequence[str] | None,
    filters: RequestFilters,
    facets: Sequence[FacetName],
    *,
    begin: datetime,
    end: datetime,
    held: Sequence[str] = (),
) -> list[CallFacet]:
    """Count the values of these facets; those `held` are counted under their own filter too.

    Raises InvalidRequest as the list does.
    """
    if filters.project is not None:
        seen = project_ids is None or filters.project in project_ids
        project_ids = (filters.project,) if seen else ()
    filters = msgspec.structs.replace(filters, release=await _release_of(connection, project_ids, filters))
    whole = _Asked(
        project_ids=None if project_ids is None else tuple(project_ids),
        filters=msgspec.structs.replace(filters, begin=begin, end=end),
        begin=begin,
        end=end,
        facets=(),
    )
    together: dict[tuple[tuple[str, ...], bool], list[FacetName]] = {}
    for facet in dict.fromkeys(facets):
        own = () if facet in held else tuple(_given(filters, _own(facet)))
        # Codes by themselves: few calls have one.
        together.setdefault((own, facet == "code"), []).append(facet)
    groups = [
        msgspec.structs.replace(whole.narrowed(**dict.fromkeys(own)), facets=tuple(alike))
        for (own, _), alike in together.items()
    ]
    found = await _of_many(connection, whole, groups)
    for asked in groups:
        if not found.keys() & asked.facets:
            found |= await _counted(connection, asked)
    return [found[facet] for facet in dict.fromkeys(facets)]


async def _release_of(
    connection: Connection, project_ids: Sequence[str] | None, filters: RequestFilters
) -> str | None:
    """The release that is filtered by, by the id that sums know it by: one may say its name or commit."""
    parameters = await filter_parameters(connection, project_ids, RequestFilters(release=filters.release))
    return filters.release if parameters["release"] is None else parameters["release"]


async def _of_many(
    connection: Connection, whole: _Asked, groups: Sequence[_Asked]
) -> dict[FacetName, CallFacet]:
    """Count the facets that have many calls, as sums know: for these no call is looked at."""
    summed = [asked for asked in groups if asked.summed() and not asked.others()]
    bounds = await _bounds(connection, whole) if summed else {}
    summed = [asked for asked in summed if _least(bounds, asked) > COUNTED_MAX]
    counts = await _from_sums(connection, whole, summed)
    found: dict[FacetName, CallFacet] = {}
    for asked in summed:
        if sum(counts[asked.summed()[0]].values()) > COUNTED_MAX:
            found |= await _summed(connection, asked, counts)
    return found


async def _bounds(connection: Connection, whole: _Asked) -> dict[tuple[str, int], int]:
    """Return how many calls each name that is filtered by has in whole hours, by class of the status.

    The empty name has all.
    """
    names = {"": "", **whole.names()}
    parts = parts_of(slot_edge(whole.begin, up=False), slot_edge(whole.end, up=True))
    parameters: dict[str, Any] = part_parameters([part for part in parts if part.step_s >= HOUR_S])
    parameters |= {"dimensions": list(names), "values": list(names.values())}
    parameters["project_ids"] = await summed_projects(connection, whole.project_ids)
    cursor = await connection.execute(SUM_QUERIES.calls_of_names, parameters, prepare=False)
    return {(dimension, status_class): int(calls) async for dimension, status_class, calls in cursor}


def _least(bounds: Mapping[tuple[str, int], int], asked: _Asked) -> int:
    """The most calls that can be under all filters: those under the one that lets the fewest through."""
    classes = asked.classes()
    return min(
        sum(
            calls
            for (dimension, status_class), calls in bounds.items()
            if dimension == name and (classes is None or status_class in classes)
        )
        for name in ("", *asked.names())
    )


async def _counted(connection: Connection, asked: _Asked) -> dict[FacetName, CallFacet]:
    others = asked.others()
    found: dict[FacetName, CallFacet]
    try:
        found, is_whole = await _from_calls(connection, asked)
    except QueryCanceled:
        if others:
            found = await _counted(connection, asked.narrowed(**dict.fromkeys(others)))
            return {facet: _without(each, others) for facet, each in found.items()}
        found, is_whole = _nothing(asked), False
    if is_whole or others or asked.facets == ("code",):
        return found
    found.update(await _summed(connection, asked, await _from_sums(connection, asked, [asked])))
    return found


async def _from_calls(connection: Connection, asked: _Asked) -> tuple[dict[FacetName, CallFacet], bool]:
    """Count the newest calls, and say whether these are all."""
    async with connection.transaction():
        await look_no_longer(connection, LOOKED_MS)
        parameters = await filter_parameters(connection, asked.project_ids, asked.filters)
        parameters |= {"limit": COUNTED_MAX + 1, "facets": list(asked.facets)}
        parameters["coded"] = asked.facets == ("code",)
        if parameters["coded"] and asked.filters.target is None:
            # `requests_coded` has models; their other index would have each call read whole.
            parameters["words"] = None
        cursor = await connection.execute(QUERIES.facets_of_calls, parameters, prepare=False)
        rows = await cursor.fetchall()
    values, since, calls = _grouped(asked.facets), asked.begin, 0
    for facet, value, count, earliest in rows:
        if facet == "":
            calls, since = int(count), earliest or asked.begin
        else:
            values[facet][value] = int(count)
    is_whole = calls <= COUNTED_MAX
    begin = asked.begin if is_whole else since
    return {facet: _facet(asked, facet, counts, begin=begin) for facet, counts in values.items()}, is_whole


async def _from_sums(
    connection: Connection, whole: _Asked, groups: Sequence[_Asked]
) -> dict[FacetName, dict[str, int]]:
    """Count from sums what these know; each group is under filters of the whole.

    What sums by one name alone don't have comes from one reading of those by all.
    """
    first, last = slot_edge(whole.begin, up=False), slot_edge(whole.end, up=True)
    values: dict[FacetName, dict[str, int]] = {}
    together: list[_Asked] = []
    for asked in groups:
        values |= _grouped(asked.summed())
        if not asked.is_by_one_name():
            together.append(asked)
            continue
        of, only = next(iter(asked.names().items()), ("", None))
        parameters: dict[str, Any] = {"dimensions": list(asked.summed()), "of": of, "only": only}
        parameters |= {"classes": asked.classes(), **part_parameters(parts_of(first, last))}
        await _read(connection, whole, SUM_QUERIES.facets_by_name, parameters, values)
    if together:
        parameters = {name: getattr(whole.filters, name) for name in _NAMES}
        parameters |= {"classes": whole.classes(), "begin": instant_of(first), "end": instant_of(last)}
        parameters["dimensions"] = [facet for asked in together for facet in asked.summed()]
        freed = [asked for asked in together if asked.filters != whole.filters]
        parameters["freed"] = [facet for asked in freed for facet in asked.summed()]
        await _read(connection, whole, SUM_QUERIES.facets_by_names, parameters, values)
    return values


async def _read(
    connection: Connection,
    whole: _Asked,
    statement: LiteralString,
    parameters: dict[str, Any],
    values: dict[FacetName, dict[str, int]],
) -> None:
    """Put what a statement counts under its facet and value."""
    parameters["project_ids"] = await summed_projects(connection, whole.project_ids)
    cursor = await connection.execute(statement, parameters, prepare=False)
    async for facet, value, count in cursor:
        values[facet][value] = int(count)


async def _summed(
    connection: Connection, asked: _Asked, counts: Mapping[FacetName, dict[str, int]]
) -> dict[FacetName, CallFacet]:
    """Return the facets of many calls: those that sums count, and of the others what is known."""
    begin = instant_of(slot_edge(asked.begin, up=False)) or asked.begin
    end = instant_of(slot_edge(asked.end, up=True)) or asked.end
    found: dict[FacetName, CallFacet] = {}
    for facet in asked.summed():
        found[facet] = _facet(asked, facet, counts[facet], begin=begin, end=end)
    for facet in asked.facets:
        if facet in ("user", "tag") and not asked.names() and asked.classes() is None:
            found[facet] = await _by_day(connection, asked, facet)
    left = tuple(facet for facet in asked.facets if facet not in found)
    if left:
        found |= await _newest(connection, msgspec.structs.replace(asked, facets=left))
    return found


async def _newest(connection: Connection, asked: _Asked) -> dict[FacetName, CallFacet]:
    try:
        return (await _from_calls(connection, asked))[0]
    except QueryCanceled:
        return _nothing(asked)


def _nothing(asked: _Asked) -> dict[FacetName, CallFacet]:
    """What is known where looking took too long."""
    found: dict[FacetName, CallFacet] = {}
    for facet in asked.facets:
        found[facet] = _facet(asked, facet, {}, begin=asked.end)
    return found


async def _by_day(connection: Connection, asked: _Asked, facet: Literal["user", "tag"]) -> CallFacet:
    rows = await costs(connection, asked.project_ids, group_by=(facet,), begin=asked.begin, end=asked.end)
    counts = {str(getattr(row, facet)): row.requests for row in rows}
    begin, end = day_edge(asked.begin, up=False), day_edge(asked.end, up=True)
    return _facet(asked, facet, counts, begin=begin, end=end)


def _facet(
    asked: _Asked,
    facet: FacetName,
    counts: dict[str, int],
    *,
    begin: datetime,
    end: datetime | None = None,
) -> CallFacet:
    ordered = sorted(counts.items(), key=lambda each: (-each[1], each[0]))[:VALUES_MAX]
    return CallFacet(
        facet=facet,
        begin=format_datetime(begin),
        end=format_datetime(end or asked.end),
        without=[],
        values=[CallFacetValue(value=value, calls=calls) for value, calls in ordered if calls > 0],
    )


def _without(facet: CallFacet, filters: Iterable[str]) -> CallFacet:
    return msgspec.structs.replace(facet, without=sorted({*filters, *facet.without}))


def _grouped(facets: Sequence[FacetName]) -> dict[FacetName, dict[str, int]]:
    return {facet: {} for facet in facets}


def _own(facet: FacetName) -> tuple[str, ...]:
    return ("prompt", "prompt_version") if facet == "prompt" else (facet,)


def _given(filters: RequestFilters, names: Sequence[str]) -> dict[str, Any]:
    return {name: value for name in names if (value := getattr(filters, name)) is not None}

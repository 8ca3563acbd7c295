"""What the calls of a filter have in common: how often each model, prompt, user and so on stands in them.

Few calls are counted one by one. Many are counted from sums where these are kept by what is asked, else the
newest of them; where that takes too long, without the filters that no sums know, which are named.
Read next: `records.counting`, `records.levels`.
"""

import contextlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final, Literal, get_args

import msgspec
from psycopg.errors import QueryCanceled

from headgate.core.pages import format_datetime
from headgate.records.costs import costs, day_edge, instant_of, slot_edge
from headgate.records.counting import COUNTED_MAX, look_no_longer
from headgate.records.levels import QUERIES as SUM_QUERIES
from headgate.records.levels import part_parameters, parts_of, summed_projects
from headgate.records.model import NarrowName, RequestFilters
from headgate.records.queries import filter_parameters
from headgate.records.sink import QUERIES
from headgate.store.database import Connection

FacetName = Literal["status", "code", "model", "target", "prompt", "release", "key", "user", "tag"]

VALUES_MAX: Final = 100
LOOKED_MS: Final = 300
_NAMES: Final[tuple[str, ...]] = get_args(NarrowName)
_SUMMED: Final[frozenset[FacetName]] = frozenset(("status", "model", "target", "prompt", "release", "key"))
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
    whole = _Asked(
        project_ids=None if project_ids is None else tuple(project_ids),
        filters=msgspec.structs.replace(filters, begin=begin, end=end),
        begin=begin,
        end=end,
        facets=(),
    )
    together: dict[tuple[str, ...], list[FacetName]] = {}
    for facet in dict.fromkeys(facets):
        own = () if facet in held else tuple(_given(filters, _own(facet)))
        together.setdefault(own, []).append(facet)
    found: dict[FacetName, CallFacet] = {}
    for own, alike in together.items():
        asked = msgspec.structs.replace(whole.narrowed(**dict.fromkeys(own)), facets=tuple(alike))
        found |= await _counted(connection, asked)
    return [found[facet] for facet in dict.fromkeys(facets)]


async def _counted(connection: Connection, asked: _Asked) -> dict[FacetName, CallFacet]:
    others = asked.others()
    found: dict[FacetName, CallFacet]
    try:
        found, is_whole = await _from_calls(connection, asked)
    except QueryCanceled:
        if others:
            found = await _counted(connection, asked.narrowed(**dict.fromkeys(others)))
            return {facet: _without(each, others) for facet, each in found.items()}
        found, is_whole = {}, False
        for facet in asked.facets:
            found[facet] = _facet(asked, facet, {}, begin=asked.end)
    if is_whole or others:
        return found
    found |= await _from_sums(connection, asked)
    if "code" in found and asked.filters.status is None:
        failed = msgspec.structs.replace(asked.narrowed(status="error"), facets=("code",))
        with contextlib.suppress(QueryCanceled):
            found |= (await _from_calls(connection, failed))[0]
    return found


async def _from_calls(connection: Connection, asked: _Asked) -> tuple[dict[FacetName, CallFacet], bool]:
    """Count the newest calls, and say whether these are all."""
    async with connection.transaction():
        await look_no_longer(connection, LOOKED_MS)
        parameters = await filter_parameters(connection, asked.project_ids, asked.filters)
        parameters |= {"limit": COUNTED_MAX + 1, "facets": list(asked.facets)}
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


async def _from_sums(connection: Connection, asked: _Asked) -> dict[FacetName, CallFacet]:
    """Count from sums what these know."""
    names, classes = asked.names(), _CLASSES.get(asked.filters.status or "")
    first, last = slot_edge(asked.begin, up=False), slot_edge(asked.end, up=True)
    dimensions: list[FacetName] = [facet for facet in asked.facets if facet in _SUMMED]
    parameters: dict[str, Any] = {"dimensions": dimensions, "classes": classes}
    parameters["project_ids"] = await summed_projects(connection, asked.project_ids)
    if names:
        statement = SUM_QUERIES.facets_by_names
        parameters |= {name: names.get(name) for name in _NAMES}
        parameters |= {"begin": instant_of(first), "end": instant_of(last)}
    else:
        statement = SUM_QUERIES.facets_by_name
        parameters |= part_parameters(parts_of(first, last))
    values = _grouped(dimensions)
    cursor = await connection.execute(statement, parameters, prepare=False)
    async for facet, value, count in cursor:
        values[facet][value] = int(count)
    begin, end = instant_of(first) or asked.begin, instant_of(last) or asked.end
    found: dict[FacetName, CallFacet] = {}
    for facet, counts in values.items():
        found[facet] = _facet(asked, facet, counts, begin=begin, end=end)
    if not names and classes is None:
        for facet in asked.facets:
            if facet in ("user", "tag"):
                found[facet] = await _by_day(connection, asked, facet)
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

"""The route of what calls have in common. Access stands inside the question. Read next: `records.facets`."""

from typing import Final, get_args

import msgspec
from litestar import Controller, get

from headgate.access.gate import CallerKey, grant
from headgate.access.http import Store
from headgate.access.roles import visible
from headgate.core.faults import InvalidRequest
from headgate.core.pages import Page
from headgate.records.facets import CallFacet, FacetName, count_facets
from headgate.records.http import FILTERS, AnyRequest, query_parameter, read_filters, read_span

_ALL: Final = get_args(FacetName)


class RequestFacetsController(Controller):
    """What calls have in common."""

    path = "/requests/facets"
    tags = ("requests",)
    parameters = {  # noqa: RUF012 - how the framework takes them
        **FILTERS,
        "facet": query_parameter(f"words of {', '.join(_ALL)}, joined by commas; left out, all of them"),
    }

    @get(opt={"grant": grant("requests:read")})
    async def count_facets(self, caller: CallerKey, request: AnyRequest, database: Store) -> Page[CallFacet]:
        """Count how often each status, model, prompt, user and so on stands in the requests of a filter.

        Each facet is counted under all filters but its own: up to 10,000 calls one by one; more by sums,
        where these are kept by what is asked, else the newest 10,000, for codes of those that have one. What
        can't be looked through in 0.3 seconds is counted without the filters that no sums know, which
        `without` names.
        """
        query = request.query_params
        seen = visible(caller)
        filters, seen = read_filters(query, seen)
        begin, end = read_span(query)
        async with database.connection() as connection:
            found = await count_facets(
                connection,
                seen.project_ids,
                filters,
                _facets(query.get("facet")),
                begin=begin,
                end=end,
                held=() if seen.key is None else ("key",),
            )
        return Page(items=found)


def _facets(text: str | None) -> tuple[FacetName, ...]:
    words = _ALL if text is None else tuple(word.strip() for word in text.split(","))
    try:
        return msgspec.convert(words, tuple[FacetName, ...])
    except msgspec.ValidationError:
        raise InvalidRequest(
            f"facet is {text!r}; write words of {', '.join(_ALL)}, joined by commas", parameter="facet"
        ) from None

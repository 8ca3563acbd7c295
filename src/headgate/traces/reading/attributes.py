"""Traces by an attribute of a step that stands in no column: `NAME=VALUE`, as the step's page shows it.

Looked for in the texts of spans, and for so long only: an index of all attributes would cost every span more
than they are asked for. Read next: `reading.listing`.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Final

import msgspec
from psycopg.errors import QueryCanceled

from headgate.core.faults import InvalidRequest
from headgate.records.counting import look_no_longer
from headgate.records.rows import clean
from headgate.store.database import Connection

LOOKED_MS: Final = 2_000
_JSON: Final = msgspec.json.Encoder().encode


class AttributeFilter(msgspec.Struct, frozen=True, kw_only=True):
    """An attribute that a step has with this value; numbers, true and false are written as in JSON."""

    name: str
    value: str

    def parameters(self) -> dict[str, Any]:
        """Return what the filter's SQL takes: the ways in which a span's text may have it."""
        name = _JSON(clean(self.name)).decode()
        bare = [f"{name}:{clean(self.value)}{end}" for end in ",}"]
        return {"attribute_texts": [f"{name}:{_JSON(clean(self.value)).decode()}", *bare]}


def read_attribute(text: str) -> AttributeFilter:
    """Read `NAME=VALUE`. Raises InvalidRequest for what has no name or no `=`."""
    name, sign, value = text.partition("=")
    if not (name and sign):
        raise InvalidRequest(
            f"attribute is {text[:64]!r}; write NAME=VALUE, such as customer.tier=gold", parameter="attribute"
        )
    return AttributeFilter(name=name, value=value)


@asynccontextmanager
async def within_time(connection: Connection, attribute: AttributeFilter | None) -> AsyncGenerator[None]:
    """Look for so long where an attribute is asked for. Raises InvalidRequest where that is not enough."""
    if attribute is None:
        yield
        return
    try:
        async with connection.transaction():
            await look_no_longer(connection, LOOKED_MS)
            yield
    except QueryCanceled:
        raise InvalidRequest(
            f"{LOOKED_MS // 1000} s are not enough to look for {attribute.name} in all steps of this time; "
            "name a shorter one, or another filter beside it",
            parameter="attribute",
        ) from None

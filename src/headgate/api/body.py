"""Reads a request's body as the type that its route takes: exactly, without turning one type into another.

The framework would take 1 for true and "5" for 5. Never accepts U+0000, which PostgreSQL can't hold, nor a
member given twice. Read next: `api.app`, `access.gate`.
"""

import json
from collections.abc import Iterator
from typing import Any, cast

import msgspec
from litestar import Request

from headgate.core.faults import InvalidRequest


class StrictRequest(Request[Any, Any, Any]):
    """A request whose JSON is what its handler says it is."""

    async def json(self) -> Any:
        """Return the body as the handler's type. Raises InvalidRequest that says where it differs."""
        field = self.route_handler.parsed_data_field
        body = await self.body()
        if field is None or not body:
            return await super().json()
        return read_body(body, field.annotation)


def read_body(body: bytes, kind: Any) -> Any:
    """Decode JSON as a type. Raises InvalidRequest that says what is wrong, and where."""
    try:
        value = msgspec.json.decode(body, type=kind)
        plain = json.loads(body, object_pairs_hook=_once)
    except msgspec.ValidationError as error:
        raise InvalidRequest(f"the body is refused: {error}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError, RecursionError):
        raise InvalidRequest("the body is no valid JSON, or names a member twice") from None
    if b"\\u0000" in body and any("\x00" in text for text in _texts(plain)):
        raise InvalidRequest("the body holds the character U+0000, which can't be stored; leave it out")
    return value


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member is given twice")
    return members


def _texts(value: object) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for name, member in cast("dict[str, object]", value).items():
                yield name
                yield from _texts(member)
        case list():
            for item in cast("list[object]", value):
                yield from _texts(item)
        case _:
            return

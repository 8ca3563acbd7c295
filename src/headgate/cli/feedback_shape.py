"""A line of outcomes as feedback: which column says what, and what is wrong with a line.

Never reads a file and never asks a server. Read next: `feedback_lines`, `feedback_import`.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import msgspec

from headgate.cli.client import Json
from headgate.cli.failure import CommandFailed
from headgate.core.written import Wanted, read_time, read_value, read_word, shown

FIELDS: Final = (
    *("name", "value", "comment", "at", "id", "source", "by"),
    *("request_id", "trace_id", "span_id", "session", "user", "business_id"),
)
SUBJECTS: Final = FIELDS[-6:]
_NEEDED: Final = ("name", "value")


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """Where each field of feedback comes from: a column (by default that of its own name) or one text."""

    columns: dict[str, str]
    """The column of a field, where it is not called like the field."""
    constants: dict[str, str]
    """Fields that say the same on every line."""
    values: Wanted = "any"
    ignores_others: bool = False
    now_ms: int = 0

    def check_header(self, header: Sequence[str]) -> None:
        """Raise CommandFailed where columns are missing, unknown or there twice."""
        twice = [name for place, name in enumerate(header) if name in header[:place]]
        if twice:
            raise CommandFailed(f"the column {shown(twice[0])} is there twice", "rename one of the two")
        for field, column in self.columns.items():
            if column not in header:
                raise CommandFailed(
                    f"there is no column {shown(column)} for `{field}`", f"there are {_listed(header)}"
                )
        others = self._others(header)
        if others:
            raise CommandFailed(
                f"feedback has no such field as the column {shown(others[0])}",
                "map it with --column FIELD=COLUMN, or leave it out with --ignore-others; "
                f"fields are {_listed(FIELDS)}",
            )
        given = {*self.constants, *(field for field in FIELDS if self._column(field) in header)}
        for field in _NEEDED:
            if field not in given:
                raise CommandFailed(
                    f"no column `{field}` is there",
                    f"map one with --column {field}=COLUMN, or give --set {field}=TEXT",
                )
        if not given.intersection(SUBJECTS):
            raise CommandFailed(
                "no column says what the feedback is about",
                f"name one of {', '.join(SUBJECTS)}, such as --column user=COLUMN",
            )

    def item(self, row: Json) -> Json:
        """Return a line as the API takes it. Raises ValueError that says what is wrong with it."""
        others = self._others(list(row))
        if others:
            raise ValueError(
                f"names {shown(others[0])}, which feedback does not have; --ignore-others leaves it out"
            )
        said: Json = {}
        for field in FIELDS:
            found = self.constants.get(field, row.get(self._column(field)))
            if found is None or (found == "" and field != "value"):
                continue
            try:
                said[field] = self._read(field, found)
            except ValueError as error:
                raise ValueError(f"{field} {error}") from None
        for field in _NEEDED:
            if field not in said:
                raise ValueError(f"has no {field}; write one, or leave the line out")
        if not any(field in said for field in SUBJECTS):
            raise ValueError(f"names no subject; fill one of {', '.join(SUBJECTS)}")
        return said

    def _column(self, field: str) -> str:
        return self.columns.get(field, field)

    def _others(self, header: Sequence[str]) -> list[str]:
        if self.ignores_others:
            return []
        read = {self._column(field) for field in FIELDS if field not in self.constants}
        return [name for name in header if name not in read]

    def _read(self, field: str, found: object) -> Any:
        if isinstance(found, str):
            _check_text(found)
        match field:
            case "value":
                return read_value(found, self.values)
            case "at":
                return read_time(found, self.now_ms)
            case _:
                return read_word(_whole(found))


def shape_of(columns: Sequence[str], constants: Sequence[str], **further: Any) -> Shape:
    """Return the shape that `FIELD=COLUMN` and `FIELD=TEXT` describe. Raises CommandFailed."""
    mapped, fixed = _pairs(columns, "--column FIELD=COLUMN"), _pairs(constants, "--set FIELD=TEXT")
    both = sorted(mapped.keys() & fixed.keys())
    if both:
        raise CommandFailed(f"`{both[0]}` has a column and a text", "give --column or --set for it, not both")
    return Shape(columns=mapped, constants=fixed, **further)


def _pairs(texts: Sequence[str], how: str) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for text in texts:
        field, equals, value = text.partition("=")
        if not equals or not value or field not in FIELDS:
            raise CommandFailed(f"{shown(text)} is not of the form {how}", f"fields are {', '.join(FIELDS)}")
        if field in pairs:
            raise CommandFailed(f"`{field}` is given twice", "give it once")
        pairs[field] = value
    return pairs


def _check_text(text: str) -> None:
    if "\x00" in text:
        raise ValueError("holds the character U+0000, which can't be kept; leave it out")
    if not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text):
        raise ValueError("holds bytes that are no UTF-8; save the file as UTF-8, or say its --encoding")


def _whole(found: object) -> object:
    """Ids of a database: as a text where that is what they are to everybody else."""
    match found:
        case UUID():
            return str(found)
        case Decimal() if found.is_finite() and found == found.to_integral_value():
            return int(found)
        case _:
            return found


def _listed(header: Sequence[str]) -> str:
    return ", ".join(header[:20]) or "none"

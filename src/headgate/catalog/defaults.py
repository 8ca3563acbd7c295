"""What providers take for parameters that a call leaves out, from `data/parameter_defaults.toml`.

Documented values only; a model that stands in no row has none. Read next: `wire.parameters`.
"""

import functools
import re
from collections.abc import Mapping
from importlib import resources
from typing import Any

import msgspec

from headgate.core.call import Dialect, Operation


class DefaultsRow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One row of the table; `values` go by canonical names."""

    dialects: tuple[Dialect, ...]
    operation: Operation
    models: str
    values: dict[str, Any]
    source: str
    date: str


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    rows: tuple[DefaultsRow, ...]


@functools.cache
def default_rows() -> tuple[DefaultsRow, ...]:
    """Every row, in order."""
    text = (resources.files("headgate.catalog") / "data" / "parameter_defaults.toml").read_bytes()
    return msgspec.toml.decode(text, type=_Table).rows


@functools.lru_cache(maxsize=1024)
def defaults_of(dialect: str, operation: str, model: str) -> Mapping[str, Any]:
    """Return a model's documented defaults by canonical name, with or without a path before its name."""
    name = model.lower().rpartition("/")[2]
    found: dict[str, Any] = {}
    for row in default_rows():
        if dialect in row.dialects and operation == row.operation and re.fullmatch(row.models, name):
            found = {**row.values, **found}
    return found

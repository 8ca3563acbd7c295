"""What each model at each provider takes of a chat call, from `data/profiles.toml`.

A row that comes later wins; of settings that are refused, all rows count. Facts with a source and a date, and
never an `if provider ==`. Never reads a call. Read next: `core.quirks` (the words), `wire.translating`.
"""

import functools
import re
from collections.abc import Sequence
from importlib import resources
from typing import Any, Literal

import msgspec

from headgate.catalog.kinds import service_of
from headgate.catalog.model import Target
from headgate.core.call import AnyDialect
from headgate.core.quirks import Quirks

_ADDED_UP = ("refused_sampling", "refused_when_thinking")
"""Sets that grow with each row, where other values are replaced."""


class ProfileRow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One row: whom it is about (empty: everyone), and what is known of them."""

    kinds: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    """Names of `families.toml`."""
    dialects: tuple[AnyDialect, ...] = ()
    models: str = ""
    """A pattern for the whole name in lower case, with or without the path before it."""
    quirks: dict[str, Any] = {}
    answers_only: tuple[AnyDialect, ...] = ()
    """The only dialects that the model answers in, where its provider has more."""
    seals_bound_to: Literal["dialect", "provider"] = "dialect"
    """Who takes a seal back: whoever speaks the dialect, or only the credential that it was given to (35)."""
    source: str
    date: str


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one target in one dialect."""

    quirks: Quirks
    answers_only: tuple[AnyDialect, ...] = ()


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    profiles: tuple[ProfileRow, ...]


@functools.cache
def profile_rows() -> tuple[ProfileRow, ...]:
    """Every row, in order. Raises ValueError for a word that `Quirks` does not have."""
    text = (resources.files("headgate.catalog") / "data" / "profiles.toml").read_bytes()
    rows = msgspec.toml.decode(text, type=_Table).profiles
    known = set(Quirks.__struct_fields__)
    for row in rows:
        unknown = set(row.quirks) - known
        if unknown:
            raise ValueError(f"profiles.toml has {sorted(unknown)}, which Quirks has not")
        msgspec.convert(row.quirks, Quirks)
    return rows


def profile_of(target: Target, dialect: AnyDialect) -> Profile:
    """Return what is known of a target when it is spoken to in a dialect."""
    provider = target.provider
    service = service_of(provider.kind, provider.origin.host, provider.service)
    rows = [
        row
        for row in profile_rows()
        if _is_about(row, provider.kind, service.name if service else "", dialect, target.model)
    ]
    values = _merged(rows)
    if service is not None and dialect == "openai-chat":
        values["output_limit_field"] = service.output_field
    if target.facts.max_output is not None:
        values["output_limit_default"] = target.facts.max_output
    if any(row.seals_bound_to == "provider" for row in rows):
        values["maker"] = f"{dialect}:{provider.name}"
    answers_only = next((row.answers_only for row in reversed(rows) if row.answers_only), ())
    return Profile(quirks=msgspec.convert(values, Quirks), answers_only=answers_only)


def answers_in(target: Target, dialect: AnyDialect) -> bool:
    """Whether the target's model answers in a dialect of its provider's, as far as that is known."""
    only = profile_of(target, dialect).answers_only
    return not only or dialect in only


def _is_about(row: ProfileRow, kind: str, service: str, dialect: AnyDialect, model: str) -> bool:
    if row.kinds and kind not in row.kinds:
        return False
    if row.services and service not in row.services:
        return False
    if row.dialects and dialect not in row.dialects:
        return False
    if not row.models:
        return True
    name = model.lower()
    return any(re.fullmatch(row.models, one) for one in (name, name.rpartition("/")[2]))


def _merged(rows: Sequence[ProfileRow]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for row in rows:
        for name, value in row.quirks.items():
            if name in _ADDED_UP:
                values[name] = [*values.get(name, ()), *value]
            else:
                values[name] = value
    return values

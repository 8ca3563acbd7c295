"""Models that providers have withdrawn or will withdraw, from `data/withdrawn.toml`: when, and who says so.

A dated table of what providers announced; what stands nowhere here may be withdrawn all the same. Read next:
`prompts.parameters`.
"""

import functools
from datetime import date
from importlib import resources

import msgspec


class Withdrawal(msgspec.Struct, frozen=True, kw_only=True):
    """The end of a model: the first day on which it is served no more, and what is advised instead."""

    model: str
    provider: str
    on: date
    instead: str
    """Empty where nothing is advised."""
    source: str
    written: date
    """The day on which the row was written."""


class _Provider(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    provider: str
    source: str
    written: date
    models: dict[str, tuple[date, str]]


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    providers: tuple[_Provider, ...]


@functools.cache
def withdrawals() -> dict[str, Withdrawal]:
    """Every model that was or will be withdrawn, by its name at its provider, in lower case."""
    text = (resources.files("headgate.catalog") / "data" / "withdrawn.toml").read_bytes()
    return {
        model.lower(): Withdrawal(
            model=model,
            provider=each.provider,
            on=on,
            instead=instead,
            source=each.source,
            written=each.written,
        )
        for each in msgspec.toml.decode(text, type=_Table).providers
        for model, (on, instead) in each.models.items()
    }


def withdrawal_of(model: str) -> Withdrawal | None:
    """Return when a model ends, or None where no end is known; the name as its provider writes it."""
    return withdrawals().get(model.lower())

"""Which models cut text into the same tokens, from `data/tokenizers.toml`: facts with source and date.

Never guesses: a model that no row names is like itself only. Read next: `releases.repricing`.
"""

import functools
import re
from importlib import resources

import msgspec


class _Family(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    patterns: tuple[str, ...]
    source: str
    date: str


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    families: tuple[_Family, ...]


@functools.cache
def _families() -> tuple[_Family, ...]:
    text = (resources.files("headgate.catalog") / "data" / "tokenizers.toml").read_bytes()
    return msgspec.toml.decode(text, type=_Table).families


@functools.lru_cache(maxsize=4096)
def tokenizer_of(model: str) -> str | None:
    """Return the family of a model's tokenizer; None where none is known."""
    plain = model.lower().rpartition("/")[2]
    for family in _families():
        if any(re.fullmatch(pattern, plain) for pattern in family.patterns):
            return family.name
    return None


def counts_alike(one: str, other: str) -> bool:
    """Say whether two models make the same tokens of the same text, as far as that is known."""
    return one == other or (tokenizer_of(one) is not None and tokenizer_of(one) == tokenizer_of(other))

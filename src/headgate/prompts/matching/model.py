"""What goes into a match and what comes out of it: versions in a catalogue, pieces of a message.

Pure values. Read next: `index`.
"""

import msgspec

from headgate.prompts.model import Template


class CatalogueVersion(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a prompt, with the places of the commits that hold it, counted from the oldest."""

    source: str
    """Which catalogue: a repository or a library."""
    path: str
    symbol: str
    version: str
    template: Template
    first: int
    last: int
    """Inclusive."""


class Place(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """Where a prompt stands."""

    source: str
    path: str
    symbol: str


class HoleValue(msgspec.Struct, frozen=True, kw_only=True):
    """What filled a hole: characters `start` to `end` of the message."""

    name: str
    start: int
    end: int


class MatchedPiece(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a message that one template made."""

    source: str
    path: str
    symbol: str
    versions: tuple[str, ...]
    """One, unless several fit equally; the newest first."""
    first: int
    last: int
    """The commits, by their places, that hold any of the versions, or the same text in `others`."""
    start: int
    end: int
    """Characters of the message, from the first fragment or hole to the last."""
    values: dict[str, str]
    """By the name of the hole; of a name that stands twice, the first."""
    exact: bool
    """Whether all fragments were found, in order, whitespace apart; else most of them were."""
    literals: tuple[tuple[int, int], ...] = ()
    """Start and end of what the fragments cover."""
    holes: tuple[HoleValue, ...] = ()
    others: tuple[Place, ...] = ()
    """Prompts elsewhere whose text fits just as well."""


class MessageMatch(msgspec.Struct, frozen=True, kw_only=True):
    """The pieces of one message, in the order in which they begin; a piece may stand in another's hole."""

    pieces: tuple[MatchedPiece, ...] = ()
    literal_share: float = 0.0
    """Of the message's characters, those in fragments."""
    value_share: float = 0.0
    """Of the message's characters, those in holes and in no fragment."""
    steps: int = 0
    """Fragments looked for: what the match cost, whatever the machine."""

    @property
    def coverage(self) -> float:
        """The share of the message's characters that templates explain."""
        return self.literal_share + self.value_share

"""A project's catalogue ready to be matched: its matcher, its commits' ids, and what was matched lately.

Holds no connection; safe in one thread at a time. Rebuilt when the catalogue's number changes. Read next:
`catalogue.matching_job`.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Mapping, Sequence

import msgspec

from headgate.prompts.catalogue.entries import Named, coverage_of, cut_values
from headgate.prompts.matching.index import Matcher
from headgate.prompts.matching.model import CatalogueVersion, MatchedPiece

KEPT_MAX = 2048
"""Distinct messages whose matches are kept."""

At = tuple[tuple[str, int], ...]
"""For a source, the place of the commit that runs."""


class StoredCatalogue(msgspec.Struct, frozen=True, kw_only=True):
    """What the database holds of a project's catalogue, as of a change's number."""

    number: int
    versions: Sequence[CatalogueVersion]
    commits: Mapping[tuple[str, int], str]
    """The ids of the commits that begin or end a version, by source and place."""


class Ready:
    """Matches messages, each distinct one once."""

    def __init__(self, stored: StoredCatalogue) -> None:
        self.number = stored.number
        self._commits = stored.commits
        self._matcher = Matcher(stored.versions)
        self._kept: OrderedDict[tuple[bytes, At], tuple[Named, ...]] = OrderedDict()

    def match(self, text: str, at: At) -> tuple[Named, ...]:
        """Return the pieces of a message, in the order in which they begin."""
        # A message may be long, and is kept as long as it is among the latest: so only its digest is.
        key = (hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=16).digest(), at)
        kept = self._kept.get(key)
        if kept is not None:
            self._kept.move_to_end(key)
            return kept
        found = self._matcher.match(text, at=dict(at) or None)
        named = tuple(self._named(piece, len(text)) for piece in found.pieces)
        self._kept[key] = named
        while len(self._kept) > KEPT_MAX:
            self._kept.popitem(last=False)
        return named

    def explains(self, text: str) -> bool:
        """Say whether any template stands in a message."""
        return bool(self._matcher.match(text).pieces)

    def _named(self, piece: MatchedPiece, length: int) -> Named:
        return Named(
            source=piece.source,
            path=piece.path,
            symbol=piece.symbol,
            versions=piece.versions,
            first_commit=self._commits.get((piece.source, piece.first), ""),
            last_commit=self._commits.get((piece.source, piece.last), ""),
            values=cut_values(piece.values),
            coverage=coverage_of(piece, length),
            exact=piece.exact,
        )

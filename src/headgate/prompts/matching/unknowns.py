"""Groups messages that no template explains by the text that they share, in bounded memory.

Pure; like the log parser Drain (He et al. 2017), but for texts whose holes change their length. Read next:
`attribution`.
"""

from collections import Counter
from collections.abc import Iterable
from difflib import SequenceMatcher
from itertools import pairwise

import msgspec

WILDCARD = "<*>"
CLUSTERS_MAX = 500
LENGTH_MAX = 8_000
TOKENS_MAX = 200
"""Characters and words of a message that are read; the rest is left alone."""
EXAMPLE_LENGTH_MAX = 2_000
COMPARED_MAX = 4
"""Clusters that a message is laid beside."""
SIMILARITY_MIN = 0.5
"""Of the words of the shorter of two, those that both have in one order."""
KEPT_MIN = 3
"""Words that must stay in a template for two messages to be one."""


class Cluster(msgspec.Struct, frozen=True, kw_only=True):
    """Messages that are alike."""

    id: int
    template: str
    """What they share, with `<*>` where they differ."""
    count: int
    example: str


class _Growing(msgspec.Struct):
    id: int
    tokens: list[str]
    count: int
    example: str


class UnknownClusters:
    """Clusters that grow as messages are added; of more than `clusters_max`, the one longest unseen goes."""

    def __init__(self, *, clusters_max: int = CLUSTERS_MAX) -> None:
        self._clusters_max = clusters_max
        # The order of the keys is that of use, the longest unseen first.
        self._clusters: dict[int, _Growing] = {}
        self._holding: dict[tuple[str, str], set[int]] = {}
        self._next_id = 1
        self.added = 0

    def add(self, text: str) -> int:
        """Put a message into the cluster that it is like, or into one of its own; return the cluster's id."""
        self.added += 1
        tokens = text[:LENGTH_MAX].split(None, TOKENS_MAX)[:TOKENS_MAX]
        for id_, _ in self._votes(tokens).most_common(COMPARED_MAX):
            cluster = self._clusters[id_]
            merged = _merged(cluster.tokens, tokens)
            if merged is not None:
                self._change(cluster, merged)
                return id_
        return self._begin(tokens, text)

    def clusters(self) -> list[Cluster]:
        """Return the clusters, the most frequent first."""
        ordered = sorted(self._clusters.values(), key=lambda cluster: (-cluster.count, cluster.id))
        return [
            Cluster(
                id=each.id,
                template=" ".join(each.tokens),
                count=each.count,
                example=each.example,
            )
            for each in ordered
        ]

    def _votes(self, tokens: list[str]) -> Counter[int]:
        votes: Counter[int] = Counter()
        for pair in _pairs(tokens):
            votes.update(self._holding.get(pair, ()))
        return votes

    def _begin(self, tokens: list[str], text: str) -> int:
        if len(self._clusters) >= self._clusters_max:
            self._forget(next(iter(self._clusters)))
        id_ = self._next_id
        self._next_id += 1
        self._clusters[id_] = _Growing(id_, tokens, 1, text[:EXAMPLE_LENGTH_MAX])
        self._hold(id_, tokens)
        return id_

    def _change(self, cluster: _Growing, merged: list[str]) -> None:
        cluster.count += 1
        self._clusters[cluster.id] = self._clusters.pop(cluster.id)
        if merged != cluster.tokens:
            self._let_go(cluster.id, cluster.tokens)
            cluster.tokens = merged
            self._hold(cluster.id, merged)

    def _forget(self, id_: int) -> None:
        self._let_go(id_, self._clusters.pop(id_).tokens)

    def _hold(self, id_: int, tokens: list[str]) -> None:
        for pair in _pairs(tokens):
            self._holding.setdefault(pair, set()).add(id_)

    def _let_go(self, id_: int, tokens: list[str]) -> None:
        for pair in _pairs(tokens):
            holders = self._holding.get(pair, set())
            holders.discard(id_)
            if not holders:
                self._holding.pop(pair, None)


def cluster(messages: Iterable[str]) -> list[Cluster]:
    """Return the clusters of some messages, the most frequent first."""
    clusters = UnknownClusters()
    for message in messages:
        clusters.add(message)
    return clusters.clusters()


def _pairs(tokens: list[str]) -> set[tuple[str, str]]:
    return {(one, two) for one, two in pairwise(tokens) if WILDCARD not in (one, two)}


def _merged(template: list[str], tokens: list[str]) -> list[str] | None:
    """Return what two have in common, or None where that is too little."""
    blocks = SequenceMatcher(None, template, tokens, autojunk=False).get_matching_blocks()
    plain = sum(token != WILDCARD for token in template)
    kept = sum(block.size for block in blocks)
    if kept < max(KEPT_MIN, SIMILARITY_MIN * min(plain, len(tokens))) and template != tokens:
        return None
    merged: list[str] = []
    before = after = 0
    for block in blocks:
        is_gap = block.a > before or block.b > after
        if is_gap and (not merged or merged[-1] != WILDCARD):
            merged.append(WILDCARD)
        merged.extend(template[block.a : block.a + block.size])
        before, after = block.a + block.size, block.b + block.size
    return merged

"""Finds the templates that a message was made of, among those of many catalogues.

A message is read once: the anchors say which long fragments it holds; the templates that have one of these as
their key are laid along it; those that cover most of it are chosen; what is left is held against templates of
which only most is there. Pure, and safe to use from many threads. Read next: `anchors`, `chaining`, `cover`.
"""

from collections.abc import Mapping, Sequence

from headgate.prompts.matching.agreement import agreed_cover
from headgate.prompts.matching.anchors import Anchors
from headgate.prompts.matching.chaining import Chaining
from headgate.prompts.matching.compiling import Compiled, compiled, holders_of, steps_of, wanted_of
from headgate.prompts.matching.cover import Candidate, Taken
from headgate.prompts.matching.model import CatalogueVersion, MessageMatch
from headgate.prompts.matching.partial import PartialIndex
from headgate.prompts.matching.pieces import pieces_of, shares
from headgate.prompts.matching.texts import Text


class Matcher:
    """The templates of some catalogues, ready to be found in messages.

    Of equal templates only one is kept ready. `left_out` counts versions that have too little literal text to
    be found.
    """

    def __init__(self, versions: Sequence[CatalogueVersion]) -> None:
        held: dict[str, list[CatalogueVersion]] = {}
        for version in versions:
            held.setdefault(version.version, []).append(version)
        anchors = Anchors()
        stepped = [(tuple(holders), steps_of(holders[0].template, anchors)) for holders in held.values()]
        without = anchors.fix({step.number for _, steps in stepped for step in wanted_of(steps)})
        counts = holders_of(steps for _, steps in stepped)
        self._anchors = anchors
        self._without = without
        self._partial = PartialIndex(anchors.texts, stepped)
        self._by_key: dict[int, list[tuple[Compiled, tuple[CatalogueVersion, ...]]]] = {}
        self.left_out = 0
        for holders, steps in stepped:
            ready = compiled(holders[0].template, steps, without, counts)
            if ready is None:
                self.left_out += len(holders)
                continue
            key = ready.steps[ready.key].number
            self._by_key.setdefault(key, []).append((ready, holders))

    def match(self, text: str, *, at: Mapping[str, int] | None = None) -> MessageMatch:
        """Return the pieces of a message; `at` is, for a source, the place of the commit that runs."""
        message = Text(text)
        occurrences = self._anchors.find(message)
        chaining = Chaining(message, occurrences, self._anchors.texts, self._without)
        candidates = [
            Candidate(holders[0].template, chain, holders)
            for number in occurrences.positions
            for ready, holders in self._by_key.get(number, ())
            for chain in chaining.chains(ready)
        ]
        running = at or {}
        choices = agreed_cover(message, candidates, running)
        taken = Taken()
        for choice in choices:
            taken.take(choice.chain.spans)
        partial = self._partial.cover(message, taken, running)
        pieces = pieces_of(message, choices, partial)
        literal, value = shares(pieces, len(text))
        return MessageMatch(
            pieces=pieces,
            literal_share=literal,
            value_share=value,
            steps=occurrences.comparisons + chaining.steps,
        )

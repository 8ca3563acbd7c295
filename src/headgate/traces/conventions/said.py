"""What a span says, sorted by meaning: one pass over its attributes, however many names are known. Pure.

Readers ask for a meaning and get the first value that can be read; what they took leaves the rest, which is
kept as it came. Read next: `conventions.names` (the tables), `conventions.resolve`.
"""

import functools
import re
from collections.abc import Mapping
from typing import Any, Final, cast

from headgate.traces.conventions.indexed import Indexed
from headgate.traces.conventions.kinds import KIND_WORDS
from headgate.traces.conventions.names import CONVENTIONS, HEADS, ORDERS, PREFIXES, SCOPES, SCORES
from headgate.traces.conventions.parameters import PARAMETER_NAMES, PARAMETER_SETS
from headgate.traces.conventions.texts import SHORT, number_of, short_text, texts_of
from headgate.traces.conventions.token_names import TOKEN_NAMES, TOKEN_SETS

Heard = tuple[int, str, Any]
"""The rank of a name within its meaning, the name, and its value."""

_ALL_ORDERS: Final[Mapping[str, tuple[str, ...]]] = {
    **ORDERS,
    "kind": tuple(KIND_WORDS),
    "parameter": tuple(PARAMETER_NAMES),
    "parameter_set": PARAMETER_SETS,
    "tokens": tuple(TOKEN_NAMES),
    "token_set": tuple(TOKEN_SETS),
    "scores": tuple(f"{prefix}.N" for prefix in SCORES),
}


def _convention(name: str) -> int:
    whose = next((whose for prefix, whose in PREFIXES if name.startswith(prefix)), CONVENTIONS[-1])
    return CONVENTIONS.index(whose)


def _meanings() -> dict[str, tuple[int, tuple[tuple[str, int], ...]]]:
    found: dict[str, list[tuple[str, int]]] = {}
    for meaning, names in _ALL_ORDERS.items():
        for rank, name in enumerate(names):
            found.setdefault(name, []).append((meaning, rank))
    return {name: (_convention(name), tuple(pairs)) for name, pairs in found.items()}


_ALL: Final = _meanings()
MEANINGS: Final = {name: entry for name, entry in _ALL.items() if not name.endswith(".N")}
"""By name: whose it is, and what it means, with its rank."""
PLACES: Final = {name: entry for name, entry in _ALL.items() if name.endswith(".N")}
"""The same of indexed attributes, by their prefix and `.N`."""
_INDEXED_HEADS: Final = frozenset(name.partition(".")[0] for name in PLACES)
_INDEX: Final = re.compile(r"\.(?=\d)")
_HEADS: Final = {head: CONVENTIONS.index(whose) for head, whose in HEADS.items()}
_SCOPES: Final = {scope: CONVENTIONS.index(whose) for scope, whose in SCOPES.items()}
_NOBODY: Final = len(CONVENTIONS)


class Said:
    """The attributes of one span by meaning, what was taken of them, and the flags raised on the way."""

    __slots__ = ("_heard", "_left", "_taken", "_whose", "attributes", "flags", "found_tools", "names")

    def __init__(self, attributes: Mapping[str, Any]) -> None:
        self.attributes = attributes
        self.flags: list[str] = []
        self.names: dict[str, object] = {}
        """Known names that were heard, indexed ones by their prefix and `.N`."""
        self.found_tools: list[object] = []
        """Definitions of tools that stood in the input, beside the messages."""
        self._heard: dict[str, list[Heard]] = {}
        self._taken: set[str] = set()
        self._left: dict[str, Any] = {}
        self._whose = _NOBODY
        self._sort(attributes)

    def _sort(self, attributes: Mapping[str, Any]) -> None:
        whose = self._whose
        known = MEANINGS.get
        for name, value in attributes.items():
            entry = known(name)
            if entry is None:
                head = name.partition(".")[0]
                if head in _INDEXED_HEADS:
                    whose = min(whose, self._index(name, value))
                whose = min(whose, _HEADS.get(head, whose))
                continue
            if entry[0] < whose:
                whose = entry[0]
            self._hear(name, value, entry[1])
        self._whose = whose

    def _hear(self, name: str, value: object, pairs: tuple[tuple[str, int], ...]) -> None:
        self.names[name] = value
        for meaning, rank in pairs:
            heard = self._heard.get(meaning)
            if heard is None:
                self._heard[meaning] = [(rank, name, value)]
            else:
                heard.append((rank, name, value))

    def _index(self, name: str, value: object) -> int:
        placed = _placed(name)
        if placed is None:
            return _NOBODY
        place, steps = placed
        entry = PLACES[place]
        group = self.names.get(place)
        if group is None:
            group = Indexed()
            self._hear(place, group, entry[1])
        if not cast("Indexed", group).add(name, steps, value):
            self.flag("indexed_cut")
        return entry[0]

    def each(self, meaning: str) -> list[Heard]:
        """What was heard of a meaning, the strongest first."""
        heard = self._heard.get(meaning)
        if heard is None:
            return []
        if len(heard) > 1:
            heard.sort(key=_rank)
        return heard

    def text(self, meaning: str, limit: int = SHORT) -> str:
        """The first readable short text; empty where there is none."""
        if meaning not in self._heard:
            return ""
        for _, name, value in self.each(meaning):
            if found := short_text(value, limit):
                if found == value:
                    self._taken.add(name)
                return found
        return ""

    def words(self, meaning: str) -> list[tuple[str, str]]:
        """Names and texts that were heard of a meaning, the strongest first; none is taken."""
        return [(name, text) for _, name, value in self.each(meaning) if (text := short_text(value))]

    def texts(self, meaning: str, most: int) -> tuple[str, ...]:
        """The first readable list of short texts, each once; empty where there is none."""
        for _, name, value in self.each(meaning):
            if found := texts_of(value, most):
                if list(found) == (value if type(value) is list else [value]):
                    self._taken.add(name)
                return found
        return ()

    def number(self, meaning: str) -> float | None:
        """The first readable number that isn't negative."""
        for _, name, value in self.each(meaning):
            found = number_of(value)
            if found is not None and found >= 0:
                self._taken.add(name)
                return found
        return None

    def take(self, name: str) -> None:
        """Leave a name, or all indexed names of a prefix, out of what is kept as it came."""
        group = self.names.get(name)
        if type(group) is Indexed:
            self._taken.update(group.names)
        else:
            self._taken.add(name)

    def leave(self, name: str, remainder: Mapping[str, Any]) -> None:
        """Take a name whose value was read in part: what nobody read of it stays under its name."""
        self._taken.add(name)
        if remainder:
            self._left[name] = remainder

    def flag(self, flag: str) -> None:
        """Raise a flag, once."""
        if flag not in self.flags:
            self.flags.append(flag)

    def rest(self) -> dict[str, Any]:
        """What nobody took, as it came."""
        taken = self._taken
        rest = {name: value for name, value in self.attributes.items() if name not in taken}
        return rest | self._left if self._left else rest

    def convention(self, scope: str) -> str:
        """Whose names were read; empty where none was known."""
        whose = min(self._whose, _SCOPES.get(scope, _NOBODY)) if self._whose < _NOBODY else _NOBODY
        return CONVENTIONS[whose] if whose < _NOBODY else ""


@functools.lru_cache(maxsize=4096)
def _placed(name: str) -> tuple[str, tuple[str, ...]] | None:
    """The place of an indexed name and its path below it; None for any other name. Names come again and
    again, which is why some are remembered."""
    cut = _INDEX.search(name)
    if cut is None:
        return None
    place = f"{name[: cut.start()]}.N"
    return (place, tuple(name[cut.end() :].split("."))) if place in PLACES else None


def _rank(heard: Heard) -> int:
    return heard[0]

"""What the record of a call says of its prompts, made of what its messages matched. Pure.

Managed prompts, which the gateway rendered, come first and stay; of those found in code, what names the call
is first: the one that explains most of what instructs the model. Read next: `catalogue.ready`.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from headgate.prompts.catalogue.model import name_of
from headgate.prompts.catalogue.texts import MessageText, Role
from headgate.prompts.matching.model import MatchedPiece
from headgate.records.rows import clean

VALUE_CHARACTERS_MAX = 2048
VALUES_CHARACTERS_MAX = 32_768
"""Of one call; entries that would have more keep the names of their holes alone."""
ENTRIES_MAX = 50
CUT = "…"

Json = dict[str, Any]

_ORDER: dict[Role, int] = {"system": 0, "user": 1, "assistant": 2}


class Named(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of a message with the commits that hold it, kept for the next time that the text is seen."""

    source: str
    path: str
    symbol: str
    versions: tuple[str, ...]
    first_commit: str
    last_commit: str
    values: dict[str, str]
    coverage: float
    exact: bool

    @property
    def name(self) -> str:
        """`path:symbol`."""
        return clean(name_of(self.path, self.symbol))


class CodePrompt(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An entry of `requests.prompts`. `versions` is there where several fit equally; `message` is null for
    what stands beside the list of messages; `coverage` is the share that template and values explain."""

    name: str
    version: str
    kind: str
    source: str
    message: int | None
    role: str
    first_commit: str
    last_commit: str
    values: dict[str, str]
    coverage: float
    exact: bool
    versions: tuple[str, ...] = ()
    commit: str = ""
    """The commit that ran, where the call says which."""


def coverage_of(piece: MatchedPiece, length: int) -> float:
    """Return the share of a message's characters that lie in a piece's fragments and holes."""
    spans = sorted([*piece.literals, *((hole.start, hole.end) for hole in piece.holes)])
    covered = end = 0
    for start, stop in spans:
        covered += max(0, stop - max(start, end))
        end = max(end, stop)
    return round(covered / max(length, 1), 4)


def cut_values(values: dict[str, str]) -> dict[str, str]:
    """Return values that a record can hold."""
    return {clean(name): cut(value) for name, value in values.items()}


def cut(value: str) -> str:
    """Return a value of at most 2,048 characters."""
    cleaned = clean(value)
    return cleaned if len(cleaned) <= VALUE_CHARACTERS_MAX else cleaned[: VALUE_CHARACTERS_MAX - 1] + CUT


def entries_of(
    found: Iterable[tuple[MessageText, Sequence[Named]]], commits: dict[str, str]
) -> list[CodePrompt]:
    """Return the entries of a call; `commits` names, for a source, the commit that ran."""
    ordered = sorted(
        ((text, named) for text, pieces in found for named in pieces),
        key=lambda each: (_ORDER[each[0].role], -each[1].coverage),
    )[:ENTRIES_MAX]
    room = VALUES_CHARACTERS_MAX
    entries: list[CodePrompt] = []
    for text, named in ordered:
        length = sum(len(value) for value in named.values.values())
        room -= length
        entries.append(
            CodePrompt(
                name=named.name,
                version=named.versions[0],
                versions=named.versions if len(named.versions) > 1 else (),
                kind="code",
                source=named.source,
                message=text.index,
                role=text.role,
                first_commit=named.first_commit,
                last_commit=named.last_commit,
                commit=commits.get(named.source, ""),
                values=named.values if room >= 0 else dict.fromkeys(named.values, CUT),
                coverage=named.coverage,
                exact=named.exact,
            )
        )
        room += length if room < 0 else 0
    return entries


def merged(before: Sequence[Json], entries: Sequence[CodePrompt]) -> list[Json]:
    """Return a call's prompts: the managed ones that are there, then those found in code."""
    managed = [each for each in before if each.get("kind") != "code"]
    return [*managed, *(msgspec.to_builtins(each) for each in entries)]


def has_managed(prompts: Sequence[Json]) -> bool:
    """Say whether a managed prompt was rendered into a call."""
    return any(each.get("kind") == "managed" for each in prompts)


def versions_used(prompts: Sequence[Json]) -> set[tuple[str, str, str]]:
    """Return source, name and version of what was found in code, each once."""
    return {
        (str(each["source"]), str(each["name"]), str(each["version"]))
        for each in prompts
        if each.get("kind") == "code"
    }

"""The tables of a scan's report: their columns and rows, and its summary in one line.

Pure. Read next: `scan_report`, which prints them, and `scan_page`, which writes them as HTML.
"""

import functools
from collections import defaultdict
from collections.abc import Iterable, Sized
from typing import Any

import msgspec

from headgate.cli.output import Column
from headgate.prompts.history import History, Version
from headgate.prompts.model import Found, ModelNamed, Scan

TEXT_LENGTH_MAX = 60
PLACES_MAX = 3
SHORT = 10
"""Digits of a commit's id in a table."""

SAID_STATES = ("retired", "retiring", "dated")
STATE_STYLES = {"retired": "red", "retiring": "yellow"}

PROMPTS = (
    Column("where", "where"),
    Column("prompt", "symbol"),
    Column("since", "since"),
    Column("versions", "versions", right=True),
    Column("holes", "holes"),
    Column("text", "short"),
)
VERSIONS = (
    Column("where", "where"),
    Column("prompt", "symbol"),
    Column("version", "version"),
    Column("from", "first"),
    Column("first commit", "first_commit"),
    Column("last commit", "last_commit"),
    Column("holes", "holes"),
    Column("text", "short"),
)
PARAMETERS = (
    Column("where", "where"),
    Column("parameter", "name"),
    Column("value", "value"),
    Column("in", "symbol"),
    Column("call", "call"),
)
MODELS = (
    Column("model", "model"),
    Column("state", "shown"),
    Column("places", "count", right=True),
    Column("where", "where"),
)
KEYS = (Column("where", "where"), Column("key", "kind"), Column("masked", "masked"))
SKIPPED = (Column("where", "where"), Column("why", "why"))

Rows = list[dict[str, Any]]


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """A table of the report, and what to say where it has no row."""

    title: str
    columns: tuple[Column, ...]
    rows: Rows
    empty: str
    by_file: bool = False
    """Whether it reads better with the rows of one file under its path."""


class Survey(msgspec.Struct, kw_only=True, dict=True):
    """A scan and what git says of it; `why` says why there is no history."""

    path: str
    scan: Scan
    history: History | None
    why: str
    every: bool
    """Whether every version is wanted, and not the newest alone."""

    @functools.cached_property
    def _newest(self) -> dict[tuple[str, str, str], Version]:
        versions = self.history.versions if self.history is not None else ()
        return {(each.found.path, each.found.symbol, each.found.template.version): each for each in versions}

    @functools.cached_property
    def _counts(self) -> dict[tuple[str, str], int]:
        """Versions of each prompt, under whatever path and symbol it stood."""
        versions = self.history.versions if self.history is not None else ()
        counts: dict[tuple[str, str], int] = defaultdict(int)
        before: dict[tuple[str, str], tuple[str, ...]] = {}
        for each in versions:
            counts[(each.found.path, each.found.symbol)] += 1
            if each.was:
                before[(each.found.path, each.found.symbol)] = each.was
        for now, was in before.items():
            for place in was:
                path, _, symbol = place.partition(":")
                counts[now] += counts.get((path, symbol), 0)
        return counts

    @property
    def own(self) -> tuple[Found, ...]:
        """The prompts that stand in the tree itself, and in no installed package."""
        return tuple(each for each in self.scan.prompts if "site-packages/" not in each.path)

    def version_of(self, found: Found) -> Version | None:
        """Return what history tells of a prompt as it is now, or None where no commit holds it."""
        return self._newest.get((found.path, found.symbol, found.template.version))

    def count_of(self, found: Found) -> int | None:
        """Return how many versions a prompt had, or None where that is not known."""
        return self._counts.get((found.path, found.symbol)) if self.history is not None else None


def sections(survey: Survey) -> list[Section]:
    """Return the tables of a report."""
    scan = survey.scan
    if survey.every and survey.history is not None:
        prompts = Section(
            title="Versions", columns=VERSIONS, rows=[_version(each) for each in survey.history.versions],
            empty="No prompts found in any commit.", by_file=True,
        )  # fmt: skip
    else:
        rows = [_prompt(each, survey) for each in scan.prompts]
        prompts = Section(
            title="Prompts", columns=PROMPTS, rows=rows, empty="No prompts found.", by_file=True
        )
    return [
        prompts,
        Section(
            title="Parameters", columns=PARAMETERS, rows=_rows(scan.parameters),
            empty="No parameters are hard-coded.", by_file=True,
        ),
        Section(title="Models", columns=MODELS, rows=_models(scan.models), empty="No models are named."),
        Section(title="Keys", columns=KEYS, rows=_rows(scan.keys), empty="No keys were left in the files."),
        Section(title="Not read", columns=SKIPPED, rows=_rows(scan.skipped), empty="Every file was read."),
    ]  # fmt: skip


def _prompt(found: Found, survey: Survey) -> dict[str, Any]:
    version = survey.version_of(found)
    day = version.first_day if version is not None else ""
    since = f"{day} {version.first_commit[:SHORT]}" if version is not None else ""
    return {
        **_shown(found),
        "day": day,
        "since": since,
        "versions": survey.count_of(found),
        "was": _was(version),
    }


def _version(version: Version) -> dict[str, Any]:
    return {
        **_shown(version.found),
        "first": version.first_day,
        "first_commit": version.first_commit[:SHORT],
        "last_commit": "now" if version.is_newest else version.last_commit[:SHORT],
        "was": _was(version),
    }


def _shown(found: Found) -> dict[str, Any]:
    return {
        "path": found.path,
        "line": found.line,
        "symbol": found.symbol,
        "where": place(found),
        "version": found.template.version,
        "holes": cut(", ".join(found.template.holes), TEXT_LENGTH_MAX // 2),
        "short": cut(" ".join(found.template.text.split()), TEXT_LENGTH_MAX),
        "text": found.template.text,
        "kind": found.kind,
        "why": found.why,
    }


def _was(version: Version | None) -> str:
    return ", ".join(version.was) if version is not None else ""


def summary(survey: Survey) -> str:
    """Say in one line what was found."""
    scan = survey.scan
    models = {named.model: named.state for named in scan.models}
    counts = {state: sum(each == state for each in models.values()) for state in SAID_STATES}
    states = [f"{number} {state}" for state, number in counts.items() if number or state == "retired"]
    return (
        f"{count(scan.prompts, 'prompt')}, {count(scan.parameters, 'parameter')}, {count(models, 'model')} "
        f"({', '.join(states)}), {count(scan.keys, 'key')} in {counted(scan.files, 'file')}; "
        f"{len(scan.skipped)} not read"
    )


def count(things: Sized, noun: str) -> str:
    """Say how many there are of what."""
    return counted(len(things), noun)


def counted(number: int, noun: str) -> str:
    """Say a number of what, one or many."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _rows(found: Iterable[Any]) -> Rows:
    return [{**msgspec.structs.asdict(each), "where": place(each)} for each in found]


def _models(named: Iterable[ModelNamed]) -> Rows:
    places: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for each in named:
        places[(each.model, each.state, each.until)].append(place(each))
    order = {"retired": 0, "retiring": 1, "dated": 2, "unknown": 3, "known": 4}
    words = {"retired": "retired on", "retiring": "ends on"}
    return [
        {
            "model": model,
            "state": state,
            "shown": f"{words[state]} {until}" if until else state,
            "count": len(where),
            "where": ", ".join(where[:PLACES_MAX]) + (" …" if len(where) > PLACES_MAX else ""),
        }
        for (model, state, until), where in sorted(
            places.items(), key=lambda item: (order[item[0][1]], item[0][0])
        )
    ]


def place(each: Any) -> str:
    """Return path and line, as editors open them; the path alone where no line is known."""
    return f"{each.path}:{each.line}" if each.line else each.path


def cut(text: str, length: int) -> str:
    """Shorten a text to so many characters."""
    return text if len(text) <= length else text[: length - 1] + "…"

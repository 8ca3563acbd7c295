"""Writes the conformance table, whose cells are asked for first: `python -m tests.conformance.page FILE`.

`make reference` calls it; a test holds the page against the cells. Read next: `cells`.
"""

import functools
import sys
from collections import Counter
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import track
from tests.conformance.cells import CALLERS, Cell, cell
from tests.conformance.columns import columns
from tests.conformance.features import FEATURES

from headgate.core.call import Dialect

PAGE: Final = Path("docs") / "reference" / "conformance.md"
SIGNS: Final = {"passed": "=", "same": "✓", "less": "~", "refused": "✗", "unsaid": "·", "no way": "-"}
MEANINGS: Final = {
    "passed": "the provider speaks the caller's dialect: every byte passes",
    "same": "translated, and means the same",
    "less": "translated, and something that no answer depends on is left out, which is told",
    "refused": "it would mean something else: 422 `not_translatable`, or told where the alias is lenient",
    "unsaid": "the caller's dialect has no words for it",
    "no way": "the model does not answer such calls",
}
CALLER_NAMES: Final[dict[Dialect, str]] = {
    "openai-chat": "OpenAI chat completions",
    "openai-responses": "OpenAI Responses",
    "anthropic": "Anthropic Messages",
    "google": "Google generateContent",
}
TOLD_MAX: Final = 12
"""Targets that are listed by name."""

Cells = dict[tuple[Dialect, str, str], Cell]
"""By caller, target and feature."""


@functools.cache
def cells_of(caller: Dialect) -> Cells:
    """Every cell of one caller's dialect. Raises AssertionError, naming the cell, where one does not hold."""
    found: Cells = {}
    for column in columns():
        for feature in FEATURES:
            try:
                found[caller, column.name, feature.name] = cell(caller, column, feature)
            except AssertionError as broken:
                where = f"{caller} to {column.name}, {feature.name}"
                raise AssertionError(f"{where}: {broken}") from broken
    return found


def page() -> str:
    """The whole page."""
    every: Cells = {}
    for caller in track(CALLERS, "asking", console=Console(stderr=True)):
        every |= cells_of(caller)
    counts = Counter(one.mark for one in every.values())
    lines = [
        "# Dialects by provider by feature",
        "<!-- Written by `make reference` from tests that ran; change it there. -->\n",
        f"{len(every):,} cells. Each is a call that was written as a client writes it, translated for its "
        "target, held to the official SDK's types and to what the provider is known to refuse, answered in "
        "the provider's dialect, and heard by the official SDK of the caller's. Targets are stood in for: "
        "what a model makes of a call is not tried. The calls are in `tests/conformance/features.py`.\n",
        "| Sign | Means | Cells |",
        "|---|---|---|",
        *(f"| {sign} | {MEANINGS[mark]} | {counts[mark]:,} |" for mark, sign in SIGNS.items()),
        "",
        "| Feature | Asks for |",
        "|---|---|",
        *(f"| {feature.name} | {feature.about} |" for feature in FEATURES),
        "",
    ]
    for caller in CALLERS:
        lines += [f"## From {CALLER_NAMES[caller]}\n", *_table(every, caller), ""]
    return "\n".join([*lines, *_told(every)]) + "\n"


def _table(every: Cells, caller: Dialect) -> list[str]:
    names = [feature.name for feature in FEATURES]
    rows = [f"| To | {' | '.join(names)} |", "|---|" + ":-:|" * len(names)]
    for column in columns():
        signs = [SIGNS[every[caller, column.name, name].mark] for name in names]
        rows.append(f"| {column.name} | {' | '.join(signs)} |")
    return rows


def _told(every: Cells) -> list[str]:
    """What callers are told, for which feature, and where."""
    found: dict[tuple[str, str, str], dict[str, None]] = {}
    for (_, target, name), one in every.items():
        for told in one.told if one.mark in ("less", "refused") else ():
            found.setdefault((SIGNS[one.mark], name, told), {})[target] = None
    lines = ["## What is told\n", "| Sign | Feature | What | Where |", "|---|---|---|---|"]
    order = {feature.name: place for place, feature in enumerate(FEATURES)}
    for (sign, name, told), where in sorted(found.items(), key=lambda one: (order[one[0][1]], one[0])):
        shown = ", ".join(list(where)[:TOLD_MAX])
        more = f" and {len(where) - TOLD_MAX} more" if len(where) > TOLD_MAX else ""
        lines.append(f"| {sign} | {name} | {told.replace('|', '/')} | {shown}{more} |")
    return lines


if __name__ == "__main__":
    Path(sys.argv[1] if len(sys.argv) > 1 else PAGE).write_text(page())

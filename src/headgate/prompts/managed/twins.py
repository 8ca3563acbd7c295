"""Finds the prompt in code that a managed prompt has come from, or has gone apart from.

The code stays the source: what differs is shown, and never changed here. Both sides are compared as
templates, with their holes as `{name}`, whatever notation they are written in. Read next: `catalogue.store`.
"""

import asyncio
import re
from collections import Counter
from collections.abc import Sequence
from typing import Final

import msgspec

from headgate.prompts.catalogue.model import name_of
from headgate.prompts.managed.answers import PromptTwin
from headgate.prompts.managed.differences import compare_texts
from headgate.prompts.managed.model import ManagedVersion
from headgate.prompts.model import Hole, Part, Template
from headgate.prompts.notations import jinja, mustache
from headgate.store.database import Connection
from headgate.store.queries import Queries

QUERIES = Queries.load("headgate.prompts.managed")

TEMPLATES_MAX: Final = 5000
"""Of the newest ones of a project's code that are compared."""
LIKENESS_MIN: Final = 0.6
WORDS_MIN: Final = 5
"""A message of fewer words has no twin: too many texts say as much."""

_WORD: Final = re.compile(r"\w+|\{[^{}]*\}")
_parts = msgspec.json.Decoder(tuple[Part, ...]).decode


class CodeText(msgspec.Struct, frozen=True, kw_only=True):
    """A prompt in code at its source's head, with its holes as `{name}`."""

    source: str
    name: str
    version: str
    text: str


async def find_twin(connection: Connection, project: str, version: ManagedVersion) -> PromptTwin | None:
    """Return the prompt in code that says nearly what a version says; None where there is none."""
    cursor = await connection.execute(
        QUERIES.list_code_templates, {"project": project, "limit": TEMPLATES_MAX}
    )
    rows = await cursor.fetchall()
    if not rows:
        return None
    return await asyncio.to_thread(nearest, version, [_code_text(row) for row in rows])


def _code_text(row: Sequence[str]) -> CodeText:
    source, path, symbol, version, parts = row
    text = Template(parts=_parts(parts)).text
    return CodeText(source=source, name=name_of(path, symbol), version=version, text=text)


def nearest(version: ManagedVersion, known: Sequence[CodeText]) -> PromptTwin | None:
    """Return the twin among prompts in code: the one that shares most words with one of the messages."""
    best: tuple[float, int, CodeText] | None = None
    messages = [plain_text(version.engine, message.content) for message in version.messages]
    counted = [Counter(_WORD.findall(text)) for text in messages]
    for code in known:
        words = Counter(_WORD.findall(code.text))
        for index, own in enumerate(counted):
            likeness = _likeness(own, words)
            if likeness >= LIKENESS_MIN and (best is None or likeness > best[0]):
                best = (likeness, index, code)
    if best is None:
        return None
    likeness, index, code = best
    before, after = code.text.strip(), messages[index].strip()
    found = compare_texts(before, after, (code.name, f"message {index}"))
    return PromptTwin(
        name=code.name,
        source=code.source,
        version=code.version,
        message=index,
        likeness=1.0 if before == after else min(round(likeness, 3), 0.999),
        unified=found.unified,
        rows=found.rows,
    )


def plain_text(engine: str, content: str) -> str:
    """Return a managed template with its holes as those of code are written: `{name}`."""
    parts = (jinja if engine == "jinja" else mustache)(content)
    holes = [Hole(name=part.name.lstrip("& ")) if isinstance(part, Hole) else part for part in parts]
    return Template.of(holes).text


def _likeness(one: Counter[str], other: Counter[str]) -> float:
    """The part of the words of both that they share (Dice's coefficient of the bags of words)."""
    size, other_size = one.total(), other.total()
    if min(size, other_size) < WORDS_MIN:
        return 0.0
    if 2 * min(size, other_size) / (size + other_size) < LIKENESS_MIN:
        return 0.0
    return 2 * (one & other).total() / (size + other_size)

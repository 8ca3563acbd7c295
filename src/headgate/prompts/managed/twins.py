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

from headgate.prompts.catalogue.model import ManagedTwin, name_of
from headgate.prompts.managed.answers import PromptTwin
from headgate.prompts.managed.differences import compare_texts
from headgate.prompts.managed.model import ManagedVersion
from headgate.prompts.managed.store import list_prompts
from headgate.prompts.model import Hole, Part, Template
from headgate.prompts.notations import jinja, mustache
from headgate.store.database import Connection
from headgate.store.queries import Queries

QUERIES = Queries.load("headgate.prompts.managed")

TEMPLATES_MAX: Final = 5000
"""Of the newest ones of a project's code that are compared."""
MANAGED_MAX: Final = 500
"""Of a project's managed prompts that a prompt of code is compared with."""
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


async def find_twin(
    connection: Connection, project: str, name: str, version: ManagedVersion
) -> PromptTwin | None:
    """Return the prompt in code that says nearly what a version says, else one of its name; None for none."""
    cursor = await connection.execute(
        QUERIES.list_code_templates, {"project": project, "limit": TEMPLATES_MAX}
    )
    rows = await cursor.fetchall()
    if not rows:
        return None
    return await asyncio.to_thread(nearest, name, version, [_code_text(row) for row in rows])


def _code_text(row: Sequence[str]) -> CodeText:
    source, path, symbol, version, parts = row
    text = Template(parts=_parts(parts)).text
    return CodeText(source=source, name=name_of(path, symbol), version=version, text=text)


async def find_managed_twin(connection: Connection, project: str, name: str, text: str) -> ManagedTwin | None:
    """Return the managed prompt that says nearly what one of code says at its head, else one of its name."""
    listed = await list_prompts(connection, [project], limit=MANAGED_MAX)
    if not listed:
        return None
    code = CodeText(source="", name=name, version="", text=text)
    found = await asyncio.to_thread(
        lambda: [(nearest(each.name, each.newest.version, [code]), each) for each in listed]
    )
    twins = [(twin, each) for twin, each in found if twin is not None]
    if not twins:
        return None
    twin, each = max(twins, key=lambda both: (both[0].by == "text", both[0].likeness))
    return ManagedTwin(
        name=each.name,
        version=each.newest.version.number,
        message=twin.message,
        likeness=twin.likeness,
        by=twin.by,
    )


def nearest(name: str, version: ManagedVersion, known: Sequence[CodeText]) -> PromptTwin | None:
    """Return the twin among prompts in code: the one that shares most words with one of the messages.

    Where none shares enough of them, the first that goes by the same name.
    """
    best: tuple[float, int, CodeText] | None = None
    named: tuple[float, int, CodeText] | None = None
    messages = [plain_text(version.engine, message.content) for message in version.messages]
    counted = [Counter(_WORD.findall(text)) for text in messages]
    for code in known:
        words = Counter(_WORD.findall(code.text))
        for index, own in enumerate(counted):
            likeness = _likeness(own, words)
            if likeness >= LIKENESS_MIN and (best is None or likeness > best[0]):
                best = (likeness, index, code)
            if named is None and is_same_name(name, code.name):
                named = (likeness, index, code)
    found = best or named
    if found is None:
        return None
    likeness, index, code = found
    before, after = code.text.strip(), messages[index].strip()
    differences = compare_texts(before, after, (code.name, f"message {index}"))
    return PromptTwin(
        name=code.name,
        source=code.source,
        version=code.version,
        message=index,
        likeness=1.0 if before == after else min(round(likeness, 3), 0.999),
        by="name" if best is None else "text",
        unified=differences.unified,
        rows=differences.rows,
    )


def is_same_name(managed: str, code: str) -> bool:
    """Say whether a managed prompt goes by the name of a symbol: `shop/greeting` by that of `SHOP_GREETING`
    or `GREETING`."""
    symbol = _plain(code.rpartition(":")[2].rpartition(".")[2])
    return symbol != "" and symbol in (_plain(managed), _plain(managed.rpartition("/")[2]))


def _plain(name: str) -> str:
    return "".join(character for character in name.lower() if character.isalnum())


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

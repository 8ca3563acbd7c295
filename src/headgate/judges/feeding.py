"""Marks that judges gave elsewhere, in checks and on live traffic, kept where judges are held against people.

The same judge is the same version, whoever asked it: model, prompt, scale, rubric and parameters. A version
that nobody defined yet is defined by its first mark. Read next: `judges.storing`, `judges.calibrating`.
"""

from collections.abc import Sequence
from typing import Annotated, Final

import msgspec

from headgate.judges.items import ITEMS_MAX, Judged, item_id
from headgate.judges.model import Judge, NewJudge, ReviewRules, version_of
from headgate.judges.queue import choose_by_rules
from headgate.judges.storing import (
    add_verdicts,
    define_judge,
    facts_of,
    find_version,
    judges_of,
    known_of,
    marks_said,
)
from headgate.store.database import Connection

SAMPLE_SHARE: Final = 0.2
"""Of the answers of a judge that a check defined, so many are in the random sample."""


class NewJudgements(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A judge as it was asked, and what it said of up to 500 answers."""

    judge: NewJudge
    items: Annotated[list[Judged], msgspec.Meta(min_length=1, max_length=ITEMS_MAX)]


class Fed(msgspec.Struct, frozen=True, kw_only=True):
    """Under which name the marks are kept, how many answers, and how many of them people are to mark.

    `missing` are calls that aren't on record, or not yet: send these again a second later.
    """

    judge: str
    version: str
    kept: int
    chosen: int
    missing: list[str]


async def feed(
    connection: Connection, project: str, told: NewJudgements, *, by: str, only_key: str | None = None
) -> Fed:
    """Keep what a judge said, in the caller's transaction. What it said first of an answer stays.

    `only_key`: calls of another key count as not on record.
    """
    judge = await _judge(connection, project, told.judge, by)
    there, missing = await _on_record(connection, project, told.items, only_key)
    new = await _not_said(connection, judge, there)
    said = await add_verdicts(connection, judge, new, by) if new else {}
    chosen = await choose_by_rules(connection, judge, said)
    return Fed(
        judge=judge.name, version=judge.version, kept=len(there), chosen=chosen, missing=sorted(missing)
    )


async def _judge(connection: Connection, project: str, new: NewJudge, by: str) -> Judge:
    """Return the version that was asked, under the name that it has; define it where nobody has."""
    known = await find_version(connection, project, version_of(new))
    if known is not None:
        return known
    named = await judges_of(connection, [project], new.name)
    rules = named[0].review if named else ReviewRules(random=SAMPLE_SHARE)
    return await define_judge(connection, project, msgspec.structs.replace(new, review=rules), by)


async def _on_record(
    connection: Connection, project: str, items: Sequence[Judged], only_key: str | None
) -> tuple[list[Judged], set[str]]:
    """Those whose calls are on record, each once, and the ids of the other calls."""
    facts = await facts_of(connection, project, [each.subject() for each in items])
    there: dict[str, Judged] = {}
    missing: set[str] = set()
    for each in items:
        subject = each.subject()
        known = known_of(each, facts)
        is_alone = subject.kind == "case" and subject.request_id is None
        if not is_alone and (known is None or only_key not in (None, known.key)):
            missing.add(str(subject.request_id or each.span_id))
            continue
        there.setdefault(subject.key, each)
    return list(there.values()), missing


async def _not_said(connection: Connection, judge: Judge, items: Sequence[Judged]) -> list[Judged]:
    """Leave out the marks that were said before."""
    ids = [item_id(judge.project, judge.name, each.subject()) for each in items]
    before = await marks_said(connection, judge, ids)
    found: list[Judged] = []
    for identity, each in zip(ids, items, strict=True):
        marks = [mark for mark in each.marks if (identity, mark.shown, mark.repeat) not in before]
        if marks:
            found.append(msgspec.structs.replace(each, marks=marks))
    return found

"""What was said of a judge's answers, read for a report; and how much waits to be marked.

Read next: `judges.analysis`.
"""

import uuid
from collections.abc import Sequence
from typing import Final

from headgate.core.faults import InvalidRequest
from headgate.judges.marked import JudgeMark, Marked
from headgate.judges.model import Judge
from headgate.judges.storing import QUERIES
from headgate.store.database import Connection
from headgate.store.rows import fetch_rows

MARKS_READ_MAX: Final = 500_000


async def marked(connection: Connection, judge: Judge) -> list[Marked]:
    """Return the answers that a version of a judge, or people asked the same question, have marked."""
    parameters = {
        "project_ids": [judge.project],
        "judge": judge.name,
        "version": judge.version,
        "question": judge.question,
        "limit": MARKS_READ_MAX + 1,
    }
    rows = await fetch_rows(connection, QUERIES.marked, parameters)
    if len(rows) > MARKS_READ_MAX:
        raise InvalidRequest(
            f"this judge has more than {MARKS_READ_MAX} marks; name a newer version, whose marks are fewer"
        )
    facts: dict[uuid.UUID, dict[str, object]] = {}
    by_judge: dict[uuid.UUID, list[JudgeMark]] = {}
    by_people: dict[uuid.UUID, list[float]] = {}
    for row in rows:
        facts[row["id"]] = row
        if row["source"] == "person":
            by_people.setdefault(row["id"], []).append(row["value"])
        else:
            mark = JudgeMark(value=row["value"], shown=row["shown"], repeat=row["repeat"])
            by_judge.setdefault(row["id"], []).append(mark)
    return [
        Marked(
            sampled=bool(row["sampled"]),
            judge=tuple(by_judge.get(identity, ())),
            people=tuple(by_people.get(identity, ())),
            lengths=(int(str(row["length_a"])), int(str(row["length_b"]))),
            models=(str(row["model_a"]), str(row["model_b"])),
        )
        for identity, row in facts.items()
    ]


async def waiting(
    connection: Connection, project_ids: Sequence[str] | None
) -> dict[tuple[str, str], tuple[int, int]]:
    """Return, by project and judge, how many answers wait for people and how many are done."""
    parameters = {"project_ids": None if project_ids is None else list(project_ids)}
    rows = await fetch_rows(connection, QUERIES.waiting, parameters)
    return {(row["project"], row["judge"]): (row["open"], row["done"]) for row in rows}

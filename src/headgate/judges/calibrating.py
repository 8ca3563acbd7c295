"""How a version of a judge marked the random sample that people marked too: pairs of marks, counted.

What corrects a score that it gives elsewhere, such as in a check. Read next: `checks.correcting`.
"""

from collections import Counter

import msgspec

from headgate.judges.marked import both
from headgate.judges.model import Scale
from headgate.judges.reading import marked, waiting
from headgate.judges.storing import find_version
from headgate.store.database import Connection


class MarkPair(msgspec.Struct, frozen=True, kw_only=True):
    """So many answers got this mark of the judge and that of people."""

    said: float
    truth: float
    count: int


class Calibrated(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a judge against people; `judge` is empty where nobody has defined it.

    `waiting` is how many of its answers wait for people.
    """

    judge: str
    version: str
    scale: Scale
    pairs: list[MarkPair]
    waiting: int


async def calibrated(connection: Connection, project: str, version: str) -> Calibrated:
    """Return how a version marked the random sample."""
    judge = await find_version(connection, project, version)
    if judge is None:
        return Calibrated(judge="", version=version, scale="yes_no", pairs=[], waiting=0)
    found = both([item for item in await marked(connection, judge) if item.sampled], judge.scale)
    counted = Counter((pair.said, pair.truth) for pair in found)
    queue = (await waiting(connection, [project])).get((project, judge.name), (0, 0))
    return Calibrated(
        judge=judge.name,
        version=version,
        scale=judge.scale,
        pairs=[MarkPair(said=said, truth=truth, count=n) for (said, truth), n in sorted(counted.items())],
        waiting=queue[0],
    )

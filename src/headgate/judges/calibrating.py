"""How a version of a judge marked the random sample that people marked too: pairs of marks, counted.

What corrects a score that it gives elsewhere, such as in a check. Read next: `checks.correcting`.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

import msgspec

from headgate.judges.marked import Marked, both
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
    sample = [item for item in await marked(connection, judge) if item.sampled]
    counted = Counter((said, truth) for said, truth in _marks(sample, judge.scale))
    queue = (await waiting(connection, [project])).get((project, judge.name), (0, 0))
    return Calibrated(
        judge=judge.name,
        version=version,
        scale=judge.scale,
        pairs=[MarkPair(said=said, truth=truth, count=n) for (said, truth), n in sorted(counted.items())],
        waiting=queue[0],
    )


def _marks(sample: Sequence[Marked], scale: Scale) -> Iterator[tuple[float, float]]:
    """What judge and people said; of a pair what the judge said in both orders, as where it compares."""
    for pair in both(sample, scale):
        said = pair.item.said_in_both() if scale == "pairwise" else pair.said
        if said is not None:
            yield said, pair.truth

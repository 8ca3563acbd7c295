"""In which order cases are asked, and what counts as one unit. Pure.

The order is random, by the check's seed, and units are counted in it, whichever answer comes first: quick
answers may be right more often than slow ones. Read next: `checks.running`.
"""

import random
from collections.abc import Sequence

import msgspec

from headgate.checks.model import Check
from headgate.datasets.model import Case


class Trial(msgspec.Struct, frozen=True):
    """One call to be made: a case, for the n-th time."""

    case: Case
    repeat: int


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """The units in the order in which they count. `total` is set where the requirement is on these alone."""

    units: tuple[tuple[Trial, ...], ...]
    total: int | None
    unit: str
    """What a unit is called: case, cluster or answer."""

    @property
    def trials(self) -> list[Trial]:
        """All calls, in order."""
        return [trial for unit in self.units for trial in unit]


def plan(check: Check, cases: Sequence[Case]) -> Plan:
    """Return the plan of a check.

    Where it is about such cases in general, a unit is a cluster, or a case in none, with all its repeats:
    answers to one case are no cases of their own. About these cases alone, each answer is a unit, and what is
    not yet asked is the rest of a known whole; but a case where all its answers have to be right.
    """
    ordered = sorted(cases, key=lambda case: case.id)
    by_answer = check.about == "these cases" and not any(each.all_of for each in check.requirements)
    groups: list[list[Case]]
    if check.about == "such cases" and any(case.cluster for case in ordered):
        by_cluster: dict[tuple[bool, str], list[Case]] = {}
        for case in ordered:
            by_cluster.setdefault((case.cluster is not None, case.cluster or case.id), []).append(case)
        groups, unit = list(by_cluster.values()), "cluster"
    else:
        groups, unit = [[case] for case in ordered], "answer" if by_answer and check.repeats > 1 else "case"
    units = [
        tuple(Trial(case, repeat) for case in group for repeat in range(check.repeats)) for group in groups
    ]
    if by_answer:
        units = [(trial,) for each in units for trial in each]
    random.Random(check.seed).shuffle(units)
    total = len(units) if check.about == "these cases" else None
    return Plan(units=tuple(units), total=total, unit=unit)

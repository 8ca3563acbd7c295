"""Two runs held against each other: cases of one cluster resemble each other, and count as one."""

import random

from headgate.checks.pairing import Compared, pair_runs
from headgate.checks.store import KeptMark, KeptResult

CLUSTERS, SIZE = 30, 8


def result(case: str, cluster: str, *, right: bool) -> KeptResult:
    return KeptResult(case=case, cluster=cluster, repeat=0, marks={"right": KeptMark(score=float(right))})


def compared(rng: random.Random, *, better: float, clustered: bool, largest: int = 1) -> Compared:
    """Two runs whose answers are alike in a cluster; `better`: this one is right in so many more of them."""
    one: list[KeptResult] = []
    other: list[KeptResult] = []
    for number in range(CLUSTERS):
        ours, theirs = rng.random() < 0.5 + better, rng.random() < 0.5
        cluster = f"document {number}" if clustered else ""
        names = [f"{rng.getrandbits(64):016x}" for _ in range(SIZE)]
        one += [result(name, cluster, right=ours) for name in names]
        other += [result(name, cluster, right=theirs) for name in names]
    (found,) = pair_runs(one, other, largest)
    return found


def is_told(found: Compared) -> bool:
    assert found.low is not None
    assert found.high is not None
    return found.low > 0 or found.high < 0


def test_runs_that_are_alike_are_hardly_told_apart() -> None:
    rng = random.Random(3)
    wrong = sum(is_told(compared(rng, better=0, clustered=True)) for _ in range(200))
    assert wrong <= 200 * 0.05
    rng = random.Random(3)
    alone = sum(is_told(compared(rng, better=0, clustered=False)) for _ in range(200))
    assert alone > 200 * 0.2, "taken as 240 cases by themselves, they would be"


def test_a_difference_in_most_clusters_is_found() -> None:
    rng = random.Random(4)
    found = [compared(rng, better=0.5, clustered=True) for _ in range(50)]
    assert sum(each.low is not None and each.low > 0 for each in found) > 40
    assert (found[0].cases, found[0].clusters) == (CLUSTERS * SIZE, CLUSTERS)
    assert found[0].sentence.endswith("on 240 cases, in 30 clusters, that both asked.")


def test_a_cluster_that_was_not_asked_counts_by_its_size() -> None:
    known = compared(random.Random(5), better=0.5, clustered=True)
    wider = compared(random.Random(5), better=0.5, clustered=True, largest=40)
    assert wider.difference == known.difference
    assert known.low is not None
    assert wider.low is not None
    assert wider.low < known.low


def test_cases_in_no_cluster_stand_beside_those_that_are_and_either_run_may_say() -> None:
    clustered = [result(f"a{number}", "document", right=True) for number in range(4)]
    single = [result(f"b{number}", "", right=True) for number in range(40)]
    bare = [result(each.case, "", right=False) for each in (*clustered, *single)]
    (found,) = pair_runs([*clustered, *single], bare)
    assert (found.cases, found.clusters, found.difference) == (44, 41, 1.0)
    (back,) = pair_runs(bare, [*clustered, *single])
    assert (back.clusters, back.high) == (41, -(found.low or 0))
    (alone,) = pair_runs(clustered, bare)
    assert (alone.cases, alone.clusters) == (4, 1)
    assert "it is not known which run is better" in alone.sentence

"""Frontiers and transfer gaps: right by hand, wrong no more often than they say, and refusals in words."""

import numpy as np
import pytest
from numpy.typing import NDArray

from headgate.core.faults import InvalidRequest
from headgate.statistics.frontier import Candidate, Frontier, frontier
from headgate.statistics.transfer import transfer_gap

ALPHA = 0.05
MARGIN = 0.05


def candidate(name: str, scores: NDArray[np.float64], cost: float | None = 1.0) -> Candidate:
    return Candidate(name=name, scores=scores, costs=None if cost is None else np.full(len(scores), cost))


def place(found: Frontier, name: str) -> tuple[bool, bool, str | None]:
    (one,) = [each for each in found.places if each.name == name]
    return one.not_worse, one.on_frontier, one.beaten_by


def right(rng: np.random.Generator, shares: list[float], cases: int) -> list[NDArray[np.float64]]:
    """Answers of candidates that find the same cases hard."""
    hardness = rng.random(cases)
    return [
        np.where(rng.random(cases) < 0.7, hardness < share, rng.random(cases) < share).astype(np.float64)
        for share in shares
    ]


def test_the_cheapest_that_is_good_enough_is_named() -> None:
    rng = np.random.default_rng(1)
    best, twin, poor = right(rng, [0.9, 0.9, 0.6], 2000)
    found = frontier(
        [candidate("best", best, 10), candidate("twin", twin, 2), candidate("poor", poor, 1)], margin=MARGIN
    )
    assert [each.name for each in found.places] == ["poor", "twin", "best"]
    assert found.choice == "twin"
    assert place(found, "poor")[0] is False
    assert place(found, "poor")[2] is None, "it is cheaper than all others"
    assert found.places[0].behind_at_most > 0.25 > found.places[1].behind_at_most


def test_who_is_worse_and_dearer_is_beaten_by_name() -> None:
    rng = np.random.default_rng(2)
    good, bad = right(rng, [0.9, 0.5], 500)
    found = frontier([candidate("good", good, 1), candidate("bad", bad, 5)], margin=MARGIN)
    assert place(found, "bad") == (False, False, "good")
    assert place(found, "good") == (True, True, None)


def test_few_cases_leave_it_open_and_choose_nobody() -> None:
    rng = np.random.default_rng(3)
    one, other = right(rng, [0.8, 0.8], 20)
    found = frontier([candidate("one", one, 1), candidate("other", other, 2)], margin=0.02)
    assert found.choice is None
    assert not any(each.not_worse or each.beaten_by for each in found.places)


def test_equal_scores_in_few_cases_are_no_proof() -> None:
    same = np.full(12, 0.5)
    few = frontier([candidate("one", same), candidate("other", same.copy(), 2)], margin=MARGIN)
    assert few.choice is None
    many = np.full(600, 0.5)
    assert frontier([candidate("one", many), candidate("other", many, 2)], margin=MARGIN).choice == "one"


@pytest.mark.parametrize("cases", [150, 600])
def test_who_is_worse_by_the_margin_is_seldom_called_good_enough(cases: int) -> None:
    """The cheapest three are worse by just the margin: any of them called good enough is an error."""
    rng = np.random.default_rng(4)
    wrong, runs = 0, 600
    for _ in range(runs):
        answers = right(rng, [0.85, 0.85, *([0.85 - MARGIN] * 3)], cases)
        found = frontier(
            [candidate(str(number), each, 10 - number) for number, each in enumerate(answers)], margin=MARGIN
        )
        wrong += found.choice in ("2", "3", "4")
    print(f"wrong choices with {cases} cases: {wrong / runs:.1%}")
    assert wrong / runs <= ALPHA + 3 * (ALPHA * (1 - ALPHA) / runs) ** 0.5


def test_values_in_clusters_are_not_taken_for_more_than_they_are() -> None:
    """Ten answers a document that are all alike: forty documents, not four hundred cases."""
    rng = np.random.default_rng(5)
    wrong, runs = 0, 600
    for _ in range(runs):
        clusters = np.repeat(np.arange(40), 10)
        good, poor = (np.repeat(rng.normal(mean, 0.1, 40).clip(0, 1), 10) for mean in (0.6, 0.55))
        candidates = [candidate("good", good, 2), candidate("poor", poor, 1)]
        wrong += frontier(candidates, margin=MARGIN, clusters=list(clusters)).choice == "poor"
    assert wrong / runs <= ALPHA + 3 * (ALPHA * (1 - ALPHA) / runs) ** 0.5


def test_a_gap_is_found_and_prompts_of_equal_worth_have_none() -> None:
    rng = np.random.default_rng(6)
    home = {"a": rng.random(400) + 1, "b": rng.random(400)}
    away = {"a": rng.random(400), "b": rng.random(400) + 0.5}
    found = transfer_gap(home, away)
    assert (found.carried, found.best) == ("a", "b")
    assert found.gap is not None
    within = found.gap.interval(looks="one")
    assert within.low < 0.5 < within.high and within.low > 0.3


def test_choosing_and_comparing_on_the_same_cases_would_see_gaps_where_none_are() -> None:
    """Twelve prompts of equal worth on both models: the gap is 0."""
    rng = np.random.default_rng(7)
    naive: list[float] = []
    covered, told, runs = 0, 0, 800
    for _ in range(runs):
        home, away = (
            {str(number): (rng.random(100) < 0.7).astype(np.float64) for number in range(12)} for _ in "ab"
        )
        best = max(float(scores.mean()) for scores in away.values())
        naive.append(best - float(away[max(home, key=lambda name: float(home[name].mean()))].mean()))
        found = transfer_gap(home, away)
        if found.gap is not None:
            told += 1
            covered += not found.gap.interval(looks="one").excludes(0)
    print(f"on the same cases: {np.mean(naive):.3f}; on others 0 is covered in {covered / told:.1%}")
    assert np.mean(naive) > 0.05
    assert covered / told >= 0.95 - 3 * (0.95 * 0.05 / told) ** 0.5


def test_the_same_prompt_is_best_on_both() -> None:
    scores = {"a": np.linspace(0.5, 1, 50), "b": np.linspace(0, 0.5, 50)}
    found = transfer_gap(scores, scores)
    assert (found.carried, found.best, found.gap) == ("a", "a", None)


@pytest.mark.parametrize(
    ("candidates", "margin", "said"),
    [
        ([], 0.1, "takes two or more"),
        ([candidate("a", np.ones(3))], 0.1, "takes two or more"),
        ([candidate("a", np.ones(3)), candidate("a", np.ones(3))], 0.1, "the same name"),
        ([candidate("a", np.ones(3)), candidate("b", np.ones(4))], 0.1, "different numbers of cases"),
        ([candidate("a", np.ones(3) * 2), candidate("b", np.ones(3))], 0.1, "scale them"),
        ([candidate("a", np.ones(3)), candidate("b", np.array([1, np.nan, 1]))], 0.1, "hold nan"),
        ([candidate("a", np.ones(3)), candidate("b", np.ones(3))], -0.1, "the margin is -0.1"),
    ],
)
def test_what_can_not_be_compared_is_refused(candidates: list[Candidate], margin: float, said: str) -> None:
    with pytest.raises(InvalidRequest, match=said):
        frontier(candidates, margin=margin)


def test_transfers_that_can_not_be_told_are_refused() -> None:
    two = {"a": np.ones(6), "b": np.zeros(6)}
    with pytest.raises(InvalidRequest, match="takes two or more"):
        transfer_gap({"a": np.ones(6)}, two)
    with pytest.raises(InvalidRequest, match="on one model only"):
        transfer_gap(two, {"a": np.ones(6), "c": np.ones(6)})
    with pytest.raises(InvalidRequest, match="same cases"):
        transfer_gap(two, {"a": np.ones(6), "b": np.ones(5)})
    with pytest.raises(InvalidRequest, match="clusters; name one"):
        transfer_gap(two, two, clusters=["x"])
    with pytest.raises(InvalidRequest, match="half of them choose"):
        transfer_gap(two, two, clusters=["x", "y", "z", "x", "y", "z"])


def test_whose_cost_is_not_known_is_neither_cheap_nor_dear() -> None:
    rng = np.random.default_rng(4)
    best, twin, poor = right(rng, [0.9, 0.9, 0.6], 2000)
    unpriced = [candidate("best", best, 10), candidate("twin", twin, None), candidate("poor", poor, 1)]
    found = frontier(unpriced, margin=MARGIN)
    assert [each.name for each in found.places] == ["poor", "best", "twin"]
    assert found.choice == "best"
    assert place(found, "twin") == (True, False, None), "its scores are compared, its cost is not"
    assert found.places[-1].cost is None
    poor_and_unpriced = frontier([candidate("twin", twin, None), candidate("poor", poor, 10)], margin=MARGIN)
    assert place(poor_and_unpriced, "poor") == (False, True, None), "nobody is beaten by an unknown cost"
    assert poor_and_unpriced.choice is None

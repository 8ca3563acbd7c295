"""Twelve judging prompts on six models (LLMBar): frontiers and transfer gaps hold what they say on real data.

The 276 pairs of the table stand for all pairs there are; samples of them are drawn and judged. `pytest -s`
prints the matrix.
"""

import numpy as np
from numpy.typing import NDArray
from tests.evaluation_data import Judged, judged

from headgate.core.faults import InvalidRequest
from headgate.statistics.frontier import Candidate, frontier
from headgate.statistics.proportions import clustered_share
from headgate.statistics.transfer import transfer_gap

ALPHA = 0.05
MARGIN = 0.05
SAMPLE = 200

Scores = dict[str, NDArray[np.float64]]


def score(row: Judged) -> float:
    """Right in each order of showing the answers, or in one, or in none."""
    return float(np.mean([row.said(order) == row.label for order in ("ab", "ba")]))


def table() -> dict[str, Scores]:
    """Scores by judge and prompt, of the same pairs in the same order."""
    found: dict[str, Scores] = {}
    for (judge, prompt), rows in judged().items():
        ordered = sorted(rows, key=lambda row: (row.subset, row.item))
        found.setdefault(judge, {})[prompt] = np.array([score(row) for row in ordered])
    return found


def asked(prompt: str) -> int:
    """How many calls a prompt takes: its name says what is asked for beside the verdict."""
    return 1 + sum(word in prompt for word in ("Metrics", "Reference", "Swap", "CoT"))


def at_most(misses: int, runs: int) -> bool:
    return misses <= ALPHA * runs + 3 * (ALPHA * (1 - ALPHA) * runs) ** 0.5


def test_who_is_called_good_enough_is() -> None:
    rng = np.random.default_rng(20)
    for judge, prompts in table().items():
        best = max(scores.mean() for scores in prompts.values())
        good = {name for name, scores in prompts.items() if best - scores.mean() <= MARGIN}
        wrong, chosen, runs = 0, 0, 100
        for _ in range(runs):
            drawn = rng.integers(len(next(iter(prompts.values()))), size=SAMPLE)
            found = frontier(
                [
                    Candidate(name=name, scores=scores[drawn], costs=np.full(SAMPLE, asked(name)))
                    for name, scores in prompts.items()
                ],
                margin=MARGIN,
            )
            wrong += any(place.not_worse and place.name not in good for place in found.places)
            chosen += found.choice is not None
        print(
            f"{judge}: {len(good)} of {len(prompts)} prompts are within {MARGIN:.0%} of the best; one was "
            f"chosen in {chosen} of {runs} samples of {SAMPLE}, a wrong one called good enough in {wrong}"
        )
        assert at_most(wrong, runs)


def test_gaps_cover_what_the_chosen_prompts_differ_by() -> None:
    rng = np.random.default_rng(21)
    known = table()
    shared = [
        name for name in next(iter(known.values())) if all(name in prompts for prompts in known.values())
    ]
    assert len(shared) >= 8
    missed, told, lost = 0, 0, dict[tuple[str, str], float]()
    for home, here in known.items():
        for away, there in known.items():
            if home == away:
                continue
            gaps = list[float]()
            for _ in range(25):
                drawn = rng.integers(276, size=SAMPLE)
                source, target = (
                    {name: prompts[name][drawn] for name in shared} for prompts in (here, there)
                )
                found = transfer_gap(source, target, clusters=[int(number) for number in drawn])
                gaps.append(0.0 if found.gap is None else found.gap.estimate)
                if found.gap is not None:
                    truth = float(there[found.best].mean() - there[found.carried].mean())
                    told += 1
                    missed += found.gap.interval(alpha=ALPHA, looks="one").excludes(truth)
            lost[home, away] = float(np.mean(gaps))
    print(f"{told} gaps, the truth outside in {missed / told:.1%}")
    for (home, away), gap in sorted(lost.items(), key=lambda each: -each[1])[:8]:
        print(f"the best prompt of {home} on {away}: {gap:+.3f} lost")
    assert told > 400
    assert at_most(missed, told)


def test_the_matrix_has_an_interval_in_each_field() -> None:
    for judge, prompts in table().items():
        for prompt, scores in prompts.items():
            share = clustered_share(scores, alpha=ALPHA)
            print(f"{judge:14} {prompt:26} {share.estimate:.3f} ({share.low:.3f} to {share.high:.3f})")
            assert 0 <= share.low < share.estimate < share.high <= 1
            assert share.high - share.low < 0.15


def test_who_gives_up_on_hard_cases_gains_nothing() -> None:
    """A candidate without an answer to every case is refused, rather than compared on those that it liked."""
    prompts = table()["GPT-4"]
    one, other = sorted(prompts)[:2]
    easy = prompts[one][prompts[one] > 0]
    candidates = [
        Candidate(name=one, scores=easy, costs=np.ones(len(easy))),
        Candidate(name=other, scores=prompts[other], costs=np.ones(len(prompts[other]))),
    ]
    try:
        frontier(candidates, margin=MARGIN)
    except InvalidRequest as fault:
        assert "0 for a case that failed" in fault.message
    else:
        raise AssertionError("candidates of different cases were compared")

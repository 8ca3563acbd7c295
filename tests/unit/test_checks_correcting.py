"""A check's score by a judge, corrected by what people marked: it covers the truth, or says why not."""

import random
from collections import Counter

import pytest

from headgate.checks.correcting import Correction, Judged, Pairs, correction
from headgate.checks.model import Answer, Mark, Result

NO_CLUSTERS: dict[str, str] = {}


def results_of(scores: list[float | None], repeats: int = 1) -> list[Result]:
    return [
        Result(
            case=f"case-{number // repeats}",
            repeat=number % repeats,
            answer=Answer(text="so"),
            marks={"polite": Mark(score=score)},
        )
        for number, score in enumerate(scores)
    ]


def judged_of(pairs: list[tuple[float, float]], scale: tuple[int, int] = (0, 1)) -> Judged:
    counted = Counter(pairs)
    return Judged(
        scorer="polite",
        judge="orders.polite",
        scale=scale,
        pairs=tuple([Pairs(said=said, truth=truth, count=n) for (said, truth), n in counted.items()]),
    )


def said_of(rng: random.Random, good: bool) -> float:
    """A judge that finds nine of ten good ones, and takes three of ten bad ones for good."""
    return float(rng.random() < (0.9 if good else 0.3))


def test_the_corrected_score_covers_the_truth_though_people_marked_answers_of_another_model() -> None:
    rng = random.Random(5)
    covered, alone = 0, 0
    for _ in range(400):
        marked = [rng.random() < 0.8 for _ in range(120)]
        pairs = [(said_of(rng, good), float(good)) for good in marked]
        scores = [said_of(rng, rng.random() < 0.4) for _ in range(200)]
        found = correction(judged_of(pairs), results_of(list(scores)), NO_CLUSTERS)
        assert found.low is not None and found.high is not None and found.by_judge is not None
        covered += found.low <= 0.4 <= found.high
        alone += abs(found.by_judge - 0.4) < 0.07
    assert covered >= 0.93 * 400
    assert alone < 0.2 * 400, "the judge's own score is far from the truth"


def test_answers_of_one_case_or_cluster_tell_less() -> None:
    rng = random.Random(6)
    pairs = [(said_of(rng, good), float(good)) for good in [True] * 40 + [False] * 40]
    once = [said_of(rng, rng.random() < 0.5) for _ in range(60)]
    often = [score for score in once for _ in range(5)]
    single = correction(judged_of(pairs), results_of(list(once)), NO_CLUSTERS)
    repeated = correction(judged_of(pairs), results_of(list(often), repeats=5), NO_CLUSTERS)
    independent = correction(judged_of(pairs), results_of(list(often)), NO_CLUSTERS)
    assert width(repeated) == pytest.approx(width(single), abs=0.02)
    assert width(independent) < width(repeated)
    clusters = {f"case-{number}": f"cluster {number % 10}" for number in range(300)}
    assert width(correction(judged_of(pairs), results_of(list(often)), clusters)) != width(independent)


def width(found: Correction) -> float:
    assert found.low is not None and found.high is not None
    return found.high - found.low


def test_marks_from_one_to_five_are_corrected_by_their_mean_difference() -> None:
    rng = random.Random(7)
    pairs: list[tuple[float, float]] = []
    for _ in range(100):
        truth = rng.randint(1, 4)
        pairs.append((float(truth + (rng.random() < 0.8)), float(truth)))
    scores: list[float | None] = [(rng.randint(1, 4) + (rng.random() < 0.8) - 1) / 4 for _ in range(300)]
    found = correction(judged_of(pairs, (1, 5)), results_of(scores), NO_CLUSTERS)
    assert found.low is not None and found.high is not None
    assert found.low <= 1.5 / 4 <= found.high
    assert found.by_judge is not None and found.by_judge > found.high


@pytest.mark.parametrize(
    ("pairs", "scale", "scores", "why"),
    [
        ([], (0, 1), [1.0, 0.0], "people have marked 0 of the 30 answers"),
        ([(1.0, 1.0)] * 29, (0, 1), [1.0, 0.0], "`headgate reviews next --judge orders.polite`"),
        ([(1.0, 1.0)] * 40, (0, 1), [1.0, 0.0], "people say the same of all answers"),
        ([(1.0, 1.0), (0.0, 0.0)] * 20, (0, 4), [1.0, 0.0], "write scale = [0, 1] or [1, 5]"),
        (
            [(1.0, 1.0), (0.0, 1.0), (1.0, 0.0), (0.0, 0.0)] * 10,
            (0, 1),
            [1.0, 0.0],
            "no better than by chance",
        ),
        ([(1.0, 1.0), (0.0, 0.0)] * 20, (0, 1), [None, None], "it marked the answers to 0 cases"),
    ],
)
def test_what_people_have_not_told_is_no_number(
    pairs: list[tuple[float, float]], scale: tuple[int, int], scores: list[float | None], why: str
) -> None:
    found = correction(judged_of(pairs, scale), results_of(scores), NO_CLUSTERS)
    assert (found.estimate, found.low, found.high) == (None, None, None)
    assert found.sentence.startswith("polite is its judge's word alone: ")
    assert why in found.sentence

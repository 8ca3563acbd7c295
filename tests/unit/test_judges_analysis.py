"""What marks come to, and what is said where they can't tell."""

from collections.abc import Sequence

import numpy as np
import pytest

from headgate.core.faults import InvalidRequest
from headgate.judges.analysis import analyse
from headgate.judges.marked import JudgeMark, Marked
from headgate.judges.model import Scale, said_of, value_of
from headgate.judges.report import Finding, Report
from headgate.statistics.judges import marks_for_half_the_width, prediction_powered_mean
from headgate.statistics.leanings import leaning, leniency


def answers(truth: Sequence[float], said: Sequence[float | None], *, marked: int) -> list[Marked]:
    """Answers of which the first `marked` are the random sample that a person has marked."""
    return [
        Marked(
            sampled=number < marked,
            judge=(JudgeMark(value=judge),),
            people=(true,) if number < marked else (),
        )
        for number, (true, judge) in enumerate(zip(truth, said, strict=True))
    ]


def found(report: Report, name: str) -> Finding:
    return report.finding(name)


def test_a_judge_of_chance_is_called_one_and_gets_no_rogan_gladen() -> None:
    rng = np.random.default_rng(1)
    truth, said = rng.integers(0, 2, 500), rng.integers(0, 2, 500)
    report = analyse("yes_no", ["m"], answers(truth.tolist(), [float(each) for each in said], marked=100))
    assert "can't be told from chance" in found(report, "kappa").sentence
    assert f": {found(report, 'kappa').estimate:.2f}, where 0 is chance" in found(report, "kappa").sentence
    by_errors = found(report, "corrected by its errors")
    assert by_errors.estimate is None or (by_errors.high or 0) - (by_errors.low or 0) > 0.5
    always = analyse("yes_no", ["m"], answers(truth.tolist(), [1.0] * 500, marked=100))
    assert "no better than by chance" in found(always, "corrected by its errors").sentence
    # Useless marks cost nothing: the score is that of people alone.
    score = found(always, "corrected score")
    assert score.estimate == pytest.approx(float(truth[:100].mean()))


def test_one_class_only_too_few_marks_and_no_marks_are_said_in_words() -> None:
    good = analyse("yes_no", ["m"], answers([1.0] * 300, [1.0] * 250 + [0.0] * 50, marked=100))
    for name in ("corrected score", "corrected by its errors", "kappa", "specificity"):
        finding = found(good, name)
        assert finding.estimate is None and finding.sentence.startswith("can't be told: "), name
    assert "people call none of the 100 answers bad" in found(good, "specificity").sentence
    assert found(good, "sensitivity").estimate == 1
    few = analyse("yes_no", ["m"], answers([1.0, 0.0] * 50, [1.0, 0.0] * 50, marked=29))
    assert "29 answers are marked by people and by the judge; 30 are the least" in few.sentence
    assert all(each.estimate is None for each in few.findings if each.name != "score")
    assert analyse("yes_no", ["m"], []).sentence == "The judge has marked nothing yet."
    nonsense = analyse("yes_no", ["m"], answers([1.0] * 50, [None] * 50, marked=50))
    assert (nonsense.counts.judged, nonsense.counts.unusable) == (0, 50)
    assert nonsense.sentence == "The judge has marked nothing yet."


def test_what_rules_and_hands_chose_counts_for_agreement_and_not_for_the_score() -> None:
    rng = np.random.default_rng(2)
    truth = rng.integers(0, 2, 400).astype(float).tolist()
    sample = answers(truth, truth, marked=100)
    by_hand = [Marked(sampled=False, judge=(JudgeMark(value=1.0),), people=(0.0,)) for _ in range(80)]
    report = analyse("yes_no", ["m"], [*sample, *by_hand])
    assert (report.counts.sampled, report.counts.left_out) == (100, 80)
    assert found(report, "agreement").n == 180
    # They are among what is corrected, by what the judge says of them.
    without = found(analyse("yes_no", ["m"], sample), "corrected score").estimate
    with_hands = found(report, "corrected score").estimate
    assert without is not None and with_hands is not None and with_hands > without
    assert any("80 answers were chosen for review by a rule or by hand" in note for note in report.notes)


def test_people_by_majority_and_among_themselves() -> None:
    items = [
        Marked(sampled=True, judge=(JudgeMark(value=1.0),), people=(1.0, float(number % 3 > 0)))
        for number in range(60)
    ]
    report = analyse("yes_no", ["m"], items)
    assert (report.counts.by_several, report.counts.tied) == (60, 20)
    assert "two people say the same of 67%" in found(report, "agreement of people").sentence
    assert Marked(sampled=True, people=(1.0, 0.0, 0.0)).truth("yes_no") == 0
    assert Marked(sampled=True, people=(2.0, 5.0)).truth("one_to_five") == 3.5


def test_biases_of_single_answers_are_found_and_none_is_found_where_none_is() -> None:
    rng = np.random.default_rng(6)
    leans: list[Marked] = []
    fair: list[Marked] = []
    for number in range(400):
        length, truth = int(rng.integers(10, 1000)), float(rng.integers(0, 2))
        own = number % 2 == 0
        for items, said in (
            (leans, 1.0 if (length > 500 and own) or rng.random() < 0.3 else truth),
            (fair, truth if rng.random() < 0.8 else 1 - truth),
        ):
            items.append(
                Marked(
                    sampled=True,
                    judge=(JudgeMark(value=said), JudgeMark(value=said, repeat=1)),
                    people=(truth,),
                    lengths=(length, 0),
                    models=("me" if own else "other", ""),
                )
            )
    report = analyse("yes_no", ["me"], leans)
    assert found(report, "length bias").sentence.startswith("it favours longer answers")
    assert found(report, "self-preference").sentence.startswith("it favours its own answers")
    assert found(report, "flips").estimate == 0
    for name in ("length bias", "self-preference"):
        assert found(analyse("yes_no", ["me"], fair), name).sentence.startswith("no leaning")
    alone = found(analyse("yes_no", ["nobody"], fair), "self-preference")
    assert alone.estimate is None and "it takes 5 of each" in alone.sentence


def test_leanings_are_what_people_do_not_share() -> None:
    longer_is_better = leaning([True] * 80 + [False] * 20, [True] * 80 + [False] * 20)
    assert (longer_is_better.estimate, longer_is_better.excludes(0)) == (0, False)
    rng = np.random.default_rng(9)
    covered = fair = 0
    for _ in range(400):
        people = rng.random(120) < 0.5
        judge = np.where(rng.random(120) < 0.2, True, people)
        covered += not leaning(judge.tolist(), people.tolist()).excludes(0.1)
        truth = rng.integers(0, 2, 120).astype(float)
        said = np.where(rng.random(120) < 0.25, 1 - truth, truth)
        fair += not leniency(said, truth, (rng.random(120) < 0.5).tolist()).excludes(0)
    assert covered >= 0.92 * 400
    assert fair >= 0.92 * 400
    with pytest.raises(InvalidRequest, match="3 of 100 cases are of the kind"):
        leniency([1.0] * 100, [0.0] * 100, [True] * 3 + [False] * 97)
    with pytest.raises(InvalidRequest, match="2 cases by the judge and 1 by people"):
        leaning([True, False], [True])


def test_so_many_more_marks_halve_the_interval() -> None:
    rng = np.random.default_rng(4)
    truth = (rng.random(40_000) < 0.6).astype(float)
    said = np.where(rng.random(40_000) < 0.15, 1 - truth, truth)
    ratios: list[float] = []
    for _ in range(30):
        order = rng.permutation(40_000)
        few, rest = order[:200], order[200:20_000]
        more = marks_for_half_the_width(truth[few], said[few], said[rest])
        assert more is not None and 300 < more < 1500
        many = order[20_000 : 20_200 + more]
        now = prediction_powered_mean(truth[few], said[few], said[rest])
        then = prediction_powered_mean(truth[many], said[many], said[rest])
        ratios.append((then.high - then.low) / (now.high - now.low))
    assert 0.45 < float(np.mean(ratios)) < 0.55
    assert marks_for_half_the_width(truth[:100], said[:100], said[100:200]) is None


SAID: list[tuple[Scale, object, float]] = [
    ("yes_no", True, 1),
    ("yes_no", False, 0),
    ("one_to_five", 4, 4),
    ("pairwise", "a", 1),
    ("pairwise", "tie", 0.5),
    ("pairwise", "b", 0),
]


@pytest.mark.parametrize(("scale", "said", "value"), SAID)
def test_marks_come_back_as_they_were_said(scale: Scale, said: object, value: float) -> None:
    assert value_of(scale, said) == value
    assert said_of(scale, value) == said


@pytest.mark.parametrize(
    ("scale", "said"),
    [
        *(("yes_no", 1), ("yes_no", "yes"), ("one_to_five", 0), ("one_to_five", True)),
        *(("one_to_five", "3"), ("one_to_five", 2.5), ("pairwise", "A"), ("pairwise", None)),
    ],
)
def test_nonsense_is_no_mark(scale: Scale, said: object) -> None:
    with pytest.raises(InvalidRequest, match="on this scale write"):
        value_of(scale, said)

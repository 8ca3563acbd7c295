"""A judge asked several times of one answer: the mean counts, and where the variance comes from is said."""

import json
import random
from typing import Any

import msgspec
import pytest
from tests.unit.checks_by_hand import Scripted, cases_of, check_of, outcome_of, question_of

from headgate.checks.correcting import Judged, correction
from headgate.checks.judge_repeating import JudgeRepeatability, judge_repeatability
from headgate.checks.model import Check

POLITE: dict[str, Any] = {"name": "polite", "kind": "judge", "model": "judge", "rubric": "Is it polite?"}


def verdict(score: int) -> str:
    return json.dumps({"reasoning": "so", "score": score})


def repeated(check: Check, shares: dict[str, float], *, of_judge: float, seed: int = 4) -> JudgeRepeatability:
    """Cases have their own shares of good answers; the judge is wrong with a chance of its own."""
    rng = random.Random(seed)
    goods: dict[str, int] = {}

    def answer(body: dict[str, Any], times: int) -> str:
        if body["model"] != "judge":
            case = question_of(body)
            text = f"answer {len(goods)} to {case}"
            goods[text] = int(rng.random() < shares[case])
            return text
        good = goods[msgspec.json.decode(question_of(body))["answer"]]
        return verdict(good if rng.random() >= of_judge else 1 - good)

    outcome = outcome_of(check, cases_of(len(shares)), Scripted(answer))
    (found,) = judge_repeatability(check, outcome)
    return found


def check_with(judged: int, answers: int) -> Check:
    scorers = [{**POLITE, "repeats": judged}]
    return check_of(scorers=scorers, repeats=answers, concurrency=1)


def test_the_variance_is_split_between_cases_answers_and_the_judge() -> None:
    rng = random.Random(3)
    shares = {f"{number}?": rng.choice((0.1, 0.9)) for number in range(150)}
    found = repeated(check_with(3, 4), shares, of_judge=0.1)
    assert found.is_apart and (found.answers, found.asked) == (600, 3)
    assert found.flips.low <= 2 * 0.1 * 0.9 <= found.flips.high
    # Of a mark given the answer: 0.1 * 0.9. Of an answer, as the judge sees it: 0.8^2 * 0.1 * 0.9.
    assert found.variances.judge == pytest.approx(0.09, abs=0.015)
    assert found.variances.within == pytest.approx(0.64 * 0.09, abs=0.02)
    assert found.variances.between == pytest.approx(0.64 * 0.16, abs=0.03)
    assert "between answers to a case" in found.sentence


def test_a_judge_that_flips_is_worth_asking_again_and_one_that_is_sure_is_not() -> None:
    shares = {f"{number}?": float(number % 2) for number in range(80)}
    sure = repeated(check_with(4, 1), shares, of_judge=0.0)
    assert (sure.is_apart, sure.worthwhile, sure.flips.estimate) == (False, 1, 0.0)
    assert sure.sentence.endswith("at these prices marking an answer once is enough.")
    guessing = repeated(check_with(4, 1), shares, of_judge=0.45)
    assert guessing.worthwhile is not None and guessing.worthwhile >= 3
    assert "lies between cases and their answers" in guessing.sentence
    same = repeated(check_with(2, 1), {f"{number}?": 1.0 for number in range(5)}, of_judge=0.0)
    assert same.worthwhile is None and "All marks are the same" in same.sentence


def test_the_mean_of_the_marks_counts_and_each_is_kept_by_itself() -> None:
    check = check_with(3, 1)

    def answer(body: dict[str, Any], times: int) -> str:
        if body["model"] != "judge":
            return question_of(body)
        return ("nonsense", verdict(1), verdict(0))[times % 3]

    ask = Scripted(answer)
    outcome = outcome_of(check, cases_of(4), ask)
    mark = outcome.results[0].marks["polite"]
    assert mark.score == 0.5
    assert [each.score for each in mark.asked] == [None, 1.0, 0.0]
    assert len({each.digest for each in mark.asked}) == 3
    assert mark.cost_pico_usd == 3 * 10**9
    assert judge_repeatability(check, outcome) == (), "no answer has all its marks"
    judged = Judged(scorer="polite", judge="", scale=(0, 1), pairs=())
    assert correction(judged, outcome.results, {}).answers == 0, "the first mark is what is corrected"
    alone = outcome_of(check_with(1, 1), cases_of(4), Scripted(lambda body, times: verdict(1)))
    assert alone.results[0].marks["polite"].asked == ()

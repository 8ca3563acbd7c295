"""Requirements by a judge that errs: decided on what is right, or not at all; its word where one asks."""

import random
from collections import Counter
from typing import Any

import msgspec
import numpy as np
import pytest
from bench.llmbar import folder, pairs_of
from tests.unit.checks_by_hand import Scripted, cases_of, check_of, failed, outcome_of, question_of, report_of

from headgate.checks.correcting import Judged, Pairs
from headgate.checks.deciding import Tally, begin
from headgate.checks.model import Answer, Mark, Required, Result
from headgate.core.faults import Misconfigured
from headgate.judges.marked import Both, both

JUDGE: dict[str, Any] = {"name": "polite", "kind": "judge", "model": "judge", "rubric": "Is it polite?"}
FINDS, ALARMS = 0.95, 0.3


def people_of(marks: int, right: float = 0.8, scale: tuple[int, int] = (0, 1)) -> Judged:
    """What people marked of a lenient judge: it errs just as often as said."""
    good = round(marks * right)
    found, alarms = round(good * FINDS), round((marks - good) * ALARMS)
    counts = {(1, 1): found, (0, 1): good - found, (1, 0): alarms, (0, 0): marks - good - alarms}
    pairs = [Pairs(said=said, truth=truth, count=n) for (said, truth), n in counts.items() if n]
    return Judged(scorer="polite", judge="one.polite", scale=scale, pairs=tuple(pairs))


def lenient(right: float, seed: int = 1) -> Scripted:
    """A target that is right as often as this, by a judge that calls three of ten wrong answers right."""
    rng = random.Random(seed)
    truth = [rng.random() < right for _ in range(2000)]
    says = [rng.random() < (FINDS if each else ALARMS) for each in truth]

    def answer(body: dict[str, Any], times: int) -> str:
        if body["model"] != "judge":
            return question_of(body)
        number = int(msgspec.json.decode(question_of(body))["question"][:-1])
        return msgspec.json.encode({"reasoning": "", "score": int(says[number])}).decode()

    return Scripted(answer)


def required_of(least: float, **more: Any) -> dict[str, Any]:
    return {"scorers": [JUDGE], "requirements": [{"at_least": least, **more}]}


def test_a_lenient_judge_passes_what_is_not_right_and_its_corrected_score_does_not() -> None:
    cases = cases_of(600)
    trusting = report_of(check_of(**required_of(0.45, judged="as said")), cases, lenient(0.4))
    assert trusting.verdict == "met", "the judge says 56 % where 40 % are right"
    assert trusting.requirements[0].sentence.startswith("polite holds, as its judge says: at least 45 %")
    near = report_of(check_of(**required_of(0.45)), cases, lenient(0.4), judged={"polite": people_of(1000)})
    assert near.verdict == "open", "five points are not to be told by so many cases and marks"
    said = report_of(check_of(**required_of(0.75)), cases, lenient(0.45), judged={"polite": people_of(1000)})
    (known,) = said.requirements
    assert (said.verdict, known.judged, known.marked) == ("not met", "corrected", 1000)
    assert known.low is not None and known.high is not None and known.mean is not None
    assert known.low < 0.45 < known.high <= 0.75
    assert known.mean == pytest.approx(0.45, abs=0.1)
    assert known.said is not None and known.said > known.mean + 0.05
    assert "by its judge; without its errors" in known.sentence
    assert "by the 1000 answers that people marked" in known.sentence


def test_a_target_that_is_good_passes_by_a_judge_that_errs() -> None:
    said = report_of(
        check_of(**required_of(0.7)), cases_of(800), lenient(0.95), judged={"polite": people_of(600)}
    )
    (known,) = said.requirements
    assert said.verdict == "met" and said.calls < 800
    assert known.low is not None and 0.7 <= known.low < 0.95
    assert known.said is not None and known.mean is not None and known.mean > known.said


def test_too_few_marks_ask_for_marks_and_no_more_cases_are_paid_for_once_these_cannot_tell() -> None:
    few = people_of(60)
    said = report_of(check_of(**required_of(0.7)), cases_of(1500), lenient(0.8), judged={"polite": few})
    (known,) = said.requirements
    assert said.verdict == "open" and said.ended == "marks wanted"
    assert said.calls < 1000, "what the judge says is known, and its errors hide the rest"
    assert known.more is None and known.more_marks is not None
    assert "more marks by people (`headgate reviews next --judge one.polite`) would tell" in known.sentence
    assert "and no number of cases alone" in known.sentence
    assert f"it asks for about {known.more_marks} more marks by people" in said.sentence
    enough = people_of(60 + 2 * known.more_marks)
    again = report_of(check_of(**required_of(0.7)), cases_of(1500), lenient(0.8), judged={"polite": enough})
    assert again.verdict == "met"


def test_few_cases_ask_for_cases_where_marks_are_many() -> None:
    many = people_of(4000)
    said = report_of(check_of(**required_of(0.7)), cases_of(30), lenient(0.9), judged={"polite": many})
    (known,) = said.requirements
    assert said.verdict == "open" and known.more is not None and known.more_marks is None
    assert f"about {known.more} more cases would tell, and no number of marks by people alone" in (
        known.sentence
    )
    again = report_of(
        check_of(**required_of(0.7)), cases_of(30 + 3 * known.more), lenient(0.9), judged={"polite": many}
    )
    assert again.verdict == "met"


def test_few_of_both_ask_for_both() -> None:
    said = report_of(
        check_of(**required_of(0.7)), cases_of(25), lenient(0.8), judged={"polite": people_of(50)}
    )
    (known,) = said.requirements
    assert said.verdict == "open"
    assert "more marks by people" in known.sentence and "more cases would tell" in known.sentence


def test_nothing_marked_is_no_number_and_no_verdict() -> None:
    said = report_of(check_of(**required_of(0.8)), cases_of(400), lenient(1.0))
    (known,) = said.requirements
    assert (said.verdict, known.mean, known.low, known.high) == ("open", None, None, None)
    assert "people have marked none of its answers" in known.sentence
    assert "about 30 marks by people would tell how many it takes" in known.sentence
    assert said.calls < 200, "the judge's word is known by then"


@pytest.mark.parametrize(
    ("judge", "required", "judged", "why"),
    [
        ({"scale": [0, 4]}, {}, people_of(100, scale=(0, 4)), "its judge marks from 0 to 4"),
        ({}, {"all_of": 2}, people_of(100), "not known of several tries together (all_of)"),
        ({}, {}, msgspec.structs.replace(people_of(0), problem="there is no server"), "there is no server"),
    ],
)
def test_what_marks_cannot_mend_is_said_and_how_to_take_the_judges_word(
    judge: dict[str, Any], required: dict[str, Any], judged: Judged, why: str
) -> None:
    check = check_of(scorers=[{**JUDGE, **judge}], requirements=[{"at_least": 0.6, **required}], repeats=2)
    said = report_of(check, cases_of(40), lenient(0.9), judged={"polite": judged})
    (known,) = said.requirements
    assert (said.verdict, known.low, known.more, known.more_marks) == ("open", None, None, None)
    assert why in known.sentence and 'judged = "as said" decides on its word' in known.sentence


def test_numbers_from_one_to_five_are_decided_by_how_people_differ() -> None:
    judge = {**JUDGE, "scale": [1, 5]}

    def answer(body: dict[str, Any], times: int) -> str:
        if body["model"] != "judge":
            return question_of(body)
        number = int(msgspec.json.decode(question_of(body))["question"][:-1])
        return msgspec.json.encode({"reasoning": "", "score": 3 + number % 2}).decode()

    pairs = tuple([Pairs(said=said, truth=said - 1, count=200) for said in (3.0, 4.0)])
    people = Judged(scorer="polite", judge="one.polite", scale=(1, 5), pairs=pairs)
    check = check_of(scorers=[judge], requirements=[{"at_least": 0.55}])
    said = report_of(check, cases_of(400), Scripted(answer), judged={"polite": people})
    (known,) = said.requirements
    assert said.verdict == "not met", "people say a mark less: 3/8, not 5/8"
    assert known.mean == pytest.approx(0.375, abs=0.03)
    harsh = msgspec.structs.replace(
        people, pairs=tuple([Pairs(said=said, truth=said + 1, count=200) for said in (3.0, 4.0)])
    )
    said = report_of(
        check_of(scorers=[judge], requirements=[{"at_least": 0.75}]),
        cases_of(400),
        Scripted(answer),
        judged={"polite": harsh},
    )
    assert said.verdict == "met"


def test_failed_calls_are_wrong_without_a_judge_on_either_side() -> None:
    def fails(body: dict[str, Any], times: int) -> Any:
        number = question_of(body)
        if body["model"] != "judge" and int(number[:-1]) % 3 == 0:
            return failed(502, "it broke")
        return '{"reasoning": "", "score": 1}' if body["model"] == "judge" else number

    people = people_of(2000)
    worse = report_of(check_of(**required_of(0.9)), cases_of(500), Scripted(fails), judged={"polite": people})
    assert worse.verdict == "not met"
    # Two of three are right: a judge that calls three of ten wrong answers right does not hide it.
    fair = outcome_of(check_of(**required_of(0.6)), cases_of(500), Scripted(fails), judged={"polite": people})
    assert fair.verdict != "not met"


def test_about_these_cases_alone_the_judges_chance_on_them_counts() -> None:
    people = people_of(5000)
    check = check_of(about="these cases", **required_of(0.6))
    assert report_of(check, cases_of(300), lenient(0.95), judged={"polite": people}).verdict == "met"
    near = report_of(
        check_of(about="these cases", **required_of(0.85)),
        cases_of(40),
        lenient(0.88),
        judged={"polite": people},
    )
    assert (near.verdict, near.requirements[0].more) == ("open", None)


def test_a_judges_word_is_a_judges_alone() -> None:
    with pytest.raises(Misconfigured, match='judged = "as said" is for judges, and right is none'):
        check_of(requirements=[{"at_least": 0.9, "judged": "as said"}])


def result_of(number: int, said: float) -> Result:
    return Result(case=str(number), repeat=0, answer=Answer(text="so"), marks={"better": Mark(score=said)})


def decided(least: float, judged: Judged | None, said: list[float]) -> Tally:
    tally = begin(Required(at_least=least), "better", None, judged)
    for number, each in enumerate(said):
        if tally.verdict != "open":
            break
        tally = tally.observe([result_of(number, each)])
    return tally


def marked_pairs(rng: np.random.Generator, pairs: list[Both], marks: int) -> Judged:
    counted = Counter((pairs[n].said, pairs[n].truth) for n in map(int, rng.integers(len(pairs), size=marks)))
    told = [Pairs(said=said, truth=truth, count=n) for (said, truth), n in counted.items()]
    return Judged(scorer="better", judge="llmbar", scale=(0, 1), pairs=tuple(told))


def of_share(rng: np.random.Generator, pairs: list[Both], share: float, count: int) -> list[float]:
    """What a judge says of so many pairs, of which this share is right."""
    kinds: list[list[float]] = [[pair.said for pair in pairs if pair.truth == truth] for truth in (0.0, 1.0)]
    rights = [bool(each) for each in rng.random(count) < share]
    return [kinds[is_right][int(rng.integers(len(kinds[is_right])))] for is_right in rights]


def agreement(pairs: list[Both]) -> float:
    return sum(pair.said == pair.truth for pair in pairs) / len(pairs)


@pytest.mark.parametrize("level", [0.6, 0.8])
def test_real_judges_that_err_decide_rightly_once_people_have_marked(level: float) -> None:
    place = folder()
    if place is None:
        pytest.skip("no real data for evaluation; HEADGATE_DATA names the folder of llmbar.jsonl.gz")
    rng = np.random.default_rng(12)
    corrected: Counter[str] = Counter()
    good: Counter[str] = Counter()
    trusting: Counter[str] = Counter()
    for _, items in sorted(pairs_of(place).items()):
        pairs = both(items, "pairwise")
        people = marked_pairs(rng, pairs, 400)
        for truth in (level - 0.3, level - 0.01, level + 0.01, min(1.0, level + 0.3)):
            right = "met" if truth >= level else "not met"
            said = of_share(rng, pairs, truth, 500)
            for judged in (people, None):
                verdict = decided(level, judged, said).verdict
                finding = "open" if verdict == "open" else "right" if verdict == right else "wrong"
                (trusting if judged is None else corrected)[finding] += 1
                if judged is not None and abs(truth - level) > 0.1 and agreement(pairs) > 0.8:
                    good[finding] += 1
    print(f"at least {level:.0%}: corrected {dict(corrected)}, as the judge says {dict(trusting)}")
    print(f"far from the margin by judges that agree with people in 80 %: {dict(good)}")
    asked = corrected.total()
    assert corrected["wrong"] <= 0.05 * asked
    assert trusting["wrong"] > 0.15 * asked
    assert corrected["right"] > 0.1 * asked
    assert good["right"] > 0.8 * good.total() > 0

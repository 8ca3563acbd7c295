"""Comparisons and matrices by a judge that errs: said without its errors, and its word beside."""

import random
from collections import Counter
from typing import Any

import msgspec
import numpy as np
import pytest
from bench.llmbar import folder, pairs_of
from tests.unit.checks_by_hand import HERE, Scripted, cases_of, check_of, failed, question_of

from headgate.checks.comparing import Comparison, Scores, Tried, aligned, compare
from headgate.checks.correcting import Judged, Pairs
from headgate.checks.judging import JudgedHere
from headgate.checks.marking import Marker
from headgate.checks.matrix import Matrix, matrix
from headgate.checks.model import Check
from headgate.checks.running import Job, run
from headgate.judges.marked import Marked

JUDGE: dict[str, Any] = {"name": "polite", "kind": "judge", "model": "judge", "rubric": "Is it polite?"}
FINDS, ALARMS = 0.9, 0.4


def people_of(marks: int) -> Judged:
    """What people marked of a lenient judge: it errs just as often as said."""
    good = marks // 2
    found, alarms = round(good * FINDS), round(good * ALARMS)
    counts = {(1, 1): found, (0, 1): good - found, (1, 0): alarms, (0, 0): good - alarms}
    pairs = [Pairs(said=said, truth=truth, count=n) for (said, truth), n in counts.items() if n]
    return Judged(scorer="polite", judge="one.polite", scale=(0, 1), pairs=tuple(pairs))


def check_by_judge(models: list[str], **fields: Any) -> Check:
    return check_of(model=None, models=models, scorers=[JUDGE], **fields)


def scores_of(
    check: Check, count: int, shares: dict[str, float], *, seed: int = 1, broken: str = ""
) -> Scores:
    """What the judge says of targets that are right as often as this; a third of what `broken` says fails."""
    rng = random.Random(seed)
    says = {
        name: [rng.random() < (FINDS if rng.random() < share else ALARMS) for _ in range(count)]
        for name, share in shares.items()
    }

    def answer(body: dict[str, Any], times: int) -> Any:
        if body["model"] != "judge":
            number = question_of(body)[:-1]
            is_away = body["model"] == broken and int(number) % 3 == 0
            return failed(502, "it broke") if is_away else f"{body['model']} {number}"
        name, number = msgspec.json.decode(question_of(body))["answer"].split()
        return msgspec.json.encode({"reasoning": "", "score": int(says[name][int(number)])}).decode()

    cases, ask = cases_of(count), Scripted(answer)
    tried: list[Tried] = []
    for target in check.targets:
        marker = Marker(check.scorers, HERE, ask, JudgedHere())
        job = Job(check=check, target=target, cases=cases, stops_early=False)
        tried.append(Tried(target=target, outcome=run(job, ask, marker)))
    return aligned(check, "polite", tried, cases)


def two(people: Judged, count: int = 400, **shares: float) -> Comparison:
    return compare("polite", scores_of(check_by_judge([*shares]), count, shares), judged=people)


def test_a_difference_is_that_of_what_is_right_and_the_judges_word_stands_beside() -> None:
    found = two(people_of(400), small=0.4, large=0.9)
    assert found.known is not None and found.said is not None
    assert found.finding == "worse"
    assert found.known.low < -0.5 < found.known.high < 0
    assert abs(found.said.estimate) < 0.35 < abs(found.known.estimate), "its word shows half of it"
    assert "small is worse than large on polite by " in found.sentence
    assert (
        "without its judge's errors, by the 400 answers that people marked; its judge says -"
        in found.sentence
    )


def test_nobody_marked_is_not_known_and_stops_once_the_word_is_plain() -> None:
    nobody = Judged(scorer="polite", judge="one.polite", scale=(0, 1), pairs=())
    found = two(nobody, small=0.2, large=0.9)
    assert (found.finding, found.known, found.is_settled) == ("open", None, True)
    assert found.said is not None and found.said.high < 0
    assert found.sentence.startswith(
        "which of small and large is better on polite is not known: people have marked 0 of the 30 answers"
    )
    odd = msgspec.structs.replace(nobody, scale=(0, 4))
    assert "write scale = [0, 1] or [1, 5]" in two(odd, small=0.2, large=0.9).sentence
    away = msgspec.structs.replace(nobody, problem="the server said no")
    assert "is not known: the server said no; its judge says" in two(away, small=0.2, large=0.9).sentence


def test_few_marks_leave_more_open_than_many() -> None:
    widths: list[float] = []
    for marks in (60, 4000):
        known = two(people_of(marks), small=0.4, large=0.9).known
        assert known is not None
        widths.append(known.high - known.low)
    assert widths[1] < 0.6 * widths[0]


def test_failed_calls_are_wrong_without_a_judge() -> None:
    covered = 0
    for seed in range(12):
        told = scores_of(
            check_by_judge(["small", "large"]), 300, {"small": 0.6, "large": 0.6}, seed=seed, broken="small"
        )
        found = compare("polite", told, judged=people_of(2000))
        assert found.known is not None
        assert sum(told.failed["small"]) == 100
        covered += found.known.low <= -0.2 <= found.known.high
    assert covered == 12, "of 0.6 a third failed"


def matrix_of(people: Judged, margin: float = 0.2, **shares: float) -> Matrix:
    check = check_by_judge([*shares])
    told = scores_of(check, 900, shares)
    return matrix("polite", told, check.targets, margin, judged=people)


def test_a_matrix_is_of_what_is_right_and_the_judges_word_stands_beside() -> None:
    by_word = matrix_of(people_of(0), tiny=0.55, large=0.9)
    assert by_word.frontier is None and by_word.said is not None
    assert by_word.said.choice is not None, "17 points by its word, of 35"
    assert by_word.sentence.startswith("polite: which is good enough is not known: people have marked 0 of")
    assert "; by its judge's word tiny is the cheapest" in by_word.sentence or "large" in by_word.sentence
    found = matrix_of(people_of(1000), tiny=0.55, large=0.9)
    assert found.frontier is not None and found.said is not None
    places = {place.name: place for place in found.frontier.places}
    word = {place.name: place for place in found.said.places}
    assert not places["tiny"].not_worse and places["large"].not_worse
    assert places["tiny"].behind == pytest.approx(0.35, abs=0.1)
    assert word["tiny"].behind < 0.22 < places["tiny"].behind
    assert places["tiny"].score.low < 0.55 < places["tiny"].score.high < word["tiny"].score.estimate
    assert (found.frontier.choice, found.marks) == ("large", 1000)
    assert found.sentence.endswith(", without its judge's errors, by the 1000 answers that people marked.")


def test_a_target_that_fails_is_behind_by_that_too() -> None:
    check = check_by_judge(["tiny", "large"])
    told = scores_of(check, 600, {"tiny": 0.8, "large": 0.8}, broken="tiny")
    found = matrix("polite", told, check.targets, 0.1, judged=people_of(2000))
    assert found.frontier is not None
    tiny = next(place for place in found.frontier.places if place.name == "tiny")
    assert tiny.behind == pytest.approx(0.8 / 3, abs=0.1)
    assert tiny.score.low < 0.8 * 2 / 3 < tiny.score.high


def test_cases_of_which_some_calls_failed_count_for_those_that_answered() -> None:
    check = check_by_judge(["half", "whole"], repeats=2)
    count = 300
    told = Scores(
        names=("half", "whole"),
        # Of each right case one of two calls fails, of each wrong one none: a fourth of all calls is right.
        scores={"half": [0.5, 0.0] * count, "whole": [1.0, 0.0] * count},
        failed={"half": [0.5, 0.0] * count, "whole": [0.0] * 2 * count},
        costs=dict.fromkeys(("half", "whole")),
        tokens=dict.fromkeys(("half", "whole")),
        clusters=None,
        cases=2 * count,
        left_out=0,
        repeats=2,
    )
    pairs = (Pairs(said=1, truth=1, count=5000), Pairs(said=0, truth=0, count=5000))
    sure = Judged(scorer="polite", judge="one.polite", scale=(0, 1), pairs=pairs)
    found = matrix("polite", told, check.targets, 0.1, judged=sure)
    assert found.frontier is not None
    scores = {place.name: place.score.estimate for place in found.frontier.places}
    assert scores == {"half": pytest.approx(0.25, abs=0.01), "whole": pytest.approx(0.5, abs=0.01)}


def test_what_a_prompt_loses_elsewhere_is_without_the_judges_errors() -> None:
    targets = [
        {"name": f"{model}-{number}", "model": model, "system": f"prompt {number}"}
        for model in ("here", "there")
        for number in (1, 2)
    ]
    check = check_of(model=None, targets=targets, scorers=[JUDGE])
    rng = random.Random(2)
    truths = {"here-1": 0.9, "here-2": 0.3, "there-1": 0.3, "there-2": 0.9}
    said = {
        name: [float(rng.random() < (FINDS if rng.random() < share else ALARMS)) for _ in range(1200)]
        for name, share in truths.items()
    }
    told = Scores(
        names=tuple(truths),
        scores=said,
        failed={name: [0.0] * 1200 for name in truths},
        costs={name: [1.0] * 1200 for name in truths},
        tokens=dict.fromkeys(truths),
        clusters=None,
        cases=1200,
        left_out=0,
    )
    gaps = matrix("polite", told, check.targets, 0.1, judged=people_of(1000)).gaps
    assert len(gaps) == 2
    for gap in gaps:
        assert gap.gap is not None and gap.low is not None and gap.high is not None and gap.said is not None
        assert gap.low < 0.6 < gap.high
        assert gap.said.estimate == pytest.approx(0.3, abs=0.1)
    (unknown, _) = matrix("polite", told, check.targets, 0.1, judged=people_of(0)).gaps
    assert unknown.gap is None and unknown.said is not None


def real_marks(rng: np.random.Generator, pairs: list[tuple[float, float]], count: int) -> tuple[Pairs, ...]:
    counted = Counter(pairs[n] for n in map(int, rng.integers(len(pairs), size=count)))
    return tuple([Pairs(said=said, truth=truth, count=n) for (said, truth), n in counted.items()])


def balanced(items: list[Marked]) -> list[tuple[float, float]]:
    """What a judge says of each pair in both orders and which is better, either answer as the first."""
    found: list[tuple[float, float]] = []
    for item in items:
        said, truth = item.said_in_both(), item.truth("pairwise")
        if said is not None and truth is not None:
            found += [(said, truth), (1 - said, 1 - truth)]
    return found


def test_real_judges_say_how_often_one_of_two_is_better_once_people_have_marked() -> None:
    place = folder()
    if place is None:
        pytest.skip("no real data for evaluation; HEADGATE_DATA names the folder of llmbar.jsonl.gz")
    rng = np.random.default_rng(9)
    tally: Counter[str] = Counter()
    for _, items in sorted(pairs_of(place).items()):
        pairs = balanced(items)
        if not pairs:
            continue
        kinds = {truth: [said for said, true in pairs if true == truth] for truth in (0.0, 1.0)}
        for first in (0.5, 0.6, 0.8, 0.95):
            truths = [float(each) for each in rng.random(300) < first]
            said = [kinds[truth][int(rng.integers(len(kinds[truth])))] for truth in truths]
            told = Scores(
                names=("one", "other"),
                scores={"one": said, "other": [1 - each for each in said]},
                failed={name: [0.0] * len(said) for name in ("one", "other")},
                costs={},
                tokens={},
                clusters=None,
                cases=len(said),
                left_out=0,
            )
            people = Judged(
                scorer="better",
                judge="llmbar",
                scale=(0, 1),
                pairs=real_marks(rng, pairs, 400),
                compares=True,
            )
            found, truth = compare("better", told, judged=people), 2 * first - 1
            assert found.said is not None
            tally["asked"] += 1
            tally["by its word"] += found.said.low <= truth <= found.said.high
            if found.known is not None:
                tally["known"] += 1
                tally["covered"] += found.known.low <= truth <= found.known.high
                tally["told"] += found.finding != "open"
                tally["wrong"] += found.finding == "worse" or (first == 0.5 and found.finding != "open")
    print(dict(tally))
    assert tally["asked"] > 100
    assert tally["known"] > 0.4 * tally["asked"]
    assert tally["covered"] >= 0.95 * tally["known"]
    assert tally["wrong"] <= 0.05 * tally["known"]
    assert tally["by its word"] < 0.5 * tally["asked"]

"""Targets beside each other: who is better, at what price, how alike answers are, and what stays unsaid."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from tests.unit.checks_by_hand import RIGHT, Scripted, cases_of, check_of, failed, outcome_of, question_of

from headgate.checks.comparing import Comparison, Tried, aligned, compare
from headgate.checks.definitions import checks_of
from headgate.checks.matrix import Matrix, matrix, scattered
from headgate.checks.model import Check
from headgate.checks.repeating import repeatability
from headgate.core.faults import InvalidRequest, Misconfigured
from headgate.datasets.model import Case
from headgate.statistics.frontier import Place

Answers = Callable[[int, int], str]


def number_of(body: dict[str, Any]) -> int:
    return int(question_of(body)[:-1])


def tried(check: Check, cases: list[Case], **answers: tuple[Answers, str | None]) -> list[Tried]:
    """Each target's outcome: what it says to the n-th case, and what a call costs."""
    found: list[Tried] = []
    for target in check.targets:
        said, cost = answers[target.name]
        ask = Scripted(lambda body, times, said=said: said(number_of(body), times), cost=cost)
        one = check_of(model=target.model, repeats=check.repeats)
        found.append(Tried(target=target, outcome=outcome_of(one, cases, ask, stops_early=False)))
    return found


def two() -> Check:
    return check_of(model=None, models=["small", "large"])


def ends_of(said: Comparison) -> tuple[float, float]:
    assert said.low is not None and said.high is not None
    return said.low, said.high


def places_of(known: Matrix) -> list[Place]:
    assert known.frontier is not None
    return known.frontier.places


def choice_of(known: Matrix) -> str | None:
    assert known.frontier is not None
    return known.frontier.choice


def right_but(every: int) -> Answers:
    return lambda number, times: "no" if every and number % every == 0 else "yes"


def test_the_better_of_two_is_named_with_its_interval() -> None:
    cases = cases_of(120)
    found = tried(two(), cases, small=(right_but(3), "0.001"), large=(right_but(30), "0.002"))
    said = compare("right", aligned(two(), "right", found, cases))
    assert (said.finding, said.cases, said.left_out) == ("worse", 120, 0)
    low, high = ends_of(said)
    assert low < -0.3 < high < 0
    assert said.sentence.startswith("small is worse than large on right by 30.0 points (2")


def test_what_is_not_known_is_said_so_and_never_yet_different_is_not_the_same() -> None:
    cases = cases_of(60)
    found = tried(two(), cases, small=(right_but(0), "0.001"), large=(right_but(0), "0.002"))
    said = compare("right", aligned(two(), "right", found, cases))
    assert said.finding == "open"
    low, high = ends_of(said)
    assert low < 0 < high
    assert "are not known to differ on right" in said.sentence


def test_clusters_widen_a_comparison() -> None:
    alone = cases_of(120)
    grouped = [Case(id=case.id, input=case.input, expected="yes", cluster=case.id[-4:-1]) for case in alone]

    def by_tens(number: int, times: int) -> str:
        del times
        return "no" if number // 10 % 3 == 0 else "yes"

    answers: dict[str, tuple[Answers, str]] = {
        "small": (by_tens, "0.001"),
        "large": (right_but(0), "0.001"),
    }
    widths: list[float] = []
    for cases in (alone, grouped):
        said = compare("right", aligned(two(), "right", tried(two(), cases, **answers), cases))
        low, high = ends_of(said)
        widths.append(high - low)
    assert widths[1] > 1.5 * widths[0]


def test_cases_without_a_score_of_both_are_left_out_and_counted() -> None:
    cases = [*cases_of(20), Case(id="zz", input="99?")]
    found = tried(two(), cases, small=(right_but(2), "0.001"), large=(right_but(0), "0.001"))
    told = aligned(two(), "right", found, cases)
    assert (told.cases, told.left_out) == (20, 1)
    assert "; 1 cases without a score of both are left out" in compare("right", told).sentence
    with pytest.raises(InvalidRequest, match="0 cases have a score"):
        aligned(two(), "right", found, cases_of(0))


def test_failed_calls_count_as_wrong_in_a_comparison() -> None:
    cases = cases_of(40)
    check = two()
    ask = Scripted(lambda body, times: failed(502, "broken") if number_of(body) % 2 else "yes")
    good = outcome_of(check_of(), cases, Scripted(lambda body, times: "yes"), stops_early=False)
    broken = outcome_of(check_of(), cases, ask, stops_early=False)
    found = [
        Tried(target=target, outcome=outcome)
        for target, outcome in zip(check.targets, (broken, good), strict=True)
    ]
    said = compare("right", aligned(check, "right", found, cases))
    assert (said.one_mean, said.finding) == (0.5, "worse")


def test_the_cheapest_that_is_good_enough_is_named() -> None:
    check = check_of(model=None, models=["tiny", "small", "large"])
    cases = cases_of(300)
    found = tried(
        check,
        cases,
        tiny=(right_but(3), "0.0001"),
        small=(right_but(100), "0.001"),
        large=(right_but(0), "0.01"),
    )
    told = aligned(check, "right", found, cases)
    known = matrix("right", told, check.targets, 0.05)
    assert choice_of(known) == "small"
    assert [place.name for place in places_of(known)] == ["tiny", "small", "large"]
    assert known.sentence == (
        "right: small is the cheapest that is not worse than the best by more than 5 points, on 300 cases."
    )
    strict = matrix("right", told, check.targets, 0.0)
    assert "none is known to be within 0 points" in strict.sentence


def test_a_target_without_a_known_price_is_not_the_cheapest() -> None:
    check = check_of(model=None, models=["tiny", "large"])
    cases = cases_of(300)
    found = tried(check, cases, tiny=(right_but(0), None), large=(right_but(0), "0.01"))
    told = aligned(check, "right", found, cases)
    known = matrix("right", told, check.targets, 0.05)
    assert choice_of(known) == "large"
    assert known.sentence == (
        "right: large is the cheapest of those with a known price that is not worse than the best by more "
        "than 5 points, on 300 cases; no price is known of calls of tiny: [prices] in headgate.toml says it."
    )
    nobody = tried(check, cases, tiny=(right_but(0), None), large=(right_but(0), None))
    unknown = matrix("right", aligned(check, "right", nobody, cases), check.targets, 0.05)
    assert choice_of(unknown) is None
    assert unknown.sentence.startswith(
        "right: which is cheapest is not known; no price is known of calls of "
    )


def test_quality_is_set_against_tokens_where_that_is_wanted() -> None:
    check = check_of(model=None, models=["tiny", "large"])
    cases = cases_of(300)
    found = tried(check, cases, tiny=(right_but(0), None), large=(right_but(0), "0.01"))
    known = matrix("right", aligned(check, "right", found, cases), check.targets, 0.05, by="tokens")
    assert [place.cost for place in places_of(known)] == [15.0, 15.0]
    assert "is the one with the fewest tokens that is not worse" in known.sentence


def test_prompts_by_models_say_what_is_lost_by_carrying_a_prompt_over() -> None:
    check = check_of(model=None, models=["one", "two"], prompts=["long", "short@2"])
    names = [target.name for target in check.targets]
    assert names == ["long.one", "long.two", "short-2.one", "short-2.two"]
    cases = cases_of(200)
    answers: dict[str, tuple[Answers, str]] = {
        "long.one": (right_but(0), "0.001"),
        "short-2.one": (right_but(3), "0.001"),
        "long.two": (right_but(3), "0.001"),
        "short-2.two": (right_but(0), "0.001"),
    }
    told = aligned(check, "right", tried(check, cases, **answers), cases)
    gaps = matrix("right", told, check.targets, 0.05).gaps
    assert [(gap.home, gap.away, gap.carried, gap.best) for gap in gaps] == [
        ("one", "two", "long", "short@2"),
        ("two", "one", "short@2", "long"),
    ]
    assert all(gap.low is not None and 0 < gap.low < 0.34 for gap in gaps)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"model": "a", "models": ["b"]}, "models stands beside model"),
        ({"models": ["b"], "targets": [{"name": "a", "model": "b"}]}, "models stands beside targets"),
        ({"models": ["a", "a"]}, "two targets have one name"),
    ],
)
def test_targets_that_are_said_twice_are_refused(fields: dict[str, Any], reason: str) -> None:
    table: dict[str, Any] = {"name": "one", "dataset": "a", "scorers": [RIGHT], **fields}
    with pytest.raises(Misconfigured, match=reason):
        checks_of({"checks": [table]}, "checks.toml")


def test_how_alike_answers_are_and_whether_to_ask_again() -> None:
    cases = cases_of(50)
    check = check_of(repeats=4)
    ask = Scripted(lambda body, times: "no" if number_of(body) % 2 and times == 0 else "yes")
    (known,) = repeatability(check, outcome_of(check, cases, ask))
    once, *_, always = known.all_right
    assert (once.estimate, always.estimate) == (pytest.approx(0.875), pytest.approx(0.5))
    assert known.flips.estimate == pytest.approx(0.25)
    assert (known.variances.between, known.variances.judge) == (0.0, 0.0)
    assert known.worthwhile > 1
    assert "87.5 % right once, 50.0 % in all of 4 tries" in known.sentence
    steady = Scripted(lambda body, times: "no" if number_of(body) % 2 else "yes")
    (known,) = repeatability(check, outcome_of(check, cases, steady))
    assert (known.flips.estimate, known.worthwhile) == (0.0, 1)
    assert "asking once is enough" in known.sentence
    assert repeatability(check_of(), outcome_of(check_of(), cases, steady)) == ()


def test_what_a_new_case_costs_decides_how_often_to_ask() -> None:
    cases = cases_of(60)

    def answer(body: dict[str, Any], times: int) -> str:
        # A third is always right, a third never, a third every other time.
        return "no" if number_of(body) % 3 == 1 or (number_of(body) % 3 == 2 and times % 2) else "yes"

    found: dict[float, tuple[int, str]] = {}
    for price in (0, 1, 20, 2.5):
        check = check_of(repeats=4, new_case_costs=price)
        (known,) = repeatability(check, outcome_of(check, cases, Scripted(answer)))
        found[price] = (known.worthwhile, known.sentence)
    assert found[0][0] == found[1][0] == 1

    assert found[20][0] == pytest.approx(
        (20 * known.variances.within / known.variances.between) ** 0.5, abs=0.5
    )
    assert found[20][0] > 2
    once, often = "asking once is enough.", f"asking {found[20][0]} times is worth it."
    assert found[1][1].endswith(f"Where a new case costs 1 answer (`new_case_costs`), {once}")
    assert found[20][1].endswith(f"Where a new case costs 20 answers (`new_case_costs`), {often}")
    assert "costs 2.5 answers" in found[2.5][1]
    for wrong in (-1, float("nan"), float("inf")):
        with pytest.raises(Misconfigured, match="new_case_costs"):
            check_of(new_case_costs=wrong)


def test_a_file_that_alternates_kinds_does_not_choose_by_the_one_and_compare_by_the_other() -> None:
    cases = [
        Case(id=f"case-{place:03}", input="?", tags=("even" if place % 2 == 0 else "odd",))
        for place in range(200)
    ]
    halves = scattered(cases)[::2], scattered(list(reversed(cases)))[1::2]
    for half in halves:
        assert 0.35 < sum(case.tags == ("odd",) for case in half) / len(half) < 0.65
    assert {case.id for half in halves for case in half} == {case.id for case in cases}, (
        "whatever the file's order"
    )
    clustered = [Case(id=f"case-{place}", input="?", cluster=f"page {place % 7}") for place in range(70)]
    found = [case.cluster for case in scattered(clustered)]
    assert sum(one != other for one, other in pairwise(found)) == 6, "clusters stay together"

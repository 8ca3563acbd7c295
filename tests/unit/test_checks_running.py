"""Checks decide what all cases would say, with fewer calls; what can't be known is said, never guessed."""

from typing import Any

import pytest
from tests.evaluation_data import trials
from tests.unit.checks_by_hand import (
    RIGHT,
    Scripted,
    cases_of,
    check_of,
    failed,
    outcome_of,
    question_of,
    report_of,
)

from headgate.checks.deciding import bounds
from headgate.checks.wording import percent
from headgate.core.faults import InvalidRequest
from headgate.datasets.model import Case

LEVELS = [level / 20 for level in range(1, 20)]
AT_LEAST_90: list[dict[str, Any]] = [{"at_least": 0.9, "error": 0.05}]


def right(body: dict[str, Any], times: int) -> str:
    del body, times
    return "yes"


def test_all_right_passes_before_all_cases_are_asked() -> None:
    said = report_of(check_of(requirements=AT_LEAST_90), cases_of(200), Scripted(right))
    (known,) = said.requirements
    assert (said.verdict, known.verdict, said.ended) == ("met", "met", "decided")
    assert 40 <= known.units <= said.calls < 70
    assert known.sentence == (
        f"right holds: at least 90 % of such cases, at 5 % error ({known.units} of {known.units} cases "
        f"right, {percent(known.low or 0)} to 100 % of all)."
    )


def test_a_wrong_target_fails_soon_and_says_where() -> None:
    ask = Scripted(lambda body, times: "no" if int(question_of(body)[:-1]) % 2 else "yes")
    said = report_of(check_of(requirements=AT_LEAST_90), cases_of(200), ask)
    assert said.verdict == "not met"
    assert said.calls < 40
    assert {fault.reason for fault in said.wrong} == {"answered 'no', not 'yes'"}
    assert all(fault.request_id.startswith("request-") for fault in said.wrong)


def test_too_few_cases_ask_for_about_as_many_more_as_it_takes() -> None:
    few = report_of(check_of(requirements=AT_LEAST_90), cases_of(20), Scripted(right))
    assert (few.verdict, few.ended) == ("open", "all asked")
    (known,) = few.requirements
    enough = report_of(check_of(requirements=AT_LEAST_90), cases_of(20 + (known.more or 0)), Scripted(right))
    assert enough.verdict == "met"
    assert f"it asks for about {known.more} more cases" in few.sentence


def test_about_these_cases_alone_all_of_them_are_enough() -> None:
    check = check_of(requirements=AT_LEAST_90, about="these cases")
    ask = Scripted(lambda body, times: "no" if question_of(body) == "3?" else "yes")
    assert report_of(check, cases_of(20), ask).verdict == "met"
    worse = Scripted(lambda body, times: "no" if question_of(body) in ("1?", "2?", "3?") else "yes")
    assert report_of(check, cases_of(20), worse).verdict == "not met"


def test_real_agent_trials_are_decided_as_all_of_them_would_be_with_40_percent_fewer_calls() -> None:
    rewards = {(each.task, each.trial): each.reward for each in trials()}
    tasks = sorted({task for task, _ in rewards})
    tries = 1 + max(trial for _, trial in rewards)
    share = sum(rewards.values()) / len(rewards)
    cases = [Case(id=str(task), input=str(task), expected="1.0") for task in tasks]
    calls, same, runs = 0, 0, 0
    for level in LEVELS:
        for seed in range(4):
            ask = Scripted(lambda body, times: str(rewards[int(question_of(body)), times]))
            check = check_of(
                requirements=[{"at_least": level, "error": 0.05}],
                about="these cases",
                repeats=tries,
                seed=seed,
                concurrency=3,
            )
            outcome = outcome_of(check, cases, ask)
            calls += len(ask.asked)
            same += outcome.verdict == ("met" if share >= level else "not met")
            runs += 1
    saved = 1 - calls / (runs * len(rewards))
    print(f"{saved:.0%} fewer calls, the same verdict in {same} of {runs}")
    assert saved >= 0.4
    assert same >= 0.95 * runs


def test_answers_count_in_the_order_of_the_plan_whichever_comes_first() -> None:
    check = check_of(requirements=AT_LEAST_90, concurrency=8)
    ask = Scripted(lambda body, times: "no" if int(question_of(body)[:-1]) % 7 == 0 else "yes")
    one = outcome_of(check, cases_of(60), ask, stops_early=False)
    other = outcome_of(
        check_of(requirements=AT_LEAST_90, concurrency=1), cases_of(60), ask, stops_early=False
    )
    assert one.tallies == other.tallies
    assert bounds(one.tallies[0])[0] < 51 / 60 < bounds(one.tallies[0])[1]


def test_failed_calls_are_wrong_and_listed() -> None:
    ask = Scripted(lambda body, times: failed(502, "it broke") if int(question_of(body)[:-1]) % 2 else "yes")
    said = report_of(check_of(requirements=AT_LEAST_90), cases_of(100), ask)
    assert said.verdict == "not met"
    assert {fault.reason for fault in said.failed} == {"502: it broke"}


def test_a_target_that_always_fails_ends_the_run_and_says_why() -> None:
    ask = Scripted(lambda body, times: failed(503, "nobody there"))
    said = report_of(check_of(), cases_of(200), ask)
    assert (said.ended, said.calls < 20) == ("failing", True)
    assert "calls failed: 503: nobody there" in said.sentence
    assert said.hint


@pytest.mark.parametrize("status", [401, 402, 403, 404])
def test_what_is_not_the_targets_fault_ends_the_run_and_counts_nothing(status: int) -> None:
    def answer(body: dict[str, Any], times: int) -> Any:
        return failed(status, "refused here", target="") if question_of(body) >= "3" else "yes"

    outcome = outcome_of(check_of(requirements=AT_LEAST_90), cases_of(50), Scripted(answer))
    assert (outcome.ended, outcome.verdict) == ("halted", "open")
    assert "refused here" in outcome.message
    assert outcome.hint
    assert not [each for each in outcome.results if each.answer.problem]


def test_a_budget_ends_a_run_with_what_is_known_and_it_goes_on_from_there() -> None:
    check = check_of(requirements=AT_LEAST_90, budget="0.02 USD", concurrency=1)
    first = outcome_of(check, cases_of(100), Scripted(right))
    assert (first.ended, first.verdict, len(first.results)) == ("budget", "open", 20)
    assert first.cost_pico_usd == 20 * 10**9
    ask = Scripted(right)
    known = {(each.case, each.repeat): each for each in first.results}
    more = outcome_of(check_of(requirements=AT_LEAST_90), cases_of(100), ask, known=known)
    assert more.verdict == "met"
    assert len(ask.asked) == len(more.results) - 20


def test_calls_without_a_price_are_counted_apart() -> None:
    said = report_of(check_of(), cases_of(5), Scripted(right, cost=None))
    assert (said.unpriced, said.cost_usd, said.verdict) == (5, "0", "met")
    assert "has no requirement" in said.sentence


def test_ctrl_c_ends_with_what_is_known() -> None:
    seen: list[object] = []

    def tell(result: object) -> None:
        seen.append(result)
        if len(seen) == 10:
            raise KeyboardInterrupt

    outcome = outcome_of(check_of(requirements=AT_LEAST_90), cases_of(100), Scripted(right), tell=tell)
    assert (outcome.ended, outcome.verdict) == ("interrupted", "open")
    assert len(outcome.results) == 10


def test_clusters_count_once() -> None:
    cases = [
        *(Case(id=f"a{number}", input=f"a{number}", expected="yes", cluster="one") for number in range(50)),
        Case(id="b", input="b", expected="yes"),
    ]
    said = report_of(check_of(requirements=AT_LEAST_90), cases, Scripted(right))
    assert (said.requirements[0].units, said.requirements[0].unit, said.verdict) == (2, "cluster", "open")


def test_all_of_several_tries_is_harder_than_each() -> None:
    ask = Scripted(lambda body, times: "no" if times == 0 and int(question_of(body)[:-1]) % 2 else "yes")
    requirements = [{"at_least": 0.7}, {"at_least": 0.7, "all_of": 4}]
    check = check_of(requirements=requirements, repeats=4)
    each, together = report_of(check, cases_of(150), ask, stops_early=False).requirements
    assert each.mean == pytest.approx(0.875, abs=0.01)
    assert together.mean == pytest.approx(0.5, abs=0.01)
    assert (each.verdict, together.verdict) == ("met", "not met")


def test_a_prompt_takes_the_variables_of_a_case() -> None:
    ask = Scripted(right)
    check = check_of(model="", prompt="greeting@3", parameters={"temperature": 0})
    outcome_of(check, [Case(id="a", variables={"name": "Ada"}, expected="yes")], ask)
    body = ask.asked[0][1]
    assert body["prompt"] == {"name": "greeting", "version": 3, "variables": {"name": "Ada"}}
    assert body["temperature"] == 0
    with pytest.raises(InvalidRequest, match="has no prompt"):
        outcome_of(check_of(), [Case(id="a", variables={"name": "Ada"})], ask)


def test_a_whole_body_is_sent_without_its_stream() -> None:
    ask = Scripted(right)
    body = {"model": "old", "stream": True, "messages": [{"role": "user", "content": "hi"}], "top_p": 0.5}
    outcome_of(check_of(system="Be kind."), [Case(id="a", body=body, expected="yes")], ask)
    assert ask.asked[0][1] == {
        "model": "assistant",
        "messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "hi"}],
        "top_p": 0.5,
    }


def test_several_scorers_and_requirements_stop_at_the_first_that_does_not_hold() -> None:
    scorers = [RIGHT, {"name": "short", "kind": "regex", "pattern": "^.{0,2}$"}]
    requirements = [{"at_least": 0.9, "scorer": "right"}, {"at_least": 0.9, "scorer": "short"}]
    said = report_of(check_of(scorers=scorers, requirements=requirements), cases_of(100), Scripted(right))
    assert [each.verdict for each in said.requirements] == ["open", "not met"]
    assert said.verdict == "not met"

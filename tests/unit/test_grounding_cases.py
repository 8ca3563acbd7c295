"""Groundedness as a scorer of checks: answers against the context of their case, by words or by a judge."""

import json
from typing import Any

import pytest
from tests.unit.checks_by_hand import HERE, Scripted, check_of, question_of

from headgate.checks.judging import JudgedHere
from headgate.checks.marking import Marker
from headgate.checks.model import Check, Mark
from headgate.checks.running import Job, run
from headgate.core.faults import Misconfigured
from headgate.datasets.model import Case
from headgate.grounding.cases import hold_case

SAYS = "The Zugspitze is 2,962 metres high. Josef Naus climbed it in 1820."
CONTEXT = ["The Zugspitze is 2,962 metres high.", "It rains on every second day."]


def check_with(**scorer: Any) -> Check:
    return check_of(scorers=[{"name": "grounded", "kind": "grounded", **scorer}])


def mark_of(check: Check, ask: Scripted, context: list[str] | str | None = None, says: int = 1) -> Mark:
    cases = [Case(id=f"c{number}", input="How high?", context=context) for number in range(says)]
    marker = Marker(check.scorers, HERE, ask, JudgedHere(), hold=hold_case)
    outcome = run(Job(check=check, target=check.targets[0], cases=cases), ask, marker)
    return outcome.results[0].marks["grounded"]


def reader(body: dict[str, Any], times: int) -> str:
    if body["model"] != "judge":
        return SAYS
    claim = json.loads(question_of(body))["answer"]
    return json.dumps({"reasoning": "nobody says so", "score": int("1820" not in claim)})


def test_words_alone_say_which_claims_stand_nowhere() -> None:
    mark = mark_of(check_with(), Scripted(reader), CONTEXT)
    assert mark.score == 0.5
    assert "Josef Naus climbed it in 1820." in mark.reason
    assert mark_of(check_with(), Scripted(reader), " ".join([*CONTEXT, SAYS])).score == 1.0


def test_a_judge_is_asked_of_each_claim_and_each_question_is_kept() -> None:
    ask = Scripted(reader)
    mark = mark_of(check_with(model="judge"), ask, CONTEXT)
    assert mark.score == 0.5
    assert mark.reason.startswith("1 of 2 claims are supported by the context\n- Josef Naus")
    assert [each.score for each in mark.asked] == [1.0, 0.0]
    assert len({each.digest for each in mark.asked}) == len({each.request_id for each in mark.asked}) == 2
    assert mark.cost_pico_usd == 2 * 10**9
    again = Scripted(reader)
    assert mark_of(check_with(model="judge"), again, CONTEXT, says=3).score == 0.5
    assert len([body for _, body in again.asked if body["model"] == "judge"]) <= 6


@pytest.mark.parametrize(
    ("context", "said", "why"),
    [
        (None, SAYS, "has no context"),
        (CONTEXT, "```\ncode\n```", "the answer claims nothing"),
        (CONTEXT, "it is quite high, i suppose.", "no claim holds a number, a name or a quote"),
    ],
)
def test_what_can_not_be_told_is_no_mark(context: list[str] | None, said: str, why: str) -> None:
    mark = mark_of(check_with(), Scripted(lambda body, times: said), context)
    assert mark.score is None and why in mark.reason


def test_a_judge_that_talks_nonsense_gives_no_mark() -> None:
    nonsense = Scripted(lambda body, times: SAYS if body["model"] != "judge" else "I would rather not.")
    mark = mark_of(check_with(model="judge"), nonsense, CONTEXT)
    assert mark.score is None and mark.reason.startswith("can't be told: the judge answered")
    assert [each.digest for each in mark.asked] == ["", ""]
    with pytest.raises(Misconfigured, match="nothing here holds answers"):
        Marker(check_with().scorers, HERE, nonsense, JudgedHere())

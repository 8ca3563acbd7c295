"""Whether a model may take another's place: only where an interval says so, and in one sentence."""

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from headgate.checks.answering import Said
from headgate.checks.model import Answer
from headgate.cli.upgrade_quality import Quality, Verdict, by_judge, sentence

MODELS = ("shop/old", "shop/new")


def quality(low: float, high: float) -> Quality:
    return Quality(
        scorer="right", before=0.9, after=0.9, difference=(low + high) / 2, low=low, high=high, pairs=200
    )


@pytest.mark.parametrize(
    ("low", "high", "required", "verdict", "begins"),
    [
        (-0.02, 0.03, "yes", "yes", "shop/new can take the place of shop/old: by right it is not worse"),
        (-0.30, -0.10, "yes", "no", "shop/new should not take the place of shop/old: by right it is worse"),
        (-0.10, 0.03, "yes", "open", "It is not known whether shop/new can take the place of shop/old"),
        (-0.02, 0.03, "no", "no", "shop/new should not take the place of shop/old"),
        (-0.02, 0.03, "open", "open", "It is not known whether shop/new can"),
    ],
)
def test_the_verdict_is_what_intervals_and_requirements_say(
    low: float, high: float, required: Verdict, verdict: Verdict, begins: str
) -> None:
    found, said = sentence(MODELS, [quality(low, high)], {"orders": required}, 0.05)
    assert found == verdict
    assert said.startswith(begins), said
    assert "of 200 pairs" in said


def test_without_marks_nothing_is_known() -> None:
    verdict, said = sentence(MODELS, [], {}, 0.05)
    assert verdict == "open"
    assert "nothing has marked its answers; give --check or --judge" in said


class Judging:
    """A way to a judge that likes answers with a full stop."""

    def __init__(self, nonsense: int = 0) -> None:
        self.asked = 0
        self.nonsense = nonsense

    def __call__(self, path: str, body: Mapping[str, Any]) -> Said:
        self.asked += 1
        material = msgspec.json.decode(body["messages"][1]["content"], type=dict[str, Any])
        score = 4 if "." in material["answer"] else 1
        text = "no idea" if self.asked <= self.nonsense else f'{{"reasoning": "so", "score": {score}}}'
        content = msgspec.json.encode({"choices": [{"message": {"content": text}}]})
        return Said(status=200, headers={"x-headgate-cost-usd": "0.001"}, content=content, duration_ms=1)


def answers(count: int) -> list[tuple[dict[str, Any], Answer, Answer]]:
    asked: dict[str, Any] = {"messages": [{"role": "user", "content": "Where is it?"}]}
    return [(asked, Answer(text="It is on its way."), Answer(text="on its way")) for _ in range(count)]


def test_a_judge_marks_both_answers_to_each_call() -> None:
    pairs = answers(60)
    pairs[0] = (*pairs[0][:2], Answer(problem="502: away"))
    found, cost, problem = by_judge(Judging(), "shop/judge", pairs)
    assert found is not None
    assert (found.before, found.pairs, problem) == (1.0, 60, "")
    assert found.after < 0.25, "an answer that never came is worth nothing"
    assert (found.verdict(0.05), cost) == ("no", 119 * 10**9)


def test_a_judge_stops_at_what_is_left_of_the_budget() -> None:
    judging = Judging()
    found, cost, problem = by_judge(judging, "shop/judge", answers(60), left=19 * 10**9)
    assert found is not None
    assert (found.pairs, cost, judging.asked) == (10, 20 * 10**9, 20)
    assert problem.startswith("the budget was spent after 10 pairs were marked")
    assert by_judge(judging, "shop/judge", answers(60), left=0)[:2] == (None, 0)


def test_a_judge_that_talks_nonsense_is_no_number() -> None:
    found, _, problem = by_judge(Judging(nonsense=999), "shop/judge", answers(3))
    assert found is None
    assert "which is no mark" in problem

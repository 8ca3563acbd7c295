"""What a judge is asked of an answer that people marked, and how what it says is read."""

from typing import Any

import msgspec
import pytest

from headgate.checks.judging import Judgement
from headgate.judges.asking import Question, questions_of, said, verdict_of
from headgate.judges.items import Content
from headgate.judges.model import Judge, ReviewRules, Scale

ANSWER = Content(input="How far?", output="Two miles.", reference="2 miles", context="a map")
PAIR = Content(input="How far?", a="Two miles.", b="Far.")


def judge(scale: Scale, **more: Any) -> Judge:
    told: dict[str, Any] = {"rubric": "Is it right?", "prompt": "", "parameters": {}, **more}
    return Judge(
        project="default",
        name="right",
        version="0",
        question="0",
        model="judge",
        scale=scale,
        review=ReviewRules(),
        made_at="",
        made_by="",
        **told,
    )


def shown_to(question: Question) -> Any:
    return msgspec.json.decode(question.body["messages"][1]["content"])


def test_an_answer_is_asked_as_often_as_wanted_with_what_stands_beside_it() -> None:
    asked = questions_of(judge("yes_no", parameters={"temperature": 0}), ANSWER, 2)
    assert [question.repeat for question in asked] == [0, 1]
    assert shown_to(asked[0]) == {
        "question": "How far?",
        "answer": "Two miles.",
        "expected": "2 miles",
        "context": "a map",
    }
    assert asked[0].body["temperature"] == 0
    assert "Is it right?" in asked[0].body["messages"][0]["content"]
    assert questions_of(judge("yes_no"), Content()) == []
    assert questions_of(judge("pairwise"), ANSWER) == []


def test_a_prompt_stands_alone_only_where_it_says_where_the_rubric_goes() -> None:
    alone = questions_of(judge("yes_no", prompt="Mark {low} or {high}: {rubric}"), ANSWER)[0]
    assert alone.body["messages"][0]["content"] == "Mark 0 or 1: Is it right?"
    before = questions_of(judge("yes_no", prompt="Be strict."), ANSWER)[0].body["messages"][0]["content"]
    assert before.startswith("Be strict.\n\nYou mark one answer") and "Is it right?" in before


@pytest.mark.parametrize(
    ("scale", "text", "value"),
    [
        ("yes_no", '{"reasoning": "so", "score": 1}', True),
        ("yes_no", '```json\n{"reasoning": "so", "score": 0}\n```', False),
        ("yes_no", '{"reasoning": "so", "score": 2}', None),
        ("one_to_five", '{"reasoning": "so", "score": 4}', 4),
        ("one_to_five", '{"reasoning": "so", "score": 0}', None),
        ("one_to_five", "four", None),
        ("yes_no", None, None),
    ],
)
def test_a_verdict_is_on_the_judges_scale_or_none(scale: Scale, text: str | None, value: object) -> None:
    of = judge(scale)
    (question,) = questions_of(of, ANSWER)
    verdict = verdict_of(of, question, text)
    assert (verdict.value, type(verdict.value)) == (value, type(value))
    assert verdict.reason


def test_a_pair_is_asked_in_both_orders_and_its_verdict_names_the_answer() -> None:
    of = judge("pairwise")
    ab, ba = questions_of(of, PAIR)
    assert (ab.shown, ba.shown) == ("ab", "ba")
    assert (shown_to(ab)["first"], shown_to(ba)["first"]) == ("Two miles.", "Far.")
    first = '{"reasoning": "it stands first", "better": "first"}'
    assert [verdict_of(of, each, first).value for each in (ab, ba)] == ["a", "b"]
    assert verdict_of(of, ba, '{"reasoning": "", "better": "second"}').value == "a"
    assert verdict_of(of, ab, '{"better": "tie"}').value == "tie"
    for nonsense in ("a", '{"better": "a"}', "", None, "[" * 5000):
        assert verdict_of(of, ab, nonsense).value is None


def test_what_was_said_before_is_the_same_mark() -> None:
    of = judge("one_to_five")
    (question,) = questions_of(of, ANSWER)
    assert said(of, question, Judgement(score=0.75, reason="so")).value == 4
    assert said(of, question, Judgement(score=None, problem="nonsense")).reason == "nonsense"

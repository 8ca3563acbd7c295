"""Scorers on the answers of shadows, through a real Headgate: evidence, judges in bounds, notes."""

from collections.abc import Iterator
from typing import Any

import pytest
from demo.running import headgate
from tests.flow.rollout_house import ROLLOUT, House
from tests.flow.scripted_provider import PROVIDERS, ScriptedProvider, answer, completion

CONFIG = (
    PROVIDERS
    + """
[prices."a/judge"]
input = "0"
output = "1000"

[projects.quiet]
record = "metadata"
"""
)
JUDGE = (
    '{ name = "kind", kind = "judge", model = "a/judge", rubric = "Is it kind?", margin = 0.6, '
    'budget_a_day = "%s" }'
)
SHORT = '{ name = "short", kind = "regex", pattern = "^.{1,9}$", margin = 0.6 }'
NEAR = '{ name = "alike", kind = "semantic", model = "a/near", threshold = 0.9, margin = 0.6 }'
FAR = '{ name = "alike", kind = "semantic", model = "a/far", threshold = 0.9, margin = 0.1 }'
SCORERS = {
    "alike": NEAR,
    "unlike": FAR,
    "worded": '{ name = "greets", kind = "contains", text = "hello", margin = 0.1 }',
    "same": '{ name = "same", kind = "exact", margin = 0.6 }, ' + SHORT,
    "judged": JUDGE % "10 USD",
    "broke": JUDGE % "0.05 USD",
    "unseen": '{ name = "greets", kind = "contains", text = "hello" }',
}


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with ScriptedProvider() as provider:
        config = CONFIG.format(port=provider.port)
        for name, scorers in SCORERS.items():
            units = 20 if name in ("worded", "same", "judged", "alike", "unlike") else 10_000
            shadow = f"shadow = {{ share = 1.0, scorers = [{scorers}] }}"
            config += ROLLOUT.format(name=name, more=shadow, units=units)
        with headgate(config) as running:
            yield House(running, provider)


def of_score(house: House, name: str) -> dict[str, Any] | None:
    report: Any = house.shown(name)["report"] or {"metrics": []}
    metrics: list[dict[str, Any]] = report["metrics"]
    return next((each for each in metrics if each["measure"] == "score"), None)


def test_a_candidate_whose_words_are_wrong_falls_back_before_anybody_sees_them(house: House) -> None:
    house.provider.on("b", "worded", answer(completion("good day")))
    shown, served = house.ask_until("worded", "back")
    assert served == {"a"}
    assert shown["moves"][0]["why"].startswith("wrong by greets is worse by at least")


def test_a_candidate_that_says_the_same_moves_on(house: House) -> None:
    shown, _ = house.ask_until("same", "50 %")
    assert shown["moves"][0]["why"].startswith("All guardrails hold at shadow")


def test_a_judge_is_asked_of_both_through_the_gateway_and_metered(house: House) -> None:
    house.provider.on("a", "judge", answer(completion('{"reasoning": "so", "score": 1}')))
    house.provider.on("b", "judged", answer(completion("hello there")))
    shown, _ = house.ask_until("judged", "50 %")
    assert shown["moves"][0]["why"].startswith("All guardrails hold at shadow")
    calls = house.running.requests(tag="rollout:judged")
    assert calls and {each["target"] for each in calls} == {"a/judge"}


def embeddings(*vectors: list[float]) -> Any:
    data = [{"object": "embedding", "index": at, "embedding": each} for at, each in enumerate(vectors)]
    return {"object": "list", "data": data, "model": "m", "usage": {"prompt_tokens": 4, "total_tokens": 4}}


def test_answers_are_held_against_each_other_by_their_embeddings_through_the_gateway(house: House) -> None:
    house.provider.on("b", "alike", answer(completion("hello there")))
    house.provider.on("a", "near", answer(embeddings([1.0, 0.0], [0.95, 0.2])))
    shown, _ = house.ask_until("alike", "50 %")
    assert shown["moves"][0]["why"].startswith("All guardrails hold at shadow")
    calls = house.running.requests(tag="rollout:alike")
    assert {(each["target"], each["operation"]) for each in calls} == {("a/near", "embeddings")}
    assert len(house.provider.received("a", "near")) == 1, "the same two texts are not paid twice"


def test_a_candidate_that_says_something_else_falls_back(house: House) -> None:
    house.provider.on("b", "unlike", answer(completion("good day")))
    house.provider.on("a", "far", answer(embeddings([1.0, 0.0], [0.1, 0.9])))
    shown, served = house.ask_until("unlike", "back")
    assert served == {"a"}
    assert shown["moves"][0]["why"].startswith("wrong by alike is worse by at least")


def test_a_judge_stops_where_its_budget_does_and_that_is_said(house: House) -> None:
    house.provider.on("a", "judge", answer(completion('{"reasoning": "so", "score": 1}')))
    house.begun("broke")
    for _ in range(12):
        house.ask("broke")
    house.wait_for_note("broke", "its budget of the day was spent")
    metric = of_score(house, "broke")
    assert metric is not None and 0 < metric["comparisons"][0]["units"] <= 4, "0.02 USD a question"


def test_answers_that_are_not_on_record_are_not_scored_and_that_is_said(house: House) -> None:
    key = house.running.make_key("quiet", project="quiet")
    house.until(lambda: house.standing_at("unseen", "shadow"), lambda: house.shown("unseen"))

    def noted() -> bool:
        house.ask("unseen", headers={"authorization": f"Bearer {key}"})
        report: Any = house.shown("unseen")["report"] or {"notes": []}
        notes: list[str] = report["notes"]
        return any("can't be scored: their answers are not on record" in each for each in notes)

    house.until(noted, lambda: house.shown("unseen"))
    metric = of_score(house, "unseen")
    assert metric is not None and metric["comparisons"][0]["units"] == 0

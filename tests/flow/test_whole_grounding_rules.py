"""Rules of `[[grounding]]` through a whole `headgate up`: answers are held, and a low mean is told."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from demo.running import Running, chat, headgate
from tests.flow.test_whole_grounding import DOCUMENTS, PRICE, Reader

RULES = """
[[grounding]]
name = "answers"
share = 1.0
models = ["reader/assistant"]
judge = "reader/judge"
budget = "0.01 USD"
alert_below = 0.9

[[grounding]]
name = "words"
share = 1.0
models = ["reader/assistant"]
calls_a_day = 3
"""
CALLS = 16


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with Reader("reader") as reader:
        config = f'[providers.reader]\nkind = "openai-compatible"\nbase_url = "{reader.base_url}"\n'
        prices = "\n".join(PRICE.format(name) for name in ("assistant", "judge"))
        with headgate(config + prices + RULES) as opened:
            yield opened


def waited(found: Callable[[], Any]) -> Any:
    """What is there in the end."""
    for _ in range(600):
        there = found()
        if there:
            return there
        time.sleep(0.1)
    raise AssertionError("it did not come")


def rule(running: Running, name: str) -> dict[str, Any]:
    return next(each for each in running.get("/grounding/rules")["items"] if each["name"] == name)


def test_answers_are_held_by_themselves_within_their_bounds_and_a_low_mean_is_told(running: Running) -> None:
    for _ in range(CALLS):
        chat(running.url, running.admin_key, "reader/assistant", DOCUMENTS)
    held = waited(lambda: (found := rule(running, "answers"))["scored"] == CALLS and found)
    assert (held["mean"], held["with_unsupported"], held["waiting"]) == (0.5, CALLS, 0)
    assert float(held["cost_usd_today"]) > 0
    (alert, *_) = waited(
        lambda: [each for each in running.get("/alerts")["items"] if each["kind"] == "grounding"]
    )
    assert alert["subject"] == "answers"
    assert "less than the threshold of 90 %: 50.0 % on average" in alert["message"]
    words = waited(lambda: (found := rule(running, "words"))["held"] == 3 and found)
    assert (words["waiting"], words["judge"], words["cost_usd_today"]) == (CALLS - 3, "", "0")
    kept = running.get("/feedback", name="groundedness", limit=100)["items"]
    by_model = [each for each in kept if each["source"] == "model"]
    assert len(by_model) == CALLS and {each["value"] for each in by_model} == {0.5}
    assert "Josef Naus climbed it in 1820." in by_model[0]["comment"]
    assert len([each for each in kept if each["source"] == "code"]) == 3
    asked = [each for each in running.requests() if "grounding:answers" in each["tags"]]
    assert {each["model"] for each in asked} == {"reader/judge"}
    judge = running.get("/judges/groundedness")
    assert (judge["judge"]["model"], judge["report"]["counts"]["judged"]) == ("reader/judge", 2 * CALLS)

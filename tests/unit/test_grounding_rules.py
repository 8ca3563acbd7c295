"""Rules of groundedness on live traffic: which calls they take, and when a mean is known to be too low."""

import random
import uuid
from typing import Any

import msgspec
import pytest
from tests.contract.made_entries import make_end

from headgate.core.entries import SHADOW, End, Exposure, PromptUsed
from headgate.grounding.rules import GroundingRule, Stretch, alarm, begin, lot_of

RULE = GroundingRule(name="answers", share=1.0)
CALL = "0190a0a0-0000-7000-8000-000000000001"
BESIDE = Exposure(experiment="move", version="1", arm="new", unit=str(uuid.UUID(int=7)), unit_kind=SHADOW)


def ended(**parts: Any) -> End:
    known: dict[str, Any] = {
        "operation": "chat",
        "status": 200,
        "truncated": False,
        "record": "full",
        "tags": (),
        "project": "default",
        "model": "helper",
        "target": "mock/small",
        "prompts": (),
    }
    return msgspec.structs.replace(make_end(uuid.UUID(CALL).bytes), **{**known, **parts})


@pytest.mark.parametrize(
    "parts",
    [
        {"operation": "embeddings"},
        {"status": 502},
        {"truncated": True},
        {"record": "metadata"},
        {"tags": ("grounding",)},
        {"exposures": (BESIDE,)},
        {"project": "other"},
        {"model": "other", "target": "mock/large"},
        {"prompts": ()},
    ],
)
def test_a_rule_takes_whole_answers_of_what_it_is_about(parts: dict[str, Any]) -> None:
    used = (PromptUsed(name="greeting", version=1),)
    rule = msgspec.structs.replace(RULE, projects=("default",), models=("helper",), prompts=("greeting",))
    assert rule.takes(CALL, ended(prompts=used))
    assert not rule.takes(CALL, ended(**{"prompts": used, **parts}))
    assert RULE.takes(CALL, ended(model="mock/small"))


def test_the_lot_takes_the_share_and_the_same_calls_each_time() -> None:
    calls = [str(uuid.UUID(int=random.Random(number).getrandbits(128))) for number in range(4000)]
    rule = msgspec.structs.replace(RULE, share=0.1)
    taken = [call for call in calls if rule.takes(call, ended())]
    assert taken == [call for call in calls if lot_of(call) < 0.1]
    assert 320 < len(taken) < 480


def test_a_changed_rule_is_another_version() -> None:
    assert RULE.version != msgspec.structs.replace(RULE, judge="judge").version
    assert RULE.version == msgspec.structs.replace(RULE).version


def alarmed_at(mean: float, seed: int, scores: int) -> int | None:
    """After how many scores, looking at each, it is known to be below 0.8."""
    rng = random.Random(seed)
    stretch = begin(msgspec.structs.replace(RULE, alert_below=0.8))
    assert stretch is not None
    for number in range(1, scores + 1):
        stretch = stretch.observe(float(rng.random() < mean))
        if stretch.test.verdict != "open":
            return number if stretch.test.verdict == "not met" else None
    return None


def test_an_alarm_without_a_reason_is_as_rare_as_stated_and_a_fall_is_found() -> None:
    assert begin(RULE) is None
    false = sum(alarmed_at(0.8, seed, 500) is not None for seed in range(400))
    assert false <= 0.05 * 400 + 3 * (400 * 0.05 * 0.95) ** 0.5
    found = sorted([alarmed_at(0.6, seed, 500) or 500 for seed in range(100)])
    assert found[50] < 60
    assert found[95] < 200


def test_an_alarm_says_what_is_known() -> None:
    rule = msgspec.structs.replace(RULE, alert_below=0.9)
    stretch = begin(rule)
    assert stretch is not None
    for _ in range(20):
        stretch = stretch.observe(0.5)
    again = msgspec.json.decode(msgspec.json.encode(stretch), type=Stretch)
    assert again == stretch and again.test.verdict == "not met"
    said = alarm(rule, stretch, CALL)
    assert said.startswith("answers held by the rule answers are supported by their context less than")
    assert "the threshold of 90 %: 50.0 % on average over the last 20 " in said and said.endswith(CALL)

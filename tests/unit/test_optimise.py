"""A better text is looked for on some cases, and claimed on others: what it says is what those say."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from headgate.checks.answering import Halted, Said
from headgate.checks.model import Check, Contains, Target
from headgate.cli.optimise_run import Optimised, Searching, optimise, split
from headgate.core.faults import InvalidRequest
from headgate.datasets.model import Case

GOOD = "Name the state of the order."
CASES = [Case(id=f"c{n}", input=f"Where is order {n}?", expected=f"state {n}") for n in range(80)]
CHECK = Check(
    name="orders",
    dataset="cases.jsonl",
    targets=(Target(model="shop/small", system="Be kind."),),
    scorers=(Contains(name="right"),),
    budget_pico_usd=10**12,
)


class Shop:
    """A way to a model that names states where it is told to, and to one that proposes texts."""

    def __init__(self, proposes: str | None = GOOD, cost: str = "0.001") -> None:
        self.proposes = proposes
        self.cost = cost
        self.asked: list[str] = []
        self.reflections = 0

    def __call__(self, path: str, body: Mapping[str, Any]) -> Said:
        if body["model"] == "shop/teacher":
            self.reflections += 1
            if self.proposes is None:
                return Said(status=503, headers={}, content=b"{}", duration_ms=1)
            text = f"```\n{self.proposes}\n```"
        else:
            system, question = (each["content"] for each in body["messages"])
            self.asked.append(question)
            number = question.split()[-1].rstrip("?")
            text = f"It is in state {number}." if system == GOOD else "Thank you for asking!"
        content = msgspec.json.encode({"choices": [{"message": {"content": text}}]})
        return Said(status=200, headers={"x-headgate-cost-usd": self.cost}, content=content, duration_ms=1)


def looked(shop: Shop, check: Check = CHECK, calls: int = 150) -> Optimised:
    return optimise(Searching(check, shop, Path()), check, CASES, "shop/teacher", calls)


def test_a_better_text_is_found_and_claimed_on_cases_that_it_never_saw() -> None:
    shop = Shop()
    found = looked(shop)
    assert (found.text, found.is_better, found.held_out) == (GOOD, True, 40)
    assert (found.before, found.after) == (0, 1)
    assert 0.8 < found.low < found.high <= 1
    assert found.sentence.startswith("The new text is better by 100.0 points")
    _, held_out = split(CASES, CHECK.seed)
    asked_before = shop.asked[: -2 * len(held_out)]
    assert not {case.question for case in held_out} & set(asked_before)
    assert found.calls == len(shop.asked) + shop.reflections
    assert found.cost_pico_usd == found.calls * 10**9


def test_a_text_that_is_no_better_is_not_claimed() -> None:
    found = looked(Shop("Be very kind."))
    assert (found.is_better, found.difference) == (False, 0)
    assert "better by" not in found.sentence


def test_it_stops_when_the_budget_is_spent() -> None:
    shop = Shop("Be very kind.", cost="0.1")
    found = looked(shop, calls=10_000)
    assert found.cost_pico_usd < 15 * 10**12, "of a dollar, but for what was under way, and the claim"


def test_a_teacher_that_does_not_answer_and_too_few_cases_are_said() -> None:
    with pytest.raises(Halted, match="shop/teacher proposed no text"):
        looked(Shop(None))
    with pytest.raises(InvalidRequest, match="there are 3 cases; to look for a text"):
        split(CASES[:3], 0)

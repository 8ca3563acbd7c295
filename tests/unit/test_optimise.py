"""A better text is looked for on some cases, and claimed on others: what it says is what those say."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from headgate.checks.answering import Halted, Said
from headgate.checks.model import Check, Contains, Grounded, Target
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

    def __init__(
        self, proposes: str | None = GOOD, cost: str = "0.001", *, status: int = 200, refusal: int = 503
    ) -> None:
        self.proposes = proposes
        self.cost = cost
        self.status = status
        self.refusal = refusal
        self.asked: list[str] = []
        self.lessons: list[str] = []

    @property
    def reflections(self) -> int:
        return len(self.lessons)

    def __call__(self, path: str, body: Mapping[str, Any]) -> Said:
        if body["model"] == "shop/teacher":
            self.lessons.append(body["messages"][0]["content"])
            if self.proposes is None:
                return Said(status=self.refusal, headers={}, content=b"{}", duration_ms=1)
            text = f"```\n{self.proposes}\n```"
        else:
            system, question = (each["content"] for each in body["messages"])
            self.asked.append(question)
            number = question.split()[-1].rstrip("?")
            text = f"It is in state {number}." if system == GOOD else "Thank you for asking!"
        content = msgspec.json.encode({"choices": [{"message": {"content": text}}]})
        headers = {"x-headgate-cost-usd": self.cost, "x-headgate-target": "shop/small"}
        is_case = body["model"] != "shop/teacher"
        return Said(status=self.status if is_case else 200, headers=headers, content=content, duration_ms=1)


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


def test_the_budget_lasts_for_the_claim_too() -> None:
    shop = Shop("Be very kind.", cost="0.1")
    found = looked(shop, msgspec.structs.replace(CHECK, budget_pico_usd=20 * 10**12), calls=10_000)
    assert shop.reflections > 1
    assert 10 * 10**12 < found.cost_pico_usd <= 20 * 10**12


@pytest.mark.parametrize(("dollars", "calls"), [(1, 10), (5, 20)])
def test_a_budget_that_is_too_small_for_any_claim_is_said_before_it_is_spent(
    dollars: int, calls: int
) -> None:
    shop = Shop(cost="0.1")
    with pytest.raises(Halted, match="does not last for a text that is held against cases it never saw"):
        looked(shop, msgspec.structs.replace(CHECK, budget_pico_usd=dollars * 10**12))
    assert (len(shop.asked), shop.reflections) == (calls, 0)


def test_whoever_proposes_texts_reads_what_was_asked_expected_and_said() -> None:
    shop = Shop()
    looked(shop)
    for part in ("Where is order ", "state ", "Thank you for asking!", "right"):
        assert part in shop.lessons[0], part
    _, held_out = split(CASES, CHECK.seed)
    for case in held_out:
        assert not any(case.question in lesson for lesson in shop.lessons)


def test_a_target_whose_calls_all_fail_is_soon_asked_no_more() -> None:
    shop = Shop(status=502)
    found = looked(shop, calls=30)
    assert (found.before, found.after, found.is_better) == (0, 0, False)
    assert len(shop.asked) < 60


def test_clusters_are_kept_whole_and_count_as_one() -> None:
    cases = [
        msgspec.structs.replace(case, cluster=f"document {number // 8}") for number, case in enumerate(CASES)
    ]
    seen, held_out = split(cases, CHECK.seed)
    assert not {case.cluster for case in seen} & {case.cluster for case in held_out}
    assert (len(seen), len(held_out)) == (40, 40)
    found = optimise(Searching(CHECK, Shop(), Path()), CHECK, cases, "shop/teacher", 150)
    assert found.low < looked(Shop()).low
    one = [msgspec.structs.replace(case, cluster="the document") for case in CASES]
    with pytest.raises(InvalidRequest, match="6 or more on each side, with clusters kept whole"):
        split(one, 0)


def test_answers_are_held_against_their_context_as_in_the_check() -> None:
    check = msgspec.structs.replace(CHECK, scorers=(Grounded(name="grounded"),))
    cases = [
        msgspec.structs.replace(case, context=f"The order is in state {number}.")
        for number, case in enumerate(CASES)
    ]
    found = optimise(Searching(check, Shop(), Path()), check, cases, "shop/teacher", 60)
    assert (found.before, found.is_better) == (0, True)


@pytest.mark.parametrize("status", [404, 503])
def test_a_teacher_that_does_not_answer_ends_it_at_once(status: int) -> None:
    shop = Shop(None, refusal=status)
    with pytest.raises(Halted, match=r"shop/teacher proposed no text|the gateway refuses the calls"):
        looked(shop, calls=10_000)
    assert shop.reflections == 1


def test_too_few_cases_and_those_that_do_not_fit_are_said_before_anything_is_asked() -> None:
    with pytest.raises(InvalidRequest, match="there are 3 cases; to look for a text"):
        split(CASES[:3], 0)
    shop = Shop()
    cases = [*CASES, Case(id="of a prompt", variables={"order": 1})]
    with pytest.raises(InvalidRequest, match="gives variables"):
        optimise(Searching(CHECK, shop, Path()), CHECK, cases, "shop/teacher", 150)
    assert shop.asked == []

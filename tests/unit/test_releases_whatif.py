"""What-if on made-up records: repricing is exact where tokens are known and bounded where they are not,
budgets are replayed in order, rules cut and move, and samples have intervals that cover the truth."""

from random import Random
from typing import Any

import msgspec
import pytest

from headgate.catalog.model import ModelFacts
from headgate.catalog.prices import cost, override_price
from headgate.catalog.tokenizers import counts_alike, tokenizer_of
from headgate.core.call import Usage
from headgate.meters.model import Budget, Scope
from headgate.releases.repricing import SAME, Lengths, factors
from headgate.releases.whatif import (
    Effect,
    RecordedCall,
    Scenario,
    WhatIf,
    after_rules,
    sampling_interval,
    subject_of,
)

HOUR_MS = 3_600_000
START_MS = 1_764_000_000_000 - 1_764_000_000_000 % (24 * HOUR_MS)


def facts(**prices: str) -> ModelFacts:
    return ModelFacts(price=override_price(prices))


FACTS = {
    "shop/gpt-4o": facts(input="1", output="10"),
    "shop/gpt-4o-mini": facts(input="0.1", output="1"),
    "shop/other": facts(input="0.5", output="2"),
}


def call(number: int = 0, **changes: Any) -> RecordedCall:
    usage = changes.pop("usage", Usage(input=100, output=50))
    target = changes.get("target", "shop/gpt-4o")
    paid = cost(FACTS[target], usage) if target in FACTS else None
    made = RecordedCall(
        id=f"call-{number}",
        started_ms=START_MS + number * 1000,
        project="default",
        key="k1",
        user="ann",
        tags=(),
        asked="assistant",
        target="shop/gpt-4o",
        code="",
        usage=usage,
        cost_pico_usd=paid,
        last_pico_usd=paid,
        reserved_pico_usd=0,
        is_estimated=False,
    )
    return msgspec.structs.replace(made, **changes)


def run(
    scenario: Scenario, calls: list[RecordedCall], lengths: dict[str, Lengths] | None = None, **fields: Any
) -> WhatIf:
    sums = WhatIf(scenario, FACTS.get, lengths or {}, **fields)
    for each in calls:
        sums.add(each)
    return sums


def test_nothing_different_costs_what_it_cost() -> None:
    sums = run(Scenario(), [call(number) for number in range(10)])
    assert sums.admitted == [sums.actual_pico_usd] * 3
    assert sums.actual_pico_usd == 10 * (100 * 1_000_000 + 50 * 10_000_000)


def test_another_price_is_exact_and_keeps_what_earlier_attempts_cost() -> None:
    twice = Scenario(prices={"shop/gpt-4o": facts(input="2", output="20")})
    paid = call().cost_pico_usd
    assert paid is not None
    retried = call(1, cost_pico_usd=paid + 7)
    sums = run(twice, [call(), retried])
    assert sums.admitted == [4 * paid + 7] * 3


def test_another_model_of_the_same_tokenizer_is_exact_in_and_bounded_out() -> None:
    sums = run(Scenario(models={"assistant": "shop/gpt-4o-mini"}), [call()])
    plan = sums.plans["shop/gpt-4o", "shop/gpt-4o-mini"]
    assert plan.input == SAME
    assert plan.output.basis == "assumed"
    assert sums.admitted == [100 * 100_000 + tokens * 1_000_000 for tokens in (25, 50, 100)]
    (group,) = sums.groups.values()
    assert (group.new_target, group.is_exact) == ("shop/gpt-4o-mini", False)


def test_a_model_can_be_named_by_its_target_and_a_call_already_there_is_not_moved() -> None:
    scenario = Scenario(models={"shop/gpt-4o": "shop/gpt-4o-mini"})
    there = call(1, target="shop/gpt-4o-mini", cost_pico_usd=60_000_000)
    sums = run(scenario, [there])
    assert sums.admitted == [60_000_000] * 3
    assert run(scenario, [call()]).plans


def test_lengths_on_record_take_the_place_of_assumptions() -> None:
    lengths = {
        "shop/gpt-4o": Lengths(calls=400, output_mean=100, output_variance=900, sized_calls=400,
                               tokens_a_byte=0.25, tokens_a_byte_variance=0.001),
        "shop/other": Lengths(calls=400, output_mean=150, output_variance=900, sized_calls=400,
                              tokens_a_byte=0.30, tokens_a_byte_variance=0.001),
    }  # fmt: skip
    given, made = factors("shop/gpt-4o", "shop/other", lengths)
    assert (given.basis, made.basis) == ("measured", "measured")
    assert (round(given.value, 6), round(made.value, 6)) == (1.2, 1.5)
    assert 1.44 < made.low < 1.5 < made.high < 1.56
    few = {**lengths, "shop/other": msgspec.structs.replace(lengths["shop/other"], calls=29, sized_calls=29)}
    assert [each.basis for each in factors("shop/gpt-4o", "shop/other", few)] == ["assumed", "assumed"]


def test_measured_factors_hold_the_truth_as_often_as_they_say() -> None:
    hits = 0
    for trial in range(300):
        random = Random(trial)
        sample = {
            name: [random.lognormvariate(mean, 0.5) for _ in range(200)]
            for name, mean in (("shop/gpt-4o", 4.0), ("shop/other", 4.3))
        }
        lengths = {
            name: Lengths(
                calls=len(values),
                output_mean=sum(values) / len(values),
                output_variance=sum((value - sum(values) / len(values)) ** 2 for value in values)
                / (len(values) - 1),
            )
            for name, values in sample.items()
        }
        made = factors("shop/gpt-4o", "shop/other", lengths)[1]
        hits += made.low <= 2.718281828**0.3 <= made.high
    assert 0.9 <= hits / 300 <= 0.99


def test_tokenizers_are_alike_only_where_a_source_says_so() -> None:
    assert tokenizer_of("openai/gpt-5-mini-2025-08-07") == "o200k"
    assert tokenizer_of("gpt-4") == tokenizer_of("gpt-3.5-turbo") == "cl100k"
    assert tokenizer_of("gpt-4o") != tokenizer_of("gpt-4-turbo")
    assert tokenizer_of("somebody-elses") is None
    assert counts_alike("somebody-elses", "somebody-elses")
    assert not counts_alike("somebody-elses", "another")


def test_calls_without_a_price_are_counted_and_add_nothing() -> None:
    sums = run(Scenario(models={"assistant": "nowhere/model"}), [call()])
    assert (sums.unpriced, sums.admitted) == (1, [0, 0, 0])
    unknown = call(target="nowhere/x", cost_pico_usd=None, last_pico_usd=None)
    assert run(Scenario(), [unknown]).unpriced == 1


def test_a_call_of_unknown_usage_stays_below_what_it_was_charged_at_the_new_price() -> None:
    guessed = call(usage=Usage(), cost_pico_usd=11_000, last_pico_usd=11_000, is_estimated=True)
    sums = run(Scenario(prices={"shop/gpt-4o": facts(input="2", output="20")}), [guessed])
    assert sums.admitted == [0, 22_000, 22_000]


def budget(limit: int, **fields: Any) -> Budget:
    made = Budget(id="b", name="b", scope=Scope(), limit_pico_usd=limit, window="day")
    return msgspec.structs.replace(made, **fields)


PAID = 600_000_000


def test_a_budget_ends_when_what_is_left_is_less_than_a_call_needs() -> None:
    calls = [call(number) for number in range(10)]
    sums = run(Scenario(budgets=(budget(4 * PAID + PAID // 2),)), calls)
    assert sums.admitted == [4 * PAID] * 3
    assert (sums.replay.refused, sums.replay.refused_calls[0]) == (6, "call-4")
    (meter,) = sums.replay.shown()
    assert (meter.first_refused_ms, meter.spent_pico_usd) == (calls[4].started_ms, 4 * PAID)
    assert sums.refused_pico_usd == 6 * PAID
    held = [msgspec.structs.replace(each, reserved_pico_usd=2 * PAID) for each in calls]
    assert run(Scenario(budgets=(budget(4 * PAID + PAID // 2),)), held).replay.refused == 7


def test_windows_begin_anew_and_scopes_count_apart() -> None:
    tomorrow = [
        msgspec.structs.replace(call(number), started_ms=START_MS + 24 * HOUR_MS + number)
        for number in range(3)
    ]
    sums = run(Scenario(budgets=(budget(2 * PAID),)), [*(call(number) for number in range(3)), *tomorrow])
    assert sums.replay.refused == 2
    apart = [call(number, user=f"u{number % 3}") for number in range(9)]
    sums = run(Scenario(budgets=(budget(2 * PAID, scope=Scope(user="*")),)), apart)
    assert sums.replay.refused == 3
    foreign = run(Scenario(budgets=(budget(0, scope=Scope(project="blue")),)), apart)
    assert foreign.replay.refused == 0


def test_a_cheaper_model_lets_a_budget_last_longer() -> None:
    calls = [call(number) for number in range(10)]
    cheap = Scenario(models={"assistant": "shop/gpt-4o-mini"}, budgets=(budget(2 * PAID),))
    assert run(cheap, calls).replay.refused == 0
    only_dear = Scenario(
        models={"assistant": "shop/gpt-4o-mini"}, budgets=(budget(0, scope=Scope(model="shop/gpt-4o")),)
    )
    assert run(only_dear, calls).replay.refused == 0


def test_what_was_spent_before_counts() -> None:
    sums = WhatIf(Scenario(budgets=(budget(3 * PAID),)), FACTS.get, {})
    one = call()
    sums.replay.seed(START_MS, subject_of(one, one.target), 2 * PAID, {"b"})
    for number in range(3):
        sums.add(call(number))
    assert sums.replay.refused == 2


@pytest.mark.parametrize(
    ("effect", "value", "most"),
    [
        (Effect(), 50, 50),
        (Effect(output_max_before=100, output_max_after=20), 20, 20),
        (Effect(output_max_before=None, output_max_after=80), 50, 50),
        (Effect(output_max_before=50, output_max_after=80), 50, 80),
        (Effect(output_max_before=50, output_max_after=None), 50, 100),
        (Effect(output_max_before=60, output_max_after=80), 50, 50),
    ],
)
def test_an_output_limit_cuts_or_lets_go_on(effect: Effect, value: int, most: int) -> None:
    found, bound = after_rules(Usage(input=100, output=40, reasoning=10), effect)
    assert (found.total_output, bound.total_output) == (value, most)


def test_rules_move_calls_and_change_how_much_goes_in() -> None:
    moved = WhatIf(Scenario(), FACTS.get, {})
    moved.add(call(), Effect(model="shop/gpt-4o-mini"))
    assert moved.admitted[1] == 100 * 100_000 + 50 * 1_000_000
    longer = WhatIf(Scenario(), FACTS.get, {})
    longer.add(call(), Effect(bytes_before=1000, bytes_after=1500))
    assert longer.admitted == [150 * 1_000_000 + 50 * 10_000_000] * 3
    cut = WhatIf(Scenario(), FACTS.get, {})
    cut.add(call(cost_pico_usd=PAID + 5, last_pico_usd=PAID), Effect(output_max_after=10))
    assert cut.admitted == [100 * 1_000_000 + 10 * 10_000_000 + 5] * 3


def test_a_samples_interval_holds_the_sum_as_often_as_it_says() -> None:
    population = [round(Random(number).lognormvariate(10, 1)) for number in range(4000)]
    truth, hits = sum(population), 0
    for trial in range(100):
        values = Random(f"sample {trial}").sample(population, 800)
        estimate = sum(values) * len(population) / len(values)
        below, above = sampling_interval(values, len(population), seed=trial)
        hits += estimate - below <= truth <= estimate + above
    assert hits >= 87, hits
    assert sampling_interval(population, len(population), 1) == (0, 0)
    assert sampling_interval(population[:99], 4000, 5) == sampling_interval(population[:99], 4000, 5)

"""What recorded calls would have cost under other models, prices, limits or rules: sums, call by call. Pure.

Calls are given in the order in which they began. Each is repriced where the scenario concerns it and keeps
its recorded cost elsewhere; budgets are then replayed over the result. Read next: `releases.repricing`,
`releases.replaying`, `releases.whatif_run`.
"""

from collections.abc import Callable, Mapping, Sequence
from random import Random

import msgspec

from headgate.catalog.model import ModelFacts
from headgate.catalog.prices import cost
from headgate.core.call import Usage
from headgate.meters.model import Budget, Subject
from headgate.releases.replaying import Charge, Replay
from headgate.releases.repricing import Amount, Lengths, Repriced, factors, reprice

RESAMPLES = 200
BUDGET_EXHAUSTED = "budget_exhausted"

FactsOf = Callable[[str], ModelFacts | None]
"""What is known of a target by its name; None where there is none now."""


class RecordedCall(msgspec.Struct, frozen=True, kw_only=True):
    """A call as its record tells it. `last_pico_usd` is what its last attempt cost, the one whose usage is
    known; `reserved_pico_usd` what that held of its budgets, 0 where it was under none."""

    id: str
    started_ms: int
    project: str
    key: str
    user: str
    tags: tuple[str, ...]
    asked: str
    target: str
    code: str
    usage: Usage
    cost_pico_usd: int | None
    last_pico_usd: int | None
    reserved_pico_usd: int
    is_estimated: bool


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """What rules make of a call: the target that it goes to, its output limit before and after, and the bytes
    of its body before and after."""

    model: str | None = None
    output_max_before: int | None = None
    output_max_after: int | None = None
    bytes_before: int = 1
    bytes_after: int = 1


class Scenario(msgspec.Struct, frozen=True, kw_only=True):
    """What is different: names (asked for, or `provider/model`) that go to other targets, prices of targets,
    and the budgets that hold."""

    models: dict[str, str] = {}
    prices: dict[str, ModelFacts] = {}
    budgets: tuple[Budget, ...] = ()


class Group(msgspec.Struct, kw_only=True):
    """Calls that asked for one name, were answered by one target and would have gone to another."""

    asked: str
    target: str
    new_target: str
    calls: int = 0
    actual: int = 0
    low: int = 0
    value: int = 0
    high: int = 0
    is_exact: bool = True

    def add(self, actual: int, amount: Amount) -> None:
        """Count a call."""
        self.calls += 1
        self.actual += actual
        self.low += amount.low
        self.value += amount.value
        self.high += amount.high


class WhatIf:
    """Sums up a scenario over calls. `weight` is how many calls each one stands for, above 1 for a sample."""

    def __init__(
        self,
        scenario: Scenario,
        facts_of: FactsOf,
        lengths: Mapping[str, Lengths],
        *,
        weight: float = 1.0,
    ) -> None:
        self.scenario = scenario
        self.groups: dict[tuple[str, str, str], Group] = {}
        self.plans: dict[tuple[str, str], Repriced] = {}
        self.replay = Replay(scenario.budgets)
        self.calls = 0
        self.refused_then = 0
        self.unpriced = 0
        self.estimated = 0
        self.actual_pico_usd = 0
        self.changed_by_rules = 0
        self.rule_bounds = False
        self.admitted = [0, 0, 0]
        """Low, value and high of the calls that no budget would have refused."""
        self.refused_pico_usd = 0
        self.differences: list[tuple[int, int]] = []
        """Actual and admitted cost of each call: what a sample's error is made from."""
        self._facts_of = facts_of
        self._lengths = lengths
        self._weight = weight

    def add(self, call: RecordedCall, effect: Effect | None = None) -> None:
        """Take the next call, with what rules make of it."""
        self.calls += 1
        self.refused_then += call.code == BUDGET_EXHAUSTED
        self.estimated += call.is_estimated
        self.changed_by_rules += effect is not None
        actual = call.cost_pico_usd or 0
        self.actual_pico_usd += actual
        plan = self._plan(call, effect)
        amount = self._amount(call, plan, effect)
        if amount is None:
            self.unpriced += 1
            amount = Amount(0, 0, 0)
        target = plan.target if plan is not None else call.target
        place = (call.asked, call.target, target)
        group = self.groups.get(place)
        if group is None:
            group = self.groups[place] = Group(asked=call.asked, target=call.target, new_target=target)
        group.is_exact = group.is_exact and amount.low == amount.high
        group.add(actual, amount)
        if self._take(call, target, actual, amount):
            self.differences.append((actual, amount.value))
            for edge in (0, 1, 2):
                self.admitted[edge] += amount[edge]
        else:
            self.differences.append((actual, 0))
            self.refused_pico_usd += amount.value

    def _take(self, call: RecordedCall, target: str, actual: int, amount: Amount) -> bool:
        """Charge budgets what the call stands for; its reservation grows with its cost."""
        if not self.scenario.budgets:
            return True
        reserved = call.reserved_pico_usd
        if actual and amount.value != actual:
            reserved = reserved * amount.value // actual
        weighed = round(amount.value * self._weight)
        needs = max(weighed, reserved if self._weight == 1.0 else 0)
        subject = subject_of(call, target)
        return self.replay.take(Charge(call.id, call.started_ms, subject, needs, weighed))

    def _plan(self, call: RecordedCall, effect: Effect | None) -> Repriced | None:
        scenario = self.scenario
        moved = effect.model if effect is not None and effect.model is not None else None
        if moved is None:
            moved = scenario.models.get(call.asked) or scenario.models.get(call.target)
        target = moved or call.target
        if not call.target or (target == call.target and target not in scenario.prices):
            return None
        plan = self.plans.get((call.target, target))
        if plan is None:
            facts = scenario.prices.get(target) or self._facts_of(target)
            if facts is None:
                facts = ModelFacts(price=None)
            plan = Repriced(target=target, facts=facts)
            if target != call.target:
                given, made = factors(call.target, target, self._lengths)
                plan = msgspec.structs.replace(plan, input=given, output=made)
            self.plans[call.target, target] = plan
        return plan

    def _amount(self, call: RecordedCall, plan: Repriced | None, effect: Effect | None) -> Amount | None:
        usages = (call.usage, call.usage)
        if effect is not None:
            usages = after_rules(call.usage, effect)
            self.rule_bounds = self.rule_bounds or usages[0] != usages[1]
        if plan is None and usages == (call.usage, call.usage):
            known = call.cost_pico_usd
            return None if known is None else Amount(known, known, known)
        if plan is None:
            facts = self._facts_of(call.target)
            plan = Repriced(target=call.target, facts=facts or ModelFacts(price=None))
        if call.is_estimated and not call.usage.total:
            return self._scaled(call, plan)
        found = reprice(usages[0], plan)
        most = found if usages[1] is usages[0] else reprice(usages[1], plan)
        if found is None or most is None:
            return None
        if plan.target == call.target and call.target not in self.scenario.prices:
            # Only rules concern it: what was paid is known, and what changes is the difference.
            before = cost(plan.facts, call.usage)
            shift = 0 if before is None else (call.cost_pico_usd or 0) - before
            return Amount(max(0, found.low + shift), max(0, found.value + shift), max(0, most.high + shift))
        # What earlier attempts cost, at other targets, stays.
        earlier = max(0, (call.cost_pico_usd or 0) - (call.last_pico_usd or 0))
        if call.last_pico_usd is None:
            earlier = 0
        return Amount(found.low + earlier, found.value + earlier, most.high + earlier)

    def _scaled(self, call: RecordedCall, plan: Repriced) -> Amount | None:
        """A call whose usage nobody knows was charged its reservation: that, at the new price, at most."""
        old = self._facts_of(call.target)
        if call.cost_pico_usd is None or old is None:
            return None
        before, after = (cost(facts, Usage(input=1000, output=1000)) for facts in (old, plan.facts))
        if not before or after is None:
            return None
        value = call.cost_pico_usd * after // before
        return Amount(0, value, round(value * plan.output.high))


def after_rules(usage: Usage, effect: Effect) -> tuple[Usage, Usage]:
    """Return the usage that a call would have had after rules, and the most that it could have had.

    A lower limit cuts the answer. A higher one lets an answer that was cut go on as far as it says. Text that
    is longer or shorter takes input tokens in proportion to its bytes.
    """
    changed = usage
    if effect.bytes_after != effect.bytes_before:
        share = effect.bytes_after / max(1, effect.bytes_before)
        changed = msgspec.structs.replace(changed, input=round(usage.input * share))
    before, after = effect.output_max_before, effect.output_max_after
    made = usage.output + usage.reasoning
    most = changed
    if after is not None and made > after:
        output = max(0, after - usage.reasoning)
        changed = msgspec.structs.replace(changed, output=output, reasoning=min(usage.reasoning, after))
        most = changed
    elif before is not None and made >= before and (after is None or after > before):
        longest = 2 * made if after is None else after
        most = msgspec.structs.replace(changed, output=max(usage.output, longest - usage.reasoning))
    return changed, most


def subject_of(call: RecordedCall, target: str) -> Subject:
    """Return what a call at a target counts under."""
    return Subject(
        project=call.project,
        key=call.key,
        user=call.user or call.key,
        alias=call.asked,
        tags=call.tags,
        provider=target.partition("/")[0],
        target=target,
    )


def sampling_interval(values: Sequence[int], total: int, seed: int) -> tuple[int, int]:
    """Return how far below and above its estimate the sum over all calls may lie, seen in a sample of them.

    The 2.5 % and 97.5 % quantiles of the sum over 200 resamples, times the root of the part not looked at
    (Efron, "Bootstrap methods: another look at the jackknife", Annals of Statistics 7, 1979; Cochran,
    "Sampling Techniques", 3rd edition, 1977, section 2.6 on the finite population).
    """
    count = len(values)
    if count < 2 or count >= total:
        return 0, 0
    random = Random(seed)
    estimate = sum(values) * total / count
    sums = sorted(sum(random.choices(values, k=count)) * total / count for _ in range(RESAMPLES))
    unseen = (1 - count / total) ** 0.5
    low, high = sums[round(RESAMPLES * 0.025)], sums[round(RESAMPLES * 0.975) - 1]
    return max(0, round((estimate - low) * unseen)), max(0, round((high - estimate) * unseen))

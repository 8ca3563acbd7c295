"""Calls that both arms answered: what is concluded of them, and what is not."""

from random import Random

import msgspec
import pytest
from tests.rollout_settings import SMALLER, only_rollout

from headgate.config.compile import compile_file
from headgate.core.faults import Misconfigured
from headgate.experiments.report import Comparison
from headgate.rollouts.model import Rollout, Stage
from headgate.rollouts.pairing import Amounts, Events, Seen, metrics_of
from headgate.rollouts.unpriced import Unpriced
from headgate.statistics.moments import Moments

CONFIG = (
    SMALLER
    + """
users = ["ann"]
shadow = { share = 0.2, agree = { tools = 0.9 } }
shares = [0.1, 0.5]
units = 100
guardrails = [
    { name = "errors", measure = "errors", margin = "0.02" },
    { name = "refusals", measure = "refusals", margin = "50%" },
    { name = "cost", measure = "cost", margin = "10%" },
    { name = "latency", measure = "latency", margin = "200" },
    { name = "solved", kind = "event", margin = "0.05" },
]
"""
)


def rollout(toml: str = CONFIG) -> Rollout:
    return only_rollout(toml)


def moments(values: list[float]) -> Moments:
    n, mean = len(values), sum(values) / len(values)
    spread = sum((value - mean) ** 2 for value in values)
    cubes = sum(value**3 for value in values) / n
    return Moments(n=n, y=mean, x=1.0, yy=spread, xy=0.0, xx=0.0, yyy=cubes, yyx=0.0, yxx=mean, xxx=1.0)


def found(seen: Seen, toml: str = CONFIG) -> dict[str, Comparison]:
    here = rollout(toml)
    reports = metrics_of(here, here.stages[0].experiment, seen)
    return {each.name: each.comparisons[0] for each in reports}


NOTHING = Seen(pairs=0, units=0, events={}, amounts={}, agreed={})


def test_stages_begin_with_the_shadow_and_share_one_chance_of_error() -> None:
    here = rollout()
    assert [stage.name for stage in here.stages] == ["shadow", "internal", "10 %", "50 %", "all"]
    shadow, internal, tenth, *_ = here.stages
    assert (shadow.sampled, internal.sampled, tenth.sampled) == (0.2, 0.2, 0.0)
    assert (shadow.shown, internal.shown) == ("present", "candidate")
    asked = 5 * 2 + (4 + 1) * 2
    assert [stage.experiment.error for stage in here.stages] == [pytest.approx(0.05 / asked)] * 5
    assert len({stage.experiment.version for stage in here.stages}) == 5
    without = rollout(CONFIG.replace("shadow = { share = 0.2, agree = { tools = 0.9 } }\n", ""))
    assert without.stages[0].name == "internal"
    assert not without.stages[0].moves_by_itself


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("share = 0.2", "share = 0.0", "write a part of all calls"),
        ("tools = 0.9", "tools = 1.0", "write a part below 1"),
        ("tools = 0.9", "words = 0.9", "words"),
    ],
)
def test_shadows_that_can_not_be_are_refused(old: str, new: str, says: str) -> None:
    with pytest.raises(Misconfigured) as refused:
        compile_file(CONFIG.replace(old, new, 1))
    assert says in str(refused.value)


def test_shadows_that_compare_nothing_are_refused() -> None:
    feedback_alone = CONFIG[: CONFIG.index("guardrails")].replace(", agree = { tools = 0.9 }", "")
    with pytest.raises(Misconfigured) as refused:
        compile_file(feedback_alone + 'guardrails = [{ name = "solved", kind = "event", margin = "0.05" }]\n')
    assert "compares nothing" in str(refused.value)


def test_nothing_is_known_of_nothing_and_feedback_is_no_part_of_it() -> None:
    known = found(NOTHING)
    assert set(known) == {"errors", "refusals", "cost", "latency", "the same tools"}
    assert {each.finding for each in known.values()} == {"none"}
    assert all(each.note for each in known.values())


def events(**numbers: int) -> Seen:
    return msgspec.structs.replace(
        NOTHING, events={"errors": Events(**numbers), "refusals": Events(**numbers)}
    )


def test_errors_that_never_happen_hold_and_those_of_the_candidate_alone_break() -> None:
    assert found(events(calls=100))["errors"].finding == "open"
    none = found(events(calls=500))["errors"]
    assert (none.finding, none.mean, none.low is not None and none.low < 0) == ("holds", 0.0, True)
    broken = found(events(calls=100, candidate=30, candidate_alone=30))["errors"]
    assert broken.finding == "broken" and broken.low is not None and broken.low > 2
    both = found(events(calls=100, candidate=30, present=30))["errors"]
    assert both.finding == "open", "the same calls fail with both: that is not the candidate's"


def test_a_margin_that_is_a_part_of_the_present_s_share_is_compared_with_it() -> None:
    more = found(events(calls=2000, candidate=1200, present=400, candidate_alone=900, present_alone=100))
    assert more["refusals"].finding == "broken"
    as_many = found(events(calls=2000, candidate=900, present=900, candidate_alone=50, present_alone=50))
    assert as_many["refusals"].finding == "holds"
    assert as_many["refusals"].difference == 0


def test_costs_and_waits_are_compared_call_by_call() -> None:
    random = Random(3)
    present = [random.uniform(0.5, 1.5) for _ in range(400)]

    def cost(factor: float) -> Comparison:
        candidate = [factor * value * random.uniform(0.95, 1.05) for value in present]
        apart = moments([one - 1.1 * other for one, other in zip(candidate, present, strict=True)])
        mean = sum(candidate) / 400, sum(present) / 400
        amounts = {"cost": Amounts(candidate=mean[0], present=mean[1], apart=apart)}
        return found(msgspec.structs.replace(NOTHING, amounts=amounts))["cost"]

    assert cost(1.0).finding == "holds"
    dearer = cost(1.4)
    assert dearer.finding == "broken"
    assert dearer.difference == pytest.approx(0.4, rel=0.1)
    assert dearer.low is not None and 0.3 < dearer.low < 0.4 < (dearer.high or 0) < 0.5
    few = Amounts(candidate=1, present=1, apart=moments([0.1, 0.2, 0.3]))
    told = found(msgspec.structs.replace(NOTHING, amounts={"cost": few}))["cost"]
    assert (told.finding, told.note) == ("none", "too few calls for how unevenly they lie")
    alike = Amounts(candidate=1, present=1, apart=moments([0.0] * 300))
    assert "same value" in found(msgspec.structs.replace(NOTHING, amounts={"cost": alike}))["cost"].note


def test_costs_of_calls_without_a_price_are_not_compared() -> None:
    random = Random(3)
    apart = moments([random.uniform(-0.3, -0.1) for _ in range(400)])
    amounts = {"cost": Amounts(candidate=0.9, present=1.0, apart=apart)}
    seen = msgspec.structs.replace(NOTHING, amounts=amounts)
    assert found(seen)["cost"].finding == "holds"
    lacking = {"candidate": Unpriced(calls=500, unpriced=100), "present": Unpriced(calls=500, unpriced=0)}
    told = found(msgspec.structs.replace(seen, unpriced=lacking))["cost"]
    assert (told.finding, told.low, told.high) == ("none", None, None)
    assert told.note.startswith("100 of 500 calls of candidate have no known price")
    assert "its entry in [[rollouts]]" in told.note


def test_agreement_that_is_asked_for_decides_and_other_is_only_told() -> None:
    seen = msgspec.structs.replace(NOTHING, agreed={"tools": (300, 300), "text": (10, 300)})
    known = found(seen)
    assert known["the same tools"].finding == "holds"
    assert (known["the same text"].finding, known["the same text"].mean) == ("open", pytest.approx(10 / 3))
    broken = found(msgspec.structs.replace(NOTHING, agreed={"tools": (200, 300)}))["the same tools"]
    assert (broken.finding, broken.high is not None and broken.high < -10) == ("broken", True)


def stage_of(kind: str) -> Stage:
    (found,) = [stage for stage in rollout().stages if stage.kind == kind]
    return found


def test_callers_are_shown_the_present_in_the_shadow_and_the_candidate_once_internal() -> None:
    assert stage_of("shadow").moves_by_itself and stage_of("internal").moves_by_itself
    assert not stage_of("all").moves_by_itself

"""`[[rollouts]]`: what it compiles to, what is refused, and what each state of the evidence asks for."""

from typing import Any

import msgspec
import pytest
from tests.rollout_settings import MODELS, only_rollout

from headgate.config.compile import compile_file
from headgate.core.faults import Misconfigured
from headgate.experiments.assignment import Assigner
from headgate.experiments.report import ArmReport, Comparison, Finding, MetricReport, Report
from headgate.rollouts.deciding import decide
from headgate.rollouts.model import BACK, Rollout, Standing

ROLLOUT = """
[[rollouts]]
name = "smaller"
alias = "assistant"
targets = ["mock/small"]
users = ["ann"]
shares = [0.01, 0.25]
window = "1m"
units = 100
guardrails = [
    { name = "errors", measure = "errors", margin = "0.02" },
    { name = "cost", measure = "cost", margin = "10%" },
]
"""


def rollout(toml: str = ROLLOUT) -> Rollout:
    return only_rollout(MODELS + toml)


def standing(of: Rollout, stage: str, *, held: bool = False) -> Standing:
    place = [each.name for each in of.stages].index(stage)
    return Standing(version=of.version, stage=place, held=held)


def report(complete: int, *findings: Finding, sound: bool = True, **numbers: Any) -> Report:
    arms = [
        ArmReport(
            name=name, share=1, targets=(), units=complete, complete=complete, calls=complete, crossed=0
        )
        for name in ("present", "candidate")
    ]
    metrics = [
        MetricReport(
            name=f"guard {place}",
            measure="errors",
            role="guardrail",
            kind="answer",
            better="lower",
            scale="points",
            comparisons=[Comparison(arm="candidate", finding=finding, units=complete, **numbers)],
            answered={},
        )
        for place, finding in enumerate(findings)
    ]
    return Report(
        name="rollout:smaller",
        version="v",
        alias="assistant",
        unit="user",
        state="running",
        started_at="",
        first_exposure_at=None,
        window_days=0,
        error=0.05,
        arms=arms,
        strays=0,
        ratio_evidence=None,
        is_sound=sound,
        metrics=metrics,
        notes=[],
        sentence="The arms don't have the shares that were meant.",
    )


def test_a_rollout_is_compiled_into_an_experiment_a_stage() -> None:
    found = rollout()
    assert [stage.name for stage in found.stages] == ["internal", "1 %", "25 %", "all"]
    assert len({stage.experiment.version for stage in found.stages}) == 4
    errors, cost = found.stages[1].experiment.metrics
    assert (errors.role, cost.role) == ("guardrail", "guardrail")
    assert found.stages[1].experiment.error == pytest.approx(0.05 / 4), "for all guardrails and shares"
    snapshot = compile_file(MODELS + ROLLOUT)
    assert [each.name for each in snapshot.arms["rollout:smaller", "candidate"].targets] == ["mock/small"]
    assert rollout(ROLLOUT.replace("units = 100", "units = 101")).version != found.version


def test_who_is_served_by_the_candidate_stays_so_as_shares_grow() -> None:
    _, one, quarter, whole = [Assigner(each.experiment, bytes(32)) for each in rollout().stages]
    served: dict[str, set[str]] = {"1": set(), "25": set()}
    for number in range(4000):
        unit = f"u{number}"
        for name, assigner in (("1", one), ("25", quarter)):
            exposure = assigner.assign("default", unit)
            assert exposure is not None
            if exposure.arm == "candidate":
                served[name].add(unit)
        everyone = whole.assign("default", unit)
        assert everyone is not None and everyone.arm == "candidate"
    assert served["1"] < served["25"]
    assert 10 <= len(served["1"]) <= 80 and 850 <= len(served["25"]) <= 1150


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('targets = ["mock/small"]\n', "", "moves to nothing"),
        ("[0.01, 0.25]", "[0.25, 0.01]", "let shares grow"),
        ("[0.01, 0.25]", "[0.01, 1.0]", "write a part of all units"),
        ('alias = "assistant"', 'alias = "nobody"', "which [models] does not have"),
        (', margin = "0.02"', "", "a guardrail without a margin"),
        ('targets = ["mock/small"]', "set = { temperature = 'hot' }", "is refused"),
        ('users = ["ann"]', "internal_share = 0.5", "a share of nobody's calls"),
        ('users = ["ann"]', 'users = ["ann"]\ninternal_share = 0', "nobody would be served"),
        (
            'users = ["ann"]',
            'users = ["ann"]\ninternal_share = 0.5\nshadow = { share = 0.1 }',
            "compares internal callers' calls already",
        ),
    ],
)
def test_what_can_not_be_is_refused_in_words(old: str, new: str, says: str) -> None:
    with pytest.raises(Misconfigured) as refused:
        compile_file(MODELS + ROLLOUT.replace(old, new, 1))
    assert says in str(refused.value)


def test_an_alias_has_one_rollout_and_no_experiment_beside() -> None:
    experiment = (
        '[[experiments]]\nname = "x"\nalias = "assistant"\narms = [{ name = "a", share = 1 }, '
        '{ name = "b", share = 1, targets = ["mock/tiny"] }]\nmetrics = [{ name = "solved" }]\n'
    )
    for other, says in ((experiment, "which an experiment has"), (ROLLOUT, "for another rollout")):
        with pytest.raises(Misconfigured) as refused:
            compile_file(MODELS + ROLLOUT + other)
        assert says in str(refused.value)


def test_evidence_moves_it_on_back_or_not() -> None:
    found = rollout()
    here = standing(found, "1 %")
    moves = decide(found, here, report(100, "holds", "holds"))
    assert (moves.step, "All guardrails hold at 1 %" in moves.sentence) == ("advance", True)
    broken = decide(found, here, report(50, "holds", "broken", difference=9.0, low=4.0, high=14.0))
    assert broken.step == "back"
    assert broken.sentence.startswith("guard 1 is worse by at least 4 points in the candidate")
    few = decide(found, here, report(99, "holds", "holds"))
    assert (few.step, "it moves on from 100" in few.sentence) == ("wait", True)
    opened = decide(found, here, report(100, "holds", "open", low=-1.0, high=3.0, more_days=2.2))
    assert opened.sentence == (
        "guard 1 may still be worse by 3 points in the candidate, about 2 days more at this traffic."
    )
    unknown = decide(found, here, report(100, "none", note="too few"))
    assert (unknown.step, unknown.sentence) == ("wait", "guard 0 is not known yet: too few.")
    assert decide(found, here, report(100, "broken", sound=False)).step == "wait", "no conclusion at all"
    assert "has come yet" in decide(found, here, None).sentence


def test_one_that_is_held_falls_back_but_does_not_move_on() -> None:
    found = rollout()
    held = standing(found, "25 %", held=True)
    assert decide(found, held, report(500, "holds")).step == "wait"
    assert decide(found, held, report(500, "holds")).sentence.startswith("It is held.")
    assert decide(found, held, report(500, "broken", low=1.0, difference=2.0)).step == "back"


def test_internal_callers_that_both_arms_serve_are_evidence_call_by_call() -> None:
    found = rollout(ROLLOUT.replace('users = ["ann"]', 'users = ["ann"]\ninternal_share = 0.8'))
    internal, one, *_ = found.stages
    assert (internal.experiment.unit, one.experiment.unit) == ("call", "user")
    assert [arm.share for arm in internal.experiment.arms] == pytest.approx([0.2, 0.8])
    assert one.experiment.error == pytest.approx(0.05 / 6), "for that stage, too"
    here = standing(found, "internal")
    moves = decide(found, here, report(100, "holds", "holds"))
    assert (moves.step, "calls of internal callers" in moves.sentence) == ("advance", True)
    assert decide(found, here, report(9, "broken", difference=9.0, low=4.0, high=14.0)).step == "back"
    few = decide(found, here, report(99, "holds", "holds"))
    assert (few.step, "calls of internal callers that the candidate served" in few.sentence) == ("wait", True)


def test_stages_without_two_arms_wait_for_people() -> None:
    found = rollout()
    internal = decide(found, standing(found, "internal"), report(3))
    assert (internal.step, "6 calls so far" in internal.sentence) == ("wait", True)
    assert "write it into the alias" in decide(found, standing(found, "all"), None).sentence
    gone = decide(found, msgspec.structs.replace(standing(found, "all"), stage=BACK), None)
    assert gone.sentence.startswith("It fell back")

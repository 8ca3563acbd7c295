"""`[[experiments]]`: what it compiles to, what is refused and why, and what a plan says of a change."""

import pytest

from headgate.config.compile import compile_file
from headgate.config.load import load
from headgate.config.plan import plan
from headgate.core.faults import Misconfigured
from headgate.experiments.model import Adaptive, Amount

MODELS = """
[providers.mock]
kind = "mock"

[models.assistant]
targets = ["mock/small", "mock/large"]

[models.other]
targets = ["mock/small"]
"""
ARMS = """
[[experiments.arms]]
name = "now"
share = 1

[[experiments.arms]]
name = "new"
share = 3
targets = ["mock/tiny"]
"""
METRIC = """
[[experiments.metrics]]
name = "solved"
kind = "event"
effect = "0.02"
"""
HEAD = """
[[experiments]]
name = "tiny"
alias = "assistant"
"""


ADAPTIVE = """
[experiments.adaptive]
floor = 0.2
every = "1h"
"""
EQUAL = ARMS.replace("share = 3", "share = 1")


def toml(head: str = "", arms: str = ARMS, metrics: str = METRIC) -> str:
    return HEAD + head + arms + metrics


def test_an_experiment_is_compiled_with_the_targets_of_its_arms() -> None:
    guard = '\n[[experiments.metrics]]\nname = "cost"\nmeasure = "cost"\nrole = "guardrail"\nmargin = "10%"\n'
    snapshot = compile_file(MODELS + toml('window = "1h"\nunit = "session"\n', metrics=METRIC + guard))
    (experiment,) = snapshot.experiments
    assert (experiment.unit, experiment.window_s, experiment.baseline.name) == ("session", 3600.0, "now")
    assert [(arm.name, arm.share) for arm in experiment.arms] == [("now", 1.0), ("new", 3.0)]
    assert len(experiment.version) == 16
    solved, cost = experiment.metrics
    assert (solved.better, solved.effect) == ("higher", Amount(value=0.02))
    assert (cost.better, cost.margin) == ("lower", Amount(value=0.1, is_relative=True))
    alias = snapshot.arms["tiny", "new"]
    assert (alias.name, [target.name for target in alias.targets]) == ("assistant", ["mock/tiny"])
    assert ("tiny", "now") not in snapshot.arms


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (toml(arms='[[experiments.arms]]\nname = "now"\nshare = 1\n'), "compares two or more"),
        (toml(arms=ARMS.replace('"new"', '"now"')), "'now' a second time"),
        (toml(arms=ARMS.replace('targets = ["mock/tiny"]', "")), "all served as the alias is"),
        (toml(arms=ARMS.replace("mock/tiny", "nobody/tiny")), "names the provider 'nobody'"),
        (toml(arms=ARMS.replace("share = 3", "share = 0")), "share is 0; it has to be above 0"),
        (toml(arms=ARMS.replace("share = 3", "share = nan")), "share is nan; it has to be above 0"),
        (toml(metrics=METRIC + 'role = "exploratory"\n'), "is read for decisions only"),
        (toml(metrics='[[experiments.metrics]]\nname = "a"\nrole = "exploratory"\n'), "decide nothing"),
        (toml(metrics=METRIC + 'margin = "5%"\n'), "is read for guardrails only"),
        (toml(metrics=METRIC.replace('"0.02"', '"0"')), "write a size above 0"),
        (toml(metrics=METRIC.replace('"0.02"', '"many"')), "write a size above 0"),
        (toml(metrics=METRIC.replace('"event"', '"events"')), "nearest is event"),
        (toml(metrics=METRIC + 'measure = "cost"\n'), "is read for feedback only"),
        (toml(metrics=METRIC + METRIC), "'solved' a second time"),
        (toml(metrics=METRIC + 'per = "solved"\n'), "is solved, which it measures"),
        (
            toml(metrics='[[experiments.metrics]]\nname = "c"\nmeasure = "cost"\nper = "cost"\n'),
            "is cost, which it measures",
        ),
        (
            toml(metrics='[[experiments.metrics]]\nname = "c"\nmeasure = "cost"\nper = "solved"\n'),
            "leaves silent units out, but not what they cost",
        ),
        (
            toml(
                metrics=METRIC + '[[experiments.metrics]]\nname = "c"\nmeasure = "cost"\nrole = "guardrail"\n'
            ),
            "a guardrail without a margin",
        ),
        (toml().replace('"assistant"', '"asistant"'), "which [models] does not have; nearest is assistant"),
        (toml("traffic = [0.5, 0.5]\n"), "write from and to"),
        (toml("traffic = [0.5]\n"), "write from and to"),
        (toml("traffic = [0.0, 1.5]\n"), "has to be between 0 and 1"),
        (toml('window = "10ms"\n'), "outcomes need a second"),
        (toml("error = 0.9\n"), "has to be above 0 and at most 0.5"),
        (toml('projects = ["shop"]\n'), "which [projects] does not have"),
        (toml("share = 0.5\n"), "is unknown"),
        (toml() + toml(), "is 'tiny' a second time"),
        (toml() + toml().replace('"tiny"', '"two"', 1), "overlaps with [0.0, 1.0] of tiny"),
        (
            toml('layer = "one"\n') + toml('layer = "two"\n').replace('"tiny"', '"two"', 1),
            "those on one alias share a layer",
        ),
        (
            toml("traffic = [0.0, 0.5]\n")
            + toml('unit = "call"\ntraffic = [0.5, 1.0]\n').replace('"tiny"', '"two"', 1),
            "a layer has one unit",
        ),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_place(text: str, says: str) -> None:
    with pytest.raises(Misconfigured) as refused:
        compile_file(MODELS + text)
    assert says in str(refused.value)
    assert "headgate.toml:" in str(refused.value)


CALLS = 'unit = "call"\n'
FOUR = EQUAL + EQUAL.replace('"n', '"m')
ANSWERS = METRIC.replace("event", "answer")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            toml(CALLS, arms=EQUAL) + ADAPTIVE + "parts = 5\n",
            "is for units that come back, and a call never does",
        ),
        (toml(arms=EQUAL) + ADAPTIVE + "parts = 1\n", "has to be"),
        (toml(CALLS, arms=EQUAL) + ADAPTIVE.replace("0.2", "0.01"), "has to be"),
        (
            toml(CALLS, arms=FOUR) + ADAPTIVE.replace("0.2", "0.3"),
            "at most 0.25",
        ),
        (toml(CALLS, arms=ARMS.replace("3", "9")) + ADAPTIVE, "an arm begins below it"),
        (toml(CALLS, arms=EQUAL) + ADAPTIVE.replace("1h", "1s"), "shares move once a minute at most"),
        (toml(CALLS + 'looks = "planned"\n', arms=EQUAL) + ADAPTIVE, "shares that move do not allow"),
        (
            toml(CALLS, arms=EQUAL, metrics=ANSWERS) + ADAPTIVE,
            "leaves silent calls",
        ),
    ],
)
def test_shares_may_not_move_where_intervals_would_be_wrong(text: str, says: str) -> None:
    with pytest.raises(Misconfigured) as refused:
        compile_file(MODELS + text)
    assert says in str(refused.value)


def test_shares_that_may_move_make_another_version_and_others_keep_theirs() -> None:
    plain, adaptive = (
        compile_file(MODELS + toml(CALLS, arms=EQUAL) + each).experiments[0] for each in ("", ADAPTIVE)
    )
    assert plain.adaptive is None
    assert adaptive.adaptive == Adaptive(floor=0.2, every_s=3600.0)
    users, fewer = (
        compile_file(MODELS + toml(arms=EQUAL) + ADAPTIVE + each).experiments[0]
        for each in ("", "parts = 4\n")
    )
    assert users.adaptive == Adaptive(floor=0.2, every_s=3600.0, parts=10), "units that come back are divided"
    assert fewer.adaptive == Adaptive(floor=0.2, every_s=3600.0, parts=4)
    assert users.version != fewer.version
    assert plain.version != adaptive.version


def test_experiments_of_one_layer_take_turns_in_its_traffic() -> None:
    first = toml('layer = "models"\ntraffic = [0.0, 0.5]\n')
    second = toml('layer = "models"\ntraffic = [0.5, 1.0]\n').replace('"tiny"', '"two"', 1)
    assert len(compile_file(MODELS + first + second).experiments) == 2


def test_the_version_changes_with_what_assignment_depends_on_and_with_nothing_else() -> None:
    def version(text: str) -> str:
        return compile_file(MODELS + text).experiments[0].version

    own = version(toml())
    assert version(toml("error = 0.01\nplanned_units = 500\n", metrics=METRIC.replace("0.02", "0.5"))) == own
    others = [
        toml('salt = "again"\n'),
        toml('unit = "session"\n'),
        toml('layer = "models"\n'),
        toml("traffic = [0.0, 0.5]\n"),
        toml('window = "1h"\n'),
        toml(arms=ARMS.replace("share = 3", "share = 1")),
        toml(arms=ARMS.replace("tiny", "little")),
    ]
    assert len({own, *map(version, others)}) == len(others) + 1


def test_a_plan_says_what_follows_from_a_change() -> None:
    before = load(MODELS + toml())
    (moved,) = plan(before, load(MODELS + toml('salt = "again"\n')))
    assert str(moved).startswith("experiments.tiny changed: salt: unset")
    assert "its units begin anew" in str(moved)
    (later,) = plan(before, load(MODELS + toml("error = 0.01\n")))
    assert "this changed after the start" in str(later)


def test_what_serves_an_arm_without_targets_is_a_part_of_the_version() -> None:
    moved = MODELS.replace('"mock/small", "mock/large"', '"mock/large"')
    assert moved != MODELS
    (before,), (after,) = (compile_file(models + toml()).experiments for models in (MODELS, moved))
    assert before.version != after.version
    assert after.alias_targets == ("mock/large",)
    (other,) = compile_file(MODELS.replace('["mock/small"]', '["mock/large"]') + toml()).experiments
    assert other.version == before.version, "another alias is no part of it"
    own = ARMS.replace('name = "now"', 'name = "now"\ntargets = ["mock/small"]')
    versions = {compile_file(models + toml(arms=own)).experiments[0].version for models in (MODELS, moved)}
    assert len(versions) == 1, "no arm is served as the alias is"
    (told,) = plan(load(MODELS + toml()), load(moved + toml()))
    assert str(told).endswith("(begins anew: experiment tiny)")
    (told,) = plan(load(MODELS + toml(arms=own)), load(moved + toml(arms=own)))
    assert "anew" not in str(told)


def test_what_serves_the_present_is_a_part_of_a_rollout() -> None:
    rollout = """
[[rollouts]]
name = "smaller"
alias = "assistant"
targets = ["mock/tiny"]
guardrails = [{ name = "errors", measure = "errors", margin = "0.02" }]
"""
    moved = MODELS.replace('"mock/small", "mock/large"', '"mock/large"')
    (before,), (after,) = (compile_file(models + rollout).rollouts for models in (MODELS, moved))
    assert before.version != after.version
    assert all(stage.experiment.alias_targets == ("mock/large",) for stage in after.stages)
    (told,) = plan(load(MODELS + rollout), load(moved + rollout))
    assert str(told).endswith("(begins anew: rollout smaller)")


@pytest.mark.parametrize(
    ("head", "looks", "units"),
    [
        ("", "every", 1000),
        ("planned_units = 5000\n", "planned", 5000),
        ('planned_units = 5000\nlooks = "every"\n', "every", 5000),
        ('looks = "planned"\n', "planned", 1000),
    ],
)
def test_who_plans_units_means_to_decide_at_them(head: str, looks: str, units: int) -> None:
    (experiment,) = compile_file(MODELS + toml(head)).experiments
    assert (experiment.looks, experiment.planned_units) == (looks, units)


def test_shares_that_move_stay_without_a_plan() -> None:
    head = 'unit = "call"\nplanned_units = 5000\n'
    (experiment,) = compile_file(MODELS + toml(head, arms=EQUAL) + ADAPTIVE).experiments
    assert experiment.looks == "every"

"""What rules cost a call, counted in calls of Python functions and not in time: the same on every machine."""

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import msgspec
import pytest
from bench.rules import CASES, facts

from headgate.gateway.overriding import Overriding
from headgate.releases.applying import RuleSet, Subject, compile_rules
from headgate.releases.rules import Rule
from headgate.releases.texts import REPLACED_MAX
from headgate.wire.reading import reread

SUBJECT = Subject(project="default", now_ms=0, sticky=b"user anna", resolves=lambda name: True, tags=("red",))


def rules_of(said: dict[str, Any], count: int = 1) -> RuleSet:
    return compile_rules(
        [msgspec.convert({"name": f"r{n}", "version": 1, **said}, Rule) for n in range(count)]
    )


def calls_of(work: Callable[[], object]) -> int:
    """How many Python functions a piece of work calls, itself left out, once it has been done before."""
    work()
    count = 0

    def profile(frame: FrameType, event: str, argument: object) -> None:
        nonlocal count
        del frame, argument
        count += event == "call"

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count - 1


def test_without_rules_prompts_and_environments_there_is_nothing_to_ask() -> None:
    assert Overriding.of({}, {}, {}) is None


@pytest.mark.parametrize("count", [1, 500])
def test_rules_of_other_models_and_projects_cost_one_look_up(count: int) -> None:
    for match in ({"model": "other"}, {"project": "other"}):
        rules = rules_of({"match": match, "set": {"temperature": 0}}, count)
        assert rules.candidates("default", "gpt-4o") == ()
        assert calls_of(lambda rules=rules: rules.candidates("default", "gpt-4o")) == 1


def test_a_rule_that_does_not_fit_costs_a_few_calls_and_reads_no_body() -> None:
    call, members = facts()
    rules = rules_of(CASES["one of another tag"])
    assert calls_of(lambda: rules.apply(SUBJECT, call, members)) <= 5
    template = rules_of(CASES["one of another template"])
    assert calls_of(lambda: template.apply(SUBJECT, call, members)) <= 10


def test_no_more_places_of_a_fragment_are_looked_at_than_are_replaced() -> None:
    call, _ = facts()
    call = msgspec.structs.replace(
        call, body=call.body.replace(b'"content":"', b'"content":"' + b"abcd" * 9000)
    )
    rules = rules_of({"replace": [{"old": "abcd", "new": "x"}]})
    assert calls_of(lambda: rules.apply(SUBJECT, call)) <= 12 * REPLACED_MAX


@pytest.mark.parametrize(
    ("name", "calls_max"),
    [
        ("sets a parameter", 60),
        ("clamps a parameter", 60),
        ("pins a model", 55),
        ("replaces a fragment", 80),
        ("matches a template, share, sets", 90),
    ],
)
def test_a_rule_that_applies_costs_a_bounded_number_of_calls(name: str, calls_max: int) -> None:
    """About 0.3 us each where nothing else runs: 50 us are some 150."""
    call, members = facts()
    rules = rules_of(CASES[name])

    def work() -> object:
        changed = rules.apply(SUBJECT, call, members)
        assert changed is not None
        fields = [each.field for each in changed.overrides]
        return reread(call, changed.route, changed.body, fields, changed.json.members)

    assert 5 < calls_of(work) <= calls_max

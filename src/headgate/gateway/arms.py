"""Serves a call as its arm of an experiment says: other parameters, prompts, or another release.

Other targets are none of it: those are a standing's (`gateway.steps`). What can't be done leaves the call as
it came, with the reason on record; it counts for its arm all the same. Read next: `gateway.trials`,
`gateway.overriding`.
"""

from typing import TYPE_CHECKING

import msgspec

from headgate.core.faults import InvalidRequest, NotFound
from headgate.experiments.model import Arm
from headgate.gateway.overriding import changed_facts, subject_of_call
from headgate.releases.applying import CompiledRule, RuleSet
from headgate.wire.reading import read_with_members

if TYPE_CHECKING:
    from headgate.gateway.call import Call


class ArmServing:
    """What an arm changes of a call beside its targets, compiled."""

    __slots__ = ("_arm", "_rules", "_source")

    def __init__(self, experiment: str, arm: Arm) -> None:
        self._arm = arm
        self._source = f"experiment {experiment}/{arm.name}"
        self._rules = None if arm.rule is None else RuleSet([CompiledRule(arm.rule, 0, self._source)])

    @property
    def renders(self) -> bool:
        """Whether it needs the body as the client sent it."""
        return bool(self._arm.prompts or self._arm.environment)

    def serve(self, call: "Call") -> None:
        """Change the call; with targets of the arm's own, its model stays the one that it came with."""
        facts = call.facts
        assert facts is not None
        if self.renders:
            self._render(call)
        if self._rules is not None:
            self._apply(call, self._rules)
        served = call.facts
        if self._arm.targets and served is not None and served.model != facts.model:
            call.facts = msgspec.structs.replace(served, model=facts.model)

    def _render(self, call: "Call") -> None:
        overriding = call.current.overriding
        if overriding is None or call.sent is None:
            call.note_change(f"{self._source} left alone: there is no managed prompt and no release")
            return
        before = (call.route, call.prompts, call.overrides, call.changes, call.release, call.asked)
        call.route, body = call.sent
        call.prompts, call.overrides, call.changes, call.asked = (), (), [], ""
        try:
            body = overriding.render(call, body, self._arm)
            facts, members = read_with_members(call.route, call.headers, body)
            call.facts = overriding.apply(call, facts, members, self._arm)
        except (InvalidRequest, NotFound) as refusal:
            call.route, call.prompts, call.overrides, call.changes, call.release, call.asked = before
            call.note_change(f"{self._source} left alone: {refusal.message}")

    def _apply(self, call: "Call", rules: RuleSet) -> None:
        facts = call.facts
        assert facts is not None
        applied = rules.apply(subject_of_call(call, facts), facts)
        if applied is None:
            return
        for note in applied.notes:
            call.note_change(note)
        if applied.overrides:
            call.facts = changed_facts(call, facts, applied)

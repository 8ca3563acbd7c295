"""What changes a call before policy reads it: its environment's release, managed prompts, override rules.

Made anew with each change of them and held by `gateway.plane.Current`; None there while nothing of the kind
exists, so that it costs nothing. What policy reads afterwards is what will be sent. Read next:
`releases.applying`, `prompts.managed.rendering`.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec

from headgate.config.compile import resolve_alias
from headgate.core.faults import InvalidRequest, NotFound
from headgate.experiments.model import Arm
from headgate.prompts.managed.model import ManagedPrompt
from headgate.prompts.managed.rendering import MODEL_OF_PROMPT, NO_PINS, Pins, choose, render_call
from headgate.releases.applying import Applied, RuleSet, Subject, compile_rules
from headgate.releases.model import Environment, environment_id
from headgate.releases.rules import Rule
from headgate.wire.members import Members
from headgate.wire.model import CallFacts
from headgate.wire.reading import reread

if TYPE_CHECKING:
    from headgate.gateway.call import Call


class Overriding:
    """Rules, managed prompts and environments in force, compiled for calls."""

    __slots__ = ("_environments", "_pins", "_prompts", "_releases", "_rules")

    def __init__(
        self,
        rules: Mapping[str, Rule],
        prompts: Mapping[str, ManagedPrompt],
        environments: Mapping[str, Environment],
    ) -> None:
        self._rules = compile_rules(tuple(rules.values()))
        self._prompts: dict[str, dict[str, ManagedPrompt]] = {}
        for prompt in prompts.values():
            self._prompts.setdefault(prompt.project, {})[prompt.name] = prompt
        self._environments = dict(environments)
        released = [each for each in environments.values() if each.release]
        self._releases = {each.id: _rules_of(each) for each in released}
        self._pins = {each.id: Pins(environment=each.name, versions=each.prompts) for each in released}

    @classmethod
    def of(
        cls,
        rules: Mapping[str, Rule],
        prompts: Mapping[str, ManagedPrompt],
        environments: Mapping[str, Environment],
    ) -> "Overriding | None":
        """Return what changes calls; None where nothing does."""
        return cls(rules, prompts, environments) if rules or prompts or environments else None

    def render(self, call: "Call", body: bytes, arm: Arm | None = None) -> bytes:
        """Return the body with its managed prompt in place; the call learns its environment and release.

        `arm` is that of an experiment, once it is known. Raises InvalidRequest, or NotFound for a prompt that
        is none.
        """
        key = call.key
        assert key is not None
        pins = NO_PINS
        name = (arm.environment if arm is not None else "") or key.environment
        if name:
            identity = environment_id(key.project, name)
            environment = self._environments.get(identity)
            call.environment = key.environment
            if environment is not None and environment.release:
                call.release = environment.release
            elif arm is not None and arm.environment:
                raise NotFound(f"the environment {name} has no release in force")
            pins = self._pins.get(identity) or Pins(environment=name)
        prompts = self._prompts.get(key.project, {})
        if arm is not None and arm.prompts:
            pins = _pinned(pins, arm, prompts)
        rendered = render_call(call.route.dialect, body, prompts, pins, operation=call.route.operation)
        if rendered is None:
            return body
        call.prompts += (rendered.used,)
        call.overrides += rendered.overrides
        for change in rendered.changes:
            call.note_change(change)
        if rendered.model is not None and call.route.model == MODEL_OF_PROMPT:
            call.route = msgspec.structs.replace(call.route, model=rendered.model)
        return rendered.body

    def apply(
        self, call: "Call", facts: CallFacts, members: Members | None, arm: Arm | None = None
    ) -> CallFacts:
        """Return what the call is after the rules that concern it; what they changed is noted on it.

        The name that was asked for stays `call.asked`: it is what the key has to be allowed.
        """
        key = call.key
        assert key is not None
        rules = self._rules
        name = (arm.environment if arm is not None else "") or key.environment
        if call.release and name:
            rules = self._releases[environment_id(key.project, name)]
        if not rules.candidates(key.project, facts.model):
            return facts
        applied = rules.apply(subject_of_call(call, facts), facts, members)
        if applied is None:
            return facts
        for note in applied.notes:
            call.note_change(note)
        return changed_facts(call, facts, applied) if applied.overrides else facts


def _pinned(pins: Pins, arm: Arm, prompts: Mapping[str, ManagedPrompt]) -> Pins:
    """Return the pins with those of an arm. Raises NotFound for a label that a prompt does not have."""
    numbers = {
        name: choose(prompts, name, wanted).number for name, wanted in arm.prompts.items() if name in prompts
    }
    return Pins(environment=pins.environment, versions={**pins.versions, **numbers})


def changed_facts(call: "Call", facts: CallFacts, applied: Applied) -> CallFacts:
    """Read the body anew; where it can't be sent any more, the call goes on as it came."""
    try:
        fields = [override.field for override in applied.overrides]
        changed = reread(facts, applied.route, applied.body, fields, applied.json.members)
    except InvalidRequest as refusal:
        sources = ", ".join(dict.fromkeys(override.source for override in applied.overrides))
        call.note_change(f"{sources} left alone: what it makes is refused: {refusal.message}")
        return facts
    call.overrides += applied.overrides
    call.route = applied.route
    if changed.model != facts.model:
        call.asked = facts.model
    return changed


def subject_of_call(call: "Call", facts: CallFacts) -> Subject:
    """Return what rules ask of a call beside its body."""
    key, said = call.key, facts.tags
    assert key is not None
    user = key.user
    if key.may_assert:
        user = user or _text(call.header(b"x-headgate-user")) or facts.user
        said += tuple(tag.strip() for tag in _text(call.header(b"x-headgate-tags")).split(","))
    session = _text(call.header(b"x-headgate-session")) or facts.session
    sticky = f"user {user}" if user else f"session {session}" if session else call.request_id
    return Subject(
        project=key.project,
        now_ms=call.started_ms,
        sticky=sticky.encode(),
        resolves=lambda name: resolve_alias(call.snapshot, name) is not None,
        tags=key.tags + said if key.may_assert else key.tags,
        headers=call.headers,
    )


def _text(value: bytes | None) -> str:
    return value.decode("utf-8", "replace") if value else ""


def _rules_of(environment: Environment) -> RuleSet:
    """A release's own rules, and its pins before them."""
    source = f"release {environment.release}"
    return compile_rules(
        environment.rules, [(alias, model, source) for alias, model in environment.models.items()]
    )

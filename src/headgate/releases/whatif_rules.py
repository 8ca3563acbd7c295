"""What rules would have made of a recorded call, as far as it changes what the call costs. Pure.

The body is the one that was sent on. Headers are not on record, so rules that ask for one never match; other
parameters, such as temperature, may change how long answers are: that is not estimated. Read next:
`releases.applying`, `releases.whatif`.
"""

import re
from collections.abc import Callable, Iterable

import msgspec

from headgate.core.call import Dialect, Operation
from headgate.core.entries import Override
from headgate.core.faults import InvalidRequest
from headgate.releases.applying import RuleSet, Subject
from headgate.releases.whatif import Effect, RecordedCall
from headgate.wire.model import Route
from headgate.wire.reading import read_call
from headgate.wire.routes import ROUTES


class RecordedBody(msgspec.Struct, frozen=True, kw_only=True):
    """A body on record, and what tells how to read it."""

    dialect: Dialect
    operation: Operation
    session: str
    content: bytes


TargetOf = Callable[[str], str | None]
"""The first target of a name that calls may ask for; None where there is no such name."""

TEXTS = {
    *("messages", "system", "input", "instructions", "prompt"),
    *("contents", "systemInstruction", "system_instruction"),
}
"""Where a body's text stands: what is changed there changes how many tokens go in."""


def effect_of(rules: RuleSet, call: RecordedCall, body: RecordedBody, target_of: TargetOf) -> Effect | None:
    """Return what rules make of a call; None where they change nothing, or its body can't be read."""
    route = route_of(body.dialect, body.operation, call.asked)
    if route is None or not rules.candidates(call.project, call.asked):
        return None
    sticky = f"user {call.user}" if call.user else f"session {body.session}" if body.session else call.id
    subject = Subject(
        project=call.project,
        now_ms=call.started_ms,
        sticky=sticky.encode(),
        resolves=lambda name: target_of(name) is not None,
        tags=call.tags,
    )
    try:
        facts = read_call(route, [], body.content)
        applied = rules.apply(subject, facts)
        if applied is None or not applied.overrides:
            return None
        changed = read_call(applied.route, [], applied.body)
    except InvalidRequest:
        return None
    return Effect(
        model=target_of(changed.model) if changed.model != facts.model else None,
        output_max_before=facts.max_output,
        output_max_after=changed.max_output,
        bytes_before=len(body.content),
        bytes_after=len(applied.body) if _changes_text(applied.overrides) else len(body.content),
    )


def route_of(dialect: Dialect, operation: Operation, model: str) -> Route | None:
    """Return the route that a recorded call came by; None where rules change none of its kind."""
    for row in ROUTES:
        named = (row.method, row.dialect, row.operation)
        if named == ("POST", dialect, operation) and not row.multipart:
            route = row.route
            return msgspec.structs.replace(route, model=model) if "{model}" in row.path else route
    return None


def _changes_text(overrides: Iterable[Override]) -> bool:
    return any(re.split(r"[.\[]", each.field, maxsplit=1)[0] in TEXTS for each in overrides)

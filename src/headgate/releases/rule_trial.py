"""Runs a rule over recorded calls and counts what it would have changed; nothing is sent.

Costs are estimates: an answer is taken to be as it was, cut where a lower limit cuts it, and a changed text
to have a token for each four bytes. Read next: `releases.applying`, `releases.rule_trial_http`.
"""

import math
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import msgspec

from headgate.catalog.kinds import endpoint_for
from headgate.catalog.model import Target
from headgate.catalog.prices import cost
from headgate.core.call import Usage
from headgate.core.entries import Override
from headgate.core.faults import Fault, InvalidRequest
from headgate.core.labels import Label
from headgate.core.money import format_usd
from headgate.policy.residency import admit
from headgate.releases.applying import Applied, Subject, compile_rules
from headgate.releases.editing import Body, Wanted, edit
from headgate.releases.rules import Rule, RuleMatch
from headgate.wire.model import CallFacts, Route
from headgate.wire.parameters import path_of
from headgate.wire.reading import read_call, reread
from headgate.wire.routes import ROUTES

EXAMPLES_MAX: Final = 3
CALLS_NAMED_MAX: Final = 10
KINDS_MAX: Final = 50
BYTES_PER_TOKEN: Final = 4
PICO: Final = 10**12

_decode = msgspec.json.Decoder().decode


class RecordedCall(msgspec.Struct, frozen=True, kw_only=True):
    """A call on record, as testing takes it. `body` is None where it was not kept whole."""

    id: uuid.UUID
    project: str
    user: str
    session: str
    tags: tuple[str, ...]
    dialect: str
    operation: str
    model: str
    target: str
    usage: Usage
    cost_usd: Decimal | None
    label: Label
    overrides: Sequence[Mapping[str, Any]]
    started_at: datetime
    body: bytes | None


class Example(msgspec.Struct, frozen=True, kw_only=True):
    """A value before and after, of one call; null where there was none."""

    request: str
    before: Any
    after: Any


class ChangedField(msgspec.Struct, frozen=True, kw_only=True):
    """How many calls would have had this field changed."""

    field: str
    calls: int
    examples: list[Example]


class Counted(msgspec.Struct, frozen=True, kw_only=True):
    """A reason, and how many calls it is for."""

    reason: str
    calls: int


class RuleTest(msgspec.Struct, frozen=True, kw_only=True):
    """What a rule would have done to recorded calls.

    `unreadable` had no whole body on record. Costs and tokens are of the calls that match and have a known
    price before and after; `cost_after_usd` is an estimate.
    """

    rule: str
    begin: str
    calls: int
    unreadable: int
    matched: int
    changed: int
    fields: list[ChangedField]
    refused: list[Counted]
    left_alone: list[Counted]
    priced: int
    input_tokens_before: int
    input_tokens_after: int
    output_tokens_before: int
    output_tokens_after: int
    cost_before_usd: str
    cost_after_usd: str
    difference_usd: str
    requests: list[str]
    headers_taken_to_fit: bool
    more: bool
    """Whether there were more calls than were looked at."""


class RuleTester:
    """Takes recorded calls one after the other. `targets_of` raises NotFound for no model."""

    def __init__(self, rule: Rule, targets_of: Callable[[str], tuple[Target, ...]]) -> None:
        # What is tested is what the rule does while it holds, to calls whose headers nobody kept.
        match = rule.match
        bare = RuleMatch(project=match.project, template=match.template, model=match.model, tag=match.tag)
        self._rule = rule
        self._rules = compile_rules([msgspec.structs.replace(rule, match=bare, expires_ms=None)])
        self._targets_of = targets_of
        self._resolved: dict[str, tuple[Target, ...]] = {}
        self._calls = self._unreadable = self._matched = self._changed = self._priced = 0
        self._fields: dict[str, list[Example]] = {}
        self._field_calls: dict[str, int] = {}
        self._refused: dict[str, int] = {}
        self._left: dict[str, int] = {}
        self._tokens = [0, 0, 0, 0]
        self._costs = [0, 0]
        self._requests: list[str] = []

    def add(self, call: RecordedCall) -> None:
        """Take a call."""
        self._calls += 1
        facts = _facts_of(call)
        if facts is None:
            self._unreadable += 1
            return
        applied = self._rules.apply(self._subject(call), facts)
        if applied is None:
            return
        self._matched += 1
        if len(self._requests) < CALLS_NAMED_MAX:
            self._requests.append(str(call.id))
        for note in applied.notes:
            _count(self._left, note.partition(": ")[2] or note)
        if not applied.overrides:
            self._price(call, facts, facts)
            return
        try:
            fields = [each.field for each in applied.overrides]
            after = reread(facts, applied.route, applied.body, fields, applied.json.members)
        except InvalidRequest as refusal:
            _count(self._left, f"what it makes is refused: {refusal.message}")
            return
        self._changed += 1
        self._note_fields(call, applied.overrides)
        refusal = self._refusal(call, applied)
        if refusal is not None:
            _count(self._refused, refusal)
            return
        self._price(call, facts, after)

    def result(self, *, begin: str, more: bool) -> RuleTest:
        """Return what was counted."""
        names = sorted(self._field_calls, key=lambda name: (-self._field_calls[name], name))
        before, after = self._costs
        return RuleTest(
            rule=self._rule.label,
            begin=begin,
            calls=self._calls,
            unreadable=self._unreadable,
            matched=self._matched,
            changed=self._changed,
            fields=[
                ChangedField(field=name, calls=self._field_calls[name], examples=self._fields[name])
                for name in names
            ],
            refused=_counted(self._refused),
            left_alone=_counted(self._left),
            priced=self._priced,
            input_tokens_before=self._tokens[0],
            input_tokens_after=self._tokens[1],
            output_tokens_before=self._tokens[2],
            output_tokens_after=self._tokens[3],
            cost_before_usd=format_usd(before),
            cost_after_usd=format_usd(after),
            difference_usd=format_usd(after - before),
            requests=self._requests,
            headers_taken_to_fit=bool(self._rule.match.headers),
            more=more,
        )

    def _subject(self, call: RecordedCall) -> Subject:
        sticky = (
            f"user {call.user}" if call.user else f"session {call.session}" if call.session else str(call.id)
        )
        return Subject(
            project=call.project,
            now_ms=0,
            sticky=sticky.encode(),
            resolves=lambda name: bool(self._targets(name)),
            tags=call.tags,
        )

    def _targets(self, name: str) -> tuple[Target, ...]:
        if name not in self._resolved:
            try:
                self._resolved[name] = self._targets_of(name)
            except Fault:
                self._resolved[name] = ()
        return self._resolved[name]

    def _note_fields(self, call: RecordedCall, overrides: Sequence[Override]) -> None:
        for field, override in {each.field: each for each in overrides}.items():
            if field not in self._fields and len(self._fields) >= KINDS_MAX:
                continue
            examples = self._fields.setdefault(field, [])
            self._field_calls[field] = self._field_calls.get(field, 0) + 1
            example = Example(
                request=str(call.id), before=_value(override.before), after=_value(override.after)
            )
            sides = (example.before, example.after)
            if len(examples) < EXAMPLES_MAX and sides not in [(each.before, each.after) for each in examples]:
                examples.append(example)

    def _refusal(self, call: RecordedCall, applied: Applied) -> str | None:
        """Why no target could have taken the call; None where one could."""
        if applied.model == call.model:
            return None
        targets = self._targets(applied.model)
        answering = [
            target
            for target in targets
            if endpoint_for(target.provider.endpoints, applied.route.dialect, applied.route.path) is not None
        ]
        if not answering:
            return f"no target of {applied.model} answers {applied.route.path}"
        admitted = admit(answering, call.label)
        if not admitted.allowed:
            return f"residency: {admitted.excluded[0].reason}"
        return None

    def _price(self, call: RecordedCall, before: CallFacts, after: CallFacts) -> None:
        """Add what the call cost, and what it would have."""
        usage = _estimated(call.usage, before, after)
        target = self._targets(call.target)[:1]
        now = self._targets(after.model)[:1] if after.model != before.model else target
        old_cost = cost(target[0].facts, call.usage, before.service_tier) if target else None
        new_cost = cost(now[0].facts, usage, after.service_tier) if now else None
        if old_cost is None or new_cost is None:
            return
        self._priced += 1
        recorded = old_cost if call.cost_usd is None else int(call.cost_usd * PICO)
        if after.model == before.model:  # as it was charged, and the difference alone by today's prices
            new_cost = max(0, recorded + new_cost - old_cost)
        self._costs[0] += recorded
        self._costs[1] += new_cost
        for index, tokens in enumerate(
            (call.usage.total_input, usage.total_input, call.usage.total_output, usage.total_output)
        ):
            self._tokens[index] += tokens


def _estimated(usage: Usage, before: CallFacts, after: CallFacts) -> Usage:
    """The usage of a call with a changed text and another output limit."""
    grown = math.ceil((len(after.body) - len(before.body)) / BYTES_PER_TOKEN)
    changed = msgspec.structs.replace(usage, input=max(0, usage.input + (grown if abs(grown) > 8 else 0)))
    most = after.max_output
    if most is None or most >= usage.reasoning + usage.output:
        return changed
    reasoning = min(usage.reasoning, most)  # it comes first
    return msgspec.structs.replace(changed, reasoning=reasoning, output=most - reasoning)


def _facts_of(call: RecordedCall) -> CallFacts | None:
    """The call as its client sent it, as far as what changed it then can be taken back."""
    if call.body is None or call.body.startswith(b"--"):
        return None
    route = _route_of(call)
    if route is None:
        return None
    try:
        body, model = _restored(call, route)
        if route.model is not None:
            route = msgspec.structs.replace(route, model=model)
        return read_call(route, [], body)
    except InvalidRequest:
        return None


def _route_of(call: RecordedCall) -> Route | None:
    assert call.body is not None
    rows = [row for row in ROUTES if (row.dialect, row.operation) == (call.dialect, call.operation)]
    if call.dialect == "google" and call.operation == "embeddings":
        batched = b'"requests"' in call.body
        rows = [row for row in rows if row.path.endswith(":batchEmbedContents") == batched]
    rows = [row for row in rows if not row.multipart]
    if not rows:
        return None
    route = rows[0].route
    return msgspec.structs.replace(route, model=call.model) if "{model}" in rows[0].path else route


def _restored(call: RecordedCall, route: Route) -> tuple[bytes, str]:
    """Take back what overrides changed; texts stay as they were sent."""
    assert call.body is not None
    body, model = call.body, call.model
    for override in reversed(call.overrides):
        field, before = str(override["field"]), override.get("before")
        source = str(override.get("source", ""))
        if "[" in field or source.startswith(("alias ", "budget", "prompt ")):
            continue
        value = None if before is None else msgspec.json.encode(before)
        if field == "model":
            model = str(before)
            if route.model is not None:
                continue
        change = Wanted(place=path_of(field, route.dialect), change=_always(value))
        body = edit(Body(body), [change])[0].raw
    return body, model


def _always(value: bytes | None) -> Callable[[bytes | None], bytes | None]:
    return lambda old: value


def _value(side: bytes) -> Any:
    return _decode(side) if side else None


def _count(counts: dict[str, int], reason: str) -> None:
    if reason in counts or len(counts) < KINDS_MAX:
        counts[reason] = counts.get(reason, 0) + 1


def _counted(counts: dict[str, int]) -> list[Counted]:
    return [
        Counted(reason=reason, calls=calls)
        for reason, calls in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    ]

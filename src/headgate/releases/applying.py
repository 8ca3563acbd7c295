"""Applies override rules to a call: which of them fit, in which order, and what each makes of the body.

Pure: rules are compiled once for each change of them (`RuleSet`), and a call that none of them may concern
pays one look-up. A rule that can't do what it says leaves the call alone and says why. Read next:
`releases.editing`, `releases.texts`; `gateway.overriding`, which calls it.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, cast

import msgspec

from headgate.core.call import Dialect
from headgate.core.entries import Override
from headgate.core.faults import InvalidRequest
from headgate.core.ports import Headers
from headgate.releases.editing import Body, CannotApply, Change, Wanted, edit
from headgate.releases.parameters import place_for
from headgate.releases.rules import Clamp, Rule
from headgate.releases.texts import Replacement, holds_in_order, longest_plain, replace
from headgate.wire.members import Members
from headgate.wire.model import CallFacts, Route
from headgate.wire.parameters import LISTS, PARAMETERS
from headgate.wire.reading import rewrite

CANDIDATES_MAX: Final = 4096
OVERRIDES_MAX: Final = 64
VALUE_BYTES_MAX: Final = 2048
"""How much of a value before and after stands on the record."""

_BESIDE: Final = {("anthropic", "reasoning_budget"): (("type", b'"enabled"'),)}
"""What a provider wants in an object that is made for a parameter."""

_encode = msgspec.json.encode
_decode = msgspec.json.Decoder().decode


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """What rules ask of a call beside its body. `sticky` is whom a share goes by; `resolves` says whether
    there is a model of a name."""

    project: str
    now_ms: int
    sticky: bytes
    resolves: Callable[[str], bool]
    tags: tuple[str, ...] = ()
    headers: Headers = []


class Applied(msgspec.Struct, frozen=True, kw_only=True):
    """What rules made of a call: its route and body, what was changed, and why anything was left alone.

    `model` is the name that goes on; `rules` are the labels of those that changed something."""

    route: Route
    json: Body
    model: str
    overrides: tuple[Override, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def body(self) -> bytes:
        """The body as it goes on."""
        return self.json.raw


class _Plan:
    """What a rule does to bodies of one dialect and operation, and what it can't do to them."""

    __slots__ = ("cannot", "wanted")

    def __init__(self, rule: Rule, route: Route) -> None:
        self.wanted: list[Wanted] = []
        self.cannot: list[str] = []
        for name, value in rule.set.items():
            self._add(name, _setting(value, (route.dialect, name) in LISTS), route)
        for name in rule.remove:
            self._add(name, _removing, route)
        for name, clamp in rule.clamp.items():
            self._add(name, _clamping(clamp), route)

    def _add(self, name: str, change: Change, route: Route) -> None:
        place = place_for(name, route.dialect, route.operation)
        if place is None:
            if name not in PARAMETERS or route.operation in PARAMETERS[name].operations:
                self.cannot.append(f"{name} is no parameter of {route.dialect}")
            return
        if route.path.endswith(":batchEmbedContents"):
            place = (("requests",), ("*",), *place)
        beside = _BESIDE.get((route.dialect, name), ())
        self.wanted.append(Wanted(place=place, change=change, beside=beside))


class CompiledRule:
    """A rule, ready for calls."""

    __slots__ = ("_headers", "_plans", "_replacements", "_templates", "order", "rule", "source")

    def __init__(self, rule: Rule, order: int, source: str = "") -> None:
        self.rule = rule
        self.order = order
        self.source = source or rule.label
        self._headers = [
            (name.lower().encode(), value.encode()) for name, value in rule.match.headers.items()
        ]
        self._templates = [
            (fragments, max(map(longest_plain, fragments), key=len))
            for version in (rule.fragments, *rule.earlier)
            if (fragments := [stripped for text in version if (stripped := text.strip())])
        ]
        self._replacements = [Replacement(each.old, each.new) for each in rule.replace]
        self._plans: dict[tuple[Dialect, str], _Plan] = {}

    def may_concern(self, project: str, model: str) -> bool:
        """Whether calls of a project that ask for a model may be concerned."""
        match = self.rule.match
        return (match.project is None or match.project == project) and (
            match.model is None or fits_name(match.model, model)
        )

    def concerns(self, subject: Subject, dialect: Dialect, body: Body) -> bool:
        """Whether a call, which it may concern, is one of its own."""
        rule = self.rule
        if rule.expires_ms is not None and subject.now_ms >= rule.expires_ms:
            return False
        if rule.match.tag is not None and rule.match.tag not in subject.tags:
            return False
        if any(field not in subject.headers for field in self._headers):
            return False
        if rule.match.template is not None and not any(
            holds_in_order(dialect, body, fragments, plain) for fragments, plain in self._templates
        ):
            return False
        return rule.share >= 1.0 or part_of(rule.name, subject.sticky) < rule.share

    def apply(self, applied: Applied, resolves: Callable[[str], bool]) -> Applied:
        """Return the call after this rule. Raises InvalidRequest for a body that could be read two ways."""
        route, body, overrides, notes = applied.route, applied.json, [*applied.overrides], [*applied.notes]
        plan = self._plan(route)
        if plan.cannot:
            notes += map(self._note, plan.cannot)
        if plan.wanted:
            body, edits, refusals = edit(body, plan.wanted)
            notes += map(self._note, refusals)
            overrides += [self._override(each.field, each.before, each.after) for each in edits]
        for wanted in self._replacements:
            replaced = replace(route.dialect, body, wanted)
            body = replaced.body
            overrides += [self._override(path, wanted.before, wanted.after) for path in replaced.paths]
        model = applied.model
        pinned = self.rule.model
        if pinned is not None and pinned != model:
            if resolves(pinned):
                overrides.append(self._override("model", _encode(model), _encode(pinned)))
                route, body, model = _pinned(route, body, pinned)
            else:
                notes.append(self._note(f"there is no model {pinned}"))
        return Applied(
            route=route,
            json=body,
            model=model,
            overrides=tuple(overrides[:OVERRIDES_MAX]),
            notes=tuple(notes[:OVERRIDES_MAX]),
        )

    def _plan(self, route: Route) -> _Plan:
        plan = self._plans.get((route.dialect, route.path))
        if plan is None:
            plan = self._plans[route.dialect, route.path] = _Plan(self.rule, route)
        return plan

    def _note(self, reason: str) -> str:
        return f"{self.source} left alone: {reason}"

    def _override(self, field: str, before: bytes, after: bytes) -> Override:
        return Override(self.source, field, _shown(before), _shown(after))


class RuleSet:
    """All rules in force for calls of one kind, in the order in which they apply."""

    __slots__ = ("_by_call", "_rules")

    def __init__(self, rules: Iterable[CompiledRule]) -> None:
        self._rules = tuple(sorted(rules, key=lambda each: each.order))
        self._by_call: dict[tuple[str, str], tuple[CompiledRule, ...]] = {}

    def candidates(self, project: str, model: str) -> tuple[CompiledRule, ...]:
        """Return the rules that may concern calls of a project that ask for a model."""
        found = self._by_call.get((project, model))
        if found is None:
            if len(self._by_call) >= CANDIDATES_MAX:
                self._by_call.clear()
            found = tuple([rule for rule in self._rules if rule.may_concern(project, model)])
            self._by_call[project, model] = found
        return found

    def apply(self, subject: Subject, facts: CallFacts, members: Members | None = None) -> Applied | None:
        """Return what the rules make of a call; None where none of them concerns it. `members` are those of
        its body, where they are known."""
        applied = before = Applied(route=facts.route, json=Body(facts.body, members), model=facts.model)
        waiting = list(reversed(self.candidates(subject.project, applied.model)))
        while waiting:
            rule = waiting.pop()
            try:
                if not rule.concerns(subject, applied.route.dialect, applied.json):
                    continue
                model = applied.model
                applied = rule.apply(applied, subject.resolves)
            except InvalidRequest as refusal:
                note = f"{rule.source} left alone: {refusal.message}"
                applied = msgspec.structs.replace(applied, notes=(*applied.notes, note))
                continue
            if applied.model != model:
                others = self.candidates(subject.project, applied.model)
                waiting = [each for each in reversed(others) if each.order > rule.order]
        return None if applied is before else applied


def compile_rules(rules: Sequence[Rule], pins: Iterable[tuple[str, str, str]] = ()) -> RuleSet:
    """Compile rules in the order of their names, after pins: alias, what takes its calls, source."""
    compiled: list[CompiledRule] = []
    for alias, model, source in sorted(pins):
        rule = msgspec.convert(
            {"name": f"pin:{alias}", "version": 0, "match": {"model": alias}, "model": model}, Rule
        )
        compiled.append(CompiledRule(rule, len(compiled), source))
    compiled += (
        CompiledRule(rule, order)
        for order, rule in enumerate(sorted(rules, key=lambda each: each.name), len(compiled))
    )
    return RuleSet(compiled)


def fits_name(pattern: str, name: str) -> bool:
    """Whether a name is the pattern, or begins with one that ends in `*`."""
    return name.startswith(pattern[:-1]) if pattern.endswith("*") else name == pattern


def part_of(rule: str, sticky: bytes) -> float:
    """Return where a caller stands between 0 and 1 for a rule; the same for each version of it."""
    digest = hashlib.blake2b(rule.encode() + b"\0" + sticky, digest_size=8).digest()
    return int.from_bytes(digest) / 2**64


def _pinned(route: Route, body: Body, model: str) -> tuple[Route, Body, str]:
    if route.model is None:
        return route, body.changed({"model": _encode(model)}), model
    # The path names it, and the body may repeat it.
    facts = CallFacts(route=route, model=model, body=body.raw)
    return msgspec.structs.replace(route, model=model), Body(rewrite(facts, model=model)), model


def _setting(value: Any, as_list: bool) -> Change:
    encoded = _encode([value] if as_list and isinstance(value, str) else value)
    decoded = _value_of(encoded)

    def set_value(old: bytes | None) -> bytes:
        return old if old is not None and (old == encoded or _value_of(old) == decoded) else encoded

    return set_value


def _value_of(raw: bytes) -> object:
    """What JSON means; None, which no value that is there means, for a number that no machine holds."""
    try:
        return cast("object", _decode(raw))
    except (msgspec.MsgspecError, RecursionError):
        return None


def _removing(old: bytes | None) -> bytes | None:
    del old
    return None


def _clamping(clamp: Clamp) -> Change:
    least, most = clamp.least, clamp.most

    def clamp_value(old: bytes | None) -> bytes | None:
        if old is None:
            return None
        value = _value_of(old)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise CannotApply(f"is {_shown(old, 40).decode('utf-8', 'replace')}, no number to clamp")
        if least is not None and value < least:
            bound = least
        elif most is not None and value > most:
            bound = most
        else:
            return old
        return _encode(int(bound) if float(bound).is_integer() else bound)

    return clamp_value


def _shown(value: bytes, bytes_max: int = VALUE_BYTES_MAX) -> bytes:
    return value if len(value) <= bytes_max else _encode(value[:bytes_max].decode("utf-8", "replace") + "…")

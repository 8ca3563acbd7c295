"""Routes of override rules.

Rules are live objects: a change is in force on every gateway when the answer comes, but for the gateways that
it names. Read next: `releases.rule_forms` (what is taken), `releases.rule_store`, `access.changes`.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any, Protocol

import msgspec
from litestar import Controller, delete, get, patch, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, SkipValidation

from headgate.access.caller import may_use_model
from headgate.access.changes import Changes, LiveChange, Within
from headgate.access.gate import CallerKey, PageLimit, grant
from headgate.access.model import Key, Project
from headgate.access.roles import visible
from headgate.access.store import AuditEntry
from headgate.catalog.model import Target
from headgate.core.faults import Conflict, InvalidRequest, NotAllowed, NotFound
from headgate.core.pages import LIMIT_DEFAULT, Page, decode_cursor, encode_cursor, format_ms
from headgate.core.ports import Clock
from headgate.releases.rule_forms import RULES_MAX, NewRule, RuleBody, RuleChange, changed, rule_of
from headgate.releases.rule_store import add_version, last_version, list_versions, with_fragments
from headgate.releases.rules import KIND, Clamp, Replacement, Rule, RuleMatch
from headgate.store.database import Database


class KnownTargets(Protocol):
    """What control knows of models."""

    def targets_of(self, name: str) -> tuple[Target, ...]:
        """The targets of an alias or of a plain `provider/model`. Raises NotFound and Unavailable."""
        ...


class KnownRules(KnownTargets, Protocol):
    """What control knows of rules, models and projects."""

    def rules(self) -> Sequence[Rule]:
        """All rules in force, live ones only."""
        ...

    def project_named(self, name: str) -> Project:
        """A project's limits. Raises Unavailable."""
        ...


Known = NamedDependency[SkipValidation[KnownRules]]
Store = NamedDependency[SkipValidation[Database]]
Writer = NamedDependency[SkipValidation[Changes]]
Time = NamedDependency[SkipValidation[Clock]]


class RuleView(msgspec.Struct, frozen=True, kw_only=True):
    """A rule in force. `expires_at` is null where it has no end; `template_versions` counts the versions of
    its template that it knows."""

    name: str
    version: int
    match: RuleMatch
    set: dict[str, Any]
    remove: list[str]
    clamp: dict[str, Clamp]
    replace: list[Replacement]
    model: str | None
    share: float
    expires_at: str | None
    note: str
    template_versions: int


class ChangedRule(RuleView, frozen=True, kw_only=True):
    """A rule as it now stands. `not_acknowledged` names live gateways that don't apply it yet."""

    not_acknowledged: list[str]


class DeletedRule(msgspec.Struct, frozen=True, kw_only=True):
    """The name of what was deleted. Its history stays."""

    name: str
    not_acknowledged: list[str]


class RuleVersionView(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a rule; `rule` is null where that version took the rule away."""

    version: int
    created_at: str
    created_by: str
    rule: RuleView | None


class RulesController(Controller):
    """What is changed in calls before they are sent."""

    path = "/rules"
    tags = ("rules",)

    @get(opt={"grant": grant("rules:read")})
    async def list_rules(
        self,
        caller: CallerKey,
        known: Known,
        limit: PageLimit = LIMIT_DEFAULT,
        next: FromQuery[str | None] = None,  # noqa: A002 - the contract's name
    ) -> Page[RuleView]:
        """List rules by name, which is the order in which they apply."""
        rules = sorted(visible_rules(known.rules(), caller), key=lambda rule: rule.name)
        if next is not None:
            after = decode_cursor(next, str)
            rules = [rule for rule in rules if rule.name > after]
        shown = rules[:limit]
        following = encode_cursor(shown[-1].name) if len(rules) > limit else None
        return Page(items=[rule_view(rule) for rule in shown], next=following)

    @get("/{name:str}", opt={"grant": grant("rules:read")})
    async def show_rule(self, caller: CallerKey, known: Known, name: FromPath[str]) -> RuleView:
        """Show one rule."""
        return rule_view(named_rule(visible_rules(known.rules(), caller), name))

    @get("/{name:str}/versions", opt={"grant": grant("rules:read")})
    async def list_rule_versions(
        self,
        caller: CallerKey,
        database: Store,
        name: FromPath[str],
        limit: PageLimit = LIMIT_DEFAULT,
        next: FromQuery[str | None] = None,  # noqa: A002 - the contract's name
    ) -> Page[RuleVersionView]:
        """List the versions that a rule has had, the newest first; they outlive the rule."""
        before = None if next is None else decode_cursor(next, int)
        async with database.connection() as connection:
            found = await list_versions(
                connection, visible(caller).project_ids, name, limit=limit + 1, before=before
            )
        if not found:
            raise NotFound(f"there is no rule {name[:100]!r}, nor was there one; GET /rules lists them")
        items = [
            RuleVersionView(
                version=each.version,
                created_at=each.created_at,
                created_by=each.created_by,
                rule=None if each.rule is None else rule_view(each.rule),
            )
            for each in found[:limit]
        ]
        return Page(items=items, next=encode_cursor(items[-1].version) if len(found) > limit else None)

    @post(opt={"grant": grant("rules:write")})
    async def create_rule(
        self, caller: CallerKey, known: Known, changes: Writer, clock: Time, data: JSONBody[NewRule]
    ) -> ChangedRule:
        """Make a rule; it is in force when this returns. 409 where one of that name exists."""
        if any(rule.name == data.name for rule in known.rules()):
            raise Conflict(f"there is a rule {data.name!r} already; PUT or PATCH changes it")
        if len(known.rules()) >= RULES_MAX:
            raise Conflict(f"there are {RULES_MAX} rules already; delete one that is not needed")
        work = _Work(caller, known, changes, clock)
        return await work.put(data.name, data, before=None)

    @put("/{name:str}", opt={"grant": grant("rules:write")})
    async def replace_rule(
        self,
        caller: CallerKey,
        known: Known,
        changes: Writer,
        *,
        clock: Time,
        name: FromPath[str],
        data: JSONBody[RuleBody],
    ) -> ChangedRule:
        """Put another rule in the place of one; what is left out is gone."""
        old = named_rule(visible_rules(known.rules(), caller), name)
        return await _Work(caller, known, changes, clock).put(name, data, before=old)

    @patch("/{name:str}", opt={"grant": grant("rules:write")})
    async def change_rule(
        self,
        caller: CallerKey,
        known: Known,
        changes: Writer,
        *,
        clock: Time,
        name: FromPath[str],
        data: JSONBody[RuleChange],
    ) -> ChangedRule:
        """Change a rule; what is left out stays. Each change makes a new version."""
        old = named_rule(visible_rules(known.rules(), caller), name)
        work = _Work(caller, known, changes, clock)
        return await work.put(name, changed(body_of(old), data), before=old)

    @delete("/{name:str}", status_code=200, opt={"grant": grant("rules:write")})
    async def delete_rule(
        self, caller: CallerKey, known: Known, changes: Writer, clock: Time, name: FromPath[str]
    ) -> DeletedRule:
        """Delete a rule; its history stays."""
        old = named_rule(visible_rules(known.rules(), caller), name)
        late = await _Work(caller, known, changes, clock).delete(old)
        return DeletedRule(name=name, not_acknowledged=late)


class _Work:
    """One change of one rule."""

    def __init__(self, caller: Key, known: KnownRules, changes: Changes, clock: Clock) -> None:
        self._caller = caller
        self._known = known
        self._changes = changes
        self._clock = clock

    async def put(self, name: str, said: RuleBody, *, before: Rule | None) -> ChangedRule:
        """Put a rule in force under a new version. Raises as `rule_of` and `check_rights` do."""
        kept = before is not None and said.expires_at == body_of(before).expires_at
        now_ms = None if kept else self._clock.now_ms()
        async with self._changes.database.connection() as connection:
            version = 1 + await last_version(connection, name)
            rule = rule_of(name, said, version=version, now_ms=now_ms)
            check_rights(self._caller, self._known, rule)
            rule = await with_fragments(connection, rule)
        entry = self._entry("create" if before is None else "change", rule, before=before, after=rule)
        live = [LiveChange(KIND, name, msgspec.json.encode(rule))]
        late = await self._changes.commit(entry, live, self._version(rule, version, is_there=True))
        return ChangedRule(**msgspec.structs.asdict(rule_view(rule)), not_acknowledged=late)

    async def delete(self, old: Rule) -> list[str]:
        """Take a rule out of force."""
        async with self._changes.database.connection() as connection:
            version = 1 + await last_version(connection, old.name)
        entry = self._entry("delete", old, before=old)
        also = self._version(old, version, is_there=False)
        return await self._changes.commit(entry, [LiveChange(KIND, old.name, None)], also)

    def _version(self, rule: Rule, version: int, *, is_there: bool) -> Within:
        kept, project = rule if is_there else None, rule.match.project
        return partial(
            add_version, name=rule.name, version=version, rule=kept, project=project, actor=self._caller.id
        )

    def _entry(
        self, action: str, rule: Rule, *, before: Rule | None = None, after: Rule | None = None
    ) -> AuditEntry:
        return AuditEntry(
            actor=self._caller.id,
            action=action,
            kind=KIND,
            object=rule.name,
            project=rule.match.project or "default",
            before=None if before is None else rule_view(before),
            after=None if after is None else rule_view(after),
        )


def check_rights(caller: Key, known: KnownRules, rule: Rule) -> None:
    """Raise unless the caller may have this rule: NotAllowed, InvalidRequest for a model that is none.

    Who is no admin makes rules of its own project only, and pins no model that it could not ask for.
    """
    everywhere = visible(caller).project_ids is None
    if not everywhere and rule.match.project != caller.project:
        raise NotAllowed(f"the rule has to match your project: write match.project = {caller.project!r}")
    if rule.model is None:
        return
    if not everywhere and not may_use_model(caller, known.project_named(caller.project), rule.model):
        raise NotAllowed(f"this key may not use the model {rule.model!r}, so no rule of its may pin it")
    check_model(known, rule)


def check_model(known: KnownTargets, rule: Rule) -> None:
    """Raise InvalidRequest, with the nearest names, where the rule pins a model that is none."""
    if rule.model is None:
        return
    try:
        known.targets_of(rule.model)
    except NotFound as fault:
        raise InvalidRequest(f"model: {fault.message}", parameter="model") from None


def visible_rules(rules: Sequence[Rule], caller: Key) -> list[Rule]:
    """Return the rules that a caller may see: all, or those of its own project only."""
    seen = visible(caller)
    return [rule for rule in rules if seen.project_ids is None or rule.match.project in seen.project_ids]


def named_rule(rules: Sequence[Rule], name: str) -> Rule:
    """Return the rule of that name. Raises NotFound."""
    for rule in rules:
        if rule.name == name:
            return rule
    raise NotFound(f"there is no rule {name[:100]!r}; `headgate rules list` shows them")


def body_of(rule: Rule) -> RuleBody:
    """Return what a rule says, as people write it."""
    return RuleBody(
        match=rule.match,
        set=rule.set,
        remove=rule.remove,
        clamp=rule.clamp,
        replace=rule.replace,
        model=rule.model,
        share=rule.share,
        expires_at=None if rule.expires_ms is None else format_ms(rule.expires_ms),
        note=rule.note,
    )


def rule_view(rule: Rule) -> RuleView:
    """Return a rule as the API shows it: without the fragments of its template."""
    return RuleView(
        name=rule.name,
        version=rule.version,
        match=rule.match,
        set=rule.set,
        remove=list(rule.remove),
        clamp=rule.clamp,
        replace=list(rule.replace),
        model=rule.model,
        share=rule.share,
        expires_at=None if rule.expires_ms is None else format_ms(rule.expires_ms),
        note=rule.note,
        template_versions=bool(rule.fragments) + len(rule.earlier),
    )

"""Keeps rules that match a template in step with the catalogue: code that changes a prompt is still matched.

A template with other versions than a rule knows makes a new version of the rule, by `system`, audited. Read
next: `releases.rule_store`.
"""

import logging
from collections.abc import Callable, Sequence

import msgspec

from headgate.access.changes import LiveChange, put_all
from headgate.access.store import AuditEntry, write_audit
from headgate.core.faults import Conflict, InvalidRequest
from headgate.releases.rule_store import QUERIES, add_version, last_version, with_fragments
from headgate.releases.rules import KIND, Rule
from headgate.store.database import Connection, Database

log = logging.getLogger("headgate.releases")

ACTOR = "system"


class TemplateWatch:
    """Looks for changes of the catalogue; `rules` gives those in force."""

    def __init__(self, database: Database, rules: Callable[[], Sequence[Rule]]) -> None:
        self._database = database
        self._rules = rules
        self._seen: tuple[object, ...] = ()

    async def look(self) -> None:
        """Bring every rule in step, where catalogue or rules have changed since the last look."""
        rules = [rule for rule in self._rules() if rule.match.template is not None]
        if not rules:
            return
        async with self._database.connection() as connection:
            cursor = await connection.execute(QUERIES.catalogue_number)
            row = await cursor.fetchone()
        seen = (row, tuple((rule.name, rule.version) for rule in rules))
        if seen == self._seen:
            return
        for rule in rules:
            try:
                async with self._database.transaction() as connection:
                    await _bring_in_step(connection, rule)
            except (Conflict, InvalidRequest) as fault:  # changed by another, or its template is gone
                log.info("rule %s keeps the template that it knows: %s", rule.name, fault.message)
        self._seen = seen


async def _bring_in_step(connection: Connection, rule: Rule) -> None:
    fresh = await with_fragments(connection, rule)
    if (fresh.fragments, fresh.earlier) == (rule.fragments, rule.earlier):
        return
    version = await last_version(connection, rule.name)
    if version != rule.version:
        return  # what is known here is not what is in force
    fresh = msgspec.structs.replace(fresh, version=version + 1)
    project = rule.match.project
    await put_all(connection, [LiveChange(KIND, rule.name, msgspec.json.encode(fresh))])
    await add_version(
        connection, name=rule.name, version=fresh.version, rule=fresh, project=project, actor=ACTOR
    )
    versions = [1 + len(each.earlier) for each in (rule, fresh)]
    entry = AuditEntry(
        actor=ACTOR,
        action="change",
        kind=KIND,
        object=rule.name,
        project=project or "default",
        before={"template": rule.match.template, "template_versions": versions[0]},
        after={"template": rule.match.template, "template_versions": versions[1]},
    )
    await write_audit(connection, entry)
    log.info("rule %s knows %d versions of %s now", rule.name, versions[1], rule.match.template)

"""Rules in the database: each version for ever, and the fragments of templates that rules match.

What is in force stands among the live objects, not here. Read next: `releases.rules_http`.
"""

import difflib
from collections.abc import Sequence
from typing import Final

import msgspec

from headgate.core.faults import Conflict, InvalidRequest
from headgate.core.pages import format_datetime
from headgate.prompts.model import Part
from headgate.releases.rules import Rule
from headgate.store.database import Connection
from headgate.store.queries import Queries

QUERIES = Queries.load("headgate.releases", "rules.sql")

TEMPLATE_VERSIONS_MAX: Final = 16
FRAGMENTS_MAX: Final = 200
LITERAL_CHARACTERS_MIN: Final = 12
"""A template with less text of its own would match calls that have nothing to do with it."""
_parts = msgspec.json.Decoder(tuple[Part, ...]).decode


class RuleVersion(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a rule as its history has it; `rule` is null where that version took the rule away."""

    version: int
    created_at: str
    created_by: str
    rule: Rule | None


async def last_version(connection: Connection, name: str) -> int:
    """Return the number of the last version that a name ever had; 0 for none."""
    cursor = await connection.execute(QUERIES.last_version, {"name": name})
    row = await cursor.fetchone()
    return 0 if row is None else int(row[0])


async def add_version(
    connection: Connection, *, name: str, version: int, rule: Rule | None, project: str | None, actor: str
) -> None:
    """Write a version down, in the caller's transaction. Raises Conflict where the rule changed meanwhile."""
    cursor = await connection.execute(
        QUERIES.add_version,
        {
            "name": name,
            "version": version,
            "project": project,
            "body": None if rule is None else msgspec.json.encode(rule).decode(),
            "created_by": actor,
        },
    )
    if await cursor.fetchone() is None:
        raise Conflict(f"rule {name!r} has changed meanwhile")


async def list_versions(
    connection: Connection,
    project_ids: Sequence[str] | None,
    name: str,
    *,
    limit: int,
    before: int | None = None,
) -> list[RuleVersion]:
    """Return a rule's versions, the newest first, as far as they are of these projects (None: of all)."""
    scope = None if project_ids is None else list(project_ids)
    cursor = await connection.execute(
        QUERIES.list_versions, {"name": name, "project_ids": scope, "before": before, "limit": limit}
    )
    return [
        RuleVersion(
            version=row[0],
            rule=None if row[1] is None else msgspec.json.decode(row[1], type=Rule),
            created_at=format_datetime(row[2]),
            created_by=row[3],
        )
        async for row in cursor
    ]


async def with_fragments(connection: Connection, rule: Rule) -> Rule:
    """Return the rule with the fragments of the template that it matches, of all versions in the catalogue.

    Raises InvalidRequest, with the nearest names, for a template that the catalogue has not.
    """
    template, project = rule.match.template, rule.match.project
    if template is None:
        return rule
    cursor = await connection.execute(
        QUERIES.find_template, {"template": template, "project": project, "limit": TEMPLATE_VERSIONS_MAX}
    )
    versions = [_fragments(row[0]) for row in await cursor.fetchall()]
    if not versions:
        raise await _no_template(connection, template, project)
    usable = [each for each in versions if len("".join(each)) >= LITERAL_CHARACTERS_MIN]
    if not usable:
        raise InvalidRequest(
            f"match.template {template!r} has too little text of its own to be told in a call; match a tag",
            parameter="match.template",
        )
    return msgspec.structs.replace(rule, fragments=usable[0], earlier=tuple(usable[1:]))


def _fragments(parts: str) -> tuple[str, ...]:
    texts = [part for part in _parts(parts) if isinstance(part, str) and part.strip()]
    return tuple(texts[:FRAGMENTS_MAX])


async def _no_template(connection: Connection, template: str, project: str | None) -> InvalidRequest:
    cursor = await connection.execute(QUERIES.template_names, {"project": project})
    names = [str(row[0]) for row in await cursor.fetchall()]
    near = difflib.get_close_matches(template, names, n=3, cutoff=0.5)
    listed = f"; the nearest are {', '.join(near)}" if near else ""
    how = "" if names else "; `headgate prompts push` uploads those of your code"
    return InvalidRequest(
        f"match.template: the catalogue has no {template[:200]!r}{listed}{how}", parameter="match.template"
    )

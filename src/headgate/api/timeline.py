"""What changed in a time, as charts mark it: releases, configuration, rules, prompts, rollouts, alerts.

Each kind is read with the grant of its own lists. Read next: `api.timeline_http`, `api/queries.sql`.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec

from headgate.access.model import Role
from headgate.access.roles import Grant, may
from headgate.api.alerts import QUERIES
from headgate.core.pages import format_datetime
from headgate.store.database import Connection
from headgate.store.rows import fetch_rows

MarkKind = Literal["release", "configuration", "rule", "prompt", "incident", "rollout", "drift", "alert"]

GRANTS: dict[MarkKind, Grant] = {
    "release": "releases:read",
    "configuration": "snapshots:read",
    "rule": "rules:read",
    "prompt": "prompts:read",
    "incident": "alerts:read",
    "rollout": "rollouts:read",
    "drift": "drift:read",
    "alert": "alerts:read",
}
"""What a role needs to see marks of a kind."""

MARKS_MAX = 500
_SHORT = 8


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that changed. `subject` is what the API knows it by; `project` is null for the deployment."""

    at: str
    kind: MarkKind
    name: str
    subject: str
    project: str | None


class Timeline(msgspec.Struct, frozen=True, kw_only=True):
    """What changed, oldest first. `is_cut`: there was more, and the newest are here."""

    items: list[Mark]
    is_cut: bool


async def timeline(
    connection: Connection,
    project_ids: Sequence[str] | None,
    role: Role,
    *,
    begin: datetime,
    end: datetime,
    project: str | None = None,
    environment: str | None = None,
) -> Timeline:
    """Return what changed from `begin` until before `end`, of the kinds that the role may read.

    With `project` or `environment` what belongs to another one is left out; what concerns all stays.
    """
    kinds = [kind for kind, grant in GRANTS.items() if may(role, grant)]
    parameters: dict[str, Any] = {
        "project_ids": None if project_ids is None else list(project_ids),
        "kinds": kinds,
        "project": project,
        "environment": environment,
        "begin": begin,
        "end": end,
        "limit": MARKS_MAX + 1,
    }
    rows = await fetch_rows(connection, QUERIES["list_marks"], parameters)
    marks = [_mark(row) for row in rows[:MARKS_MAX]]
    return Timeline(items=marks[::-1], is_cut=len(rows) > MARKS_MAX)


def _mark(row: dict[str, Any]) -> Mark:
    return Mark(
        at=format_datetime(row["at"]),
        kind=row["kind"],
        name=_name(row["kind"], row["subject"], row["verb"], row["detail"]),
        subject=row["subject"],
        project=row["project"] or None,
    )


def _name(kind: MarkKind, subject: str, verb: str, detail: str) -> str:
    """Say in a few words what happened."""
    match kind:
        case "release":
            return f"{detail}: {verb} {subject[:_SHORT] or 'nothing'}"
        case "configuration":
            return f"configuration {subject[:_SHORT]}" + (f": {detail}" if detail else "")
        case "rule":
            return f"rule {subject}: {verb}"
        case "prompt":
            return f"prompt {subject}: {detail or verb}"
        case "rollout":
            return f"rollout {subject}: {verb}"
        case "drift":
            return f"{subject} changed: {detail}"
        case "incident" | "alert":
            return f"{kind}: {detail}"

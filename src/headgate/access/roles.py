"""What each role may do, and whose records it sees: tables, not code. Pure.

Routes name a grant; nothing is allowed that no table lists. Read next: `access.model.Role`.
"""

from typing import Literal

import msgspec

from headgate.access.model import Caller, Key, Role
from headgate.core.faults import NotAllowed

Grant = Literal[
    "calls:make",
    "models:read",
    "keys:read",
    "keys:write",
    "budgets:read",
    "budgets:write",
    "rate_limits:read",
    "rate_limits:write",
    "leases:read",
    "leases:write",
    "requests:read",
    "traces:read",
    "costs:read",
    "alerts:read",
    "webhooks:read",
    "webhooks:write",
    "providers:read",
    "projects:read",
    "snapshots:read",
    "snapshots:write",
    "audit:read",
    "system:read",
    "prompts:read",
    "prompts:write",
    "rules:read",
    "rules:write",
    "releases:read",
    "releases:write",
    "feedback:read",
    "feedback:write",
    "traces:write",
    "records:erase",
    "experiments:read",
    "experiments:write",
    "datasets:read",
    "datasets:write",
    "checks:read",
    "checks:write",
    "judges:read",
    "judges:write",
    "reviews:write",
    "drift:read",
    "drift:write",
    "rollouts:read",
    "rollouts:write",
    "views:write",
]
"""What a route can ask for. `:read` lists and shows, `:write` creates, changes and deletes."""

_VIEWER: frozenset[Grant] = frozenset(
    {
        *("models:read", "requests:read", "costs:read", "budgets:read", "rate_limits:read", "alerts:read"),
        *("prompts:read", "rules:read", "releases:read", "traces:read", "feedback:read"),
        *("experiments:read", "judges:read", "reviews:write", "drift:read"),
        *("datasets:read", "checks:read"),
    }
)
_MEMBER: frozenset[Grant] = frozenset(
    {
        *("calls:make", "models:read", "requests:read", "traces:read", "costs:read", "prompts:read"),
        *("feedback:read", "feedback:write", "traces:write"),
        *("datasets:read", "checks:read", "checks:write"),
    }
)
_PROJECT_ADMIN: frozenset[Grant] = (
    _VIEWER
    | _MEMBER
    | frozenset[Grant]({"keys:read", "keys:write", "budgets:write", "rate_limits:write", "projects:read"})
    | frozenset[Grant]({"prompts:write", "rules:write", "releases:write", "records:erase", "judges:write"})
    | frozenset[Grant]({"datasets:write", "views:write"})
)
_ADMIN: frozenset[Grant] = _PROJECT_ADMIN | frozenset[Grant](
    {
        "leases:read",
        "leases:write",
        "webhooks:read",
        "webhooks:write",
        "providers:read",
        "snapshots:read",
        "snapshots:write",
        "audit:read",
        "system:read",
        *("experiments:write", "drift:write", "rollouts:read", "rollouts:write"),
    }
)

GRANTS: dict[Role, frozenset[Grant]] = {
    "admin": _ADMIN,
    "project_admin": _PROJECT_ADMIN,
    "member": _MEMBER,
    "viewer": _VIEWER,
}

Sees = Literal["all projects", "its project", "its own calls"]

SEES: dict[Role, Sees] = {
    "admin": "all projects",
    "project_admin": "its project",
    "member": "its own calls",
    "viewer": "its project",
}
"""Whose records each role sees, in words; `visible` says it for a key."""

_RANK: dict[Role, int] = {"viewer": 0, "member": 1, "project_admin": 2, "admin": 3}


class Visible(msgspec.Struct, frozen=True, kw_only=True):
    """Whose records a caller sees: these projects (None: all), and of them only one key's (None: all)."""

    project_ids: tuple[str, ...] | None
    key: str | None = None

    @property
    def own_key_only(self) -> bool:
        """Whether only the caller's own calls show."""
        return self.key is not None

    def sees(self, project: str) -> bool:
        """Say whether objects of that project show at all."""
        return self.project_ids is None or project in self.project_ids


def may(role: Role, grant: Grant) -> bool:
    """Say whether a role has a grant."""
    return grant in GRANTS[role]


def require(role: Role, grant: Grant) -> None:
    """Raise NotAllowed, naming the roles that would do, when a role has no such grant."""
    if may(role, grant):
        return
    enough = [name for name, grants in GRANTS.items() if grant in grants]
    raise NotAllowed(f"role {role} has no {grant}; it takes {' or '.join(enough)}")


def may_give(giver: Role, given: Role) -> bool:
    """Say whether a role may make keys of another role: never one above its own."""
    return may(giver, "keys:write") and _RANK[given] <= _RANK[giver]


def visible(caller: Caller | Key) -> Visible:
    """Return whose records a caller, or the key that it presents, may read.

    An admin sees all projects, a project admin and a viewer their own, a member its own calls.
    """
    match caller.role:
        case "admin":
            return Visible(project_ids=None)
        case "project_admin" | "viewer":
            return Visible(project_ids=(caller.project,))
        case "member":
            key = caller.key if isinstance(caller, Caller) else caller.id
            return Visible(project_ids=(caller.project,), key=key)


def project_meant(caller: Key, named: str | None) -> str:
    """Return the project that a request means: the caller's own where none is named. Raises NotAllowed."""
    if named is None or named == caller.project:
        return caller.project
    if not visible(caller).sees(named):
        raise NotAllowed(f"this key belongs to project {caller.project}, not {named[:64]!r}")
    return named

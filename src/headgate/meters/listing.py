"""What the routes of budgets and of rate limits share: which are seen, by which name, in which order.

Read next: `meters.http`, `meters.rate_http`.
"""

from collections.abc import Sequence
from typing import Any, Protocol, TypeVar

import msgspec
from litestar.di import NamedDependency
from litestar.params import SkipValidation

from headgate.access.changes import Changes
from headgate.access.model import Key
from headgate.access.roles import visible
from headgate.access.store import AuditEntry
from headgate.core.faults import Conflict, NotAllowed, NotFound
from headgate.core.pages import decode_cursor, encode_cursor
from headgate.meters.model import Budget, RateLimit, Scope
from headgate.store.database import Database


class MetersInForce(Protocol):
    """What control knows of the meters that gateways apply."""

    def budgets(self) -> Sequence[Budget]:
        """All budgets: of the file, made here, and brought along by keys."""
        ...

    def rate_limits(self) -> Sequence[RateLimit]:
        """All rate limits."""
        ...

    def project_of_key(self, key: str) -> str | None:
        """The project of a key that is in force."""
        ...


InForce = NamedDependency[SkipValidation[MetersInForce]]
Store = NamedDependency[SkipValidation[Database]]
Writer = NamedDependency[SkipValidation[Changes]]


class DeletedMeter(msgspec.Struct, frozen=True, kw_only=True):
    """The name of what was deleted. What it counted stays on record."""

    name: str
    not_acknowledged: list[str]


Meter = TypeVar("Meter", Budget, RateLimit)


def audit_entry(
    action: str,
    caller: Key,
    meter: Budget | RateLimit,
    in_force: MetersInForce,
    *,
    before: Any = None,
    after: Any = None,
) -> AuditEntry:
    """Return the audit row of a change to a meter; `before` and `after` hold no secret."""
    project = meter.scope.project
    if meter.key is not None:
        project = in_force.project_of_key(meter.key)
    return AuditEntry(
        actor=caller.id,
        action=action,
        kind="budget" if isinstance(meter, Budget) else "rate_limit",
        object=meter.name,
        project=project or "default",
        before=before,
        after=after,
    )


def visible_meters(meters: Sequence[Meter], caller: Key, in_force: MetersInForce) -> list[Meter]:
    """Return the meters that a caller may see: all, or those that count its project's calls only."""
    seen = visible(caller)
    if seen.project_ids is None:
        return list(meters)
    return [
        each
        for each in meters
        if (each.scope.project is not None and seen.sees(each.scope.project))
        or (each.key is not None and (in_force.project_of_key(each.key) or "") in seen.project_ids)
    ]


def check_project(caller: Key, scope: Scope) -> None:
    """Raise NotAllowed unless the caller may make meters of that scope: within its own project."""
    if not visible(caller).sees(scope.project or "") or scope.project == "*":
        if visible(caller).project_ids is None:
            return
        raise NotAllowed(f"the scope has to name your project: write project = {caller.project!r} in it")


def check_names(made: Sequence[Budget | RateLimit], meters: Sequence[Budget | RateLimit], what: str) -> None:
    """Raise Conflict where a new meter has a name that is taken."""
    taken = {each.name: "headgate.toml" if each.managed_by == "file" else "the console" for each in meters}
    for each in made:
        if each.name in taken:
            raise Conflict(
                f"there is a {what} {each.name!r} already, managed by {taken[each.name]}; choose another name"
            )
        taken[each.name] = "this request"


def named(meters: Sequence[Meter], name: str, what: str) -> Meter:
    """Return the meter of that name. Raises NotFound."""
    for meter in meters:
        if meter.name == name:
            return meter
    raise NotFound(f"there is no {what} {name[:100]!r}; GET the list for the names")


def own(meters: Sequence[Meter], name: str, what: str) -> Meter:
    """Return a meter that may be changed here. Raises NotFound, Conflict for one of headgate.toml."""
    meter = named(meters, name, what)
    if meter.managed_by == "file":
        raise Conflict(f"{what} {name!r} is managed by headgate.toml; change it there, then `headgate apply`")
    return meter


def page(meters: Sequence[Meter], limit: int, cursor: str | None) -> tuple[list[Meter], str | None]:
    """Return one page of meters in the order of their names, and the cursor of the next."""
    ordered = sorted(meters, key=_place)
    if cursor is not None:
        after = decode_cursor(cursor, tuple[str, str])
        ordered = [meter for meter in ordered if _place(meter) > after]
    shown = ordered[:limit]
    return shown, encode_cursor(_place(shown[-1])) if len(ordered) > limit else None


def _place(meter: Budget | RateLimit) -> tuple[str, str]:
    return meter.name, meter.id

"""How prompts are looked at: whose, over which days, of which environment, and whether traffic shows.

Sums of prompts are kept by day (UTC): a time counts with all days that it touches, and answers say which
these are. Read next: `catalogue.listing`, `prompts.outcomes`.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import msgspec

from headgate.access.model import Key
from headgate.access.roles import visible
from headgate.core.faults import InvalidRequest
from headgate.core.pages import format_datetime
from headgate.records.http import query_parameter, read_name, read_times

DAYS_DEFAULT: Final = 30
DAYS_MAX: Final = 365
DAY: Final = timedelta(days=1)

WITHIN: Final[dict[str, Any]] = {
    "from": query_parameter("with traffic of this time on, in whole days (UTC)"),
    "to": query_parameter("with traffic until this time, in whole days (UTC); until now if left out"),
    "days": query_parameter(f"without `from`: how many days of traffic count, up to {DAYS_MAX}", int),
}
ENVIRONMENT: Final[dict[str, Any]] = {
    "environment": query_parameter("with traffic of this environment; - is none")
}


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """How prompts are looked at: with the traffic from the first day until the last one, both included.

    `environment` is None for all, and empty for that of calls that name none.
    """

    project_ids: Sequence[str] | None
    since: date
    until: date
    shows_traffic: bool
    source: str | None = None
    environment: str | None = None

    @property
    def days(self) -> list[date]:
        """All days that count."""
        return [self.since + number * DAY for number in range((self.until - self.since).days + 1)]

    @property
    def times(self) -> tuple[str, str]:
        """The beginning of the first day, and the end of the last one, or now where that is still to come."""
        begin, end = (datetime(day.year, day.month, day.day, tzinfo=UTC) for day in (self.since, self.until))
        return format_datetime(begin), format_datetime(min(end + DAY, datetime.now(UTC)))

    def scope(self) -> dict[str, Any]:
        """Return what the SQL of prompts takes."""
        return {
            "project_ids": None if self.project_ids is None else list(self.project_ids),
            "source": self.source,
            "since": self.since,
            "until": self.until,
            "environment": self.environment,
        }


def read_look(
    caller: Key, query: Mapping[str, str], *, days: int = DAYS_DEFAULT, with_today: bool = False
) -> Look:
    """Read how a caller looks at prompts: of its projects, with traffic where it sees others' calls.

    Without `from` so many days count, `with_today` or besides it. Raises InvalidRequest for a time that is
    none, or is too long.
    """
    since, until = _read_days(query, days, with_today)
    return Look(
        project_ids=projects_seen(caller, query.get("project")),
        since=since,
        until=until,
        shows_traffic=not visible(caller).own_key_only,
        source=query.get("source"),
        environment=read_name(query, "environment"),
    )


def projects_seen(caller: Key, project: str | None) -> tuple[str, ...] | None:
    """Return the projects that a caller sees, of all or of one that it names; None for all."""
    seen = visible(caller)
    if project is None:
        return seen.project_ids
    return (project,) if seen.sees(project) else ()


def _read_days(query: Mapping[str, str], default: int, with_today: bool) -> tuple[date, date]:
    begin, end = read_times(query)
    # What ends at midnight does not touch the day that begins there.
    until = (datetime.now(UTC) if end is None else end - timedelta(microseconds=1)).date()
    days = _days(query, default) - with_today
    since = begin.date() if begin is not None else until - min(days, until.toordinal() - 1) * DAY
    if since > until:
        raise InvalidRequest("from is not before to; name an earlier time", parameter="from")
    if (until - since).days > DAYS_MAX:
        raise InvalidRequest(
            f"from {since} to {until} are {(until - since).days + 1} days; name at most {DAYS_MAX + 1}",
            parameter="from",
        )
    return since, until


def _days(query: Mapping[str, str], default: int) -> int:
    text = query.get("days", str(default))
    days = int(text) if text.isascii() and text.isdigit() and len(text) <= 3 else 0
    if not 1 <= days <= DAYS_MAX:
        raise InvalidRequest(f"days is {text[:16]!r}; write a number from 1 to {DAYS_MAX}", parameter="days")
    return days

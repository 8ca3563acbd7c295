"""Which meters a call is counted by. Pure.

A budget with `*` in its scope has a meter for each value; the subject names it. Subjects are text that
PostgreSQL can hold and index, and two different combinations of values never share one.
Read next: `meters.purse`, `meters.rate`.
"""

import hashlib
import re
from collections.abc import Callable, Sequence
from itertools import product
from typing import Generic, NamedTuple, TypeVar
from urllib.parse import quote, unquote

from headgate.meters.model import Budget, RateLimit, Scope, Subject

VALUE_CHARACTERS_MAX = 200
ANY = "*"
SUBJECTS_REMEMBERED_MAX = 4096

M = TypeVar("M", Budget, RateLimit)
C = TypeVar("C")


class Meter(NamedTuple):
    """The id of a budget or rate limit, and the subject under which it counts."""

    limit: str
    subject: str


_PLAIN = re.compile(r"[A-Za-z0-9_.@:/ +~\-]*")


def matches(scope: Scope, subject: Subject) -> str | None:
    """Return the first meter's subject, such as `user=anna`, or None where the scope does not match.

    Scopes that name a provider or a model match only once the call has a target.
    """
    found = meters_of(scope, subject)
    return found[0] if found else None


def meters_of(scope: Scope, subject: Subject) -> tuple[str, ...]:
    """Return the subjects of all meters that count the call: several where `tag = "*"` meets several tags.

    An empty scope matches every call, under the subject `""`.
    """
    parts: list[tuple[str, ...]] = []
    for name, wanted in _named(scope):
        values = _values(name, wanted, subject)
        if not values:
            return ()
        parts.append(tuple(f"{name}={_escape(value)}" for value in values))
    return tuple(",".join(combination) for combination in product(*parts))


def counts(meter: Budget | RateLimit, subject: Subject) -> tuple[str, ...]:
    """Return the subjects under which a budget or rate limit counts the call; empty where it does not.

    One that came along with a key counts that key's calls only.
    """
    if meter.key is not None and meter.key != subject.key:
        return ()
    return meters_of(meter.scope, subject)


class Counting(Generic[M, C]):
    """Which of some budgets or rate limits count a call, remembered by subject: the same callers come again.

    Each is kept as `make` makes it of a limit and its meter. Made anew whenever the limits in force change.
    """

    def __init__(self, limits: Sequence[M], make: Callable[[M, Meter], C]) -> None:
        self.limits = limits
        self._make = make
        self._found: dict[Subject, tuple[C, ...]] = {}

    def of(self, subject: Subject) -> tuple[C, ...]:
        """Return each limit that counts the call, with its meter that does."""
        found = self._found.get(subject)
        if found is None:
            found = tuple(
                self._make(limit, Meter(limit.id, counted))
                for limit in self.limits
                for counted in counts(limit, subject)
            )
            if len(self._found) >= SUBJECTS_REMEMBERED_MAX:
                self._found.clear()
            self._found[subject] = found
        return found


def describe(subject: str) -> dict[str, str]:
    """Return what a meter's subject says, by dimension. Values over 200 characters stay shortened."""
    pairs = (part.split("=", 1) for part in subject.split(",") if part)
    return {name: unquote(value) for name, value in pairs}


def _named(scope: Scope) -> tuple[tuple[str, str], ...]:
    dimensions = (
        ("project", scope.project),
        ("key", scope.key),
        ("user", scope.user),
        ("provider", scope.provider),
        ("model", scope.model),
        ("tag", scope.tag),
    )
    return tuple((name, wanted) for name, wanted in dimensions if wanted is not None)


def _values(name: str, wanted: str, subject: Subject) -> tuple[str, ...]:
    """The values under which this part of the scope counts the call."""
    if name in ("provider", "model") and not subject.target:
        return ()
    match name:
        case "project":
            offered = (subject.project,)
        case "key":
            offered = (subject.key,)
        case "user":
            offered = (subject.user,)
        case "provider":
            offered = (subject.provider,)
        case "model":
            offered = (subject.target,) if wanted == ANY else (subject.target, subject.alias)
        case _:
            offered = tuple(dict.fromkeys(subject.tags))
    if wanted == ANY:
        return offered
    return (wanted,) if wanted in offered else ()


def _escape(value: str) -> str:
    """Escape separators and what PostgreSQL refuses as text; shorten what it cannot index."""
    if len(value) > VALUE_CHARACTERS_MAX:
        digest = hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()
        # `!` stands in no escaped value, so that no short value can be mistaken for a shortened one.
        return f"{_escape(value[:64])}!{digest}"
    if _PLAIN.fullmatch(value):
        return value
    return quote(value, safe="@:/ +~", errors="surrogatepass")

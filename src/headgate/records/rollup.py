"""Deltas for the rollups: what a batch of ended calls adds to each slot, hour and day. Pure.

A call counts whole in the 15 minutes in which it began, under the target that ended it. Read next:
`records.sink`, which adds the deltas up in SQL, and `records.costs`.
"""

import hashlib
import uuid
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec

from headgate.core.entries import End
from headgate.core.names import RUN_TAG
from headgate.records import sketch
from headgate.records.model import fold
from headgate.records.rows import instant, name

SLOT_S = 15 * 60
HOUR_S = 3600
DAY_S = 86_400
VALUES_MAX = 1000
"""How many users, or tags, are told apart in a project and day."""
OTHER = "other"

SlotKey = tuple[datetime, str, str, str, str, str, str, str, int]
"""Slot, project, key, target, model, prompt, release, environment, class of the status."""

DayKey = tuple[str, date, str, str]
"""Project, day, dimension (`user` or `tag`), value."""

SessionKey = tuple[str, date, str, str]
"""Project, day, session, user."""

NameKey = tuple[str, int, str, datetime, str, int]
"""Dimension (empty: all calls), step in seconds, project, beginning of the step, value, class of status."""

NAMES = ("key", "target", "model", "prompt", "release", "environment")
"""By which sums are kept, beside projects and classes of status: in this order in a SlotKey."""

SUMS = (
    *("requests", "input", "cache_read", "cache_write", "output", "reasoning", "cost_pico_usd"),
    *("unpriced", "estimated"),
)
"""What a delta counts, beside its sketches."""


class Delta(msgspec.Struct):
    """Sums over some calls. Tokens by bucket; cost in pico-USD, of the calls whose cost is known."""

    requests: int = 0
    input: int = 0
    cache_read: int = 0
    cache_write: int = 0
    output: int = 0
    reasoning: int = 0
    cost_pico_usd: int = 0
    unpriced: int = 0
    estimated: int = 0
    duration_sketch: list[int] = msgspec.field(default_factory=list[int])
    first_token_sketch: list[int] = msgspec.field(default_factory=list[int])

    def count(self, end: End) -> None:
        """Add one call."""
        usage = fold(end.usage)
        self.requests += 1
        self.input += usage.input
        self.cache_read += usage.cache_read
        self.cache_write += usage.cache_write
        self.output += usage.output
        self.reasoning += usage.reasoning
        self.cost_pico_usd += end.cost_pico_usd or 0
        self.unpriced += end.cost_pico_usd is None
        self.estimated += end.estimated
        sketch.add(self.duration_sketch, end.duration_ms)
        if end.first_token_ms is not None:
            sketch.add(self.first_token_sketch, end.first_token_ms)


class DayDelta(Delta):
    """Sums that stand in one row for calls of any status."""

    client_errors: int = 0
    server_errors: int = 0

    def count(self, end: End) -> None:
        """Add one call."""
        super().count(end)
        self.client_errors += end.status // 100 == 4
        self.server_errors += end.status // 100 not in (1, 2, 3, 4)


def slot_of(started_ms: int) -> datetime:
    """Return the beginning of the 15 minutes (UTC) in which a call began."""
    return instant(started_ms - started_ms % (SLOT_S * 1000))


def by_slot(ends: Iterable[End]) -> dict[SlotKey, Delta]:
    """Sum calls for the base rollup, in the order of keys, so that two shippers lock rows in one order."""
    deltas: dict[SlotKey, Delta] = {}
    for end in ends:
        prompt = end.prompts[0].name if end.prompts else ""
        names = (
            *(name(end.project), name(end.key), name(end.target), name(end.model)),
            *(name(prompt), name(end.release), name(end.environment)),
        )
        key: SlotKey = (slot_of(end.started_ms), *names, end.status // 100)
        deltas.setdefault(key, Delta()).count(end)
    return dict(sorted(deltas.items()))


def by_day(ends: Iterable[End]) -> dict[DayKey, DayDelta]:
    """Sum calls by user (the empty one included) and by tag; a call with two tags counts under both.

    Tags of single runs of checks are left out: they would use up the room of all others.
    """
    deltas: dict[DayKey, DayDelta] = {}
    for end in ends:
        project, day = name(end.project), _day_of(end)
        deltas.setdefault((project, day, "user", name(end.user)), DayDelta()).count(end)
        for tag in dict.fromkeys(name(tag) for tag in end.tags if not tag.startswith(RUN_TAG)):
            deltas.setdefault((project, day, "tag", tag), DayDelta()).count(end)
    return dict(sorted(deltas.items()))


def by_session(ends: Iterable[End]) -> dict[SessionKey, Delta]:
    """Sum calls by session, in the order of keys; those without one together, whoever their users are."""
    deltas: dict[SessionKey, Delta] = {}
    for end in ends:
        session = name(end.session)
        key: SessionKey = (name(end.project), _day_of(end), session, name(end.user) if session else "")
        deltas.setdefault(key, Delta()).count(end)
    return dict(sorted(deltas.items()))


def _day_of(end: End) -> date:
    return slot_of(end.started_ms).astimezone(UTC).date()


def by_name(slots: Mapping[SlotKey, Delta]) -> dict[NameKey, list[int]]:
    """Return what slots add to the sums by hour and day, each by one name alone, in the order of keys.

    The SUMS, and the two sketches as numbers. What adds nothing is left out.
    """
    found: dict[NameKey, list[int]] = {}
    for (slot, project, *named, status_class), delta in slots.items():
        sums: list[int] = [getattr(delta, name) for name in SUMS]
        sums += [sketch.as_number(delta.duration_sketch), sketch.as_number(delta.first_token_sketch)]
        names = {"": "", **dict(zip(NAMES, named, strict=True))}
        for step_s in (HOUR_S, DAY_S):
            begin = slot - timedelta(seconds=slot.timestamp() % step_s)
            for dimension, value in names.items():
                place: NameKey = (dimension, step_s, project, begin, value, status_class)
                before = found.get(place)
                found[place] = (
                    sums if before is None else [one + other for one, other in zip(before, sums, strict=True)]
                )
    return {place: sums for place, sums in sorted(found.items()) if any(sums)}


def dimensions_of(key: SlotKey) -> uuid.UUID:
    """Return the digest that tells one combination of names from another.

    Of calls without an environment it is the one that versions before environments made, so that what these
    still write beside newer ones comes to the same row.
    """
    *names, environment = key[1:8]
    text = "\0".join((*names, str(key[8]), *([environment] if environment else [])))
    return uuid.UUID(bytes=hashlib.sha256(text.encode()).digest()[:16])


def negative(delta: Delta) -> Delta:
    """Return what takes a delta back."""
    return Delta(
        requests=-delta.requests,
        input=-delta.input,
        cache_read=-delta.cache_read,
        cache_write=-delta.cache_write,
        output=-delta.output,
        reasoning=-delta.reasoning,
        cost_pico_usd=-delta.cost_pico_usd,
        unpriced=-delta.unpriced,
        estimated=-delta.estimated,
        duration_sketch=[-count for count in delta.duration_sketch],
        first_token_sketch=[-count for count in delta.first_token_sketch],
    )


def merge_slots(one: Delta, other: Delta) -> Delta:
    """Return the sum of two deltas, sketches and all."""
    return Delta(**_merged(one, other))


def _merged(one: Delta, other: Delta) -> dict[str, Any]:
    return {
        "requests": one.requests + other.requests,
        "input": one.input + other.input,
        "cache_read": one.cache_read + other.cache_read,
        "cache_write": one.cache_write + other.cache_write,
        "output": one.output + other.output,
        "reasoning": one.reasoning + other.reasoning,
        "cost_pico_usd": one.cost_pico_usd + other.cost_pico_usd,
        "unpriced": one.unpriced + other.unpriced,
        "estimated": one.estimated + other.estimated,
        "duration_sketch": sketch.merge(one.duration_sketch, other.duration_sketch),
        "first_token_sketch": sketch.merge(one.first_token_sketch, other.first_token_sketch),
    }


def merge_days(one: DayDelta, other: DayDelta) -> DayDelta:
    """Return the sum of two deltas by day."""
    return DayDelta(
        **_merged(one, other),
        client_errors=one.client_errors + other.client_errors,
        server_errors=one.server_errors + other.server_errors,
    )


def capped(
    deltas: dict[DayKey, DayDelta], known: set[DayKey], counts: dict[tuple[str, date, str], int]
) -> dict[DayKey, DayDelta]:
    """Move to `other` what would be more than 1000 values of a project, day and dimension.

    `known` are the values that have a row already, `counts` how many rows there are.
    """
    found: dict[DayKey, DayDelta] = {}
    room = dict(counts)
    for key, delta in deltas.items():
        group = key[:3]
        kept = key
        if key not in known:
            if room.get(group, 0) >= VALUES_MAX:
                kept = (*group, OTHER)
            else:
                room[group] = room.get(group, 0) + 1
        found[kept] = merge_days(found[kept], delta) if kept in found else delta
    return dict(sorted(found.items()))

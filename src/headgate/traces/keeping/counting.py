"""What a trace cost: each call of a model once, however often it is told of. Pure.

A call may be told of by Headgate's own record, by the instrumentation of a client and by the spans of
frameworks around it, which sum up what is below them. The rules stand in docs/design/006-traces.md, "One
call, once"; what contradicts is flagged and never guessed. The order in which spans are given makes no
difference. Read next: `keeping.tree`, `keeping.joining`, `keeping.settling`.
"""

from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Final
from uuid import UUID

import msgspec

from headgate.core.call import Usage
from headgate.records.model import UsageBuckets, fold
from headgate.traces.keeping.accounts import CountedSpan, RecordedCall
from headgate.traces.keeping.joining import Joined, join
from headgate.traces.keeping.tree import Tree

TOKENS_MAX: Final = 2**44
"""A bucket that says more than this is kept as this, so that sums fit."""
COST_TOLERANCE: Final = 100
"""Two costs of one call differ if by more than their hundredth part: price tables round."""

COUNTED_ELSEWHERE: Final = "counted_elsewhere"
"""The flag of a trace with spans of a call that another trace has on record."""

NOTHING: Final = UsageBuckets(input=0, cache_read=0, cache_write=0, output=0, reasoning=0)


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """A call that counts: a span's or a record's."""

    model: str
    usage: UsageBuckets
    cost: int | None
    duration_us: int
    has_failed: bool
    span: int | None
    call: UUID | None


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """What a trace comes to. `cost` is None where none is known, and else leaves out the `unpriced`."""

    items: tuple[Item, ...]
    joined: Mapping[int, UUID]
    """The recorded call that a span shows, by its id."""
    usage: UsageBuckets
    cost: int | None
    unpriced: int
    errors: int
    flags: tuple[str, ...]

    @property
    def calls(self) -> int:
        """How many calls of models there were."""
        return len(self.items)


def count(
    spans: Sequence[CountedSpan], calls: Sequence[RecordedCall], *, elsewhere: Set[str] = frozenset()
) -> Totals:
    """Count each call once, and say what contradicts. Ids of spans are unique; a parent may be missing.

    `elsewhere` are ids of answers whose calls are recorded in another trace, which counts them.
    """
    tree = Tree({span.id: span.parent for span in spans})
    by_id = {span.id: span for span in spans}
    joined = join(by_id, tree, calls, elsewhere)
    counted = _choose(by_id, tree, joined)
    items = (*(_of_call(call) for call in sorted(calls, key=lambda one: one.id)), *map(_of_span, counted))
    costs = [item.cost for item in items if item.cost is not None]
    flags = {flag for span in spans for flag in span.flags}
    if joined.elsewhere:
        flags.add(COUNTED_ELSEWHERE)
    flags |= _differences(by_id, joined) | _sum_differences(by_id, tree, joined, counted)
    failed = sum(call.has_failed for call in calls if not _shows_error(by_id, joined, call))
    return Totals(
        items=items,
        joined={span: call.id for span, call in joined.calls.items()},
        usage=add_up(item.usage for item in items),
        cost=sum(costs) if costs else None,
        unpriced=len(items) - len(costs),
        errors=sum(span.status == "error" for span in spans) + failed,
        flags=tuple(sorted(flags)),
    )


def add_up(usages: Iterable[UsageBuckets]) -> UsageBuckets:
    """Return the sum of each bucket."""
    sums = dict.fromkeys(NOTHING.__struct_fields__, 0)
    for usage in usages:
        for name in sums:
            sums[name] += getattr(usage, name)
    return UsageBuckets(**sums)


def buckets(usage: Usage | None) -> UsageBuckets:
    """Return the five buckets of what is said, none of them absurd."""
    if usage is None:
        return NOTHING
    folded = fold(usage)
    return UsageBuckets(
        **{name: min(max(0, getattr(folded, name)), TOKENS_MAX) for name in NOTHING.__struct_fields__}
    )


def _choose(by_id: Mapping[int, CountedSpan], tree: Tree, joined: Joined) -> list[CountedSpan]:
    """Return the spans that count: of those with an account the deepest, then other calls of models."""
    covered = set(joined.places)
    with_account = {identity for identity, span in by_id.items() if span.has_account} - joined.same
    counted = _lowest(tree, with_account, covered)
    told = set(counted)
    for identity in reversed(tree.deepest_first):
        if tree.parent[identity] in told:
            told.add(identity)
    models = {identity for identity, span in by_id.items() if span.is_model_call}
    counted += _lowest(tree, models - told - joined.same, covered)
    return [by_id[identity] for identity in counted]


def _lowest(tree: Tree, wanted: Set[int], covered: set[int]) -> list[int]:
    """Return those of the spans with nothing covered below them; they are then, and all above them."""
    found: list[int] = []
    for identity in tree.deepest_first:
        if identity in wanted and identity not in covered:
            found.append(identity)
            covered.add(identity)
        parent = tree.parent[identity]
        if identity in covered and parent is not None:
            covered.add(parent)
    return found


def _of_span(span: CountedSpan) -> Item:
    return Item(
        model=span.model or span.request_model,
        usage=buckets(span.usage),
        cost=span.cost,
        duration_us=span.duration_us,
        has_failed=span.status == "error",
        span=span.id,
        call=None,
    )


def _of_call(call: RecordedCall) -> Item:
    return Item(
        model=call.model,
        usage=buckets(call.usage),
        cost=call.cost,
        duration_us=call.duration_us,
        has_failed=call.has_failed,
        span=None,
        call=call.id,
    )


def _shows_error(by_id: Mapping[int, CountedSpan], joined: Joined, call: RecordedCall) -> bool:
    place = joined.place_of.get(call.id)
    return place is not None and by_id[place].status == "error"


def _differences(by_id: Mapping[int, CountedSpan], joined: Joined) -> set[str]:
    """Compare what is told of one call: by its record and its span, or by spans with its answer's id."""
    flags: set[str] = set()
    for identity, call in joined.calls.items():
        span = by_id[identity]
        if span.usage is not None and not call.has_failed and _sides(span.usage) != _sides(call.usage):
            flags.add("usage_differs")
        if _costs_differ(span.cost, call.cost):
            flags.add("cost_differs")
    for group in joined.groups:
        told = [by_id[identity] for identity in group]
        if len({_sides(span.usage) for span in told if span.usage is not None}) > 1:
            flags.add("usage_differs")
        costs = [span.cost for span in told if span.cost is not None]
        if costs and _costs_differ(min(costs), max(costs)):
            flags.add("cost_differs")
    return flags


def _sum_differences(
    by_id: Mapping[int, CountedSpan], tree: Tree, joined: Joined, counted: Sequence[CountedSpan]
) -> set[str]:
    """Compare what a span sums up with what counts below it."""
    below: dict[int, tuple[int, int]] = {}
    for span in counted:
        below[span.id] = _sides(span.usage)
    for identity in joined.elsewhere:
        below[identity] = _sides(by_id[identity].usage)
    for identity, calls in joined.at.items():
        for call in calls:
            below[identity] = _plus(below.get(identity, (0, 0)), _sides(call.usage))
    is_counted = {span.id for span in counted}
    for identity in tree.deepest_first:
        sums = below.get(identity)
        if sums is None:
            continue
        said = by_id[identity].usage
        is_sum = identity not in is_counted and identity not in joined.calls and identity not in joined.same
        if is_sum and said is not None and _sides(said) != sums:
            return {"sum_differs"}
        parent = tree.parent[identity]
        if parent is not None:
            below[parent] = _plus(below.get(parent, (0, 0)), sums)
    return set()


def _sides(usage: Usage | None) -> tuple[int, int]:
    """Tokens in and out: how these are split says who tells of them."""
    told = buckets(usage)
    return told.input + told.cache_read + told.cache_write, told.output + told.reasoning


def _plus(one: tuple[int, int], other: tuple[int, int]) -> tuple[int, int]:
    return one[0] + other[0], one[1] + other[1]


def _costs_differ(one: int | None, other: int | None) -> bool:
    return one is not None and other is not None and abs(one - other) * COST_TOLERANCE > max(one, other)

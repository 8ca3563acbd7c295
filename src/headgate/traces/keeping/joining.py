"""Which recorded call is which span, and which spans tell of one and the same call. Pure.

Read next: `keeping.counting`.
"""

from collections.abc import Iterator, Mapping, Sequence, Set
from uuid import UUID

import msgspec

from headgate.traces.keeping.accounts import CountedSpan, RecordedCall
from headgate.traces.keeping.tree import Tree


class Joined(msgspec.Struct, frozen=True, kw_only=True):
    """What was found; spans by id.

    `calls` are those that a span is; `place_of` says where in the tree each recorded call stands, which is
    the span that it is or was called from, and `at` the same by span. `places` are spans that are or hold a
    recorded call. `groups` tell of one call each, by the id of its answer. `same` don't count, since another
    account of the same call does. `elsewhere` are those of calls that another trace has, one for each.
    """

    calls: dict[int, RecordedCall]
    place_of: dict[UUID, int]
    at: dict[int, list[RecordedCall]]
    places: set[int]
    groups: list[tuple[int, ...]]
    same: set[int]
    elsewhere: set[int]


def join(
    spans: Mapping[int, CountedSpan],
    tree: Tree,
    calls: Sequence[RecordedCall],
    elsewhere: Set[str] = frozenset(),
) -> Joined:
    """Join calls to spans: by the id of the answer, else by the span that made them.

    `elsewhere` are ids of answers whose calls another trace has.
    """
    by_answer = _by_answer(spans, tree)
    told = {answer: group for answer, group in by_answer.items() if answer in elsewhere}
    joined: dict[int, RecordedCall] = {}
    left: list[RecordedCall] = []
    # What went well first, so that it gets the span and not the tries before it.
    for call in sorted(calls, key=lambda one: (one.has_failed, one.started_us, one.id)):
        free = [span for span in by_answer.get(call.response_id, ()) if span not in joined]
        if free:
            made_by = next((span for span in _makers(spans, tree, call) if span in free), free[0])
            joined[made_by] = call
        else:
            left.append(call)
    for call in left:
        maker = next(_fitting(spans, tree, call), None)
        if maker is not None and maker not in joined:
            joined[maker] = call
    makers = {call.id: call.parent for call in calls if call.parent is not None and call.parent in spans}
    place_of = {**makers, **{call.id: span for span, call in joined.items()}}
    at: dict[int, list[RecordedCall]] = {}
    for call in calls:
        if call.id in place_of:
            at.setdefault(place_of[call.id], []).append(call)
    return Joined(
        calls=joined,
        place_of=place_of,
        at=at,
        places={*place_of.values(), *makers.values(), *(group[0] for group in told.values())},
        groups=[group for group in by_answer.values() if len(group) > 1],
        same=_told_by_others(by_answer, joined).union(_within_joined(spans, tree, joined), *told.values()),
        elsewhere={group[0] for group in told.values()},
    )


def _by_answer(spans: Mapping[int, CountedSpan], tree: Tree) -> dict[str, tuple[int, ...]]:
    """Return the spans of each answer's id: the deepest first, of those that say what was used."""
    groups: dict[str, list[int]] = {}
    for identity in tree.deepest_first:
        span = spans[identity]
        if span.response_id and span.tells_of_call:
            groups.setdefault(span.response_id, []).append(identity)
    return {
        answer: tuple(sorted(group, key=lambda one: not spans[one].has_account))
        for answer, group in groups.items()
    }


def _makers(spans: Mapping[int, CountedSpan], tree: Tree, call: RecordedCall) -> Iterator[int]:
    """Walk up from the span that made a call, through what is no step of its own (an HTTP request)."""
    if call.parent is None or call.parent not in spans:
        return
    for identity in tree.upward(call.parent):
        yield identity
        if spans[identity].kind != "span":
            return


def _fitting(spans: Mapping[int, CountedSpan], tree: Tree, call: RecordedCall) -> Iterator[int]:
    for identity in _makers(spans, tree, call):
        span = spans[identity]
        fits = not span.models or bool(span.models & call.models)
        is_another = bool(span.response_id and call.response_id) and span.response_id != call.response_id
        if span.is_model_call and fits and not is_another:
            yield identity


def _told_by_others(by_answer: Mapping[str, tuple[int, ...]], joined: Mapping[int, RecordedCall]) -> set[int]:
    """Return the spans with the id of an answer of which another account counts."""
    same: set[int] = set()
    for group in by_answer.values():
        is_recorded = any(span in joined for span in group)
        same.update(group if is_recorded else group[1:])
    return same


def _within_joined(
    spans: Mapping[int, CountedSpan], tree: Tree, joined: Mapping[int, RecordedCall]
) -> set[int]:
    """Return the spans below a call's own that tell of the same: a client's below a framework's."""
    same: set[int] = set()
    inside: dict[int, int] = {}
    for identity in reversed(tree.deepest_first):
        parent = tree.parent[identity]
        if identity in joined:
            if spans[identity].is_model_call:
                inside[identity] = identity
            continue
        if parent is None or parent not in inside:
            continue
        if _may_be(spans[identity], spans[inside[parent]], joined[inside[parent]]):
            inside[identity] = inside[parent]
            same.add(identity)
    return same


def _may_be(span: CountedSpan, outer: CountedSpan, call: RecordedCall) -> bool:
    """Say whether nothing speaks against a span's telling of that call."""
    answers = {outer.response_id, call.response_id} - {""}
    if span.response_id and answers and span.response_id not in answers:
        return False
    known = outer.models | call.models
    return not span.models or not known or bool(span.models & known)

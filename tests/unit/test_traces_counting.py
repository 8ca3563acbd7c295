"""Each call of a trace counts once: by its record, by its answer's id, by the deepest span that says it."""

import random
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.core.call import Usage
from headgate.traces.keeping.accounts import CountedSpan, RecordedCall
from headgate.traces.keeping.counting import NOTHING, TOKENS_MAX, Totals, add_up, count
from headgate.traces.keeping.tree import Tree

USAGE = Usage(input=10, output=5)


def span(identity: int, parent: int | None = None, **said: Any) -> CountedSpan:
    return CountedSpan(id=identity, parent=parent, **said)


def model(identity: int, parent: int | None = None, **said: Any) -> CountedSpan:
    stated: dict[str, Any] = {"kind": "llm", "model": "gpt-5", "usage": USAGE, "cost": 100, **said}
    return span(identity, parent, **stated)


def call(number: int, parent: int | None = None, **said: Any) -> RecordedCall:
    stated: dict[str, Any] = {"models": frozenset({"gpt-5"}), "usage": USAGE, "cost": 100, **said}
    return RecordedCall(id=UUID(int=number), parent=parent, model="gpt-5", **stated)


def counted(totals: Totals) -> list[int]:
    """Spans by their id, records by their number below zero."""
    return sorted(-item.call.int if item.call else item.span or 0 for item in totals.items)


def test_a_trace_of_calls_alone() -> None:
    totals = count([], [call(1), call(2, cost=None, status=500)])
    assert counted(totals) == [-2, -1] and (totals.cost, totals.unpriced, totals.errors) == (100, 1, 1)
    assert totals.usage.input == 20 and totals.flags == ()


def test_the_record_counts_and_the_span_of_its_answer_shows_it() -> None:
    totals = count(
        [span(1, kind="agent", usage=USAGE), model(2, 1, response_id="r")], [call(7, response_id="r")]
    )
    assert counted(totals) == [-7] and totals.joined == {2: UUID(int=7)} and totals.flags == ()


def test_a_call_joins_its_parent_of_the_same_model_and_no_other() -> None:
    spans = [model(1), model(2, model="claude"), model(3)]
    totals = count(spans, [call(7, 1), call(8, 2)])
    assert totals.joined == {1: UUID(int=7)}
    assert counted(totals) == [-8, -7, 3], "what has a recorded call below it does not count either"


def test_a_call_joins_through_the_request_that_carried_it() -> None:
    totals = count([model(1), span(2, 1, status="error")], [call(7, 2)])
    assert counted(totals) == [-7] and totals.joined == {1: UUID(int=7)}
    assert count([model(1), span(2, 1, kind="tool")], [call(7, 2)]).joined == {}


def test_a_try_that_failed_leaves_the_span_to_the_one_that_went_well() -> None:
    totals = count([model(1)], [call(7, 1, status=500, cost=0, started_us=1), call(8, 1, started_us=2)])
    assert totals.joined == {1: UUID(int=8)} and counted(totals) == [-8, -7]


def test_what_two_instruments_say_of_a_joined_call_counts_once() -> None:
    spans = [model(1, response_id="r"), model(2, 1), model(3, 1, model="other"), model(4, 1, response_id="s")]
    totals = count(spans, [call(7, response_id="r")])
    assert counted(totals) == [-7, 3, 4], "another model or another answer is another call"


def test_spans_with_the_same_answer_are_one_call() -> None:
    spans = [
        span(1),
        model(2, 1, response_id="r"),
        model(3, 2, response_id="r"),
        model(4, 1, response_id="r"),
    ]
    assert counted(count(spans, [])) == [3]
    told = [model(2, response_id="r", cost=None), model(3, 2, response_id="r", usage=None, cost=None)]
    assert counted(count(told, [])) == [2], "the deepest that says anything"


def test_a_provider_that_gives_all_answers_one_id_has_as_many_calls_as_records() -> None:
    spans = [span(1), model(2, 1, response_id="x"), model(3, 1, response_id="x")]
    totals = count(spans, [call(7, 2, response_id="x"), call(8, 3, response_id="x")])
    assert totals.joined == {2: UUID(int=7), 3: UUID(int=8)} and counted(totals) == [-8, -7]


def test_frameworks_that_sum_up_do_not_count() -> None:
    below = [model(3, 2), model(4, 2)]
    whole = span(1, kind="agent", usage=USAGE.plus(USAGE), cost=200)
    assert counted(count([whole, span(2, 1), *below], [])) == [3, 4]
    alone = count([whole, model(2, 1, usage=None, cost=None)], [])
    assert counted(alone) == [1] and alone.unpriced == 0, "what is below says nothing, so the sum counts"


def test_a_model_call_that_says_nothing_is_a_call_of_unknown_cost() -> None:
    totals = count([model(1, usage=None, cost=None), model(2, 1, usage=None, cost=None)], [])
    assert counted(totals) == [2] and totals.cost is None and totals.unpriced == 1


@pytest.mark.parametrize(
    ("spans", "calls", "flags"),
    [
        ([model(1, usage=Usage(input=9))], [call(7, 1)], ("usage_differs",)),
        ([model(1, cost=90)], [call(7, 1)], ("cost_differs",)),
        ([model(1, cost=10_000_001)], [call(7, 1, cost=10_000_000)], ()),
        ([model(1, usage=None, cost=None)], [call(7, 1)], ()),
        ([model(1, usage=Usage(cache_read=10, reasoning=5))], [call(7, 1)], ()),
        ([model(1, response_id="r"), model(2, 1, response_id="r", cost=5)], [], ("cost_differs",)),
        ([span(1, usage=USAGE), model(2, 1), model(3, 1)], [], ("sum_differs",)),
        ([span(1, usage=USAGE), span(2, 1)], [call(7, 2), call(8, 2)], ("sum_differs",)),
        ([span(1, usage=USAGE), model(2, 1, flags=("usage_inconsistent",))], [], ("usage_inconsistent",)),
    ],
)
def test_what_contradicts_is_flagged(
    spans: list[CountedSpan], calls: list[RecordedCall], flags: tuple[str, ...]
) -> None:
    assert count(spans, calls).flags == flags


def test_an_error_of_a_call_and_of_its_span_is_one() -> None:
    assert count([model(1, status="error"), span(2)], [call(7, 1, status=500)]).errors == 1
    assert count([model(1), span(2, status="error")], [call(7, 1, status=500)]).errors == 2


def test_absurd_numbers_fit() -> None:
    totals = count([model(n, usage=Usage(input=2**62, output=-3)) for n in range(1, 4)], [])
    assert totals.usage.input == 3 * TOKENS_MAX and totals.usage.output == 0


IDS = st.integers(1, 12)
ANSWERS = st.sampled_from(["", "", "r", "s"])
USAGES = st.none() | st.builds(Usage, input=st.integers(0, 50), output=st.integers(0, 9))
MODELS = st.sampled_from(["", "gpt-5", "claude"])
SPANS = st.lists(
    st.builds(
        CountedSpan,
        id=IDS,
        parent=st.none() | st.integers(1, 14),
        kind=st.sampled_from(["llm", "span", "agent", "tool"]),
        status=st.sampled_from(["ok", "error"]),
        model=MODELS,
        response_id=ANSWERS,
        usage=USAGES,
        cost=st.none() | st.integers(0, 10**6),
    ),
    max_size=12,
    unique_by=lambda one: one.id,
)
CALLS = st.lists(
    st.builds(
        RecordedCall,
        id=st.integers(1, 9).map(lambda number: UUID(int=number)),
        parent=st.none() | st.integers(1, 14),
        model=st.just("gpt-5"),
        models=st.just(frozenset({"gpt-5"})),
        response_id=ANSWERS,
        usage=st.builds(Usage, input=st.integers(0, 50)),
        cost=st.none() | st.integers(0, 10**6),
        status=st.sampled_from([200, 500]),
        started_us=st.integers(0, 3),
    ),
    max_size=4,
    unique_by=lambda one: one.id,
)


@given(spans=SPANS, calls=CALLS)
def test_no_call_counts_twice_whatever_the_tree(spans: list[CountedSpan], calls: list[RecordedCall]) -> None:
    totals = count(spans, calls)
    by_id = {one.id: one for one in spans}
    tree = Tree({one.id: one.parent for one in spans})
    chosen = [item.span for item in totals.items if item.span is not None]
    assert sorted(item.call.int for item in totals.items if item.call) == sorted(one.id.int for one in calls)
    assert len(set(chosen)) == len(chosen) and not set(chosen) & set(totals.joined)
    for identity in chosen:
        assert not set(chosen) & set(list(tree.upward(identity))[1:]), "a sum and what is below it"
    answers = [by_id[identity].response_id for identity in chosen if by_id[identity].response_id]
    assert len(set(answers)) == len(answers), "spans of one answer"
    if any(one.response_id == "r" for one in calls) and any(
        one.response_id == "r" and one.tells_of_call for one in spans
    ):
        assert "r" not in answers, "a record and the span of its answer"
    for one in calls:
        if one.parent in by_id:
            assert not set(chosen) & set(tree.upward(one.parent)), "a record and what it was called from"


@given(spans=SPANS, calls=CALLS)
def test_totals_are_the_sum_of_what_counts(spans: list[CountedSpan], calls: list[RecordedCall]) -> None:
    totals = count(spans, calls)
    assert totals.usage == add_up(item.usage for item in totals.items)
    known = [item.cost for item in totals.items if item.cost is not None]
    assert totals.cost == (sum(known) if known else None)
    assert totals.unpriced == totals.calls - len(known)
    if not totals.items:
        assert totals.usage == NOTHING and totals.cost is None
        assert not calls and not any(one.tells_of_call for one in spans)


@given(spans=SPANS, calls=CALLS, seed=st.integers())
def test_the_order_of_arrival_makes_no_difference(
    spans: list[CountedSpan], calls: list[RecordedCall], seed: int
) -> None:
    mixed, mixed_calls = list(spans), list(calls)
    random.Random(seed).shuffle(mixed)
    random.Random(seed).shuffle(mixed_calls)
    assert count(mixed, mixed_calls) == count(spans, calls)


@given(parents=st.dictionaries(IDS, st.none() | st.integers(1, 14)))
def test_a_tree_has_no_circles_and_loses_no_span(parents: dict[int, int | None]) -> None:
    tree = Tree(parents)
    assert sorted(tree.deepest_first) == sorted(parents)
    for identity, said in parents.items():
        way = list(tree.upward(identity))
        assert len(set(way)) == len(way) == tree.depth[identity] + 1
        above = tree.parent[identity]
        assert above is None or above == said

"""Settling is pure: what is known is charged, what is not is charged at its bound, and no hold is passed."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.catalog.bound import BoundInput, bound
from headgate.catalog.model import ModelFacts, Price, Provider, Target
from headgate.catalog.tariff import Tariff
from headgate.core.call import Bounded, Unbounded, Usage
from headgate.core.ports import Origin
from headgate.gateway.settlement import CUT_SLACK_TOKENS, Settlement, by_usage, cut_short, in_full, refused

FACTS = ModelFacts(
    price=Price(buckets={"input": 1_000_000, "output": 2_000_000}),
    context_window=100_000,
    max_output=4_000,
    hides_reasoning=False,
)
PROVIDER = Provider(
    name="home",
    kind="openai-compatible",
    origin=Origin(scheme="http", host="127.0.0.1", port=8000),
    path="/v1",
    regions=frozenset(),
    endpoints=(),
    price_provider=None,
    stops_on_hangup=True,
)
TARGET = Target(provider=PROVIDER, model="m", facts=FACTS)
CALL = BoundInput(operation="chat", body_bytes=500, messages=2, max_output=2_000)


def most(call: BoundInput = CALL) -> Bounded:
    found = bound(call, FACTS)
    assert isinstance(found, Bounded)
    return found


def test_usage_is_priced_exactly_and_may_exceed_the_hold() -> None:
    settled = by_usage(Tariff(FACTS), Usage(input=10, output=20), None, reserved_pico_usd=7)
    assert (settled.charged_pico_usd, settled.cost_pico_usd, settled.estimated) == (
        50_000_000,
        50_000_000,
        False,
    )


def test_usage_without_a_price_is_charged_at_the_hold_and_its_cost_is_unknown() -> None:
    settled = by_usage(Tariff(ModelFacts(price=None)), Usage(input=10), None, reserved_pico_usd=7)
    assert settled == Settlement(7, None, estimated=True)


@given(output_bytes=st.integers(0, 100_000), choices=st.integers(1, 4))
def test_a_cut_stream_costs_what_can_have_been_made_and_never_more_than_was_held(
    output_bytes: int, choices: int
) -> None:
    call = msgspec.structs.replace(CALL, choices=choices)
    held = most(call).pico_usd
    settled = cut_short(TARGET, call, output_bytes, most(call), held)
    assert settled.estimated
    assert settled.charged_pico_usd <= held
    shown = min(output_bytes, 2_000)
    known = by_usage(Tariff(FACTS), Usage(output=shown), None, held)
    assert settled.charged_pico_usd >= known.charged_pico_usd
    if output_bytes + CUT_SLACK_TOKENS * choices < 2_000 and choices == 1:
        assert settled.charged_pico_usd < held


@given(first=st.integers(0, 5_000), more=st.integers(0, 5_000))
def test_a_cut_stream_that_showed_more_never_costs_less(first: int, more: int) -> None:
    held = most().pico_usd
    earlier = cut_short(TARGET, CALL, first, most(), held)
    later = cut_short(TARGET, CALL, first + more, most(), held)
    assert later.charged_pico_usd >= earlier.charged_pico_usd


def test_what_may_have_been_generated_unseen_is_charged_in_full() -> None:
    held = most().pico_usd
    replace = msgspec.structs.replace
    hides = replace(TARGET, facts=replace(FACTS, hides_reasoning=True))
    goes_on = replace(TARGET, provider=replace(PROVIDER, stops_on_hangup=False))
    for target in (hides, goes_on):
        assert cut_short(target, CALL, 0, most(), held) == in_full(most(), held)
    assert cut_short(TARGET, CALL, 0, Unbounded("why"), 9) == in_full(Unbounded("why"), 9)


@pytest.mark.parametrize(
    ("status", "free"), [(400, True), (429, True), (500, True), (408, False), (504, False)]
)
def test_only_a_front_that_gave_up_waiting_leaves_work_behind(status: int, free: bool) -> None:
    assert (refused(status, most(), 5).charged_pico_usd == 0) is free

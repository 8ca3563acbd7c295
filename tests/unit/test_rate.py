"""Rate limits: never more than the limit and its refill, exact when alone, honest about waiting."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.core.faults import Limited
from headgate.meters.bucket import Bucket
from headgate.meters.model import RateLimit, Scope, Subject
from headgate.meters.rate import RateLimiter, format_duration

SUBJECT = Subject(project="p", key="k", user="u", alias="a")


class HandClock:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.at_s = 1000.0

    def now_ms(self) -> int:
        return int(self.at_s * 1000)

    def monotonic(self) -> float:
        return self.at_s


def requests(limit: int = 3, **fields: object) -> RateLimit:
    given_fields = {"id": "r", "name": "requests", "scope": Scope(), "unit": "requests", "window": "minute"}
    return RateLimit(limit=limit, **{**given_fields, **fields})  # pyright: ignore[reportArgumentType]


def tokens(limit: int = 1000, **fields: object) -> RateLimit:
    return requests(limit, id="t", name="tokens", unit="tokens", **fields)


def limiter(processes: int = 1) -> tuple[RateLimiter, HandClock]:
    clock = HandClock()
    return RateLimiter(clock, processes=lambda: processes, buckets_max=100), clock


def test_a_burst_of_the_limit_passes_and_the_next_says_how_long() -> None:
    rates, clock = limiter()
    for _ in range(3):
        rates.admit([requests()], SUBJECT)
    with pytest.raises(Limited, match="'requests' of 3 requests a minute") as refused:
        rates.admit([requests()], SUBJECT)
    assert refused.value.retry_after_s == pytest.approx(20)
    clock.at_s += 19.9
    with pytest.raises(Limited):
        rates.admit([requests()], SUBJECT)
    clock.at_s += 0.1001
    rates.admit([requests()], SUBJECT)


def test_subjects_count_apart_and_limits_all_or_not_at_all() -> None:
    rates, _ = limiter()
    each, everyone = requests(2, id="each", scope=Scope(user="*")), requests(3, id="all")
    rates.admit([everyone, each], SUBJECT)
    rates.admit([everyone, each], SUBJECT)
    with pytest.raises(Limited):
        rates.admit([everyone, each], SUBJECT)
    other = Subject(project="p", key="k", user="v", alias="a")
    rates.admit([everyone, each], other)
    with pytest.raises(Limited, match="requests"):
        rates.admit([everyone], other)


def test_tokens_go_into_debt_and_come_back() -> None:
    rates, clock = limiter()
    taken = rates.admit([tokens()], SUBJECT, input_tokens=100, max_output=200)
    rates.correct(taken, input_tokens=100, output_tokens=1500)
    rates.correct(taken, input_tokens=0, output_tokens=0)
    with pytest.raises(Limited) as refused:
        rates.admit([tokens()], SUBJECT, input_tokens=10, max_output=0)
    assert refused.value.retry_after_s == pytest.approx(60 * 610 / 1000)
    clock.at_s += refused.value.retry_after_s or 0
    refund = rates.admit([tokens()], SUBJECT, input_tokens=10, max_output=0)
    rates.correct(refund, input_tokens=0, output_tokens=0)
    rates.admit([tokens()], SUBJECT, input_tokens=10, max_output=0)


def test_likely_output_is_the_recent_95th_percentile() -> None:
    rates, _ = limiter()
    wide = tokens(10**6)
    for at in range(1, 101):
        rates.correct(rates.admit([wide], SUBJECT, max_output=0), input_tokens=0, output_tokens=at)
    assert rates.admit([wide], SUBJECT, input_tokens=5, max_output=5000).parts[0].units == 5 + 95
    assert rates.admit([wide], SUBJECT, input_tokens=5).parts[0].units == 5 + 95
    assert rates.admit([wide], SUBJECT, input_tokens=5, max_output=50).parts[0].units == 55


def test_a_call_larger_than_the_limit_passes_alone() -> None:
    rates, _ = limiter()
    rates.admit([tokens()], SUBJECT, input_tokens=5000, max_output=10)
    with pytest.raises(Limited):
        rates.admit([tokens()], SUBJECT, input_tokens=1, max_output=0)


def test_headers_tell_limit_rest_and_reset() -> None:
    rates, _ = limiter()
    both = [requests(), requests(10, id="looser"), tokens()]
    rates.admit(both, SUBJECT, input_tokens=250, max_output=250)
    assert dict(rates.headers(both, SUBJECT)) == {
        b"x-ratelimit-limit-requests": b"3",
        b"x-ratelimit-remaining-requests": b"2",
        b"x-ratelimit-reset-requests": b"20s",
        b"x-ratelimit-limit-tokens": b"1000",
        b"x-ratelimit-remaining-tokens": b"500",
        b"x-ratelimit-reset-tokens": b"30s",
    }
    assert rates.headers([], SUBJECT) == []


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0ms"), (0.02, "20ms"), (1, "1s"), (360, "6m0s"), (7260, "2h1m0s")]
)
def test_durations_are_written_as_clients_expect(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


def test_whoever_has_given_its_share_away_says_when_it_may_have_it_back() -> None:
    rates, _ = limiter(processes=2)
    rates.starting_shares["r "] = 0.0
    with pytest.raises(Limited) as refused:
        rates.admit([requests(1000)], SUBJECT)
    assert refused.value.retry_after_s == pytest.approx(2.0)


def test_memory_is_bounded() -> None:
    rates, _ = limiter()
    for at in range(500):
        rates.admit([requests(scope=Scope(user="*"))], Subject(project="p", key="k", user=f"{at}", alias="a"))
    assert len(rates.entries) == 100


@given(
    st.integers(1, 20),
    st.integers(1, 5),
    st.lists(st.tuples(st.floats(0, 30), st.integers(0, 4)), max_size=120),
)
def test_processes_together_never_pass_the_limit(
    limit: int, processes: int, steps: list[tuple[float, int]]
) -> None:
    """Over any stretch of time, a limit admits at most itself and what it refills, however load is spread."""
    clock = HandClock()
    gateways = [RateLimiter(clock, processes=lambda: processes) for _ in range(processes)]
    admitted: list[float] = []
    for wait_s, process in steps:
        clock.at_s += wait_s
        try:
            gateways[process % processes].admit([requests(limit)], SUBJECT)
        except Limited:
            continue
        admitted.append(clock.at_s)
    for first in range(len(admitted)):
        for last in range(first, len(admitted)):
            assert last - first + 1 <= limit * (1 + (admitted[last] - admitted[first]) / 60) + 1e-6


@given(st.lists(st.tuples(st.integers(0, 2), st.floats(0, 1), st.floats(0, 40)), max_size=60))
def test_moving_shares_admits_nothing_more(moves: list[tuple[int, float, float]]) -> None:
    """One bucket holds all; three share it and pass shares on. Whatever is admitted there fits in the one."""
    now_s = 0.0
    whole = Bucket(100, 60.0, 1.0, 0.0, now_s)
    parts = [Bucket(100, 60.0, 1 / 3, 0.0, now_s) for _ in range(3)]
    for giver, part, step_s in moves:
        now_s += step_s
        source, taker = parts[giver], parts[(giver + 1) % 3]
        fill = source.fill(now_s)
        given_share = source.share * part
        source.shrink(source.share - given_share, now_s)
        taker.grow(taker.share + given_share, fill, now_s)
        units = max(0.0, taker.room(now_s)) * part
        taker.add(units)
        assert units <= whole.room(now_s) + 1e-6
        whole.add(units)

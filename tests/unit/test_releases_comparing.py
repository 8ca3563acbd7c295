"""How two releases' calls compare: what is clear is said so, what is not is said to be open."""

from datetime import UTC, datetime, timedelta
from random import Random

import msgspec

from headgate.releases.comparing import CallSeen, Measure, by_hour, compare

START = datetime(2026, 11, 2, 8, 30, tzinfo=UTC)


def calls(count: int, *, seed: int, errors: float = 0.02, scale: float = 1.0) -> list[CallSeen]:
    random = Random(seed)
    return [
        CallSeen(
            started_at=START + timedelta(minutes=number),
            status=500 if random.random() < errors else 200,
            duration_ms=round(random.lognormvariate(6, 0.4) * scale),
            first_token_ms=round(random.lognormvariate(5, 0.3)),
            input_tokens=random.randrange(90, 110),
            output_tokens=round(random.uniform(100, 200) * scale),
            cost_pico_usd=round(random.uniform(1e9, 2e9) * scale),
        )
        for number in range(count)
    ]


def by_name(measures: list[Measure]) -> dict[str, Measure]:
    return {measure.name: measure for measure in measures}


def test_a_clear_change_is_said_with_its_range() -> None:
    found = by_name(compare(calls(1500, seed=1), calls(1500, seed=2, errors=0.08, scale=1.5)))
    errors = found["errors"]
    assert errors.is_clear
    assert errors.sentence.startswith("errors rose by ")
    assert errors.sentence.count("points") == 1 and " % to " in errors.sentence
    assert found["cost a call"].is_clear
    assert found["cost a call"].sentence.startswith("cost a call rose by $0.000")
    assert isinstance(found["cost a call"].change.value, str)
    assert found["output tokens a call"].is_clear
    assert found["95th percentile of latency"].is_clear
    assert found["median latency"].sentence.startswith("median latency rose by ")
    fell = by_name(compare(calls(1500, seed=2, scale=1.5), calls(1500, seed=1)))
    assert fell["median latency"].sentence.startswith("median latency fell by ")


def test_what_did_not_change_is_not_said_to_have() -> None:
    clear = 0
    for seed in range(0, 40, 2):
        measures = compare(calls(300, seed=seed), calls(300, seed=seed + 1))
        clear += sum(measure.is_clear for measure in measures)
    # 20 comparisons of nine measures at 95 %: nine are clear by chance, and twenty hardly ever.
    assert clear <= 20
    found = by_name(compare(calls(300, seed=0), calls(300, seed=1)))["errors"]
    assert "no clear change" in found.sentence
    assert "less and" in found.sentence


def test_few_calls_tell_nothing_and_no_calls_less() -> None:
    found = by_name(compare(calls(3, seed=1), calls(3, seed=2)))
    assert "too few calls" in found["95th percentile of latency"].sentence
    assert found["95th percentile of latency"].change.high is None
    assert "too few calls" in found["traffic"].sentence
    empty = by_name(compare([], calls(3, seed=2)))
    assert empty["errors"].before.value is None
    assert "too few calls on one side" in empty["errors"].sentence
    assert compare([], [])[0].calls_before == 0
    assert msgspec.json.encode(compare([], calls(3, seed=2)))


def test_calls_given_up_by_their_client_are_no_errors_and_failed_ones_have_no_latency() -> None:
    slow = msgspec.structs.replace(calls(1, seed=1)[0], status=500, duration_ms=10**6)
    gone = msgspec.structs.replace(slow, status=499, duration_ms=10)
    found = by_name(compare([slow, slow, gone], [slow, slow, gone]))
    assert found["errors"].before.value == 0.666667
    assert found["median latency"].before.value == 10


def test_traffic_counts_whole_hours_between_the_first_call_and_the_last() -> None:
    assert by_hour(calls(30 + 60 + 60 + 5, seed=1)) == [60, 60]
    assert by_hour(calls(30, seed=1)) == []
    assert by_hour([]) == []
    later = [
        msgspec.structs.replace(call, started_at=call.started_at + timedelta(days=3))
        for call in calls(5, seed=1)
    ]
    hours = by_hour([*calls(5, seed=1), *later])
    assert (len(hours), sum(hours)) == (71, 0)


def test_what_has_no_price_adds_nothing() -> None:
    free = [msgspec.structs.replace(call, cost_pico_usd=None) for call in calls(50, seed=1)]
    found = by_name(compare(free, calls(50, seed=2)))["cost a call"]
    assert (found.calls_before, found.before.value) == (0, None)

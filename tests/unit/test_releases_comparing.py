"""How two releases' calls compare: what is clear is said so, what is not is said to be open."""

from datetime import UTC, datetime, timedelta
from random import Random

import msgspec

from headgate.releases.comparing import CallSeen, Measure, SaidOf, Sample, by_hour, clustered_by, method
from headgate.releases.comparing import compare as compare_by

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


def compare_samples(before: Sample, after: Sample) -> list[Measure]:
    return compare_by(before, after, clustered_by(before, after))


def compare(before: list[CallSeen], after: list[CallSeen]) -> list[Measure]:
    return compare_samples(Sample(calls=before), Sample(calls=after))


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


def of_users(count: int, users: int, *, seed: int, shift: float = 0.0) -> Sample:
    """Calls of users each of whom has a latency, a rate of errors and a satisfaction of their own."""
    random = Random(seed)
    kinds = [(random.gauss(5, 1), random.choice((0.0, 0.3)), random.random()) for _ in range(users)]
    seen: list[CallSeen] = []
    said: list[SaidOf] = []
    for number in range(count):
        user = number % users
        level, errors, liking = kinds[user]
        likes = float(random.random() < liking)
        said.append(SaidOf(name="helpful", value=likes, is_yes_no=True, user=f"u{seed}-{user}"))
        said.append(
            SaidOf(
                name="stars",
                value=random.gauss(5 * liking, 1) + shift,
                is_yes_no=False,
                user=f"u{seed}-{user}",
            )
        )
        seen.append(
            CallSeen(
                started_at=START + timedelta(minutes=number),
                status=500 if random.random() < errors else 200,
                duration_ms=round(1000 * (level + random.random())),
                cost_pico_usd=round(1e9 * (level + random.random())),
                user=f"u{seed}-{user}",
            )
        )
    return Sample(calls=seen, said=said)


def without_users(sample: Sample) -> Sample:
    return Sample(
        calls=[msgspec.structs.replace(call, user="") for call in sample.calls],
        said=[msgspec.structs.replace(one, user="") for one in sample.said],
    )


MEASURES = ("errors", "feedback helpful", "feedback stars", "cost a call", "median latency")


def test_calls_of_one_user_are_not_taken_for_so_many_users() -> None:
    """Sixty comparisons without a change: by user a twentieth is clear, call by call most are."""
    by_user, by_call = dict.fromkeys(MEASURES, 0), dict.fromkeys(MEASURES, 0)
    for seed in range(0, 120, 2):
        pair = (of_users(600, 30, seed=seed), of_users(600, 30, seed=seed + 1))
        for counts, sides in ((by_user, pair), (by_call, tuple(map(without_users, pair)))):
            found = by_name(compare_samples(*sides))
            for name in MEASURES:
                counts[name] += found[name].is_clear
    # Of 60 at 5 %: 9 or more once in five hundred runs of one measure.
    assert max(by_user.values()) <= 8, by_user
    assert min(by_call.values()) >= 10, by_call
    assert by_call["cost a call"] >= 30


def test_users_on_both_sides_are_compared_with_themselves() -> None:
    before = of_users(600, 30, seed=4)
    later = of_users(600, 30, seed=4, shift=0.3)
    apart = Sample(
        calls=[msgspec.structs.replace(call, user=f"{call.user}-later") for call in later.calls],
        said=[msgspec.structs.replace(one, user=f"{one.user}-later") for one in later.said],
    )
    same = by_name(compare_samples(before, later))["feedback stars"]
    others = by_name(compare_samples(before, apart))["feedback stars"]
    assert same.is_clear and not others.is_clear
    assert same.change.value == others.change.value
    assert same.sentence.startswith("feedback stars rose by 0.16 to 0.44 points (from 2.57 points to ")


def test_groups_are_users_where_there_are_several_else_sessions() -> None:
    users = of_users(10, 5, seed=1)
    one = Sample(calls=[msgspec.structs.replace(call, user="app") for call in users.calls])
    sessions = Sample(
        calls=[msgspec.structs.replace(call, session=f"s{n % 3}") for n, call in enumerate(one.calls)]
    )
    assert clustered_by(users, users) == "user"
    assert clustered_by(users, one) is None and clustered_by(one, one) is None
    assert clustered_by(sessions, sessions) == "session"
    assert "Calls of one session may resemble" in method("session")
    assert "independent" in method(None)


def test_what_one_side_alone_was_told_is_not_compared() -> None:
    before, after = of_users(40, 5, seed=1), of_users(40, 5, seed=2)
    silent = Sample(calls=after.calls)
    assert not [each for each in compare_samples(before, silent) if each.name.startswith("feedback")]
    mixed = Sample(calls=after.calls, said=[SaidOf(name="helpful", value=0.5, is_yes_no=False)])
    assert by_name(compare_samples(before, mixed))["feedback helpful"].unit == "score"
    assert "too few answers" in by_name(compare_samples(before, mixed))["feedback helpful"].sentence


def test_one_value_for_all_groups_leaves_as_much_open_as_there_are_groups() -> None:
    calm = Sample(
        calls=[msgspec.structs.replace(call, status=200) for call in of_users(600, 6, seed=1).calls]
    )
    found = by_name(compare_samples(calm, calm))["errors"]
    assert found.before.value == 0 and found.before.high == 0.390334  # Wilson's, of 0 of 6

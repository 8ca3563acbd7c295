"""What watches know: hardly a false alarm, real changes of real models found, and nothing made up."""

import math
import random
import statistics
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from tests.evaluation_data import MODELS, Probe, SetName, probes

from headgate.core.faults import InvalidRequest
from headgate.drift.asking import Reply, Unanswered, read
from headgate.drift.calling import Answered
from headgate.drift.findings import Value, figure, find, since_when
from headgate.drift.model import DAYS_A_MONTH, Case, DriftRule, Scorer, Signal, scaled
from headgate.drift.sentences import changed, how_sure
from headgate.drift.watching import Promise, Seen, Watch, alarmed, anew, observe, reads_wordings, sharing
from headgate.statistics.detectors import likeliest_change
from headgate.statistics.wordings import wording_of

DAYS = 365
DRAWS = 10
RULE = DriftRule(months=12)
PROMISE = Promise(rule=RULE, watches=1, values_a_day=DRAWS)
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


def answered(text: str, **choice: object) -> Answered:
    body = {"choices": [{"message": {"content": text}, **choice}], "model": "m-1"}
    return Answered(status=200, body=msgspec.json.encode(body), call="", cost_usd="")


def first_alarm(watch: Watch, stream: Sequence[Seen], promise: Promise = PROMISE) -> int | None:
    """After how many values there is an alarm, looking once a day."""
    for start in range(0, len(stream), DRAWS):
        watch, _ = observe(watch, stream[start : start + DRAWS])
        if watch.phase == "watching" and watch.evidence >= promise.run_length:
            return start + DRAWS
    return None


def learnt(values: Sequence[Seen]) -> Watch:
    watch, _ = observe(Watch(reference=len(values)), values)
    assert watch.phase == "watching", watch.note
    return watch


def made(chance: float, length: int, rng: random.Random) -> Seen:
    """An answer of a model that is right so often, and some characters long."""
    characters = int(rng.lognormvariate(math.log(length), 0.8))
    score, case = float(rng.random() < chance), rng.choice("abcdef")
    return Seen(
        values={"score": score, "refused": float(rng.random() < 0.01)},
        amounts={"length": characters},
        case=case,
        answer=f"{case}{rng.randrange(3)}",
    )


def test_daily_canaries_of_models_that_stay_as_they_are_alarm_less_than_once_a_year() -> None:
    rng = random.Random(75)
    years, alarms = 25, 0
    for _ in range(years):
        chance, length = rng.uniform(0.05, 0.95), rng.choice((5, 80, 900))
        watch = learnt([made(chance, length, rng) for _ in range(200)])
        stream = [made(chance, length, rng) for _ in range(DRAWS * DAYS)]
        alarms += first_alarm(watch, stream) is not None
    print(f"{alarms} false alarms in {years} years of daily canaries, {DRAWS} answers a day")
    assert alarms <= years / 5, "far below the promised one a year: a fifth leaves room for chance"


def test_a_change_of_each_signal_is_found() -> None:
    rng = random.Random(3)
    for before, after, named in (
        ((0.9, 300), (0.6, 300), "score"),
        ((0.6, 300), (0.9, 300), "score"),
        ((0.8, 300), (0.8, 40), "length"),
        ((0.8, 100), (0.8, 900), "length"),
    ):
        watch = learnt([made(*before, rng) for _ in range(200)])
        steady = [made(*before, rng) for _ in range(100)]
        stream = [*steady, *[made(*after, rng) for _ in range(2000)]]
        values: list[Value] = []
        for place, seen in enumerate(stream):
            watch, (signals,) = observe(watch, [seen])
            at = BEGAN + timedelta(hours=place)
            values.append(Value(at=at, is_reference=False, signals=signals))
            if watch.evidence >= PROMISE.run_length:
                break
        assert watch.evidence >= PROMISE.run_length
        since = since_when(watch, values)
        assert abs((since - BEGAN) / timedelta(hours=1) - len(steady)) <= 40
        finding = find(watch, PROMISE, values, since)
        assert finding.changes[0].signal == named
        assert finding.once_in_years is not None
        assert finding.once_in_years >= 1


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("before", "after"), MODELS, ids=["gpt-3.5", "gpt-4"])
def test_models_that_changed_are_found_and_those_that_did_not_are_left_alone(before: str, after: str) -> None:
    """LLMDrift, through what reads, marks and watches answers of canaries: ten of them a day."""
    rng = random.Random(5)
    old, new = ([seen(probe) for probe in probes()[model]] for model in (before, after))
    years, alarms, delays = 15, 0, list[int]()
    for _ in range(years):
        order = rng.sample(old, len(old))
        reference, rest = order[:250], order[250:]
        watch = learnt(reference)
        alarms += first_alarm(watch, rng.choices(rest, k=DRAWS * DAYS)) is not None
        steady, _ = observe(watch, rng.choices(rest, k=15 * DRAWS))
        found = first_alarm(steady, rng.choices(new, k=1000))
        assert found is not None, "the change was not found"
        delays.append(found)
    print(
        f"{before} to {after}: found after {statistics.median(delays):.0f} probes in the median, "
        f"at most {max(delays)}; {alarms / years:.2f} false alarms a year"
    )
    # docs/concepts/promises.md: four days of ten probes, and one false alarm a year; here a fifth of that.
    assert statistics.median(delays) <= 4 * DRAWS
    assert alarms <= years / 5


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("before", "after"), MODELS, ids=["gpt-3.5", "gpt-4"])
@pytest.mark.parametrize("kept", ["SENSITIVEQ", "LEETCODE_EASY"])
def test_models_that_changed_are_found_by_questions_without_a_right_answer(
    kept: SetName, before: str, after: str
) -> None:
    """The other two sets of LLMDrift, drawn from as canaries draw.

    What is refused, by length and wording; code, by whether it comes in a fence, which runs no more as it is.
    """
    rng = random.Random(5)
    old, new = ([seen(probe) for probe in probes(kept)[model]] for model in (before, after))
    years, alarms, delays = 10, 0, list[int]()
    for _ in range(years):
        watch = learnt(rng.choices(old, k=200))
        alarms += first_alarm(watch, rng.choices(old, k=DRAWS * DAYS)) is not None
        steady, _ = observe(watch, rng.choices(old, k=15 * DRAWS))
        found = first_alarm(steady, rng.choices(new, k=1000))
        assert found is not None, "the change was not found"
        delays.append(found)
    print(
        f"{kept}, {before} to {after}: found after {statistics.median(delays):.0f} probes in the median, "
        f"at most {max(delays)}; {alarms / years:.2f} false alarms a year"
    )
    assert statistics.median(delays) <= 4 * DRAWS
    assert alarms <= years / 5


EXPECTED: dict[SetName, tuple[Scorer, str]] = {
    "SENSITIVEQ": ("none", ""),
    "LEETCODE_EASY": ("contains", "```"),
}


def seen(probe: Probe) -> Seen:
    scorer, expected = EXPECTED.get(probe.set, ("contains", probe.ref_answer.replace("\\\\", "\\")))
    reply = read(Case(name="number", prompt="?", scorer=scorer, expected=expected), answered(probe.answer))
    assert isinstance(reply, Reply)
    # Each question is asked once in these data: what is new among answers can't be known.
    return msgspec.structs.replace(reply.seen, answer="")


def test_an_exact_answer_that_changes_is_found_within_a_day() -> None:
    usual = [Seen(values={"score": 1.0}, case=case, answer="4 4") for case in "ab" * 50]
    watch = learnt(usual)
    other = [Seen(values={"score": 1.0}, case=case, answer="4,4") for case in "ab" * 20]
    assert first_alarm(watch, usual * 20) is None
    found = first_alarm(watch, other)
    assert found is not None
    assert found <= 2 * DRAWS


def test_too_few_constant_and_impossible_values_are_said_and_never_a_number() -> None:
    assert Watch(reference=50).evidence == 0
    assert Watch(reference=50).phase == "reference"
    few, _ = observe(Watch(reference=10), [Seen(values={"score": 1.0})] * 10)
    assert (few.phase, few.seen) == ("reference", 0)
    assert "no signal has 20 values" in few.note
    for impossible in (math.inf, -0.1, math.nan):
        with pytest.raises(InvalidRequest, match="not between 0 and 1"):
            observe(Watch(reference=50), [Seen(values={"score": impossible})])
    assert scaled(math.inf, 200) == 1.0
    constant = learnt([Seen(values={"score": 1.0, "length": 0.5})] * 60)
    assert first_alarm(constant, [Seen(values={"score": 1.0, "length": 0.5})] * 3000) is None
    assert figure([3.0] * 20).low is None
    assert "how much they vary is not known" in figure([3.0] * 20).note
    assert (figure([]).mean, figure([]).note) == (None, "no values")
    assert figure([math.inf, None]).mean is None
    free = learnt([Seen(values={"score": 1.0}, amounts={"cost": 0.0, "length": math.inf})] * 60)
    assert {each.signal for each in free.lookouts} == {"score"}
    with pytest.raises(InvalidRequest, match="no values"):
        since_when(constant, [])
    with pytest.raises(InvalidRequest, match="still learns"):
        since_when(Watch(reference=5), [])
    with pytest.raises(InvalidRequest, match="there are no values"):
        likeliest_change([], 0.5)


def test_a_watch_stops_at_its_alarm_and_learns_anew_when_told() -> None:
    watch = alarmed(learnt([Seen(values={"score": 1.0})] * 60))
    assert watch.phase == "alarmed"
    after, _ = observe(watch, [Seen(values={"score": 0.0})] * 100)
    assert after == watch
    assert anew(watch).phase == "reference"
    assert anew(watch).reference == 60


def test_a_watch_goes_on_from_what_was_written_down() -> None:
    rng = random.Random(9)
    values = [made(0.8, 100, rng) for _ in range(260)]
    at_once, _ = observe(Watch(reference=100), values)
    step = Watch(reference=100)
    for start in range(0, len(values), 7):
        step, _ = observe(step, values[start : start + 7])
        step = msgspec.json.decode(msgspec.json.encode(step), type=Watch)
    assert step == at_once


def test_the_promise_is_for_all_watches_together() -> None:
    alone = Promise(rule=RULE, watches=1, values_a_day=20)
    assert alone.run_length == pytest.approx(365.25 * 20)
    assert Promise(rule=RULE, watches=50, values_a_day=20).run_length == pytest.approx(50 * alone.run_length)
    assert alone.once_in_days(alone.run_length) == pytest.approx(365.25)


def test_the_promise_holds_while_watches_come_and_go() -> None:
    """Each of up to twenty watches sees twenty values a day; the bar of each is that of the most it saw."""
    rng = random.Random(21)
    days, alarms, promised = 240, 0, DriftRule(months=6 / DAYS_A_MONTH)
    runs = 25
    for _ in range(runs):
        watches = dict[int, Watch]()
        for day in range(days):
            count = 1 + (day // 40) * 4 if day < 160 else 3
            for place in range(20):
                if place >= count:
                    watches.pop(place, None)
                    continue
                watch = watches.get(place) or learnt([Seen(values={"score": 0.0})] * 20)
                # The rate is as high as the reference leaves open: what is watched is at the edge.
                edge = watch.lookouts[0].detector.baseline
                watch = sharing(watch, count)
                watch, _ = observe(watch, [Seen(values={"score": float(rng.random() < edge)})])
                promise = Promise(rule=promised, watches=watch.shared, values_a_day=1)
                if watch.evidence >= promise.run_length:
                    alarms += 1
                    watch = learnt([Seen(values={"score": 0.0})] * 20)
                watches[place] = watch
    print(f"{alarms} alarms in {runs} times {days} days, at most {runs * days / promised.days:.0f} promised")
    assert 0 < alarms <= runs * days / promised.days
    kept = sharing(learnt([Seen(values={"score": 0.0})] * 20), 9)
    assert (sharing(kept, 3).shared, sharing(anew(kept), 3).shared) == (9, 3)


@pytest.mark.parametrize(("first", "read"), [(0, 160), (9, 160), (30, 20), (200, 20)])
def test_words_that_nobody_reads_would_change_nothing(first: int, read: int) -> None:
    """`first` is the first answer on record, of 80 of the reference and as many after it."""
    rng = random.Random(7)
    watch = Watch(reference=80)
    asked = 0
    for number in range(160):
        bare = made(0.9, 100, rng)
        words = wording_of(f"Order {rng.randrange(40)} is on its way.") if number >= first else ()
        told = msgspec.structs.replace(bare, wording=words)
        if reads_wordings(watch):
            asked += 1
        else:
            assert msgspec.json.encode(observe(watch, [told])) == msgspec.json.encode(observe(watch, [bare]))
        watch, _ = observe(watch, [told])
    assert (watch.phase, asked) == ("watching", read)
    assert not reads_wordings(alarmed(watch))


def test_what_is_no_answer_says_nothing_of_the_model() -> None:
    case = Case(name="sum", prompt="17 + 26?", scorer="exact", expected="43")
    for status, body, says in (
        (402, b'{"error": {"message": "the budget is spent"}}', "402: the budget is spent"),
        (500, b"<html>", "500: no reason was given"),
        (200, b"{}", "none of a chat"),
        (200, b"\xff", "none of a chat"),
    ):
        found = read(case, Answered(status=status, body=body, call="", cost_usd=""))
        assert isinstance(found, Unanswered)
        assert says in found.why


@pytest.mark.parametrize(
    ("scorer", "expected", "answer", "score"),
    [
        ("exact", "43", " 43\n", 1.0),
        ("exact", "43", "It is 43", 0.0),
        ("contains", "43", "It is 43", 1.0),
        ("length", "5", "123456", 0.0),
        ("length", "6", "123456", 1.0),
        ("schema", '{"type": "object", "required": ["a"]}', '{"a": 1}', 1.0),
        ("schema", '{"type": "object", "required": ["a"]}', "a", 0.0),
        ("none", "", "anything", None),
    ],
)
def test_answers_are_marked(scorer: str, expected: str, answer: str, score: float | None) -> None:
    case = msgspec.convert({"name": "c", "prompt": "?", "scorer": scorer, "expected": expected}, Case)
    reply = read(case, answered(answer))
    assert isinstance(reply, Reply)
    assert reply.seen.values.get("score") == score
    assert reply.served == "m-1"


def test_an_alarm_is_a_sentence() -> None:
    usual: dict[Signal, float] = {"score": 1.0, "length": 0.3}
    watch = learnt([Seen(values=usual)] * 100)
    values = [Value(at=BEGAN, is_reference=True, signals=usual, raw={"length": 80.0})] * 100
    for day in range(1, 60):
        wrong: dict[Signal, float] = {"score": 0.0, "length": 0.3}
        watch, _ = observe(watch, [Seen(values=wrong)])
        values.append(Value(at=BEGAN + timedelta(days=day), is_reference=False, signals=wrong))
    since = since_when(watch, values)
    assert since == BEGAN + timedelta(days=1)
    finding = find(watch, PROMISE, values, since)
    assert changed(finding) == "right answers went from 100 % (96 % to 100 %) to 0 % (0 % to 6 %)"
    assert how_sure(finding).startswith("by chance less than once in 10,000 years")

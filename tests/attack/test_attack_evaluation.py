"""Statistics on real data: fewer calls for the same verdict, judges corrected, drift found, A/A at rest.

`pytest -s` prints what was seen.
"""

import random
import statistics
from collections import Counter

import numpy as np
import pytest
from tests.evaluation_data import MODELS, TOKENS_MAX, Judged, Probe, judged, probes, trials

from headgate.core.faults import InvalidRequest
from headgate.statistics.detectors import MeanDetector
from headgate.statistics.effects import bounded_difference, difference
from headgate.statistics.judges import (
    Calibration,
    corrected_share,
    position_bias,
    prediction_powered_mean,
)
from headgate.statistics.model import Looks, Sample
from headgate.statistics.multiplicity import combined_evidence
from headgate.statistics.requirements import Requirement
from headgate.statistics.sequences import betting

ERROR = 0.05
LEVELS = [level / 100 for level in range(5, 100, 5)]
PROBES_A_DAY = 10
PROBES_A_YEAR = 365 * PROBES_A_DAY
REFERENCE = 250


def test_requirements_are_decided_as_by_all_trials_with_fewer_calls() -> None:
    """tau-bench: 31 tasks, 4 trials each, 48 % right; requirements of every level, in random order."""
    rewards = [trial.reward for trial in trials()]
    right, rng = statistics.fmean(rewards), random.Random(8)
    saved: dict[float, float] = {}
    for level in LEVELS:
        verdicts: Counter[str] = Counter()
        calls = 0
        for _ in range(200):
            order = rng.sample(rewards, len(rewards))
            state = Requirement(share=level, error=ERROR, cases=len(rewards)).observe_all(order)
            verdicts[state.verdict] += 1
            calls += state.seen
        same = verdicts["met" if right >= level else "not met"] / 200
        saved[level] = 1 - calls / 200 / len(rewards)
        print(
            f"at least {level:.0%}: as with all {len(rewards)} in {same:.1%}, {saved[level]:.0%} fewer calls"
        )
        assert same >= 1 - ERROR
        assert verdicts["open"] == 0, "after the last case the verdict is that of all"
    print(f"all levels together: {statistics.fmean(saved.values()):.0%} fewer calls")
    assert statistics.fmean(saved.values()) > 0.4
    # Nearer than this nobody can tell without nearly all of the cases.
    assert all(share > 0.4 for level, share in saved.items() if abs(level - right) > 0.1)


@pytest.mark.parametrize("judge", ["ChatGPT", "ChatGPT-0301", "Falcon", "GPT-4", "LLaMA2", "PaLM2"])
def test_corrected_scores_of_every_judge_and_prompt_cover_the_truth(judge: str) -> None:
    """LLMBar: how often the first answer is the better one, by the judge and 100 cases with a truth."""
    repeats, marked, others = 400, 100, 500
    rng = np.random.default_rng(11)
    covered: list[float] = []
    for (name, prompt), rows in judged().items():
        if name != judge:
            continue
        truth, said = marks(rows)
        powered = rogan = answered = 0
        for _ in range(repeats):
            few, many = rng.integers(len(truth), size=marked), rng.integers(len(truth), size=others)
            interval = prediction_powered_mean(truth[few], said[few], said[many])
            powered += not interval.excludes(float(truth.mean()))
            try:
                corrected = corrected_share(int(said[many].sum()), others, calibration(truth[few], said[few]))
            except InvalidRequest:
                continue  # no better than by chance: said, not guessed
            answered += 1
            rogan += not corrected.excludes(float(truth.mean()))
        raw = abs(float(said.mean() - truth.mean()))
        print(
            f"{name} {prompt}: off by {raw:.2f} uncorrected; "
            f"prediction-powered covers {powered / repeats:.1%}; "
            f"Rogan-Gladen {rogan / max(1, answered):.1%} of {answered / repeats:.0%} that it answers"
        )
        covered.append(powered / repeats)
        assert at_least_nominal(powered, repeats)
        assert answered < 0.2 * repeats or at_least_nominal(rogan, answered)
    assert len(covered) >= 8
    assert statistics.fmean(covered) >= 1 - ERROR - 0.01


def test_the_position_bias_of_each_judge_and_prompt_is_found_with_its_interval() -> None:
    found: dict[str, list[float]] = {}
    for (judge, prompt), rows in judged().items():
        both = [(row.said("ab"), row.said("ba")) for row in rows]
        kept = [(one, other) for one, other in both if one and other]
        # The first answer is shown first in "ab", and second in "ba".
        bias = position_bias([one == 1 for one, _ in kept], [other == 1 for _, other in kept])
        print(f"{judge} {prompt}: {bias.estimate:+.2f} ({bias.low:+.2f} to {bias.high:+.2f}) of {bias.n}")
        assert bias.low <= bias.estimate <= bias.high
        assert bias.high - bias.low < 0.25
        found.setdefault(judge, []).append(abs(bias.estimate) if bias.excludes(0) else 0.0)
    for judge, biases in found.items():
        clear = sum(bias > 0 for bias in biases)
        print(f"{judge}: {clear} of {len(biases)} prompts are biased, by {max(biases):.2f} at most")
    assert len(found) == 6
    # As published: the better judge has the smaller bias.
    assert max(found["GPT-4"]) < min(max(found[judge]) for judge in ("ChatGPT", "ChatGPT-0301", "Falcon"))


@pytest.mark.timeout(400)
@pytest.mark.parametrize(("before", "after"), MODELS, ids=["gpt-3.5", "gpt-4"])
def test_a_changed_model_is_found_and_an_unchanged_one_hardly_ever_alarms(before: str, after: str) -> None:
    """LLMDrift: ten probes a day, right or wrong and how long; at most one false alarm a year."""
    rng = random.Random(5)
    old, new = probes()[before], probes()[after]
    years, alarms, delays = 40, 0, list[int]()
    for _ in range(years):
        order = rng.sample(old, len(old))
        reference, rest = order[:REFERENCE], order[REFERENCE:]
        stream = rng.choices(rest, k=PROBES_A_YEAR)
        while (at := first_alarm(reference, stream)) is not None:
            alarms += 1
            stream = stream[at:]
        changed = [*rest[:150], *rng.choices(new, k=1000)]
        at = first_alarm(reference, changed)
        assert at is not None, "the change was not found"
        if at > 150:
            delays.append(at - 150)
    print(
        f"{before} to {after}: found after {statistics.median(delays):.0f} probes in the median "
        f"(9 of 10 within {sorted(delays)[len(delays) * 9 // 10]}), {alarms / years:.2f} false alarms a year"
    )
    assert len(delays) > 0.9 * years
    assert statistics.median(delays) <= 3 * PROBES_A_DAY
    assert alarms <= years


METRICS = {"right": "is_right", "length": "length", "latency": "latency"}


@pytest.mark.timeout(400)
@pytest.mark.parametrize("metric", METRICS)
def test_split_at_random_real_data_alarm_at_most_as_often_as_stated(metric: str) -> None:
    rng = np.random.default_rng(3)
    splits = 300
    found: Counter[str] = Counter()
    for model in ("gpt-3.5-turbo-0613", "gpt-4-0314"):
        values = np.array([float(getattr(probe, METRICS[metric])) for probe in probes()[model]])
        lift = float(values.std()) * 0.5
        for _ in range(splits // 2):
            one, other = np.split(rng.permutation(values), 2)
            for looks in ("every", "planned", "one"):
                found[looks] += ever_excludes(one, other, looks)
                found[f"{looks}, lifted"] += ever_excludes(one + lift, other, looks)
            if metric != "latency":
                found["bounded"] += any(
                    bounded_difference(one[:at], other[:at]).excludes(0) for at in range(10, len(one), 40)
                )
    print(f"{metric}: alarms of {splits} A/A splits {dict(found)}")
    margin = 3 * (ERROR * (1 - ERROR) / splits) ** 0.5
    for looks in ("every", "planned", "one", "bounded"):
        assert found[looks] / splits <= ERROR + margin
    assert found["every, lifted"] / splits > 0.95
    assert found["planned, lifted"] / splits > 0.98


def test_leaving_out_what_failed_misleads_and_counting_it_does_not() -> None:
    """The same model in both arms; one gives up on long answers, and these are the harder questions."""
    rng = np.random.default_rng(21)
    asked = probes()["gpt-4-0314"]
    right = np.array([float(probe.is_right) for probe in asked])
    too_long = np.array([int(probe.answer_token) > 0.8 * TOKENS_MAX for probe in asked])
    seen: Counter[str] = Counter()
    for _ in range(100):
        one, other = (rng.integers(len(asked), size=2000) for _ in range(2))
        kept = difference(right[one][~too_long[one]], right[other]).interval()
        counted = difference(np.where(too_long[one], 0.0, right[one]), right[other]).interval()
        seen["left out: looks better"] += kept.low > 0
        seen["counted: looks better"] += counted.low > 0
        seen["counted: is worse"] += counted.high < 0
    print(f"of 100 experiments in which an arm fails at {too_long.mean():.0%} of the questions: {dict(seen)}")
    assert seen["left out: looks better"] > 50
    assert seen["counted: looks better"] == 0
    assert seen["counted: is worse"] > 95


def ever_excludes(one: Sample, other: Sample, looks: Looks) -> bool:
    if looks == "one":
        return difference(one, other).interval(looks="one").excludes(0)
    plan = len(one) + len(other)
    return any(
        difference(one[:at], other[:at]).interval(looks=looks, tight_at=plan).excludes(0)
        for at in range(50, len(one) + 1, 10)
    )


def marks(rows: list[Judged]) -> tuple[Sample, Sample]:
    """Whether the first answer is the better one, in truth and by the judge, where it answered."""
    kept = [(row.label == 1, row.said("ab") == 1) for row in rows if row.said("ab")]
    pairs = np.array(kept, dtype=np.float64)
    return pairs[:, 0], pairs[:, 1]


def calibration(truth: Sample, said: Sample) -> Calibration:
    right = int(truth.sum())
    return Calibration(
        right=right,
        right_said_right=int((truth * said).sum()),
        wrong=len(truth) - right,
        wrong_said_wrong=int(((1 - truth) * (1 - said)).sum()),
    )


def at_least_nominal(covered: int, of: int) -> bool:
    """Whether coverage is at least nominal, but for three standard errors of the simulation."""
    return covered / of >= 1 - ERROR - 3 * (ERROR * (1 - ERROR) / of) ** 0.5


def first_alarm(reference: list[Probe], stream: list[Probe]) -> int | None:
    """After how many probes right or wrong, or the length, is known to have changed, in either direction."""
    detectors = [
        MeanDetector(baseline=baseline, run_length=PROBES_A_YEAR)
        for values in ([float(probe.is_right) for probe in reference], [probe.length for probe in reference])
        for interval in [betting(values, alpha=0.02)]
        for baseline in (interval.high, 1 - interval.low)
    ]
    for count, probe in enumerate(stream, 1):
        right, length = float(probe.is_right), probe.length
        detectors = [
            detector.observe(value)
            for detector, value in zip(detectors, (right, 1 - right, length, 1 - length), strict=True)
        ]
        if combined_evidence([detector.evidence for detector in detectors]) >= PROBES_A_YEAR:
            return count
    return None

"""A/A experiments made of real answers of models: assigned as units are, judged as reports are.

They skip where the real data aren't (`tests.evaluation_data`). Drawn values of the same shapes (rights and
wrongs, latencies and lengths with a long tail) have a test of their own, which always runs.
"""

from collections import Counter

import msgspec
import numpy as np
import pytest
from tests.evaluation_data import probes
from tests.unit.test_experiments_analysis import experiment, sums, traffic

from headgate.experiments.analysis import MISMATCH, compare, ratio_evidence
from headgate.experiments.assignment import Assigner
from headgate.experiments.model import Experiment, Metric, version_of
from headgate.statistics.model import Sample

ERROR = 0.05
SPLITS = 400
MODELS = ("gpt-3.5-turbo-0613", "gpt-4-0314")
METRICS = ("is_right", "latency", "length")
LOOKS = 12


def drawn(metric: str) -> Sample:
    rng = np.random.default_rng(2023)
    if metric == "is_right":
        return (rng.random(500) < 0.6).astype(np.float64)
    return rng.lognormal(1.0, 0.5, 500)


def real(metric: str) -> list[Sample]:
    """What each question came to, of two real models; skips where the data aren't."""
    found = probes()
    return [np.array([float(getattr(probe, metric)) for probe in found[model]]) for model in MODELS]


def assigned(values: Sample, split: int) -> tuple[Sample, Sample]:
    """The values of each arm, in an order of their own: by a secret and a name for each question."""
    of = experiment(Metric(name="solved", kind="amount"))
    assigner = Assigner(msgspec.structs.replace(of, version=version_of(of)), split.to_bytes(32, "big"))
    exposures = [assigner.assign("default", f"question-{place}") for place in range(len(values))]
    arms = np.array([each.arm if each else "" for each in exposures])
    order = np.random.default_rng(split).permutation(len(values))
    shuffled, of_arm = values[order], arms[order]
    now, new = (shuffled[of_arm == name] for name in ("now", "new"))
    assert len(now) + len(new) == len(values)
    return now, new


def calls(of: Experiment, now: Sample, new: Sample) -> set[str]:
    """What any of some looks finds."""
    units = min(len(now), len(new))
    found: set[str] = set()
    for at in np.linspace(units / LOOKS, units, LOOKS).astype(int):
        arms = {"now": sums(now[:at]), "new": sums(new[:at])}
        (report,) = compare(of, {"solved": arms}, traffic())
        found.add(report.comparisons[0].finding)
    return found


@pytest.mark.parametrize("looks", ["every", "planned"])
@pytest.mark.parametrize("metric", METRICS)
def test_real_answers_of_one_model_in_both_arms_are_called_different_at_most_as_often_as_stated(
    metric: str, looks: str
) -> None:
    alike_at_most_as_often_as_stated(f"real {metric}", real(metric), looks)


@pytest.mark.parametrize("looks", ["every", "planned"])
@pytest.mark.parametrize("metric", ["is_right", "length"])
def test_drawn_values_in_both_arms_are_called_different_at_most_as_often_as_stated(
    metric: str, looks: str
) -> None:
    alike_at_most_as_often_as_stated(f"drawn {metric}", [drawn(metric)], looks)


def alike_at_most_as_often_as_stated(name: str, samples: list[Sample], looks: str) -> None:
    seen: Counter[str] = Counter()
    for values in samples:
        of = msgspec.structs.replace(
            experiment(Metric(name="solved", kind="amount"), planned_units=len(values)), looks=looks
        )
        lifted_by = 0.6 * float(values.std())
        for split in range(SPLITS // len(samples)):
            now, new = assigned(values, split)
            seen["different"] += bool(calls(of, now, new) & {"better", "worse"})
            lifted = calls(of, now, new + lifted_by)
            seen["lift found"] += "better" in lifted
            seen["lift reversed"] += "worse" in lifted
            against = ratio_evidence(of, {"now": len(now), "new": len(new)}) or 0.0
            seen["mismatch"] += against >= MISMATCH
    print(f"{name}, {looks}: of {SPLITS} A/A splits {dict(seen)}")
    assert seen["different"] / SPLITS <= ERROR + 3 * (ERROR * (1 - ERROR) / SPLITS) ** 0.5
    assert seen["lift found"] / SPLITS >= 0.9
    assert seen["lift reversed"] == 0
    assert seen["mismatch"] == 0

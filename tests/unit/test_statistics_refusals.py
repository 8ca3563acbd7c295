"""Data that can't answer are refused in words: what is wrong, which value, and what to do next."""

import re
from collections.abc import Callable

import pytest

from headgate.core.faults import InvalidRequest
from headgate.statistics.allocation import mismatch_at_every_look, mismatch_at_one_look
from headgate.statistics.contrasts import against_margin
from headgate.statistics.detectors import MeanDetector
from headgate.statistics.effects import (
    adjusted_difference,
    bounded_difference,
    clustered_difference,
    clustered_mean,
    difference,
    paired_difference,
    ratio,
    ratio_difference,
    relative_difference,
)
from headgate.statistics.judges import (
    Calibration,
    corrected_share,
    kappa,
    position_bias,
    prediction_powered_mean,
)
from headgate.statistics.multiplicity import (
    benjamini_hochberg,
    combined_evidence,
    e_benjamini_hochberg,
    holm,
)
from headgate.statistics.power import (
    design_effect,
    detectable_effect,
    units_for_every_look,
    units_for_one_look,
    units_for_planned_looks,
    worthwhile_repeats,
)
from headgate.statistics.proportions import clustered_share, exact, paired_shares, wilson
from headgate.statistics.repeatability import flip_rate, passes_of, variances
from headgate.statistics.requirements import Requirement
from headgate.statistics.sequences import (
    always_valid_p,
    around,
    asymptotic,
    betting,
    is_larger,
    planned_radius,
    radius,
)
from headgate.statistics.units import by_arm

NAN, INFINITE = float("nan"), float("inf")
FEW = [0.0, 1.0, 3.0, 2.0]
JUDGE = Calibration(right=20, right_said_right=18, wrong=20, wrong_said_wrong=15)

ON_ONE_SAMPLE: dict[str, Callable[[list[float]], object]] = {
    "asymptotic": asymptotic,
    "clustered mean": clustered_mean,
    "treatment": lambda values: difference(values, FEW),
    "control": lambda values: difference(FEW, values),
    "relative": lambda values: relative_difference(values, [1.0, 1.1, 1.2]),
    "adjusted": lambda values: adjusted_difference(
        values, FEW, treatment_before=list(range(len(values))), control_before=FEW
    ),
    "ratio": lambda values: ratio(values, [2.0] * len(values)),
    "ratio's denominators": lambda values: ratio_difference((FEW, [2.0] * 4), (FEW[: len(values)], values)),
    "pairs": lambda values: paired_difference(values, [0.0] * len(values)),
    "prediction powered": lambda values: prediction_powered_mean(values, [1.0] * len(values), FEW),
}


@pytest.mark.parametrize("function", ON_ONE_SAMPLE.values(), ids=ON_ONE_SAMPLE)
@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([], "shape (0,); give at least 2"),
        ([1.0], "shape (1,); give at least 2"),
        ([1.0, NAN, 2.0, 3.0], "hold nan at place 1; leave units without a value out"),
        ([1.0, 2.0, INFINITE, 3.0], "hold inf at place 2"),
        ([1.0, 2.0, 3.0, -1e200], "hold -1e+200 at place 3"),
        ([[1.0, 2.0], [3.0, 4.0]], "shape (2, 2)"),
        (["many", "few"], "are no numbers"),
        ([0.0, 0.0, 0.0, 0.0], "0"),
    ],
    ids=["none", "one", "nan", "infinite", "huge", "table", "words", "constant"],
)
def test_a_sample_that_says_nothing_is_refused(
    function: Callable[[list[float]], object], values: list[float], words: str
) -> None:
    with pytest.raises(InvalidRequest, match=re.escape(words)):
        function(values)


REFUSED: dict[str, tuple[Callable[[], object], str]] = {
    "a constant": (
        lambda: difference([0.0] * 50, FEW),
        "all 50 values of treatment are 0: how much they vary",
    ),
    "rounding is constant": (lambda: asymptotic([0.1 + 0.2, 0.3] * 60), "how much they vary is not known"),
    "alpha 0": (lambda: asymptotic(FEW, alpha=0), "alpha is 0"),
    "alpha nan": (lambda: difference(FEW, FEW).interval(alpha=NAN), "alpha is nan"),
    "alpha 5": (lambda: difference(FEW, FEW).interval(alpha=5, looks="one"), "between 0 and 1, such as 0.05"),
    "no units": (lambda: radius(0), "n is 0"),
    "no plan": (lambda: planned_radius(5, planned=0), "the plan 0"),
    "no error": (lambda: around(1.0, 0.0, 500), "standard error of 0.0 has no interval"),
    "error nan": (lambda: around(1.0, NAN, 500), "standard error of nan"),
    "p of nothing": (lambda: always_valid_p(INFINITE, 1.0, 500), "an estimate of inf"),
    "bet on nothing": (lambda: betting([]), "give at least 1"),
    "out of bounds": (lambda: betting([0.5, 1.5]), "bounds are 0.0 to 1.0, values 0.5 to 1.5"),
    "no room": (lambda: betting([1.0], bounds=(1, 1)), "leave room between"),
    "asked out of bounds": (lambda: is_larger([2.0], 0.5, bounds=(0, 1)), "bounds are 0 to 1, values 2 to 2"),
    "endless": (lambda: betting([1.0], bounds=(0, INFINITE)), "bounds are 0 to inf"),
    "empty arm": (lambda: bounded_difference([], [1.0]), "treatment have the shape (0,)"),
    "fewer before": (
        lambda: adjusted_difference(FEW, FEW, treatment_before=FEW[:2], control_before=FEW),
        "treatment: 4 values beside 2; give one of each",
    ),
    "nothing to divide": (
        lambda: relative_difference(FEW, [-1.0, 1.0]),
        "is 0 with an error of 1, not clear of 0",
    ),
    "few to divide": (lambda: ratio([5.0, 1.0, 1.0], [0.0, 0.0, 1.0]), "mean denominator is 0.333333"),
    "zeros to divide": (lambda: ratio([5.0, 1.0, 1.0], [0.0, 0.0, 0.0]), "not clear of 0"),
    "unpaired": (lambda: paired_difference(FEW, FEW[:3]), "pairs: 4 values beside 3"),
    "pairs alike": (lambda: paired_difference(FEW, FEW), "all 4 values are 0"),
    "one cluster": (lambda: clustered_mean(FEW, ["a"] * 4), "all values are of the cluster 'a'"),
    "clusters missing": (lambda: clustered_mean(FEW, ["a", "b"]), "4 values have 2 clusters"),
    "nameless cluster": (lambda: clustered_mean(FEW, ["a", None, "b", "c"]), "a name is None"),
    "cluster nan": (lambda: clustered_mean(FEW, [1.0, NAN, 2.0, 3.0]), "a name is nan"),
    "cluster in both": (
        lambda: clustered_difference((FEW, "abcd"), (FEW, "defg")),
        "1 of 7, such as 'd', are in",
    ),
    "margin": (lambda: against_margin((0.0, 1.0), -1, worse="lower"), "the margin is -1"),
    "one arm": (lambda: by_arm(["a", "a"], ["x", "y"], [1.0, 2.0]), "all values are of the arm 'a'"),
    "unit in two arms": (
        lambda: by_arm(["a", "b", "b"], ["x", "x", "y"], [1.0, 2.0, 3.0]),
        "1 of 2 units, such as 'x', are in more than one arm; leave them out",
    ),
    "unit unnamed": (lambda: by_arm(["a", "b"], ["x", None], [1.0, 2.0]), "a name is None"),
    "units missing": (lambda: by_arm(["a", "b"], ["x"], [1.0, 2.0]), "2 arms, 1 units and 2 values"),
    "no values": (lambda: by_arm([], [], []), "give at least 1"),
    "no units assigned": (lambda: mismatch_at_every_look([0, 0], [1, 1]), "no unit is in any arm yet"),
    "one share": (lambda: mismatch_at_every_look([5], [1]), "1 counts and 1 shares"),
    "share of none": (lambda: mismatch_at_every_look([5, 5], [1, 0]), "shares are [1, 0]"),
    "share nan": (lambda: mismatch_at_every_look([5, 5], [1, NAN]), "shares are [1, nan]"),
    "half a unit": (lambda: mismatch_at_every_look([5, 2.5], [1, 1]), "units of an arm are 2.5"),  # pyright: ignore
    "less than none": (lambda: mismatch_at_every_look([5, -1], [1, 1]), "units of an arm are -1"),
    "no prior": (lambda: mismatch_at_every_look([5, 5], [1, 1], prior_units=0), "prior_units are 0"),
    "too few to test": (lambda: mismatch_at_one_look([3, 3], [1, 1]), "only 3.0 units are expected"),
    "p of 2": (lambda: holm([0.5, 2.0]), "p-values are [2.0]"),
    "p nan": (lambda: benjamini_hochberg([NAN]), "p-values are [nan]"),
    "no p": (lambda: holm([]), "p-values are none"),
    "e below 0": (lambda: e_benjamini_hochberg([-1.0]), "e-values are [-1.0]"),
    "e infinite": (lambda: combined_evidence([INFINITE]), "e-values are [inf]"),
    "no e": (lambda: combined_evidence([]), "e-values are none"),
    "no effect": (lambda: units_for_one_look(0, 1), "the effect isn't 0"),
    "tiny effect": (lambda: units_for_every_look(1e-9, 1), "more than 10000000000 units"),
    "power below alpha": (lambda: units_for_planned_looks(1, 1, power=0.04), "which chance alone has"),
    "one unit": (lambda: detectable_effect(1, 1), "1 units can't be two arms"),
    "likeness": (lambda: design_effect(10, 1.5), "a likeness of 1.5"),
    "free repeats": (
        lambda: worthwhile_repeats(1, 1, price_of_case=1, price_of_repeat=0),
        "the price of a repeat is above 0",
    ),
    "no cases": (lambda: wilson(0, 0), "cases are 0; give a whole number from 1 on"),
    "more than all": (lambda: exact(6, 5), "6 successes of 5 cases are no share; count each case once"),
    "no pairs": (lambda: paired_shares(0, 0, 0, 0), "cases are 0"),
    "pairs below 0": (lambda: paired_shares(5, -1, 1, 1), "cases of a kind are -1"),
    "share of 2": (lambda: clustered_share([0.5, 2.0]), "values lie between 0.5 and 2"),
    "all alike": (lambda: clustered_share([0.5, 0.5, 0.5]), "how much they vary is not known"),
    "judge of chance": (
        lambda: corrected_share(5, 10, Calibration(right=9, right_said_right=3, wrong=9, wrong_said_wrong=5)),
        "no better than by chance, so its marks say nothing",
    ),
    "hardly calibrated": (
        lambda: corrected_share(
            5, 10, Calibration(right=1, right_said_right=1, wrong=90, wrong_said_wrong=1)
        ),
        "91 calibration cases are too few",
    ),
    "calibrated by none": (
        lambda: Calibration(right=0, right_said_right=0, wrong=9, wrong_said_wrong=5),
        "calibration cases that people call right are 0",
    ),
    "calibrated twice": (
        lambda: Calibration(right=5, right_said_right=6, wrong=9, wrong_said_wrong=5),
        "the judge calls 6 of 5 cases right that people call right; count each case once",
    ),
    "judged twice": (lambda: corrected_share(11, 10, JUDGE), "the judge calls 11 of 10 cases right"),
    "judged apart": (
        lambda: prediction_powered_mean(FEW, FEW[:3], FEW),
        "people marked 4 cases and the judge 3",
    ),
    "people and judge alike": (
        lambda: prediction_powered_mean([1.0] * 9, [1.0] * 9, FEW),
        "all 9 differences of people and judge are",
    ),
    "marks of one": (lambda: kappa(["a"], []), "1 marks against 0"),
    "one mark": (lambda: kappa(["a", "a"], ["a", "a"]), "all 2 marks of both are 'a'"),
    "one order": (lambda: position_bias([True], []), "1 cases beside 0 swapped"),
    "no order": (lambda: position_bias([], []), "cases are 0"),
    "uneven": (lambda: variances([[[1.0], [0.0]], [[1.0]]]), "cases have different numbers of answers"),
    "nothing to split": (lambda: variances([]), "or there are none"),
    "one case": (lambda: variances([[[1.0], [0.0]]]), "1 cases of 2 answers, judged 1 times, can't be split"),
    "judged by none": (lambda: variances([[[], []], [[], []]]), "judged 0 times"),
    "score nan": (lambda: variances([[[1.0], [NAN]], [[1.0], [0.0]]]), "scores hold nan at place 1"),
    "k of more": (lambda: passes_of([1, 2], 2, 3), "k is 3, tries are 2"),
    "passed more": (lambda: passes_of([3], 2, 1), "succeeded up to 3 times"),
    "asked once": (lambda: flip_rate([["a", "b"], ["a"]]), "a case has 1 answers"),
    "baseline of all": (
        lambda: MeanDetector(baseline=1.0, run_length=100),
        "baseline 1.0 and run length 100",
    ),
    "watched nan": (lambda: MeanDetector(baseline=0.5, run_length=9).observe(NAN), "a value of nan"),
    "require all": (lambda: Requirement(share=1.0), "share 1.0, error 0.05"),
    "scored 2": (lambda: Requirement(share=0.5).observe(2), "a score of 2 is not between 0 and 1"),
    "case again": (
        lambda: Requirement(share=0.9, cases=1).observe(1).observe(1),
        "all 1 cases have been seen; a case counts once",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_answer_is_refused_in_words(name: str) -> None:
    function, words = REFUSED[name]
    with pytest.raises(InvalidRequest, match=re.escape(words)):
        function()


def test_a_mean_that_moved_has_no_interval_rather_than_a_wrong_one() -> None:
    early = [1.0] * 25
    for late in range(1, 4000, 50):
        values = [*early, *([0.0] * late)]
        try:
            interval = betting(values)
        except InvalidRequest as fault:
            assert "the mean of these" in fault.message
            return
        assert interval.low <= interval.high

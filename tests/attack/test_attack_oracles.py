"""Statistics against packages that compute the same: statsmodels, tea-tasting and cluster-experiments.

They are in the extra `oracles`.
"""

from typing import Any

import numpy as np
import pytest
from scipy import stats

from headgate.statistics.allocation import mismatch_at_one_look
from headgate.statistics.effects import (
    adjusted_difference,
    clustered_difference,
    clustered_mean,
    difference,
    paired_difference,
    ratio_difference,
    relative_difference,
)
from headgate.statistics.judges import kappa
from headgate.statistics.model import Interval, Sample
from headgate.statistics.multiplicity import benjamini_hochberg, holm
from headgate.statistics.power import detectable_effect, units_for_one_look
from headgate.statistics.proportions import difference_of_shares, exact, wilson

SEEDS = range(5)


def oracle(name: str) -> Any:
    return pytest.importorskip(name, reason=f"{name} is not installed; it is in the extra `oracles`")


def arms(seed: int, size: int = 200) -> tuple[Sample, Sample, Sample, Sample]:
    """Values of both arms, and those from before."""
    rng = np.random.default_rng(seed)
    before, other_before = rng.gamma(2, 3, size), rng.gamma(2, 3, size + 37)
    return (
        0.6 * before + rng.standard_normal(size) + 0.2,
        0.6 * other_before + rng.standard_normal(size + 37) * 2,
        before,
        other_before,
    )


def same(interval: Interval, ends: tuple[float, float], tolerance: float = 1e-9) -> None:
    assert (interval.low, interval.high) == pytest.approx(ends, rel=tolerance, abs=tolerance)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("alpha", [0.05, 0.2])
def test_shares_are_those_of_statsmodels(seed: int, alpha: float) -> None:
    proportion = oracle("statsmodels.stats.proportion")
    rng = np.random.default_rng(seed)
    cases = int(rng.integers(3, 400))
    yes = int(rng.integers(0, cases + 1))
    same(wilson(yes, cases, alpha=alpha), proportion.proportion_confint(yes, cases, alpha, "wilson"))
    same(exact(yes, cases, alpha=alpha), proportion.proportion_confint(yes, cases, alpha, "beta"))
    expected = proportion.confint_proportions_2indep(yes, cases, 13, 40, method="newcomb", alpha=alpha)
    same(difference_of_shares((yes, cases), (13, 40), alpha=alpha), expected)


@pytest.mark.parametrize("seed", SEEDS)
def test_differences_are_those_of_scipy_and_statsmodels(seed: int) -> None:
    one, other, *_ = arms(seed)
    weightstats = oracle("statsmodels.stats.weightstats")
    compared = weightstats.CompareMeans(weightstats.DescrStatsW(one), weightstats.DescrStatsW(other))
    same(difference(one, other).interval(looks="one"), compared.tconfint_diff(usevar="unequal"))
    paired: Any = stats.ttest_rel(one, other[:200])
    ends = paired.confidence_interval()
    same(paired_difference(one, other[:200]).interval(looks="one"), (ends.low, ends.high))


@pytest.mark.parametrize("seed", SEEDS)
def test_clustered_errors_are_those_of_least_squares_in_statsmodels(seed: int) -> None:
    api = oracle("statsmodels.api")
    one, other, *_ = arms(seed)
    clusters = np.arange(len(one)) // 7
    model = api.OLS(one, np.ones(len(one)))
    fitted = model.fit(cov_type="cluster", cov_kwds={"groups": clusters}, use_t=True)
    effect = clustered_mean(one, clusters.tolist())
    assert effect.standard_error == pytest.approx(float(fitted.bse[0]))
    assert effect.freedom == len(set(clusters.tolist())) - 1
    same(effect.interval(looks="one"), tuple(fitted.conf_int()[0]))

    # Two arms: the factor is G/(G-1) within each of ours, over both and (N-1)/(N-2) in theirs.
    names = np.concatenate((clusters, 1000 + np.arange(len(other)) // 7))
    arm = np.concatenate((np.ones(len(one)), np.zeros(len(other))))
    model = api.OLS(np.concatenate((one, other)), api.add_constant(arm))
    fitted = model.fit(cov_type="cluster", cov_kwds={"groups": names})
    effect = clustered_difference((one, names[: len(one)].tolist()), (other, names[len(one) :].tolist()))
    assert effect.estimate == pytest.approx(float(fitted.params[1]))
    assert effect.standard_error == pytest.approx(float(fitted.bse[1]), rel=0.02)


@pytest.mark.parametrize("seed", SEEDS)
def test_adjusted_differences_are_those_of_regression_in_statsmodels(seed: int) -> None:
    api = oracle("statsmodels.api")
    one, other, before, other_before = arms(seed)
    arm = np.concatenate((np.ones(len(one)), np.zeros(len(other))))
    design = np.column_stack((np.ones(len(arm)), arm, np.concatenate((before, other_before))))
    fitted = api.OLS(np.concatenate((one, other)), design).fit(cov_type="HC3")
    effect = adjusted_difference(one, other, treatment_before=before, control_before=other_before)
    assert effect.estimate == pytest.approx(float(fitted.params[1]))
    assert effect.standard_error == pytest.approx(float(fitted.bse[1]), rel=0.02)


@pytest.mark.parametrize("seed", SEEDS)
def test_means_ratios_and_adjusted_means_are_those_of_tea_tasting(seed: int) -> None:
    tea = oracle("tea_tasting")
    arrow = oracle("pyarrow")
    one, other, before, other_before = arms(seed)
    rng = np.random.default_rng(seed)
    calls, other_calls = (1 + rng.poisson(4, len(arm)).astype(np.float64) for arm in (one, other))
    table = arrow.table(
        {
            "variant": np.concatenate((np.ones(len(one)), np.zeros(len(other)))).astype(int),
            "value": np.concatenate((one, other)),
            "before": np.concatenate((before, other_before)),
            "calls": np.concatenate((calls, other_calls)),
        }
    )
    result = tea.Experiment(
        plain=tea.Mean("value"),
        adjusted=tea.Mean("value", "before"),
        ratio=tea.RatioOfMeans("value", "calls"),
        ratio_of_samples=tea.SampleRatio(),
    ).analyze(table)
    plain = result["plain"]
    effect = difference(one, other)
    assert effect.estimate == pytest.approx(plain.effect_size)
    same(effect.interval(looks="one"), (plain.effect_size_ci_lower, plain.effect_size_ci_upper))
    share = relative_difference(one, other)
    assert share.estimate == pytest.approx(plain.rel_effect_size)
    assert share.interval(looks="one").low == pytest.approx(plain.rel_effect_size_ci_lower, abs=0.02)

    # Theirs takes the slope from all units, ours from within arms.
    adjusted = adjusted_difference(one, other, treatment_before=before, control_before=other_before)
    theirs = result["adjusted"]
    width = theirs.effect_size_ci_upper - theirs.effect_size_ci_lower
    interval = adjusted.interval(looks="one")
    assert interval.high - interval.low == pytest.approx(width, rel=0.02)
    assert adjusted.estimate == pytest.approx(theirs.effect_size, abs=0.05 * width)

    theirs = result["ratio"]
    same(
        ratio_difference((one, calls), (other, other_calls)).interval(looks="one"),
        (theirs.effect_size_ci_lower, theirs.effect_size_ci_upper),
        tolerance=1e-3,
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_several_questions_are_answered_as_by_statsmodels(seed: int) -> None:
    multitest = oracle("statsmodels.stats.multitest")
    p_values = (np.random.default_rng(seed).random(12) ** 3).tolist()
    assert holm(p_values) == pytest.approx(multitest.multipletests(p_values, method="holm")[1].tolist())
    expected = multitest.multipletests(p_values, method="fdr_bh")[1].tolist()
    assert benjamini_hochberg(p_values) == pytest.approx(expected)


@pytest.mark.parametrize("seed", SEEDS)
def test_agreement_is_that_of_statsmodels(seed: int) -> None:
    inter_rater = oracle("statsmodels.stats.inter_rater")
    rng = np.random.default_rng(seed)
    one = rng.integers(0, 3, 80)
    other = np.where(rng.random(80) < 0.7, one, rng.integers(0, 3, 80))
    table = np.zeros((3, 3))
    np.add.at(table, (one, other), 1)
    expected = inter_rater.cohens_kappa(table)
    interval = kappa(one.tolist(), other.tolist())
    assert interval.estimate == pytest.approx(expected.kappa)
    same(interval, (expected.kappa_low, expected.kappa_upp))


def test_units_are_those_of_statsmodels() -> None:
    power = oracle("statsmodels.stats.power").NormalIndPower()
    for effect, wanted in ((0.1, 0.8), (0.03, 0.9), (0.5, 0.95)):
        units = units_for_one_look(effect, 1.0, power=wanted)
        expected = 2 * power.solve_power(effect, power=wanted, alpha=0.05, ratio=1)
        assert units == pytest.approx(expected, abs=2)
        found = power.solve_power(nobs1=units / 2, power=wanted, alpha=0.05, ratio=1)
        assert detectable_effect(units, 1.0, power=wanted) == pytest.approx(found, rel=1e-4)


def test_a_mismatch_is_that_of_scipy() -> None:
    for counts, shares in (([510, 490], [1, 1]), ([300, 280, 420], [0.3, 0.3, 0.4])):
        meant = np.array(shares) / sum(shares) * sum(counts)
        expected: Any = stats.chisquare(counts, meant)
        assert mismatch_at_one_look(counts, shares) == pytest.approx(float(expected.pvalue))


@pytest.mark.filterwarnings("ignore:Delta Method approximation:UserWarning")
@pytest.mark.parametrize("seed", SEEDS)
def test_clusters_ratios_and_pairs_are_those_of_cluster_experiments(seed: int) -> None:
    experiments, pandas = oracle("cluster_experiments"), oracle("pandas")
    rng = np.random.default_rng(seed)
    size = 600
    clusters = np.arange(size) // 6
    arm = clusters % 2
    value = rng.normal(0, 1, 100)[clusters] + rng.normal(0, 1, size) + 0.3 * arm
    calls = 1.0 + rng.poisson(3, size)
    table = pandas.DataFrame(
        {"target": value, "treatment": np.where(arm == 1, "B", "A"), "cluster": clusters, "scale": calls}
    )
    sides = [(value[arm == side], clusters[arm == side].tolist()) for side in (1, 0)]
    effect = clustered_difference(*sides)
    theirs = experiments.ClusteredOLSAnalysis(cluster_cols=["cluster"]).get_standard_error(table)
    # The factor is G/(G-1) within each of ours, over both and (N-1)/(N-2) in theirs.
    assert effect.standard_error == pytest.approx(float(theirs), rel=0.02)

    summed = table.groupby(["cluster", "treatment"], as_index=False).sum()
    delta = experiments.DeltaMethodAnalysis(cluster_cols=["cluster"], scale_col="scale")
    new, old = (summed[summed.treatment == name] for name in "BA")
    ours = ratio_difference((new.target, new.scale), (old.target, old.scale))
    # Theirs divides by the clusters of an arm, ours by one less.
    assert ours.standard_error * (49 / 50) ** 0.5 == pytest.approx(float(delta.get_standard_error(table)))

    one, other = rng.normal(0.2, 1, 60), rng.normal(0, 1, 60)
    paired = pandas.DataFrame(
        {
            "target": np.concatenate((one, other)),
            "treatment": ["B"] * 60 + ["A"] * 60,
            "cluster": [*range(60), *range(60)],
        }
    )
    test = experiments.PairedTTestClusteredAnalysis(cluster_cols=["cluster"], strata_cols=["cluster"])
    effect = paired_difference(one, other)
    p = 2 * float(stats.t.sf(abs(effect.estimate) / effect.standard_error, effect.freedom))
    assert p == pytest.approx(float(test.get_pvalue(paired)))


def test_power_is_that_of_cluster_experiments() -> None:
    experiments = oracle("cluster_experiments")
    power = experiments.NormalPowerAnalysis(
        splitter=experiments.NonClusteredSplitter(), analysis=experiments.OLSAnalysis()
    )
    units = units_for_one_look(0.1, 1.0, power=0.9)
    error = 2 / units**0.5
    found = power._normal_power_calculation(alpha=0.05, std_error=error, average_effect=0.1)
    assert float(found) == pytest.approx(0.9, abs=1e-3)
    least = power._normal_mde_calculation(alpha=0.05, std_error=error, power=0.9)
    assert detectable_effect(units, 1.0, power=0.9) == pytest.approx(float(least), rel=1e-3)

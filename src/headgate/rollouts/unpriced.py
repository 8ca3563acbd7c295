"""Compared calls without a known price: while there are some, costs are not compared.

Read next: `rollouts.pairs`, `rollouts.pairing`.
"""

from collections.abc import Mapping

import msgspec

from headgate.experiments.lacking import named_targets
from headgate.experiments.model import Experiment
from headgate.experiments.report import Comparison, MetricReport


class Unpriced(msgspec.Struct, frozen=True, kw_only=True):
    """Of the calls of an arm that count, those without a price, and the targets that have none."""

    calls: int
    unpriced: int
    targets: tuple[str, ...] = ()


def without_costs(
    experiment: Experiment, metric: MetricReport, known: Mapping[str, Unpriced]
) -> MetricReport:
    """Withhold what a metric of costs says of arms whose calls have no price."""
    if metric.measure != "cost":
        return metric
    reasons = {one.arm: _why_unknown(experiment, one.arm, known) for one in metric.comparisons}
    return msgspec.structs.replace(
        metric,
        comparisons=[
            Comparison(arm=one.arm, finding="none", units=one.units, note=reasons[one.arm])
            if reasons[one.arm]
            else one
            for one in metric.comparisons
        ],
    )


def _why_unknown(experiment: Experiment, arm: str, known: Mapping[str, Unpriced]) -> str:
    told = [
        f"{known[name].unpriced} of {known[name].calls} calls of {name}{named_targets(known[name].targets)}"
        for name in dict.fromkeys((experiment.baseline.name, arm))
        if name in known and known[name].unpriced
    ]
    if not told:
        return ""
    return (
        f"{' and '.join(told)} have no known price, so costs are not compared; write it under [prices] in "
        "headgate.toml, then change its entry in [[rollouts]]: calls that came before stay without"
    )

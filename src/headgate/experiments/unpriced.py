"""Calls without a known price: an arm with some is not compared by cost, as they would count as free. Pure.

Read next: `experiments.reading`, `experiments.reporting`.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from headgate.experiments.model import OWN_PREFIX, Experiment
from headgate.experiments.report import Comparison, MetricReport

NAMED: Final = 5
"""How many targets a sentence names."""


class Unpriced(msgspec.Struct, frozen=True, kw_only=True):
    """Of the calls of an arm that count, those without a price, and the targets that have none."""

    calls: int
    unpriced: int
    targets: tuple[str, ...] = ()


def why_unknown(experiment: Experiment, arm: str, known: Mapping[str, Unpriced]) -> str:
    """Return why an arm can't be compared with the baseline by cost; empty where it can."""
    told = [
        _words(name, known[name])
        for name in dict.fromkeys((experiment.baseline.name, arm))
        if name in known and known[name].unpriced
    ]
    if not told:
        return ""
    anew = "its entry in [[rollouts]]" if experiment.name.startswith(OWN_PREFIX) else "the experiment's salt"
    return (
        f"{' and '.join(told)} have no known price, so costs are not compared; write it under [prices] in "
        f"headgate.toml, then change {anew}: calls that came before stay without"
    )


def without_costs(
    experiment: Experiment, metric: MetricReport, known: Mapping[str, Unpriced]
) -> MetricReport:
    """Withhold what a metric of cost would say of arms whose calls have no price."""
    if metric.measure != "cost":
        return metric
    reasons = {one.arm: why_unknown(experiment, one.arm, known) for one in metric.comparisons}
    return msgspec.structs.replace(
        metric,
        comparisons=[
            Comparison(arm=one.arm, finding="none", units=one.units, note=reasons[one.arm])
            if reasons[one.arm]
            else one
            for one in metric.comparisons
        ],
    )


def _words(arm: str, of: Unpriced) -> str:
    more = ", ..." if len(of.targets) > NAMED else ""
    targets = f" ({', '.join(of.targets[:NAMED])}{more})" if of.targets else ""
    return f"{of.unpriced} of {of.calls} calls of {arm}{targets}"

"""Calls without a known price, or tokens: an arm with some is not compared by it, since they count as none.

Read next: `experiments.reading`, `experiments.reporting`.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from headgate.experiments.model import OWN_PREFIX, TOKENS, Experiment
from headgate.experiments.report import Comparison, MetricReport

NAMED: Final = 5
"""How many targets a sentence names."""


class Unpriced(msgspec.Struct, frozen=True, kw_only=True):
    """Of the calls of an arm that count, those without a price, and the targets that have none."""

    calls: int
    unpriced: int
    targets: tuple[str, ...] = ()
    uncounted: int = 0
    """Those whose answer says no tokens."""

    def lacking(self, measure: str) -> int:
        """Return how many calls lack what is measured."""
        return self.unpriced if measure == "cost" else self.uncounted if measure in TOKENS else 0

    def joined(self, other: "Unpriced") -> "Unpriced":
        """Return the calls of both."""
        return Unpriced(
            calls=self.calls + other.calls,
            unpriced=self.unpriced + other.unpriced,
            uncounted=self.uncounted + other.uncounted,
        )


def why_unknown(experiment: Experiment, arm: str, measure: str, known: Mapping[str, Unpriced]) -> str:
    """Return why an arm can't be compared with the baseline by cost, or tokens; empty where it can."""
    told = [
        _words(name, known[name], measure)
        for name in dict.fromkeys((experiment.baseline.name, arm))
        if name in known and known[name].lacking(measure)
    ]
    if not told:
        return ""
    if measure in TOKENS:
        return f"{' and '.join(told)} were answered without saying how many tokens, so these are not compared"
    anew = "its entry in [[rollouts]]" if experiment.name.startswith(OWN_PREFIX) else "the experiment's salt"
    return (
        f"{' and '.join(told)} have no known price, so costs are not compared; write it under [prices] in "
        f"headgate.toml, then change {anew}: calls that came before stay without"
    )


def without_costs(
    experiment: Experiment, metric: MetricReport, known: Mapping[str, Unpriced]
) -> MetricReport:
    """Withhold what a metric says of arms whose calls have no price, or no tokens, where it reads them."""
    reasons = {one.arm: why_unknown(experiment, one.arm, metric.measure, known) for one in metric.comparisons}
    return msgspec.structs.replace(
        metric,
        comparisons=[
            Comparison(arm=one.arm, finding="none", units=one.units, note=reasons[one.arm])
            if reasons[one.arm]
            else one
            for one in metric.comparisons
        ],
    )


def _words(arm: str, of: Unpriced, measure: str) -> str:
    more = ", ..." if len(of.targets) > NAMED else ""
    shown = f" ({', '.join(of.targets[:NAMED])}{more})" if of.targets else ""
    targets = shown if measure == "cost" else ""
    return f"{of.lacking(measure)} of {of.calls} calls of {arm}{targets}"

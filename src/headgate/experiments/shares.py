"""What is known of shares, also where an arm's units are all alike; and of who answers. Pure.

Read next: `experiments.analysis`.
"""

from collections.abc import Mapping
from typing import Final

from headgate.core.faults import InvalidRequest
from headgate.experiments.model import Experiment, Metric
from headgate.statistics.contrasts import Effect, contrast, mean_of
from headgate.statistics.moments import Moments

ANSWERING_ALPHA: Final = 0.001

KnownArm = tuple[Moments, Effect | str]
"""An arm's moments, and what they come to, or why to nothing."""


def share_bounds(experiment: Experiment, arm: KnownArm, alpha: float) -> tuple[float, float] | None:
    """Return where an arm's share lies at every look, each side at alpha; None where that is not known.

    Where no unit has any, n zeros bound the mean; where all have, ones do. Source: Waudby-Smith, Ramdas,
    "Estimating means of bounded random variables by betting", JRSS B 86(1), 2024.
    """
    moments, effect = arm
    if not moments.n or not moments.x:
        return None
    if moments.y == 0:
        return 0.0, 1 - alpha ** (1 / moments.n)
    if moments.y == moments.x and isinstance(effect, str):
        return alpha ** (1 / moments.n), 1.0
    if isinstance(effect, str) or not effect.settled:
        return None
    return effect.ends(alpha=alpha, tight_at=experiment.planned_units)


def unequal(experiment: Experiment, metric: Metric, answering: Mapping[str, tuple[int, int]]) -> list[str]:
    """Say where arms answer at rates that differ: who answers is then another kind of unit in each.

    `answering` has each arm's units that answered, and all that are complete. Holds at every look: one
    false note in a thousand experiments at most.
    """
    known = [(arm, answers, units) for arm, (answers, units) in answering.items() if units]
    notes: list[str] = []
    for arm, answers, units in known[1:]:
        base, base_answers, base_units = known[0]
        if _differ(experiment, _answering(answers, units), _answering(base_answers, base_units)):
            notes.append(
                f"{metric.name} is answered unequally: {answers / units:.1%} of {arm} against "
                f"{base_answers / base_units:.1%} of {base}; who answers differs between "
                "the arms, and so the comparison of answers may mislead"
            )
    return notes


def _answering(answers: int, units: int) -> Moments:
    """The moments of whether units answered, each of one question."""
    share = answers / units
    return Moments(
        n=units,
        y=share,
        x=1.0,
        yy=units * share * (1 - share),
        xy=0.0,
        xx=0.0,
        yyy=share,
        yyx=share,
        yxx=share,
        xxx=1.0,
    )


def _differ(experiment: Experiment, one: Moments, other: Moments) -> bool:
    """Whether two shares are known to differ, at `ANSWERING_ALPHA` and every look."""
    first, second = _known(one), _known(other)
    if not isinstance(first, str) and not isinstance(second, str):
        apart = contrast(first, second).interval(alpha=ANSWERING_ALPHA, tight_at=experiment.planned_units)
        return apart.excludes(0.0)
    # All of an arm answered, or none did: each arm's own bounds, which need no variance.
    alpha = ANSWERING_ALPHA / 4
    here = share_bounds(experiment, (one, first), alpha)
    there = share_bounds(experiment, (other, second), alpha)
    return here is not None and there is not None and (here[0] > there[1] or there[0] > here[1])


def _known(arm: Moments) -> Effect | str:
    try:
        return mean_of(arm)
    except InvalidRequest as fault:
        return fault.message

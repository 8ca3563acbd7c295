"""How many units it takes, before an experiment or a check begins. Pure."""

import math
from collections.abc import Callable

from scipy.special import log_ndtr, ndtr, ndtri

from headgate.core.faults import InvalidRequest
from headgate.statistics.model import Looks, check_alpha
from headgate.statistics.sequences import planned_boundary, radius

UNITS_MAX = 10_000_000_000
REPEATS_MAX = 100
HALVINGS = 60


def units_for_one_look(
    effect: float, deviation: float, *, alpha: float = 0.05, power: float = 0.8, share: float = 0.5
) -> int:
    """Return the units of both arms together that find an effect of this size, with one look at the end.

    `deviation` is the standard deviation of a unit, `share` that of units in the treatment. Source: Kohavi,
    Tang, Xu, "Trustworthy Online Controlled Experiments", 2020, chapter 17.
    """
    return _fewest(
        lambda distance: float(ndtr(distance + ndtri(alpha / 2))),
        _distance(effect, deviation, alpha, power, share),
        power,
    )


def units_for_planned_looks(
    effect: float, deviation: float, *, alpha: float = 0.05, power: float = 0.8, share: float = 0.5
) -> int:
    """Return the units by which a sequence that is made for them finds the effect, with this chance.

    Many such experiments end earlier. Source: as `sequences.planned_radius`; the chance that a Brownian
    motion with drift crosses its boundary by then (reflection principle, Siegmund, "Sequential Analysis",
    1985, chapter III).
    """
    check_alpha(alpha)
    return _fewest(
        lambda distance: crossing_chance(distance, planned_boundary(alpha)),
        _distance(effect, deviation, alpha, power, share),
        power,
    )


def crossing_chance(distance: float, boundary: float) -> float:
    """Return the chance that a Brownian motion with this drift comes to a boundary by time 1.

    Source: as `units_for_planned_looks`.
    """
    reflected = 2 * boundary * distance + float(log_ndtr(-boundary - distance))
    return float(ndtr(distance - boundary)) + math.exp(reflected)


def units_for_every_look(
    effect: float, deviation: float, *, alpha: float = 0.05, power: float = 0.8, share: float = 0.5
) -> int:
    """Return the units at which an interval that holds at every look, for ever, excludes 0, with this chance.

    The sequence is taken to be tightest there. Most such experiments end earlier. Source: the half-width of
    `sequences.radius`, solved for the units.
    """
    check_alpha(alpha)
    # With the sequence tightest at its end, its radius there is the same for any number of units.
    boundary = radius(UNITS_MAX, alpha=alpha, tight_at=UNITS_MAX)
    return _fewest(
        lambda distance: float(ndtr(distance - boundary)),
        _distance(effect, deviation, alpha, power, share),
        power,
    )


def detectable_effect(
    units: int,
    deviation: float,
    *,
    alpha: float = 0.05,
    power: float = 0.8,
    share: float = 0.5,
    looks: Looks = "one",
) -> float:
    """Return the smallest effect that this many units find with this chance, by how one looks.

    Source: as `units_for_one_look`, `units_for_planned_looks` and `units_for_every_look`, solved for the
    effect.
    """
    if units < 2:
        raise InvalidRequest(f"{units} units can't be two arms; give 2 or more")
    unit = _distance(1.0, deviation, alpha, power, share)
    if looks == "planned":
        away = _distance_of(power, planned_boundary(alpha))
    elif looks == "every":
        away = radius(UNITS_MAX, alpha=alpha, tight_at=UNITS_MAX) + float(ndtri(power))
    else:
        away = float(ndtri(1 - alpha / 2) + ndtri(power))
    return away / (unit * math.sqrt(units))


def design_effect(units_per_cluster: float, likeness: float) -> float:
    """Return by what the units have to be multiplied where they come in clusters.

    `likeness` is the intra-class correlation: the share of the variance that lies between clusters. Source:
    Kish, "Survey Sampling", 1965, section 5.4.
    """
    if not 1 <= units_per_cluster < math.inf or not 0 <= likeness <= 1:
        raise InvalidRequest(
            f"{units_per_cluster} units a cluster with a likeness of {likeness}; units from 1, likeness 0 "
            "to 1"
        )
    return 1 + (units_per_cluster - 1) * likeness


def worthwhile_repeats(within: float, between: float, *, price_of_case: float, price_of_repeat: float) -> int:
    """Return how often each case is best repeated, given what a new case and one more try cost.

    `within` and `between` are variances. Source: Cochran, "Sampling Techniques", 1977, section 10.6 (optimum
    subsampling).
    """
    numbers = (within, between, price_of_case)
    if not 0 < price_of_repeat < math.inf or not all(0 <= number < math.inf for number in numbers):
        raise InvalidRequest(
            f"variances {within} and {between}, prices {price_of_case} and {price_of_repeat}: variances and "
            "the price of a case are 0 or more, the price of a repeat is above 0"
        )
    gain, cost = within * price_of_case, between * price_of_repeat
    if cost == 0:
        return REPEATS_MAX if gain > 0 else 1
    return min(REPEATS_MAX, max(1, round(math.sqrt(gain / cost))))


def _distance(effect: float, deviation: float, alpha: float, power: float, share: float) -> float:
    """How many standard errors the effect is away from 0, for one unit."""
    check_alpha(alpha)
    if not (0 < abs(effect) < math.inf and 0 < deviation < math.inf and 0 < power < 1 and 0 < share < 1):
        raise InvalidRequest(
            f"effect {effect}, deviation {deviation}, power {power}, share {share}: the effect isn't 0, the "
            "deviation is above 0, power and share lie between 0 and 1"
        )
    if power <= alpha:
        raise InvalidRequest(
            f"power {power} is no more than alpha {alpha}, which chance alone has; ask for more"
        )
    return abs(effect) / deviation * math.sqrt(share * (1 - share))


def _distance_of(power: float, boundary: float) -> float:
    """The drift of a Brownian motion that comes to a boundary by time 1 with this chance."""
    low, high = 0.0, boundary + 10.0
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if crossing_chance(middle, boundary) >= power else (middle, high)
    return high


def _fewest(power_at: Callable[[float], float], of_one: float, power: float) -> int:
    """The fewest units whose distance from 0 has this power."""
    low, high = 1, UNITS_MAX
    if power_at(of_one * math.sqrt(high)) < power:
        raise InvalidRequest(
            f"it takes more than {UNITS_MAX} units to find such an effect; look for a larger one"
        )
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if power_at(of_one * math.sqrt(middle)) >= power else (middle, high)
    return high

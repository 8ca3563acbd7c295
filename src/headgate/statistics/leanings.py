"""Whether a judge leans to longer answers or to its own, beyond what people say of the same cases. Pure.

What a judge prefers is no bias where people prefer it too: longer answers may be better ones. So each method
compares the judge with people on the same cases. Read next: `statistics.judges`.
"""

from collections.abc import Sequence

import numpy as np

from headgate.core.faults import InvalidRequest
from headgate.statistics.effects import difference
from headgate.statistics.model import Interval, Values, sample
from headgate.statistics.proportions import paired_shares

GROUP_LEAST = 5
"""So many cases a group at least: of fewer, how much they vary is not known."""


def leaning(judge: Sequence[bool], people: Sequence[bool], *, alpha: float = 0.05) -> Interval:
    """Return how much oftener a judge than people takes the answer of a kind: the longer one, or its own.

    For each pair, whether the judge took the answer of that kind, and whether people did. Source: Zheng et
    al., "Judging LLM-as-a-Judge with MT-Bench and Chatbot Arena", arXiv 2306.05685, section 3.3 (verbosity
    and self-enhancement bias), as a difference of paired shares (Newcombe 1998, method 10).
    """
    if len(judge) != len(people) or not judge:
        raise InvalidRequest(
            f"{len(judge)} cases by the judge and {len(people)} by people; give both of each"
        )
    pairs = list(zip(judge, people, strict=True))
    counts = [sum(pair == kind for pair in pairs) for kind in ((True, True), (True, False), (False, True))]
    return paired_shares(counts[0], counts[1], counts[2], len(pairs) - sum(counts), alpha=alpha)


def leniency(judge: Values, people: Values, of_kind: Sequence[bool], *, alpha: float = 0.05) -> Interval:
    """Return how much more lenient a judge is with answers of a kind than with others.

    The mean of judge less people among cases of the kind, less that among the others: 0 where the judge errs
    alike. Source: as `leaning`, for marks of single answers; the interval is Welch's (1947). Raises
    InvalidRequest for fewer than five cases a kind, or where the judge errs nowhere or always alike.
    """
    said, truth = sample(judge, "marks of the judge"), sample(people, "marks of people")
    kind = np.asarray(of_kind, dtype=bool)
    if not len(said) == len(truth) == len(kind):
        raise InvalidRequest(
            f"{len(said)} marks of the judge, {len(truth)} of people and {len(kind)} kinds; give one of each "
            "for every case"
        )
    of_them = int(kind.sum())
    if min(of_them, len(kind) - of_them) < GROUP_LEAST:
        raise InvalidRequest(
            f"{of_them} of {len(kind)} cases are of the kind; it takes {GROUP_LEAST} of each to compare them"
        )
    errors = said - truth
    return difference(errors[kind], errors[~kind]).interval(alpha=alpha, looks="one")

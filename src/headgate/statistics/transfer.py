"""What it costs to carry a prompt to another model instead of choosing one there. Pure."""

from collections.abc import Hashable, Mapping, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from headgate.core.faults import InvalidRequest
from headgate.statistics.contrasts import Effect
from headgate.statistics.effects import paired_difference
from headgate.statistics.model import Sample, Values, places, sample


class Transfer(msgspec.Struct, frozen=True, kw_only=True):
    """What is lost by carrying over the prompt that is best at home.

    `carried` is that prompt, `best` the one that is best away, `gap` how much better it is there, over
    `cases` that had no part in choosing. `gap` is None where both are the same prompt.
    """

    carried: str
    best: str
    gap: Effect | None
    cases: int


def transfer_gap(
    home: Mapping[str, Values], away: Mapping[str, Values], *, clusters: Sequence[Hashable] | None = None
) -> Transfer:
    """Return how much better the prompt that is best away is there than the one that is best at home.

    `home` and `away` hold each prompt's scores on the same cases, in random order. Every other case, or
    cluster, chooses the prompts; the rest compares them. Chosen and compared on the same cases, the best away
    would look better than it is; cross-fitting uses all cases, but simulated for twelve equal prompts its
    intervals miss the truth in 12 of a hundred. Source: the gap of PromptBridge, arXiv 2512.01420:
    A(M_t, p*_t) - A(M_t, p*_s).
    """
    there, here = _read(away, "away"), _read(home, "home")
    if set(there) != set(here):
        alone = sorted(set(there) ^ set(here))
        raise InvalidRequest(f"prompts {alone} were tried on one model only; try each on both")
    sizes = {len(scores) for scores in (*there.values(), *here.values())}
    if len(sizes) > 1:
        raise InvalidRequest(f"prompts have {sorted(sizes)} cases; give scores of the same cases for all")
    size = sizes.pop()
    names = list(range(size)) if clusters is None else list(clusters)
    if len(names) != size:
        raise InvalidRequest(f"{size} cases have {len(names)} clusters; name one for each")
    index, known = places(names)
    if len(known) < 4:
        raise InvalidRequest(f"{len(known)} cases or clusters; half of them choose, so give 4 or more")
    choosing = index % 2 == 0
    carried, best = _best(here, choosing), _best(there, choosing)
    rest = ~choosing
    groups = None if clusters is None else [names[at] for at in range(size) if rest[at]]
    return Transfer(
        carried=carried,
        best=best,
        gap=None if carried == best else paired_difference(there[best][rest], there[carried][rest], groups),
        cases=int(rest.sum()),
    )


def _read(scores: Mapping[str, Values], where: str) -> dict[str, Sample]:
    if len(scores) < 2:
        raise InvalidRequest(f"{len(scores)} prompts {where}; choosing takes two or more")
    return {name: sample(values, f"scores of {name} {where}", 2) for name, values in sorted(scores.items())}


def _best(scores: dict[str, Sample], among: NDArray[np.bool_]) -> str:
    """The highest mean; of equals the first by name, so that no draw decides."""
    return max(scores, key=lambda name: float(scores[name][among].mean()))

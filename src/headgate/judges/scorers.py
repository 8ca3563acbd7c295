"""The judge that a scorer of a check is, and how it errs by what people marked of it.

Read next: `judges.feeding`, `checks.correcting`.
"""

from typing import Final

from headgate.checks.correcting import YES_NO, Judged, Pairs
from headgate.checks.model import ByJudge, Pairwise
from headgate.judges.model import NewJudge, Scale

NAME_CHARACTERS_MAX: Final = 100


def new_judge_of(check: str, scorer: ByJudge | Pairwise) -> NewJudge:
    """Return the judge that a scorer is; its name counts only where nobody has defined that version."""
    return NewJudge(
        name=f"{check}.{scorer.name}"[:NAME_CHARACTERS_MAX],
        model=scorer.model,
        scale=_scale(scorer),
        rubric=scorer.rubric,
        prompt=scorer.instructions or "",
        parameters=scorer.parameters,
    )


def judged_of(
    scorer: ByJudge | Pairwise, judge: str = "", pairs: tuple[Pairs, ...] = (), problem: str = ""
) -> Judged:
    """Return a scorer with the name of its judge and what people marked of it."""
    compares = isinstance(scorer, Pairwise)
    return Judged(
        scorer=scorer.name,
        judge=judge,
        scale=YES_NO if compares else scorer.scale,
        pairs=pairs,
        problem=problem,
        compares=compares,
    )


def _scale(scorer: ByJudge | Pairwise) -> Scale:
    if isinstance(scorer, Pairwise):
        return "pairwise"
    return "yes_no" if scorer.scale == YES_NO else "one_to_five"

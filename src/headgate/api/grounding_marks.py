"""What a judge said of claims, kept where judges are held against people: two slices that meet here."""

from headgate.access.store import SYSTEM
from headgate.grounding.judging import RUBRIC, Groundedness, context_of
from headgate.grounding.model import Grounds
from headgate.judges.claims import SaidClaim, SaidClaims, judgements_of
from headgate.judges.feeding import NewJudgements, feed
from headgate.store.database import Connection


def marks_of(grounds: Grounds, model: str, found: Groundedness) -> NewJudgements:
    """Return the judge and its marks of claims."""
    claims = [
        SaidClaim(text=claim.text, supported=claim.supported, reason=claim.reason) for claim in found.claims
    ]
    said = SaidClaims(
        request_id=grounds.request_id,
        model=model,
        rubric=RUBRIC,
        question=grounds.question,
        context=tuple(context_of(grounds)),
        claims=tuple(claims),
    )
    return judgements_of(said)


async def keep_marks(
    connection: Connection, project: str, grounds: Grounds, model: str, found: Groundedness
) -> None:
    """Keep them, in the caller's transaction."""
    await feed(connection, project, marks_of(grounds, model, found), by=SYSTEM)

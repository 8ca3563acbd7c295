"""What holding an answer against its context came to, and the score that is kept of it. Pure.

Read next: `traces.scores.model`, `grounding.judging`.
"""

import hashlib
from typing import Any, Final

import msgspec

from headgate.grounding.judging import Groundedness
from headgate.grounding.model import Grounds

SCORE: Final = "groundedness"
COMMENT_CHARACTERS_MAX: Final = 7000


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """What was found of one call: the score (None where it can't be told) and by whom, a model or `words`."""

    request_id: str
    score: float | None
    by: str
    sentence: str
    unsupported: tuple[str, ...]
    cost_pico_usd: int = 0
    evidence: str = ""

    def feedback(self) -> dict[str, Any]:
        """Return the score as feedback on the call, with what is not supported as its comment."""
        content = f"{self.request_id} {self.by} {self.score} {self.evidence}"
        return {
            "request_id": self.request_id,
            "name": SCORE,
            "value": self.score,
            "comment": self.evidence[:COMMENT_CHARACTERS_MAX],
            "source": "code" if self.by == "words" else "model",
            "by": self.by,
            "id": f"{SCORE}-{hashlib.sha256(content.encode()).hexdigest()[:32]}",
        }


def held_by_judge(grounds: Grounds, model: str, found: Groundedness) -> Held:
    """Return what a judge said of the claims."""
    return Held(
        request_id=grounds.request_id,
        score=found.score,
        by=model,
        sentence=found.sentence,
        unsupported=tuple([claim.text for claim in found.unsupported]),
        cost_pico_usd=found.cost_pico_usd,
        evidence=found.comment(),
    )


def held_by_words(grounds: Grounds) -> Held:
    """Return what words alone tell: the share of claims whose numbers, names and quotes stand there."""
    checkable = [claim for claim in grounds.claims if claim.checkable]
    missing = tuple([claim.text for claim in checkable if claim.missing])
    return Held(
        request_id=grounds.request_id,
        score=1 - len(missing) / len(checkable) if checkable else None,
        by="words",
        sentence=grounds.sentence,
        unsupported=missing,
        evidence="\n- ".join((grounds.sentence, *missing)),
    )

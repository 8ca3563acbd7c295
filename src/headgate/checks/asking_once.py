"""One question to a judge, through the gateway: what was said before by the digest of it is not asked again.

Read next: `checks.marking`, `checks.pair_marking`.
"""

from collections.abc import Callable
from typing import Any

from headgate.checks.answering import CHAT, Ask, patiently
from headgate.checks.judging import Judged, Judgement, digest_of, text_of
from headgate.checks.model import Mark


def mark_once(
    body: dict[str, Any],
    ask: Ask,
    judged: Judged,
    read: Callable[[str | None], Judgement],
    *,
    number: int = 0,
) -> Mark:
    """Ask for the how manieth time, and read what is said; each time is kept by itself."""
    digest = digest_of(body if number == 0 else {**body, "repeat": number})
    known = judged.get(digest)
    if known is not None:
        return Mark(score=known.score, reason=known.reason, digest=digest)
    said = patiently(ask, CHAT, body)
    request_id = said.headers.get("x-headgate-request-id", "")
    cost = said.cost_pico_usd
    if said.status != 200:
        reason = f"the judge's call failed with {said.status}"
        return Mark(score=None, reason=reason, cost_pico_usd=cost, request_id=request_id)
    judgement = read(text_of(said.content))
    if judgement.score is not None:
        judged.put(digest, judgement)
    return Mark(
        score=judgement.score,
        reason=judgement.reason or judgement.problem,
        cost_pico_usd=cost,
        request_id=request_id,
        digest=digest,
    )

"""A recorded call held against its own context: pieces, claims, what stands nowhere, and a sentence. Pure.

Says plainly where words can't tell: no context, images or files, results that the provider kept to itself.
Read next: `traces.lineage.recorded` (how a call is read), `grounding.judging` (what a judge adds).
"""

import re
from typing import Final

from headgate.grounding.lexical import Context, claims_against
from headgate.grounding.model import Claim, Grounds, Piece
from headgate.grounding.pieces import pieces_of
from headgate.traces.lineage.recorded import RecordedTexts, answer_of, question_of

_MEDIA: Final = re.compile(
    rb'"data:|"image|"(?:inline_?data|file_?data|input_file|input_audio|file_id)"|'
    rb'"type"\s*:\s*"(?:document|file|image|audio)|"previous_response_id"\s*:\s*"',
    re.IGNORECASE,
)
_OWN_TOOLS: Final = re.compile(
    rb'"(?:web_search|google_?search|file_search|code_?execution|code_interpreter|url_?context|web_fetch|mcp)',
    re.IGNORECASE,
)
NO_BODY: Final = "its body is not on record, or not whole; record it in full to hold it against its context"


def hold(request_id: str, found: RecordedTexts | None) -> Grounds:
    """Hold a call's answer against what the model read."""
    if found is None:
        return _nothing(request_id, NO_BODY)
    answer = answer_of(found.step)
    pieces = pieces_of(found.step.inputs, found.documents)
    problem = _problem(found, answer, pieces)
    claims: tuple[Claim, ...] = ()
    if not problem:
        claims = claims_against(answer, Context(piece.text for piece in pieces))
    return Grounds(
        request_id=request_id,
        dialect=found.dialect,
        question=question_of(found.step),
        answer=answer,
        pieces=pieces,
        claims=claims,
        sentence=f"can't be told: {problem}" if problem else _sentence(claims, pieces),
        problem=problem,
    )


def _problem(found: RecordedTexts, answer: str, pieces: tuple[Piece, ...]) -> str:
    if not answer.strip():
        return "the answer has no text (it calls tools, was refused, or failed)"
    if not any(piece.kind in ("document", "tool_result") for piece in pieces):
        return "the call had no context: no document and no result of a tool stands in what the model read"
    if _MEDIA.search(found.request):
        return "the context holds images, files or stored turns, which words can't be held against"
    if _OWN_TOOLS.search(found.request):
        return "the provider searched or computed by itself, and what it found is not in the request"
    return ""


def _sentence(claims: tuple[Claim, ...], pieces: tuple[Piece, ...]) -> str:
    missing = [claim for claim in claims if claim.missing]
    checkable = sum(claim.checkable for claim in claims)
    where = f"{len(pieces)} pieces of context"
    if not claims:
        return "the answer claims nothing that could be held against its context"
    if not checkable:
        return (
            f"none of {len(claims)} claims holds a number, a name or a quote; a judge can hold them "
            f"against {where}"
        )
    if not missing:
        return (
            f"all numbers, names and quotes of {len(claims)} claims stand in {where}; what else they say, "
            "a judge can tell"
        )
    said = ", ".join(f"{each.kind} {each.text!r}" for claim in missing[:3] for each in claim.missing[:1])
    return f"{len(missing)} of {len(claims)} claims hold what stands nowhere in {where}: {said}"


def _nothing(request_id: str, problem: str) -> Grounds:
    return Grounds(
        request_id=request_id,
        dialect="",
        question="",
        answer="",
        pieces=(),
        claims=(),
        sentence=f"can't be told: {problem}",
        problem=problem,
    )

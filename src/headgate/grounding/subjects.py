"""A call, or a case of a dataset, that a study replays: its body, its pieces, what became of them. Pure.

Read next: `grounding.replaying`, `grounding.studied`.
"""

import hashlib
from typing import Any, Final

import msgspec

from headgate.checks.answering import body_of
from headgate.checks.model import Target
from headgate.core.faults import InvalidRequest
from headgate.datasets.model import Case
from headgate.grounding.effects import effects_of
from headgate.grounding.model import Grounds, Piece
from headgate.grounding.pieces import pieces_of
from headgate.grounding.replaying import Replayed
from headgate.grounding.rules import lot_of
from headgate.grounding.studied import StudiedCall, StudiedPiece
from headgate.traces.lineage.calls import with_call
from headgate.traces.lineage.model import Step
from headgate.traces.lineage.recorded import question_of

DIALECT: Final = "openai-chat"
CHARACTERS_MAX: Final = 200
NO_CONTEXT: Final = "no document and no result of a tool stands in what the model reads"


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """What is replayed: `id` is the request's or the case's. `pieces` are left out one by one.

    `cost_pico_usd` is what the recorded call has cost, where there is one and that is known.
    """

    id: str
    request_id: str = ""
    cluster: str = ""
    model: str = ""
    body: dict[str, Any]
    grounds: Grounds
    pieces: tuple[Piece, ...]
    expected: str | None = None
    cost_pico_usd: int | None = None


def subject_of_case(case: Case, model: str, most: int) -> Subject:
    """Return a case as a subject. Raises InvalidRequest for one without context, or without messages."""
    body = body_of(Target(model=model), case)
    content = msgspec.json.encode(body)
    step = with_call(Step(id=case.id, start_us=0, end_us=0), DIALECT, content, b"", "application/json")
    pieces = pieces_of(step.inputs)
    grounds = Grounds(
        request_id="",
        dialect=DIALECT,
        question=question_of(step) or case.question,
        answer="",
        pieces=pieces,
        claims=(),
        sentence="",
    )
    expected = case.expected if case.expected is None or isinstance(case.expected, str) else None
    if case.expected is not None and expected is None:
        expected = msgspec.json.encode(case.expected).decode()
    return Subject(
        id=case.id,
        cluster=case.cluster or "",
        model=model,
        body=body,
        grounds=grounds,
        pieces=chosen_pieces(case.id, pieces, most),
        expected=expected,
    )


def chosen_pieces(identity: str, pieces: tuple[Piece, ...], most: int) -> tuple[Piece, ...]:
    """Return documents and results of tools, so many at most: which of them, chance decides, each time alike.

    Raises InvalidRequest where there is none.
    """
    context = [piece for piece in pieces if piece.kind in ("document", "tool_result")]
    if not context:
        raise InvalidRequest(NO_CONTEXT)
    taken = sorted(context, key=lambda piece: lot_of(f"{identity} {piece.id}"))[:most]
    return tuple([piece for piece in context if piece in taken])


def studied_of(subject: Subject, replayed: Replayed) -> StudiedCall:
    """Return what became of a subject, without any text of it."""
    context = [piece.id for piece in subject.grounds.pieces if piece.kind in ("document", "tool_result")]
    by_id = {piece.id: piece for piece in subject.pieces}
    pieces = [
        StudiedPiece(
            piece=each.piece,
            kind=by_id[each.piece].kind,
            name=each.name.replace("\0", "")[:CHARACTERS_MAX],
            document=hashlib.sha256(by_id[each.piece].text.strip().encode()).hexdigest()[:16],
            place=context.index(each.piece) + 1,
            of=len(context),
            did=each.did,
            difference=each.difference,
            change=each.change,
        )
        for each in effects_of(replayed)
    ]
    return StudiedCall(
        subject=subject.id,
        request_id=subject.request_id,
        cluster=subject.cluster[:CHARACTERS_MAX],
        pieces=pieces,
        calls=list(replayed.calls),
        cost_pico_usd=replayed.cost_pico_usd,
    )

"""A recorded call made again without a piece of its context, several times: what the piece did.

Calls go through the gateway (`Ask`) in rounds: each asks once with everything and once without each piece, so
that what changes with time changes all alike. Bounded in pieces, repeats and money. Read next:
`grounding.effects`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

import msgspec

from headgate.checks.answering import CHAT, Ask, Said, patiently
from headgate.checks.judging import Judge, Material, judgement_of, request_of, text_of
from headgate.core.faults import InvalidRequest
from headgate.grounding.model import Grounds, Piece
from headgate.traces.lineage.calls import with_call
from headgate.traces.lineage.model import Step
from headgate.traces.lineage.recorded import answer_of

PIECES_MAX: Final = 12
REPEATS_MAX: Final = 20
LEFT_OUT: Final = "(left out)"
PATHS: Final = {
    "openai-chat": "/v1/chat/completions",
    "openai-responses": "/v1/responses",
    "anthropic": "/v1/messages",
    "google": "/v1beta/models/{model}:generateContent",
}
_STREAMED: Final = ("stream", "stream_options")


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """One answer; `text` is None where the call failed or said nothing, `score` where nobody judged it."""

    text: str | None
    score: float | None = None
    problem: str = ""


class Replayed(msgspec.Struct, frozen=True, kw_only=True):
    """All answers with everything, and those without each piece, round by round."""

    whole: tuple[Answered, ...]
    without: tuple[tuple[Piece, tuple[Answered, ...]], ...]
    cost_pico_usd: int
    ended: str = ""
    calls: tuple[str, ...] = ()
    """The requests that were made, for answers and for marks."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What is replayed: a call's dialect and body, which pieces are left out, how often, and for how much.

    `model` is asked where the path names it, not the body; `judge` marks each answer, with `expected` where
    there is a right one.
    """

    grounds: Grounds
    model: str = ""
    body: dict[str, Any]
    pieces: tuple[Piece, ...]
    repeats: int = 5
    judge: Judge | None = None
    expected: str | None = None
    budget_pico_usd: int | None = None


def pieces_to_leave_out(grounds: Grounds, named: Sequence[str]) -> tuple[Piece, ...]:
    """Return the named pieces, by default documents and results of tools. Raises InvalidRequest."""
    by_id = {piece.id: piece for piece in grounds.pieces}
    unknown = [name for name in named if name not in by_id]
    if unknown:
        raise InvalidRequest(f"there is no piece {unknown[0]!r}; the call has {', '.join(by_id) or 'none'}")
    chosen = [by_id[name] for name in named]
    chosen = chosen or [piece for piece in grounds.pieces if piece.kind in ("document", "tool_result")]
    if not chosen:
        raise InvalidRequest(
            "the call had no context: no document and no result of a tool; name a piece with --without"
        )
    if len(chosen) > PIECES_MAX:
        raise InvalidRequest(
            f"{len(chosen)} pieces are too many to leave out one by one; name up to {PIECES_MAX} by --without"
        )
    return tuple(chosen)


def replay(plan: Plan, ask: Ask, tell: Callable[[int, int], None] = lambda done, of: None) -> Replayed:
    """Make the calls. Raises Halted, and InvalidRequest for a dialect or repeats that can't be."""
    path = PATHS.get(plan.grounds.dialect)
    if path is None:
        raise InvalidRequest(
            f"calls of the dialect {plan.grounds.dialect!r} are not replayed yet; {', '.join(PATHS)} are"
        )
    if not 2 <= plan.repeats <= REPEATS_MAX:
        raise InvalidRequest(f"repeats are {plan.repeats}; take 2 to {REPEATS_MAX}")
    path = path.replace("{model}", quote(plan.model, safe="/"))
    whole = {name: value for name, value in plan.body.items() if name not in _STREAMED}
    bodies = [whole, *(without(whole, piece) for piece in plan.pieces)]
    answers: list[list[Answered]] = [[] for _ in bodies]
    asker = _Asker(plan, ask, path)
    ended = ""
    for number in range(plan.repeats):
        if number and asker.would_overspend(len(bodies)):
            ended = f"the budget lasted for {number} of {plan.repeats} rounds"
            break
        for place, body in enumerate(bodies):
            answers[place].append(asker.answered(body))
            tell(number * len(bodies) + place + 1, plan.repeats * len(bodies))
    without_each = [(piece, tuple(answers[place + 1])) for place, piece in enumerate(plan.pieces)]
    return Replayed(
        whole=tuple(answers[0]),
        without=tuple(without_each),
        cost_pico_usd=asker.spent,
        ended=ended,
        calls=tuple(asker.calls),
    )


class _Asker:
    """Makes one call and has it judged, and counts what that costs."""

    def __init__(self, plan: Plan, ask: Ask, path: str) -> None:
        self._plan = plan
        self._ask = ask
        self._path = path
        self.spent = 0
        self.calls: list[str] = []
        self._dearest = 0

    def would_overspend(self, calls: int) -> bool:
        budget = self._plan.budget_pico_usd
        return budget is not None and self.spent + calls * self._dearest > budget

    def answered(self, body: Mapping[str, Any]) -> Answered:
        before = self.spent
        said = self._said(self._path, body)
        answer = Answered(text=None, problem=f"the call failed with {said.status}")
        if said.status == 200:
            text = answer_text(self._plan.grounds.dialect, said.content)
            answer = self._judged(text) if text else Answered(text=None, problem="the answer has no text")
        self._dearest = max(self._dearest, self.spent - before)
        return answer

    def _judged(self, text: str) -> Answered:
        judge = self._plan.judge
        if judge is None:
            return Answered(text=text)
        material = Material(question=self._plan.grounds.question, answer=text, expected=self._plan.expected)
        said = self._said(CHAT, request_of(judge, material))
        if said.status != 200:
            return Answered(text=text, problem=f"the judge's call failed with {said.status}")
        judgement = judgement_of(judge, text_of(said.content))
        return Answered(text=text, score=judgement.score, problem=judgement.problem)

    def _said(self, path: str, body: Mapping[str, Any]) -> Said:
        said = patiently(self._ask, path, body)
        self.spent += said.cost_pico_usd or 0
        call = said.headers.get("x-headgate-request-id", "")
        self.calls += [call] if call else []
        return said


def answer_text(dialect: str, content: bytes) -> str:
    """Return what an answer says; empty where it says nothing."""
    step = with_call(Step(id="", start_us=0, end_us=0), dialect, b"{}", content, "application/json")
    return answer_of(step).strip()


def without(body: Mapping[str, Any], piece: Piece) -> dict[str, Any]:
    """Return a body without a piece. A tool's result, which a call must have, says that it is left out.

    Raises InvalidRequest where the piece does not stand there.
    """
    copy: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(body))
    *path, last = [each.replace("~1", "/").replace("~0", "~") for each in piece.part.split("/")[1:]]
    holder: Any = copy
    try:
        for name in path:
            holder = holder[_place(holder, name)]
        place = _place(holder, last)
        holder[place] = _left(holder[place], piece)
    except (LookupError, TypeError, ValueError):
        raise InvalidRequest(
            f"piece {piece.id} does not stand at {piece.part} of the request; it can't be left out"
        ) from None
    return copy


def _place(holder: object, name: str) -> Any:
    """A step of a JSON Pointer: a place in a list, or a member's name."""
    return int(name) if isinstance(holder, list) else name


def _left(value: Any, piece: Piece) -> Any:
    if not isinstance(value, str) or piece.whole:
        return LEFT_OUT
    if value[piece.start : piece.end] != piece.text:
        raise ValueError(piece.id)
    return value[: piece.start] + value[piece.end :]

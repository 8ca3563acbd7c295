"""What replays of many calls tell of their pieces: by kind, source, document and position. Pure.

Pieces of one case resemble each other, so cases are the units of each interval; intervals hold for all groups
together, for one look at the end. Read next: `grounding.effects` (one call), `grounding.studies`.
"""

from collections.abc import Callable, Sequence
from typing import Annotated, Final, Literal

import msgspec

from headgate.core.faults import InvalidRequest
from headgate.grounding.effects import Did
from headgate.grounding.model import PieceKind
from headgate.statistics.effects import clustered_mean
from headgate.statistics.model import Interval
from headgate.statistics.proportions import clustered_share, exact

ERROR: Final = 0.05
CASES_LEAST: Final = 5
"""Fewer cases tell too little of how much cases differ."""
GROUPS_MAX: Final = 20
"""Of each way to group; those with most pieces."""
PIECES_MAX: Final = 12
CALLS_MAX: Final = 600

By = Literal["kind", "source", "document", "position"]
Word = Annotated[str, msgspec.Meta(max_length=200, pattern=r"^[^\x00]*$")]
RequestId = Annotated[
    str, msgspec.Meta(pattern=r"^([0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})?(?!\n)$")
]
Number = Annotated[float, msgspec.Meta(ge=-1, le=1)]
Cost = Annotated[int, msgspec.Meta(ge=0, le=10**18)]
Place = Annotated[int, msgspec.Meta(ge=1, le=200)]


class StudiedPiece(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a piece did in one call: the `place`th `of` those left out; `document` is a digest of its text.

    `difference` is the judge's score with it less that without; `change` how far answers with and without it
    are apart beyond how far they are apart by themselves. None where it isn't known.
    """

    piece: Word
    kind: PieceKind
    name: Word
    document: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{16}(?!\n)$")]
    place: Place
    of: Place
    did: Did
    difference: Number | None = None
    change: Number | None = None


class StudiedCall(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One call, or case of a dataset, replayed. `problem` says why nothing was; it has no pieces then.

    Calls of one `cluster` resemble each other, such as those of a conversation. `calls` are the replays.
    """

    subject: Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=r"^[^\x00]+$")]
    request_id: RequestId = ""
    cluster: Word = ""
    pieces: Annotated[list[StudiedPiece], msgspec.Meta(max_length=PIECES_MAX)] = []
    calls: Annotated[list[RequestId], msgspec.Meta(max_length=CALLS_MAX)] = []
    cost_pico_usd: Cost = 0
    problem: Annotated[str, msgspec.Meta(max_length=500, pattern=r"^[^\x00]*$")] = ""


class Often(msgspec.Struct, frozen=True, kw_only=True):
    """How many pieces did something, and the share of all such pieces that may be; None for few cases."""

    pieces: int
    low: float | None = None
    high: float | None = None


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """Pieces that have something in common, and what they did.

    `did` goes by the means of all of them: `helped` and `harmed` by the judge's scores, `used` by what
    answers say. The counts are of pieces that showed it each by itself, which takes many repeats.
    `request_id` is a call with such a piece.
    """

    by: By
    name: str
    pieces: int
    cases: int
    did: Did
    sentence: str
    difference: float | None
    low: float | None
    high: float | None
    change: float | None
    change_low: float | None
    change_high: float | None
    helped: Often
    harmed: Often
    used: Often
    idle: Often
    unknown: int
    request_id: str


class Findings(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a study; `left_out` counts calls of which nothing was replayed, by the reason."""

    cases: int
    pieces: int
    left_out: dict[str, int]
    groups: tuple[Group, ...]
    more_groups: int
    sentence: str


class _One(msgspec.Struct, frozen=True):
    """A piece, the case that it counts for, and a call with it."""

    piece: StudiedPiece
    case: str
    request_id: str


def findings_of(calls: Sequence[StudiedCall]) -> Findings:
    """Return what the pieces of these calls did, group by group."""
    ones = [
        _One(piece, f"cluster {call.cluster}" if call.cluster else f"call {call.subject}", call.request_id)
        for call in calls
        for piece in call.pieces
    ]
    gathered: list[tuple[By, str, list[_One]]] = []
    more = 0
    for by, name_of in _WAYS.items():
        named: dict[str, list[_One]] = {}
        for one in ones:
            name = name_of(one.piece)
            if name:
                named.setdefault(name, []).append(one)
        ordered = sorted(named.items(), key=lambda each: (-len(each[1]), each[0]))
        # What one call alone has is told by that call; a document counts where it comes again.
        ordered = [each for each in ordered if by != "document" or _cases(each[1]) > 1]
        more += max(0, len(ordered) - GROUPS_MAX)
        for name, found in ordered[:GROUPS_MAX]:
            gathered.append((by, name, found))
    told = sum(_cases(found) >= CASES_LEAST for _, _, found in gathered)
    groups = tuple([_group(by, name, found, ERROR / max(1, told)) for by, name, found in gathered])
    left_out: dict[str, int] = {}
    for call in calls:
        if call.problem:
            left_out[call.problem] = left_out.get(call.problem, 0) + 1
    return Findings(
        cases=_cases(ones),
        pieces=len(ones),
        left_out=left_out,
        groups=groups,
        more_groups=more,
        sentence=_sentence(ones, groups),
    )


def _source(piece: StudiedPiece) -> str:
    return f"{piece.kind.replace('_', ' ')} {piece.name}".strip() if piece.name else ""


def _document(piece: StudiedPiece) -> str:
    return f"{piece.name or piece.kind.replace('_', ' ')} {piece.document[:8]}"


def _position(piece: StudiedPiece) -> str:
    if piece.of == 1:
        return "alone"
    return "first" if piece.place == 1 else "last" if piece.place == piece.of else "between"


def _kind(piece: StudiedPiece) -> str:
    return piece.kind.replace("_", " ")


_WAYS: Final[dict[By, Callable[[StudiedPiece], str]]] = {
    "kind": _kind,
    "source": _source,
    "document": _document,
    "position": _position,
}


def _cases(ones: Sequence[_One]) -> int:
    return len({one.case for one in ones})


def _group(by: By, name: str, ones: Sequence[_One], alpha: float) -> Group:
    cases = _cases(ones)
    is_told = cases >= CASES_LEAST
    # Half of a group's error for either way to be wrong: by scores, and by what answers say.
    difference = _mean(ones, lambda piece: piece.difference, alpha / 2) if is_told else None
    change = _mean(ones, lambda piece: piece.change, alpha / 2) if is_told else None
    did, sentence = _did(difference, change, cases)
    return Group(
        by=by,
        name=name,
        pieces=len(ones),
        cases=cases,
        did=did,
        sentence=sentence,
        difference=None if difference is None else difference.estimate,
        low=None if difference is None else difference.low,
        high=None if difference is None else difference.high,
        change=None if change is None else change.estimate,
        change_low=None if change is None else change.low,
        change_high=None if change is None else change.high,
        helped=_often(ones, "helped", alpha),
        harmed=_often(ones, "harmed", alpha),
        used=_often(ones, "used", alpha),
        idle=_often(ones, "nothing shows", alpha),
        unknown=sum(one.piece.did == "can't be told" for one in ones),
        request_id=next((one.request_id for one in ones if one.request_id), ""),
    )


def _mean(
    ones: Sequence[_One], value_of: Callable[[StudiedPiece], float | None], alpha: float
) -> Interval | None:
    known = [(value, one.case) for one in ones if (value := value_of(one.piece)) is not None]
    if len({case for _, case in known}) < CASES_LEAST:
        return None
    values, cases = [value for value, _ in known], [case for _, case in known]
    try:
        found = clustered_mean(values, cases).interval(alpha=alpha, looks="one")
    except InvalidRequest:
        # Cases that never differed yet: as many others may as an interval of a share allows.
        seen = exact(len(set(cases)), len(set(cases)), alpha=alpha).low
        value = sum(values) / len(values)
        return Interval(
            estimate=value,
            low=seen * value - (1 - seen),
            high=seen * value + (1 - seen),
            alpha=alpha,
            standard_error=0.0,
            n=len(values),
        )
    return msgspec.structs.replace(found, low=max(-1.0, found.low), high=min(1.0, found.high))


def _did(difference: Interval | None, change: Interval | None, cases: int) -> tuple[Did, str]:
    if difference is None and change is None:
        return "can't be told", f"{cases} cases tell nothing yet; {CASES_LEAST} are the least"
    shown = ""
    if difference is not None:
        shown = f"{difference.estimate:+.2f} ({difference.low:+.2f} to {difference.high:+.2f})"
        if difference.excludes(0):
            did: Did = "helped" if difference.estimate > 0 else "harmed"
            return did, f"they {did}: {shown} with one"
    rest = f"; the score with one {shown}" if shown else ""
    if change is not None and change.low > 0:
        return "used", f"without one answers are others than before{rest}"
    return "nothing shows", f"without one answers differ no more than they do by themselves{rest}"


def _often(ones: Sequence[_One], did: Did, alpha: float) -> Often:
    """How often pieces showed this each by itself, of those that could be told."""
    known = [one for one in ones if one.piece.did != "can't be told"]
    count = sum(one.piece.did == did for one in known)
    if _cases(known) < CASES_LEAST:
        return Often(pieces=count)
    found = clustered_share(
        [float(one.piece.did == did) for one in known], [one.case for one in known], alpha=alpha
    )
    return Often(pieces=count, low=found.low, high=found.high)


def _sentence(ones: Sequence[_One], groups: Sequence[Group]) -> str:
    if not ones:
        return "nothing was replayed yet"
    seen = f"{len(ones)} pieces in {_cases(ones)} cases"
    shown = [f"{each.name} ({each.by}) {each.did}" for each in groups if each.did in ("helped", "harmed")]
    if shown:
        return f"{seen}: {', '.join(shown[:6])}"
    used = [f"{each.name} ({each.by})" for each in groups if each.did == "used"]
    if used:
        return f"{seen}: used were {', '.join(used[:6])}; whether for better or worse, a judge tells"
    return f"{seen}: none is known to have been used; more cases or repeats would tell"

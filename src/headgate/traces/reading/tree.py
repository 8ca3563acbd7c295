"""One trace as a tree: its pieces in the order in which they are drawn, and what they came to. Pure.

Nothing is lost: a span whose parent is not there, or whose parents lead back to it, is drawn as a root and
says so. Read next: `reading.pieces`, `reading.critical_path`.
"""

from collections.abc import Iterable, Mapping, Sequence, Set
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Literal

import msgspec

from headgate.records.model import UsageBuckets
from headgate.records.queries import format_amount
from headgate.traces.keeping.accounts import MODEL_KINDS
from headgate.traces.keeping.counting import Totals
from headgate.traces.model import span_text
from headgate.traces.reading.critical_path import Step, timing
from headgate.traces.reading.model import CallRow, CostShare, Node, SpanRow, Stretch
from headgate.traces.reading.pieces import Piece, count_parts, pieces_of

Problem = Literal["orphan", "cycle"]
UNKNOWN = "unknown"


class Drawn(msgspec.Struct, frozen=True, kw_only=True):
    """A trace as it is shown, and what it came to. Times are Unix microseconds."""

    nodes: list[Node]
    totals: Totals
    started_us: int
    ended_us: int
    cost_by_model: list[CostShare]
    cost_by_step: list[CostShare]


class _Shape(msgspec.Struct, frozen=True, kw_only=True):
    """Which piece stands below which. `order` is the one in which they are drawn, with their depths."""

    parents: list[int | None]
    problems: Mapping[int, Problem]
    order: list[tuple[int, int]]


def draw(spans: Sequence[SpanRow], calls: Sequence[CallRow], elsewhere: Set[str] = frozenset()) -> Drawn:
    """Return a trace as it is shown; calls of the answers `elsewhere` are another trace's."""
    spans = list({span.span_id: span for span in spans}.values())
    totals = count_parts(spans, calls, elsewhere)
    pieces = pieces_of(spans, calls, totals)
    shape = _shape(pieces)
    times = timing(
        [
            Step(start_us=piece.start_us, end_us=piece.end_us, parent=parent, clock=_clock(piece))
            for piece, parent in zip(pieces, shape.parents, strict=True)
        ]
    )
    began_us = min((piece.start_us for piece in pieces), default=0)
    critical: dict[int, list[Stretch]] = {}
    for segment in times.segments:
        begin_ms, end_ms = (segment.start_us - began_us) / 1000, (segment.end_us - began_us) / 1000
        critical.setdefault(segment.step, []).append(Stretch(begin_ms=begin_ms, end_ms=end_ms))
    counting = [place for place, piece in enumerate(pieces) if piece.counted]
    return Drawn(
        nodes=[
            _node(
                pieces[place],
                depth=depth,
                self_us=times.self_us[place],
                began_us=began_us,
                critical=critical.get(place, []),
                problem=shape.problems.get(place),
            )
            for place, depth in shape.order
        ],
        totals=totals,
        started_us=began_us,
        ended_us=max((piece.end_us for piece in pieces), default=0),
        cost_by_model=_shares((_full_model(pieces[place]), pieces[place]) for place in counting),
        cost_by_step=_shares((_maker(pieces, shape, place), pieces[place]) for place in counting),
    )


def moment_text(unix_us: int) -> str:
    """Write Unix microseconds as RFC 3339 in UTC, to the millisecond."""
    second, rest = divmod(unix_us, 1_000_000)
    return f"{_second(second)}.{rest // 1000:03d}Z"


@lru_cache(maxsize=1024)
def _second(unix_s: int) -> str:
    return f"{datetime.fromtimestamp(unix_s, UTC):%Y-%m-%dT%H:%M:%S}"


def _shape(pieces: Sequence[Piece]) -> _Shape:
    places = {piece.span.span_id: place for place, piece in enumerate(pieces) if piece.span is not None}
    parents: list[int | None] = []
    problems: dict[int, Problem] = {}
    for place, piece in enumerate(pieces):
        parent = None if piece.parent_id is None else places.get(piece.parent_id)
        # A call's parent may be a span that is only on its way, or that nobody sends: no fault of the trace.
        if parent is None and piece.parent_id is not None and piece.span is not None:
            problems[place] = "orphan"
        parents.append(parent)
    for place in _cycle_heads(parents, pieces):
        parents[place] = None
        problems[place] = "cycle"
    return _Shape(parents=parents, problems=problems, order=_order(parents, pieces))


def _cycle_heads(parents: Sequence[int | None], pieces: Sequence[Piece]) -> list[int]:
    """The step of each cycle that began first: where it is cut open."""
    heads: list[int] = []
    seen: dict[int, int] = {}
    for begin in range(len(parents)):
        way: list[int] = []
        place: int | None = begin
        while place is not None and place not in seen:
            seen[place] = begin
            way.append(place)
            place = parents[place]
        if place is not None and seen[place] == begin:
            ring = way[way.index(place) :]
            heads.append(min(ring, key=lambda each: (pieces[each].start_us, each)))
    return heads


def _order(parents: Sequence[int | None], pieces: Sequence[Piece]) -> list[tuple[int, int]]:
    below: dict[int | None, list[int]] = {}
    for place in sorted(range(len(pieces)), key=lambda each: (pieces[each].start_us, each), reverse=True):
        below.setdefault(parents[place], []).append(place)
    order: list[tuple[int, int]] = []
    waiting = [(place, 0) for place in below.get(None, ())]
    while waiting:
        place, depth = waiting.pop()
        order.append((place, depth))
        waiting.extend((child, depth + 1) for child in below.get(place, ()))
    return order


def _clock(piece: Piece) -> str:
    return "" if piece.span is None else piece.span.service


def _full_model(piece: Piece) -> str:
    return f"{piece.provider}/{piece.model}" if piece.provider and piece.model else piece.model or UNKNOWN


def _maker(pieces: Sequence[Piece], shape: _Shape, place: int) -> str:
    """The name of the step that made a call: the nearest above that is no call of a model itself."""
    above = shape.parents[place]
    while above is not None and pieces[above].kind in MODEL_KINDS:
        above = shape.parents[above]
    return pieces[place if above is None else above].name or UNKNOWN


def _shares(named: Iterable[tuple[str, Piece]]) -> list[CostShare]:
    groups: dict[str, list[Piece]] = {}
    for name, piece in named:
        groups.setdefault(name, []).append(piece)
    shares = [_share(name, members) for name, members in groups.items()]
    return sorted(shares, key=lambda share: (-Decimal(share.cost_usd or 0), -share.calls, share.name))


def _share(name: str, pieces: Sequence[Piece]) -> CostShare:
    told = [piece.usage for piece in pieces if piece.usage is not None]
    costs = [Decimal(piece.cost_usd) for piece in pieces if piece.cost_usd is not None]
    return CostShare(
        name=name,
        calls=len(pieces),
        usage=UsageBuckets(
            input=sum(usage.input for usage in told),
            cache_read=sum(usage.cache_read for usage in told),
            cache_write=sum(usage.cache_write for usage in told),
            output=sum(usage.output for usage in told),
            reasoning=sum(usage.reasoning for usage in told),
        ),
        cost_usd=format_amount(sum(costs, Decimal())) if costs else None,
        unpriced=len(pieces) - len(costs),
    )


def _node(
    piece: Piece,
    *,
    depth: int,
    self_us: int,
    began_us: int,
    critical: list[Stretch],
    problem: Problem | None,
) -> Node:
    span, call = piece.span, piece.call
    return Node(
        span_id=None if span is None else span_text(span.span_id),
        parent_id=None if piece.parent_id is None else span_text(piece.parent_id),
        name=piece.name,
        kind=piece.kind,
        depth=depth,
        started_at=moment_text(piece.start_us),
        offset_ms=(piece.start_us - began_us) / 1000,
        duration_ms=(piece.end_us - piece.start_us) / 1000,
        self_ms=self_us / 1000,
        status="error" if piece.has_failed else "ok",
        status_message=piece.message or None,
        counted=piece.counted,
        on_critical_path=bool(critical),
        critical=critical,
        provider=piece.provider or None,
        model=piece.model or None,
        agent=None if span is None else span.agent or None,
        tool=None if span is None else span.tool or None,
        service=None if span is None else span.service or None,
        usage=piece.usage,
        cost_usd=piece.cost_usd,
        cost_source="recorded" if call is not None else None if span is None else span.cost_source or None,
        estimated=call is not None and call.estimated,
        first_token_ms=piece.first_token_ms,
        request_id=None if call is None else call.id,
        flags=() if span is None else span.flags,
        problem=problem,
    )

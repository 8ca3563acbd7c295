"""One trace as a tree: spans and recorded calls as one, in the order in which it is drawn. Pure.

Nothing is lost: a span whose parent is not there, or whose parents lead back to it, is drawn as a root and
says so. Read next: `reading.joining`, `reading.critical_path`.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Literal

import msgspec

from headgate.core.call import Usage
from headgate.core.pages import format_ms
from headgate.records.model import UsageBuckets, fold
from headgate.records.queries import format_amount
from headgate.traces.model import Kind, span_text
from headgate.traces.reading.critical_path import Step, timing
from headgate.traces.reading.joining import MODEL_CALLS, Joined, join
from headgate.traces.reading.model import CallRow, CostShare, Node, SpanRow

Problem = Literal["orphan", "cycle"]
UNKNOWN = "unknown"


class Drawn(msgspec.Struct, frozen=True, kw_only=True):
    """A trace as it is shown, and what it came to. Times are Unix microseconds."""

    nodes: list[Node]
    started_us: int
    ended_us: int
    usage: Usage
    cost_usd: Decimal | None
    unpriced: int
    errors: int
    calls: int
    cost_by_model: list[CostShare]
    cost_by_step: list[CostShare]


class _Piece(msgspec.Struct, frozen=True, kw_only=True):
    """A span, or a call that no span tells of, and the call that a span tells of."""

    span: SpanRow | None
    call: CallRow | None
    counted: bool

    @property
    def start_us(self) -> int:
        return self.span.started_us if self.span is not None else _known(self.call).started_us

    @property
    def end_us(self) -> int:
        told = self.span if self.span is not None else _known(self.call)
        return told.started_us + max(0, told.duration_us)

    @property
    def parent_id(self) -> int | None:
        return self.span.parent_id if self.span is not None else _known(self.call).parent_id

    @property
    def name(self) -> str:
        if self.span is not None:
            return self.span.name
        return f"{_known(self.call).operation} {_known(self.call).model}".strip()

    @property
    def kind(self) -> Kind:
        if self.span is not None:
            return self.span.kind
        return "embedding" if _known(self.call).operation == "embeddings" else "llm"

    @property
    def model(self) -> str:
        """`provider/model` as it answered, as far as it is known."""
        if self.call is not None and self.call.target:
            return self.call.target
        if self.span is None:
            return _known(self.call).model
        model = self.span.model or self.span.request_model
        return f"{self.span.provider}/{model}" if self.span.provider and model else model

    @property
    def usage(self) -> Usage | None:
        if self.call is not None:
            return self.call.usage
        return self.span.usage if self.span is not None else None

    @property
    def cost_usd(self) -> str | None:
        if self.call is not None:
            return self.call.cost_usd
        return self.span.cost_usd if self.span is not None else None

    @property
    def failed(self) -> bool:
        by_span = self.span is not None and self.span.status == "error"
        return by_span or (self.call is not None and self.call.status >= 400)


class _Shape(msgspec.Struct, frozen=True, kw_only=True):
    """Which piece stands below which. `order` is the one in which they are drawn, with their depths."""

    parents: list[int | None]
    problems: Mapping[int, Problem]
    order: list[tuple[int, int]]


def draw(spans: Sequence[SpanRow], calls: Sequence[CallRow]) -> Drawn:
    """Return a trace as it is shown."""
    spans = list({span.span_id: span for span in spans}.values())
    joined = join(spans, calls)
    pieces = _pieces(spans, calls, joined)
    shape = _shape(pieces)
    steps = [
        Step(
            start_us=piece.start_us,
            end_us=piece.end_us,
            parent=parent,
            clock="" if piece.span is None else piece.span.service,
        )
        for piece, parent in zip(pieces, shape.parents, strict=True)
    ]
    times = timing(steps)
    critical = {segment.step for segment in times.segments}
    nodes = [
        _node(
            pieces[place],
            depth=depth,
            self_us=times.self_us[place],
            is_critical=place in critical,
            problem=shape.problems.get(place),
        )
        for place, depth in shape.order
    ]
    counting = [place for place, piece in enumerate(pieces) if piece.counted]
    total = _share("", [pieces[place] for place in counting])
    usage = Usage()
    for place in counting:
        usage = usage.plus(pieces[place].usage or Usage())
    return Drawn(
        nodes=nodes,
        started_us=min((piece.start_us for piece in pieces), default=0),
        ended_us=max((piece.end_us for piece in pieces), default=0),
        usage=usage,
        cost_usd=None if total.cost_usd is None else Decimal(total.cost_usd),
        unpriced=total.unpriced,
        errors=sum(piece.failed for piece in pieces),
        calls=total.calls,
        cost_by_model=_shares((pieces[place].model or UNKNOWN, pieces[place]) for place in counting),
        cost_by_step=_shares((_above(pieces, shape, place), pieces[place]) for place in counting),
    )


def _pieces(spans: Sequence[SpanRow], calls: Sequence[CallRow], joined: Joined) -> list[_Piece]:
    told = {call.id for call in joined.call_of.values()}
    found = [
        _Piece(
            span=span,
            call=joined.call_of.get(span.span_id),
            counted=span.span_id in joined.counted or span.span_id in joined.call_of,
        )
        for span in spans
    ]
    found.extend(_Piece(span=None, call=call, counted=True) for call in calls if call.id not in told)
    return found


def _shape(pieces: Sequence[_Piece]) -> _Shape:
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


def _cycle_heads(parents: Sequence[int | None], pieces: Sequence[_Piece]) -> list[int]:
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


def _order(parents: Sequence[int | None], pieces: Sequence[_Piece]) -> list[tuple[int, int]]:
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


def _above(pieces: Sequence[_Piece], shape: _Shape, place: int) -> str:
    """The name of the step that made a call: the nearest above that is no call of a model itself."""
    above = shape.parents[place]
    while above is not None and pieces[above].kind in MODEL_CALLS:
        above = shape.parents[above]
    return pieces[place if above is None else above].name or UNKNOWN


def _shares(named: Iterable[tuple[str, _Piece]]) -> list[CostShare]:
    groups: dict[str, list[_Piece]] = {}
    for name, piece in named:
        groups.setdefault(name, []).append(piece)
    shares = [_share(name, members) for name, members in groups.items()]
    return sorted(shares, key=lambda share: (-Decimal(share.cost_usd or 0), -share.calls, share.name))


def _share(name: str, pieces: Sequence[_Piece]) -> CostShare:
    usage = Usage()
    for piece in pieces:
        usage = usage.plus(piece.usage or Usage())
    costs = [Decimal(piece.cost_usd) for piece in pieces if piece.cost_usd is not None]
    return CostShare(
        name=name,
        calls=len(pieces),
        usage=fold(usage),
        cost_usd=format_amount(sum(costs, Decimal())) if costs else None,
        unpriced=len(pieces) - len(costs),
    )


def _node(piece: _Piece, *, depth: int, self_us: int, is_critical: bool, problem: Problem | None) -> Node:
    span, call = piece.span, piece.call
    parent = piece.parent_id
    recorded = call is not None
    return Node(
        span_id=None if span is None else span_text(span.span_id),
        parent_id=None if parent is None else span_text(parent),
        name=piece.name,
        kind=piece.kind,
        depth=depth,
        started_at=format_ms(piece.start_us // 1000),
        duration_ms=(piece.end_us - piece.start_us) / 1000,
        self_ms=self_us / 1000,
        status="error" if piece.failed else "ok",
        status_message=_message(piece),
        counted=piece.counted,
        on_critical_path=is_critical,
        provider=_provider(piece),
        model=_model(piece),
        agent=_text(span and span.agent),
        tool=_text(span and span.tool),
        service=_text(span and span.service),
        usage=_usage(piece.usage),
        cost_usd=piece.cost_usd,
        cost_source="recorded" if recorded else _text(span and span.cost_source),
        estimated=recorded and call.estimated,
        first_token_ms=_first_token(piece),
        request_id=call.id if recorded else None,
        flags=() if span is None else span.flags,
        problem=problem,
    )


def _message(piece: _Piece) -> str | None:
    if piece.span is not None and piece.span.status_message:
        return piece.span.status_message
    return _text(piece.call and (piece.call.message or piece.call.code)) if piece.failed else None


def _provider(piece: _Piece) -> str | None:
    if piece.call is not None and piece.call.target:
        return piece.call.target.partition("/")[0]
    return _text(piece.span and piece.span.provider)


def _model(piece: _Piece) -> str | None:
    if piece.call is not None:
        return _text(piece.call.target.partition("/")[2] or piece.call.model)
    return _text(piece.span and (piece.span.model or piece.span.request_model))


def _first_token(piece: _Piece) -> float | None:
    if piece.call is not None:
        return piece.call.first_token_ms
    return None if piece.span is None else piece.span.first_token_ms


def _usage(usage: Usage | None) -> UsageBuckets | None:
    return None if usage is None else fold(usage)


def _text(text: str | None) -> str | None:
    return text or None


def _known(call: CallRow | None) -> CallRow:
    assert call is not None, "a piece without a span is a call"
    return call

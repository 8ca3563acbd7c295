"""A provider that makes its answers up: a transport that speaks every dialect and never leaves the process.

    MockTransport(MockSettings(latency_s=0.05, tokens_per_second=200, seed=7))

Content depends on the seed and the request alone: plausible text, tool calls and structured output filled
from their schemas with values of the conversation where they fit. Faults (`error_rate`, broken and stalled
streams) depend on the seed and the number of the call, so that a run can be repeated. Model names of
`standins.drills` ask for single faults. Images, sound and files are taken and only counted.

It never checks a key, never fetches an address, never runs a tool and remembers no conversation:
`previous_response_id` is taken, not looked up. Read next: `standins.answers_routes` for what it answers,
`standins.paced` for when, `standins.billing` for its books.
"""

import asyncio
from collections import OrderedDict
from functools import partial

import msgspec

from headgate.catalog.model import MockSettings
from headgate.core.call import Usage
from headgate.core.faults import UpstreamTimeout
from headgate.core.fields import first_field
from headgate.core.ports import Answer, Outgoing
from headgate.standins.answers_errors import error_answer, refused_answer
from headgate.standins.answers_routes import model_of, plan
from headgate.standins.answers_text import generator
from headgate.standins.billing import Bill, PrefixCache
from headgate.standins.drills import Drill, drill_of
from headgate.standins.paced import Pace, PacedAnswer
from headgate.standins.places import Place, manner_of, place_of
from headgate.standins.planned import Piece, Planned, named_event

FLAKY_MODELS_MAX = 1000
RETRY_AFTER_S = 1


async def body_of(outgoing: Outgoing) -> bytes:
    """Return the whole body of a request."""
    if isinstance(outgoing.body, bytes):
        return outgoing.body
    return b"".join([part async for part in outgoing.body])


class MockTransport:
    """A `core.ports.Transport` that answers by itself. `served` counts requests, `bill` tokens."""

    def __init__(self, settings: MockSettings) -> None:
        self.settings = settings
        self.served = 0
        self.bill = Bill()
        self._cache = PrefixCache()
        self._flaky: OrderedDict[str, int] = OrderedDict()

    async def send(self, outgoing: Outgoing) -> Answer:
        """Answer a request. Raises UpstreamTimeout when the settings are slower than its timeouts."""
        self.served += 1
        number = self.served
        body = await body_of(outgoing)
        place = place_of(outgoing.method, outgoing.target)
        if place is None:
            path = outgoing.target.decode("latin-1")
            refused = error_answer(manner_of(outgoing.target), 404, f"Invalid URL ({outgoing.method} {path})")
            return self._answer(refused, Pace(), outgoing)
        content_type = _content_type(outgoing)
        drill = drill_of(model_of(place, body, content_type))
        planned = self._planned(place, body, content_type, drill, number)
        pace, planned = self._pace(place, planned, drill, number)
        self._open_bill(planned)
        await self._think(planned, drill, outgoing)
        return self._answer(planned, pace, outgoing)

    async def close(self) -> None:
        """There is nothing to close."""

    def _planned(self, place: Place, body: bytes, content_type: str, drill: Drill, number: int) -> Planned:
        status = self._failure(place, body, content_type, drill, number)
        if status is not None:
            if drill.refused is not None:
                return refused_answer(place.manner, drill.refused)
            wait = RETRY_AFTER_S if status in (429, 503, 529) else None
            return error_answer(place.manner, status, retry_after_s=wait)
        settings = self.settings
        if drill.output_tokens is not None:
            settings = msgspec.structs.replace(settings, output_tokens=drill.output_tokens)
        return plan(place, body, content_type, settings, self._cache.applied)

    def _failure(self, place: Place, body: bytes, content_type: str, drill: Drill, number: int) -> int | None:
        """Return the status that this call fails with, if it does."""
        if drill.status is not None:
            if not drill.flaky:
                return drill.status
            model = model_of(place, body, content_type)
            calls = self._flaky[model] = self._flaky.pop(model, 0) + 1
            if len(self._flaky) > FLAKY_MODELS_MAX:
                self._flaky.popitem(last=False)
            return drill.status if calls % 2 == 1 else None
        if self.settings.error_rate > 0:
            random = generator(self.settings.seed, "error", str(number))
            if random.random() < self.settings.error_rate:
                return self.settings.error_status
        return None

    def _pace(self, place: Place, planned: Planned, drill: Drill, number: int) -> tuple[Pace, Planned]:
        """Decide when the pieces go out, and whether the stream is cut or stalls on its way."""
        settings = self.settings
        pace = Pace(first_token_s=settings.first_token_s, tokens_per_second=settings.tokens_per_second)
        if not planned.stream or planned.status != 200:
            return pace, planned
        random = generator(settings.seed, "stream", str(number))
        drawn = random.random()
        fault = drill.stream
        if fault is None and drawn < settings.broken_stream_rate:
            fault = "broken-stream"
        elif fault is None and drawn < settings.broken_stream_rate + settings.stalled_stream_rate:
            fault = "stalled-stream"
        if fault is None:
            return pace, planned
        where = _middle(planned, random.random())
        match fault:
            case "broken-stream":
                return msgspec.structs.replace(pace, cut_at=where), planned
            case "stalled-stream":
                return msgspec.structs.replace(pace, stall_at=where), planned
            case "error-in-stream":
                shown = (*planned.pieces[:where], _error_event(place))
                return pace, _shortened(planned, shown)
            case _:
                return pace, _shortened(planned, planned.pieces[:where])

    def _open_bill(self, planned: Planned) -> None:
        """Bill what is due even if nobody waits for the answer: all of a whole one, a stream's input."""
        usage = planned.usage
        if planned.status != 200:
            return
        if planned.stream:
            usage = msgspec.structs.replace(usage, output=0)
        self.bill.add(planned.model, usage)

    def _close_bill(self, planned: Planned, tokens: int, complete: bool) -> None:
        if planned.stream and planned.status == 200:
            visible = planned.usage.output
            self.bill.add(planned.model, Usage(output=visible if complete else min(tokens, visible)), calls=0)

    async def _think(self, planned: Planned, drill: Drill, outgoing: Outgoing) -> None:
        """Wait as long as the provider takes until its answer begins."""
        settings = self.settings
        seconds = settings.latency_s + drill.delay_s
        if not planned.stream and planned.status == 200 and planned.usage.total_output:
            seconds += settings.first_token_s
            if settings.tokens_per_second > 0:
                seconds += planned.usage.total_output / settings.tokens_per_second
        limits = (outgoing.timeouts.first_byte_s, outgoing.timeouts.total_s)
        patience = min((limit for limit in limits if limit is not None), default=None)
        if patience is not None and seconds > patience:
            await asyncio.sleep(patience)
            raise UpstreamTimeout(f"The provider did not begin to answer within {patience:g} seconds")
        if seconds > 0:
            await asyncio.sleep(seconds)

    def _answer(self, planned: Planned, pace: Pace, outgoing: Outgoing) -> Answer:
        return PacedAnswer(planned, pace, outgoing.timeouts, partial(self._close_bill, planned))


def _content_type(outgoing: Outgoing) -> str:
    found = first_field(outgoing.headers, b"content-type") or b""
    return found.decode("latin-1")


def _middle(planned: Planned, drawn: float) -> int:
    """Choose a place after the first visible token and before the end."""
    first = next((place for place, piece in enumerate(planned.pieces) if piece.tokens), 0)
    last = max(len(planned.pieces) - 2, first + 1)
    return first + 1 + int(drawn * (last - first - 1))


def _shortened(planned: Planned, pieces: tuple[Piece, ...]) -> Planned:
    sent = sum(piece.tokens for piece in pieces)
    usage = msgspec.structs.replace(planned.usage, output=min(planned.usage.output, sent))
    return msgspec.structs.replace(planned, pieces=pieces, usage=usage)


def _error_event(place: Place) -> Piece:
    """Word an error as an event of a stream that has begun."""
    status = 529 if place.manner == "anthropic" else 503
    if place.operation == "responses":
        words = {"code": "server_error", "message": "The server had an error.", "param": None}
        return named_event("error", {"type": "error", "sequence_number": 0, **words})
    body = error_answer(place.manner, status).pieces[0].data
    name = b"event: error\n" if place.manner == "anthropic" else b""
    return Piece(name + b"data: " + body + b"\n\n")

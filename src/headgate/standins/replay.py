"""A provider that answers what was recorded: a transport over exchanges from a file.

    ReplayTransport(load_exchanges("exchanges.jsonl.gz"))

A request is answered by the exchange of its dialect whose request is the same (but for model and stream
options), else by the next in turn of its model and path. Bodies are cut badly on purpose, by seed: inside
a UTF-8 character, inside a line, one byte at a time. It never makes an answer up: what has no recording is
404, naming the models that have one. Read next: `standins.exchanges` for the format.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from hashlib import blake2b
from itertools import pairwise
from random import Random
from typing import Any

import msgspec

from headgate.core.ports import Answer, Outgoing
from headgate.standins.answers_errors import error_answer
from headgate.standins.answers_text import generator
from headgate.standins.billing import Bill
from headgate.standins.exchanges import RecordedExchange
from headgate.standins.mock import body_of
from headgate.standins.paced import Pace, PacedAnswer
from headgate.standins.places import manner_of, place_of
from headgate.standins.planned import Piece, Planned

NAMES_MAX = 20

_UNMATCHED_FIELDS = frozenset({"model", "stream_options"})
_MODEL_IN_PATH = re.compile(r"/models?/([^/:?]+)")
_CANONICAL = msgspec.json.Encoder(order="sorted")

Key = tuple[str, ...]


class ReplayTransport:
    """A `core.ports.Transport` that answers recorded exchanges. `served` counts requests."""

    def __init__(self, exchanges: Sequence[RecordedExchange], *, seed: int = 1, whole: bool = False) -> None:
        self.served = 0
        self.bill = Bill()
        self.matched = 0
        """How many requests were answered by the exchange of the same request."""
        self._seed = seed
        self._whole = whole
        self._groups: defaultdict[Key, list[RecordedExchange]] = defaultdict(list)
        self._turns: defaultdict[Key, int] = defaultdict(int)
        self._models: defaultdict[str, set[str]] = defaultdict(set)
        for exchange in exchanges:
            operation = operation_of(exchange.method, exchange.path)
            model = _model_of(exchange.path, exchange.request)
            streams = _streams(exchange.path, exchange.request)
            for key in _keys(operation, model, streams, exchange.request):
                self._groups[key].append(exchange)
            self._models[operation].add(model)

    async def send(self, outgoing: Outgoing) -> Answer:
        """Answer a request by its recording; 404 where there is none."""
        self.served += 1
        body = await body_of(outgoing)
        path = outgoing.target.decode("latin-1")
        request = _object(body)
        operation = operation_of(outgoing.method, path)
        found: RecordedExchange | None = None
        keys = _keys(operation, _model_of(path, request), _streams(path, request), request)
        for place, key in enumerate(keys):
            group = self._groups.get(key)
            if group:
                found = group[self._turns[key] % len(group)]
                self._turns[key] += 1
                self.matched += place < 2
                break
        if found is None:
            return self._answer(self._missing(outgoing.target, operation, request), outgoing)
        return self._answer(self._recorded(found), outgoing)

    async def close(self) -> None:
        """There is nothing to close."""

    def _missing(self, target: bytes, operation: str, request: dict[str, Any]) -> Planned:
        models = sorted(self._models.get(operation, ()))
        names = ", ".join(models[:NAMES_MAX]) or "none"
        asked = _model_of(target.decode("latin-1"), request)
        message = f"No exchange is recorded for model '{asked}' at this path; recorded models: {names}"
        return error_answer(manner_of(target), 404, message)

    def _recorded(self, exchange: RecordedExchange) -> Planned:
        body = exchange.response.encode()
        headers = [(b"content-type", exchange.content_type.encode("latin-1", "replace"))]
        if not exchange.stream:
            headers.append((b"content-length", str(len(body)).encode()))
        parts = [body] if self._whole else cut(body, generator(self._seed, "cut", str(self.served)))
        pieces = tuple(Piece(part) for part in parts)
        return Planned(status=exchange.status, headers=headers, pieces=pieces, stream=exchange.stream)

    def _answer(self, planned: Planned, outgoing: Outgoing) -> Answer:
        pace = Pace(joined=False)
        return PacedAnswer(planned, pace, outgoing.timeouts, lambda _tokens, _complete: None)


def cut(body: bytes, random: Random) -> list[bytes]:
    """Cut a body where it hurts: inside characters and lines, into single bytes, into long pieces."""
    places: set[int] = set()
    inside = [place for place, byte in enumerate(body) if 0x80 <= byte < 0xC0]
    places.update(random.sample(inside, min(len(inside), 20)))
    ends = [place for place, byte in enumerate(body[:-1]) if byte == 0x0A]
    places.update(place + random.randint(0, 1) for place in random.sample(ends, min(len(ends), 20)))
    if len(body) > 2:
        start = random.randrange(1, len(body))
        places.update(range(start, min(start + 40, len(body))))
        places.update(random.randrange(1, len(body)) for _ in range(min(40, len(body) // 8)))
    borders = [0, *sorted(place for place in places if 0 < place < len(body)), len(body)]
    return [body[low:high] for low, high in pairwise(borders) if low < high]


def operation_of(method: str, path: str) -> str:
    """Name what a path means; a path that no dialect here has stands for itself, without its query."""
    place = place_of(method, path.encode("latin-1", "replace"))
    return place.operation if place else path.partition("?")[0]


def _keys(operation: str, model: str, streams: bool, request: dict[str, Any]) -> list[Key]:
    """Return under which keys an exchange is found, the best first."""
    told = {name: value for name, value in request.items() if name not in _UNMATCHED_FIELDS}
    digest = blake2b(_CANONICAL.encode(told), digest_size=16).hexdigest()
    kind = "stream" if streams else "whole"
    return [
        (operation, kind, model, "same", digest),
        (operation, kind, "same", digest),
        (operation, kind, model),
    ]


def _model_of(path: str, request: dict[str, Any]) -> str:
    named = request.get("model")
    if isinstance(named, str):
        return named
    found = _MODEL_IN_PATH.search(path)
    return found[1] if found else ""


def _streams(path: str, request: dict[str, Any]) -> bool:
    return request.get("stream") is True or "stream" in path.partition("?")[0].lower()


def _object(body: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(body, type=dict[str, Any]) if body else {}
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}

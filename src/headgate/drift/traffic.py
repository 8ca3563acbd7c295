"""What the shipper keeps of live traffic for drift: sums by the hour, and what answers say they are of.

Runs inside the shipper's transaction, so that each call counts once; loads no statistics. Read next:
`drift.hours`, which looks at it.
"""

import hashlib
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

import msgspec

from headgate.core.entries import CLIENT_CLOSED, END, REFUSED, End
from headgate.core.ports import Envelope
from headgate.drift.model import TAG, Signal
from headgate.records.rows import instant, name
from headgate.store.database import Connection
from headgate.store.queries import Queries

QUERIES: Final = Queries.load("headgate.drift")

MISMATCHED: Final = "schema_mismatch"
DECLINING: Final = frozenset({"content_filter", "refusal"})
CUT: Final = frozenset({"length", "context_window"})
"""Reasons for which answers end (`core.chat.FinishReason`)."""

PICO: Final = 10**12
PLACES: Final = 9
AMOUNT_MOST: Final = 1e6
"""Of one call: so that a single one can't be all of its hour."""

MISSED_LEAST: Final = 20
"""A model that missed so many of its calls was gone, not unlucky; its share is known from as many."""

_decode = msgspec.msgpack.Decoder(End).decode
_encode = msgspec.json.encode

Stratum = tuple[str, str, str, str, str]
"""Target, project, name of models, prompt with its version, release."""
Fact = Literal["model", "fingerprint"]


class _Hour(msgspec.Struct):
    """What a batch adds to one stratum's hour: sums of values, of amounts, and how many each are."""

    calls: int = 0
    signals: dict[str, float] = {}
    amounts: dict[str, float] = {}

    def add(self, end: End) -> None:
        """Count a call."""
        self.calls += 1
        is_refused = end.code == REFUSED or end.finish in DECLINING
        is_mismatched = end.code == MISMATCHED
        failed = end.status >= 400 and not is_refused and not is_mismatched
        self._value("errors", float(failed))
        if failed:
            return
        self._value("refused", float(is_refused))
        self._value("mismatched", float(is_mismatched))
        if end.truncated or is_refused:
            return
        if end.finish:
            self._value("cut", float(end.finish in CUT))
            self._value("tools", float(end.tool_calls > 0))
        self._amount("tokens", end.usage.total_output)
        self._amount("latency", end.duration_ms / 1000)
        if end.first_token_ms is not None:
            self._amount("first_token", end.first_token_ms / 1000)
        if end.cost_pico_usd is not None:
            self._amount("cost", end.cost_pico_usd / PICO)

    def _value(self, signal: Signal, value: float) -> None:
        _count(self.signals, signal, value)

    def _amount(self, signal: Signal, amount: float) -> None:
        if amount >= 0:  # less is a clock that went back, and says nothing
            _count(self.amounts, signal, min(amount, AMOUNT_MOST))


def _count(sums: dict[str, float], signal: Signal, value: float) -> None:
    count = f"{signal} calls"
    sums[signal] = round(sums.get(signal, 0.0) + value, PLACES)
    sums[count] = sums.get(count, 0.0) + 1


class _Served(msgspec.Struct):
    first_ms: int
    last_ms: int
    calls: int = 0


class TrafficSink:
    """Applies END to the hours of live traffic (`core.ports.Sink`); canaries are none."""

    kinds = frozenset({END})

    async def apply(self, connection: Connection, batch: Sequence[Envelope]) -> None:
        """Write a batch."""
        hours: dict[tuple[datetime, Stratum], _Hour] = {}
        served: dict[tuple[str, Fact, str], _Served] = {}
        for envelope in batch:
            if envelope.kind != END:
                continue
            end = _decode(envelope.payload)
            if not end.target or any(exposure.is_shadow for exposure in end.exposures):
                continue  # A shadow says nothing of what callers get.
            _note(served, end, "model", end.served_model)
            _note(served, end, "fingerprint", end.fingerprint)
            if TAG not in end.tags and end.status != CLIENT_CLOSED and end.operation == "chat":
                key = (_slot(end.started_ms), stratum_of(end))
                hours.setdefault(key, _Hour(signals={}, amounts={})).add(end)
        # In the order of keys, so that two shippers lock rows in one order.
        if hours:
            rows = [_hour_row(*key, hours[key]) for key in sorted(hours)]
            await connection.execute(QUERIES.add_hours, {"rows": _encode(rows).decode()})
        if served:
            rows = [_served_row(*key, served[key]) for key in sorted(served)]
            await connection.execute(
                QUERIES.add_served, {"rows": _encode(rows).decode(), "missed_least": MISSED_LEAST}
            )

    async def close_journal(self, connection: Connection, boot: uuid.UUID) -> None:
        """Nothing is left to do: what did not end says nothing of its model."""


def stratum_of(end: End) -> Stratum:
    """Return what is alike to a call but for the model that answers."""
    prompt = ", ".join(sorted(f"{used.name}@{used.version}" for used in end.prompts))
    return (name(end.target), name(end.project), name(end.model), name(prompt), name(end.release))


def identity_of(stratum: Stratum) -> uuid.UUID:
    """Return the id of a stratum: names may be longer than an index takes."""
    return uuid.UUID(bytes=hashlib.sha256(_encode(stratum)).digest()[:16])


def _slot(started_ms: int) -> datetime:
    at = instant(started_ms).astimezone(UTC)
    return at - timedelta(minutes=at.minute, seconds=at.second, microseconds=at.microsecond)


def _note(served: dict[tuple[str, Fact, str], _Served], end: End, fact: Fact, value: str) -> None:
    if not value or end.status >= 400:
        return
    key = (name(end.target), fact, name(value))
    known = served.setdefault(key, _Served(first_ms=end.started_ms, last_ms=end.started_ms))
    known.first_ms, known.last_ms = min(known.first_ms, end.started_ms), max(known.last_ms, end.started_ms)
    known.calls += 1


def _hour_row(slot: datetime, stratum: Stratum, hour: _Hour) -> dict[str, Any]:
    target, project, model, prompt, release = stratum
    names = {"target": target, "project": project, "model": model, "prompt": prompt, "release": release}
    sums = {"calls": hour.calls, "signals": hour.signals, "amounts": hour.amounts}
    return {"slot": slot, "stratum": identity_of(stratum), **names, **sums}


def _served_row(target: str, fact: Fact, value: str, served: _Served) -> dict[str, Any]:
    times = {"first_at": instant(served.first_ms), "last_at": instant(served.last_ms)}
    return {"target": target, "fact": fact, "value": value, "calls": served.calls, **times}

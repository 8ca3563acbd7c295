"""Log records that belong to GenAI, as events of the spans that they name. Pure.

Messages, and whatever else an event says of a call, join their span once both are there; results of
evaluations become scores. Everything else is refused in words. Read next: `otlp.decoding`,
`conventions.logged`, `keeping.log_sink`.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeVar

import msgspec
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from headgate.access.model import Key
from headgate.traces.conventions.happened import DETAILS
from headgate.traces.conventions.logged import EVALUATION, PREFIX, fields_of
from headgate.traces.conventions.priced import priced
from headgate.traces.conventions.resolve import resolve
from headgate.traces.conventions.scores import score_of
from headgate.traces.conventions.texts import encoded
from headgate.traces.model import LogEvent, RawSpan
from headgate.traces.otlp.bounds import SPAN_BYTES_MAX
from headgate.traces.otlp.decoding import Decoded, Form, Item, batches, check_length, items, parse
from headgate.traces.otlp.reasons import Reasons, Wrong
from headgate.traces.otlp.spans import SPAN_ID_BYTES, TRACE_ID_BYTES, identity
from headgate.traces.otlp.values import Kept, attributes, value_of
from headgate.traces.otlp.withholding import bare_fields, bare_score

_EVENT_NAME: Final = "event.name"
_NS_MAX: Final = 2**63 - 1
_ENCODE: Final = msgspec.msgpack.Encoder().encode
_BEYOND_WORDS: Final = (EVALUATION, DETAILS)
"""Events that say more than words: scores, and what was called with how many tokens."""
_new_record: Any = LogRecord
Said = TypeVar("Said")


def decode_logs(data: bytes, form: Form, key: Key, received_ms: int) -> Decoded:
    """Return the events of a request as `LogBatch`es. Raises Malformed."""
    reasons = Reasons("log records")
    reader = _LogReader(reasons, received_ms, with_content=key.record != "metadata")
    found = (item for _, item in items(data, form, reasons, received_ms))
    entries = list(batches(reader.read(found, form), key, received_ms))
    reader.say_rest()
    return Decoded(entries, reasons)


class _LogReader:
    """Reads the records of one request, one at a time."""

    def __init__(self, reasons: Reasons, received_ms: int, *, with_content: bool) -> None:
        self._reasons = reasons
        self._received_ms = received_ms
        self._with_content = with_content
        self._withheld = 0
        self._bared = 0
        self._foreign = 0
        self._digests: Counter[bytes] = Counter()

    def read(self, found: Iterator[Item], form: Form) -> Iterator[bytes]:
        """Return encoded events."""
        for number, item in enumerate(found):
            record, name = _new_record(), ""
            try:
                check_length(item)
                parse(record, item, form)
                name = _name_of(record)
                if not name.startswith(PREFIX):
                    self._foreign += 1
                elif self._with_content or name in _BEYOND_WORDS:
                    yield self._kept(record, name, number)
                else:
                    self._withheld += 1
            except Wrong as wrong:
                self._reasons.reject(_label(name, number), str(wrong))

    def say_rest(self) -> None:
        """Say how many were of no GenAI, and how many lost their words: once, since there may be many."""
        why = "this project, or this key, records metadata only"
        if self._withheld:
            self._reasons.reject(f"{self._withheld} with messages", why, self._withheld)
        if self._bared:
            self._reasons.mention(f"{self._bared} kept without their words", why)
        if self._foreign:
            why = f"no event name that begins with {PREFIX}; other logs have their place elsewhere"
            self._reasons.reject(f"{self._foreign} of no GenAI", why, self._foreign)

    def _kept(self, record: Any, name: str, number: int) -> bytes:
        kept = Kept()
        found = _ENCODE(self._event(record, name, number, kept))
        if len(found) > SPAN_BYTES_MAX:
            kept = Kept(is_small=True)
            found = _ENCODE(self._event(record, name, number, kept))
            if len(found) > SPAN_BYTES_MAX:
                raise Wrong("the record", f"takes {len(found)} bytes even when its values are cut")
        if kept.left_out:
            more = f" and {len(kept.left_out) - 1} more" if len(kept.left_out) > 1 else ""
            self._reasons.mention(_label(name, number), kept.left_out[0] + more)
        return found

    def _event(self, record: Any, name: str, number: int, kept: Kept) -> LogEvent:
        if not record.trace_id:
            raise Wrong("trace_id", "is missing: a record is kept with the span that it names")
        trace_id = identity(record.trace_id, TRACE_ID_BYTES, "trace_id")
        said = attributes(record.attributes, kept)
        said.pop(_EVENT_NAME, None)
        fields = fields_of(name, said, value_of(record.body, kept, "body"))
        if not self._with_content and name == DETAILS:
            fields = self._without_words(fields, bare_fields(fields))
        event = LogEvent(trace_id=trace_id, span_id=b"", name=kept.name(name), at_ns=self._at_ns(record))
        if name == EVALUATION:
            scored = _scored(event, record, fields)
            return scored if self._with_content else self._bare_score(scored)
        if not record.span_id:
            raise Wrong("span_id", "is missing: a record is kept with the span that it names")
        text = encoded(fields)
        return msgspec.structs.replace(
            event,
            span_id=identity(record.span_id, SPAN_ID_BYTES, "span_id"),
            attributes=text,
            place=number,
            digest=self._digest(record, name, text),
            cost_pico_usd=_cost(event, fields) if name == DETAILS else None,
        )

    def _bare_score(self, event: LogEvent) -> LogEvent:
        score = event.score
        if score is None or score.value is None:
            raise Wrong("score.label", "is a word, and metadata alone is recorded here; send score.value too")
        return msgspec.structs.replace(event, score=self._without_words(score, bare_score(score)))

    def _without_words(self, whole: Said, bare: Said) -> Said:
        self._bared += whole != bare
        return bare

    def _at_ns(self, record: Any) -> int:
        at_ns = int(record.time_unix_nano or record.observed_time_unix_nano)
        return min(at_ns or self._received_ms * 1_000_000, _NS_MAX)

    def _digest(self, record: Any, name: str, text: str) -> bytes:
        """What is the same when an exporter comes again, and another for what is said twice at a time."""
        at = f"{record.time_unix_nano or record.observed_time_unix_nano}"
        said = b"\0".join((record.trace_id, record.span_id, name.encode("utf-8", "replace"), at.encode()))
        digest = hashlib.sha256(said + b"\0" + text.encode("utf-8", "replace")).digest()
        self._digests[digest] += 1
        again = self._digests[digest] - 1
        return hashlib.sha256(digest + again.to_bytes(4)).digest()[:16] if again else digest[:16]


def _name_of(record: Any) -> str:
    """The name of an event: its own field, or the attribute of SDKs from before there was one."""
    if record.event_name:
        return record.event_name
    return next((pair.value.string_value for pair in record.attributes if pair.key == _EVENT_NAME), "")


def _cost(event: LogEvent, fields: Mapping[str, Any]) -> int | None:
    """What a call costs whose tokens an event tells: the shipper has no price table."""
    said = RawSpan(
        trace_id=event.trace_id,
        span_id=b"",
        parent_id=b"",
        name=event.name,
        kind=0,
        start_ns=event.at_ns,
        end_ns=event.at_ns,
        attributes={**fields},
    )
    return priced(resolve(said)).cost_pico_usd


def _scored(event: LogEvent, record: Any, fields: Mapping[str, Any]) -> LogEvent:
    score = score_of(fields, "gen_ai.evaluation.")
    if score is None:
        raise Wrong(
            "gen_ai.evaluation.*",
            "lack a name, or both score.value and score.label: there is nothing to keep",
        )
    span_id = identity(record.span_id, SPAN_ID_BYTES, "span_id") if record.span_id else b""
    return msgspec.structs.replace(event, span_id=span_id, score=score)


def _label(name: str, number: int) -> str:
    return f"record {name[:60]!r} number {number + 1}" if name else f"record number {number + 1}"

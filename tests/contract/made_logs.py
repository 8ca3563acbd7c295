"""Log records as exporters send them, and as the journal holds them, with whatever a test wants to say."""

from collections.abc import Mapping, Sequence
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from tests.contract.made_entries import BOOT, now_ms
from tests.contract.otlp_messages import SPAN_ID, TRACE_ID, fill, say

from headgate.access.model import Key
from headgate.core.ports import Envelope
from headgate.traces.model import LOGS
from headgate.traces.otlp.logs import decode_logs

NEW_LOGS: Any = ExportLogsServiceRequest
LOGS_ANSWER: Any = ExportLogsServiceResponse
EVALUATION = "gen_ai.evaluation.result"
DETAILS = "gen_ai.client.inference.operation.details"


def add_record(request: Any, name: str = "", *, body: Any = None, **fields: Any) -> Any:
    """Add a record to a request's first scope, of the span of `otlp_messages` unless others are given."""
    if not request.resource_logs:
        request.resource_logs.add().scope_logs.add().scope.name = "instrumentation"
    records = request.resource_logs[0].scope_logs[0].log_records
    said: Mapping[str, Any] = fields.pop("attributes", {})
    given = {
        "trace_id": TRACE_ID,
        "span_id": SPAN_ID,
        "observed_time_unix_nano": 1_795_000_000_000_000_000 + len(records),
        "event_name": name,
        **fields,
    }
    record = records.add(**given)
    if body is not None:
        fill(record.body, body)
    for attribute, value in said.items():
        say(record.attributes, attribute, value)
    return record


def logs_of(*records: tuple[str, Mapping[str, Any]], **ids: bytes) -> bytes:
    """Return a request with records of these names and fields."""
    request = NEW_LOGS()
    for name, fields in records:
        add_record(request, name, **{**ids, **fields})
    return request.SerializeToString()


def log_envelopes(data: bytes, **changes: Any) -> Sequence[Envelope]:
    """Return what control would put into the journal of a request."""
    given: dict[str, Any] = {"id": "k1", "name": "k1", "digest": b"", **changes}
    decoded = decode_logs(data, "protobuf", Key(**given), now_ms())
    return [Envelope(BOOT.bytes, LOGS, entry) for entry in decoded.entries]

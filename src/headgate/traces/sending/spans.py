"""Calls as OTLP spans, by the current conventions of OpenTelemetry for generative AI. Pure.

One span of the kind CLIENT for each call: it alone says tokens and cost, so that whoever adds up spans counts
the call once. Where there was more than one attempt, each is a child that names its target and how it ended.
Ids come from the call's, so that what is sent twice is one span. Without a `traceparent` the call's own id is
the trace's. Without `content` nothing leaves that a person or a model has written: no message, no error's
words, no free text of a parameter. Each experiment's arm is an event, as evaluations of feature flags are.
Source: open-telemetry/semantic-conventions-genai. Read next: `traces.sending.parameters`,
`traces.sending.messages`.
"""

import hashlib
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from headgate.core.call import Usage
from headgate.core.entries import Exposure
from headgate.core.identity import text_of
from headgate.traces.sending.messages import finish_reasons
from headgate.traces.sending.model import Exporter, SentAttempt, SentCall, Spoken, provider_of
from headgate.traces.sending.parameters import parameters_of
from headgate.traces.sending.protobuf import attributes, data, fixed, number, text

KIND_CLIENT: Final = 3
STATUS_ERROR: Final = 2
SCOPE: Final = "headgate"
PICO: Final = 10**12
FLAG_EVENT: Final = "feature_flag.evaluation"

OPERATIONS: Final = {"chat": "chat", "completions": "text_completion", "embeddings": "embeddings"}
"""What the conventions have another word for; Google's chat is `generate_content`."""


def operation_of(call: SentCall) -> str:
    """The name of the operation, as the conventions have it."""
    if call.operation == "chat" and call.dialect == "google":
        return "generate_content"
    return OPERATIONS.get(call.operation, call.operation)


def trace_id_of(call: SentCall) -> bytes:
    """The trace that the call belongs to: the application's, else one of its own."""
    return bytes.fromhex(call.trace_id) if len(call.trace_id) == 32 else call.id


def span_id_of(call: bytes, attempt: int = 0) -> bytes:
    """The id of a call's span, or of an attempt's: the same each time."""
    return hashlib.sha256(b"headgate span %d of " % attempt + call).digest()[:8]


def traces_request(exporter: Exporter, calls: Sequence[SentCall], version: str) -> bytes:
    """An `ExportTraceServiceRequest` of these calls."""
    spans = b"".join([data(2, span) for call in calls for span in spans_of(exporter, call)])
    scope = data(1, text(1, SCOPE) + text(2, version))
    return data(1, resource() + data(2, scope + spans))


def resource() -> bytes:
    """The field that says who sends."""
    return data(1, attributes(1, {"service.name": "headgate"}))


class ToldSpan(msgspec.Struct, frozen=True, kw_only=True):
    """One span of a call, before it is written down. Times are milliseconds; `parent_id` is empty at a root,
    `error` None where nothing failed."""

    trace_id: bytes
    span_id: bytes
    parent_id: bytes
    name: str
    started_ms: int
    duration_ms: int
    said: dict[str, Any]
    events: tuple[dict[str, Any], ...] = ()
    """What evaluations of feature flags say, at the start."""
    error: str | None = None


def spans_of(exporter: Exporter, call: SentCall) -> list[bytes]:
    """The spans of one call, each an OTLP `Span`."""
    return [_written(span) for span in told_spans(exporter, call)]


def told_spans(exporter: Exporter, call: SentCall) -> list[ToldSpan]:
    """The span of a call, and those of its attempts where there was more than one."""
    attempts = call.attempts if len(call.attempts) > 1 else ()
    return [_call_span(exporter, call), *[_attempt_span(exporter, call, each) for each in attempts]]


def _call_span(exporter: Exporter, call: SentCall) -> ToldSpan:
    message = call.message if exporter.content else ""
    return ToldSpan(
        trace_id=trace_id_of(call),
        span_id=span_id_of(call.id),
        parent_id=call.parent_span_id if len(call.trace_id) == 32 else b"",
        name=f"{operation_of(call)} {call.model}".strip(),
        started_ms=call.started_ms,
        duration_ms=call.duration_ms,
        said=attributes_of(exporter, call),
        events=tuple([_flag(arm) for arm in call.arms]),
        error=message if call.is_error else None,
    )


def _attempt_span(exporter: Exporter, call: SentCall, attempt: SentAttempt) -> ToldSpan:
    provider, _, model = attempt.target.partition("/")
    sender = exporter.providers.get(provider)
    is_error = attempt.status >= 400 or bool(attempt.code)
    said = {
        "headgate.attempt": attempt.attempt,
        "headgate.target": attempt.target,
        "gen_ai.provider.name": sender.name if sender else provider,
        "gen_ai.request.model": model,
        "server.address": sender.address if sender else None,
        "server.port": (sender.port or None) if sender else None,
        "http.response.status_code": attempt.status or None,
        "error.type": (attempt.code or str(attempt.status)) if is_error else None,
    }
    message = attempt.message if exporter.content else ""
    return ToldSpan(
        trace_id=trace_id_of(call),
        span_id=span_id_of(call.id, attempt.attempt),
        parent_id=span_id_of(call.id),
        name=f"attempt {attempt.target}",
        started_ms=int(attempt.started_at.timestamp() * 1000),
        duration_ms=attempt.duration_ms,
        said=said,
        error=message if is_error else None,
    )


def _flag(arm: Exposure) -> dict[str, Any]:
    return {
        "feature_flag.key": arm.experiment,
        "feature_flag.result.variant": arm.arm,
        "feature_flag.result.reason": "split",
        "feature_flag.version": arm.version,
        "feature_flag.provider.name": SCOPE,
    }


def _written(span: ToldSpan) -> bytes:
    written = [data(1, span.trace_id), data(2, span.span_id)]
    if span.parent_id:
        written.append(data(4, span.parent_id))
    written += [
        text(5, span.name),
        number(6, KIND_CLIENT),
        fixed(7, span.started_ms * 1_000_000),
        fixed(8, (span.started_ms + max(0, span.duration_ms)) * 1_000_000),
        attributes(9, span.said),
    ]
    began = fixed(1, span.started_ms * 1_000_000)
    written += [data(11, began + text(2, FLAG_EVENT) + attributes(3, event)) for event in span.events]
    if span.error is not None:
        written.append(data(15, text(2, span.error) + number(3, STATUS_ERROR)))
    return b"".join(written)


def attributes_of(exporter: Exporter, call: SentCall) -> dict[str, Any]:
    """What a call's span says; None and empty values are left out."""
    sender = provider_of(exporter, call)
    usage, spoken = call.usage, call.spoken
    said: dict[str, Any] = {
        "gen_ai.operation.name": operation_of(call),
        "gen_ai.provider.name": sender.name,
        "gen_ai.request.model": call.model,
        "gen_ai.response.model": (spoken.model or call.answered_model or call.served_model)
        if call.target
        else None,
        "gen_ai.response.id": call.response_id,
        "gen_ai.response.finish_reasons": spoken.finish_reasons or finish_reasons(call.finish),
        "gen_ai.conversation.id": call.session,
        "gen_ai.request.stream": True if call.stream else None,
        "server.address": sender.address,
        "server.port": sender.port or None,
        "error.type": call.error_type if call.is_error else None,
        "user.id": call.user,
        "session.id": call.session,
        "tag.tags": call.tags,
        "deployment.environment.name": call.environment,
        "headgate.request_id": text_of(call.id),
        "headgate.project": call.project,
        "headgate.key": call.key,
        "service.version": call.release,
        "headgate.target": call.target,
        "headgate.estimated": True if call.estimated else None,
        "headgate.truncated": True if call.truncated else None,
    }
    if call.stream and call.first_token_ms is not None:
        said["gen_ai.response.time_to_first_chunk"] = call.first_token_ms / 1000
    said |= usage_attributes(usage)
    if call.cost_pico_usd is not None:
        said["gen_ai.usage.cost"] = call.cost_pico_usd / PICO
    for prompt in call.prompts[:1]:
        said |= {"gen_ai.prompt.name": prompt.name, "gen_ai.prompt.version": prompt.version}
    # What few may read has no words here.
    said |= parameters_of(call, content=exporter.content and spoken != Spoken())
    if exporter.content:
        said |= {
            "gen_ai.input.messages": spoken.input,
            "gen_ai.output.messages": spoken.output,
            "gen_ai.system_instructions": spoken.system,
            "gen_ai.tool.definitions": spoken.tools,
        }
    return said


def usage_attributes(usage: Usage) -> dict[str, int | None]:
    """Tokens by the current conventions: input and output hold their parts. Empty where there are none."""
    if not usage.total:
        return {}
    return {
        "gen_ai.usage.input_tokens": usage.total_input,
        "gen_ai.usage.output_tokens": usage.total_output,
        "gen_ai.usage.cache_read.input_tokens": (usage.cache_read + usage.cache_read_audio) or None,
        "gen_ai.usage.cache_write.input_tokens": (usage.cache_write + usage.cache_write_1h) or None,
        "gen_ai.usage.reasoning.output_tokens": usage.reasoning or None,
        "gen_ai.usage.audio.input_tokens": (usage.input_audio + usage.cache_read_audio) or None,
        "gen_ai.usage.audio.output_tokens": usage.output_audio or None,
        "gen_ai.usage.image.input_tokens": usage.input_image or None,
        "gen_ai.usage.image.output_tokens": usage.output_image or None,
    }

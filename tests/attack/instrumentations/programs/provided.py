# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false
"""A tracer provider that exports by OpenTelemetry's own exporter, for programs whose library brings none."""

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor


def provider() -> TracerProvider:
    """Make it the global one; where to, and with which key, is in the environment."""
    made = TracerProvider()
    made.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(made)
    return made

# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false
"""OpenTelemetry's own GenAI instrumentation of the OpenAI client, told to say content by log events alone."""

import os

os.environ["OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"] = "EVENT_ONLY"

from openai import OpenAI
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.instrumentation.openai_v2 import OpenAIInstrumentor
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from provided import provider
from weather_asking import converse

made, logs = provider(), LoggerProvider()
logs.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter()))
OpenAIInstrumentor().instrument(tracer_provider=made, logger_provider=logs)
print(converse(OpenAI()))
made.shutdown()
logs.shutdown()

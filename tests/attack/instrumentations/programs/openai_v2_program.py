# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false
"""OpenTelemetry's own GenAI instrumentation of the OpenAI client."""

from openai import OpenAI
from opentelemetry.instrumentation.openai_v2 import OpenAIInstrumentor
from provided import provider
from weather_asking import converse

made = provider()
OpenAIInstrumentor().instrument(tracer_provider=made)
print(converse(OpenAI()))
made.shutdown()

# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false
"""OpenInference's instrumentation of the OpenAI client."""

from openai import OpenAI
from openinference.instrumentation import using_attributes
from openinference.instrumentation.openai import OpenAIInstrumentor
from provided import provider
from weather_asking import converse

made = provider()
OpenAIInstrumentor().instrument(tracer_provider=made)
with using_attributes(session_id="session-1", user_id="user-1", tags=["weather"]):
    print(converse(OpenAI()))
made.shutdown()

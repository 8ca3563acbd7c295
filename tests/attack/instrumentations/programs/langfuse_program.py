# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false
"""Langfuse's SDK and its OpenAI client."""

import os

from langfuse import Langfuse, observe, propagate_attributes
from langfuse.openai import OpenAI
from weather_asking import converse

langfuse = Langfuse(
    public_key="pk-lf-1",
    secret_key="sk-lf-1",
    base_url=os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"],
    additional_headers=dict([os.environ["OTEL_EXPORTER_OTLP_HEADERS"].split("=", 1)]),
)


@observe(name="forecast")
def forecast() -> str:
    """What a user asks."""
    with propagate_attributes(user_id="user-1", session_id="session-1", tags=["weather"]):
        return converse(OpenAI())


print(forecast())
langfuse.shutdown()

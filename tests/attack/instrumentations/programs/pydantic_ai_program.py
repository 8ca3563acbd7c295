# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false
"""pydantic-ai and its own instrumentation."""

from provided import provider
from pydantic_ai import Agent
from pydantic_ai.models.instrumented import InstrumentationSettings
from pydantic_ai.models.openai import OpenAIChatModel
from weather_asking import MODEL, QUESTION, SYSTEM, weather_of

made = provider()
Agent.instrument_all(InstrumentationSettings(tracer_provider=made))
agent = Agent(OpenAIChatModel(MODEL), system_prompt=SYSTEM, name="forecaster")


@agent.tool_plain
def get_weather(city: str) -> str:
    """The weather of a city."""
    return weather_of(city)


print(agent.run_sync(QUESTION, model_settings={"temperature": 0.5}).output)
made.shutdown()

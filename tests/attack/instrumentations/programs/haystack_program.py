# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false
"""Haystack's agent, seen by OpenInference's instrumentation of it."""

from haystack.components.agents import Agent
from haystack.components.generators.chat import OpenAIChatGenerator
from haystack.dataclasses import ChatMessage
from haystack.tools import tool
from openinference.instrumentation.haystack import HaystackInstrumentor
from provided import provider
from weather_asking import MODEL, QUESTION, SYSTEM, weather_of

made = provider()
HaystackInstrumentor().instrument(tracer_provider=made)


@tool
def get_weather(city: str) -> str:
    """The weather of a city."""
    return weather_of(city)


agent = Agent(
    chat_generator=OpenAIChatGenerator(model=MODEL, generation_kwargs={"temperature": 0.5}),
    tools=[get_weather],
    system_prompt=SYSTEM,
)
answer = agent.run(messages=[ChatMessage.from_user(QUESTION)])
print(answer["messages"][-1].text)
made.shutdown()

# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false
"""LangGraph's agent, seen by OpenInference's instrumentation of LangChain."""

from langchain.agents import create_agent
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from openinference.instrumentation.langchain import LangChainInstrumentor
from provided import provider
from weather_asking import MODEL, QUESTION, SYSTEM, weather_of

made = provider()
LangChainInstrumentor().instrument(tracer_provider=made)


@tool
def get_weather(city: str) -> str:
    """The weather of a city."""
    return weather_of(city)


agent = create_agent(ChatOpenAI(model=MODEL, temperature=0.5), [get_weather], system_prompt=SYSTEM)
answer = agent.invoke({"messages": [{"role": "user", "content": QUESTION}]})
print(answer["messages"][-1].content)
made.shutdown()

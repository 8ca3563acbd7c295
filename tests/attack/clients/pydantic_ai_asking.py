"""pydantic-ai's models and agents over each dialect of callers, as they ask what a scenario is about.

The agent itself runs the tools. Read next: `tests.contract.clients.asking`.
"""

import asyncio
import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from tests.contract.clients.asking import Asking, Heard
from tests.contract.clients.replayed_traffic import OUTPUT, QUESTION, Scenario
from tests.flow.dialect_clients import PIXEL

_WHY = "the extra `frameworks` is not installed"
_AI: Any = pytest.importorskip("pydantic_ai", reason=_WHY)
_MESSAGES: Any = pytest.importorskip("pydantic_ai.messages", reason=_WHY)
_MODELS: dict[str, Any] = {
    name: pytest.importorskip(f"pydantic_ai.models.{name}", reason=_WHY)
    for name in ("anthropic", "google", "openai")
}
_PROVIDERS: dict[str, Any] = {
    name: pytest.importorskip(f"pydantic_ai.providers.{name}", reason=_WHY)
    for name in ("anthropic", "google", "openai")
}
_PROFILES: Any = pytest.importorskip("pydantic_ai.profiles.anthropic", reason=_WHY)
_ALWAYS = {"max_retries": 0, "max_tokens": 2000}
"""By itself it tries again, and asks Anthropic's models for long answers, as streams only."""


async def _output(**_: Any) -> str:
    return OUTPUT


class PydanticAI:
    """An agent. `make`: of a model's name; `thinking`: the settings that ask for thoughts."""

    def __init__(self, make: Callable[[str], Any], thinking: Callable[[Scenario], dict[str, Any]]) -> None:
        self._make = make
        self._thinking = thinking

    def ask(self, scenario: Scenario) -> list[Heard]:
        return asyncio.run(self._ask(scenario))

    async def _ask(self, scenario: Scenario) -> list[Heard]:
        tools = [
            _AI.Tool.from_schema(_output, one.name, one.description, one.parameters) for one in scenario.tools
        ]
        wanted: Any = str
        if scenario.schema:
            wanted = _AI.NativeOutput(_AI.StructuredDict(scenario.schema, name="answer"))
        more = self._thinking(scenario) if scenario.name == "thinking" else {}
        settings: Any = {**_ALWAYS, **more}
        agent = _AI.Agent(
            self._make(scenario.alias), tools=tools, output_type=wanted, model_settings=settings, retries=0
        )
        shown = _AI.BinaryContent(base64.b64decode(PIXEL), media_type="image/png")
        prompt = [QUESTION, *([shown] if scenario.name == "vision" else [])]
        async with agent:
            run = await agent.run(prompt, event_stream_handler=_heard_by if scenario.streamed else None)
        return [_heard(one) for one in run.all_messages() if isinstance(one, _MESSAGES.ModelResponse)]

    def ask_plainly(self, model: str) -> object:
        return asyncio.run(self._ask_plainly(model))

    async def _ask_plainly(self, model: str) -> object:
        settings: Any = _ALWAYS
        agent = _AI.Agent(self._make(model), retries=0, model_settings=settings)
        async with agent:
            return await agent.run(QUESTION)


async def _heard_by(_: Any, events: Any) -> None:
    async for _event in events:
        continue


def _heard(said: Any) -> Heard:
    calls = [part for part in said.parts if isinstance(part, _MESSAGES.ToolCallPart)]
    return Heard(
        text="".join(part.content for part in said.parts if isinstance(part, _MESSAGES.TextPart)),
        calls=tuple((part.tool_name, json.loads(part.args_as_json_str())) for part in calls),
        finish={"tool_call": "tool_calls"}.get(said.finish_reason or "", said.finish_reason),
        tokens=(said.usage.input_tokens, said.usage.output_tokens),
        reasoning="".join(part.content for part in said.parts if isinstance(part, _MESSAGES.ThinkingPart))
        or None,
    )


def pydantic_ai(url: str, key: str) -> dict[str, Asking]:
    """All of them by their names."""

    def chat(model: str) -> Any:
        return _MODELS["openai"].OpenAIChatModel(
            model, provider=_PROVIDERS["openai"].OpenAIProvider(base_url=f"{url}/v1", api_key=key)
        )

    def responses(model: str) -> Any:
        return _MODELS["openai"].OpenAIResponsesModel(
            model, provider=_PROVIDERS["openai"].OpenAIProvider(base_url=f"{url}/v1", api_key=key)
        )

    def messages(model: str) -> Any:
        return _MODELS["anthropic"].AnthropicModel(
            model,
            provider=_PROVIDERS["anthropic"].AnthropicProvider(base_url=url, api_key=key),
            # What a model can is known to it by the model's name, and an alias is no such name.
            profile=_PROFILES.anthropic_model_profile("claude-sonnet-4-5"),
        )

    def generate(model: str) -> Any:
        return _MODELS["google"].GoogleModel(
            model, provider=_PROVIDERS["google"].GoogleProvider(base_url=url, api_key=key)
        )

    effort = {"openai_reasoning_effort": "low"}
    return {
        "pydantic-ai-openai": PydanticAI(chat, lambda _: effort),
        "pydantic-ai-openai-responses": PydanticAI(
            responses, lambda _: {**effort, "openai_reasoning_summary": "auto"}
        ),
        "pydantic-ai-anthropic": PydanticAI(
            messages,
            lambda _: {"anthropic_thinking": {"type": "enabled", "budget_tokens": 1024}},
        ),
        "pydantic-ai-google": PydanticAI(generate, _measure),
    }


def _measure(scenario: Scenario) -> dict[str, Any]:
    is_older = scenario.model.startswith("gemini-2")
    measure = {"thinking_budget": 1024} if is_older else {"thinking_level": "LOW"}
    return {"google_thinking_config": {**measure, "include_thoughts": True}}

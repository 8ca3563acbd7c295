"""Haystack's chat generators over each dialect of callers, as they ask what a scenario is about.

Those of Anthropic and Google have no setting for an address: the SDKs below them read it from the environment
(`ANTHROPIC_BASE_URL`, `GOOGLE_GEMINI_BASE_URL`). Read next: `tests.contract.clients.asking`.
"""

from collections.abc import Callable
from typing import Any

import pytest
from tests.contract.clients.asking import Asking, Heard
from tests.contract.clients.replayed_traffic import OUTPUT, QUESTION, Scenario
from tests.flow.dialect_clients import PIXEL

_WHY = "the extra `frameworks` is not installed"
_CHAT: Any = pytest.importorskip("haystack.components.generators.chat", reason=_WHY)
_DATA: Any = pytest.importorskip("haystack.dataclasses", reason=_WHY)
_TOOLS: Any = pytest.importorskip("haystack.tools.tool", reason=_WHY)
_SECRETS: Any = pytest.importorskip("haystack.utils", reason=_WHY)
_ANTHROPIC: Any = pytest.importorskip("haystack_integrations.components.generators.anthropic", reason=_WHY)
_GOOGLE: Any = pytest.importorskip("haystack_integrations.components.generators.google_genai", reason=_WHY)
Settings = Callable[[Scenario], dict[str, Any]]


def _output(**_: Any) -> str:
    return OUTPUT


class Haystack:
    """A chat generator. `make`: of a model's name; `settings`: what a scenario adds to a call."""

    def __init__(self, make: Callable[[str], Any], settings: Settings) -> None:
        self._make = make
        self._settings = settings

    def ask(self, scenario: Scenario) -> list[Heard]:
        generator = self._make(scenario.alias)
        tools = [
            _TOOLS.Tool(
                name=one.name, description=one.description, parameters=one.parameters, function=_output
            )
            for one in scenario.tools
        ]
        more: dict[str, Any] = {"generation_kwargs": self._settings(scenario), "tools": tools or None}
        if scenario.streamed:
            more["streaming_callback"] = _ignored
        shown = (
            [_DATA.ImageContent(base64_image=PIXEL, mime_type="image/png")]
            if scenario.name == "vision"
            else []
        )
        history = [_DATA.ChatMessage.from_user(content_parts=[QUESTION, *shown])]
        [said] = generator.run(history, **more)["replies"]
        if scenario.name != "loop":
            return [_heard(said)]
        called = {tool.name: tool for tool in tools}
        history.append(said)
        for call in said.tool_calls:
            result = called[call.tool_name].invoke(**call.arguments)
            history.append(_DATA.ChatMessage.from_tool(result, origin=call))
        [more_said] = generator.run(history, **more)["replies"]
        return [_heard(said), _heard(more_said)]

    def ask_plainly(self, model: str) -> object:
        return self._make(model).run([_DATA.ChatMessage.from_user(QUESTION)])


def _ignored(_: Any) -> None:
    """Streams are asked for by saying who hears them."""


def _heard(said: Any) -> Heard:
    about: dict[str, Any] = said.meta
    usage: Any = about.get("usage") or {}
    given = usage.get("prompt_tokens", usage.get("input_tokens"))
    made = usage.get("completion_tokens", usage.get("output_tokens"))
    # Google's thoughts are counted apart, and what is withheld is shown as a word of its own.
    thoughts = usage.get("thoughts_token_count") or 0
    shown = said.reasoning.reasoning_text.replace("[REDACTED]", "") if said.reasoning else ""
    return Heard(
        text=said.text or "",
        calls=tuple((call.tool_name, call.arguments) for call in said.tool_calls),
        finish=about.get("finish_reason") or about.get("status"),
        tokens=None if given is None else (given, made + thoughts),
        reasoning=shown or None,
    )


def _chat(scenario: Scenario) -> dict[str, Any]:
    more: dict[str, Any] = {}
    if scenario.streamed:
        more["stream_options"] = {"include_usage": True}
    if scenario.name == "thinking":
        more["reasoning_effort"] = "low"
    if scenario.schema:
        named = {"name": "answer", "schema": scenario.schema, "strict": True}
        more["response_format"] = {"type": "json_schema", "json_schema": named}
    return more


def _responses(scenario: Scenario) -> dict[str, Any]:
    more: dict[str, Any] = {}
    if scenario.name == "thinking":
        more["reasoning"] = {"effort": "low", "summary": "auto"}
    if scenario.schema:
        form = {"type": "json_schema", "name": "answer", "schema": scenario.schema, "strict": True}
        more["text"] = {"format": form}
    return more


def _messages(scenario: Scenario) -> dict[str, Any]:
    more: dict[str, Any] = {"max_tokens": 2000}
    if scenario.name == "thinking":
        more["thinking"] = {"type": "enabled", "budget_tokens": 1024}
    if scenario.schema:
        more["output_config"] = {"format": {"type": "json_schema", "schema": scenario.schema}}
    return more


def _generate(scenario: Scenario) -> dict[str, Any]:
    more: dict[str, Any] = {}
    if scenario.name == "thinking":
        is_older = scenario.model.startswith("gemini-2")
        more |= {"thinking_budget": 1024} if is_older else {"thinking_level": "low"}
    if scenario.schema:
        more |= {"response_mime_type": "application/json", "response_json_schema": scenario.schema}
    return more


def haystack(url: str, key: str) -> dict[str, Asking]:
    """All of them by their names."""
    secret = _SECRETS.Secret.from_token(key)
    options: dict[str, Any] = {"api_base_url": f"{url}/v1", "api_key": secret, "max_retries": 0}
    return {
        "haystack-openai": Haystack(lambda model: _CHAT.OpenAIChatGenerator(model=model, **options), _chat),
        "haystack-openai-responses": Haystack(
            lambda model: _CHAT.OpenAIResponsesChatGenerator(model=model, **options), _responses
        ),
        "anthropic-haystack": Haystack(
            lambda model: _ANTHROPIC.AnthropicChatGenerator(model=model, api_key=secret, max_retries=0),
            _messages,
        ),
        "google-genai-haystack": Haystack(
            lambda model: _GOOGLE.GoogleGenAIChatGenerator(model=model, api_key=secret, max_retries=0),
            _generate,
        ),
    }

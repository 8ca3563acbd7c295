"""`litellm` as a client, over each dialect of callers. Read next: `tests.contract.clients.asking`."""

import json
from typing import Any

import pytest
from tests.contract.clients.asking import Asking, Heard
from tests.contract.clients.replayed_traffic import OUTPUT, QUESTION, Scenario
from tests.flow.dialect_clients import PIXEL

_LITELLM: Any = pytest.importorskip("litellm", reason="the extra `frameworks` is not installed")


class LiteLLM:
    """Its `completion`, with the prefix that says which dialect it speaks."""

    def __init__(self, prefix: str, address: str, key: str) -> None:
        self._prefix = prefix
        self._options = {"api_base": address, "api_key": key, "max_retries": 0, "num_retries": 0}

    def ask(self, scenario: Scenario) -> list[Heard]:
        more = _settings(scenario)
        history: list[Any] = [{"role": "user", "content": _question(scenario)}]
        said = self._said(scenario, history, more)
        if scenario.name != "loop":
            return [_heard(said)]
        message = said.choices[0].message
        results = [
            {"role": "tool", "tool_call_id": call.id, "content": OUTPUT} for call in message.tool_calls
        ]
        # Its own message goes back, as its guides say; what that does to the message is its own affair.
        first = _heard(said)
        return [first, _heard(self._said(scenario, [*history, message, *results], more))]

    def ask_plainly(self, model: str) -> object:
        messages = [{"role": "user", "content": QUESTION}]
        return _LITELLM.completion(model=f"{self._prefix}/{model}", messages=messages, **self._options)

    def _said(self, scenario: Scenario, history: list[Any], more: dict[str, Any]) -> Any:
        said = _LITELLM.completion(
            model=f"{self._prefix}/{scenario.alias}", messages=history, **self._options, **more
        )
        if not scenario.streamed:
            return said
        return _LITELLM.stream_chunk_builder(list(said), messages=history)


def _settings(scenario: Scenario) -> dict[str, Any]:
    more: dict[str, Any] = {}
    if scenario.streamed:
        more |= {"stream": True, "stream_options": {"include_usage": True}}
    if scenario.name == "thinking":
        # Its list of what models take does not know an alias.
        more |= {"reasoning_effort": "low", "allowed_openai_params": ["reasoning_effort"]}
    if scenario.tools:
        functions = [
            {"name": tool.name, "description": tool.description, "parameters": tool.parameters}
            for tool in scenario.tools
        ]
        more["tools"] = [{"type": "function", "function": function} for function in functions]
    if scenario.schema:
        named = {"name": "answer", "schema": scenario.schema, "strict": True}
        more["response_format"] = {"type": "json_schema", "json_schema": named}
    return more


def _question(scenario: Scenario) -> list[Any]:
    shown = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}}
    return [{"type": "text", "text": QUESTION}, *([shown] if scenario.name == "vision" else [])]


def _heard(said: Any) -> Heard:
    message = said.choices[0].message
    return Heard(
        text=message.content or "",
        calls=tuple(
            (call.function.name, json.loads(call.function.arguments or "{}"))
            for call in message.tool_calls or ()
        ),
        finish=said.choices[0].finish_reason,
        tokens=(said.usage.prompt_tokens, said.usage.completion_tokens),
        reasoning=getattr(message, "reasoning_content", None),
    )


def litellm_clients(url: str, key: str) -> dict[str, Asking]:
    """All of them by their names."""
    return {
        "litellm-openai": LiteLLM("openai", f"{url}/v1", key),
        "litellm-anthropic": LiteLLM("anthropic", url, key),
        "litellm-gemini": LiteLLM("gemini", f"{url}/v1beta", key),
    }

"""The official SDKs, each over its own dialect, as they ask what a scenario is about.

Read next: `asking`, which holds them to what the providers said.
"""

import base64
from typing import Any

from google import genai
from google.genai import types
from tests.contract.clients.asking import Asking, Heard
from tests.contract.clients.replayed_traffic import OUTPUT, QUESTION, Scenario, Tool
from tests.flow.dialect_clients import PIXEL, Chat, Client, Messages, Responses, Said


def _heard(said: Said) -> Heard:
    return Heard(
        text=said.text,
        calls=tuple((name, arguments) for _, name, arguments in said.tools),
        finish=said.finish,
        tokens=said.tokens,
        reasoning=said.reasoning,
    )


class OfDialect:
    """A client of `tests.flow.dialect_clients`, with what each scenario adds to a call."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def close(self) -> None:
        """Close its connections."""
        self._client.close()

    def ask(self, scenario: Scenario) -> list[Heard]:
        client = self._client
        ask = client.stream if scenario.streamed else client.ask
        history = [client.user(QUESTION, image=scenario.name == "vision")]
        more = _MORE[client.dialect](scenario)
        said = ask(scenario.alias, history, **more)
        if scenario.name != "loop":
            return [_heard(said)]
        history += client.result(said, OUTPUT)
        return [_heard(said), _heard(ask(scenario.alias, history, **more))]

    def ask_plainly(self, model: str) -> object:
        return self._client.ask(model, [self._client.user(QUESTION)])


def _chat(scenario: Scenario) -> dict[str, Any]:
    more: dict[str, Any] = {}
    if scenario.tools:
        more["tools"] = [{"type": "function", "function": _function(tool)} for tool in scenario.tools]
    if scenario.name == "thinking":
        more["reasoning_effort"] = "low"
    if scenario.schema:
        named = {"name": "answer", "schema": scenario.schema, "strict": True}
        more["response_format"] = {"type": "json_schema", "json_schema": named}
    return more


def _function(tool: Tool) -> dict[str, Any]:
    return {"name": tool.name, "description": tool.description, "parameters": tool.parameters}


def _responses(scenario: Scenario) -> dict[str, Any]:
    more: dict[str, Any] = {}
    if scenario.tools:
        more["tools"] = [{"type": "function", **_function(tool), "strict": False} for tool in scenario.tools]
    if scenario.schema:
        form = {"type": "json_schema", "name": "answer", "schema": scenario.schema, "strict": True}
        more["text"] = {"format": form}
    if scenario.name == "thinking":
        more["reasoning"] = {"effort": "low", "summary": "auto"}
    return more


def _messages(scenario: Scenario) -> dict[str, Any]:
    more: dict[str, Any] = {}
    if scenario.tools:
        more["tools"] = [
            {"name": tool.name, "description": tool.description, "input_schema": tool.parameters}
            for tool in scenario.tools
        ]
    if scenario.schema:
        more["output_config"] = {"format": {"type": "json_schema", "schema": scenario.schema}}
    if scenario.name == "thinking":
        more["thinking"] = {"type": "enabled", "budget_tokens": 1024}
    return more


def _generate(scenario: Scenario) -> dict[str, Any]:
    more: dict[str, Any] = {}
    if scenario.tools:
        declared = [
            {"name": tool.name, "description": tool.description, "parameters_json_schema": tool.parameters}
            for tool in scenario.tools
        ]
        more["tools"] = [{"function_declarations": declared}]
    if scenario.schema:
        more["response_mime_type"] = "application/json"
        more["response_json_schema"] = scenario.schema
    if scenario.name == "thinking":
        is_older = scenario.model.startswith("gemini-2")
        measure = {"thinking_budget": 1024} if is_older else {"thinking_level": "LOW"}
        more["thinking_config"] = {**measure, "include_thoughts": True}
    return more


_MORE = {"openai-chat": _chat, "openai-responses": _responses, "anthropic": _messages, "google": _generate}


class Genai:
    """Google's own SDK."""

    dialect = "google"

    def __init__(self, url: str, key: str) -> None:
        self._client: Any = genai.Client(api_key=key, http_options=types.HttpOptions(base_url=url))

    def close(self) -> None:
        self._client.close()

    def user(self, text: str, *, image: bool = False) -> Any:
        shown = types.Part.from_bytes(data=base64.b64decode(PIXEL), mime_type="image/png")
        parts = [*([shown] if image else []), types.Part.from_text(text=text)]
        return types.Content(role="user", parts=parts)

    def result(self, called: Said, output: str) -> list[Any]:
        results = [
            {"function_response": {"id": id_ or None, "name": name, "response": {"output": output}}}
            for id_, name, _ in called.tools
        ]
        return [called.turn, {"role": "user", "parts": results}]

    def ask(self, model: str, messages: list[Any], **more: Any) -> Said:
        return self._said([self._client.models.generate_content(model=model, contents=messages, config=more)])

    def stream(self, model: str, messages: list[Any], **more: Any) -> Said:
        found = self._client.models.generate_content_stream(model=model, contents=messages, config=more)
        return self._said(list(found))

    def _said(self, chunks: list[Any]) -> Said:
        contents = [chunk.candidates[0].content for chunk in chunks if chunk.candidates]
        parts = [part for content in contents if content for part in content.parts or ()]
        calls = [part.function_call for part in parts if part.function_call]
        usage = chunks[-1].usage_metadata
        texts = [(part.text, part.thought) for part in parts if part.text]
        return Said(
            text="".join(text for text, is_thought in texts if not is_thought),
            finish=chunks[-1].candidates[0].finish_reason.value,
            tokens=(
                usage.prompt_token_count,
                (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0),
            ),
            tools=tuple((one.id or "", one.name, one.args or {}) for one in calls),
            turn=types.Content(role="model", parts=parts),
            reasoning="".join(text for text, is_thought in texts if is_thought),
        )


def official(url: str, key: str) -> dict[str, OfDialect]:
    """All of them by their names."""
    made: dict[str, Client] = {
        "openai": Chat(url, key),
        "openai-responses": Responses(url, key),
        "anthropic": Messages(url, key),
        "google-genai": Genai(url, key),
    }
    return {name: OfDialect(client) for name, client in made.items()}


_: type[Asking] = OfDialect

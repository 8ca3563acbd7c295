"""LangChain's chat models over each dialect of callers, as they ask what a scenario is about.

Google's goes over REST: its other transport is gRPC, which no gateway of HTTP speaks. Read next:
`tests.contract.clients.asking`.
"""

from collections.abc import Callable
from typing import Any

import pytest
from tests.contract.clients.asking import Asking, Heard
from tests.contract.clients.replayed_traffic import OUTPUT, QUESTION, Scenario
from tests.flow.dialect_clients import PIXEL

_WHY = "the extra `frameworks` is not installed"
_ANTHROPIC: Any = pytest.importorskip("langchain_anthropic", reason=_WHY)
_GOOGLE: Any = pytest.importorskip("langchain_google_genai", reason=_WHY)
_MESSAGES: Any = pytest.importorskip("langchain_core.messages", reason=_WHY)
_OPENAI: Any = pytest.importorskip("langchain_openai", reason=_WHY)
Make = Callable[..., Any]


class LangChain:
    """A chat model of LangChain. `make`: of a model's name and settings; `thinking`: what asks for thoughts.
    `has_temperature`: whether it always sends one, which models that think refuse."""

    def __init__(self, make: Make, thinking: dict[str, Any], *, has_temperature: bool = False) -> None:
        self._make = make
        self._thinking = thinking
        self._has_temperature = has_temperature

    def _alias(self, scenario: Scenario) -> str:
        return f"{scenario.alias}-lenient" if self._has_temperature else scenario.alias

    def ask(self, scenario: Scenario) -> list[Heard]:
        more = self._thinking if scenario.name == "thinking" else {}
        model: Any = self._make(self._alias(scenario), **more)
        if scenario.tools:
            model = model.bind_tools(
                [_tool(tool.name, tool.description, tool.parameters) for tool in scenario.tools]
            )
        if scenario.schema:
            titled = {"title": "answer", "description": "The answer", **scenario.schema}
            model = model.with_structured_output(titled, method="json_schema", include_raw=True)
        history: list[Any] = [_MESSAGES.HumanMessage(content=_question(scenario))]
        said = self._said(model, history, streamed=scenario.streamed)
        if scenario.name != "loop":
            return [_heard(said)]
        results = [_MESSAGES.ToolMessage(content=OUTPUT, tool_call_id=call["id"]) for call in said.tool_calls]
        more = self._said(model, [*history, said, *results], streamed=scenario.streamed)
        return [_heard(said), _heard(more)]

    def ask_plainly(self, model: str) -> object:
        return self._make(model).invoke(QUESTION)

    def _said(self, model: Any, history: list[Any], *, streamed: bool) -> Any:
        if not streamed:
            said = model.invoke(history)
            return said if isinstance(said, _MESSAGES.AIMessage) else said["raw"]
        whole: Any = None
        for chunk in model.stream(history):
            whole = chunk if whole is None else whole + chunk
        return whole


def _tool(name: str, description: str, parameters: dict[str, Any]) -> dict[str, Any]:
    function = {"name": name, "description": description, "parameters": parameters}
    return {"type": "function", "function": function}


def _question(scenario: Scenario) -> list[Any]:
    shown = {"type": "image", "base64": PIXEL, "mime_type": "image/png"}
    return [{"type": "text", "text": QUESTION}, *([shown] if scenario.name == "vision" else [])]


def _heard(said: Any) -> Heard:
    about: dict[str, Any] = said.response_metadata
    usage: Any = said.usage_metadata
    blocks: list[Any] = said.content_blocks
    thoughts = [block.get("reasoning") or "" for block in blocks if block["type"] == "reasoning"]
    return Heard(
        text=said.text,
        calls=tuple((call["name"], call["args"]) for call in said.tool_calls),
        finish=about.get("finish_reason") or about.get("stop_reason") or about.get("status"),
        # Anthropic's says none of what went in where a stream's last usage does not say it again.
        tokens=(usage["input_tokens"], usage["output_tokens"]) if usage["input_tokens"] else None,
        reasoning="".join(thoughts) or None,
    )


def langchain(url: str, key: str) -> dict[str, Asking]:
    """All of them by their names."""

    def chat(model: str, **more: Any) -> Any:
        return _OPENAI.ChatOpenAI(
            model=model, base_url=f"{url}/v1", api_key=key, max_retries=0, stream_usage=True, **more
        )

    def responses(model: str, **more: Any) -> Any:
        return chat(model, use_responses_api=True, **more)

    def messages(model: str, **more: Any) -> Any:
        return _ANTHROPIC.ChatAnthropic(
            model=model, base_url=url, api_key=key, max_retries=0, max_tokens=2000, **more
        )

    def generate(model: str, **more: Any) -> Any:
        return _GOOGLE.ChatGoogleGenerativeAI(
            model=model, base_url=url, transport="rest", api_key=key, max_retries=1, **more
        )

    return {
        "langchain-openai": LangChain(chat, {"reasoning_effort": "low"}),
        "langchain-openai-responses": LangChain(
            responses, {"reasoning": {"effort": "low", "summary": "auto"}}
        ),
        "langchain-anthropic": LangChain(messages, {"thinking": {"type": "enabled", "budget_tokens": 1024}}),
        "langchain-google-genai": LangChain(
            generate, {"thinking_budget": 1024, "include_thoughts": True}, has_temperature=True
        ),
    }

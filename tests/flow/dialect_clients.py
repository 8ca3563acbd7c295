"""The official clients of each dialect behind one face: ask, stream, call a tool, answer it, show an image.

What a client's own library refuses to read fails the test that uses it. Google's has no library here: its
answers are read as JSON.
"""

import json
from collections.abc import Mapping
from typing import Any, Protocol

import anthropic
import httpx
import msgspec
import openai

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
"""A PNG of one pixel, in base64."""
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
}
TOOL = ("get_weather", "The weather in a city", SCHEMA)


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """One answer, as the client's library has it. `turn` is what the client would send back."""

    text: str
    finish: str
    tokens: tuple[int, int]
    tools: tuple[tuple[str, str, dict[str, Any]], ...] = ()
    """Id, name and arguments of each call."""
    headers: Mapping[str, str] = msgspec.field(default_factory=dict[str, str])
    turn: Any = None
    reasoning: str = ""


class Client(Protocol):
    """What the tests ask of a dialect's client."""

    dialect: str

    def user(self, text: str, *, image: bool = False) -> Any:
        """A user's message."""
        ...

    def result(self, called: Said, output: str) -> list[Any]:
        """The messages that go on after a tool's call: the assistant's turn, and the result."""
        ...

    def ask(self, model: str, messages: list[Any], **more: Any) -> Said:
        """A whole answer. `tool`: offer the tool; `think`: ask for reasoning; others go out as they are."""
        ...

    def stream(self, model: str, messages: list[Any], **more: Any) -> Said:
        """The same as a stream."""
        ...

    def close(self) -> None:
        """Close its connections."""
        ...


class Chat:
    """OpenAI's chat completions."""

    dialect = "openai-chat"

    def __init__(self, url: str, key: str) -> None:
        self._client: Any = openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0)

    def close(self) -> None:
        self._client.close()

    def user(self, text: str, *, image: bool = False) -> Any:
        shown = [{"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}}]
        return {"role": "user", "content": [{"type": "text", "text": text}, *(shown if image else [])]}

    def result(self, called: Said, output: str) -> list[Any]:
        results = [{"role": "tool", "tool_call_id": id_, "content": output} for id_, _, _ in called.tools]
        return [called.turn, *results]

    def _more(self, more: dict[str, Any]) -> dict[str, Any]:
        name, about, schema = TOOL
        if more.pop("tool", False):
            function = {"name": name, "description": about, "parameters": schema}
            more["tools"] = [{"type": "function", "function": function}]
        if more.pop("think", False):
            more["reasoning_effort"] = "low"
        return more

    def ask(self, model: str, messages: list[Any], **more: Any) -> Said:
        raw = self._client.chat.completions.with_raw_response.create(
            model=model, messages=messages, **self._more(more)
        )
        return self._said(raw.parse(), raw.headers)

    def stream(self, model: str, messages: list[Any], **more: Any) -> Said:
        options = {"stream_options": {"include_usage": True}, **self._more(more)}
        with self._client.chat.completions.stream(model=model, messages=messages, **options) as stream:
            answer = stream.get_final_completion()
            headers = stream._response.headers
        return self._said(answer, headers)

    def _said(self, answer: Any, headers: Mapping[str, str]) -> Said:
        choice = answer.choices[0]
        message = choice.message
        turn = message.model_dump(exclude_none=True, exclude={"parsed"})
        return Said(
            text=message.content or "",
            finish=choice.finish_reason,
            tokens=(answer.usage.prompt_tokens, answer.usage.completion_tokens),
            tools=tuple(
                (one.id, one.function.name, json.loads(one.function.arguments))
                for one in message.tool_calls or ()
            ),
            headers=headers,
            turn=turn,
            reasoning=turn.get("reasoning_content", ""),
        )


class Responses:
    """OpenAI's Responses."""

    dialect = "openai-responses"

    def __init__(self, url: str, key: str) -> None:
        self._client: Any = openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0)

    def close(self) -> None:
        self._client.close()

    def user(self, text: str, *, image: bool = False) -> Any:
        shown = [{"type": "input_image", "image_url": f"data:image/png;base64,{PIXEL}", "detail": "auto"}]
        return {"role": "user", "content": [{"type": "input_text", "text": text}, *(shown if image else [])]}

    def result(self, called: Said, output: str) -> list[Any]:
        results = [
            {"type": "function_call_output", "call_id": id_, "output": output} for id_, _, _ in called.tools
        ]
        return [*called.turn, *results]

    def _more(self, more: dict[str, Any]) -> dict[str, Any]:
        name, about, schema = TOOL
        if more.pop("tool", False):
            tool = {"type": "function", "name": name, "description": about, "parameters": schema}
            more["tools"] = [{**tool, "strict": False}]
        if more.pop("think", False):
            more["reasoning"] = {"effort": "low"}
        return {"store": False, **more}

    def ask(self, model: str, messages: list[Any], **more: Any) -> Said:
        raw = self._client.responses.with_raw_response.create(model=model, input=messages, **self._more(more))
        return self._said(raw.parse(), raw.headers)

    def stream(self, model: str, messages: list[Any], **more: Any) -> Said:
        with self._client.responses.stream(model=model, input=messages, **self._more(more)) as stream:
            answer = stream.get_final_response()
            headers = stream._response.headers
        return self._said(answer, headers)

    def _said(self, answer: Any, headers: Mapping[str, str]) -> Said:
        calls = [item for item in answer.output if item.type == "function_call"]
        thoughts = [item for item in answer.output if item.type == "reasoning"]
        return Said(
            text=answer.output_text,
            finish=answer.status,
            tokens=(answer.usage.input_tokens, answer.usage.output_tokens),
            tools=tuple((one.call_id, one.name, json.loads(one.arguments)) for one in calls),
            headers=headers,
            turn=[item.model_dump(exclude_none=True, exclude={"parsed_arguments"}) for item in answer.output],
            reasoning="".join(part.text for item in thoughts for part in item.summary),
        )


class Messages:
    """Anthropic's Messages."""

    dialect = "anthropic"

    def __init__(self, url: str, key: str) -> None:
        self._client: Any = anthropic.Anthropic(base_url=url, api_key=key, max_retries=0)

    def close(self) -> None:
        self._client.close()

    def user(self, text: str, *, image: bool = False) -> Any:
        source = {"type": "base64", "media_type": "image/png", "data": PIXEL}
        shown = [{"type": "image", "source": source}] if image else []
        return {"role": "user", "content": [*shown, {"type": "text", "text": text}]}

    def result(self, called: Said, output: str) -> list[Any]:
        results = [
            {"type": "tool_result", "tool_use_id": id_, "content": output} for id_, _, _ in called.tools
        ]
        return [called.turn, {"role": "user", "content": results}]

    def _more(self, more: dict[str, Any]) -> dict[str, Any]:
        name, about, schema = TOOL
        if more.pop("tool", False):
            more["tools"] = [{"name": name, "description": about, "input_schema": schema}]
        if more.pop("think", False):
            more["thinking"] = {"type": "enabled", "budget_tokens": 1024}
        return {"max_tokens": 2000, **more}

    def ask(self, model: str, messages: list[Any], **more: Any) -> Said:
        raw = self._client.messages.with_raw_response.create(
            model=model, messages=messages, **self._more(more)
        )
        return self._said(raw.parse(), raw.headers)

    def stream(self, model: str, messages: list[Any], **more: Any) -> Said:
        with self._client.messages.stream(model=model, messages=messages, **self._more(more)) as stream:
            answer = stream.get_final_message()
            headers = stream.response.headers
        return self._said(answer, headers)

    def _said(self, answer: Any, headers: Mapping[str, str]) -> Said:
        blocks = [block.model_dump(exclude_none=True, exclude={"parsed_output"}) for block in answer.content]
        return Said(
            text="".join(block.text for block in answer.content if block.type == "text"),
            finish=answer.stop_reason,
            tokens=(answer.usage.input_tokens, answer.usage.output_tokens),
            tools=tuple((one.id, one.name, one.input) for one in answer.content if one.type == "tool_use"),
            headers=headers,
            turn={"role": "assistant", "content": blocks},
            reasoning="".join(block.thinking for block in answer.content if block.type == "thinking"),
        )


class Generate:
    """Google's generateContent, by hand."""

    dialect = "google"

    def __init__(self, url: str, key: str) -> None:
        self._client = httpx.Client(
            base_url=url,
            headers={"x-goog-api-key": key},
            timeout=60,
            trust_env=False,
            verify=False,
        )

    def close(self) -> None:
        self._client.close()

    def user(self, text: str, *, image: bool = False) -> Any:
        shown = [{"inlineData": {"mimeType": "image/png", "data": PIXEL}}] if image else []
        return {"role": "user", "parts": [*shown, {"text": text}]}

    def result(self, called: Said, output: str) -> list[Any]:
        parts = [
            {"functionResponse": {"id": id_, "name": name, "response": {"output": output}}}
            for id_, name, _ in called.tools
        ]
        return [called.turn, {"role": "user", "parts": parts}]

    def _body(self, messages: list[Any], more: dict[str, Any]) -> dict[str, Any]:
        name, about, schema = TOOL
        if more.pop("tool", False):
            declared = {"name": name, "description": about, "parametersJsonSchema": schema}
            more["tools"] = [{"functionDeclarations": [declared]}]
        if more.pop("think", False):
            more["generationConfig"] = {"thinkingConfig": {"thinkingLevel": "LOW", "includeThoughts": True}}
        return {"contents": messages, **more}

    def ask(self, model: str, messages: list[Any], **more: Any) -> Said:
        given = self._client.post(f"/v1beta/models/{model}:generateContent", json=self._body(messages, more))
        assert given.status_code == 200, given.text
        return self._said([given.json()], given.headers)

    def stream(self, model: str, messages: list[Any], **more: Any) -> Said:
        path = f"/v1beta/models/{model}:streamGenerateContent?alt=sse"
        given = self._client.post(path, json=self._body(messages, more))
        assert given.status_code == 200, given.text
        lines = [line for line in given.text.splitlines() if line]
        assert all(line.startswith("data: ") for line in lines)
        return self._said([json.loads(line[6:]) for line in lines], given.headers)

    def _said(self, chunks: list[Any], headers: Mapping[str, str]) -> Said:
        parts = [part for chunk in chunks for part in chunk["candidates"][0].get("content", {})["parts"]]
        calls = [part["functionCall"] for part in parts if "functionCall" in part]
        usage = chunks[-1]["usageMetadata"]
        made = usage.get("candidatesTokenCount", 0) + usage.get("thoughtsTokenCount", 0)
        return Said(
            text="".join(part.get("text", "") for part in parts if not part.get("thought")),
            finish=chunks[-1]["candidates"][0]["finishReason"],
            tokens=(usage["promptTokenCount"], made),
            tools=tuple((one.get("id", ""), one["name"], one.get("args", {})) for one in calls),
            headers=headers,
            turn={"role": "model", "parts": parts},
            reasoning="".join(part.get("text", "") for part in parts if part.get("thought")),
        )


CLIENTS: tuple[type[Chat] | type[Responses] | type[Messages] | type[Generate], ...] = (
    Chat,
    Responses,
    Messages,
    Generate,
)

"""Google's official SDK as a `tests.flow.dialect_clients.Client`: what it refuses to read fails the test."""

from typing import Any

from google import genai
from google.genai import types
from tests.flow.dialect_clients import TOOL, Said


class Gemini:
    """Google's generateContent, by its own library. A turn is sent back as the object that it was."""

    dialect = "google"

    def __init__(self, url: str, key: str) -> None:
        self._client: Any = genai.Client(api_key=key, http_options=types.HttpOptions(base_url=url))

    def close(self) -> None:
        self._client.close()

    def user(self, text: str, *, image: bool = False) -> Any:
        assert not image
        return types.UserContent(parts=[types.Part(text=text)])

    def result(self, called: Said, output: str) -> list[Any]:
        parts = [
            types.Part(
                function_response=types.FunctionResponse(
                    id=identifier or None, name=name, response={"output": output}
                )
            )
            for identifier, name, _ in called.tools
        ]
        return [*called.turn, types.UserContent(parts=parts)]

    def _config(self, more: dict[str, Any]) -> Any:
        name, about, schema = TOOL
        if more.pop("tool", False):
            declared = types.FunctionDeclaration(name=name, description=about, parameters_json_schema=schema)
            more["tools"] = [types.Tool(function_declarations=[declared])]
        if more.pop("think", False):
            more["thinking_config"] = types.ThinkingConfig(thinking_level="LOW", include_thoughts=True)  # pyright: ignore[reportArgumentType]
        off = types.AutomaticFunctionCallingConfig(disable=True)
        return types.GenerateContentConfig(automatic_function_calling=off, **more)

    def ask(self, model: str, messages: list[Any], **more: Any) -> Said:
        found = self._client.models.generate_content(
            model=model, contents=messages, config=self._config(more)
        )
        return self._said([found])

    def stream(self, model: str, messages: list[Any], **more: Any) -> Said:
        found = self._client.models.generate_content_stream(
            model=model, contents=messages, config=self._config(more)
        )
        return self._said(list(found))

    def _said(self, chunks: list[Any]) -> Said:
        turns = [chunk.candidates[0].content for chunk in chunks if chunk.candidates]
        parts = [part for turn in turns if turn is not None for part in turn.parts or ()]
        called = [part.function_call for part in parts if part.function_call]
        usage = chunks[-1].usage_metadata
        return Said(
            text="".join(part.text or "" for part in parts if not part.thought),
            finish=chunks[-1].candidates[0].finish_reason.value,
            tokens=(
                usage.prompt_token_count or 0,
                (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0),
            ),
            tools=tuple((one.id or "", one.name, one.args or {}) for one in called),
            headers=dict(chunks[0].sdk_http_response.headers or {}),
            turn=[types.ModelContent(parts=parts)],
            reasoning="".join(part.text or "" for part in parts if part.thought),
        )

"""What Google's own SDK sends and takes: through its client, over a transport that answers by itself."""

from functools import cache
from typing import Any

import httpx
import msgspec
import pytest
from tests.recorded_exchanges import recorded
from tests.wire.dialects.google_samples import ANSWER, ASKED, EVENTS, USAGE, WORDS, events_of, written_by

from headgate.core.chat import Media, Reasoning, Seal, Text, ToolCall, ToolResult
from headgate.core.quirks import PLAIN
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.google.codec import CODEC
from headgate.wire.usage import usage_of

genai = pytest.importorskip("google.genai", reason="google-genai is not installed")
types = genai.types

Client = Any
Seen = list[dict[str, Any]]


class Provider:
    """Answers what it is told to, and keeps what it was asked. One for all: a client is slow to make."""

    def __init__(self) -> None:
        self.body = b"{}"
        self.kind = "application/json"
        self.seen: Seen = []
        transport = httpx.Client(transport=httpx.MockTransport(self.answer))
        options = types.HttpOptions(httpx_client=transport)
        self.client: Client = genai.Client(api_key="none", http_options=options)

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(msgspec.json.decode(request.content))
        return httpx.Response(200, content=self.body, headers={"content-type": self.kind})


@cache
def provider() -> Provider:
    return Provider()


def client(body: bytes, *, stream: bool = False) -> tuple[Client, Seen]:
    """A client of the SDK whose provider answers that body, and the calls that it will have made."""
    found = provider()
    found.body, found.seen = body, []
    found.kind = "text/event-stream" if stream else "application/json"
    return found.client, found.seen


def ask(body: bytes, **more: Any) -> Any:
    found, _ = client(body)
    return found.models.generate_content(model="gemini-x", contents="?", **more)


def ask_stream(body: bytes) -> list[Any]:
    found, _ = client(body, stream=True)
    return list(found.models.generate_content_stream(model="gemini-x", contents="?"))


def without_http(response: Any) -> Any:
    return response.model_copy(update={"sdk_http_response": None})


def test_every_recorded_answer_written_back_is_the_same_to_the_sdk():
    for one, route in recorded():
        if route.dialect != "google" or route.operation != "chat" or one.stream or one.status != 200:
            continue
        written = CODEC.write_answer(CODEC.read_answer(one.response.encode()), ASKED, Changes())
        assert without_http(ask(written)) == without_http(ask(one.response.encode())), one.id


def said(chunks: list[Any]) -> tuple[str, list[Any], list[bytes]]:
    parts = [
        part
        for chunk in chunks
        for candidate in chunk.candidates or ()
        for part in (candidate.content.parts if candidate.content else None) or ()
    ]
    return (
        "".join(part.text for part in parts if part.text and not part.thought),
        [part.function_call for part in parts if part.function_call],
        [part.thought_signature for part in parts if part.thought_signature],
    )


def test_every_recorded_stream_written_back_says_the_same_to_the_sdk():
    for one, route in recorded():
        if route.dialect != "google" or not one.stream:
            continue
        body = one.response.encode()
        events = events_of(CODEC.events_in(), [body])
        written = written_by(CODEC.events_out(ASKED, Changes()), tuple(events))
        given, found = ask_stream(body), ask_stream(written)
        assert said(found) == said(given), one.id
        assert found[-1].usage_metadata == given[-1].usage_metadata
        assert found[-1].candidates[0].finish_reason == given[-1].candidates[0].finish_reason
        assert found[-1].candidates[0].grounding_metadata == given[-1].candidates[0].grounding_metadata
        assert {chunk.response_id for chunk in found} == {given[0].response_id}


def test_an_answer_of_another_dialect_is_one_to_the_sdk():
    changes = Changes()
    written = CODEC.write_answer(ANSWER, ASKED, changes)
    strict = types.GenerateContentResponse.model_validate(msgspec.json.decode(written))
    response = ask(written)
    assert (response.candidates, response.usage_metadata) == (strict.candidates, strict.usage_metadata)
    assert response.text == WORDS + "Not that."
    assert [(call.id, call.name, call.args) for call in response.function_calls] == [
        ("call_1", "look", {"city": "Paris", "n": [1, 2.5, None]}),
        ("call_2", "now", {}),
    ]
    assert response.candidates[0].finish_reason.value == "STOP"
    assert response.candidates[0].content.parts[0].thought
    assert response.usage_metadata.total_token_count == USAGE.total
    assert [str(change) for change in changes] == [
        "candidates[0]: google has no part of the kind server_tool_use"
    ]


def test_a_stream_of_another_dialect_is_one_to_the_sdk():
    written = written_by(CODEC.events_out(ASKED, Changes()), EVENTS)
    for event in written.decode().strip().split("\n\n"):
        types.GenerateContentResponse.model_validate(msgspec.json.decode(event.removeprefix("data: ")))
    chunks = ask_stream(written)
    text, calls, signatures = said(chunks)
    assert text == WORDS + "äh"
    assert sorted((call.name, call.args["city"] if call.args else "") for call in calls) == [
        ("look", "Paris"),
        ("now", ""),
    ]
    assert len(signatures) == 2, "the seal of the reasoning, and the dummy of the first call (34)"
    assert chunks[-1].candidates[0].finish_reason.value == "STOP"
    usage = msgspec.json.decode(chunks[-1].usage_metadata.model_dump_json(by_alias=True, exclude_none=True))
    assert usage_of("google", "chat", usage).total == USAGE.total


def test_trap_16_what_the_sdk_s_own_parser_makes_of_a_stream_is_what_was_written():
    body = written_by(CODEC.events_out(ASKED, Changes()), EVENTS)
    noisy = b": a comment\r\n\r\n" + body.replace(b"\n\n", b"\r\n\r\n")
    assert events_of(CODEC.events_in(), [noisy]) == events_of(CODEC.events_in(), [body])


def conversation() -> list[Any]:
    return [
        types.Content(
            role="user",
            parts=[
                types.Part(text="What is this?"),
                types.Part(inline_data=types.Blob(mime_type="image/png", data=b"\xff\xfe\xfd" * 3)),
                types.Part(file_data=types.FileData(mime_type="video/mp4", file_uri="https://youtu.be/x")),
            ],
        ),
        types.Content(
            role="model",
            parts=[
                types.Part(
                    function_call=types.FunctionCall(name="look", args={"a": 1}, id="c1"),
                    thought_signature=b"\xff\xfe\xfd\xfb",
                )
            ],
        ),
        types.Content(
            role="user", parts=[types.Part.from_function_response(name="look", response={"output": "it"})]
        ),
    ]


def schema() -> Any:
    name = types.Schema(type="STRING", nullable=True, min_length=2, enum=["a", "b"])
    return types.Schema(type="OBJECT", properties={"name": name}, required=["name"])


def configuration() -> Any:
    declaration = types.FunctionDeclaration(name="look", parameters=schema())
    return types.GenerateContentConfig(
        system_instruction="Be brief.",
        temperature=0.5,
        top_k=40,
        stop_sequences=["END"],
        max_output_tokens=100,
        thinking_config=types.ThinkingConfig(thinking_budget=512, include_thoughts=True),
        response_mime_type="application/json",
        response_schema=schema(),
        tools=[types.Tool(function_declarations=[declaration])],
        tool_config=types.ToolConfig(
            function_calling_config=types.FunctionCallingConfig(
                mode=types.FunctionCallingConfigMode.ANY, allowed_function_names=["look"]
            )
        ),
        automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
        safety_settings=[
            types.SafetySetting(
                category=types.HarmCategory.HARM_CATEGORY_HATE_SPEECH,
                threshold=types.HarmBlockThreshold.BLOCK_NONE,
            )
        ],
    )


def sent_by_the_sdk() -> dict[str, Any]:
    answered = CODEC.write_answer(ANSWER, ASKED, Changes())
    found, seen = client(answered)
    found.models.generate_content(model="gemini-x", contents=conversation(), config=configuration())
    return seen[0]


def test_a_call_of_the_sdk_is_read_and_written_back():
    sent = sent_by_the_sdk()
    call = CODEC.read_call(msgspec.json.encode(sent), model="gemini-x", stream=False)
    assert msgspec.json.decode(CODEC.write_call(call, PLAIN, Changes())) == sent
    system, asked, called, answered = call.messages
    assert (system.role, asked.role, called.role, answered.role) == ("system", "user", "assistant", "user")
    text, image, film = asked.parts
    assert isinstance(text, Text)
    assert isinstance(image, Media)
    assert (image.kind, image.data) == ("image", "//79//79//79")
    assert isinstance(film, Media)
    assert (film.kind, film.url) == ("video", "https://youtu.be/x")
    (tool,) = called.parts
    assert isinstance(tool, ToolCall)
    assert (tool.id, tool.arguments, tool.seal) == ("c1", '{"a":1}', Seal("google", "__79-w=="))
    (result,) = answered.parts
    assert isinstance(result, ToolResult)
    assert (result.name, result.parts, result.is_error) == ("look", (Text(text="it"),), False)
    assert call.sampling.top_k == 40
    assert call.sampling.stop == ("END",)
    assert call.max_output == 100
    assert call.thinking is not None
    assert (call.thinking.budget_tokens, call.thinking.is_shown) == (512, True)
    assert call.tool_choice is not None
    assert (call.tool_choice.mode, call.tool_choice.names) == ("named", ("look",))
    assert call.output is not None
    assert call.output.schema == {
        "type": "object",
        "properties": {
            "name": {"type": ["string", "null"], "minLength": 2, "enum": ["a", "b", None]}
        },
        "required": ["name"],
    }  # fmt: skip


def test_foreign_seals_come_back_through_the_sdk():
    response = ask(CODEC.write_answer(ANSWER, ASKED, Changes()))
    found, seen = client(b"{}")
    found.models.generate_content(model="gemini-x", contents=[response.candidates[0].content])
    call = CODEC.read_call(msgspec.json.encode(seen[0]), model="gemini-x")
    first, second = call.messages[0].parts[:2]
    assert first == Reasoning(text="Let me think.", seal=Seal("anthropic", "c2lnbmVk"), id="rs_1")
    assert second == Reasoning(
        seal=Seal("openai-responses:eu", "gAAAA-_x"), is_redacted=True, id="rs_2", is_summary=True
    )


def test_streamed_reasoning_comes_back_whole_through_the_sdk():
    chunks = ask_stream(written_by(CODEC.events_out(ASKED, Changes()), EVENTS))
    history = [chunk.candidates[0].content for chunk in chunks if chunk.candidates]
    found, seen = client(b"{}")
    found.models.generate_content(model="gemini-x", contents=history)
    call = CODEC.read_call(msgspec.json.encode(seen[0]), model="gemini-x")
    sealed = [
        part
        for message in call.messages
        for part in message.parts
        if isinstance(part, Reasoning) and part.seal is not None
    ]
    assert sealed == [Reasoning(text="Let me think.", seal=Seal("anthropic", "c2lnbmVk"), id="rs_1")]


def test_an_answer_without_candidates_is_one_to_the_sdk():
    body = b'{"promptFeedback":{"blockReason":"SAFETY"},"usageMetadata":{"promptTokenCount":3}}'
    written = CODEC.write_answer(CODEC.read_answer(body), ASKED, Changes())
    assert ask(written).prompt_feedback.block_reason.value == "SAFETY"

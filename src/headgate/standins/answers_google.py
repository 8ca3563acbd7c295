"""Google generateContent: the request to a conversation, and a reply to the answer's bytes. Pure.

Source: Gemini API reference, "Generating content", "Embeddings" and "Counting tokens". A stream is
server-sent events with `alt=sse`, else one JSON array that arrives piece by piece.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from headgate.core.call import Usage
from headgate.standins.answers_reply import count_input
from headgate.standins.answers_vectors import vector
from headgate.standins.conversation import (
    Choice,
    Conversation,
    InvalidBody,
    Reply,
    Tool,
    ToolResult,
    Turn,
)
from headgate.standins.planned import Piece, Planned, encode, events, whole

VECTOR_LENGTH = 768
THINKING_TOKENS_MAX = 64


class FunctionCall(msgspec.Struct, frozen=True):
    """A function call of an earlier answer."""

    name: str
    args: dict[str, Any] | None = None
    id: str | None = None


class FunctionResponse(msgspec.Struct, frozen=True):
    """What a function answered."""

    name: str
    response: dict[str, Any] | None = None
    id: str | None = None


class Data(msgspec.Struct, frozen=True, rename="camel"):
    """Data within the request, or the address of a file."""

    mime_type: str = ""


class Part(msgspec.Struct, frozen=True, rename="camel"):
    """One part of a content."""

    text: str | None = None
    thought: bool | None = None
    inline_data: Data | None = None
    file_data: Data | None = None
    function_call: FunctionCall | None = None
    function_response: FunctionResponse | None = None


class Content(msgspec.Struct, frozen=True):
    """One turn of the conversation."""

    parts: list[Part] = []
    role: str | None = None


class Declaration(msgspec.Struct, frozen=True, rename="camel"):
    """A function that may be called."""

    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None
    parameters_json_schema: dict[str, Any] | None = None


class ToolEntry(msgspec.Struct, frozen=True, rename="camel"):
    """One entry of `tools`; tools of the provider's own are not run."""

    function_declarations: list[Declaration] | None = None


class CallingConfig(msgspec.Struct, frozen=True, rename="camel"):
    """`toolConfig.functionCallingConfig`."""

    mode: str | None = None
    allowed_function_names: list[str] | None = None


class ToolConfig(msgspec.Struct, frozen=True, rename="camel"):
    """`toolConfig`."""

    function_calling_config: CallingConfig | None = None


class ThinkingConfig(msgspec.Struct, frozen=True, rename="camel"):
    """`generationConfig.thinkingConfig`."""

    include_thoughts: bool | None = None
    thinking_budget: int | None = None
    thinking_level: str | None = None


class GenerationConfig(msgspec.Struct, frozen=True, rename="camel"):
    """`generationConfig`."""

    max_output_tokens: int | None = None
    stop_sequences: list[str] | None = None
    candidate_count: int | None = None
    temperature: float | None = None
    seed: int | None = None
    response_mime_type: str | None = None
    response_schema: dict[str, Any] | None = None
    response_json_schema: dict[str, Any] | None = None
    thinking_config: ThinkingConfig | None = None


class GenerateBody(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """The whole request, as far as an answer depends on it."""

    contents: list[Content]
    system_instruction: Content | None = None
    tools: list[ToolEntry] | None = None
    tool_config: ToolConfig | None = None
    generation_config: GenerationConfig | None = None


class CountBody(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """A request to count: contents, or a whole request."""

    contents: list[Content] | None = None
    generate_content_request: GenerateBody | None = None


class EmbedBody(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """A request for one vector."""

    content: Content
    output_dimensionality: int | None = None


class BatchEmbedBody(msgspec.Struct, frozen=True, kw_only=True):
    """A request for several vectors."""

    requests: list[EmbedBody]


def conversation_of(model: str, body: GenerateBody) -> Conversation:
    """Read a request. Raises InvalidBody where the real endpoint answers 400."""
    _check(body)
    config = body.generation_config or GenerationConfig()
    turns = [_turn(content) for content in body.contents]
    if body.system_instruction:
        turns.insert(0, Turn(role="system", text=_text_of(body.system_instruction)))
    calling = (body.tool_config.function_calling_config if body.tool_config else None) or CallingConfig()
    names = tuple(calling.allowed_function_names or ())
    choice: Any = {"NONE": "none", "ANY": "named" if names else "required"}.get(
        (calling.mode or "").upper(), "auto"
    )
    thinking = config.thinking_config
    thinks = thinking is not None and (
        thinking.include_thoughts is True or thinking.thinking_level or (thinking.thinking_budget or 0) > 0
    )
    return Conversation(
        model=model,
        turns=tuple(turns),
        tools=tuple(
            Tool(
                name=declared.name,
                description=declared.description or "",
                parameters=declared.parameters_json_schema or declared.parameters or {},
            )
            for entry in body.tools or ()
            for declared in entry.function_declarations or ()
        ),
        tool_choice=choice,
        forced=names,
        schema=config.response_json_schema or config.response_schema,
        any_json=config.response_mime_type == "application/json",
        output_max=config.max_output_tokens,
        stop=tuple(config.stop_sequences or ()),
        choices=config.candidate_count or 1,
        seed=config.seed or 0,
        reasoning_tokens=THINKING_TOKENS_MAX if thinks else 0,
    )


def answer(body: GenerateBody, reply: Reply, *, stream: bool, sse: bool) -> Planned:
    """Write a reply down, whole, as events, or as an array that arrives piece by piece."""
    config = (body.generation_config.thinking_config if body.generation_config else None) or ThinkingConfig()
    shown = config.include_thoughts is True
    if not stream:
        candidates = [_candidate(reply, choice, place, shown) for place, choice in enumerate(reply.choices)]
        value = {"candidates": candidates, **_tail(reply, reply.usage)}
        return whole(value, usage=reply.usage, model=reply.model)
    pieces = list(_stream(reply, shown))
    if sse:
        made = [Piece(b"data: " + encode(value) + b"\r\n\r\n", tokens) for value, tokens in pieces]
        return events(made, usage=reply.usage, model=reply.model)
    made = [
        Piece((b"[" if place == 0 else b",\r\n") + encode(value), tokens)
        for place, (value, tokens) in enumerate(pieces)
    ]
    made.append(Piece(b"]"))
    return events(made, usage=reply.usage, model=reply.model, content_type=b"application/json")


def count(model: str, body: CountBody) -> Planned:
    """Answer how many tokens a request has."""
    wanted = body.generate_content_request or GenerateBody(contents=body.contents or [])
    tokens = count_input(conversation_of(model, wanted))
    details = [{"modality": "TEXT", "tokenCount": tokens}]
    return whole({"totalTokens": tokens, "promptTokensDetails": details}, model=model)


def embed(model: str, bodies: list[EmbedBody], seed: int, *, batch: bool) -> Planned:
    """Answer with the vectors of some contents."""
    vectors = [
        {"values": vector(seed, _text_of(body.content), body.output_dimensionality or VECTOR_LENGTH)}
        for body in bodies
    ]
    turns = tuple(Turn(role="user", text=_text_of(body.content)) for body in bodies)
    tokens = count_input(Conversation(model=model, turns=turns))
    value: dict[str, Any] = {"embeddings": vectors} if batch else {"embedding": vectors[0]}
    value["usageMetadata"] = {"promptTokenCount": tokens, "totalTokenCount": tokens}
    return whole(value, usage=Usage(input=tokens), model=model)


def usage_block(usage: Usage) -> dict[str, Any]:
    """Write usage as Google counts it: thoughts apart from candidates, cached within the prompt's."""
    block: dict[str, Any] = {
        "promptTokenCount": usage.total_input,
        "candidatesTokenCount": usage.output,
        "totalTokenCount": usage.total,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": usage.total_input}],
    }
    if usage.reasoning:
        block["thoughtsTokenCount"] = usage.reasoning
    if usage.cache_read:
        block["cachedContentTokenCount"] = usage.cache_read
    return block


def _check(body: GenerateBody) -> None:
    if not body.contents:
        raise InvalidBody("* GenerateContentRequest.contents: contents is not specified")
    for content in body.contents:
        if content.role not in (None, "user", "model", "function"):
            raise InvalidBody("Please use a valid role: user, model.")
        if not content.parts:
            raise InvalidBody("* GenerateContentRequest.contents: contents.parts must not be empty.")
    config = body.generation_config
    if config and config.max_output_tokens is not None and config.max_output_tokens < 1:
        raise InvalidBody("* GenerateContentRequest.generation_config.max_output_tokens must be positive")
    if config and config.candidate_count is not None and not 1 <= config.candidate_count <= 8:
        raise InvalidBody("* GenerateContentRequest.generation_config.candidate_count must be in [1, 8]")
    if config and config.temperature is not None and not 0 <= config.temperature <= 2:
        raise InvalidBody("* GenerateContentRequest.generation_config.temperature must be in [0.0, 2.0]")
    for before, after in zip(body.contents, body.contents[1:], strict=False):
        calls = sum(1 for part in before.parts if part.function_call)
        answers = sum(1 for part in after.parts if part.function_response)
        if calls and answers != calls:
            raise InvalidBody(
                "Please ensure that the number of function response parts is equal to the number of function "
                "call parts of the function call turn."
            )


def _turn(content: Content) -> Turn:
    kinds = [data.mime_type for part in content.parts if (data := part.inline_data or part.file_data)]
    images = sum(1 for kind in kinds if kind.startswith("image/"))
    audio = sum(1 for kind in kinds if kind.startswith("audio/"))
    return Turn(
        role="assistant" if content.role == "model" else "user",
        text=_text_of(content),
        images=images,
        audio=audio,
        files=len(kinds) - images - audio,
        calls=tuple(
            part.function_call.name + encode(part.function_call.args or {}).decode()
            for part in content.parts
            if part.function_call
        ),
        results=tuple(
            ToolResult(
                call_id=part.function_response.name,
                text=_result_text(part.function_response.response or {}),
            )
            for part in content.parts
            if part.function_response
        ),
    )


def _result_text(response: dict[str, Any]) -> str:
    only = next(iter(response.values())) if len(response) == 1 else None
    return only if isinstance(only, str) else encode(response).decode()


def _text_of(content: Content) -> str:
    return " ".join(part.text for part in content.parts if part.text and not part.thought)


def _tail(reply: Reply, usage: Usage) -> dict[str, Any]:
    return {
        "usageMetadata": usage_block(usage),
        "modelVersion": reply.model,
        "responseId": reply.id[:22],
    }


def _candidate(reply: Reply, choice: Choice, place: int, shown: bool) -> dict[str, Any]:
    parts: list[dict[str, Any]] = []
    if reply.thinking and shown:
        parts.append({"text": "".join(reply.thinking), "thought": True})
    parts.extend(_calls(choice) or ([{"text": choice.text}] if choice.tokens else []))
    return {
        "content": {"parts": parts, "role": "model"},
        "finishReason": _finish(choice),
        "index": place,
    }


def _calls(choice: Choice) -> list[dict[str, Any]]:
    return [{"functionCall": {"name": call.name, "args": call.value}} for call in choice.calls]


def _finish(choice: Choice) -> str:
    return "MAX_TOKENS" if choice.finish == "length" else "STOP"


def _stream(reply: Reply, shown: bool) -> Iterator[tuple[dict[str, Any], int]]:
    """Yield chunks of a few tokens; usage grows from chunk to chunk, and only the last is final."""
    seen = 0

    def chunk(parts: list[dict[str, Any]], place: int, finish: str | None) -> dict[str, Any]:
        candidate: dict[str, Any] = {"content": {"parts": parts, "role": "model"}, "index": place}
        if finish:
            candidate["finishReason"] = finish
        usage = msgspec.structs.replace(reply.usage, output=seen)
        return {"candidates": [candidate], **_tail(reply, usage)}

    if reply.thinking and shown:
        yield chunk([{"text": "".join(reply.thinking), "thought": True}], 0, None), len(reply.thinking)
    for place, choice in enumerate(reply.choices):
        for start in range(0, len(choice.tokens), 4):
            tokens = choice.tokens[start : start + 4]
            seen += len(tokens)
            yield chunk([{"text": "".join(tokens)}], place, None), len(tokens)
        calls = _calls(choice)
        if place == len(reply.choices) - 1:
            seen = reply.usage.output
        yield chunk(calls or [{"text": ""}], place, _finish(choice)), 0

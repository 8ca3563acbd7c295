"""Calls, answers and streams of the dialects that few speak, made by hand: Cohere's two, text completions,
and the bodies of InvokeModel."""

import json
from typing import Any, Final

Fields = dict[str, Any]

PARAMETERS: Final = {"type": "object", "properties": {"at": {"type": "string"}}}
FUNCTION: Final = {"name": "look", "description": "d", "parameters": PARAMETERS, "x": 1}
TOOL: Final[Fields] = {"type": "function", "function": FUNCTION}
TOOL_CALL: Final[Fields] = {
    "id": "look_1",
    "type": "function",
    "function": {"name": "look", "arguments": '{"at":1}'},
}
SOURCES: Final[list[Fields]] = [
    {"type": "document", "id": "d:0", "document": {"id": "d", "title": "Sky", "url": "https://sky.example"}},
    {"type": "tool", "id": "t:0", "tool_output": {"content": "x"}},
]
CITED: Final[Fields] = {"start": 0, "end": 3, "text": "abc", "sources": SOURCES, "type": "TEXT_CONTENT"}
BILLED: Final[Fields] = {
    "billed_units": {"input_tokens": 5, "output_tokens": 7.0, "search_units": 1},
    "tokens": {"input_tokens": 90, "output_tokens": 9},
    "cached_tokens": 64,
}
THOUGHT: Final[Fields] = {"type": "thinking", "thinking": "hm"}
WORDS: Final[Fields] = {"type": "text", "text": "abcd"}

COHERE_CALLS: Final[list[Fields]] = [
    {
        "model": "command-a",
        "messages": [
            {"role": "system", "content": "s"},
            {
                "role": "user",
                "content": [
                    WORDS,
                    {"type": "image_url", "image_url": {"url": "https://a.example/b", "detail": "low"}},
                ],
            },
            {
                "role": "assistant",
                "tool_plan": "p",
                "tool_calls": [TOOL_CALL, {"type": "other"}],
                "content": "",
            },
            {
                "role": "tool",
                "tool_call_id": "look_1",
                "content": [{"type": "document", "document": {"data": {"a": "b"}, "id": "d"}}],
            },
            {"role": "assistant", "content": [THOUGHT, WORDS], "citations": [{**CITED, "content_index": 1}]},
            {"role": "user", "content": "go on"},
        ],
        "tools": [TOOL, {"type": "strange"}],
        "tool_choice": "REQUIRED",
        "documents": ["a", {"data": {"text": "b"}}],
        "citation_options": {"mode": "FAST"},
        "response_format": {"type": "json_object", "json_schema": PARAMETERS},
        "thinking": {"type": "enabled", "token_budget": 99},
        "temperature": 0.5,
        "p": 0.9,
        "k": 3,
        "seed": 4,
        "stop_sequences": ["x"],
        "max_tokens": 10,
        "frequency_penalty": 0.1,
        "presence_penalty": 0,
        "logprobs": True,
        "safety_mode": "OFF",
        "stream": True,
    },
    {
        "model": "command-a",
        "messages": [{"role": "user", "content": "hi"}],
        "thinking": {"type": "disabled"},
        "tool_choice": "NONE",
        "response_format": {"type": "text"},
        "stream": False,
        "strict_tools": None,
    },
]
COHERE_ANSWERS: Final[list[Fields]] = [
    {
        "id": "c1",
        "finish_reason": "TOOL_CALL",
        "message": {
            "role": "assistant",
            "tool_plan": "p",
            "tool_calls": [TOOL_CALL, {**TOOL_CALL, "id": "2"}],
        },
        "usage": BILLED,
        "logprobs": [{"text": "a", "token_ids": [1], "logprobs": [-0.5]}],
    },
    {
        "id": "c2",
        "finish_reason": "MAX_TOKENS",
        "message": {
            "role": "assistant",
            "content": [THOUGHT, WORDS, WORDS],
            "citations": [CITED, {**CITED, "content_index": 2, "start": 1}],
        },
        "usage": {"tokens": {"input_tokens": 3, "output_tokens": 4}},
    },
]


def _said(kind: str, message: Fields | None = None, **fields: Any) -> Fields:
    return {"type": kind, **fields, **({} if message is None else {"delta": {"message": message}})}


COHERE_STREAM: Final[list[Fields]] = [
    _said("message-start", {"role": "assistant", "content": [], "tool_plan": "", "citations": []}, id="c1"),
    _said("content-start", {"content": {"type": "thinking", "thinking": ""}}, index=0),
    _said("content-delta", {"content": {"thinking": "hm"}}, index=0),
    _said("content-end", index=0),
    _said("content-start", {"content": {"type": "text", "text": "ab"}}, index=1),
    _said("citation-start", {"citations": {**CITED, "content_index": 1}}, index=0),
    _said("citation-end", index=0),
    {
        **_said("content-delta", {"content": {"text": "cdé"}}, index=1),
        "logprobs": {"text": "a", "logprobs": [-1]},
    },
    _said("content-end", index=1),
    _said("tool-plan-delta", {"tool_plan": "p"}),
    _said(
        "tool-call-start",
        {"tool_calls": {**TOOL_CALL, "function": {"name": "look", "arguments": ""}}},
        index=0,
    ),
    _said("tool-call-delta", {"tool_calls": {"function": {"arguments": '{"at"'}}}, index=0),
    _said("debug", prompt="x"),
    _said("tool-call-delta", {"tool_calls": {"function": {"arguments": ":1}"}}}, index=0),
    _said("tool-call-end", index=0),
    {"type": "message-end", "delta": {"finish_reason": "TOOL_CALL", "usage": BILLED}},
]

V1_CALLS: Final[list[Fields]] = [
    {
        "model": "command-r",
        "message": "m",
        "preamble": "p",
        "chat_history": [
            {"role": "System", "message": "s"},
            {"role": "USER", "message": "u", "x": 1},
            {"role": "CHATBOT", "message": "c", "tool_calls": [{"name": "look", "parameters": {"a": 1}}]},
            {"role": "TOOL", "tool_results": [{"call": {"name": "look"}, "outputs": [{"a": 1}]}]},
        ],
        "temperature": 0.3,
        "p": 0.5,
        "k": 2,
        "max_tokens": 9,
        "stop_sequences": ["x"],
        "seed": 1,
        "documents": [{"title": "t"}],
        "connectors": [{"id": "web-search"}],
        "stream": False,
    },
    {"message": "m", "chat_history": [], "temperature": None, "stream": True},
]
V1_ANSWERS: Final[list[Fields]] = [
    {
        "response_id": "r",
        "generation_id": "g",
        "text": "abc",
        "finish_reason": "COMPLETE",
        "chat_history": [{"role": "USER", "message": "m"}],
        "tool_calls": [{"name": "look", "parameters": {}}],
        "meta": {"api_version": {"version": "1"}, **BILLED},
    },
]
V1_STREAM: Final[list[Fields]] = [
    {"is_finished": False, "event_type": "stream-start", "generation_id": "g"},
    {"is_finished": False, "event_type": "text-generation", "text": "ab"},
    {"is_finished": False, "event_type": "citation-generation", "citations": [CITED]},
    {"is_finished": False, "event_type": "text-generation", "text": "c"},
    {"is_finished": True, "event_type": "stream-end", "response": V1_ANSWERS[0], "finish_reason": "COMPLETE"},
]

COMPLETION_CALLS: Final[list[Fields]] = [
    {
        "model": "m",
        "prompt": "p",
        "suffix": "s",
        "echo": True,
        "best_of": 2,
        "n": 1,
        "logprobs": 3,
        "stop": "x",
        "max_tokens": 5,
        "temperature": 0.0,
        "top_p": 1,
        "seed": 1,
        "logit_bias": {},
        "user": "u",
        "stream": True,
        "stream_options": {"include_usage": True},
    },
    {"model": "m", "prompt": ["p"], "stop": ["x", "y"], "stream": False},
    {"model": "m", "prompt": ["p", "q"]},
    {"model": "m", "prompt": [[1, 2], [3]]},
    {"model": "m"},
]
COUNTED: Final[Fields] = {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}
LOGPROBS: Final[Fields] = {
    "tokens": ["a"],
    "token_logprobs": [-0.5],
    "top_logprobs": None,
    "text_offset": [0],
}
COMPLETION_ANSWERS: Final[list[Fields]] = [
    {
        "id": "c",
        "object": "text_completion",
        "created": 1,
        "model": "m",
        "usage": COUNTED,
        "choices": [
            {"text": "abc", "index": 0, "logprobs": LOGPROBS, "finish_reason": "length"},
            {"text": "", "index": 1, "logprobs": None, "finish_reason": "stop", "stop_reason": None},
        ],
    },
    {"choices": [{"text": "a", "log_probs": None}], "model": "m"},
]
_CHUNK: Final[Fields] = {"id": "c", "object": "text_completion", "created": 1, "model": "m"}
COMPLETION_STREAM: Final[list[Fields]] = [
    {**_CHUNK, "choices": [{"text": "ab", "index": 0, "logprobs": LOGPROBS, "finish_reason": None}]},
    {**_CHUNK, "choices": [{"text": "cé", "index": 0, "logprobs": None, "finish_reason": "length"}]},
    {**_CHUNK, "choices": [], "usage": COUNTED},
]

INVOKED_CALLS: Final[list[Fields]] = [
    {
        "inputText": "p",
        "textGenerationConfig": {
            "maxTokenCount": 5,
            "temperature": 0.5,
            "topP": 1,
            "x": 1,
            "stopSequences": ["User:"],
        },
        "y": 2,
    },
    {"inputText": "p"},
    {"inputText": "p", "textGenerationConfig": {}},
    {"prompt": "p", "max_gen_len": 5, "temperature": 0.5, "top_p": 0.9, "images": []},
]
OTHERS_CALLS: Final[list[Fields]] = [
    {
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 5,
        "messages": [{"role": "user", "content": "p"}],
    },
    {
        "schemaVersion": "messages-v1",
        "messages": [{"role": "user", "content": [{"text": "p"}]}],
        "inferenceConfig": {"maxTokens": 5, "topK": 20},
    },
]
INVOKED_ANSWERS: Final[list[Fields]] = [
    {
        "inputTextTokenCount": 5,
        "results": [{"tokenCount": 7, "outputText": "a", "completionReason": "LENGTH"}],
        "amazon-bedrock-trace": {"a": [1]},
    },
    {"generation": "a", "prompt_token_count": 5, "generation_token_count": 7, "stop_reason": "stop"},
]
OTHERS_ANSWERS: Final[list[Fields]] = [
    {
        "id": "m",
        "type": "message",
        "role": "assistant",
        "model": "c",
        "content": [{"type": "text", "text": "a"}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 5, "output_tokens": 7},
    },
    {
        "output": {"message": {"role": "assistant", "content": [{"text": "a"}]}},
        "stopReason": "end_turn",
        "usage": {"inputTokens": 5, "outputTokens": 7},
    },
]
EMBEDDING_CALLS: Final[list[Fields]] = [
    {"inputText": "p", "dimensions": 256, "normalize": True},
    {
        "taskType": "SINGLE_EMBEDDING",
        "schemaVersion": "1",
        "singleEmbeddingParams": {
            "embeddingPurpose": "GENERIC_RETRIEVAL",
            "embeddingDimension": 256,
            "x": 1,
            "text": {"value": "p", "truncationMode": "END", "y": 2},
        },
    },
]
EMBEDDING_ANSWERS: Final[list[Fields]] = [
    {"embedding": [0.5, 1.5], "embeddingsByType": {"float": [0.5, 1.5]}, "inputTextTokenCount": 5},
    {"embeddings": [{"embedding": [0.5, 1.5], "embeddingType": "TEXT", "truncatedCharLength": 3}]},
]


def events(chunks: list[Fields], *, is_named: bool, end: bytes = b"data: [DONE]\n\n") -> bytes:
    """Chunks as server-sent events."""
    found: list[bytes] = []
    for chunk in chunks:
        kind = chunk.get("type")
        name = (
            f"event: {kind}\n".encode() if is_named and isinstance(kind, str) and kind.isprintable() else b""
        )
        found.append(name + b"data: " + json.dumps(chunk).encode() + b"\n\n")
    return b"".join(found) + end


def lines(chunks: list[Fields]) -> bytes:
    """Chunks as lines of JSON."""
    return b"".join(json.dumps(chunk).encode() + b"\n" for chunk in chunks)

"""What providers stream of a text, in each dialect and in two halves, each event a piece of its own."""

import json
from collections.abc import Callable
from typing import Any

from tests.flow.scripted_provider import DONE, FINISH, delta, usage_chunk


def event(kind: str, **fields: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()


def halves(text: str) -> tuple[str, str]:
    return text[: len(text) // 2], text[len(text) // 2 :]


def chat_pieces(text: str) -> list[bytes]:
    return [*(delta(half) for half in halves(text)), FINISH, usage_chunk(10, 20), DONE]


def message_pieces(text: str) -> list[bytes]:
    usage = {"input_tokens": 10, "output_tokens": 1}
    message: dict[str, Any] = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "scripted",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": usage,
    }
    deltas = [
        event("content_block_delta", index=0, delta={"type": "text_delta", "text": half})
        for half in halves(text)
    ]
    end = {"stop_reason": "end_turn", "stop_sequence": None}
    return [
        event("message_start", message=message),
        event("content_block_start", index=0, content_block={"type": "text", "text": ""}),
        *deltas,
        event("content_block_stop", index=0),
        event("message_delta", delta=end, usage={"output_tokens": 20}),
        event("message_stop"),
    ]


def tool_pieces(text: str) -> list[bytes]:
    """The same where a schema is a tool that has to be called."""
    begun = message_pieces("")
    block: dict[str, Any] = {"type": "tool_use", "id": "t1", "name": "final_answer", "input": {}}
    deltas = [
        event("content_block_delta", index=0, delta={"type": "input_json_delta", "partial_json": half})
        for half in halves(text)
    ]
    end = {"stop_reason": "tool_use", "stop_sequence": None}
    return [
        begun[0],
        event("content_block_start", index=0, content_block=block),
        *deltas,
        event("content_block_stop", index=0),
        event("message_delta", delta=end, usage={"output_tokens": 20}),
        event("message_stop"),
    ]


def response_pieces(text: str) -> list[bytes]:
    part: dict[str, Any] = {"type": "output_text", "text": "", "annotations": []}
    said: dict[str, Any] = {**part, "text": text}
    item: dict[str, Any] = {
        "type": "message",
        "id": "m1",
        "role": "assistant",
        "status": "in_progress",
        "content": [],
    }
    done: dict[str, Any] = {**item, "status": "completed", "content": [said]}
    usage = {
        "input_tokens": 10,
        "output_tokens": 20,
        "total_tokens": 30,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens_details": {"reasoning_tokens": 0},
    }
    response: dict[str, Any] = {
        "id": "r1",
        "object": "response",
        "created_at": 1,
        "model": "scripted",
        "status": "in_progress",
        "output": [],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": None,
    }
    place = {"item_id": "m1", "output_index": 0, "content_index": 0}
    events: list[tuple[str, dict[str, Any]]] = [
        ("response.created", {"response": response}),
        ("response.in_progress", {"response": response}),
        ("response.output_item.added", {"output_index": 0, "item": item}),
        ("response.content_part.added", {**place, "part": part}),
        *(("response.output_text.delta", {**place, "delta": half, "logprobs": []}) for half in halves(text)),
        ("response.output_text.done", {**place, "text": text, "logprobs": []}),
        ("response.content_part.done", {**place, "part": said}),
        ("response.output_item.done", {"output_index": 0, "item": done}),
        (
            "response.completed",
            {"response": {**response, "status": "completed", "output": [done], "usage": usage}},
        ),
    ]
    return [event(kind, sequence_number=place, **fields) for place, (kind, fields) in enumerate(events)]


def google_chunks(text: str) -> list[dict[str, Any]]:
    first, second = ({"content": {"parts": [{"text": half}], "role": "model"}} for half in halves(text))
    usage = {"promptTokenCount": 10, "candidatesTokenCount": 20, "totalTokenCount": 30}
    return [
        {"candidates": [first]},
        {"candidates": [{**second, "finishReason": "STOP"}], "usageMetadata": usage},
    ]


def google_pieces(text: str) -> list[bytes]:
    return [b"data: " + json.dumps(chunk).encode() + b"\r\n\r\n" for chunk in google_chunks(text)]


PIECES: dict[str, Callable[[str], list[bytes]]] = {
    "openai-chat": chat_pieces,
    "openai-responses": response_pieces,
    "anthropic": message_pieces,
    "google": google_pieces,
}

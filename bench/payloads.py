"""What is asked and what is answered in the benchmark: one call, one answer, one stream of 61 events.

Never random: the same bytes at every run. Read next: `upstream`, which serves the answers.
"""

import json
from typing import Any, Literal

Kind = Literal["json", "whole", "event", "paced"]
"""How the upstream answers: JSON, or a stream in one write, one write an event, or one event every 10 ms."""

STREAMS: tuple[Kind, ...] = ("whole", "event", "paced")
PACE_MS = 10
DELTAS = 59
"""Text events in a stream; the usage event and the terminator come on top, so that there are 61."""

REQUEST_BYTES = 980
ANSWER_TEXT = (
    "The invoice is dated the twelfth of March and falls due thirty days later. Its total of 1,284.50 "
    "includes shipping, and the second line was corrected after delivery. "
    "Nothing else has been changed since it was sent to you."
)
_FILLER = (
    "You read invoices and answer in two sentences. Say the date, the total and the currency, and name every "
    "line that was changed after delivery. If a figure is missing say so; never guess. "
)


def chat_body(model: str, kind: Kind, **extra: Any) -> bytes:
    """A chat completion of 0.98 kB as clients send it; a stream asks for its usage itself."""
    body: dict[str, Any] = {"model": model, "messages": [], "max_tokens": 256, "temperature": 0.2, **extra}
    if kind != "json":
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    question = {"role": "user", "content": "What does invoice 4711 say, and was any line of it changed?"}
    system = (_FILLER * 5)[: REQUEST_BYTES - 250]
    body["messages"] = [{"role": "system", "content": system}, question]
    return json.dumps(body).encode()


def json_answer() -> bytes:
    """A chat completion of about 690 bytes."""
    message: dict[str, Any] = {"role": "assistant", "content": ANSWER_TEXT, "annotations": []}
    answer: dict[str, Any] = {
        "id": "chatcmpl-Bq1c5mZ7WnX0aVtS3dYhKpEuRfGgL",
        "object": "chat.completion",
        "created": 1763600000,
        "model": "gpt-4o-mini-2024-07-18",
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}],
        "usage": _usage(),
        "service_tier": "default",
        "system_fingerprint": "fp_51db84afab",
    }
    return json.dumps(answer).encode()


def stream_events() -> bytes:
    """61 server-sent events of about 305 bytes, the last of them the terminator."""
    events = [_event([_choice({"role": "assistant", "content": ""})])]
    words = (ANSWER_TEXT.split() * 3)[: DELTAS - 2]
    events += [_event([_choice({"content": f" {word}"})]) for word in words]
    events.append(_event([{**_choice({}), "finish_reason": "stop"}]))
    events.append(_event([], usage=_usage()))
    return b"".join(events) + b"data: [DONE]\n\n"


def _choice(delta: dict[str, Any]) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "logprobs": None, "finish_reason": None}


def _event(choices: list[dict[str, Any]], usage: dict[str, Any] | None = None) -> bytes:
    chunk = {
        "id": "chatcmpl-Bq1c5mZ7WnX0aVtS3dYhKpEuRfGgL",
        "object": "chat.completion.chunk",
        "created": 1763600000,
        "model": "gpt-4o-mini-2024-07-18",
        "service_tier": "default",
        "system_fingerprint": "fp_51db84afab",
        "choices": choices,
        "usage": usage,
    }
    return b"data: " + json.dumps(chunk, separators=(",", ":")).encode() + b"\n\n"


def _usage() -> dict[str, Any]:
    cached = {"cached_tokens": 0}
    return {
        "prompt_tokens": 171,
        "completion_tokens": 58,
        "total_tokens": 229,
        "prompt_tokens_details": cached,
    }

"""Which operation of which dialect a path means, whatever prefix stands before it. Pure.

A stand-in takes `/v1/chat/completions` and `/openai/v1/chat/completions` alike, so that every kind of
provider can be pointed at it.
"""

import re
from typing import Literal
from urllib.parse import parse_qs, unquote

import msgspec

from headgate.standins.answers_errors import Manner

OperationName = Literal[
    "chat",
    "responses",
    "responses_count",
    "completions",
    "embeddings",
    "moderations",
    "images",
    "image_edits",
    "speech",
    "transcription",
    "models",
    "messages",
    "count_tokens",
    "generate",
    "stream_generate",
    "embed",
    "batch_embed",
    "google_count",
    "google_models",
]


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """What a path means. `model` is set where the path names it; `sse` where `alt=sse` is asked for."""

    operation: OperationName
    manner: Manner = "openai"
    model: str | None = None
    sse: bool = False


_POSTED: tuple[tuple[str, OperationName, Manner], ...] = (
    ("/chat/completions", "chat", "openai"),
    ("/completions", "completions", "openai"),
    ("/responses", "responses", "openai"),
    ("/responses/input_tokens", "responses_count", "openai"),
    ("/embeddings", "embeddings", "openai"),
    ("/moderations", "moderations", "openai"),
    ("/images/generations", "images", "openai"),
    ("/images/edits", "image_edits", "openai"),
    ("/images/variations", "image_edits", "openai"),
    ("/audio/speech", "speech", "openai"),
    ("/audio/transcriptions", "transcription", "openai"),
    ("/audio/translations", "transcription", "openai"),
    ("/messages/count_tokens", "count_tokens", "anthropic"),
    ("/messages", "messages", "anthropic"),
)

_GOOGLE: dict[str, OperationName] = {
    "generateContent": "generate",
    "streamGenerateContent": "stream_generate",
    "embedContent": "embed",
    "batchEmbedContents": "batch_embed",
    "countTokens": "google_count",
}

_GOOGLE_PATH = re.compile(r"/models/(?P<model>.+):(?P<verb>[A-Za-z]+)$")
_MODEL_PATH = re.compile(r"/models(?:/(?P<model>.+))?$")


def place_of(method: str, target: bytes) -> Place | None:
    """Return what a request's method and target mean; None where there is nothing."""
    path, _, query = target.decode("latin-1").partition("?")
    if method.upper() == "GET":
        found = _MODEL_PATH.search(path)
        if not found:
            return None
        model = unquote(found["model"]) if found["model"] else None
        if "/v1beta/" in path:
            return Place(operation="google_models", manner="google", model=model)
        return Place(operation="models", model=model)
    google = _GOOGLE_PATH.search(path)
    if google:
        operation = _GOOGLE.get(google["verb"])
        if operation is None:
            return None
        sse = parse_qs(query).get("alt") == ["sse"]
        return Place(operation=operation, manner="google", model=unquote(google["model"]), sse=sse)
    for ending, operation, manner in _POSTED:
        if path.endswith(ending):
            return Place(operation=operation, manner=manner)
    return None


def manner_of(target: bytes) -> Manner:
    """Return whose way of wording an error fits a path that means nothing."""
    return "google" if b"/v1beta/" in target else "anthropic" if b"/messages" in target else "openai"

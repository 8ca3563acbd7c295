"""Answers to `GET /v1/models` in the shape of each dialect.

Says only what the caller may ask for; which models those are is decided in `gateway`.
Shapes: OpenAI, Anthropic and Google API references (list models).
"""

from collections.abc import Sequence

import msgspec

from headgate.core.call import Dialect

CREATED_S = 1_735_689_600
"""A date that the shape asks for and nobody means: 2025-01-01."""
CREATED = "2025-01-01T00:00:00Z"
OWNER = "headgate"

_encode = msgspec.json.Encoder().encode


class ListedModel(msgspec.Struct, frozen=True, kw_only=True):
    """A name that a caller may ask for, with the limits of its first target where they are known."""

    name: str
    owner: str = OWNER
    context_window: int | None = None
    max_output: int | None = None


def models_body(dialect: Dialect, models: Sequence[ListedModel]) -> bytes:
    """Write the list of models, whole and in order."""
    match dialect:
        case "anthropic":
            return _encode(
                {
                    "data": [_anthropic(model) for model in models],
                    "has_more": False,
                    "first_id": models[0].name if models else None,
                    "last_id": models[-1].name if models else None,
                }
            )
        case "google":
            return _encode({"models": [_google(model) for model in models]})
        case "openai" | "openai-chat" | "openai-responses":
            return _encode({"object": "list", "data": [_openai(model) for model in models]})


def model_body(dialect: Dialect, model: ListedModel) -> bytes:
    """Write one model."""
    match dialect:
        case "anthropic":
            return _encode(_anthropic(model))
        case "google":
            return _encode(_google(model))
        case "openai" | "openai-chat" | "openai-responses":
            return _encode(_openai(model))


def _openai(model: ListedModel) -> dict[str, object]:
    return {"id": model.name, "object": "model", "created": CREATED_S, "owned_by": model.owner}


def _anthropic(model: ListedModel) -> dict[str, object]:
    return {"type": "model", "id": model.name, "display_name": model.name, "created_at": CREATED}


def _google(model: ListedModel) -> dict[str, object]:
    shown: dict[str, object] = {
        "name": f"models/{model.name}",
        "displayName": model.name,
        "supportedGenerationMethods": ["generateContent", "streamGenerateContent", "countTokens"],
    }
    if model.context_window is not None:
        shown["inputTokenLimit"] = model.context_window
    if model.max_output is not None:
        shown["outputTokenLimit"] = model.max_output
    return shown

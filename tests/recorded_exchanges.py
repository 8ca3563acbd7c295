"""Real exchanges with providers, kept outside the project; tests on them skip where they are not there."""

import functools
import gzip
import os
from pathlib import Path
from typing import Any

import msgspec
import pytest

from headgate.core.call import Dialect
from headgate.wire.model import Route
from headgate.wire.routes import match

CLIENT_PATHS = {
    "openai-chat": "/v1/chat/completions",
    "openai-responses": "/v1/responses",
    "openai-embeddings": "/v1/embeddings",
    "openai-completions": "/v1/completions",
    "anthropic-messages": "/v1/messages",
    "anthropic-count-tokens": "/v1/messages/count_tokens",
}
PRICE_PROVIDERS = {
    "openai": "openai",
    "anthropic": "anthropic",
    "google": "google",
    "vertex": "google",
    "groq": "groq",
    "mistral": "mistral",
    "openrouter": "openrouter",
    "deepseek": "deepseek",
    "azure-openai": "azure",
    "cerebras": "cerebras",
    "together": "together",
    "api.z.ai": "zai",
}


class Exchange(msgspec.Struct, frozen=True):
    """One recorded exchange, as its README describes it."""

    id: str
    provider: str
    dialect: str
    path: str
    stream: bool
    request: Any
    status: int
    response: str
    content_type: str = ""

    @property
    def route(self) -> Route | None:
        if "/threads/" in self.path:
            return None
        path = CLIENT_PATHS.get(self.dialect)
        if path is None and self.dialect.startswith("google"):
            path = "/v1beta/models/" + self.path.partition("?")[0].rpartition("/models/")[2]
        return match("POST", path) if path else None

    @property
    def body(self) -> bytes:
        return msgspec.json.encode(self.request)


def _folder() -> Path:
    named = os.environ.get("HEADGATE_RECORDED")
    return Path(named) if named else Path(__file__).resolve().parents[2] / "shared" / "recorded"


def recorded_file() -> Path:
    """Where all recorded exchanges stand; skips the test where they do not."""
    file = _folder() / "exchanges.jsonl.gz"
    if not file.exists():
        pytest.skip("no recorded exchanges; HEADGATE_RECORDED names the folder of exchanges.jsonl.gz")
    return file


@functools.cache
def every_exchange() -> tuple[Exchange, ...]:
    """Every recorded exchange, in whatever dialect."""
    with gzip.open(recorded_file()) as lines:
        return tuple(msgspec.json.decode(line, type=Exchange) for line in lines)


def kept_exchanges() -> tuple[Exchange, ...]:
    """Every recorded exchange, or none where they are not there."""
    return every_exchange() if (_folder() / "exchanges.jsonl.gz").exists() else ()


@functools.cache
def recorded() -> tuple[tuple[Exchange, Route], ...]:
    """Every recorded exchange in a dialect of ours, with the route that it means."""
    return tuple((one, route) for one in every_exchange() if (route := one.route) is not None)


DIALECTS: tuple[Dialect, ...] = ("openai-chat", "openai-responses", "openai", "anthropic", "google")

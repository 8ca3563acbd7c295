"""A target of every kind of provider and of every service known by name, with a model of each family."""

import functools
from typing import Final

import msgspec
from tests.unit.targets import target

from headgate.catalog.kinds import families
from headgate.catalog.model import KindName, Target

_KINDS: Final[tuple[tuple[KindName, str], ...]] = (
    ("openai", "gpt-4.1"),
    ("openai", "gpt-5.1"),
    ("openai", "o3-pro"),
    ("azure-openai", "gpt-4.1"),
    ("anthropic", "claude-3-5-haiku-latest"),
    ("anthropic", "claude-sonnet-4-5"),
    ("anthropic", "claude-opus-4-6"),
    ("google", "gemini-2.5-flash"),
    ("google", "gemini-3-flash-preview"),
    ("vertex", "gemini-2.5-pro"),
    ("vertex", "claude-sonnet-4-5"),
    ("bedrock", "us.anthropic.claude-sonnet-4-5-20250929-v1:0"),
    ("bedrock", "us.amazon.nova-pro-v1:0"),
    ("bedrock", "mistral.mistral-large-2402-v1:0"),
    ("bedrock-mantle", "openai.gpt-oss-120b"),
    ("cohere", "command-a-03-2025"),
)
_MODELS: Final = {
    "groq": "openai/gpt-oss-120b",
    "mistral": "mistral-large-latest",
    "deepseek": "deepseek-chat",
    "together": "meta-llama/Llama-3.3-70B-Instruct-Turbo",
    "fireworks": "accounts/fireworks/models/llama-v3p3-70b-instruct",
    "openrouter": "openai/gpt-4.1",
    "xai": "grok-4",
    "cerebras": "gpt-oss-120b",
    "perplexity": "sonar-pro",
}
_NO_CHAT: Final = frozenset({"voyage"})


class Column(msgspec.Struct, frozen=True):
    """One target, and how the table names it."""

    provider: str
    model: str
    target: Target

    @property
    def name(self) -> str:
        """As the table names it."""
        return f"{self.provider} `{self.model}`"


@functools.cache
def columns() -> tuple[Column, ...]:
    """Every target, kinds before services."""
    found = [Column(kind, model, target(kind, model)) for kind, model in _KINDS]
    for family in families():
        if family.name in _NO_CHAT:
            continue
        model = _MODELS.get(family.name, "any-model")
        host = family.hosts[0] if family.hosts else "10.0.0.7"
        service = "" if family.hosts else family.name
        aimed = target("openai-compatible", model, host=host, service=service)
        found.append(Column(family.name, model, aimed))
    return tuple(found)

"""Every recorded call, written for a target of every kind of provider and every family of services.

Each body is held to the official SDK's types (`request_types`) and to what the provider refuses
(`provider_rules`). A call in the target's own dialect passes through as it came: it is not written.
"""

import functools
import json
from collections.abc import Iterator

import msgspec
from tests.unit.targets import target
from tests.wire.dialects.across_walk import Table, exchanges
from tests.wire.dialects.provider_rules import broken_rules
from tests.wire.dialects.request_types import type_faults

from headgate.catalog.kinds import families
from headgate.catalog.model import KindName
from headgate.catalog.profiles import profile_of
from headgate.core.call import AnyDialect
from headgate.core.chat import ChatCall
from headgate.core.quirks import Quirks
from headgate.wire.dialects.registry import CODECS
from headgate.wire.translating import Translation

_MODELS: tuple[tuple[KindName, AnyDialect, tuple[str, ...]], ...] = (
    ("openai", "openai-chat", ("gpt-4o", "o1-mini", "o3-mini", "gpt-5.1", "gpt-5.5")),
    ("openai", "openai-responses", ("gpt-4.1", "o3-pro", "gpt-5.5")),
    ("azure-openai", "openai-chat", ("gpt-4.1",)),
    ("azure-openai", "openai-responses", ("gpt-5",)),
    ("anthropic", "anthropic", ("claude-3-5-haiku-latest", "claude-sonnet-4-5", "claude-opus-4-6",
                                "claude-opus-5")),
    ("google", "google", ("gemini-2.0-flash", "gemini-2.5-pro", "gemini-3-flash-preview")),
    ("mock", "bedrock", ("us.amazon.nova-pro-v1:0", "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
                         "us.anthropic.claude-opus-4-6-v1:0", "us.meta.llama4-scout-17b-instruct-v1:0",
                         "mistral.mistral-large-2402-v1:0", "us.writer.palmyra-x5-v1:0")),
)  # fmt: skip
"""What is known of Bedrock goes by its dialect, whichever kind of provider speaks it."""
_OF_SERVICES = {
    "groq": ("openai/gpt-oss-120b", "llama-3.3-70b-versatile"),
    "deepseek": ("deepseek-chat", "deepseek-reasoner"),
    "mistral": ("mistral-large-latest", "mistral-small-latest"),
    "xai": ("grok-4", "grok-3-mini"),
}


class Aim(msgspec.Struct, frozen=True):
    """A target, and what it takes in one dialect."""

    name: str
    dialect: AnyDialect
    quirks: Quirks


@functools.cache
def aims() -> tuple[Aim, ...]:
    """One of every kind of provider, of every service, and of the families of models that differ there."""
    found = [
        Aim(f"{kind} {model}"[:33], dialect, profile_of(target(kind, model), dialect).quirks)
        for kind, dialect, models in _MODELS
        for model in models
    ]
    for family in families():
        host = family.hosts[0] if family.hosts else "10.0.0.7"
        service = "" if family.hosts else family.name
        for model in _OF_SERVICES.get(family.name, ("some-model",)):
            aimed = target("openai-compatible", model, host=host, service=service)
            for dialect in ("openai-chat", "openai-responses") if family.responses else ("openai-chat",):
                name = f"{family.name} {model} {dialect[7:]}"[:33]
                found.append(Aim(name, dialect, profile_of(aimed, dialect).quirks))
    return tuple(found)


@functools.cache
def calls() -> tuple[tuple[str, AnyDialect, ChatCall], ...]:
    """Every recorded call, as its dialect's codec reads it."""
    return tuple(
        (one.id, dialect, CODECS[dialect].read_call(one.body, model="m", stream=one.stream))
        for one, dialect in exchanges()
    )


def walk(every: int = 1) -> Table:
    """Write every call for every target, or each so-many-th, another one for each target."""
    table = Table()
    for place, aim in enumerate(aims()):
        for name, source, call in calls()[place % every :: every]:
            if source != aim.dialect:
                table.add("requests", source, aim.name, name, list(faults_of(call, source, aim)))
    return table


def faults_of(call: ChatCall, source: AnyDialect, aim: Aim) -> Iterator[str]:
    """What a target would refuse of a call that is written for it."""
    translation = Translation.between(source, aim.dialect, aim.quirks)
    assert translation is not None
    data, _ = translation.call(call, model="m", max_output=call.max_output)
    body = json.loads(data)
    fault = type_faults(aim.dialect, body)
    if fault:
        yield f"{aim.dialect} types: {fault}"
    yield from (f"{aim.dialect} rule {rule}" for rule in broken_rules(aim.dialect, body, aim.quirks))

"""Collectors of a document, checked and compiled. Pure. Read next: `traces.sending.model`."""

import re
from collections.abc import Mapping
from typing import Final

from headgate.catalog.model import KindName, Provider
from headgate.config.document import Document, ExporterTable
from headgate.config.problems import Problems, check_twice
from headgate.config.values import read_url
from headgate.traces.sending.model import Exporter, Sender, Signal

HEADER: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
OWN_HEADERS: Final = frozenset({"host", "content-type", "content-encoding", "content-length", "user-agent"})
EXPORTERS_MAX: Final = 16

NAMES: Final[dict[KindName, str]] = {
    "openai": "openai",
    "anthropic": "anthropic",
    "google": "gcp.gemini",
    "vertex": "gcp.vertex_ai",
    "azure-openai": "azure.ai.openai",
    "bedrock": "aws.bedrock",
    "bedrock-mantle": "aws.bedrock",
    "cohere": "cohere",
}
"""What the conventions call providers of a kind (`gen_ai.provider.name`)."""
SERVICES: Final = {
    "deepseek": "deepseek",
    "groq": "groq",
    "mistral": "mistral_ai",
    "moonshot": "moonshot_ai",
    "moonshotai": "moonshot_ai",
    "perplexity": "perplexity",
    "xai": "x_ai",
    "x-ai": "x_ai",
    "openai": "openai",
}
"""The same for services behind an address; one that is not named goes by its own name."""


def exporters_of(
    document: Document, providers: Mapping[str, Provider], problems: Problems
) -> tuple[Exporter, ...]:
    """Return the exporters; what is wrong with one is added to the problems."""
    senders = {name: sender_of(provider) for name, provider in providers.items()}
    found: list[Exporter] = []
    if len(document.exporters) > EXPORTERS_MAX:
        problems.add(
            ("exporters",), f"has {len(document.exporters)} entries; at most {EXPORTERS_MAX} are read"
        )
    check_twice([table.name for table in document.exporters], ("exporters",), problems)
    for index, table in enumerate(document.exporters):
        path = ("exporters", index)
        signals = _signals(table)
        if not signals:
            problems.add(path, "sends nothing: set traces or metrics to true, or take it out")
        for name in table.headers:
            if not HEADER.fullmatch(name) or name.lower() in OWN_HEADERS:
                problems.add((*path, "headers", name), "can't be set; name a header such as authorization")
        origin, base = read_url(table.endpoint)
        found.append(
            Exporter(
                name=table.name,
                origin=origin,
                path=base,
                headers={name.lower(): place for name, place in table.headers.items()},
                content=table.content,
                signals=signals,
                projects=table.projects,
                regions=frozenset(table.regions),
                providers=senders,
            )
        )
    return tuple(found)


def _signals(table: ExporterTable) -> tuple[Signal, ...]:
    wanted: tuple[tuple[Signal, bool], ...] = (("traces", table.traces), ("metrics", table.metrics))
    return tuple([signal for signal, is_wanted in wanted if is_wanted])


def sender_of(provider: Provider) -> Sender:
    """Who a provider is to those who read telemetry."""
    name = NAMES.get(provider.kind)
    if name is None:
        stands_for = provider.service or provider.price_provider or provider.name
        name = SERVICES.get(stands_for, stands_for)
    address = provider.origin.host if provider.origin.scheme in ("http", "https") else ""
    return Sender(name=name, address=address, port=provider.origin.port if address else 0)

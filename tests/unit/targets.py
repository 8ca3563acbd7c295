"""Targets for tests that need no configuration: a kind of provider, a model, and what is known of it."""

from headgate.catalog.kinds import endpoints_of
from headgate.catalog.model import KindName, ModelFacts, Provider, Target
from headgate.core.ports import Origin


def target(
    kind: KindName, model: str, *, host: str = "10.0.0.7", service: str = "", max_output: int | None = None
) -> Target:
    provider = Provider(
        name="prov",
        kind=kind,
        origin=Origin("https", host, 443),
        path="/v1",
        regions=frozenset(),
        endpoints=endpoints_of(kind, host, service),
        price_provider=None,
        service=service,
    )
    return Target(provider=provider, model=model, facts=ModelFacts(price=None, max_output=max_output))

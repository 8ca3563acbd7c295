"""`[providers.NAME]` tables, checked against what is known of their kind and compiled to providers. Pure."""

import re

from headgate.catalog.kinds import endpoints_of, families, placed, price_provider_of
from headgate.catalog.model import Endpoint, KindFacts, KindName, MockSettings, Provider
from headgate.config.document import MOCK_KEYS, ProviderTable
from headgate.config.places import place_of
from headgate.config.problems import Problems, nearest
from headgate.config.values import read_duration, read_url
from headgate.core.ports import Origin

_SIMULATED: tuple[KindName, ...] = ("mock", "replay")
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_HEADERS_OF_OTHERS = frozenset(
    {
        "authorization",
        "proxy-authorization",
        "x-api-key",
        "x-goog-api-key",
        "api-key",
        "cookie",
        "host",
        "connection",
        "content-length",
        "content-type",
        "content-encoding",
        "accept-encoding",
        "transfer-encoding",
        "te",
        "trailer",
        "upgrade",
        "expect",
    }
)


def provider_of(name: str, table: ProviderTable, facts: KindFacts, problems: Problems) -> Provider | None:
    """Check a table and compile it; None, with what is wrong added to `problems`, when it can't be."""
    path = ("providers", name)
    found_before = len(problems.found)
    _check_keys(name, table, facts, problems)
    _check_headers(path, table.headers, problems)
    _check_service(path, table, problems)
    place = place_of(name, table, facts, problems)
    base_url = place.base_url
    if base_url is None and table.kind not in _SIMULATED and not facts.place_key:
        problems.add(
            path, f"has no base_url, which kind {table.kind} needs, such as 'https://host.example/v1'"
        )
    if len(problems.found) > found_before:
        return None
    service = table.service or ""
    if table.base_url is None and table.kind == "mock":
        origin, prefix = Origin("mock", name, 0), ""
    elif table.base_url is None and table.kind == "replay":
        origin, prefix = Origin("replay", name, 0), ""
    else:
        origin, prefix = read_url(base_url or "")
    return Provider(
        name=name,
        kind=table.kind,
        origin=origin,
        path=prefix,
        regions=frozenset(table.regions) or place.regions,
        place=place.name,
        credential=table.api_key or "",
        endpoints=_chosen(
            table, placed(endpoints_of(table.kind, origin.host, service), place.name, place.project)
        ),
        price_provider=table.price_provider or price_provider_of(table.kind, origin.host, service),
        service=service,
        max_concurrent=table.max_concurrent,
        max_queued=table.max_queued,
        inject_usage=table.inject_usage,
        stops_on_hangup=table.stops_on_hangup,
        api_version=table.api_version,
        extra_headers={field.lower(): value for field, value in table.headers.items()},
        mock=_mock_settings(table) if table.kind == "mock" else None,
        replay_file=table.file,
    )


def _check_keys(name: str, table: ProviderTable, facts: KindFacts, problems: Problems) -> None:
    path = ("providers", name)
    if table.kind != "mock":
        for key in MOCK_KEYS:
            if getattr(table, key) is not None:
                problems.add((*path, key), f"is known to kind mock only, and this is kind {table.kind}")
    if table.kind != "replay" and table.file is not None:
        problems.add((*path, "file"), f"is known to kind replay only, and this is kind {table.kind}")
    if table.kind != "azure-openai" and table.api_version is not None:
        problems.add(
            (*path, "api_version"), f"is known to kind azure-openai only, and this is kind {table.kind}"
        )
    takes_key = any(endpoint.auth != "none" for endpoint in facts.endpoints)
    if table.api_key is not None and not takes_key:
        problems.add((*path, "api_key"), f"is set, but kind {table.kind} takes no credential; take it out")
    is_needed = facts.place_key or table.base_url is None
    if table.api_key is None and takes_key and facts.api_key_env and is_needed:
        problems.add(path, f'has no api_key; write api_key = "env:{facts.api_key_env[0]}"')


def _check_service(path: tuple[str, ...], table: ProviderTable, problems: Problems) -> None:
    names = [family.name for family in families()]
    if table.service is not None and table.kind != "openai-compatible":
        problems.add((*path, "service"), f"is known to kind openai-compatible only, and this is {table.kind}")
    elif table.service is not None and table.service not in names:
        close = nearest(table.service, names)
        problems.add((*path, "service"), f"is {table.service!r}, which is no known service{close}")
    spoken = {endpoint.dialect for endpoint in endpoints_of(table.kind)}
    for index, dialect in enumerate(table.dialects):
        if dialect not in spoken:
            has = ", ".join(sorted(spoken))
            problems.add((*path, "dialects", str(index)), f"is {dialect!r}; kind {table.kind} speaks {has}")


def _chosen(table: ProviderTable, endpoints: tuple[Endpoint, ...]) -> tuple[Endpoint, ...]:
    """The endpoints of the dialects that the provider is to be spoken to in."""
    if not table.dialects:
        return endpoints
    return tuple(endpoint for endpoint in endpoints if endpoint.dialect in table.dialects)


def _check_headers(path: tuple[str, ...], headers: dict[str, str], problems: Problems) -> None:
    for field, value in headers.items():
        if field.lower() in _HEADERS_OF_OTHERS:
            problems.add((*path, "headers", field), "is a header that Headgate sets itself; take it out")
        elif not _HEADER_NAME.fullmatch(field):
            problems.add((*path, "headers", field), "is no name of a header")
        elif not value.isascii() or not value.isprintable():
            problems.add((*path, "headers", field), "has a value that is not printable ASCII")


def _mock_settings(table: ProviderTable) -> MockSettings:
    return MockSettings(
        latency_s=read_duration(table.latency or "0s"),
        first_token_s=read_duration(table.first_token or "0s"),
        tokens_per_second=table.tokens_per_second or 0.0,
        output_tokens=table.output_tokens,
        error_rate=table.error_rate or 0.0,
        error_status=table.error_status or 500,
        broken_stream_rate=table.broken_stream_rate or 0.0,
        stalled_stream_rate=table.stalled_stream_rate or 0.0,
        seed=1 if table.seed is None else table.seed,
    )

"""Kinds of provider, well-known services and region sets, from the data files beside this module.

Facts with a source and a date, never an `if provider ==`. Read next: `catalog.model`, `catalog.prices`.
"""

import functools
from collections.abc import Iterable
from importlib import resources
from urllib.parse import quote

import msgspec

from headgate.catalog.model import Endpoint, KindFacts, KindName
from headgate.core.call import AnyDialect


class Family(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A well-known service that speaks the OpenAI API, recognised by the host of its base URL."""

    name: str = ""
    hosts: tuple[str, ...] = ()
    """Empty for an engine that anybody may run anywhere: its provider names it as `service`."""
    base_url: str
    api_key_env: tuple[str, ...]
    price_provider: str | None = None
    usage_in_stream: bool
    """Whether `stream_options.include_usage` may be sent; false also where usage comes unasked."""
    output_field: str = "max_completion_tokens"
    """The field that limits output tokens of a chat call."""
    responses: bool = False
    """Whether the service has /responses."""
    source: str
    date: str


class _KindRow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    base_url: str | None = None
    api_key_env: tuple[str, ...]
    endpoints: tuple[Endpoint, ...]
    price_provider: str | None = None
    source: str
    date: str


class _RegionRow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    members: tuple[str, ...]
    includes: tuple[str, ...] = ()
    source: str
    date: str


def _data(name: str) -> bytes:
    return (resources.files("headgate.catalog") / "data" / name).read_bytes()


@functools.cache
def kinds() -> dict[KindName, KindFacts]:
    """Every kind of provider by name."""
    rows = msgspec.toml.decode(_data("kinds.toml"), type=dict[KindName, _KindRow])
    return {
        name: KindFacts(
            kind=name,
            base_url=row.base_url,
            api_key_env=row.api_key_env,
            endpoints=row.endpoints,
            price_provider=row.price_provider,
            source=row.source,
            date=row.date,
        )
        for name, row in rows.items()
    }


@functools.cache
def families() -> tuple[Family, ...]:
    """Every well-known OpenAI-compatible service."""
    rows = msgspec.toml.decode(_data("families.toml"), type=dict[str, Family])
    return tuple(msgspec.structs.replace(row, name=name) for name, row in rows.items())


def family_of(host: str) -> Family | None:
    """The service behind a host name, or None for one that is not well known."""
    wanted = host.lower().rstrip(".")
    return next((family for family in families() if wanted in family.hosts), None)


def service_of(kind: KindName, host: str | None, named: str = "") -> Family | None:
    """The service behind a provider of kind openai-compatible: the one that it names, or its host's."""
    if kind != "openai-compatible":
        return None
    if named:
        return next((family for family in families() if family.name == named), None)
    return family_of(host) if host else None


@functools.cache
def region_sets() -> dict[str, frozenset[str]]:
    """Region sets by name; each holds its own name and all its members."""
    rows = msgspec.toml.decode(_data("regions.toml"), type=dict[str, _RegionRow])
    return {name: _members(name, rows) for name in rows}


def _members(name: str, rows: dict[str, _RegionRow]) -> frozenset[str]:
    row = rows[name]
    return frozenset((name, *row.members)).union(*(_members(inner, rows) for inner in row.includes))


def expand_regions(names: Iterable[str]) -> frozenset[str]:
    """What is allowed where `names` are allowed: each set with all its members, other names as they are."""
    sets = region_sets()
    return frozenset[str]().union(*(sets.get(name, frozenset((name,))) for name in names))


def fold_regions(regions: Iterable[str]) -> list[str]:
    """The shortest way to say them: sets that are there whole by their names, the others one by one."""
    left = set(regions)
    whole = {name: members for name, members in region_sets().items() if members <= left}
    outermost = [name for name in whole if not any(whole[name] < others for others in whole.values())]
    for name in outermost:
        left -= whole[name]
    return sorted([*outermost, *left])


def endpoints_of(kind: KindName, host: str | None = None, service: str = "") -> tuple[Endpoint, ...]:
    """The endpoints of a kind, as far as the service behind `host`, or the one named, has them."""
    endpoints = kinds()[kind].endpoints
    family = service_of(kind, host, service)
    if family is None:
        return endpoints
    return tuple(
        msgspec.structs.replace(endpoint, usage_in_stream=endpoint.usage_in_stream and family.usage_in_stream)
        for endpoint in endpoints
        if family.responses or endpoint.dialect != "openai-responses"
    )


def price_provider_of(kind: KindName, host: str | None = None, service: str = "") -> str | None:
    """The id under which the price table knows a provider, or None where it does not."""
    family = service_of(kind, host, service)
    return family.price_provider if family else kinds()[kind].price_provider


def endpoint_for(endpoints: Iterable[Endpoint], dialect: AnyDialect, path: str) -> Endpoint | None:
    """The endpoint that answers a client's path in its own dialect, or None where there is none."""
    return next(
        (found for found in endpoints if found.dialect == dialect and path.startswith(found.path_from)), None
    )


def outgoing_path(endpoint: Endpoint, path: str, model: str) -> str:
    """The path below a provider's base URL: another beginning, and the target's model in its place.

    `path` is `wire.model.Route.path`. The model is percent-encoded, but for slashes.
    """
    moved = endpoint.path_to + path[len(endpoint.path_from) :]
    return moved.replace("{model}", quote(model.removeprefix("models/"), safe="/"))

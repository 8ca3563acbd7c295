"""Kinds of provider, well-known services and region sets, from the data files beside this module.

Facts with a source and a date, never an `if provider ==`. Read next: `catalog.model`, `catalog.prices`.
"""

import functools
import re
from collections.abc import Iterable
from importlib import resources
from typing import Final, Literal
from urllib.parse import quote

import msgspec

from headgate.catalog.model import Endpoint, KindFacts, KindName, Provider
from headgate.core.call import AnyDialect

ANYWHERE: Final = "global"
"""The name of a place that is everywhere, and so in no set of regions."""
_ROUTES: Final = frozenset(
    {ANYWHERE, "us", "eu", "apac", "jp", "au", "ca", "us-gov", "uk", "in", "sa", "me", "af"}
)
"""With what Amazon begins the names of inference profiles."""


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
    place_key: Literal["region", "location", ""] = ""
    place_in_host: str = ""
    place_bases: dict[str, str] = {}
    takes_project: bool = False
    routes_by_prefix: bool = False


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
    return {name: KindFacts(kind=name, **msgspec.structs.asdict(row)) for name, row in rows.items()}


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


def outgoing_path(endpoint: Endpoint, path: str, model: str, *, stream: bool = False) -> str:
    """The path below a provider's base URL: another beginning, and the target's model in its place.

    `path` is `wire.model.Route.path`. The model is percent-encoded, but for slashes where it may have some.
    """
    beginning = (endpoint.stream_path_to if stream else "") or endpoint.path_to
    moved = beginning + path[len(endpoint.path_from) :]
    safe = "" if endpoint.is_model_one_segment else "/@"
    return moved.replace("{model}", quote(model.removeprefix("models/"), safe=safe))


def placed(endpoints: Iterable[Endpoint], place: str, project: str) -> tuple[Endpoint, ...]:
    """The endpoints of a cloud's kind with place and project in their paths."""

    def filled(path: str) -> str:
        return path.replace("{place}", quote(place, safe="")).replace("{project}", quote(project, safe=":"))

    return tuple(
        msgspec.structs.replace(
            endpoint, path_to=filled(endpoint.path_to), stream_path_to=filled(endpoint.stream_path_to)
        )
        for endpoint in endpoints
    )


def place_in(facts: KindFacts, host: str) -> str | None:
    """The region or location that a host names, such as `eu-central-1`; None where it names none."""
    found = re.search(facts.place_in_host, host.lower()) if facts.place_in_host else None
    return next(filter(None, found.groups()), None) if found is not None else None


def routed_to(provider: Provider, model: str) -> frozenset[str]:
    """Where else than in its provider's regions a model of that name may be answered.

    A profile of Amazon's for several regions begins with their name (`eu.`, `us.`, `global.`). One that is
    named by an ARN tells nothing, and so may be answered anywhere unless the provider says where.
    """
    if not kinds()[provider.kind].routes_by_prefix:
        return frozenset()
    if model.startswith("arn:"):
        is_told = provider.regions != frozenset({provider.place})
        return frozenset() if is_told or "inference-profile/" not in model else frozenset({ANYWHERE})
    prefix, dot, rest = model.partition(".")
    return frozenset({prefix}) if dot and "." in rest and prefix in _ROUTES else frozenset()

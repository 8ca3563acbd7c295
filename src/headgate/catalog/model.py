"""Providers, prices and targets as frozen values: the catalog's part of the snapshot.

Made by `config.compile` from headgate.toml and the data files beside this module.
"""

from typing import Literal

import msgspec

from headgate.core.call import AnyDialect
from headgate.core.ports import Origin

KindName = Literal[
    "openai",
    "anthropic",
    "google",
    "vertex",
    "azure-openai",
    "bedrock",
    "bedrock-mantle",
    "openai-compatible",
    "cohere",
    "mock",
    "replay",
]

Auth = Literal["bearer", "x-api-key", "x-goog-api-key", "api-key", "aws", "service-account", "none"]
"""How a credential is presented: `Authorization: Bearer`, or a header of that name. `aws`: a signature, or
the bearer that an API key of Bedrock's is. `service-account`: a token that Google exchanges it for."""

BucketName = Literal[
    "input",
    "cache_read",
    "cache_write",
    "cache_write_1h",
    "output",
    "reasoning",
    "input_audio",
    "output_audio",
    "cache_read_audio",
    "input_image",
    "output_image",
]


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """Where a kind of provider answers one dialect: path prefix below the base URL, and its credential form.

    `path_from` and `path_to`: a client's path that begins with `path_from` goes out with `path_to` there
    instead. `{model}` stands for the model where the path names it; in `path_to`, `{project}` and `{place}`
    for the provider's.
    """

    dialect: AnyDialect
    path_from: str
    path_to: str
    auth: Auth
    usage_in_stream: bool = False
    """Whether the endpoint offers `stream_options.include_usage`."""
    counts_tokens: bool = False
    """Whether it counts the tokens of a call that is not made."""
    extra_headers: dict[str, str] = msgspec.field(default_factory=dict[str, str])
    stream_path_to: str = ""
    """The same for streams, where they have a path of their own."""
    is_model_one_segment: bool = False
    """Whether slashes of the model are percent-encoded in the path."""
    is_model_in_path_only: bool = False
    """Whether the body must not name the model, though its dialect does."""
    added_members: dict[str, str] = msgspec.field(default_factory=dict[str, str])
    """Texts that the body has to hold beside what its dialect says, where it holds none of that name."""
    signed_as: str = ""
    """For auth `aws`: the service that a signature names."""


class KindFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a kind of provider, from `catalog/data/kinds.toml`."""

    kind: KindName
    base_url: str | None
    api_key_env: tuple[str, ...]
    endpoints: tuple[Endpoint, ...]
    price_provider: str | None
    """The id under which `genai-prices` knows it; None for kinds whose provider varies."""
    source: str
    date: str
    place_key: Literal["region", "location", ""] = ""
    """The key of a provider that says where of a cloud it is; empty for kinds that are not of one."""
    place_in_host: str = ""
    """A pattern whose first group that matches is the place that a host names."""
    place_bases: dict[str, str] = msgspec.field(default_factory=dict[str, str])
    """Base URLs by place; `*` for all others. `{place}` stands for it."""
    takes_project: bool = False
    routes_by_prefix: bool = False
    """Whether a model's name says, before its first dot, in which places it may be answered."""


class Price(msgspec.Struct, frozen=True, kw_only=True):
    """Pico-USD a token by bucket, with tiers by total input tokens, and pico-USD a unit for other things.

    `tiers` are (from total input tokens on, bucket -> pico-USD), in growing order; a call falls whole into
    the last tier whose threshold its total input exceeds. A bucket absent here costs what its `falls_back`
    bucket costs (see `catalog.prices`).
    """

    buckets: dict[BucketName, int]
    tiers: tuple[tuple[int, dict[BucketName, int]], ...] = ()
    units: dict[str, int] = msgspec.field(default_factory=dict[str, int])
    per_call_pico_usd: int = 0
    source: str = ""
    date: str = ""


class ModelFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one model: its price (None: unknown) and its limits in tokens (None: unknown)."""

    price: Price | None
    variants: dict[str, Price] = msgspec.field(default_factory=dict[str, Price])
    """Prices by service tier, such as `batch`, `flex`, `priority`."""
    context_window: int | None = None
    max_output: int | None = None
    hides_reasoning: bool = True
    """Whether it may generate tokens that a stream does not show; True where that is not known."""
    image_tokens: int = 50_000
    """The most that one image can take."""
    runs_tools: bool = False
    """Whether it uses its provider's tools without being asked to, so that nothing bounds its input."""
    search_per_call: bool = False
    """Whether searches are charged once a call, however many there were."""


class MockSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How a mock provider behaves. Times in seconds; rates between 0 and 1."""

    latency_s: float = 0.0
    first_token_s: float = 0.0
    tokens_per_second: float = 0.0
    """0 sends all tokens at once."""
    output_tokens: int | None = None
    error_rate: float = 0.0
    error_status: int = 500
    broken_stream_rate: float = 0.0
    stalled_stream_rate: float = 0.0
    seed: int = 1


class Provider(msgspec.Struct, frozen=True, kw_only=True):
    """An endpoint that serves models, with its regions and credential, ready to be called."""

    name: str
    kind: KindName
    origin: Origin
    path: str
    """The base URL's path, without a trailing slash."""
    regions: frozenset[str]
    """Empty: unknown, which is nowhere."""
    place: str = ""
    """Of a cloud: its region or location, which signatures and paths name."""
    credential: str = ""
    """Where the secret is (`env:NAME`, `file:PATH`); the secret itself never stands in a snapshot."""
    endpoints: tuple[Endpoint, ...]
    price_provider: str | None
    service: str = ""
    """What stands behind the address, by its name in `families.toml`, where its host does not tell."""
    max_concurrent: int = 512
    max_queued: int = 512
    inject_usage: bool = True
    stops_on_hangup: bool = False
    """Whether it stops to generate, and to bill, when the connection is closed."""
    api_version: str | None = None
    extra_headers: dict[str, str] = msgspec.field(default_factory=dict[str, str])
    mock: MockSettings | None = None
    replay_file: str | None = None


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """A provider and one of its models, as a candidate for a call."""

    provider: Provider
    model: str
    facts: ModelFacts
    weight: float = 1.0
    routed_to: frozenset[str] = frozenset()
    """Where else than in its provider's regions the model may be answered, as its name says."""

    @property
    def regions(self) -> frozenset[str]:
        """Where a call may be processed. Empty: unknown, which is nowhere."""
        return self.provider.regions | self.routed_to

    @property
    def name(self) -> str:
        """`provider/model`, as it stands in headgate.toml and on records."""
        return f"{self.provider.name}/{self.model}"

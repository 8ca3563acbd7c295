"""What a model call is made of, in words that every slice shares: dialect, operation, usage, bound.

Never here: bytes of a wire format (`wire`), prices (`catalog`), limits (`meters`).
"""

from typing import Final, Literal

import msgspec

Dialect = Literal["openai-chat", "openai-responses", "openai", "anthropic", "google"]
"""The wire format of a call. `openai` is the plain rest of that API: embeddings, completions, images,
audio, moderations, models."""

AnyDialect = Dialect | Literal["bedrock", "cohere", "cohere-v1", "bedrock-invoke"]
"""The wire formats that providers speak: those of callers, Bedrock's Converse, Cohere's chat and the one from
before, and the bodies of Bedrock's InvokeModel that are of no other dialect."""

Operation = Literal[
    "chat",
    "completions",
    "embeddings",
    "count_tokens",
    "images",
    "audio",
    "moderations",
    "models",
]

RecordMode = Literal["full", "metadata", "none"]


TOKENS_IN: Final = (
    *("input", "cache_read", "cache_write", "cache_write_1h"),
    *("input_audio", "cache_read_audio", "input_image"),
)
TOKENS_OUT: Final = ("output", "reasoning", "output_audio", "output_image")
"""The buckets of a usage whose sums are `total_input` and `total_output`."""


class Usage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Tokens in disjoint buckets: their sum is all tokens of the call.

    `input` holds no cached token and `output` no reasoning token. The buckets by modality hold what is
    priced apart (audio, image); the plain ones hold the rest. `units` counts what is not a token, such as
    `web_search`, by the provider's own word.
    """

    input: int = 0
    cache_read: int = 0
    cache_write: int = 0
    cache_write_1h: int = 0
    output: int = 0
    reasoning: int = 0
    input_audio: int = 0
    output_audio: int = 0
    cache_read_audio: int = 0
    input_image: int = 0
    output_image: int = 0
    units: dict[str, int] = {}

    @property
    def total(self) -> int:
        """All tokens."""
        return self.total_input + self.total_output

    @property
    def total_input(self) -> int:
        """All tokens that went in, cached ones included."""
        return (
            self.input
            + self.cache_read
            + self.cache_write
            + self.cache_write_1h
            + self.input_audio
            + self.cache_read_audio
            + self.input_image
        )

    @property
    def total_output(self) -> int:
        """All tokens that came out, reasoning included."""
        return self.output + self.reasoning + self.output_audio + self.output_image

    def plus(self, other: "Usage") -> "Usage":
        """The tokens and units of both."""
        names = [name for name in self.__struct_fields__ if name != "units"]
        sums: dict[str, int] = {name: getattr(self, name) + getattr(other, name) for name in names}
        units = {**other.units}
        for name, count in self.units.items():
            units[name] = units.get(name, 0) + count
        return Usage(**sums, units=units)


class ServerTool(msgspec.Struct, frozen=True):
    """A tool that the provider runs by itself: its type, and how often a request allows it at most."""

    kind: str
    max_uses: int | None = None


class Bounded(msgspec.Struct, frozen=True, tag="bounded"):
    """The most that one attempt can cost, in pico-USD."""

    pico_usd: int


class Unbounded(msgspec.Struct, frozen=True, tag="unbounded"):
    """Why no bound can be given: names the part of the call whose cost has no cap."""

    reason: str


Bound = Bounded | Unbounded

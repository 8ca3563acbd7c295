"""What models can do at most, from `data/limits.toml`: tokens of output, of the window, of one image.

Upper bounds only; what stands nowhere is unknown. Read next: `catalog.bound`.
"""

import functools
import re
from importlib import resources

import msgspec

IMAGE_TOKENS_MAX = 50_000
"""More than any model that we know takes for one image."""


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One row of the table, and the defaults for a model that is not in it."""

    pattern: str = ""
    max_output: int | None = None
    context_window: int | None = None
    image_tokens: int = IMAGE_TOKENS_MAX
    hides_reasoning: bool = True
    """Whether it may generate tokens that a stream does not show."""
    runs_tools: bool = False
    """Whether it uses tools of its provider without being asked to."""
    search_per_call: bool = False
    """Whether searches are charged once a call, however many there were."""
    source: str = ""
    date: str = ""


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    models: tuple[Limits, ...]


UNKNOWN = Limits()

_of_cloud = re.compile(r"^(?:[a-z-]{2,6}\.)?(?:anthropic|openai)\.|-v\d+(?::\d+)?$")
"""What Bedrock's ids have around the maker's own: `eu.anthropic.NAME-v1:0`."""
_BUILD = re.compile(r"@(20\d{6})$")
"""How Vertex writes the date of a build."""


@functools.cache
def limits() -> tuple[Limits, ...]:
    """Every row, in order."""
    text = (resources.files("headgate.catalog") / "data" / "limits.toml").read_bytes()
    return msgspec.toml.decode(text, type=_Table).models


@functools.lru_cache(maxsize=4096)
def limits_of(model: str) -> Limits:
    """The first row that matches a model's name, with or without what clouds and paths put around it."""
    plain = model.lower()
    names = {plain, plain.rpartition("/")[2], _of_cloud.sub("", _BUILD.sub(r"-\1", plain))}
    for row in limits():
        if any(re.fullmatch(row.pattern, name) for name in names):
            return row
    return UNKNOWN

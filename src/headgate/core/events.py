"""What happens in a stream, in words that no provider owns. Read next: `core.chat`, `wire.dialects.model`.

Order: `Began` once; then for each part `PartBegan`, deltas, `PartEnded`; `Finished` for each candidate;
`UsageSeen` whenever usage is known better (the last one counts); `Ended` once, if the provider said so.
A stream without `Ended` was cut short. Parts are numbered from 0 over the whole stream, and may overlap.
"""

import msgspec

from headgate.core.call import AnyDialect, Usage
from headgate.core.chat import Citation, Fields, Finish, Native, Part, Seal


class Began(msgspec.Struct, frozen=True, kw_only=True):
    """The provider has begun to answer, in that dialect. Names are empty where it gives none yet."""

    dialect: AnyDialect
    id: str = ""
    model: str = ""
    created_s: int | None = None
    service_tier: str | None = None
    native: Native | None = None


class PartBegan(msgspec.Struct, frozen=True, kw_only=True):
    """A part begins. `part` is what is known of it: text, arguments and reasoning follow as deltas."""

    number: int
    part: Part
    candidate: int = 0


class TextDelta(msgspec.Struct, frozen=True, kw_only=True):
    """More of a text, refusal or reasoning, whichever the part is."""

    number: int
    text: str


class ArgumentsDelta(msgspec.Struct, frozen=True, kw_only=True):
    """More of a tool call's arguments, as JSON text."""

    number: int
    json: str


class SealDelta(msgspec.Struct, frozen=True, kw_only=True):
    """The part's seal, whole."""

    number: int
    seal: Seal


class CitationDelta(msgspec.Struct, frozen=True, kw_only=True):
    """One more citation of a text."""

    number: int
    citation: Citation


class PartEnded(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing more comes of the part. `native` is what its dialect said of it beside the words."""

    number: int
    native: Native | None = None


class Finished(msgspec.Struct, frozen=True, kw_only=True):
    """A candidate has ended. `native`: what its dialect says of the candidate beside the words."""

    finish: Finish
    candidate: int = 0
    native: Native | None = None


class UsageSeen(msgspec.Struct, frozen=True, kw_only=True):
    """The usage of all so far. `native` holds the provider's own object."""

    usage: Usage
    native: Native | None = None
    service_tier: str | None = None
    """The tier that served the answer, where only its end says so."""


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """The provider has said that this is all. `native`: what its dialect says of the whole answer."""

    native: Native | None = None


class Broke(msgspec.Struct, frozen=True, kw_only=True):
    """The provider reported an error inside the stream. `kind` is its own word for it."""

    message: str
    kind: str = ""
    status: int | None = None


class NativeEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event that only its dialect knows; other dialects leave it out."""

    dialect: AnyDialect
    kind: str
    value: Fields


Event = (
    Began
    | PartBegan
    | TextDelta
    | ArgumentsDelta
    | SealDelta
    | CitationDelta
    | PartEnded
    | Finished
    | UsageSeen
    | Ended
    | Broke
    | NativeEvent
)

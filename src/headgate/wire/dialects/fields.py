"""Members taken out of a JSON object by name and type; what is left is what has no word of ours.

A member whose value is not of the expected type (null included) is left where it is, so that it is written
back as it came. Read next: any dialect's `calls`.
"""

from collections.abc import Mapping
from typing import Final, cast

import msgspec

from headgate.core.call import AnyDialect
from headgate.core.chat import Fields, Native
from headgate.core.faults import InvalidRequest, UpstreamError
from headgate.wire.dialects.changes import Changes


class Taking:
    """One JSON object while it is read. `left` holds what nobody has taken."""

    __slots__ = ("left",)

    def __init__(self, fields: Fields) -> None:
        self.left: Fields = dict(fields)

    def text(self, name: str) -> str | None:
        """Take a string."""
        value = self.left.get(name)
        if isinstance(value, str):
            del self.left[name]
            return value
        return None

    def flag(self, name: str) -> bool | None:
        """Take a boolean."""
        value = self.left.get(name)
        if isinstance(value, bool):
            del self.left[name]
            return value
        return None

    def whole(self, name: str) -> int | None:
        """Take a whole number."""
        value = self.left.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            del self.left[name]
            return value
        return None

    def number(self, name: str) -> float | None:
        """Take a number; whole ones stay whole."""
        value = self.left.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool):
            del self.left[name]
            return value
        return None

    def object(self, name: str) -> Fields | None:
        """Take an object."""
        value = self.left.get(name)
        if isinstance(value, dict):
            del self.left[name]
            return cast("Fields", value)
        return None

    def objects(self, name: str) -> list[Fields] | None:
        """Take a list of objects; a list that holds anything else is left."""
        found = objects_in(self.left.get(name))
        if found is not None:
            del self.left[name]
        return found

    def texts(self, name: str) -> list[str] | None:
        """Take a list of strings; a list that holds anything else is left."""
        value = self.left.get(name)
        if not isinstance(value, list):
            return None
        items = cast("list[object]", value)
        if not all(isinstance(item, str) for item in items):
            return None
        del self.left[name]
        return cast("list[str]", items)

    def native(self, dialect: AnyDialect, shape: str = "") -> Native | None:
        """What is left and how it was spelled; None where there is nothing to keep."""
        return Native(dialect=dialect, fields=self.left, shape=shape) if self.left or shape else None


def objects_in(value: object) -> list[Fields] | None:
    """A list of objects, or None."""
    if not isinstance(value, list):
        return None
    items = cast("list[object]", value)
    return cast("list[Fields]", items) if all(isinstance(item, dict) for item in items) else None


def decode(text: bytes | str) -> object:
    """Decode JSON. Raises ValueError for what is none."""
    try:
        return msgspec.json.decode(text)
    except (UnicodeDecodeError, RecursionError) as error:
        raise ValueError(str(error)) from None


HOLLOW_DEPTH_MAX = 8

_SAID: Final = frozenset({"usage", "usageMetadata", "usage_metadata"})
"""The provider's own object beside what our words say of it."""

_NAMES_ONLY: Final[Mapping[AnyDialect, frozenset[str]]] = {
    "openai-chat": frozenset({"index", "native_finish_reason", "object", "request_id"}),
    "openai-responses": frozenset(
        ["id", "status", "created_by", "item", "item_end", "response", "include", "logprobs"]
    ),
}
"""Members of a dialect that only name a node there, or say how to answer there: no other misses them."""

_HARMLESS: Final[Mapping[AnyDialect, frozenset[str]]] = {
    "anthropic": frozenset(
        {
            "anthropic_version",
            "cache_control",
            "caller",
            "context_management",
            "defer_loading",
            "diagnostics",
            "display",
            "eager_input_streaming",
            "input_examples",
            "metadata",
            "signature",
            "speed",
            "user_profile_id",
        }
    ),
    "openai-chat": frozenset(
        {
            "content_filter_results",
            "detail",
            "metadata",
            "prompt_cache_key",
            "prompt_cache_retention",
            "prompt_filter_results",
            "provider",
            "provider_specific_fields",
            "safety_identifier",
            "store",
            "stream_options",
            "system_fingerprint",
            "time_info",
            "usage_breakdown",
            "x_groq",
        }
    ),
    "openai-responses": frozenset(
        {
            "context",
            "detail",
            "generate_summary",
            "metadata",
            "phase",
            "prompt_cache_key",
            "prompt_cache_options",
            "prompt_cache_retention",
            "safety_identifier",
            "store",
            "stream_options",
            "truncation",
        }
    ),
}
"""Members of a dialect that no answer depends on, whichever dialect is written instead."""


_SAYS_NOTHING: Final[Mapping[AnyDialect, Fields]] = {
    "google": {
        "generationConfig.responseModalities": ["TEXT"],
        "generation_config.response_modalities": ["TEXT"],
    },
    "openai-chat": {"modalities": ["text"], "prefix": False},
}
"""What a dialect's member says that means the same as leaving it out."""


def is_hollow(value: object, depth: int = 0) -> bool:
    """Whether a member says nothing: null, empty, or an object or list of such, to a depth of eight."""
    if value is None or value == "":
        return True
    if depth == HOLLOW_DEPTH_MAX:
        return False
    if isinstance(value, dict):
        return all(is_hollow(inner, depth + 1) for inner in cast("Fields", value).values())
    if isinstance(value, list):
        return all(is_hollow(inner, depth + 1) for inner in cast("list[object]", value))
    return False


def shape_of(native: Native | None, dialect: AnyDialect) -> str:
    """How the dialect itself spelled the node; empty where another dialect did."""
    return native.shape if native is not None and native.dialect == dialect else ""


def put_native(
    fields: Fields,
    native: Native | None,
    dialect: AnyDialect,
    changes: Changes,
    where: str,
    *,
    harmless: frozenset[str] = frozenset(),
    inner: str = "",
) -> Fields:
    """Put what a node says beyond our words back into its own dialect, or tell that another has no place for
    it; of `harmless` members no answer depends. What is null or empty says nothing (`is_hollow`).

    `inner`: a member that is an object of which we have said a part: what is left of it goes into it.
    """
    if native is None:
        return fields
    if native.dialect == dialect:
        for name, value in native.fields.items():
            held = fields.get(name) if name == inner else None
            if isinstance(held, dict) and isinstance(value, dict):
                cast("Fields", held).update(cast("Fields", value))
            else:
                fields[name] = value
        return fields
    plain = _SAYS_NOTHING.get(native.dialect, {})
    for name, value in native.fields.items():
        if name in _SAID or name in _NAMES_ONLY.get(native.dialect, ()) or is_hollow(value):
            continue
        if name in plain and plain[name] == value:
            continue
        what = f"{where}.{name}" if where else name
        if name in harmless or name in _HARMLESS.get(native.dialect, ()):
            changes.lose(what, f"{dialect} has no such member")
        else:
            changes.alter(what, f"{dialect} has no such member")
    return fields


def encoded_call(body: Fields) -> bytes:
    """A call as JSON. Raises InvalidRequest for one that is nested too deep."""
    try:
        return msgspec.json.encode(body)
    except RecursionError:
        raise InvalidRequest("the call is nested too deep") from None


def encoded_answer(body: Fields) -> bytes:
    """A whole answer as JSON. Raises UpstreamError for one that is nested too deep."""
    try:
        return msgspec.json.encode(body)
    except RecursionError:
        raise UpstreamError("the provider's answer is nested too deep") from None

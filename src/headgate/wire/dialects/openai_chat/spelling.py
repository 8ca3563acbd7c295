"""How OpenAI's chat spells what has one word of ours, kept beside the node and put back. Pure.

A shape is words with spaces between; a word may hold a value after `=`. What is left of an inner object
stands in the native members under the inner object's own name. Read next: `parts_in`, `parts_out`.
"""

from typing import Final, Literal, cast

import msgspec

from headgate.core.chat import Fields, Native, Seal
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.fields import Taking, put_native, shape_of
from headgate.wire.dialects.seals import unwrapped

OWN: Final[Literal["openai-chat"]] = "openai-chat"

HARMLESS: Final = frozenset(
    {"id", "index", "type", "status", "object", "caller", "phase", "cache_control", "partMetadata", "thought"}
)
"""Members of foreign parts on which no answer depends."""

TIERS: Final = frozenset({"auto", "default", "flex", "scale", "priority", "fast"})
"""Service tiers that OpenAI names."""

SIGNATURE: Final = "thought_signature"


def words_of(native: Native | None) -> list[str]:
    """The words of a node's own spelling; none where another dialect spelled it."""
    return shape_of(native, OWN).split()


def filled(taking: Taking, name: str) -> str | None:
    """Take a string that is not empty."""
    value = taking.left.get(name)
    if isinstance(value, str) and value:
        del taking.left[name]
        return value
    return None


def stow(outer: Taking, name: str, inner: Taking) -> None:
    """Leave what is left of an inner object in its outer one."""
    if inner.left:
        outer.left[name] = inner.left


def restore(fields: Fields, native: Native | None, inner: str, changes: Changes, where: str) -> Fields:
    """Put a node's native members back, those of its object `inner` into that one."""
    return put_native(fields, native, OWN, changes, where, harmless=HARMLESS, inner=inner)


def take_signature(taking: Taking) -> Seal | None:
    """Take the seal that `extra_content: {google: {thought_signature}}` carries, and nothing else."""
    extra = taking.left.get("extra_content")
    google = _alone(extra, "google")
    signature = _alone(google, SIGNATURE)
    if not isinstance(signature, str) or not signature:
        return None
    del taking.left["extra_content"]
    return unwrapped(signature, OWN)


def _alone(value: object, name: str) -> object:
    """The one member of an object; None where it has another, or others."""
    fields = cast("Fields", value) if isinstance(value, dict) else {}
    return fields.get(name) if len(fields) == 1 else None


def encoded(value: object) -> str:
    """JSON text of a value that was read from JSON. Raises ValueError where it is nested too deeply."""
    try:
        return msgspec.json.encode(value).decode()
    except RecursionError:
        raise ValueError("it is nested too deeply") from None

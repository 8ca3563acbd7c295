"""How Responses spells what has one word of ours, and the ids of what it writes itself. Pure.

A shape is words with spaces between, each of them one choice that the dialect left open. Read next: `parts`.
"""

import hashlib
from typing import Final, Literal

from headgate.core.chat import Fields, Native
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.fields import Taking, put_native, shape_of

OWN: Final[Literal["openai-responses"]] = "openai-responses"

HARMLESS: Final = frozenset(
    ["id", "index", "type", "status", "object", "caller", "cache_control", "partMetadata", "thought"]
)
"""Members of foreign nodes on which no answer depends."""


def words_of(native: Native | None) -> list[str]:
    """The words of a node's own spelling; none where another dialect spelled it."""
    return shape_of(native, OWN).split()


def native_of(taking: Taking, words: list[str]) -> Native | None:
    """What is left of a node, and its spelling."""
    return taking.native(OWN, " ".join(words))


def filled(taking: Taking, name: str) -> str | None:
    """Take a string that is not empty."""
    value = taking.left.get(name)
    if isinstance(value, str) and value:
        del taking.left[name]
        return value
    return None


def restored(fields: Fields, native: Native | None, changes: Changes, where: str) -> Fields:
    """Put a node's own native members back, and tell of those of others."""
    if native is None:
        return fields
    if native.dialect == OWN:
        fields.update({name: value for name, value in native.fields.items() if name not in HELD})
        return fields
    return put_native(fields, native, OWN, changes, where, harmless=HARMLESS)


ITEM: Final = "item"
ITEM_END: Final = "item_end"
HELD: Final = frozenset({ITEM, ITEM_END})
"""Native members of an answer's part that hold what its item says: as it begins, and as it ends."""


def item_id(kind: str, response_id: str, place: int) -> str:
    """An id for an item of an answer: made of the answer's id and its place, so that no two are alike."""
    digest = hashlib.blake2b(response_id.encode("utf-8", "replace"), digest_size=12).hexdigest()
    return f"{PREFIXES.get(kind, 'item')}_{digest}{place:04x}"


PREFIXES: Final = {
    "message": "msg",
    "reasoning": "rs",
    "function_call": "fc",
    "custom_tool_call": "ctc",
    "image_generation_call": "ig",
}

"""Members of Google's objects in both spellings that its API reads, and how each was spelled.

A node's shape (`core.chat.Native.shape`) lists words: the snake-cased names that were met, and flags of the
reader. What follows a line end in it is a payload of the reader. Pure. Read next: `parts`.
"""

import re
from typing import Final

from headgate.core.chat import Native
from headgate.wire.dialects.fields import Taking

DIALECT: Final = "google"
EMPTY: Final[frozenset[str]] = frozenset()
_HUMP: Final = re.compile(r"(?<!^)([A-Z])")


def snake(name: str) -> str:
    """A name in snake case."""
    return _HUMP.sub(r"_\1", name).lower()


SNAKE: Final[dict[str, str]] = {
    name: snake(name)
    for name in (
        "allowedFunctionNames", "cachedContent", "candidateCount", "displayName", "fileData", "fileUri",
        "frequencyPenalty", "functionCall", "functionCallingConfig", "functionDeclarations",
        "functionResponse", "generateContentRequest", "generationConfig", "includeThoughts", "inlineData",
        "maxOutputTokens", "mimeType", "parametersJsonSchema", "presencePenalty", "responseJsonSchema",
        "responseLogprobs", "responseMimeType", "responseSchema", "serviceTier", "stopSequences",
        "systemInstruction", "thinkingBudget", "thinkingConfig", "thinkingLevel", "thoughtSignature",
        "toolConfig", "topK", "topP",
    )
}  # fmt: skip
"""Every member that is read in both spellings."""


class Members(Taking):
    """One object of Google's while it is read."""

    __slots__ = ("flags",)

    def __init__(self, fields: dict[str, object]) -> None:
        super().__init__(fields)
        self.flags: list[str] = []

    def key(self, name: str) -> str:
        """The spelling in use of a member; the camel-cased one where both or none stand there."""
        if name in self.left:
            return name
        other = SNAKE[name]
        if other not in self.left:
            return name
        self.flags.append(other)
        return other

    def natural(self, name: str) -> int | None:
        """Take a whole number, however it is written: Google's SDK writes some as `40.0`."""
        value = self.left.get(name)
        if isinstance(value, float) and value.is_integer():
            del self.left[name]
            return int(value)
        return self.whole(name)

    def word(self, name: str) -> str:
        """Take a text that is not empty; empty where there is none."""
        value = self.left.get(name)
        if isinstance(value, str) and value:
            del self.left[name]
            return value
        return ""

    def shaped(self, payload: str = "") -> Native | None:
        """What is left and how it was spelled; None where there is nothing to keep."""
        shape = " ".join(self.flags)
        return self.native(DIALECT, f"{shape}\n{payload}" if payload else shape)


def flags_of(native: Native | None) -> frozenset[str]:
    """The flags and snake-cased names of a node that was read from this dialect."""
    if native is None or not native.shape or native.dialect != DIALECT:
        return EMPTY
    return frozenset(native.shape.partition("\n")[0].split(" "))


def payload_of(native: Native | None) -> str:
    """What a reader kept in a node's shape beside its flags."""
    return "" if native is None or native.dialect != DIALECT else native.shape.partition("\n")[2]


def spelled(flags: frozenset[str], name: str) -> str:
    """The name of a member as the node's reader met it."""
    if not flags:
        return name
    other = SNAKE[name]
    return other if other in flags else name


def value_of(flags: frozenset[str], prefix: str) -> str | None:
    """What stands behind `prefix=` among the flags."""
    for flag in flags:
        if flag.startswith(prefix + "="):
            return flag[len(prefix) + 1 :]
    return None


def own_fields(native: Native | None) -> dict[str, object]:
    """What a node says beyond our words, if it was read from this dialect; a copy."""
    return dict(native.fields) if native is not None and native.dialect == DIALECT else {}

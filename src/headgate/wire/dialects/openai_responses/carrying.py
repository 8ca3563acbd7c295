"""Seals in `encrypted_content`: OpenAI's own as they are, others marked with what they need to come back.

A reasoning item holds the seal of its own reasoning. Texts and tool calls have no such member: their seal
stands in a reasoning item of its own directly before them (`next`), or, where a stream gave it too late,
directly behind (`last`). Words before the mark say which; `plain` says that the summary is the reasoning
itself, `redacted` that its maker withholds it. Read next: `wire.dialects.seals`.
"""

from typing import Final, Literal

import msgspec

from headgate.core.chat import Reasoning, Seal
from headgate.wire.dialects.openai_responses.spelling import OWN
from headgate.wire.dialects.seals import MARK, unwrapped, wrapped

Whose = Literal["own", "next", "last"]

_PLAIN: Final = "plain"
_REDACTED: Final = "redacted"
_WORDS: Final = frozenset({_PLAIN, _REDACTED, "next", "last"})
_WORDS_LENGTH_MAX: Final = 64


class Carried(msgspec.Struct, frozen=True, kw_only=True):
    """A seal as a reasoning item holds it."""

    seal: Seal
    whose: Whose = "own"
    is_plain: bool = False
    is_redacted: bool = False


def carried(seal: Seal, reasoning: Reasoning) -> str:
    """The seal of a reasoning as text: OpenAI's own as it is, others marked."""
    if seal.maker == OWN:
        return seal.data
    words = [
        *([] if reasoning.is_summary else [_PLAIN]),
        *([_REDACTED] if reasoning.is_redacted else []),
        "",
    ]
    return ";".join(words) + wrapped(seal, OWN)


def carried_beside(seal: Seal, whose: Literal["next", "last"]) -> str:
    """The seal of a text or tool call, as the encrypted content of an item beside it."""
    return f"{whose};{wrapped(seal, '')}"


def taken(text: str) -> Carried:
    """What encrypted content holds. What carries no mark, or a broken one, is OpenAI's own."""
    at = text.find(MARK, 0, _WORDS_LENGTH_MAX)
    own = Carried(seal=Seal(OWN, text))
    if at < 0:
        return own
    seal = unwrapped(text[at:], "")
    words = text[:at].split(";")
    if not seal.maker or words.pop() or not _WORDS.issuperset(words):
        return own
    whose: Whose = "next" if "next" in words else "last" if "last" in words else "own"
    return Carried(seal=seal, whose=whose, is_plain=_PLAIN in words, is_redacted=_REDACTED in words)

"""Seals of other makers where a dialect has its own, with what else a part needs to come back whole. Pure.

A reasoning has a member for its seal: Anthropic's `signature` (or the `data` of a redacted block), Responses'
`encrypted_content`. Texts and tool calls have none: their seal stands in a redacted block, or a reasoning
item, of its own directly before them (`next`), or, where a stream gave it too late, directly behind (`last`).
Words before the mark say which. Read next: `wire.dialects.seals`.
"""

import base64
import binascii
from typing import Final, Literal

import msgspec

from headgate.core.call import AnyDialect
from headgate.core.chat import Reasoning, Seal
from headgate.wire.dialects.seals import MARK, unwrapped, wrapped

Whose = Literal["own", "next", "last"]

_SUMMARY: Final = "summary"
_REDACTED: Final = "redacted"
_ID: Final = "id="
WORDS_LENGTH_MAX: Final = 1024
"""Of the words before a mark; seals are long, and seldom marked."""


class Carried(msgspec.Struct, frozen=True, kw_only=True):
    """A seal as a part of an answer holds it."""

    seal: Seal
    whose: Whose = "own"
    is_summary: bool = False
    is_redacted: bool = False
    id: str = ""


def carried(dialect: AnyDialect, seal: Seal, reasoning: Reasoning, *, keeps_id: bool) -> str:
    """The seal of a reasoning as text: the dialect's own as it is, others marked.

    `keeps_id`: where the dialect has no other member for the reasoning's id.
    """
    if seal.maker == dialect:
        return seal.data
    words = [
        *([_SUMMARY] if reasoning.is_summary else []),
        *([_REDACTED] if reasoning.is_redacted else []),
        *([_ID + _packed(reasoning.id)] if keeps_id and reasoning.id else []),
        "",
    ]
    return ";".join(words) + wrapped(seal, dialect)


def carried_beside(seal: Seal, whose: Literal["next", "last"]) -> str:
    """The seal of a text or tool call, as the part beside it holds it."""
    return f"{whose};{wrapped(seal, '')}"


def taken(dialect: AnyDialect, text: str) -> Carried:
    """What such a member holds. What carries no mark, or a broken one, is the dialect's own."""
    at = text.find(MARK, 0, WORDS_LENGTH_MAX)
    own = Carried(seal=Seal(dialect, text))
    if at < 0:
        return own
    seal = unwrapped(text[at:], "")
    if not seal.maker:
        return own
    whose: Whose = "own"
    identifier = ""
    words = text[:at].split(";")
    if words.pop():
        return own
    for word in words:
        if word == "next":
            whose = "next"
        elif word == "last":
            whose = "last"
        elif word.startswith(_ID):
            identifier = _unpacked(word[len(_ID) :])
        elif word not in (_SUMMARY, _REDACTED):
            return own
    return Carried(
        seal=seal,
        whose=whose,
        is_summary=_SUMMARY in words,
        is_redacted=_REDACTED in words,
        id=identifier,
    )


def _packed(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode("ascii").rstrip("=")


def _unpacked(text: str) -> str:
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
    except (binascii.Error, ValueError):
        return ""

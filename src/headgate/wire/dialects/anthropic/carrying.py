"""Seals of other makers in `signature` and `data`, with what else a part needs to come back whole. Pure.

A thinking block's own seal stands in its `signature`, or in the `data` of a redacted one. Text and tool calls
have no such member: their seal stands in the `data` of a redacted block directly before them (`next`), or,
where a stream gave it too late, directly behind (`last`). Words before the mark say which.
Read next: `wire.dialects.seals`.
"""

import base64
import binascii
from typing import Final, Literal

import msgspec

from headgate.core.chat import Reasoning, Seal
from headgate.wire.dialects.anthropic.words import DIALECT
from headgate.wire.dialects.seals import MARK, unwrapped, wrapped

Whose = Literal["own", "next", "last"]

_SUMMARY: Final = "summary"
_REDACTED: Final = "redacted"
_ID: Final = "id="


class Carried(msgspec.Struct, frozen=True, kw_only=True):
    """A seal as a block holds it."""

    seal: Seal
    whose: Whose = "own"
    is_summary: bool = False
    is_redacted: bool = False
    id: str = ""


def carried(seal: Seal, reasoning: Reasoning) -> str:
    """The seal of a reasoning as text: Anthropic's own as it is, others marked."""
    if seal.maker == DIALECT:
        return seal.data
    words = [
        *([_SUMMARY] if reasoning.is_summary else []),
        *([_REDACTED] if reasoning.is_redacted else []),
        *([_ID + _packed(reasoning.id)] if reasoning.id else []),
        "",
    ]
    return ";".join(words) + wrapped(seal, DIALECT)


def carried_beside(seal: Seal, whose: Literal["next", "last"]) -> str:
    """The seal of a text or tool call, as the data of a block beside it."""
    return f"{whose};{wrapped(seal, '')}"


def taken(text: str) -> Carried:
    """What a signature or redacted data holds. What carries no mark, or a broken one, is Anthropic's own."""
    at = text.find(MARK)
    own = Carried(seal=Seal(DIALECT, text))
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

"""The pieces of a context, the claims of an answer, and what speaks for or against them. Pure.

Read next: `grounding.pieces`, `grounding.claims`, `grounding.lexical`.
"""

from typing import Literal

import msgspec

PieceKind = Literal["document", "tool_result", "message", "system"]
"""What a piece is: retrieved, said by a tool, said by the user or in the conversation, or an instruction."""

Missing = Literal["number", "name", "quote"]


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """A part of what the model read. `part` is a JSON Pointer (RFC 6901) into the request's body.

    Characters `start` to `end` of that text are the piece; `whole` says that it is all of it.
    """

    id: str
    kind: PieceKind
    name: str
    part: str
    start: int
    end: int
    whole: bool
    text: str


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a claim says and the context says nowhere: a number, a name or a quote."""

    kind: Missing
    text: str


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """A sentence of an answer, and what of it stands nowhere in the context.

    `checkable` says whether it holds a number, a name or a quote at all: without any, words say nothing.
    """

    text: str
    checkable: bool
    missing: tuple[Evidence, ...] = ()


class Grounds(msgspec.Struct, frozen=True, kw_only=True):
    """An answer held against its context, by words and numbers alone.

    `problem` says why nothing could be held against anything; there are no claims then.
    """

    request_id: str
    dialect: str
    question: str
    answer: str
    pieces: tuple[Piece, ...]
    claims: tuple[Claim, ...]
    sentence: str
    problem: str = ""

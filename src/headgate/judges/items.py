"""What is marked: a recorded call, a span, the answer to a case of a dataset, or a pair of calls. Pure.

Its id follows from project, judge and subject, so that what is sent twice is one; and from its id, whether it
is in the random sample, so that nobody and nothing chooses. Read next: `judges.storing`.
"""

import hashlib
import uuid
from typing import Annotated, Literal

import msgspec

from headgate.core.faults import InvalidRequest
from headgate.core.identity import span_number
from headgate.judges.model import Shown

MARKS_MAX: int = 20
ITEMS_MAX: int = 500

RequestId = Annotated[
    str, msgspec.Meta(pattern=r"^[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}(?!\n)$")
]
TraceId = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-fA-F]{32}(?!\n)$", description="32 hex digits")]
SpanId = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-fA-F]{16}(?!\n)$", description="16 hex digits")]
CaseName = Annotated[str, msgspec.Meta(min_length=1, max_length=300, pattern=r"^[^\x00]+$")]
Text = Annotated[str, msgspec.Meta(max_length=200_000)]
Length = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]
ModelName = Annotated[str, msgspec.Meta(max_length=200)]


class Content(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a person reads to mark it: of a pair `a` and `b`, else `output`."""

    input: Text = ""
    output: Text = ""
    a: Text = ""
    b: Text = ""
    context: Text = ""
    reference: Text = ""
    model: ModelName = ""
    """Which model answered; of a pair `model_a` and `model_b`."""
    model_a: ModelName = ""
    model_b: ModelName = ""


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """Which answer is meant: `kind` and, of the ids, those of that kind."""

    kind: Literal["request", "span", "case", "pair"]
    request_id: uuid.UUID | None = None
    other_request_id: uuid.UUID | None = None
    """Of a pair the call whose answer is `b`."""
    trace_id: uuid.UUID | None = None
    span_id: int | None = None
    case: str = ""

    @property
    def key(self) -> str:
        """The subject as one text."""
        match self.kind:
            case "request":
                return f"request:{self.request_id}"
            case "span":
                return f"span:{self.trace_id}:{self.span_id}"
            case "case":
                return f"case:{self.case}"
            case "pair" if self.case:
                return f"pair:{self.case}"
            case "pair":
                return f"pair:{self.request_id}:{self.other_request_id}"


class Named(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An answer as callers name it: by request, by trace and span, or by a case's name with its content.

    Of a request, what the judge read beside it may come as `context` and `reference` of the content. A case
    with a request is a part of that call, such as one claim of its answer: it is erased with it. A pair is
    two requests, whose answers are `a` and `b`; with a `case`, that name stands for it, whichever calls
    answered first. `characters` says how long its answers are, where who sends it knows.
    """

    request_id: RequestId | None = None
    other_request_id: RequestId | None = None
    trace_id: TraceId | None = None
    span_id: SpanId | None = None
    case: CaseName | None = None
    content: Content | None = None
    characters: tuple[Length, Length] | None = None

    def subject(self) -> Subject:
        """Return what is named. Raises InvalidRequest for none, several, or a case without content."""
        if self.other_request_id is not None:
            return self._pair(self.other_request_id)
        match (self.request_id, self.trace_id, self.span_id, self.case):
            case (str() as request, None, None, None):
                return Subject(kind="request", request_id=uuid.UUID(request))
            case (None, str() as trace, str() as span, None):
                number = span_number(bytes.fromhex(span))
                return Subject(kind="span", trace_id=uuid.UUID(trace), span_id=number)
            case (str() | None as request, None, None, str() as case) if self.content is not None:
                return Subject(
                    kind="case", case=case, request_id=None if request is None else uuid.UUID(request)
                )
            case (str() | None, None, None, str()):
                raise InvalidRequest(
                    f"the case {self.case!r} comes without content; give its input and output",
                    parameter="content",
                )
            case _:
                raise InvalidRequest(
                    "name one answer: request_id, trace_id with span_id, or case with its content",
                    parameter="request_id",
                )

    def _pair(self, other: str) -> Subject:
        if self.request_id is None or self.trace_id is not None or self.span_id is not None:
            raise InvalidRequest(
                "other_request_id makes a pair of two calls; name the first as request_id, and no span",
                parameter="other_request_id",
            )
        first, second = uuid.UUID(self.request_id), uuid.UUID(other)
        if first == second:
            raise InvalidRequest(
                f"call {first} is no pair with itself; name two calls", parameter="other_request_id"
            )
        return Subject(kind="pair", request_id=first, other_request_id=second, case=self.case or "")


class Verdict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One mark of a judge. `value` is null where it answered nothing that is a verdict.

    `shown` is the order of a pair, `repeat` counts how often the same was asked, `sure` is how sure it was.
    """

    value: bool | int | str | None
    shown: Shown = ""
    repeat: Annotated[int, msgspec.Meta(ge=0, le=999)] = 0
    sure: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    reason: Annotated[str, msgspec.Meta(max_length=8000)] = ""


class Judged(Named, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An answer and what the judge said of it."""

    marks: Annotated[list[Verdict], msgspec.Meta(min_length=1, max_length=MARKS_MAX)]


def item_id(project: str, judge: str, subject: Subject) -> uuid.UUID:
    """Return the id of an answer that a judge or people mark."""
    return uuid.UUID(bytes=_digest("item", project, judge, subject.key)[:16])


def lot_of(item: uuid.UUID) -> float:
    """Return an answer's lot, from 0 to 1: it is in the random sample where the lot is below the share."""
    return int.from_bytes(_digest("lot", str(item))[:7], "big") / 256**7


def order_for(item: uuid.UUID, person: str) -> Shown:
    """Return in which order a person sees a pair: chance decides, the same each time."""
    return "ab" if _digest("order", str(item), person)[0] % 2 == 0 else "ba"


def _digest(*parts: str) -> bytes:
    return hashlib.sha256(msgspec.json.encode(parts)).digest()

"""What is said of a trace, span, request, session or user, as the API takes it and shows it. Pure.

Never looks anything up: what was named may arrive later, or never. Read next: `scores.storing`,
`scores.queries`.
"""

import hashlib
import math
import uuid
from typing import Annotated, Literal

import msgspec

from headgate.core.faults import InvalidRequest
from headgate.core.identity import span_number, trace_id_of
from headgate.core.pages import parse_instant_ms
from headgate.core.written import check_time
from headgate.traces.model import ScoreSaid

BATCH_MAX = 1000
NAME_CHARACTERS_MAX = 100
SUBJECTS = ("request_id", "span_id", "trace_id", "session", "user", "business_id")
"""What feedback can be about: exactly one of these, but that a span may come with its trace."""

_WHOLE_MAX = 2**53

Source = Literal["person", "code", "model"]
Kind = Literal["number", "boolean", "text"]
Value = bool | int | float | str

Id = Annotated[str, msgspec.Meta(pattern=r"^[\x21-\x7e]{1,200}(?!\n)$", description="an id of your own")]
ScoreName = Annotated[str, msgspec.Meta(pattern=r"^\S(?:[^\r\n\t]{0,98}\S)?(?!\n)$")]
RequestId = Annotated[
    str, msgspec.Meta(pattern=r"^[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}(?!\n)$")
]
TraceId = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-fA-F]{32}(?!\n)$", description="32 hex digits")]
SpanId = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-fA-F]{16}(?!\n)$", description="16 hex digits")]
Word = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Text = Annotated[str, msgspec.Meta(max_length=8000)]


class NewFeedback(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What is said: a number, yes or no (true, false) or a text, of one subject.

    The subject is one of request, trace, span (its trace may be named, too), session, user or an id of your
    own, from which the trace's id was made. Without `id` one is made from the content, so that what is sent
    twice counts once; without `at` it is now.
    """

    name: ScoreName
    value: bool | float | Text
    comment: Text = ""
    at: str | None = None
    id: Id | None = None
    source: Source = "person"
    by: Annotated[str, msgspec.Meta(max_length=200)] = ""
    request_id: RequestId | None = None
    trace_id: TraceId | None = None
    span_id: SpanId | None = None
    session: Word | None = None
    user: Word | None = None
    business_id: Word | None = None


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """A row to be: `at_ms` is None for now. Ids are as the database keeps them."""

    id: str
    key: str
    name: str
    kind: Kind
    value: float | None = None
    text: str = ""
    comment: str = ""
    source: Source = "person"
    said_by: str = ""
    at_ms: int | None = None
    subject: Literal["request", "trace", "span", "session", "user", "business_id"]
    request_id: uuid.UUID | None = None
    trace_id: uuid.UUID | None = None
    span_id: int | None = None
    session: str = ""
    user: str = ""
    business_id: str = ""


class SpanScore(msgspec.Struct, frozen=True, kw_only=True):
    """A score that a span carries, and which span; `span_id` is empty where it is of its trace."""

    project: str
    key: str
    trace_id: bytes
    span_id: bytes
    at_ns: int
    said: ScoreSaid


class Feedback(msgspec.Struct, frozen=True, kw_only=True):
    """What was said. `trace_id` is also there where the request that was named belongs to a known trace."""

    id: str
    project: str
    name: str
    value: Value
    label: str
    """The word that a span gives beside a number, such as `relevant`."""
    comment: str
    source: Source
    by: str
    at: str
    received_at: str
    key: str
    request_id: str | None = None
    trace_id: str | None = None
    span_id: str | None = None
    session: str | None = None
    user: str | None = None
    business_id: str | None = None


class ChangeFeedback(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """What is said instead: of the same subject, under the same name."""

    value: bool | float | Text
    comment: Text = ""


class NameInUse(msgspec.Struct, frozen=True, kw_only=True):
    """A name under which something was said: how often of late, numbers from `least` to `most`, and the most
    frequent words."""

    name: str
    kind: Kind
    answers: int
    least: float | None
    most: float | None
    words: list[str]


class NamesInUse(msgspec.Struct, frozen=True, kw_only=True):
    """The names of the newest 5,000 pieces of feedback, the most frequent first; 100 at most."""

    items: list[NameInUse]


def score_of(said: NewFeedback, key: str, *, now_ms: int | None = None) -> Score:
    """Return what was said as a row. Raises InvalidRequest, naming the field, for what makes no sense.

    With `now_ms` also for a time that is before the year 2000, or more than a day ahead of it.
    """
    subject = _subject(said)
    trace = said.trace_id
    if said.business_id is not None:
        trace = trace_id_of(said.business_id).hex()
    if trace is not None and not int(trace, 16):
        raise InvalidRequest("trace_id is all zeros, which is no trace", parameter="trace_id")
    kind, number, text = parts_of(said.value)
    at_ms = None if said.at is None else parse_instant_ms(said.at, "at")
    if at_ms is not None and now_ms is not None:
        try:
            check_time(at_ms, now_ms)
        except ValueError as error:
            raise InvalidRequest(f"at {error}", parameter="at") from None
    return Score(
        id=said.id or _id_of(said),
        key=key,
        name=said.name,
        kind=kind,
        value=number,
        text=text,
        comment=said.comment,
        source=said.source,
        said_by=said.by,
        at_ms=at_ms,
        subject=subject,
        request_id=None if said.request_id is None else uuid.UUID(said.request_id),
        trace_id=None if trace is None else uuid.UUID(trace),
        span_id=None if said.span_id is None else span_number(bytes.fromhex(said.span_id)),
        session=said.session or "",
        user=said.user or "",
        business_id=said.business_id or "",
    )


def score_of_span(row: SpanScore) -> Score | None:
    """Return what a span carries as a row, once for a name and source. None where it is empty."""
    said = row.said
    name = " ".join(_clean(said.name).split())[:NAME_CHARACTERS_MAX]
    if not name or (said.value is None and not said.text):
        return None
    is_number = said.value is not None and math.isfinite(said.value)
    source: Source = "code"
    if said.source in ("person", "model"):
        source = said.source
    place = b"\0".join((row.trace_id, row.span_id, name.encode(), source.encode()))
    label = said.text if said.value is None or is_number else str(said.value)
    return Score(
        id=f"span-{hashlib.sha256(place).hexdigest()[:32]}",
        key=row.key,
        name=name,
        kind="number" if is_number else "text",
        value=said.value if is_number else None,
        text=_clean(label)[:8000],
        comment=_clean(said.comment)[:8000],
        source=source,
        at_ms=max(0, row.at_ns // 1_000_000),
        subject="span" if row.span_id else "trace",
        trace_id=uuid.UUID(bytes=row.trace_id),
        span_id=span_number(row.span_id) if row.span_id else None,
    )


def parts_of(value: Value) -> tuple[Kind, float | None, str]:
    """Return a value's kind, its number (1 and 0 for yes and no) and its text."""
    match value:
        case bool():
            return "boolean", float(value), ""
        case str():
            return "text", None, value
        case _:
            return "number", float(value), ""


def value_of(kind: Kind, number: float | None, text: str) -> Value:
    """Return a value from its parts, whole numbers as such."""
    if kind == "text" or number is None:
        return text
    if kind == "boolean":
        return bool(number)
    return int(number) if number.is_integer() and abs(number) < _WHOLE_MAX else number


def _subject(
    said: NewFeedback,
) -> Literal["request", "trace", "span", "session", "user", "business_id"]:
    named = [field for field in SUBJECTS if getattr(said, field) is not None]
    match named:
        case ["span_id"] | ["span_id", "trace_id"]:
            return "span"
        case ["request_id"]:
            return "request"
        case ["trace_id"]:
            return "trace"
        case ["session"]:
            return "session"
        case ["user"]:
            return "user"
        case ["business_id"]:
            return "business_id"
        case _:
            found = f"names {' and '.join(named)}" if named else "names no subject"
            raise InvalidRequest(
                f"the feedback {found}; name one of {', '.join(SUBJECTS)} "
                "(a span may come with its trace_id)",
                parameter=named[-1] if named else "trace_id",
            )


def _id_of(said: NewFeedback) -> str:
    """An id of the content: what is sent again has the same."""
    content = msgspec.json.encode(said, order="deterministic")
    return f"content-{hashlib.sha256(content).hexdigest()[:32]}"


def _clean(text: str) -> str:
    return text.replace("\0", "\ufffd")

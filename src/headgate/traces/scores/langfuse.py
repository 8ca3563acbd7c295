"""Scores as Langfuse's SDK sends them, read as feedback. Pure.

Its client sends a list to /api/public/scores (SDK 5), one score, or events of the kind `score-create` to
/api/public/ingestion (SDK 2 to 4). Its ids are kept, so that what is sent again counts once. Source: the
models of langfuse 5.0.4. Read next: `scores.langfuse_http`.
"""

from typing import Any, Final, Literal, cast

import msgspec

from headgate.core.faults import InvalidRequest
from headgate.core.pages import parse_instant_ms
from headgate.traces.scores.model import NewFeedback, Score, Source, score_of

COMMENT_CHARACTERS_MAX: Final = 8000
_SOURCES: Final[dict[str, Source]] = {"ANNOTATION": "person", "EVAL": "model"}

DataType = Literal["NUMERIC", "BOOLEAN", "CATEGORICAL", "TEXT", "CORRECTION"]


class LangfuseScore(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One score, as far as it is kept: its environment, metadata and configuration are not."""

    name: str
    value: float | str
    id: str | None = None
    trace_id: str | None = None
    observation_id: str | None = None
    session_id: str | None = None
    dataset_run_id: str | None = None
    comment: str | None = None
    data_type: DataType | None = None
    source: str = "API"
    timestamp: str | None = None


def score_said(item: object, key: str, *, now_ms: int) -> Score:
    """Return one score as a row to be. Raises InvalidRequest that says what can't be kept of it."""
    try:
        said = msgspec.convert(item, LangfuseScore)
    except msgspec.ValidationError as error:
        raise InvalidRequest(f"the score is none of Langfuse's: {error}") from None
    if said.dataset_run_id is not None:
        raise InvalidRequest(
            f"the score {said.name[:64]!r} is of the dataset run {said.dataset_run_id[:64]!r}, which is not "
            "kept here; score a trace, an observation or a session"
        )
    of_session = said.trace_id is None
    feedback: dict[str, Any] = {
        "name": said.name,
        "value": _value(said),
        "id": said.id,
        "comment": (said.comment or "")[:COMMENT_CHARACTERS_MAX],
        "at": said.timestamp,
        "source": _SOURCES.get(said.source, "code"),
        "trace_id": said.trace_id,
        "span_id": said.observation_id,
        "session": said.session_id if of_session else None,
    }
    if said.timestamp is not None:
        parse_instant_ms(said.timestamp, "timestamp")
    try:
        known = {name: value for name, value in feedback.items() if value is not None}
        return score_of(msgspec.convert(known, NewFeedback), key, now_ms=now_ms)
    except msgspec.ValidationError as error:
        raise InvalidRequest(f"the score {said.name[:64]!r} can't be kept: {error}") from None


def _value(said: LangfuseScore) -> bool | float | str:
    if isinstance(said.value, str):
        return said.value
    if said.data_type == "BOOLEAN":
        return said.value != 0
    return str(said.value) if said.data_type in ("CATEGORICAL", "TEXT") else said.value


def items_of(body: bytes) -> list[object]:
    """Return what a body holds: a list of scores, or one. Raises InvalidRequest for anything else."""
    found = _decoded(body)
    return cast("list[object]", found) if isinstance(found, list) else [found]


def events_of(body: bytes) -> list[dict[str, Any]]:
    """Return the events of a batch. Raises InvalidRequest for what is none."""
    found = _decoded(body)
    batch: object = cast("dict[str, object]", found).get("batch") if isinstance(found, dict) else None
    if not isinstance(batch, list) or not all(
        isinstance(event, dict) for event in cast("list[object]", batch)
    ):
        raise InvalidRequest("the body has no `batch`; write a list of events there", parameter="batch")
    return cast("list[dict[str, Any]]", batch)


def _decoded(body: bytes) -> object:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidRequest(f"the body is no valid JSON: {error}") from None

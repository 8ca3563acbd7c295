"""Scores that spans carry: OpenTelemetry's evaluation events and OpenInference's annotations. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

from headgate.traces.conventions.indexed import Indexed
from headgate.traces.conventions.said import Said
from headgate.traces.conventions.texts import number_of, short_text
from headgate.traces.model import ScoreSaid

_COMMENT_MAX: Final = 2_000
_SOURCES: Final[Mapping[str, str]] = {"HUMAN": "person", "LLM": "model", "CODE": "code"}
SCORES_MAX: Final = 100


def score_of(fields: Mapping[str, Any], prefix: str = "") -> ScoreSaid | None:
    """A score from its fields; None without a name, or with neither a value nor a label."""
    name = short_text(fields.get(f"{prefix}name"))
    value = number_of(fields.get(f"{prefix}score.value", fields.get(f"{prefix}score")))
    text = short_text(fields.get(f"{prefix}score.label", fields.get(f"{prefix}label"))) or ""
    if not name or (value is None and not text):
        return None
    return ScoreSaid(
        name=name,
        value=value,
        text=text,
        comment=short_text(fields.get(f"{prefix}explanation"), _COMMENT_MAX) or "",
        source=_SOURCES.get(str(fields.get(f"{prefix}annotator_kind")), "code"),
    )


def annotated(said: Said) -> Iterator[ScoreSaid]:
    """The scores of indexed annotations and evaluations."""
    for _, name, group in said.each("scores"):
        if type(group) is not Indexed:
            continue
        rows = group.build()[:SCORES_MAX]
        read = [score_of(fields) for row in rows if (fields := _fields(row)) is not None]
        if read and None not in read:
            said.take(name)
        yield from (score for score in read if score is not None)


def _fields(row: object) -> Mapping[str, Any] | None:
    if not isinstance(row, dict):
        return None
    fields = cast("Mapping[str, Any]", row)
    inner = fields.get("annotation") or fields.get("evaluation")
    return cast("Mapping[str, Any]", inner) if isinstance(inner, dict) else None

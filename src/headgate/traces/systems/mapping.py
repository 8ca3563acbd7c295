"""The events of a business system as feedback. Pure: what an event says depends on it and the file alone.

Read next: `systems.model`, `systems.http`.
"""

from collections.abc import Iterator
from typing import Any, Final, cast
from urllib.parse import quote

import msgspec

from headgate.core.faults import InvalidRequest
from headgate.core.written import read_time, read_value, read_word
from headgate.traces.scores.model import BATCH_MAX, NewFeedback, Score, score_of
from headgate.traces.systems.model import ROOT, BusinessSystem, Outcome, Path

KEY_PREFIX: Final = "feedback."
"""What stands for the key that said it: `feedback.` and the system's name."""


class Mapped(msgspec.Struct, frozen=True, kw_only=True):
    """What a body says: rows to be, how many events say nothing, and what is wrong with the others."""

    scores: list[Score]
    left_out: int
    problems: list[str]


def mapped(system: BusinessSystem, body: object, *, now_ms: int) -> Mapped:
    """Return what a body says. Raises InvalidRequest where it holds no events, or too many."""
    scores: list[Score] = []
    problems: list[str] = []
    left_out = 0
    for place, event in enumerate(_events(system, body)):
        fitting = [outcome for outcome in system.outcomes if _fits(outcome, event)]
        left_out += not fitting
        for outcome in fitting:
            try:
                scores.append(_score(system, outcome, event, now_ms))
            except (ValueError, InvalidRequest) as error:
                where = "" if system.items is None else f"event {place + 1}: "
                problems.append(f"{where}{error}")
    if len(scores) > BATCH_MAX:
        raise InvalidRequest(f"the body says {len(scores)} things; send at most {BATCH_MAX} at once")
    return Mapped(scores=scores, left_out=left_out, problems=problems)


def _events(system: BusinessSystem, body: object) -> list[object]:
    if system.items is None:
        return [body]
    found = _found(body, system.items)
    if not isinstance(found, list):
        raise InvalidRequest(f"the body has no list at {_written(system.items)}; `items` says there is one")
    events = cast("list[object]", found)
    if len(events) > BATCH_MAX:
        raise InvalidRequest(f"the body has {len(events)} events; send at most {BATCH_MAX} at once")
    return events


def _fits(outcome: Outcome, event: object) -> bool:
    for path, wanted in outcome.when:
        found = _found(event, path)
        if found != wanted or isinstance(found, bool) != isinstance(wanted, bool):
            return False
    return True


def _score(system: BusinessSystem, outcome: Outcome, event: object, now_ms: int) -> Score:
    said: dict[str, Any] = {"source": system.source, "by": system.name}
    for field, value in _fields(outcome, event):
        if isinstance(value, str) and "\x00" in value:
            raise ValueError(f"{field} holds the character U+0000, which can't be kept")
        try:
            said[field] = _read(field, value, now_ms)
        except ValueError as error:
            where = f" ({_written(outcome.found[field])})" if field in outcome.found else ""
            raise ValueError(f"{field}{where} {error}") from None
    if "id" in said:
        parts = (system.name, str(said["name"]), str(said["id"]))
        said["id"] = ":".join(quote(part, safe="!$&'()*+,;=@/") for part in parts)
    try:
        feedback = msgspec.convert(said, NewFeedback)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from None
    return score_of(feedback, f"{KEY_PREFIX}{system.name}", now_ms=now_ms)


def _fields(outcome: Outcome, event: object) -> Iterator[tuple[str, object]]:
    yield from outcome.fixed.items()
    for field, path in outcome.found.items():
        yield field, _found(event, path)


def _read(field: str, value: object, now_ms: int) -> Any:
    match field:
        case "value":
            return read_value(value)
        case "at":
            return read_time(value, now_ms)
        case _:
            return read_word(value)


def _found(event: object, path: Path) -> object:
    """What stands at a place of an event; None where nothing does."""
    here = event
    for step in path:
        if isinstance(step, str):
            here = cast("dict[str, object]", here).get(step) if isinstance(here, dict) else None
        else:
            listed = cast("list[object]", here) if isinstance(here, list) else []
            here = listed[step] if step < len(listed) else None
    return here


def _written(path: Path) -> str:
    """Write a place as the file does."""
    return ROOT + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)

"""From a journal's entry to the values of a row: cleaned, bounded, in the database's units. Pure.

Read next: `records.sink`.
"""

import re
import uuid
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec

from headgate.core.entries import AttemptRecord, Begin, End, Exposure, Override, PromptUsed
from headgate.core.identity import span_number, time_ms_of
from headgate.core.money import format_usd
from headgate.core.pages import format_datetime

NAME_CHARACTERS_MAX = 200
"""Names come from clients too, and stand in indexes, whose entries have to stay below 2.7 kB."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")
_YEAR_9999_MS = 253_370_764_800_000
_COUNT_MAX = 2**31 - 1

REQUEST_COLUMNS = (
    *("day", "id", "boot", "project", "key", '"user"', "session", "tags", "started_at", "duration_ms"),
    *("first_token_ms", "dialect", "operation", "stream", "model", "target", "status", "code", "message"),
    *("attempts", "excluded", "changes", "snapshot", "release", "trace_id", "usage", "cost_usd"),
    *("estimated", "truncated", "label_regions", "record", "provider_request_id"),
    *("label_readers", "label_purposes", "prompts", "overrides", "environment", "parameters"),
    *("parent_span_id", "response_id", "exposures", "finish", "tool_calls", "served_model", "steps"),
)


def clean(text: str) -> str:
    """Return the text without what PostgreSQL cannot hold: NUL."""
    return text.replace("\0", "\ufffd")


def name(text: str) -> str:
    """Return a name cleaned, and cut to 200 characters."""
    return clean(text[:NAME_CHARACTERS_MAX])


def instant(unix_ms: int) -> datetime:
    """Return a point in time. Raises ValueError beyond the years that PostgreSQL and Python share."""
    if not 0 <= unix_ms < _YEAR_9999_MS:
        raise ValueError(f"{unix_ms} ms is no time between 1970 and 9999")
    return _EPOCH + timedelta(milliseconds=unix_ms)


def identity(data: bytes) -> uuid.UUID:
    """Return a call's id. Raises ValueError when it is not 16 bytes."""
    return uuid.UUID(bytes=data)


def day_of(call: uuid.UUID) -> date:
    """Return the day (UTC) that a UUIDv7 was made on: the partition of all that belongs to the call."""
    return instant(time_ms_of(call)).date()


def request_row(boot: uuid.UUID, end: End) -> tuple[Any, ...]:
    """Return the values of REQUEST_COLUMNS."""
    call = identity(end.call)
    return (
        *(day_of(call), call, boot, name(end.project), name(end.key), name(end.user), name(end.session)),
        *([name(tag) for tag in end.tags], instant(end.started_ms), end.duration_ms, end.first_token_ms),
        *(name(end.dialect), name(end.operation), end.stream, name(end.model), name(end.target)),
        *(end.status, name(end.code), clean(end.message), _json([_attempt(one) for one in end.attempts])),
        _json([{"target": clean(one.target), "reason": clean(one.reason)} for one in end.excluded]),
        *([clean(change) for change in end.changes], name(end.snapshot), name(end.release)),
        *(name(end.trace_id), usage_json(end), usd(end.cost_pico_usd), end.estimated, end.truncated),
        *(_values(end.label_regions), name(end.record), name(end.provider_request_id)),
        *(_values(end.label_readers), _values(end.label_purposes)),
        *(_json([_prompt(one) for one in end.prompts]), _json([_override(one) for one in end.overrides])),
        *(name(end.environment), json_text(end.parameters) or None),
        *(span_number(end.parent_span_id) if end.parent_span_id else None, name(end.response_id)),
        exposures_json(end.exposures),
        *(name(end.finish), min(end.tool_calls, _COUNT_MAX), name(end.served_model), list(end.steps) or None),
    )


def _prompt(used: PromptUsed) -> dict[str, Any]:
    return {
        "name": clean(used.name),
        "version": str(used.version),
        "kind": "managed",
        "values": _raw(used.variables),
    }


def exposures_json(exposures: tuple[Exposure, ...]) -> str:
    """Return a call's part in experiments as its row keeps it."""
    return _json([_exposure(one) for one in exposures])


def exposures_of(text: str) -> tuple[Exposure, ...]:
    """Return what `exposures_json` wrote."""
    return tuple(
        [
            Exposure(
                *(one["experiment"], one["version"], one.get("arm", ""), one.get("unit", ""), one["by"]),
                epoch=int(one.get("epoch", "0")),
            )
            for one in msgspec.json.decode(text, type=list[dict[str, str]])
        ]
    )


def _exposure(exposure: Exposure) -> dict[str, Any]:
    """One experiment; without arm and unit where the call's unit was not known."""
    known = {"arm": exposure.arm, "unit": clean(exposure.unit)} if exposure.arm else {}
    moved = {"epoch": str(exposure.epoch)} if exposure.epoch else {}
    said = {"experiment": exposure.experiment, "version": exposure.version, "by": exposure.unit_kind}
    return {**said, **moved, **known}


def _override(override: Override) -> dict[str, Any]:
    """One change; `before` and `after` are left out where there was nothing."""
    sides = {"before": override.before, "after": override.after}
    return {
        "source": clean(override.source),
        "field": clean(override.field),
        **{side: _raw(value) for side, value in sides.items() if value},
    }


def _raw(value: bytes) -> msgspec.Raw:
    return msgspec.Raw(json_text(value).encode())


def json_text(value: bytes) -> str:
    r"""Return JSON without what PostgreSQL's own cannot hold: the character NUL, which is written \u0000."""
    return _NUL.sub(r"\1\\ufffd", value.decode("utf-8", "replace"))


def _values(part: tuple[str, ...] | None) -> list[str] | None:
    """Return one part of a label; None where it restricts nothing."""
    return None if part is None else [clean(value) for value in part]


def usage_json(end: End) -> str:
    """Return a call's usage as JSON that names only buckets that are not empty."""
    usage = end.usage
    if usage.units:
        units = {clean(unit): count for unit, count in usage.units.items()}
        usage = msgspec.structs.replace(usage, units=units)
    return msgspec.json.encode(usage).decode()


def usd(pico_usd: int | None) -> str | None:
    """Return an amount as the decimal number that the database keeps."""
    return None if pico_usd is None else format_usd(pico_usd)


def reserved_pico_usd(begin: Begin) -> int:
    """Return what an attempt was reserved: each of its meters held the same call's bound."""
    return max((hold.pico_usd for hold in begin.holds), default=0)


def _attempt(attempt: AttemptRecord) -> dict[str, Any]:
    return {
        "attempt": attempt.attempt,
        "target": clean(attempt.target),
        "status": attempt.status,
        "code": clean(attempt.code),
        "message": clean(attempt.message),
        "started_at": format_datetime(instant(attempt.started_ms)),
        "duration_ms": attempt.duration_ms,
        "reserved_usd": usd(attempt.reserved_pico_usd),
        "cost_usd": usd(attempt.cost_pico_usd),
        "charged_usd": usd(attempt.charged_pico_usd),
        "estimated": attempt.estimated,
        "usage": {clean(bucket): count for bucket, count in msgspec.to_builtins(attempt.usage).items()},
        "usage_raw": clean(attempt.usage_raw.decode("utf-8", "replace")),
    }


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()

"""What answers of live traffic are made of, hour by hour: of each stratum the first few on record.

Keeps nothing of any answer: the mean over them is a vector of hashed pieces. A project that records no bodies
has none. Read next: `drift.hours`, `statistics.wordings`.
"""

import asyncio
import uuid
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from headgate.core.chat import Refusal, Text, ToolCall
from headgate.drift.model import TAG
from headgate.drift.store import QUERIES
from headgate.statistics.wordings import Wording, mean_wording, wording_of
from headgate.store.database import Connection
from headgate.store.rows import fetch_rows
from headgate.wire.dialects.recorded import read_recorded

ANSWERS: Final = 10
ANSWERS_LEAST: Final = 3
RESPONSE_BYTES_MAX: Final = 64 * 1024


async def wording_of_hour(connection: Connection, hour: Mapping[str, Any]) -> Wording:
    """Return the mean wording of a stratum's first answers in an hour; empty where too few are on record."""
    slot = hour["slot"]
    parameters = {
        **{name: hour[name] for name in ("target", "model", "release", "prompt")},
        "project_ids": [hour["project"]],
        "day": slot.date(),
        "first": _first_id(slot),
        "last": _first_id(slot + timedelta(hours=1)),
        "tag": TAG,
        "bytes_max": RESPONSE_BYTES_MAX,
        "limit": ANSWERS,
    }
    rows = await fetch_rows(connection, QUERIES.sample_answers, parameters)
    return await asyncio.to_thread(_mean, rows) if len(rows) >= ANSWERS_LEAST else ()


def text_of(dialect: str, response: bytes, content_type: str) -> str | None:
    """Return what an answer says, with the tools that it calls; None where it can't be read."""
    answer = read_recorded(dialect, response, content_type)
    if answer is None:
        return None
    said: list[str] = []
    for part in (part for candidate in answer.candidates for part in candidate.parts):
        match part:
            case Text() | Refusal():
                said.append(part.text)
            case ToolCall():
                said.append(f"{part.name} {part.arguments}")
            case _:
                continue
    return "\n".join(said)


def _mean(rows: Sequence[Mapping[str, Any]]) -> Wording:
    texts = [text_of(row["dialect"], bytes(row["response"]), row["response_content_type"]) for row in rows]
    read = [wording_of(text) for text in texts if text is not None]
    return mean_wording(read) if len(read) >= ANSWERS_LEAST else ()


def _first_id(at: Any) -> uuid.UUID:
    """Return the least id of a call that began then: a UUIDv7 begins with its milliseconds (RFC 9562)."""
    return uuid.UUID(int=int(at.timestamp() * 1000) << 80)

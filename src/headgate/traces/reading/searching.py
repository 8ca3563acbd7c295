"""Full text over what went into steps and came out: words, and phrases in quotes.

Days are asked one after the other, the newest first, so that a common word costs no more than a page of it.
Read next: `keeping.words`, which takes the words in.
"""

import asyncio
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec
from psycopg.rows import TupleRow

from headgate.core.faults import InvalidRequest
from headgate.core.pages import LIMIT_DEFAULT, LIMIT_MAX, Page, decode_cursor, encode_cursor, format_datetime
from headgate.records.bodies import read_bodies
from headgate.records.rows import clean, day_of
from headgate.store.database import Connection
from headgate.store.queries import Queries
from headgate.traces.keeping.texts import words_of
from headgate.traces.keeping.words import call_words
from headgate.traces.model import span_text
from headgate.traces.reading.model import TextHit
from headgate.traces.reading.scored import ScoreFilter

QUERIES: Final = Queries.load("headgate.traces.reading")
SNIPPET_CHARACTERS: Final = 80
"""So much of the text is shown before and after what was found."""

Hit = tuple[UUID, int, str, UUID | None]
"""Trace, span, project, and the call where it is one on record."""


class TextQuestion(msgspec.Struct, frozen=True, kw_only=True):
    """What is looked for, and where. `key`: only in spans that this key has sent."""

    text: str
    project_ids: list[str]
    key: str | None = None
    score: ScoreFilter | None = None


async def search_text(
    connection: Connection, question: TextQuestion, *, limit: int = LIMIT_DEFAULT, cursor: str | None = None
) -> Page[TextHit]:
    """Return a page of spans with the words, by the day on which they arrived, newest first.

    Raises InvalidRequest for a question without words, and for a cursor that is none.
    """
    limit = max(1, min(limit, LIMIT_MAX))
    place, hits = await find_hits(connection, question, limit=limit + 1, cursor=cursor)
    parameters = {
        "traces": [hit[0] for hit in hits[:limit]],
        "spans": [hit[1] for hit in hits[:limit]],
        "projects": [hit[2] for hit in hits[:limit]],
        "project_ids": question.project_ids,
        "key": question.key,
    }
    found = await connection.execute(QUERIES.hit_texts, parameters)
    rows = {(row[0], row[1], row[2]): row for row in await found.fetchall()}
    calls = await _call_hits(connection, question, [hit for hit in hits[:limit] if hit[3] is not None])
    shown = [
        calls.get(hit[3]) or (_hit(rows[hit[:3]], question.text) if hit[:3] in rows else None)
        for hit in hits[:limit]
    ]
    items = [hit for hit in shown if hit is not None]
    return Page(items=items, next=place if len(hits) > limit else None)


async def find_hits(
    connection: Connection, question: TextQuestion, *, limit: int, cursor: str | None = None
) -> tuple[str | None, list[Hit]]:
    """Return so many spans with the words, and the cursor of the last but one."""
    await _check(connection, question.text)
    first, after = _place(cursor)
    statement = QUERIES.word_hits.replace(
        "[scored]", "true" if question.score is None else QUERIES.trace_scored.replace("t.", "w.")
    )
    scored = {} if question.score is None else question.score.parameters()
    days = [day for day in await _days(connection) if first is None or day[0] <= first]
    hits: list[tuple[date, Hit]] = []
    for begin, end in days:
        parameters: dict[str, Any] = {
            "text": clean(question.text),
            "project_ids": question.project_ids,
            "key": question.key,
            "only_key": question.key,
            **scored,
            "first": begin,
            "last": end,
            "limit": limit - len(hits),
            **_after(after if begin == first else None),
        }
        found = await connection.execute(statement, parameters, prepare=False)
        hits += [(begin, (row[0], row[1], row[2], row[3])) for row in await found.fetchall()]
        if len(hits) >= limit:
            break
    place = None
    if len(hits) >= 2:
        day, (trace, span, project, _) = hits[-2] if len(hits) >= limit else hits[-1]
        place = encode_cursor((day.isoformat(), str(trace), span_text(span), project))
    return place, [hit for _, hit in hits]


async def _call_hits(
    connection: Connection, question: TextQuestion, hits: list[Hit]
) -> dict[UUID | None, TextHit]:
    """Return calls on record in which the words stand, as they are shown."""
    found: dict[UUID | None, TextHit] = {}
    named = {hit[3]: hit for hit in hits if hit[3] is not None}
    if not named:
        return found
    asked = {
        "days": [day_of(call) for call in named],
        "calls": list(named),
        "project_ids": question.project_ids,
        "key": question.key,
    }
    cursor = await connection.execute(QUERIES.hit_calls, asked)
    for call, dialect, model, operation, started_at in await cursor.fetchall():
        bodies = await read_bodies(connection, question.project_ids, call)
        if bodies is None:
            continue
        trace, span, project, _ = named[call]
        found[call] = TextHit(
            trace_id=trace.hex,
            span_id=span_text(span),
            project=project,
            name=f"{operation} {model}",
            kind="embedding" if operation == "embeddings" else "llm",
            started_at=format_datetime(started_at),
            snippet=snippet(await asyncio.to_thread(call_words, dialect, model, bodies), question.text),
            request_id=str(call),
        )
    return found


async def _check(connection: Connection, text: str) -> None:
    found = await connection.execute(QUERIES.check_words, {"text": clean(text)})
    row = await found.fetchone()
    if row is None or not row[0]:
        raise InvalidRequest(
            f"text is {text[:64]!r}, which has no word to look for; write words, or phrases in double quotes",
            parameter="text",
        )


async def _days(connection: Connection) -> list[tuple[date, date]]:
    """The days that words are kept by, newest first, each as a range; before and after them all others."""
    found = await connection.execute(QUERIES.word_days)
    days = [day for (day,) in await found.fetchall()]
    if not days:
        return [(date.min, date.max)]
    one = timedelta(days=1)
    return [(days[0] + one, date.max), *((day, day) for day in days), (date.min, days[-1] - one)]


def _place(cursor: str | None) -> tuple[date | None, tuple[UUID, int, str] | None]:
    if cursor is None:
        return None, None
    day, trace, span, project = decode_cursor(cursor, tuple[str, str, str, str])
    try:
        number = int.from_bytes(bytes.fromhex(span), "big", signed=True)
        return date.fromisoformat(day), (UUID(trace), number, project)
    except (ValueError, OverflowError):
        raise InvalidRequest(
            "next is no cursor of this list; pass on what the page before said", parameter="next"
        ) from None


def _after(place: tuple[UUID, int, str] | None) -> dict[str, Any]:
    trace, span, project = place if place is not None else (None, None, None)
    return {"place_id": trace, "place_span": span, "place_project": project}


def _hit(row: TupleRow, text: str) -> TextHit:
    trace, span, project, name, kind, started_at, *texts = row
    return TextHit(
        trace_id=trace.hex,
        span_id=span_text(span),
        project=project,
        name=name,
        kind=kind,
        started_at=format_datetime(started_at),
        snippet=snippet(words_of(*texts), text),
    )


def snippet(said: str, text: str) -> str:
    """Return what stands around the first of the words that were looked for."""
    said = " ".join(said.split())
    low = said.casefold()
    phrases = [" ".join(part.split()) for part in text.casefold().split('"')]
    words = [word for phrase in phrases for word in phrase.split() if not word.startswith("-")]
    places = [low.find(each) for each in (*phrases[1::2], *words) if each]
    at = next((place for place in places if place >= 0), 0)
    begin, end = max(0, at - SNIPPET_CHARACTERS), at + SNIPPET_CHARACTERS
    return f"{'…' if begin else ''}{said[begin:end].strip()}{'…' if end < len(said) else ''}"

"""Judges, answers and marks put into the database: each once, whatever is sent again.

Read next: `judges.queue` (what people mark), `judges.reading` (what it comes to), `judges/queries.sql`.
"""

import uuid
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from headgate.access.store import AuditEntry, write_audit
from headgate.core.faults import Conflict, InvalidRequest, NotFound
from headgate.core.pages import format_datetime
from headgate.judges.items import Content, Judged, Named, Subject, item_id, lot_of
from headgate.judges.model import Judge, NewJudge, question_of, value_of, version_of
from headgate.records.rows import day_of
from headgate.store.database import Connection
from headgate.store.queries import Queries

QUERIES: Final = Queries.load("headgate.judges")

VERSIONS_MAX: Final = 500
_WITH_TIME: Final = 7
"""The version of UUIDs that say when they were made."""


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """Whose an answer is, who gave it, and how long it is; of a pair both."""

    key: str = ""
    user: str = ""
    session: str = ""
    trace_id: uuid.UUID | None = None
    models: tuple[str, str] = ("", "")
    lengths: tuple[int, int] = (0, 0)


async def define_judge(connection: Connection, project: str, new: NewJudge, by: str) -> Judge:
    """Keep a version of a judge as the current one, with its row in the audit log.

    Its review rules are the last that were given.
    """
    parameters = {
        "project": project,
        "name": new.name,
        "version": version_of(new),
        "question": question_of(new),
        "definition": msgspec.json.encode(new).decode(),
        "made_by": by,
    }
    cursor = await connection.execute(QUERIES.put_judge, parameters)
    row = await cursor.fetchone()
    assert row is not None
    judge, is_new = _judge(row[:-1]), bool(row[-1])
    entry = AuditEntry(
        actor=by,
        action="create" if is_new else "update",
        kind="judge",
        object=f"{judge.name}@{judge.version}",
        project=project,
        after=judge,
    )
    await write_audit(connection, entry)
    return judge


async def judges_of(
    connection: Connection, project_ids: Sequence[str] | None, name: str | None = None
) -> list[Judge]:
    """Return the versions of one judge, or of all; of each name the current one first."""
    parameters = {"project_ids": _scope(project_ids), "name": name, "limit": VERSIONS_MAX}
    cursor = await connection.execute(QUERIES.list_judges, parameters)
    return [_judge(row) for row in await cursor.fetchall()]


async def find_judge(connection: Connection, project: str, name: str, version: str | None = None) -> Judge:
    """Return a version of a judge, by default the current one. Raises NotFound."""
    found = await judges_of(connection, [project], name)
    for judge in found:
        if version is None or judge.version == version:
            return judge
    what = f"judge {name[:100]!r}" + (f" with a version {version[:32]!r}" if version and found else "")
    raise NotFound(f"there is no {what} in project {project}; `headgate judges list` shows what there is")


async def find_version(connection: Connection, project: str, version: str) -> Judge | None:
    """Return a version of a judge, whatever its name."""
    parameters = {"project_ids": [project], "version": version}
    cursor = await connection.execute(QUERIES.find_version, parameters)
    row = await cursor.fetchone()
    return None if row is None else _judge(row)


async def marks_said(
    connection: Connection, judge: Judge, ids: Sequence[uuid.UUID]
) -> set[tuple[uuid.UUID, str, int]]:
    """Return which of these answers a version has marked: in which order shown, for the how manieth time."""
    parameters = {
        "project_ids": [judge.project],
        "judge": judge.name,
        "version": judge.version,
        "ids": list(ids),
    }
    cursor = await connection.execute(QUERIES.said_before, parameters)
    return {(item, shown, repeat) for item, shown, repeat in await cursor.fetchall()}


async def add_verdicts(
    connection: Connection, judge: Judge, judged: Sequence[Judged], key: str
) -> dict[uuid.UUID, Judged]:
    """Keep what a judge said, in the caller's transaction. Raises Conflict where it said something else."""
    ids = await add_items(connection, judge, judged)
    rows: list[dict[str, Any]] = []
    for item, said in zip(ids, judged, strict=True):
        for mark in said.marks:
            if (judge.scale == "pairwise") != (mark.shown != ""):
                needs = "ab or ba" if judge.scale == "pairwise" else "nothing"
                raise InvalidRequest(
                    f"shown is {mark.shown!r}; on this scale write {needs}", parameter="shown"
                )
            value = None if mark.value is None else value_of(judge.scale, mark.value)
            rows.append(
                {"item": item, "shown": mark.shown, "repeat": mark.repeat, "value": value, "sure": mark.sure}
                | {"comment": mark.reason.replace("\0", "\ufffd")}
            )
    parameters = {
        "source": "judge",
        "said_by": judge.name,
        "version": judge.version,
        "question": "",
        "project": judge.project,
        "key": key,
    }
    await add_marks(connection, parameters, rows)
    return dict(zip(ids, judged, strict=True))


async def add_marks(connection: Connection, common: dict[str, Any], rows: Sequence[dict[str, Any]]) -> None:
    """Keep marks of one judge or person. Raises Conflict where the same was marked otherwise before."""
    parameters = {
        **common,
        "project_ids": [common["project"]],
        "rows": msgspec.json.encode(rows).decode(),
    }
    await connection.execute(QUERIES.add_marks, parameters)
    cursor = await connection.execute(QUERIES.different_marks, parameters)
    row = await cursor.fetchone()
    if row is not None and row[0]:
        raise Conflict(
            f"{row[0]} of these answers are marked otherwise already by {common['said_by']}; a mark stays "
            "as it is: give another repeat, or leave them out"
        )


async def add_items(connection: Connection, judge: Judge, named: Sequence[Named]) -> list[uuid.UUID]:
    """Keep answers to be marked, and return their ids.

    Raises NotFound for calls that aren't on record, InvalidRequest for a pair where the judge takes single
    answers, or the reverse.
    """
    for each in named:
        _check_pair(judge, each)
    subjects = [each.subject() for each in named]
    facts = await facts_of(connection, judge.project, subjects)
    rows: list[dict[str, Any]] = []
    ids: list[uuid.UUID] = []
    for each, subject in zip(named, subjects, strict=True):
        known = known_of(each, facts)
        if known is None:
            missing = _calls_of(subject)
            raise NotFound(
                f"there is no {missing} on record in project {judge.project}; a call is on record "
                "about a second after it ended"
            )
        identity = item_id(judge.project, judge.name, subject)
        ids.append(identity)
        rows.append(_row(judge, identity, subject, known, each.content))
    if len(set(ids)) != len(ids):
        raise InvalidRequest("an answer stands twice in what was sent; name each once")
    parameters = {
        "project": judge.project,
        "judge": judge.name,
        "rows": msgspec.json.encode(rows).decode(),
    }
    await connection.execute(QUERIES.add_items, parameters)
    return ids


def _calls_of(subject: Subject) -> str:
    if subject.kind == "pair":
        return f"pair of calls {subject.request_id} and {subject.other_request_id}"
    return subject.key[:100] if subject.request_id is None else f"call {subject.request_id}"


def _check_pair(judge: Judge, named: Named) -> None:
    """Raise InvalidRequest where people would be asked of a pair and shown one answer, or the reverse."""
    content = named.content or Content()
    what = f"the case {named.case[:100]!r}" if named.case else f"call {named.request_id or named.span_id}"
    of_calls = named.other_request_id is not None
    if judge.scale == "pairwise" and not of_calls and not (content.a and content.b and named.case):
        raise InvalidRequest(
            f"judge {judge.name!r} compares pairs, and {what} is not one; send a case with both answers as "
            "`a` and `b` of its content, or two calls as request_id and other_request_id (POST "
            "/api/v1/reviews), or name a judge of single answers",
            parameter="items",
        )
    if judge.scale != "pairwise" and (of_calls or (not content.output and (content.a or content.b))):
        raise InvalidRequest(
            f"judge {judge.name!r} marks single answers, and {what} is a pair; send the answer as `output` "
            "of its content, or name a judge whose scale is pairwise",
            parameter="items",
        )


def _row(
    judge: Judge, identity: uuid.UUID, subject: Subject, facts: Facts, content: Content | None
) -> dict[str, Any]:
    lot = lot_of(identity)
    text = "" if content is None else msgspec.json.encode(_kept(subject, content)).decode()
    return {
        "id": identity,
        "subject": subject.kind,
        "case_name": subject.case,
        "request_id": subject.request_id,
        "other_request_id": subject.other_request_id,
        "trace_id": subject.trace_id or facts.trace_id,
        "span_id": subject.span_id,
        "key": facts.key,
        "user": facts.user,
        "session": facts.session,
        "content": text,
        "length_a": facts.lengths[0],
        "length_b": facts.lengths[1],
        "model_a": facts.models[0],
        "model_b": facts.models[1],
        "lot": lot,
        "sampled": lot < judge.review.random,
    }


async def facts_of(connection: Connection, project: str, subjects: Sequence[Subject]) -> dict[str, Facts]:
    """Return what is known of calls and spans that are on record, by the keys of their subjects."""
    found: dict[str, Facts] = {}
    requests = [call for each in subjects for call in (each.request_id, each.other_request_id) if call]
    if requests:
        timed = [each for each in requests if each.version == _WITH_TIME]
        parameters = {
            "project_ids": [project],
            "days": sorted({day_of(each) for each in timed}),
            "ids": timed,
        }
        cursor = await connection.execute(QUERIES.facts_of_requests, parameters)
        for identity, key, user, session, target, trace, length in await cursor.fetchall():
            found[Subject(kind="request", request_id=identity).key] = Facts(
                key=key,
                user=user,
                session=session,
                trace_id=_uuid(trace),
                models=(target, ""),
                lengths=(length, 0),
            )
    spans = [each for each in subjects if each.kind == "span"]
    if spans:
        parameters = {
            "project_ids": [project],
            "traces": [each.trace_id for each in spans],
            "spans": [each.span_id for each in spans],
        }
        cursor = await connection.execute(QUERIES.facts_of_spans, parameters)
        for trace, span, key, user, session, model, length in await cursor.fetchall():
            found[Subject(kind="span", trace_id=trace, span_id=span).key] = Facts(
                key=key,
                user=user,
                session=session,
                trace_id=trace,
                models=(model, ""),
                lengths=(length or 0, 0),
            )
    return found


def call_of(subject: Subject) -> Subject:
    """Return the call that a subject is, or is a part of."""
    return Subject(kind="request", request_id=subject.request_id)


def known_of(named: Named, facts: dict[str, Facts]) -> Facts | None:
    """Return what is known of an answer that is named; None where a call of it is not on record."""
    subject = named.subject()
    if subject.kind == "pair":
        return _of_pair(subject, facts, named.characters)
    if subject.kind == "case" and named.content:
        return _of_content(named.content, facts, subject)
    return facts.get(subject.key)


def _of_pair(subject: Subject, facts: dict[str, Facts], characters: tuple[int, int] | None) -> Facts | None:
    first = facts.get(call_of(subject).key)
    second = facts.get(Subject(kind="request", request_id=subject.other_request_id).key)
    if first is None or second is None:
        return None
    # What the two calls don't share belongs to neither: an erasure finds the pair by its calls.
    return Facts(
        key=first.key if first.key == second.key else "",
        user=first.user if first.user == second.user else "",
        session=first.session if first.session == second.session else "",
        trace_id=first.trace_id if first.trace_id == second.trace_id else None,
        models=(first.models[0], second.models[0]),
        lengths=characters or (first.lengths[0], second.lengths[0]),
    )


def _of_content(content: Content, facts: dict[str, Facts], subject: Subject) -> Facts | None:
    """What a case says of itself; a part of a call is whose the call is. None where that isn't on record."""
    whole = Facts() if subject.request_id is None else facts.get(call_of(subject).key)
    if whole is None:
        return None
    models, lengths = (content.model or whole.models[0], ""), (len(content.output), 0)
    if content.a or content.b:
        models, lengths = (content.model_a, content.model_b), (len(content.a), len(content.b))
    return msgspec.structs.replace(whole, models=models, lengths=lengths)


def _kept(subject: Subject, content: Content) -> Content:
    """What is kept with an answer: of a call only what stood beside it, for the rest is on its record."""
    if subject.kind == "case":
        return content
    return Content(context=content.context, reference=content.reference)


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def _judge(row: Sequence[Any]) -> Judge:
    project, _, version, question, definition, made_at, made_by = row
    new = msgspec.json.decode(definition, type=NewJudge)
    return Judge(
        project=project,
        name=new.name,
        version=version,
        question=question,
        model=new.model,
        scale=new.scale,
        rubric=new.rubric,
        prompt=new.prompt,
        parameters=new.parameters,
        review=new.review,
        made_at=format_datetime(made_at),
        made_by=made_by,
    )


def _scope(project_ids: Sequence[str] | None) -> list[str] | None:
    return None if project_ids is None else list(project_ids)

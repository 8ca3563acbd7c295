"""Reads what painting a call's messages takes: its body, the templates that its record names, its rules.

Only templates that the call's record names are held against it, so that it is quick however large the
catalogue is. Read next: `provenance.painting`, `provenance.http`.
"""

import asyncio
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol

import msgspec

from headgate.prompts.catalogue.model import name_of
from headgate.prompts.catalogue.texts import MessageText, texts_of
from headgate.prompts.matching.index import Matcher
from headgate.prompts.matching.model import CatalogueVersion
from headgate.prompts.model import Part, Template
from headgate.prompts.notations import jinja, mustache
from headgate.prompts.provenance.painting import (
    FoundDocument,
    OriginShare,
    PaintedText,
    Palette,
    RuleText,
    paint,
    shares,
    tool_characters_of,
)
from headgate.records.model import RequestDetail
from headgate.store.database import Connection
from headgate.store.queries import Queries
from headgate.store.rows import fetch_rows

QUERIES = Queries.load("headgate.prompts.provenance")

_MANAGED = "managed"
_parts = msgspec.json.Decoder(tuple[Part, ...])
_prompts = msgspec.json.Decoder(list[dict[str, Any]])


class Retrieval(Protocol):
    """Knows the documents that were retrieved in the trace of a call."""

    async def places(
        self, connection: Connection, project: str, call: uuid.UUID, texts: Sequence[str]
    ) -> Sequence[Sequence[FoundDocument]]:
        """Return for each text where documents stand in it, in order and apart from each other."""
        ...


class UsedTemplate(msgspec.Struct, frozen=True, kw_only=True):
    """A template that pieces name: `name` is theirs, `prompt` the name that its page goes by."""

    name: str
    prompt: str
    kind: Literal["code", "managed"]
    source: str | None
    version: str
    line: int | None
    first_commit: str | None
    last_commit: str | None


class Provenance(msgspec.Struct, frozen=True, kw_only=True):
    """Where a call's input came from. `texts` is empty where its body is not kept whole."""

    texts: list[PaintedText]
    shares: list[OriginShare]
    templates: list[UsedTemplate]


async def provenance(
    connection: Connection,
    project_ids: Sequence[str] | None,
    detail: RequestDetail,
    retrieval: Retrieval | None = None,
) -> Provenance:
    """Paint a call that is on record, for who may read these projects."""
    if not isinstance(detail.request, msgspec.Raw) or detail.request_truncated:
        return Provenance(texts=[], shares=[], templates=[])
    prompts = _prompts.decode(detail.prompts)
    scope = None if project_ids is None else list(project_ids)
    code, used = await _of_code(connection, scope, detail.project, prompts)
    managed, also_used = await _managed(connection, scope, detail.project, prompts)
    texts, matcher = await asyncio.to_thread(_read, detail, [*code, *managed])
    documents: Sequence[Sequence[FoundDocument]] = ()
    if retrieval is not None and detail.trace_id:
        said = [text.text for text in texts]
        documents = await retrieval.places(connection, detail.project, uuid.UUID(detail.id), said)
    palette = Palette(matcher=matcher, rules=_rules(detail), documents=documents)
    return await asyncio.to_thread(_paint, detail, texts, palette, [*used, *also_used])


def _read(detail: RequestDetail, versions: list[CatalogueVersion]) -> tuple[list[MessageText], Matcher]:
    return texts_of(detail.dialect, _body(detail)), Matcher(versions)


def _body(detail: RequestDetail) -> bytes:
    return bytes(detail.request) if isinstance(detail.request, msgspec.Raw) else b""


def _paint(
    detail: RequestDetail, of_call: Sequence[MessageText], palette: Palette, used: list[UsedTemplate]
) -> Provenance:
    texts = paint(of_call, palette)
    tokens = detail.usage.input + detail.usage.cache_read + detail.usage.cache_write
    named = {piece.name for text in texts for piece in text.pieces if piece.origin == "template"}
    return Provenance(
        texts=texts,
        shares=shares(texts, tool_characters_of(msgspec.json.decode(_body(detail))), tokens),
        templates=[each for each in used if each.name in named],
    )


async def _of_code(
    connection: Connection, scope: list[str] | None, project: str, prompts: Sequence[Mapping[str, Any]]
) -> tuple[list[CatalogueVersion], list[UsedTemplate]]:
    entries = {
        (str(each["source"]), str(each["name"])): each for each in prompts if each.get("kind") == "code"
    }
    if not entries:
        return [], []
    rows = await fetch_rows(
        connection,
        QUERIES.code_versions,
        {
            "project": project,
            "project_ids": scope,
            "sources": [source for source, _ in entries],
            "versions": [str(each["version"]) for each in entries.values()],
        },
    )
    versions: list[CatalogueVersion] = []
    used: list[UsedTemplate] = []
    for row in rows:
        name = name_of(row["path"], row["symbol"])
        entry = entries.get((row["source"], name))
        if entry is None or entry["version"] != row["version"]:
            continue
        fields = {field: row[field] for field in ("source", "path", "symbol", "version", "first", "last")}
        versions.append(CatalogueVersion(**fields, template=Template(parts=_parts.decode(row["parts"]))))
        used.append(
            UsedTemplate(
                name=name,
                prompt=name,
                kind="code",
                source=row["source"],
                version=row["version"],
                line=row["line"],
                first_commit=str(entry.get("first_commit", "")) or None,
                last_commit=str(entry.get("commit") or entry.get("last_commit", "")) or None,
            )
        )
    return versions, used


async def _managed(
    connection: Connection, scope: list[str] | None, project: str, prompts: Sequence[Mapping[str, Any]]
) -> tuple[list[CatalogueVersion], list[UsedTemplate]]:
    entries = [each for each in prompts if each.get("kind") == _MANAGED]
    if not entries:
        return [], []
    names = [str(each["name"]) for each in entries]
    numbers = [int(each["version"]) for each in entries]
    parameters = {"project": project, "project_ids": scope, "names": names, "numbers": numbers}
    rows = await fetch_rows(connection, QUERIES.managed_versions, parameters)
    versions: list[CatalogueVersion] = []
    used: list[UsedTemplate] = []
    for row in rows:
        body = msgspec.json.decode(row["body"])
        read = jinja if body.get("engine") == "jinja" else mustache
        for place, message in enumerate(body.get("messages", [])):
            symbol = f"message {place + 1}"
            template = Template.of(read(str(message.get("content", ""))))
            versions.append(
                CatalogueVersion(
                    source=_MANAGED,
                    path=row["name"],
                    symbol=symbol,
                    version=template.version,
                    template=template,
                    first=0,
                    last=0,
                )
            )
            used.append(
                UsedTemplate(
                    name=name_of(row["name"], symbol),
                    prompt=row["name"],
                    kind="managed",
                    source=None,
                    version=str(row["number"]),
                    line=None,
                    first_commit=None,
                    last_commit=None,
                )
            )
    return versions, used


def _rules(detail: RequestDetail) -> list[RuleText]:
    found: list[RuleText] = []
    for each in _prompts.decode(detail.overrides):
        before, after, source = each.get("before"), each.get("after"), str(each.get("source", ""))
        if isinstance(before, str) and isinstance(after, str) and source.startswith(("rule ", "release ")):
            found.append(RuleText(source=source, before=before, after=after))
    return found

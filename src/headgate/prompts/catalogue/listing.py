"""What the API shows of prompts found in code: with their traffic, which are unused, and which differ.

Every question takes `project_ids`: None means all projects, which only an admin may ask for. Never shows
traffic to who sees only calls of its own. Read next: `catalogue/queries.sql`, `catalogue.http`.
"""

import uuid
from collections.abc import Sequence
from typing import Any, Literal, Protocol

import msgspec

from headgate.core.faults import InvalidRequest, NotFound
from headgate.core.pages import Page, decode_cursor, encode_cursor, format_datetime
from headgate.prompts.catalogue.looking import Look
from headgate.prompts.catalogue.model import (
    MANAGED,
    PromptDetail,
    PromptItem,
    State,
    Traffic,
    UnknownItem,
    VersionDetail,
    VersionItem,
    digest_of,
    name_of,
)
from headgate.prompts.catalogue.store import QUERIES
from headgate.prompts.model import Part, Template
from headgate.records.queries import format_amount
from headgate.store.database import Connection
from headgate.store.rows import fetch_rows

SUMMARY_CHARACTERS_MAX = 200
VERSIONS_SHOWN_MAX = 500
PARAMETERS_SHOWN_MAX = 100

_parts = msgspec.json.Decoder(tuple[Part, ...])

Row = dict[str, Any]


class OtherPrompts(Protocol):
    """Prompts that stand elsewhere than in code, for the same list."""

    async def items(self, connection: Connection, project_ids: Sequence[str] | None) -> list[PromptItem]:
        """Return all of them, by project and name; at most 500."""
        ...


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """Which page of the prompts, and in which order: by name, or those of most calls first."""

    sort: Literal["name", "calls"] = "name"
    state: str | None = None
    limit: int
    cursor: str | None = None


async def list_prompts(
    connection: Connection, look: Look, listing: Listing, others: Sequence[PromptItem] = ()
) -> tuple[Page[PromptItem], int | None]:
    """Return a page of the prompts of code, by project, path and symbol; those gone only if asked for.

    `others` stand before all of them on the first page; by calls, before those of as many. With it goes how
    often prompts were used at all; None for who sees no traffic.
    """
    by_calls = listing.sort == "calls"
    after = _place(listing.cursor)
    rows, uses = await _listed(
        connection,
        {
            **look.scope(),
            "prompt": None,
            "state": listing.state,
            "by_calls": by_calls,
            "after_rank": None if after is None else -after[0],
            **dict(zip(_PLACE, ("", "", "", "") if after is None else after[1:], strict=True)),
            "limit": listing.limit + 1,
        },
    )
    found: list[tuple[PromptItem, _Place]] = [
        (_item(row, look), (-row["rank"], row["project"], row["path"], row["symbol"], row["source"]))
        for row in rows
    ]
    if not by_calls:
        before = list(others) if after is None else []
        items = before + [item for item, _ in found[: listing.limit]]
        last = found[listing.limit - 1][1] if len(found) > listing.limit else None
    else:
        merged = sorted([*_ranked(others, after), *found], key=_rank)
        items = [item for item, _ in merged[: listing.limit]]
        last = merged[listing.limit - 1][1] if len(merged) > listing.limit else None
    page = Page(items=items, next=None if last is None else encode_cursor(last))
    return page, uses if look.shows_traffic else None


async def _listed(connection: Connection, asked: dict[str, Any]) -> tuple[list[Row], int]:
    rows = await fetch_rows(connection, QUERIES.list_prompts, asked)
    return [row for row in rows if row["prompt"] is not None], int(rows[0]["uses"])


_PLACE = ("after_project", "after_path", "after_symbol", "after_source")
_Place = tuple[int, str, str, str, str]
"""Calls, project, path, symbol and source; the name of a managed prompt for its path, and no source."""


def _place(cursor: str | None) -> _Place | None:
    return None if cursor is None else decode_cursor(cursor, _Place)


def _rank(found: tuple[PromptItem, _Place]) -> tuple[int, bool]:
    """What is sorted by where both kinds stand in one list, which leaves each kind in its own order."""
    item, place = found
    return -place[0], item.source is not None


def _ranked(others: Sequence[PromptItem], after: _Place | None) -> list[tuple[PromptItem, _Place]]:
    """Managed prompts in the order of a list by calls, those after a place."""
    found: list[tuple[PromptItem, _Place]] = [
        (item, (0 if item.traffic is None else item.traffic.calls, item.project, item.name, "", ""))
        for item in others
    ]
    found.sort(key=lambda each: (-each[1][0], each[1][1:]))
    if after is None:
        return found
    # Those of code stand after the managed ones of as many calls.
    is_code = after[4] != ""
    return [
        (item, place)
        for item, place in found
        if place[0] < after[0] or (not is_code and place[0] == after[0] and place[1:] > after[1:])
    ]


async def with_traffic(connection: Connection, look: Look, items: Sequence[PromptItem]) -> list[PromptItem]:
    """Return managed prompts with what calls that they were rendered into came to, all versions together."""
    if not items or not look.shows_traffic:
        return list(items)
    prompts = sorted({digest_of(MANAGED, each.name) for each in items})
    parameters = {**look.scope(), "prompts": prompts}
    rows = await fetch_rows(connection, QUERIES.traffic_by_name, parameters)
    found = {(row["project"], row["prompt"]): row for row in rows}
    nothing: Row = {"calls": 0, "cost_usd": None, "unpriced": 0, "last_seen": None}
    return [
        msgspec.structs.replace(each, traffic=_traffic(found.get((each.project, each.name), nothing), look))
        for each in items
    ]


async def show_prompt(connection: Connection, look: Look, name: str) -> PromptDetail:
    """Return a prompt of code with its versions. Raises NotFound; InvalidRequest where it is not unique."""
    found = await find_prompt(connection, look, name)
    listed, _ = await _listed(
        connection,
        {
            **look.scope(),
            "project_ids": [found["project"]],
            "source": found["source"],
            "prompt": found["prompt"],
            "state": "all",
            "by_calls": False,
            "after_rank": None,
            **dict.fromkeys(_PLACE, ""),
            "limit": 1,
        },
    )
    versions = await _versions(connection, look, found, None)
    return PromptDetail(
        kind="code",
        name=name_of(found["path"], found["symbol"]),
        project=found["project"],
        source=found["source"],
        path=found["path"],
        symbol=found["symbol"],
        state=_state(listed[0], look) if listed else "gone",
        parameters=await _parameters(connection, found),
        versions=[_version(row, look) for row in versions],
    )


async def show_version(connection: Connection, look: Look, name: str, version: str) -> VersionDetail:
    """Return one version in full. Raises NotFound, InvalidRequest where several prompts have the name."""
    found = await find_prompt(connection, look, name)
    rows = await _versions(connection, look, found, version)
    if not rows:
        raise NotFound(
            f"{name[:200]} has no version {version[:40]!r}; GET /api/v1/prompts/{name[:200]} lists them"
        )
    return VersionDetail(
        kind="code",
        name=name_of(found["path"], found["symbol"]),
        project=found["project"],
        source=found["source"],
        version=_version(rows[0], look),
        parts=list(_parts.decode(rows[0]["parts"])),
    )


async def list_unknown(
    connection: Connection,
    look: Look,
    *,
    limit: int,
    cursor: str | None,
) -> Page[UnknownItem]:
    """Return a page of what matches no template, the most frequent first; of users only what repeats."""
    calls, identity = (None, None) if cursor is None else decode_cursor(cursor, tuple[int, uuid.UUID])
    rows = await fetch_rows(
        connection,
        QUERIES.list_unknown,
        {
            **look.scope(),
            "before_calls": calls,
            "before_id": identity,
            "limit": limit + 1,
        },
    )
    items = [
        UnknownItem(
            id=str(row["id"]),
            project=row["project"],
            role=row["role"],
            template=row["template"],
            example=row["example"],
            calls=row["calls"],
            share=round(row["share"], 4),
            first_seen=format_datetime(row["first_seen"]),
            last_seen=format_datetime(row["last_seen"]),
        )
        for row in rows[:limit]
    ]
    following = encode_cursor([items[-1].calls, items[-1].id]) if len(rows) > limit else None
    return Page(items=items, next=following)


async def find_prompt(connection: Connection, look: Look, name: str) -> Row:
    """Return where a prompt of code stands. Raises NotFound; InvalidRequest where it is not unique."""
    rows = await fetch_rows(connection, QUERIES.find_prompts, {**look.scope(), "name": name})
    if not rows:
        raise NotFound(f"there is no prompt {name[:200]!r}; `headgate prompts list` shows them")
    if len(rows) > 1:
        places = ", ".join(f"project {row['project']}, source {row['source']}" for row in rows)
        raise InvalidRequest(
            f"{name[:200]} stands in {len(rows)} places: {places[:500]}; say which with project and source",
            parameter="source",
        )
    return rows[0]


async def _versions(connection: Connection, look: Look, found: Row, version: str | None) -> list[Row]:
    parameters = {
        **look.scope(),
        "project": found["project"],
        "source": found["source"],
        "prompt": found["prompt"],
        "version": version,
        "limit": VERSIONS_SHOWN_MAX,
    }
    return await fetch_rows(connection, QUERIES.list_prompt_versions, parameters)


async def _parameters(connection: Connection, found: Row) -> list[Row]:
    names = {"project": found["project"], "source": found["source"]}
    rows = await fetch_rows(connection, QUERIES.get_settings, names)
    every: list[Row] = rows[0]["settings"]["parameters"] if rows else []
    return [each for each in every if each.get("path") == found["path"]][:PARAMETERS_SHOWN_MAX]


def _item(row: Row, look: Look) -> PromptItem:
    text = Template(parts=_parts.decode(row["parts"])).text if row["parts"] else ""
    return PromptItem(
        kind="code",
        name=name_of(row["path"], row["symbol"]),
        project=row["project"],
        source=row["source"],
        version=(row["newest"] or [None])[0],
        versions=row["versions"],
        text=" ".join(text[: 2 * SUMMARY_CHARACTERS_MAX].split())[:SUMMARY_CHARACTERS_MAX],
        state=_state(row, look),
        seen=list(row["seen"]) if look.shows_traffic else [],
        traffic=_traffic(row, look),
    )


def _state(row: Row, look: Look) -> State:
    if look.shows_traffic:
        return row["state"]
    return "current" if row["newest"] else "gone"


def _version(row: Row, look: Look) -> VersionItem:
    template = Template(parts=_parts.decode(row["parts"]))
    return VersionItem(
        version=row["version"],
        text=template.text,
        holes=list(template.holes),
        is_newest=row["is_newest"],
        line=row["line"],
        first_commit=row["first_commit"] or "",
        first_at=None if row["first_at"] is None else format_datetime(row["first_at"]),
        last_commit=row["last_commit"] or "",
        last_at=None if row["last_at"] is None else format_datetime(row["last_at"]),
        traffic=_traffic(row, look),
    )


def _traffic(row: Row, look: Look) -> Traffic | None:
    if not look.shows_traffic:
        return None
    calls, unpriced = int(row["calls"] or 0), int(row["unpriced"] or 0)
    return Traffic(
        calls=calls,
        cost_usd=None if unpriced == calls else format_amount(row["cost_usd"]),
        unpriced=unpriced,
        last_seen=None if row["last_seen"] is None else format_datetime(row["last_seen"]),
    )

"""Facets of many calls are read from sums: what they come to under any filters, and what is read for them."""

import itertools
import random
import uuid
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import msgspec
import pytest
from tests.contract.made_entries import envelope, make_end, new_call, now_ms

from headgate.core.entries import End, PromptUsed
from headgate.records import facets as call_facets
from headgate.records.facets import CallFacet, FacetName, count_facets
from headgate.records.model import RequestFilters
from headgate.records.sink import RecordSink
from headgate.store.database import Connection, Database
from headgate.store.rows import fetch_rows

SUMMED: tuple[FacetName, ...] = ("status", "model", "target", "prompt", "release", "environment", "key")
GIVEN: dict[str, tuple[str, ...]] = {
    "status": ("ok", "error", "4xx"),
    "model": ("m1", ""),
    "target": ("openai", "mock/large-1", ""),
    "prompt": ("greeting", ""),
    "release": ("r1",),
    "environment": ("staging", ""),
    "key": ("k1",),
}
CUT = "upstream_error"
"""Of an answer that broke off: its status is that which it began with."""
READ = """
select coalesce(sum(scans) filter (where relname = 'rollups'), 0)::int as rollups,
    coalesce(sum(scans) filter (where relname like 'requests_%'), 0)::int as requests
from (select relname, seq_scan + coalesce(idx_scan, 0) as scans from pg_stat_xact_user_tables) each
"""


def made(number: int) -> End:
    """A call of the last two days, of names that all meet."""
    digits = [number // 3**place % 3 for place in range(5)]
    return make_end(
        new_call(),
        started_ms=now_ms() - number % 31 * 93 * 60_000,
        key=f"k{digits[0]}",
        model=("m1", "m2", "")[digits[1]],
        target=("openai/large", "mock/large-1", "")[digits[2]],
        release=("r1", "", "r2")[digits[3]],
        environment=("staging", "production", "")[digits[4]],
        prompts=() if number % 2 else (PromptUsed("greeting", 1),),
        status=(200, 429, 502)[number % 7 % 3],
        code=CUT if number % 70 == 0 else ("", "rate_limited", "provider_error")[number % 7 % 3],
    )


def value_of(end: End, facet: str) -> str:
    if facet == "prompt":
        return end.prompts[0].name if end.prompts else ""
    if facet == "status":
        return "ok" if end.status < 400 else f"{end.status // 100}xx"
    return str(getattr(end, facet))


def passes(end: End, name: str, wanted: str) -> bool:
    value = value_of(end, name)
    if (name, wanted) == ("status", "error"):
        return value != "ok"
    return value == wanted or (name == "target" and wanted != "" and value.startswith(f"{wanted}/"))


async def asked(
    connection: Connection, facets: Sequence[FacetName], held: Sequence[str] = (), **given: Any
) -> dict[str, CallFacet]:
    end = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    begin = end - timedelta(days=5)
    filters = RequestFilters(**given)
    found = await count_facets(connection, ["default"], filters, facets, begin=begin, end=end, held=held)
    assert [each.facet for each in found] == list(facets)
    return {each.facet: each for each in found}


@pytest.fixture
async def ends(database: Database, monkeypatch: pytest.MonkeyPatch) -> list[End]:
    monkeypatch.setattr(call_facets, "COUNTED_MAX", 0)
    made_up = [made(number) for number in range(300)]
    async with database.transaction() as connection:
        await RecordSink().apply(connection, [envelope(end) for end in made_up])
    return made_up


async def test_each_facet_counts_under_all_filters_but_its_own(database: Database, ends: list[End]) -> None:
    asked_for: list[dict[str, str]] = [{}]
    for names in (
        *((name,) for name in GIVEN),
        *itertools.combinations(GIVEN, 2),
        *list(itertools.combinations(GIVEN, 3))[::4],
    ):
        place = len(asked_for)
        asked_for.append({name: GIVEN[name][place % len(GIVEN[name])] for name in names})
    async with database.connection() as connection:
        for place, given in enumerate(asked_for):
            held = ("key",) if place % 3 == 0 else ()
            found = await asked(connection, SUMMED, held, **given)
            for facet in SUMMED:
                others = {name: value for name, value in given.items() if name != facet or name in held}
                mine = [end for end in ends if all(passes(end, *each) for each in others.items())]
                counts = {each.value: each.calls for each in found[facet].values}
                assert counts == Counter(value_of(end, facet) for end in mine), (given, facet)


async def test_all_facets_of_many_calls_are_one_reading_of_sums(database: Database, ends: list[End]) -> None:
    for given in ({"model": "m1"}, {"model": "m1", "status": "error"}, {"target": "mock", "key": "k1"}):
        async with database.transaction() as connection:
            (before,) = await fetch_rows(connection, READ)
            found = await asked(connection, SUMMED, **given)
            (after,) = await fetch_rows(connection, READ)
        assert all(facet.values for facet in found.values())
        assert {name: after[name] - before[name] for name in after} == {"rollups": 1, "requests": 0}, given
    assert len(ends) == 300


async def test_few_calls_are_counted_one_by_one(
    database: Database, ends: list[End], monkeypatch: pytest.MonkeyPatch
) -> None:
    most = Counter(end.model for end in ends)["m1"]
    monkeypatch.setattr(call_facets, "COUNTED_MAX", most)
    async with database.connection() as connection:
        few = await asked(connection, ("status", "code", "key"), model="m1")
        assert (await asked(connection, ("status",), model="none"))["status"].values == []
    mine = [end for end in ends if end.model == "m1"]
    for facet in ("status", "code", "key"):
        wanted = Counter(value_of(end, facet) for end in mine if facet != "code" or end.code)
        assert {each.value: each.calls for each in few[facet].values} == wanted


async def test_codes_of_many_calls_are_all_counted_where_few_have_one(
    database: Database, ends: list[End], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The codes of failures and of answers that broke off, whatever narrows them."""
    monkeypatch.setattr(call_facets, "COUNTED_MAX", sum(end.code != "" for end in ends))
    assert any(end.code and end.status == 200 for end in ends)
    given: list[dict[str, str]] = [{}, *({name: values[0]} for name, values in GIVEN.items())]
    async with database.connection() as connection:
        for narrowed in (*given, {"key": "k1", "model": "m1"}, {"code": CUT}):
            found = await asked(connection, ("code", "status"), **narrowed)
            others = {name: value for name, value in narrowed.items() if name != "code"}
            mine = [end for end in ends if all(passes(end, *each) for each in others.items())]
            wanted = Counter(end.code for end in mine if end.code)
            assert {each.value: each.calls for each in found["code"].values} == wanted, narrowed
            assert found["code"].begin[11:19] == "00:00:00", "counted over all of the time"
        found = await asked(connection, ("status", "model"), code=CUT)
    cut = [end for end in ends if end.code == CUT]
    for facet in ("status", "model"):
        assert {each.value: each.calls for each in found[facet].values} == Counter(
            value_of(end, facet) for end in cut
        )


async def test_the_longest_names_of_a_call_that_failed_are_kept(database: Database) -> None:
    """They stand in one row of an index, which has a bound: any of 200 characters, of four bytes each."""
    source = random.Random(3)
    names = ["".join(chr(source.randrange(0x10000, 0x20000)) for _ in range(200)) for _ in range(5)]
    project, model, target, environment, release = names
    end = made(1)
    long = msgspec.structs.replace(
        end, project=project, model=model, target=target, environment=environment, release=release, code=CUT
    )
    async with database.transaction() as connection:
        await RecordSink().apply(connection, [envelope(long)])
    async with database.connection() as connection:
        (row,) = await fetch_rows(connection, "select model, environment from requests")
    assert (row["model"], row["environment"]) == (model, environment)


async def test_codes_and_users_of_many_are_those_of_the_newest(
    database: Database, ends: list[End], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(call_facets, "COUNTED_MAX", 20)
    async with database.connection() as connection:
        found = await asked(connection, ("status", "code", "user"), model="m1")
        failed = await asked(connection, ("status", "code"), model="m1", status="5xx")
    assert sum(each.calls for each in found["code"].values) == 21
    assert sum(each.calls for each in found["user"].values) == 21
    assert found["code"].begin > found["status"].begin
    assert [each.value for each in failed["code"].values] == ["provider_error"]
    assert {each.value for each in failed["status"].values} == {"ok", "4xx", "5xx"}
    assert uuid.UUID(bytes=ends[0].call)
    assert set(SUMMED) < set(get_args(FacetName))

"""Requests are found by a part of their id: its beginning, its end, or both; what is none is refused."""

import uuid
from typing import Any

import pytest
from tests.contract.made_entries import make_end, new_call
from tests.contract.test_records import listed, write

from headgate.core.faults import InvalidRequest
from headgate.records.parts_of_ids import parts_of
from headgate.store.database import Database

EXPLAINED = """
explain select r.id from requests r
where reverse(right(r.id::text, 12)) collate "C" >= 'f1a2b3'
    and reverse(right(r.id::text, 12)) collate "C" < 'f1a2b4'
"""


async def test_a_part_of_an_id_finds_the_call(database: Database) -> None:
    calls = [new_call() for _ in range(3)]
    await write(
        database, *[make_end(call, project=project) for call, project in zip(calls, "abb", strict=True)]
    )
    ids = [str(uuid.UUID(bytes=call)) for call in calls]

    async def found(text: str, projects: list[str] | None = None, **filters: Any) -> list[str]:
        return [item.id for item in await listed(database, projects, id=text, **filters)]

    for identity in ids:
        for part in (
            *(
                identity,
                identity.upper(),
                identity.replace("-", ""),
                identity[-8:],
                identity[-12:],
                identity[-14:],
            ),
            *(f"…{identity[-7:]}", f"...{identity[-6:]}", identity[:26], f"{identity[:26]}…"),
            *(f"{identity[:8]}…{identity[-6:]}", f" {identity[:13]}*{identity[-4:]} "),
        ):
            assert await found(part) == [identity], part
        # The dots say which part it is.
        assert await found(f"{identity[-12:]}…") == [] and await found(f"…{identity[:12]}") == []
    assert await found(ids[0][:8]) == ids[::-1], "calls of the same minute begin alike; the newest first"
    assert await found(ids[0][:8], model="other") == []
    assert await found(ids[0][-8:], ["b"]) == [] and await found(ids[0][:8], ["a"]) == [ids[0]]
    assert await found("ffffffff") == [] and await found("000000…000000") == []


@pytest.mark.parametrize(
    "text", ["0197a", "hello-world", "0197a2f3-zz", "0…9", "a…b…c012345", "0" * 33, "…", ""]
)
def test_what_is_no_part_of_an_id_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest, match="first or last digits") as refused:
        parts_of(text)
    assert refused.value.parameter == "id"


async def test_an_end_is_found_by_an_index(database: Database) -> None:
    async with database.transaction() as connection:
        await connection.execute("set local enable_seqscan = off")
        plan = "\n".join([row[0] for row in await (await connection.execute(EXPLAINED)).fetchall()])
    assert "Index" in plan and "reverse" in plan and "Seq Scan" not in plan

"""Charts by user and tag: by day over long times, call by call over short ones and with other filters."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from tests.flow.control_app import control
from tests.flow.test_api_requests import ended, record
from tests.flow.test_api_series import HOUR_MS, asked, total

from headgate.core.money import parse_usd
from headgate.records import value_series
from headgate.records.rollup import VALUES_MAX
from headgate.records.sketch import GROWTH
from headgate.store.clock import SystemClock
from headgate.store.database import Database

LENGTHS = [1, 24, 24 * 7]
DAY_S = 86_400
OLDER = """
insert into rollup_days as r (
    project, day, dimension, value, requests, input, cache_read, cache_write, output, reasoning, cost_usd,
    unpriced, estimated
) values ('default', current_date, 'user', 'ann', 5, 0, 0, 0, 0, 0, 1, 0, 0)
on conflict (project, day, dimension, value) do update set
    requests = r.requests + excluded.requests, cost_usd = r.cost_usd + excluded.cost_usd
"""


async def made(database: Database) -> None:
    """Calls of two users and of none, with tags; some of them failed."""
    now = SystemClock().now_ms()
    lately: dict[str, Any] = {"started_ms": now - 120_000}
    calls = [ended(user="ann", tags=("red",), duration_ms=100 + number, **lately) for number in range(9)]
    calls += [ended(user="bob", tags=("red", "blue"), duration_ms=4000, model="other", **lately)] * 1
    calls += [ended(user="bob", tags=(), status=429, code="rate_limited", target="", **lately) for _ in "12"]
    calls += [ended(user="ann", tags=("run:1",), status=502, code="provider_error", **lately)]
    calls += [ended(user="", tags=(), status=502, code="provider_error", project="blue", **lately)]
    await record(database, *calls)


def named(found: Any) -> dict[str | None, int]:
    return {group["name"]: group["calls"] for group in found["groups"]}


@pytest.mark.parametrize("hours", LENGTHS)
async def test_users_have_the_same_charts_as_any_other_group(database: Database, hours: int) -> None:
    async with control(database) as api:
        await made(database)
        found = await asked(api, hours, group_by="user", failing_groups="yes")
        assert found["step_s"] == {1: 60, 24: 900, 24 * 7: DAY_S}[hours]
        assert [(group["name"], group["calls"]) for group in found["groups"]] == [
            ("ann", 10),
            ("bob", 3),
            ("", 1),
        ]
        ann, bob, none = found["groups"]
        assert (total(ann, "ok"), total(ann, "client_errors"), total(ann, "server_errors")) == (9, 0, 1)
        assert (total(bob, "ok"), total(bob, "client_errors"), total(none, "server_errors")) == (1, 2, 1)
        assert {sum(group["unknown"]) for group in found["groups"]} == {0}
        assert Decimal(ann["cost"]) == sum(map(Decimal, ann["cost_usd"])) == Decimal("0.01")
        assert 4000 <= max(each or 0 for each in bob["duration_p99_ms"]) <= 4000 * GROWTH + 1
        assert 100 <= max(each or 0 for each in ann["duration_p50_ms"]) <= 109 * GROWTH + 1
        assert {line["code"]: line["by_group"] for line in found["failures"]} == {
            "rate_limited": [0, 2, 0],
            "provider_error": [1, 0, 1],
        }
        assert all(sum(line["by_group"]) == line["calls"] for line in found["failures"])
        assert found["counted_from"] is None


@pytest.mark.parametrize("hours", LENGTHS)
async def test_one_user_or_tag_alone_by_project_and_with_other_filters(
    database: Database, hours: int
) -> None:
    async with control(database) as api:
        await made(database)
        one = await asked(api, hours, user="bob")
        assert named(one) == {None: 3}
        assert {line["code"]: line["calls"] for line in one["failures"]} == {"rate_limited": 2}
        assert one["failures"][0]["by_group"] == []
        assert named(await asked(api, hours, user="-")) == {None: 1}
        assert named(await asked(api, hours, user="-", group_by="project")) == {"blue": 1}
        assert named(await asked(api, hours, tag="red")) == {None: 10}
        assert named(await asked(api, hours, group_by="user", project="blue")) == {"": 1}
        assert named(await asked(api, hours, group_by="tag")) == {"red": 10, "blue": 1}
        assert named(await asked(api, hours, group_by="model", user="bob")) == {"assistant": 2, "other": 1}
        assert named(await asked(api, hours, group_by="tag", user="bob")) == {"red": 1, "blue": 1}
        assert named(await asked(api, hours, user="nobody")) == {None: 0}


@pytest.mark.parametrize("hours", LENGTHS)
async def test_others_see_only_what_is_theirs(database: Database, hours: int) -> None:
    async with control(database) as api:
        await made(database)
        viewer = (await api.post("/keys", {"name": "a", "role": "viewer", "project": "blue"}))["key"]
        member = await api.post("/keys", {"name": "b", "role": "member"})
        await record(database, ended(key=member["id"], user="ann", cost_pico_usd=parse_usd("1")))
        assert named(await asked(api.as_key(viewer), hours, group_by="user")) == {"": 1}
        assert named(await asked(api.as_key(viewer), hours, user="ann")) == {None: 0}
        assert named(await asked(api.as_key(member["key"]), hours, group_by="user")) == {"ann": 1}
        by_code = await asked(api.as_key(member["key"]), hours, group_by="user", failing_groups="yes")
        assert by_code["failures"] == []


@pytest.mark.parametrize("hours", LENGTHS)
async def test_failures_are_told_apart_by_any_group(database: Database, hours: int) -> None:
    async with control(database) as api:
        await made(database)
        for group, name in (("model", "assistant"), ("project", "blue"), ("key", "k1"), ("tag", "red")):
            found = await asked(api, hours, group_by=group, failing_groups="yes")
            assert name in named(found)
            for line in found["failures"]:
                assert len(line["by_group"]) == len(found["groups"])
                if group != "tag":
                    assert sum(line["by_group"]) == line["calls"]
        calls = [ended(model=f"model-{number}") for number in range(12) for _ in range(12 - number)]
        calls += [ended(model="model-11", status=500, code=f"code-{number}") for number in range(12)]
        await record(database, *calls)
        found = await asked(api, hours, group_by="model", failing_groups="yes")
        rest = [line for line in found["failures"] if line["code"] is None]
        assert sum(rest[0]["by_group"]) == rest[0]["calls"] > 0


async def test_who_is_beyond_the_thousand_users_of_a_day_is_in_the_rest(database: Database) -> None:
    async with control(database) as api:
        await record(database, *[ended(user=f"u{number}", tags=()) for number in range(VALUES_MAX)])
        await record(database, *[ended(user=f"v{number}", tags=()) for number in range(3)])
        found = await asked(api, LENGTHS[-1], group_by="user")
        *largest, rest = found["groups"]
        assert [group["calls"] for group in largest] == [1] * 8
        assert (rest["is_rest"], rest["calls"]) == (True, VALUES_MAX + 3 - 8)
        # Its own calls are told apart on record alone, so they are counted one by one.
        found = await asked(api, LENGTHS[-1], user="v1")
        assert (named(found), found["step_s"]) == ({None: 1}, 3600)


async def test_what_an_older_process_counted_is_unknown(database: Database) -> None:
    async with control(database) as api:
        await made(database)
        async with database.transaction() as connection:
            await connection.execute(OLDER)
        found = await asked(api, LENGTHS[-1], group_by="user")
        ann = found["groups"][0]
        today = found["at"].index(datetime.now(UTC).date().isoformat() + "T00:00:00.000Z")
        assert (ann["name"], ann["calls"], ann["unknown"][today]) == ("ann", 15, 5)
        assert total(ann, "ok") + total(ann, "server_errors") == 10
        assert Decimal(ann["cost"]) == Decimal("1.01")


async def test_of_too_many_calls_the_newest_are_counted_and_it_is_said(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(value_series, "COUNTED", (4,))
    async with control(database) as api:
        now = SystemClock().now_ms()
        for hours_ago in range(6):
            await record(database, ended(user="ann", started_ms=now - hours_ago * HOUR_MS))
        newest = await asked(api, 24, group_by="user")
        # One more than asked for tells that there are more.
        assert named(newest) == {"ann": 5}
        assert newest["counted_from"] is not None
        monkeypatch.setattr(value_series, "COUNTED", (6,))
        every = await asked(api, 24, group_by="user")
        assert (named(every), every["counted_from"]) == ({"ann": 6}, None)


async def test_tags_of_older_calls_are_not_taken_for_none_where_the_newest_have_no_tags(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(value_series, "COUNTED", (4,))
    async with control(database) as api:
        now = SystemClock().now_ms()
        await record(database, ended(tags=("red",), started_ms=now - 9 * HOUR_MS))
        for hours_ago in range(6, -1, -1):
            await record(database, ended(tags=(), started_ms=now - hours_ago * HOUR_MS))
        found = await asked(api, 24, group_by="tag")
        assert (found["groups"], found["counted_from"] is None) == ([], False)


async def test_a_question_that_takes_too_long_counts_nothing_and_says_so(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(value_series, "LOOKED_MS", 1)
    async with control(database) as api:
        await record(database, *[ended(user=f"u{number}") for number in range(3000)])
        found = await asked(api, 24, group_by="user", model="assistant")
        assert found["groups"] == []
        assert found["counted_from"] == found["end"]

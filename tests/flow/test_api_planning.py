"""How many units an experiment takes, over the API: from calls and feedback on record."""

import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.contract.made_entries import envelope, make_end, new_call, now_ms
from tests.flow.control_app import Api, control, make_key

from headgate.core.entries import End
from headgate.records.sink import RecordSink
from headgate.store.database import Database

DAY_MS = 86_400_000


async def users(database: Database, api: Api, count: int = 200) -> None:
    """Two calls of each, ten days ago; two in five are solved, one in four says so of a call."""
    said: list[dict[str, Any]] = []
    ends: list[End] = []
    for number in range(count):
        began = now_ms() - 10 * DAY_MS
        calls = [
            make_end(new_call(), started_ms=began + place, user=f"u{number}", session=f"s{number}")
            for place in range(2)
        ]
        ends += calls
        at = datetime.fromtimestamp((began + DAY_MS) / 1000, UTC).isoformat()
        if number % 5 < 2:
            said.append({"name": "solved", "value": True, "user": f"u{number}", "at": at})
        if number % 4 == 0:
            of_call = {"request_id": str(uuid.UUID(bytes=calls[1].call))}
            said.append({"name": "csat", "value": 1 + number % 5, "at": at, **of_call})
            of_session = {"session": f"s{number}"}
            said.append({"name": "spent", "value": 10 * (number % 3), "at": at, **of_session})
    async with database.transaction() as connection:
        await RecordSink().apply(connection, [envelope(end) for end in ends])
    done = await api.post("/feedback/batch", {"items": said}, status=202)
    assert done["refused"] == 0, done


async def planned(api: Api, **body: Any) -> Any:
    return await api.post("/planning", {"effect": 0.1, **body}, status=200)


async def test_units_are_measured_on_what_is_on_record(database: Database) -> None:
    async with control(database) as api:
        await users(database, api)
        solved = await planned(api, metric="solved")
        assert solved["recorded"]["units"] == solved["recorded"]["measured"] == 200
        assert solved["mean"] == pytest.approx(0.4)
        assert solved["deviation"] == pytest.approx((0.4 * 0.6 * 200 / 199) ** 0.5)
        assert solved["per_day"] == pytest.approx(20, rel=0.01), "over the ten days since the first call"
        csat = await planned(api, metric="csat", kind="answer")
        assert (csat["recorded"]["measured"], csat["recorded"]["complete"]) == (50, 200)
        assert csat["lines"][0]["units_in_all"] == pytest.approx(4 * csat["lines"][0]["units"], abs=3)
        spent = await planned(api, metric="spent", kind="amount", effect=1)
        assert spent["recorded"]["measured"] == 200, "who is silent spent nothing"
        calls = await planned(api, metric="csat", kind="answer", unit="call")
        assert (calls["recorded"]["units"], calls["recorded"]["measured"]) == (400, 50)


async def test_what_is_outside_does_not_count(database: Database) -> None:
    async with control(database) as api:
        await users(database, api, 20)
        for changes in ({"days": 9}, {"model": "other"}):
            refused = await api.post("/planning", {"effect": 0.1, "metric": "solved", **changes}, status=400)
            assert "of 0 units" in refused["error"]["message"]
        refused = await api.post(
            "/planning", {"effect": 0.1, "metric": "solved", "window_s": 3600}, status=400
        )
        assert "20 have a value of 'solved', all the same" in refused["error"]["message"], "a day too late"
        refused = await api.post("/planning", {"effect": 0.1, "metric": "solved", "days": 3}, status=400)
        assert "no window of 7 days ends within the last 3 days" in refused["error"]["message"]
        other = api.as_key((await make_key(database, "viewer", "shop"))[1])
        await api.get("/experiments")  # takes in the keys, too
        seen = await planned(other, rate=0.5)
        assert (seen["recorded"]["units"], seen["lines"][0]["days"]) == (0, None)

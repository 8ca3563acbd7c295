"""How many units an experiment takes, over the API: from calls and feedback on record."""

import statistics
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.contract.made_entries import envelope, make_end, new_call, now_ms
from tests.flow.control_app import Api, control, make_key

from headgate.core.call import Usage
from headgate.core.entries import End
from headgate.records.sink import RecordSink
from headgate.statistics.effects import ratio
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


async def ratios(database: Database, api: Api, count: int = 120) -> dict[str, list[float]]:
    """What users did ten days ago: one to three calls of other costs each; some spend, some solve."""
    did: dict[str, list[float]] = {
        name: [] for name in ("calls", "cost", "tokens", "errors", "spent", "solved")
    }
    ends: list[End] = []
    said: list[dict[str, Any]] = []
    began = now_ms() - 10 * DAY_MS
    at = datetime.fromtimestamp((began + DAY_MS) / 1000, UTC).isoformat()
    for number in range(count):
        calls = 1 + number % 3
        costs = [10**9 * (1 + (number + place) % 4) for place in range(calls)]
        failed = [place == 0 and number % 5 == 0 for place in range(calls)]
        for place, cost in enumerate(costs):
            changes: dict[str, Any] = {"status": 502, "code": "upstream"} if failed[place] else {}
            ends.append(
                make_end(
                    new_call(),
                    started_ms=began + place,
                    user=f"u{number}",
                    session=f"s{number % 7}",
                    cost_pico_usd=cost,
                    usage=Usage(input=10 * calls, output=number % 11, reasoning=1),
                    **changes,
                )
            )
        spent, solved = float(number % 4), float(number % 3 == 1)
        if spent:
            said.append({"name": "spent", "value": spent, "user": f"u{number}", "at": at})
        if solved:
            said.append({"name": "solved", "value": True, "user": f"u{number}", "at": at})
        values = (
            calls,
            sum(costs) / 1e12,
            calls * (10 * calls + number % 11 + 1),
            sum(failed),
            spent,
            solved,
        )
        for name, value in zip(did, values, strict=True):
            did[name].append(float(value))
    async with database.transaction() as connection:
        await RecordSink().apply(connection, [envelope(end) for end in ends])
    assert (await api.post("/feedback/batch", {"items": said}, status=202))["refused"] == 0
    return did


async def test_a_ratio_varies_as_its_sums_do_together(database: Database) -> None:
    async with control(database) as api:
        did = await ratios(database, api)
        for above, below, asked in (
            ("cost", "solved", {"measure": "cost", "per": "solved"}),
            ("cost", "calls", {"measure": "cost", "per": "calls"}),
            ("tokens", "cost", {"measure": "tokens", "per": "cost"}),
            ("errors", "calls", {"measure": "errors"}),
            ("spent", "calls", {"metric": "spent", "kind": "amount", "per": "calls"}),
            ("spent", "solved", {"metric": "spent", "kind": "event", "per": "solved"}),
        ):
            top = [float(each != 0) for each in did[above]] if asked.get("kind") == "event" else did[above]
            truth = ratio(top, did[below])
            found = await planned(api, effect=abs(truth.estimate) / 4, **asked)
            assert found["source"] == "recorded"
            assert found["mean"] == pytest.approx(truth.estimate), asked
            assert found["deviation"] == pytest.approx(truth.standard_error * 120**0.5, rel=1e-6), asked
            assert found["recorded"]["measured"] == found["recorded"]["complete"] == 120
        by_unit = await planned(api, effect=0.001, measure="cost")
        assert by_unit["mean"] == pytest.approx(sum(did["cost"]) / 120)
        assert by_unit["deviation"] == pytest.approx(statistics.stdev(did["cost"]))
        sessions = await planned(api, effect=0.1, measure="tokens", per="sessions", is_relative=True)
        assert sessions["mean"] == pytest.approx(sum(did["tokens"]) / 120), "each user has one"


async def test_units_whose_cost_is_not_known_are_left_out_of_it(database: Database) -> None:
    async with control(database) as api:
        await ratios(database, api, 30)
        began = now_ms() - 10 * DAY_MS
        ends = [
            make_end(new_call(), started_ms=began, user=f"v{number}", cost_pico_usd=None)
            for number in range(5)
        ]
        async with database.transaction() as connection:
            await RecordSink().apply(connection, [envelope(end) for end in ends])
        found = await planned(api, effect=0.001, measure="cost", per="calls")
        assert (found["recorded"]["measured"], found["recorded"]["complete"]) == (30, 35)


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ({"rate": 0.5, "per": "calls"}, "nothing is measured that 'calls' could divide"),
        ({"measure": "cost", "per": "cost"}, "it would be 'cost' divided by itself"),
        ({"metric": "a", "per": "a"}, "it would be 'a' divided by itself"),
        ({"metric": "a", "kind": "answer", "per": "calls"}, "answers have a mean of their own"),
        ({"metric": "a", "measure": "cost"}, "given by metric and measure"),
        ({"measure": "cost", "per": "never"}, "0 have a value of 'cost per never'"),
    ],
)
async def test_what_is_no_ratio_is_refused(database: Database, asked: dict[str, Any], reason: str) -> None:
    async with control(database) as api:
        refused = await api.post("/planning", {"effect": 0.1, **asked}, status=400)
        assert reason in refused["error"]["message"]

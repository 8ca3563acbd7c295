"""What judges said in checks comes to where they are held against people, and what people mark comes back."""

import random
import uuid
from typing import Any

from tests.flow.control_app import Api, control, make_key
from tests.flow.test_api_judges import following
from tests.flow.test_api_requests import ended, record

from headgate.store.database import Database

POLITE: dict[str, Any] = {
    "name": "orders.polite",
    "model": "mock/large",
    "scale": "yes_no",
    "rubric": "Is the answer polite?",
}
SOME_MS = 1_700_000_000_000


def marked(request: str, value: Any, **more: Any) -> dict[str, Any]:
    return {"request_id": request, "marks": [{"value": value}], **more}


async def fed(api: Api, *items: dict[str, Any], judge: dict[str, Any] = POLITE) -> Any:
    return await api.post("/judgements", {"judge": judge, "items": list(items)})


async def recorded(database: Database, count: int) -> list[str]:
    """Calls with the same ids in each run: by a hash of them a fifth is in the random sample."""
    ids = [uuid.UUID(int=SOME_MS << 80 | 7 << 76 | 2 << 62 | number).bytes for number in range(count)]
    return await record(database, *(ended(call=each, user=f"u{n}") for n, each in enumerate(ids)))


async def test_marks_of_checks_make_a_judge_whose_sample_people_mark(database: Database) -> None:
    rng = random.Random(2)
    async with control(database) as api:
        calls = await recorded(database, 200)
        truth = {call: rng.random() < 0.6 for call in calls}
        # Each kind of error often enough that a fifth of all has it.
        said = {call: rng.random() < (0.6 if good else 0.5) for call, good in truth.items()}
        items = [marked(call, said[call], content={"reference": "in transit"}) for call in calls]
        first = await fed(api, *items)
        assert (first["judge"], first["kept"], first["missing"]) == ("orders.polite", 200, [])
        assert 20 < first["chosen"] < 70
        again = await fed(api, *items[:10], marked(calls[10], not said[calls[10]]))
        assert (again["kept"], again["chosen"]) == (11, 0), "what it said first stays"
        version = first["version"]
        before = await api.get(f"/judgements/{version}")
        assert (before["judge"], before["pairs"], before["waiting"]) == ("orders.polite", [], first["chosen"])
        while (review := await following(api, judge="orders.polite")) is not None:
            if review["missing"]:
                assert review["item"]["request_id"] in truth
            value = truth[review["item"]["request_id"]]
            await api.post(f"/reviews/{review['item']['id']}/marks", {"value": value, "by": "anna"})
        after = await api.get(f"/judgements/{version}")
        assert sum(pair["count"] for pair in after["pairs"]) == first["chosen"]
        assert {(pair["said"], pair["truth"]) for pair in after["pairs"]} == {
            (0, 0),
            (0, 1),
            (1, 0),
            (1, 1),
        }
        audit = [row for row in (await api.get("/audit", limit=200))["items"] if row["kind"] == "judge"]
        assert [(row["action"], row["object"]) for row in audit] == [("create", f"orders.polite@{version}")]


async def test_the_same_judge_is_one_whoever_defined_it(database: Database) -> None:
    async with control(database) as api:
        (call, other, third) = await record(database, ended(), ended(), ended())
        defined = await api.post("/judges", {**POLITE, "name": "polite", "review": {"random": 1}})
        said = await fed(api, marked(call, True))
        assert (said["judge"], said["version"], said["chosen"]) == ("polite", defined["version"], 1)
        hotter = await fed(api, marked(other, True), judge={**POLITE, "parameters": {"temperature": 1}})
        assert hotter["version"] != said["version"]
        assert hotter["judge"] == "orders.polite"
        worded = {**POLITE, "name": "polite", "prompt": "Be strict. {rubric}"}
        strict = await fed(api, marked(third, False), judge=worded)
        shown = await api.get("/judges/polite")
        assert [shown["judge"]["version"], shown["judge"]["review"]["random"]] == [strict["version"], 1]
        nobody = await api.get("/judgements/0123456789abcdef")
        assert (nobody["judge"], nobody["pairs"]) == ("", [])


async def test_calls_that_are_not_on_record_are_named_and_those_of_other_keys_are_not_told(
    database: Database,
) -> None:
    nothing = "0190a0a0-0000-7000-8000-000000000009"
    _, text = await make_key(database, "member")
    async with control(database) as api:
        (call,) = await record(database, ended())
        assert (await fed(api, marked(nothing, True), marked(call, True)))["missing"] == [nothing]
        foreign = await fed(Api(api.client, text, api.app), marked(call, True))
        assert (foreign["kept"], foreign["missing"]) == (0, [call])


async def test_a_claim_of_a_call_is_read_as_the_judge_read_it(database: Database) -> None:
    claim = {"input": "How high?", "output": "It is 2,962 metres high.", "context": "2,962 metres"}
    grounded = {**POLITE, "name": "groundedness"}
    nothing = "0190a0a0-0000-7000-8000-000000000009"
    async with control(database) as api:
        (call,) = await record(database, ended(user="anna"))
        await api.post("/judges", {**grounded, "review": {"random": 1}})
        one = marked(call, True, case=f"{call} 1", content=claim)
        two = marked(call, None, case=f"{call} 2", content=claim)
        gone = marked(nothing, True, case=f"{nothing} 1", content=claim)
        said = await fed(api, one, two, gone, judge=grounded)
        assert (said["kept"], said["chosen"], said["missing"]) == (2, 2, [nothing])
        review = await following(api, judge="groundedness")
        assert review["content"] == claim and review["item"]["request_id"] == call


async def run_of(
    api: Api, scores: list[float], rubric: str = POLITE["rubric"], *, by_judge: bool = True
) -> str:
    """A run that a judge marked, or a scorer of its name, as `headgate check` keeps it."""
    scorer = {"kind": "judge", "name": "polite", "model": POLITE["model"], "rubric": rubric}
    if not by_judge:
        scorer = {"kind": "exact", "name": "polite"}
    new = {"name": "orders", "target": "target", "dataset": "orders", "dataset_digest": "0" * 64}
    run = (await api.post("/checks/runs", {**new, "definition": {"scorers": [scorer]}}))["id"]
    results = [
        {"case": f"{number:03}", "repeat": 0, "marks": {"polite": {"score": score}}}
        for number, score in enumerate(scores)
    ]
    await api.post(f"/checks/runs/{run}/results", {"results": results}, status=202)
    return run


async def test_two_runs_are_compared_without_their_judges_errors(database: Database) -> None:
    rng = random.Random(3)
    async with control(database) as api:
        calls = await recorded(database, 400)
        truth = {call: rng.random() < 0.6 for call in calls}
        said = {call: rng.random() < (0.95 if good else 0.3) for call, good in truth.items()}
        await fed(api, *[marked(call, said[call]) for call in calls])
        ours = await run_of(api, [float(rng.random() < 0.9) for _ in range(300)])
        theirs = await run_of(api, [float(rng.random() < 0.4) for _ in range(300)])
        (before,) = (await api.get(f"/checks/runs/{ours}/comparison", against=theirs))["scorers"]
        assert (before["judge"], before["marks"], before["difference"], before["low"]) == (
            "orders.polite",
            0,
            None,
            None,
        )
        assert before["said"]["low"] > 0.3
        assert before["sentence"].startswith(
            "polite: which run is better is not known: people have marked 0 of the 30 answers"
        )
        assert "; by its judge's word this run is better by " in before["sentence"]
        while (review := await following(api, judge="orders.polite")) is not None:
            value = truth[review["item"]["request_id"]]
            await api.post(f"/reviews/{review['item']['id']}/marks", {"value": value, "by": "anna"})
        (after,) = (await api.get(f"/checks/runs/{ours}/comparison", against=theirs))["scorers"]
        assert after["marks"] >= 30
        assert after["difference"] > after["said"]["estimate"], "it shows some two thirds"
        assert 0 < after["low"] < 0.5 / 0.65 < after["high"] <= 1
        assert "without its judge's errors, by the " in after["sentence"]
        other = await run_of(api, [1.0, 0.0] * 20, rubric="Is the answer kind?")
        (apart,) = (await api.get(f"/checks/runs/{ours}/comparison", against=other))["scorers"]
        assert apart["difference"] is None
        assert "its judge was another in each run" in apart["sentence"]
        exact = await run_of(api, [1.0, 0.0] * 20, by_judge=False)
        for one, against in ((ours, exact), (exact, ours)):
            (apart,) = (await api.get(f"/checks/runs/{one}/comparison", against=against))["scorers"]
            assert apart["difference"] is None
            assert "a judge marked one of the runs alone" in apart["sentence"]


async def test_pairs_count_by_what_the_judge_says_in_both_orders(database: Database) -> None:
    async with control(database) as api:
        calls = await record(database, *(ended(user=f"u{number}") for number in range(120)))
        judge = {**POLITE, "name": "orders.kinder", "scale": "pairwise", "review": {"random": 1.0}}
        orders = {0: ("a", "a"), 1: ("a", "b"), 2: ("tie", "b")}
        items = [
            {
                "request_id": calls[2 * number],
                "other_request_id": calls[2 * number + 1],
                "marks": [
                    {"value": value, "shown": shown}
                    for shown, value in zip(("ab", "ba"), orders[number % 3], strict=True)
                ],
            }
            for number in range(60)
        ]
        version = (await api.post("/judges", judge))["version"]
        await fed(api, *items, judge={name: judge[name] for name in POLITE})
        while (review := await following(api, judge="orders.kinder")) is not None:
            await api.post(f"/reviews/{review['item']['id']}/marks", {"value": "a", "by": "anna"})
        counted = {
            (each["said"], each["truth"]): each["count"]
            for each in (await api.get(f"/judgements/{version}"))["pairs"]
        }
        assert counted == {(1.0, 1.0): 20, (0.5, 1.0): 40}

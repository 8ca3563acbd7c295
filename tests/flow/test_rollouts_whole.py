"""A rollout through a real Headgate: internal callers, a share, all; back by itself; moves reach gateways."""

import json
import time
from collections.abc import Iterator

import pytest
from demo.running import headgate
from tests.flow.rollout_house import ROLLOUT, House
from tests.flow.scripted_provider import PROVIDERS, ScriptedProvider, error

SOON_S = 40.0


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with ScriptedProvider() as provider:
        config = PROVIDERS.format(port=provider.port)
        config += ROLLOUT.format(name="good", more='users = ["ann"]', units=20)
        config += ROLLOUT.format(name="bad", more="", units=20)
        config += ROLLOUT.format(name="by-hand", more="", units=1000)
        chosen = 'users = ["ann"]\ninternal_share = 0.5'
        config += ROLLOUT.format(name="tried", more=chosen, units=20)
        config += ROLLOUT.format(name="failed", more=chosen, units=20)
        with headgate(config) as running:
            yield House(running, provider, soon_s=SOON_S)


def test_from_internal_callers_over_a_share_to_all(house: House) -> None:
    house.wait_for_stage("good", "internal")
    house.wait_for_target("good", "b", "ann")
    assert {house.target("good", f"user-{number}") for number in range(8)} == {"a"}
    told = house.running.command("rollouts", "advance", "good", "--why", "we like it")
    assert "good of good: 50 % (internal > [50 %] > all)" in told
    deadline = time.monotonic() + SOON_S
    seen: set[str] = set()
    while seen != {"a", "b"}:
        seen = {house.target("good", f"user-{number}") for number in range(40)}
        assert time.monotonic() < deadline, seen
    for number in range(40, 100):
        house.target("good", f"user-{number}")
    shown = house.wait_for_stage("good", "all")
    last, advanced, begun = shown["moves"]
    assert (begun["action"], begun["to_stage"]) == ("begin", "internal")
    assert (advanced["moved_by"] != "system", advanced["why"]) == (True, "we like it")
    assert (last["moved_by"], last["from_stage"], last["to_stage"]) == ("system", "50 %", "all")
    assert last["why"].startswith("All guardrails hold at 50 %")
    house.wait_for_target("good", "b", "user-0")
    assert {house.target("good", f"other-{number}") for number in range(20)} == {"b"}
    assert house.target("good") == "b", "calls of nobody, too"
    alerts = house.running.get("/alerts", kind="rollout")["items"]
    assert any("rollout good of good moved on from 50 % to all" in each["message"] for each in alerts)


def test_internal_callers_calls_that_both_arms_serve_move_it_on_and_back_by_themselves(house: House) -> None:
    for name in ("tried", "failed"):
        house.wait_for_stage(name, "internal")
    deadline = time.monotonic() + SOON_S
    while {house.target("tried", "ann") for _ in range(12)} != {"a", "b"}:
        assert time.monotonic() < deadline, "each of her calls is drawn by itself"
    assert {house.target("tried", f"user-{number}") for number in range(8)} == {"a"}, "nobody else's"
    house.provider.on("b", "failed", *[error(500, "no")] * 400)
    for _ in range(70):
        house.target("tried", "ann")
        house.target("failed", "ann")
    moved = house.wait_for_stage("tried", "50 %")["moves"][0]
    assert (moved["moved_by"], moved["from_stage"]) == ("system", "internal")
    assert "calls of internal callers that the candidate served" in moved["why"]
    back = house.wait_for_stage("failed", "back")["moves"][0]
    assert back["why"].startswith("errors is worse by at least")


def test_a_broken_guardrail_sends_all_calls_back(house: House) -> None:
    house.wait_for_stage("bad", "50 %")
    house.provider.on("b", "bad", *[error(500, "no")] * 400)
    for number in range(80):
        house.target("bad", f"user-{number}")
    shown = house.wait_for_stage("bad", "back")
    back = shown["moves"][0]
    assert back["why"].startswith("errors is worse by at least")
    (listed,) = [each for each in house.running.get("/rollouts")["items"] if each["name"] == "bad"]
    assert (listed["back"], listed["sentence"]) == (back, shown["rollout"]["sentence"])
    told = (
        f"It fell back from 50 % on {back['at'][:10]} at {back['at'][11:16]} UTC: {back['why']} All calls go"
    )
    assert listed["sentence"].startswith(told)
    assert told in house.running.command("rollouts", "list")
    house.wait_for_target("bad", "a", "user-0")
    assert {house.target("bad", f"user-{number}") for number in range(30)} == {"a"}
    refused = house.running.api.post("/rollouts/bad/moves", json={"action": "advance"})
    assert (refused.status_code, "has fallen back" in refused.text) == (409, True)


def test_moves_by_hand_and_what_is_held(house: House) -> None:
    house.wait_for_stage("by-hand", "50 %")
    assert "held" in house.running.command("rollouts", "hold", "by-hand")
    assert json.loads(house.running.command("rollouts", "show", "by-hand", "--json"))["rollout"]["held"]
    assert (
        "held"
        not in house.running.command("rollouts", "resume", "by-hand", "--why", "go on").partition("(")[0]
    )
    again = house.running.api.post("/rollouts/by-hand/moves", json={"action": "resume"})
    assert (again.status_code, "is not held" in again.text) == (409, True)
    late = house.running.api.post("/rollouts/by-hand/moves", json={"action": "advance", "expected": "all"})
    assert (late.status_code, "stands at 50 %, not at 'all'" in late.text) == (409, True)
    house.running.command("rollouts", "advance", "by-hand")
    house.wait_for_target("by-hand", "b", "anybody")
    began = time.monotonic()
    house.running.command("rollouts", "back", "by-hand", "--why", "a drill")
    house.wait_for_target("by-hand", "a", "anybody")
    assert time.monotonic() - began < SOON_S
    marks = [each["name"] for each in house.running.get("/timeline")["items"] if each["kind"] == "rollout"]
    by_hand = [name for name in marks if name.startswith("rollout by-hand: ")]
    said = ["held at 50 %", "goes on at 50 %", "on to all", "back from all"]
    assert by_hand == [f"rollout by-hand: {each}" for each in said]
    plan = house.running.get("/rollouts/by-hand")["plan"]
    stages = [(each["name"], each["kind"], each["share"]) for each in plan["stages"]]
    assert stages == [("50 %", "share", 0.5), ("all", "all", 1.0)]
    assert (plan["targets"], plan["units"], plan["window_s"]) == (["b/by-hand"], 1000, 1.0)
    version = plan["stages"][0]["version"]
    report = house.running.get(f"/experiments/{plan['stages'][0]['experiment']}", version=version)["report"]
    assert report["version"] == version, "the evidence of a stage is that of its experiment"
    listed = {each["name"]: each for each in house.running.get("/rollouts")["items"]}
    assert listed["by-hand"]["stage"] == "back"
    assert listed["by-hand"]["sentence"].startswith("It was sent back by hand from all on ")
    assert listed["by-hand"]["sentence"].endswith("UTC: a drill. All calls go where the alias says.")
    assert listed["good"]["back"] is None
    assert house.running.api.get("/rollouts/nothing").status_code == 404
    names = {each["name"] for each in house.running.get("/experiments")["items"]}
    assert names == set(), "stages of rollouts are no experiments of anybody's"

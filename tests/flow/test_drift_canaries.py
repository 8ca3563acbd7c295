"""Canaries end to end: through the gateways, metered and on record, to an alarm that names what changed."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from demo.running import Running, headgate

TOML = """
[providers.mock]
kind = "mock"
seed = {seed}
output_tokens = {tokens}

[models.assistant]
targets = ["mock/small"]

[[canaries]]
name = "daily"
targets = ["mock/small"]
cases_a_run = 40
reference = 60

[[canaries.cases]]
name = "greeting"
prompt = "Describe bicycles for a child."

[[canaries.cases]]
name = "sum"
prompt = "What is 17 + 26? Answer with the number only."
expected = "43"
scorer = "contains"

[[canaries]]
name = "hopeless"
targets = ["mock/error-503"]
every = "1h"

[[canaries]]
name = "thrifty"
targets = ["mock/priced"]
budget = "0.0001 USD"
reference = 20

[[canaries]]
name = "orders"
targets = ["mock/small"]
dataset = "orders"
scorer = "contains"
reference = 20
cases_a_run = 4

[prices."mock/priced"]
input = "100"
output = "100"
max_output = 1000
context_window = 100000
"""


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with headgate(TOML.format(seed=1, tokens=20)) as opened:
        yield opened


def until(answer: Callable[[], Any], timeout_s: float = 30.0) -> Any:
    ends_s = time.monotonic() + timeout_s
    while not (found := answer()):
        assert time.monotonic() < ends_s, "it did not come about in time"
        time.sleep(0.1)
    return found


def target_of(running: Running, name: str = "daily") -> dict[str, Any]:
    return running.get(f"/drift/canaries/{name}")["targets"][0]


def test_a_model_that_answers_otherwise_is_found_and_named(running: Running) -> None:
    key = running.make_key("app")
    body = {"model": "assistant", "messages": [{"role": "user", "content": "Hello"}]}
    with httpx.Client(base_url=running.url, trust_env=False) as client:
        headers = {"authorization": f"Bearer {key}"}
        assert client.post("/v1/chat/completions", json=body, headers=headers).status_code == 200
    (asked,) = running.wait_for_requests(1, model="assistant")
    record = running.get(f"/requests/{asked['id']}")
    assert (record["finish"], record["tool_calls"], record["served_model"]) == ("stop", 0, "small")
    # The first run is due at once, and asks for the whole reference.
    until(lambda: target_of(running)["phase"] == "watching")
    shown = target_of(running)
    assert (shown["answers"], shown["last_state"]) == (0, "done")
    assert set(shown["signals"]) == {"score", "length", "new_answer", "wording", "refused"}

    said = running.command("drift", "run", "daily")
    assert "no change is known" in said
    assert running.get("/drift/alarms")["items"] == []
    records = running.wait_for_requests(100, model="mock/small")
    assert {tuple(each["tags"]) for each in records} == {("canary", "canary:daily")}

    running.config_path.write_text(TOML.format(seed=2, tokens=60))
    until(lambda: len(running.get("/snapshots")["items"]) == 2)
    until(lambda: "HAS CHANGED" in running.command("drift", "run", "daily"))
    (alarm,) = running.get("/drift/alarms")["items"]
    assert (alarm["kind"], alarm["target"], alarm["acknowledged_at"]) == ("canary", "mock/small", None)
    changes = {each["signal"]: each for each in alarm["changes"]}
    assert {"length", "new_answer"} <= set(changes)
    assert changes["new_answer"]["before"]["mean"] == 0
    assert changes["new_answer"]["after"]["low"] > 0.5
    assert changes["length"]["before"]["mean"] < changes["length"]["after"]["mean"]
    assert alarm["once_in_years"] >= 1
    assert any("configuration" in each for each in alarm["by_hand"]), "the change was ours, and is named"
    (touched,) = [each for each in alarm["touches"] if each["model"] == "assistant"]
    assert touched["calls"] == 1

    (shown,) = running.get("/drift/canaries/daily/signals")["targets"]
    assert (shown["target"], shown["is_reference"][0], shown["is_reference"][-1]) == (
        "mock/small",
        True,
        False,
    )
    assert shown["at"] == sorted(shown["at"])
    lines = {each["signal"]: each["values"] for each in shown["lines"]}
    assert {len(values) for values in lines.values()} == {len(shown["runs"])} == {len(shown["answers"])}
    assert lines["new_answer"][-1] > 0.5 and lines["length"][0] < lines["length"][-1]

    alerts = [each for each in running.get("/alerts")["items"] if each["kind"] == "drift"]
    assert [each["subject"] for each in alerts] == ["mock/small"]
    marks = [each for each in running.get("/timeline")["items"] if each["kind"] == "drift"]
    assert len(marks) == 1
    assert marks[0]["name"].startswith("mock/small changed: ")
    assert "mock/small" in running.command("drift", "list")
    assert "went from" in running.command("drift", "show", alarm["id"])

    running.command("drift", "acknowledge", alarm["id"], "--note", "we changed the mock")
    assert target_of(running)["phase"] == "reference"
    assert "acknowledged before" in running.command("drift", "acknowledge", alarm["id"], status=1)
    running.command("drift", "run", "daily")
    assert "no change is known" in running.command("drift", "run", "daily")
    with psycopg.connect(running.database_url()) as connection:
        served = connection.execute(
            "select fact, value from drift_served where target = 'mock/small'"
        ).fetchall()
    assert {("model", "small")} < set(served), "answers say which model and configuration served them"
    assert {fact for fact, _ in served} == {"model", "fingerprint"}
    audit = [each for each in running.get("/audit")["items"] if each["kind"] == "drift_alarm"]
    assert [each["after"] for each in audit] == [{"note": "we changed the mock"}]


def test_a_target_that_fails_and_a_budget_that_is_spent_are_said_plainly(running: Running) -> None:
    until(lambda: target_of(running, "hopeless")["last_state"] == "failed")
    hopeless = running.get("/drift/canaries/hopeless")
    assert hopeless["targets"][0]["phase"] == "reference"
    assert "4 calls failed, such as with 502: every target failed" in hopeless["targets"][0]["note"]
    assert hopeless["runs"][0]["answers"] == 0
    assert hopeless["results"] == []

    until(lambda: target_of(running, "thrifty")["last_state"] == "done")
    thrifty = running.get("/drift/canaries/thrifty")
    (run,) = thrifty["runs"]
    assert "the run's budget was spent after 4 of 20 cases" in run["note"]
    assert (thrifty["targets"][0]["phase"], thrifty["targets"][0]["answers"]) == ("reference", 4)
    assert "learns what is usual (8 of 20 answers)" in running.command("drift", "run", "thrifty")
    assert "there is no canary 'none'" in running.command("drift", "run", "none", status=1)


def test_a_dataset_is_a_suite_of_which_another_version_is_learnt_anew(
    running: Running, tmp_path: Path
) -> None:
    until(lambda: target_of(running, "orders")["last_state"] == "failed")
    assert "there is no dataset 'orders' in default" in target_of(running, "orders")["note"]
    cases = tmp_path / "cases.jsonl"
    cases.write_text(
        '{"id": "one", "input": "Where is order 1000?", "expected": "in transit"}\n'
        '{"id": "two", "input": [{"role": "user", "content": "And order 1001?"}]}\n'
        '{"id": "three", "variables": {"order": 3}}\n'
    )
    running.command("datasets", "create", "orders", str(cases))
    assert "no change is known" in running.command("drift", "run", "orders")
    shown = running.get("/drift/canaries/orders")
    assert (shown["dataset"], shown["cases"]) == ("orders", 2), "what needs a managed prompt is left out"
    results = {each["case"]: each for each in shown["results"]}
    assert set(results) == {"one", "two"}
    assert (results["one"]["score"], results["two"]["score"]) == (0, None)
    version = shown["version"]
    cases.write_text('{"id": "four", "input": "And order 1002?"}\n')
    running.command("datasets", "add", "orders", str(cases))
    shown = running.get("/drift/canaries/orders")
    assert (shown["cases"], shown["targets"][0]["phase"]) == (3, "reference")
    assert shown["version"] != version

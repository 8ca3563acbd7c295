"""Arms that differ in parameters, prompts or releases: what their calls get, and what stands on record."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from demo.repository import git
from demo.running import Running, headgate

EXPERIMENT = """
[models.{name}]
targets = ["mock/small"]

[[experiments]]
name = "{name}"
alias = "{name}"
arms = [{{ name = "now", share = 1 }}, {{ name = "new", share = 1, {arm} }}]
metrics = [{{ name = "solved", kind = "event" }}]
"""
ARMS = {
    "parameters": 'set = { temperature = 0.2 }, remove = ["top_p"], clamp = { max_output = { most = 9 } }',
    "fragments": 'replace = [{ old = "briefly", new = "at length" }]',
    "prompts": 'prompts = { greeting = "next" }',
    "missing": "prompts = { greeting = 9 }",
    "releases": 'environment = "candidate"',
    "unreleased": 'environment = "nowhere"',
    "both": 'targets = ["mock/tiny"], set = { temperature = 0 }, prompts = { greeting = 2 }',
}
CONFIG = '[providers.mock]\nkind = "mock"\n' + "".join(
    EXPERIMENT.format(name=name, arm=arm) for name, arm in ARMS.items()
)
SOON_S = 20.0


class Arms:
    """A running Headgate with an experiment of each kind."""

    def __init__(self, running: Running) -> None:
        self.running = running
        self.key = running.make_key("arms", may_assert=True)

    def ask(self, model: str, user: str, **fields: Any) -> httpx.Response:
        body = {"messages": [{"role": "user", "content": "Answer briefly."}], **fields}
        answer = httpx.post(
            f"{self.running.url}/v1/chat/completions",
            json={"model": model, "user": user, **body},
            headers={"authorization": f"Bearer {self.key}"},
            timeout=30,
            trust_env=False,
        )
        assert answer.status_code == 200, answer.text
        return answer

    def record(self, answer: httpx.Response) -> dict[str, Any]:
        identity = answer.headers["x-headgate-request-id"]
        deadline = time.monotonic() + SOON_S
        while True:
            found = self.running.api.get(f"/requests/{identity}")
            if found.status_code == 200 and found.json().get("request") is not None:
                return found.json()
            assert time.monotonic() < deadline, found.text
            time.sleep(0.05)

    def both(self, model: str, **fields: Any) -> dict[str, dict[str, Any]]:
        """The record of a call of each arm."""
        found: dict[str, dict[str, Any]] = {}
        for number in range(64):
            record = self.record(self.ask(model, f"user-{number}", **fields))
            (exposure,) = record["exposures"]
            found.setdefault(exposure["arm"], record)
            if len(found) == 2:
                return found
        raise AssertionError("64 users are all in one arm")


@pytest.fixture(scope="module")
def arms(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Arms]:
    with headgate(CONFIG) as running:
        for text, label in (("Say one.", "production"), ("Say two.", "next")):
            said = {"messages": [{"role": "system", "content": text}], "model": "prompts", "labels": [label]}
            running.api.post("/prompts/greeting/versions", json=said).raise_for_status()
        release(running, tmp_path_factory.mktemp("repository"))
        yield Arms(running)


def release(running: Running, repository: Path) -> None:
    """Put a release in force for `candidate`: another model, and a rule that nobody else has any more."""
    (repository / "app.py").write_text("MODEL = 'releases'\n")
    git(repository, "init", "-q", "-b", "main")
    git(repository, "add", "app.py")
    git(repository, "commit", "-q", "-m", "first")
    rule = {"name": "calm", "match": {"model": "mock/large"}, "set": {"temperature": 0.1}}
    running.api.post("/rules", json=rule).raise_for_status()
    arguments = ("releases", "create", "--path", str(repository), "--pin", "releases=mock/large")
    made = running.command(*arguments).strip()
    running.command("releases", "promote", made, "--to", "candidate")
    running.api.delete("/rules/calm").raise_for_status()


def sources(record: dict[str, Any]) -> set[str]:
    return {each["source"] for each in record["overrides"]}


def test_parameters_of_an_arm_are_sent_and_stand_on_record(arms: Arms) -> None:
    both = arms.both("parameters", temperature=0.9, top_p=0.5, max_tokens=20)
    request = both["new"]["request"]
    assert (request["temperature"], request["max_tokens"], "top_p" in request) == (0.2, 9, False)
    assert sources(both["new"]) == {"experiment parameters/new"}
    assert (both["now"]["request"]["temperature"], both["now"]["request"]["top_p"]) == (0.9, 0.5)
    assert sources(both["now"]) == set()


def test_fragments_are_replaced_in_an_arm(arms: Arms) -> None:
    both = arms.both("fragments")
    said = {arm: record["request"]["messages"][0]["content"] for arm, record in both.items()}
    assert said == {"now": "Answer briefly.", "new": "Answer at length."}


def test_an_arm_gets_another_version_of_a_prompt(arms: Arms) -> None:
    both = arms.both("prompts", prompt={"name": "greeting"}, messages=[])
    said = {arm: record["request"]["messages"][0]["content"] for arm, record in both.items()}
    assert said == {"now": "Say one.", "new": "Say two."}
    assert {arm: record["prompts"][0]["version"] for arm, record in both.items()} == {"now": "1", "new": "2"}
    named = arms.both("prompts", prompt={"name": "greeting", "version": 1}, messages=[])
    assert named["new"]["prompts"][0]["version"] == "1", "a call that names a version has it"


def test_a_version_that_is_none_leaves_the_call_as_it_came(arms: Arms) -> None:
    both = arms.both("missing", prompt={"name": "greeting"}, messages=[])
    assert both["new"]["request"]["messages"][0]["content"] == "Say one."
    (change,) = [each for each in both["new"]["changes"] if "experiment" in each]
    assert change.startswith("experiment missing/new left alone: version 9 of prompt 'greeting' is none")
    assert not [each for each in both["now"]["changes"] if "experiment" in each]


def test_an_arm_is_served_by_the_release_of_another_environment(arms: Arms) -> None:
    both = arms.both("releases", temperature=0.9)
    new = both["new"]
    assert (new["target"], new["request"]["temperature"]) == ("mock/large", 0.1)
    assert new["release"] and new["environment"] in ("", None)
    assert (both["now"]["target"], both["now"]["request"]["temperature"]) == ("mock/small", 0.9)
    assert not both["now"]["release"]
    nowhere = arms.both("unreleased")["new"]
    assert any("nowhere has no release in force" in each for each in nowhere["changes"])


def test_an_arm_may_differ_in_all_at_once(arms: Arms) -> None:
    new = arms.both("both", prompt={"name": "greeting"}, messages=[])["new"]
    assert (new["target"], new["request"]["temperature"]) == ("mock/tiny", 0)
    assert new["request"]["messages"][0]["content"] == "Say two."


def test_the_report_says_what_an_arm_changes(arms: Arms) -> None:
    shown = arms.running.get("/experiments/parameters")["report"]["arms"]
    assert shown[0]["serves"] == []
    assert shown[1]["serves"] == ["temperature = 0.2", "without top_p", "max_output clamped"]
    both = arms.running.get("/experiments/both")["report"]["arms"][1]
    assert (both["targets"], both["serves"]) == (["mock/tiny"], ["prompt greeting@2", "temperature = 0"])

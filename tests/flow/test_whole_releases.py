"""The whole system: a release made from a git repository, promoted, carried by the calls of its environment;
a second one with another pin and rule; the two compared; rolled back. With two workers under traffic, no call
sees half of a release, and a move is in force within a second."""

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from demo.repository import git
from demo.running import Running, chat, headgate

CONFIG = """
[providers.shop]
kind = "mock"
output_tokens = 5

[prices."shop/small"]
input = "1"
output = "2"

[prices."shop/large"]
input = "10"
output = "20"

[models.assistant]
targets = ["shop/other"]
"""

APP = '''
SYSTEM = """You are a careful assistant. Answer in one short sentence."""

def ask(client):
    return client.chat.completions.create(
        model="assistant", temperature=0.7, messages=[{"role": "system", "content": SYSTEM}]
    )
'''

SOON_S = 20.0
WITHIN_S = 1.0
CLIENTS = 4


@pytest.fixture(scope="module")
def house() -> Iterator[Running]:
    with headgate(CONFIG, workers=2) as running:
        yield running


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q", "-b", "main")
    (tmp_path / "app.py").write_text(APP)
    (tmp_path / "requirements.txt").write_text("openai==2.1.0\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "first")
    return tmp_path


def put_rule(house: Running, name: str, most: float) -> None:
    body = {"clamp": {"temperature": {"most": most}}}
    answer = house.api.post("/rules", json={"name": name, **body})
    if answer.status_code == 409:
        answer = house.api.patch(f"/rules/{name}", json=body)
    assert answer.status_code in (200, 201), answer.text


def record_of(house: Running, answer: httpx.Response) -> dict[str, Any]:
    identity = answer.headers["x-headgate-request-id"]
    deadline = time.monotonic() + SOON_S
    while True:
        found = house.api.get(f"/requests/{identity}")
        if found.status_code == 200 and found.json().get("request") is not None:
            return found.json()
        assert time.monotonic() < deadline, found.text
        time.sleep(0.05)


def test_from_a_repository_to_production_and_back(house: Running, repository: Path) -> None:
    key = house.make_key("app", environment="production")
    put_rule(house, "calm", 0.5)
    first = house.command(
        "releases", "create", "--path", str(repository), "--pin", "assistant=shop/small"
    ).strip()
    again = house.command(
        "releases", "create", "--path", str(repository), "--pin", "assistant=shop/small"
    ).strip()
    assert first == again
    house.command("releases", "promote", first, "--to", "production", "--why", "the first")
    before = [chat(house.url, key, "assistant", temperature=0.9, max_tokens=9) for _ in range(5)]
    assert {each.headers["x-headgate-release"] for each in before} == {first}
    assert {each.headers["x-headgate-target"] for each in before} == {"shop/small"}
    record = record_of(house, before[0])
    assert (record["environment"], record["release"]) == ("production", first)
    assert record["request"]["temperature"] == 0.5

    # The live rule changes, and the release in force doesn't.
    put_rule(house, "calm", 0.1)
    assert (
        record_of(house, chat(house.url, key, "assistant", temperature=0.9))["request"]["temperature"] == 0.5
    )
    (repository / "app.py").write_text(APP.replace("short", "very short"))
    assert "app.py" in house.command("releases", "create", "--path", str(repository), status=1)
    git(repository, "commit", "-q", "-a", "-m", "second")
    second = house.command(
        "releases", "create", "--path", str(repository), "--pin", "assistant=shop/large"
    ).strip()
    house.command("releases", "promote", second[:12], "--to", "production")
    after = [chat(house.url, key, "assistant", temperature=0.9, max_tokens=9) for _ in range(5)]
    assert {each.headers["x-headgate-target"] for each in after} == {"shop/large"}
    assert record_of(house, after[0])["request"]["temperature"] == 0.1
    house.wait_for_requests(5, release=second)

    compared = json.loads(house.command("releases", "compare", first, second, "--json"))
    assert set(compared["parts"]) == {"commit", "prompts", "pins", "rules"}
    (prompt,) = [each for each in compared["differences"] if each["part"] == "prompts"]
    assert prompt["name"] == "app.py:SYSTEM" and "very short" in prompt["diff"]
    (cost,) = [each for each in compared["measures"] if each["name"] == "cost a call"]
    assert cost["sentence"].startswith("cost a call rose by $0.000")
    assert compared["feedback"] == "none recorded"
    shown = house.command("releases", "compare", first, second)
    assert "+You are a careful assistant. Answer in one very short sentence." in shown

    house.command("releases", "rollback", "production", "--why", "dearer")
    back = chat(house.url, key, "assistant", temperature=0.9)
    assert (back.headers["x-headgate-release"], back.headers["x-headgate-target"]) == (first, "shop/small")
    assert record_of(house, back)["request"]["temperature"] == 0.5
    history = json.loads(house.command("releases", "history", "production", "--json"))
    assert [(each["action"], each["release"]) for each in history[:3]] == [
        ("rollback", first),
        ("promote", second),
        ("promote", first),
    ]


def test_what_a_call_asserts_of_its_release_counts_for_keys_that_may(
    house: Running, repository: Path
) -> None:
    release = house.command("releases", "create", "--path", str(repository)).strip()
    commit = git(repository, "rev-parse", "HEAD")
    trusted = house.make_key("trusted", may_assert=True)
    plain = house.make_key("plain")
    said = [release, release[:10], commit, commit[:8], "nobody-knows"]
    for text in said:
        assert call(house.url, trusted, text).status_code == 200
    assert call(house.url, plain, release).status_code == 200
    house.api.post("/environments/asserting", json={"release": release}).raise_for_status()
    bound = house.make_key("bound", may_assert=True, environment="asserting")
    assert call(house.url, bound, "another").headers["x-headgate-release"] == release
    assert house.wait_for_requests(1, environment="asserting")[0]["release"] == release
    found = house.wait_for_requests(len(said), release=release)
    assert len(found) == len(said), "all but the last, and the one of the environment"
    assert house.requests(release=commit[:8]) == found
    assert len(house.wait_for_requests(1, release="nobody-knows")) == 1
    costs = {row["release"]: row["requests"] for row in house.get("/costs", group_by="release")["items"]}
    assert costs[release] == len(said)


def call(url: str, key: str, release: str) -> httpx.Response:
    body = {"model": "shop/small", "messages": [{"role": "user", "content": "Hello"}]}
    headers = {"authorization": f"Bearer {key}", "x-headgate-release": release}
    return httpx.post(f"{url}/v1/chat/completions", json=body, headers=headers, timeout=30, trust_env=False)


class Seen(NamedTuple):
    """A call: when it was sent and answered, and what its answer said."""

    sent_s: float
    answered_s: float
    release: str
    target: str
    id: str


class Traffic:
    """Clients that call without a pause, each call on a connection of its own, so that both workers serve."""

    def __init__(self, url: str, key: str) -> None:
        self.seen: list[Seen] = []
        self._url = f"{url}/v1/chat/completions"
        self._headers = {"authorization": f"Bearer {key}", "connection": "close"}
        self._done = threading.Event()
        self._threads = [threading.Thread(target=self._call) for _ in range(CLIENTS)]

    def __enter__(self) -> "Traffic":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        for thread in self._threads:
            thread.join()

    def see(self, more: int) -> None:
        """Wait until `more` further calls have been answered; a minute at most."""
        target, ends_s = len(self.seen) + more, time.monotonic() + 60
        while len(self.seen) < target:
            assert time.monotonic() < ends_s, f"{len(self.seen)} of {target} calls answered"
            time.sleep(0.01)

    def _call(self) -> None:
        messages = [{"role": "user", "content": "Hello"}]
        body = {"model": "assistant", "temperature": 0.9, "max_tokens": 5, "messages": messages}
        with httpx.Client(trust_env=False, timeout=30) as client:
            while not self._done.is_set():
                sent_s = time.monotonic()
                said = client.post(self._url, json=body, headers=self._headers).raise_for_status().headers
                facts = (said[f"x-headgate-{name}"] for name in ("release", "target", "request-id"))
                self.seen.append(Seen(sent_s, time.monotonic(), *facts))


def two_releases(house: Running, repository: Path) -> dict[str, tuple[str, float]]:
    """Two that differ in pin and rule: by id, the target and the temperature of their calls."""
    made: dict[str, tuple[str, float]] = {}
    for target, most in (("shop/small", 0.4), ("shop/large", 0.2)):
        put_rule(house, "busy", most)
        pin = f"assistant={target}"
        made[house.command("releases", "create", "--path", str(repository), "--pin", pin).strip()] = (
            target,
            most,
        )
    return made


def test_no_call_sees_half_of_a_release_and_a_move_is_in_force_within_a_second(
    house: Running, repository: Path
) -> None:
    """Of every call pin and rule are of one release; after a move's answer every call is of the new one."""
    key = house.make_key("busy", environment="busy")
    releases = two_releases(house, repository)
    names = list(releases)
    house.api.post("/environments/busy", json={"release": names[0]}).raise_for_status()
    moves: list[tuple[float, float, str]] = []
    with Traffic(house.url, key) as traffic:
        for number in range(6):
            traffic.see(10)
            wanted, began_s = names[(number + 1) % 2], time.monotonic()
            moved = house.api.post("/environments/busy", json={"release": wanted}).raise_for_status().json()
            assert moved["not_acknowledged"] == []
            moves.append((began_s, time.monotonic(), wanted))
        traffic.see(10)
    seen = traffic.seen
    assert len(seen) > 50
    assert {each.release for each in seen} == set(names)
    assert {(each.release, each.target) for each in seen} == {(name, releases[name][0]) for name in names}
    until_s = [*(began_s for began_s, _, _ in moves[1:]), float("inf")]
    for (_, ended_s, wanted), next_s in zip(moves, until_s, strict=True):
        later = {each.release for each in seen if each.sent_s > ended_s and each.answered_s < next_s}
        assert later <= {wanted}
    slowest_s = max(ended_s - began_s for began_s, ended_s, _ in moves)
    print(f"a move was in force everywhere after {slowest_s * 1000:.0f} ms at most")
    assert slowest_s < WITHIN_S
    house.wait_for_requests(len(seen), environment="busy")
    for each in seen[:: max(1, len(seen) // 40)]:
        detail = house.get(f"/requests/{each.id}")
        assert detail["release"] == each.release
        (rule,) = [one for one in detail["overrides"] if one["source"].startswith("rule busy@")]
        assert rule["after"] == releases[each.release][1]


def test_managed_prompts_go_with_the_pointer(house: Running, repository: Path) -> None:
    """A release holds a prompt at the version that its environment's label meant, and a rollback brings it
    back, whatever has become of the label and however many versions there were meanwhile."""
    key = house.make_key("greeter", environment="greeting")
    path = "/prompts/greeting"

    def version(text: str, **fields: Any) -> None:
        body = {"messages": [{"role": "system", "content": text}], "model": "shop/small", **fields}
        house.api.post(f"{path}/versions", json=body).raise_for_status()

    def said() -> str:
        body: dict[str, Any] = {"model": "shop/small", "prompt": {"name": "greeting"}, "messages": []}
        answer = httpx.post(
            f"{house.url}/v1/chat/completions",
            json=body,
            headers={"authorization": f"Bearer {key}"},
            timeout=30,
            trust_env=False,
        )
        assert answer.status_code == 200, answer.text
        return record_of(house, answer)["request"]["messages"][0]["content"]

    version("Say one.", labels=["greeting"])
    first = house.command("releases", "create", "--path", str(repository)).strip()
    house.command("releases", "promote", first, "--to", "greeting")
    for number in range(2, 54):
        version(f"Say {number}.")
    house.api.put(f"{path}/labels/greeting", json={"version": 53}).raise_for_status()
    assert said() == "Say one."
    second = house.command("releases", "create", "--path", str(repository)).strip()
    house.command("releases", "promote", second, "--to", "greeting")
    assert said() == "Say 53."
    version("Say the last.")  # with which gateways forget the first: nothing names it any more
    house.command("releases", "rollback", "greeting")
    assert said() == "Say one."
    assert house.api.delete(path).status_code == 409
    house.api.post("/environments/greeting", json={"release": None}).raise_for_status()
    house.api.delete(path).raise_for_status()
    refused = house.api.post("/environments/greeting", json={"release": first})
    assert refused.status_code == 409
    assert "'greeting' at version 1, and that prompt is deleted" in refused.json()["error"]["message"]

"""The whole system: a release made from a git repository, promoted, carried by the calls of its environment;
a second one with another pin and rule; the two compared; rolled back. With two workers under traffic, no call
sees half of a release, and a move is in force within a second."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
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


def git(folder: Path, *arguments: str) -> str:
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@b.c", "-C", str(folder), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return done.stdout.strip()


def command(house: Running, *arguments: str, status: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "headgate.cli.app", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "HEADGATE_URL": house.url, "HEADGATE_KEY": house.admin_key, "NO_COLOR": "1"},
    )
    assert done.returncode == status, done.stderr
    return done.stdout if status == 0 else done.stderr


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
    first = command(
        house, "releases", "create", "--path", str(repository), "--pin", "assistant=shop/small"
    ).strip()
    again = command(
        house, "releases", "create", "--path", str(repository), "--pin", "assistant=shop/small"
    ).strip()
    assert first == again
    command(house, "releases", "promote", first, "--to", "production", "--why", "the first")
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
    assert "app.py" in command(house, "releases", "create", "--path", str(repository), status=1)
    git(repository, "commit", "-q", "-a", "-m", "second")
    second = command(
        house, "releases", "create", "--path", str(repository), "--pin", "assistant=shop/large"
    ).strip()
    command(house, "releases", "promote", second[:12], "--to", "production")
    after = [chat(house.url, key, "assistant", temperature=0.9, max_tokens=9) for _ in range(5)]
    assert {each.headers["x-headgate-target"] for each in after} == {"shop/large"}
    assert record_of(house, after[0])["request"]["temperature"] == 0.1
    house.wait_for_requests(5, release=second)

    compared = json.loads(command(house, "releases", "compare", first, second, "--json"))
    assert set(compared["parts"]) == {"commit", "prompts", "pins", "rules"}
    (prompt,) = [each for each in compared["differences"] if each["part"] == "prompts"]
    assert prompt["name"] == "app.py:SYSTEM" and "very short" in prompt["diff"]
    (cost,) = [each for each in compared["measures"] if each["name"] == "cost a call"]
    assert cost["sentence"].startswith("cost a call rose by $0.000")
    assert compared["feedback"] == "none recorded"
    shown = command(house, "releases", "compare", first, second)
    assert "+You are a careful assistant. Answer in one very short sentence." in shown

    command(house, "releases", "rollback", "production", "--why", "dearer")
    back = chat(house.url, key, "assistant", temperature=0.9)
    assert (back.headers["x-headgate-release"], back.headers["x-headgate-target"]) == (first, "shop/small")
    assert record_of(house, back)["request"]["temperature"] == 0.5
    history = json.loads(command(house, "releases", "history", "production", "--json"))
    assert [(each["action"], each["release"]) for each in history[:3]] == [
        ("rollback", first),
        ("promote", second),
        ("promote", first),
    ]


def test_what_a_call_asserts_of_its_release_counts_for_keys_that_may(
    house: Running, repository: Path
) -> None:
    release = command(house, "releases", "create", "--path", str(repository)).strip()
    commit = git(repository, "rev-parse", "HEAD")
    trusted = house.make_key("trusted", may_assert=True)
    plain = house.make_key("plain")
    said = [release, release[:10], commit, commit[:8], "nobody-knows"]
    for text in said:
        assert call(house.url, trusted, text).status_code == 200
    assert call(house.url, plain, release).status_code == 200
    found = house.wait_for_requests(len(said) - 1, release=release)
    assert len(found) == len(said) - 1
    assert house.requests(release=commit[:8]) == found
    assert len(house.wait_for_requests(1, release="nobody-knows")) == 1
    costs = {row["release"]: row["requests"] for row in house.get("/costs", group_by="release")["items"]}
    assert costs[release] == len(said) - 1


def call(url: str, key: str, release: str) -> httpx.Response:
    body = {"model": "shop/small", "messages": [{"role": "user", "content": "Hello"}]}
    headers = {"authorization": f"Bearer {key}", "x-headgate-release": release}
    return httpx.post(f"{url}/v1/chat/completions", json=body, headers=headers, timeout=30, trust_env=False)


def test_no_call_sees_half_of_a_release_and_a_move_is_in_force_within_a_second(
    house: Running, repository: Path
) -> None:
    """Two releases differ in pin and rule; of every call both must be of one release, on both workers."""
    key = house.make_key("busy", environment="busy")
    releases: dict[str, tuple[str, float]] = {}
    for target, most in (("shop/small", 0.4), ("shop/large", 0.2)):
        put_rule(house, "busy", most)
        made = command(
            house, "releases", "create", "--path", str(repository), "--pin", f"assistant={target}"
        ).strip()
        releases[made] = (target, most)
    names = list(releases)
    house.api.post("/environments/busy", json={"release": names[0]}).raise_for_status()
    seen: list[tuple[float, float, str, str, str]] = []
    done = threading.Event()

    def traffic() -> None:
        with httpx.Client(trust_env=False, timeout=30) as client:
            while not done.is_set():
                sent = time.monotonic()
                answer = client.post(
                    f"{house.url}/v1/chat/completions",
                    json={
                        "model": "assistant",
                        "temperature": 0.9,
                        "max_tokens": 5,
                        "messages": [{"role": "user", "content": "Hello"}],
                    },
                    # A connection stays with one worker: each call on its own reaches both.
                    headers={"authorization": f"Bearer {key}", "connection": "close"},
                )
                assert answer.status_code == 200, answer.text
                headers = answer.headers
                seen.append(
                    (
                        sent,
                        time.monotonic(),
                        headers["x-headgate-release"],
                        headers["x-headgate-target"],
                        headers["x-headgate-request-id"],
                    )
                )

    threads = [threading.Thread(target=traffic) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    moves: list[tuple[float, float, str]] = []
    try:
        for number in range(6):
            time.sleep(0.3)
            wanted = names[(number + 1) % 2]
            began = time.monotonic()
            moved = house.api.post("/environments/busy", json={"release": wanted}).raise_for_status().json()
            assert moved["not_acknowledged"] == []
            moves.append((began, time.monotonic(), wanted))
        time.sleep(0.3)
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert len(seen) > 50
    assert {release for _, _, release, _, _ in seen} == set(names)
    for _, _, release, target, _ in seen:
        assert releases[release][0] == target
    slowest = 0.0
    for (began, ended, wanted), until in zip(
        moves, [*(move[0] for move in moves[1:]), float("inf")], strict=True
    ):
        slowest = max(slowest, ended - began)
        # Once the answer to the move is there, every call that begins is of the new release.
        later = [release for sent, answered, release, _, _ in seen if sent > ended and answered < until]
        assert set(later) <= {wanted}
    assert slowest < WITHIN_S, slowest
    print(f"a move was in force everywhere after {slowest * 1000:.0f} ms at most")
    house.wait_for_requests(len(seen), environment="busy")
    for _, _, release, _, identity in seen[:: max(1, len(seen) // 40)]:
        detail = house.get(f"/requests/{identity}")
        assert detail["release"] == release
        (rule,) = [each for each in detail["overrides"] if each["source"].startswith("rule busy@")]
        assert rule["after"] == releases[release][1]

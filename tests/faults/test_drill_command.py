"""`headgate drill` on a real set-up: every drill runs, holds, and says so; what it must not do it refuses."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from demo.running import ADMIN_KEY, Running, headgate

CONFIG = """
[providers.mock]
kind = "mock"
output_tokens = 20
latency = "5ms"

[prices."mock/tokens-20"]
input = "1"
output = "4"

[models.paid]
targets = ["mock/tokens-20"]
"""
NAMES = (
    "kill-gateway",
    "kill-shipper",
    "kill-control",
    "kill-database",
    "stop-database",
    "slow-provider",
    "failing-provider",
    "broken-stream",
    "hang-up",
)


@pytest.fixture(scope="module")
def house() -> Iterator[Running]:
    with headgate(CONFIG, workers=2) as running:
        yield running


def run(house: Running, *arguments: str, url: str | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "headgate.cli.app", "drill", *arguments]
    environment = {
        **os.environ,
        "HEADGATE_KEY": ADMIN_KEY,
        "HEADGATE_URL": url or house.url,
        "HEADGATE_DATA": str(house.folder / "data"),
        "NO_COLOR": "1",
    }
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=150, check=False, cwd=house.folder
    )


def test_the_list_names_every_drill(house: Running) -> None:
    listed = run(house, "list", "--json")
    assert [drill["name"] for drill in json.loads(listed.stdout)] == list(NAMES)


@pytest.mark.timeout(170)
@pytest.mark.parametrize("names", [NAMES[:2], NAMES[2:5], NAMES[5:]], ids="-and-".join)
def test_drills_run_and_every_promise_holds(house: Running, names: tuple[str, ...]) -> None:
    keys = len(house.get("/keys")["items"])
    done = run(house, "run", *names, "--yes", "--seconds", "1.5", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    reports = json.loads(done.stdout)
    assert [report["drill"] for report in reports] == list(names)
    for report in reports:
        assert report["kept"] is True
        assert len(report["verdicts"]) >= 6
        assert report["calls"] > 5
    assert len(house.get("/keys")["items"]) == keys, "its key is gone again"
    assert "drill-" not in str(house.get("/budgets")["items"]), "and its budget"


@pytest.mark.timeout(170)
def test_a_drill_may_call_a_model_of_ones_own(house: Running) -> None:
    done = run(house, "run", "kill-gateway", "--yes", "--seconds", "1", "--model", "paid")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "every answered call is on record" in done.stdout
    assert "BROKEN" not in done.stdout


def refused(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode in (1, 3), done
    assert "hint: " in done.stderr
    return done.stderr


def test_what_hurts_needs_consent(house: Running) -> None:
    before = house.worker_pids("gateway")
    said = refused(run(house, "run", "kill-gateway", "slow-provider"))
    assert "kill-gateway will hurt calls in flight" in said
    assert "--yes" in said
    assert house.worker_pids("gateway") == before
    assert "may cost money" in refused(run(house, "run", "kill-gateway", "--model", "paid"))


def test_what_makes_no_sense_is_refused(house: Running) -> None:
    assert "there is no drill 'earthquake'" in refused(run(house, "run", "earthquake"))
    assert "stand-in" in refused(run(house, "run", "slow-provider", "--model", "paid", "--yes"))


def test_another_machine_is_left_alone(house: Running) -> None:
    said = refused(run(house, "run", "kill-gateway", "--yes", url="http://headgate.example:4400"))
    assert "not on this machine" in said


def test_another_set_up_is_left_alone(house: Running, database_url: str) -> None:
    with headgate(CONFIG, database_url=database_url) as other:
        before = house.worker_pids("gateway") + other.worker_pids("gateway")
        said = refused(run(house, "run", "kill-gateway", "--yes", url=other.url))
        assert "is not the one that serves" in said
        assert house.worker_pids("gateway") + other.worker_pids("gateway") == before


def test_a_database_of_ones_own_is_left_alone(database_url: str) -> None:
    with headgate(CONFIG, database_url=database_url) as house:
        assert "not the embedded one" in refused(run(house, "run", "stop-database", "--yes"))


def test_a_promise_that_broke_is_an_exit_status() -> None:
    with headgate(CONFIG.replace("latency", "error_rate = 1.0\nlatency")) as house:
        done = run(house, "run", "slow-provider", "--seconds", "1", "--json")
        assert done.returncode == 1
        report: Any = json.loads(done.stdout)[0]
        assert report["kept"] is False

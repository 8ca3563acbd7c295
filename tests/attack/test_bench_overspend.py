"""`make overspend` runs: a short attack on Headgate alone, and the table that it makes of results."""

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from bench.overspend_attacked import Flock
from bench.overspend_table import Attack, Outcome, markdown
from bench.starting import CannotStart, PortTaken, start_program
from tests.attack.path_without import environment_without

ROOT = Path(__file__).resolve().parents[2]


def outcome(name: str, *, billed: int, over: int = 0, lost: int | None = 0) -> Outcome:
    return Outcome(
        name=name,
        version="1.2.3",
        billed_pico_usd=billed,
        over_pico_usd=over,
        counted_pico_usd=None if lost is None else billed,
        calls=5000,
        answered=1200,
        refused=3000,
        hung_up=400,
        killed=3,
        lost=lost,
        statuses={"200": 1200},
        notes=("as it comes",),
    )


def test_the_table_says_what_was_billed_and_what_is_over() -> None:
    attack = Attack(
        date="2026-11-21",
        limit_usd=1,
        clients=200,
        seconds=60,
        outcomes=(
            outcome("headgate", billed=979_400_000_000),
            outcome("litellm", billed=2_060_600_000_000, over=1_060_600_000_000, lost=None),
        ),
        missing={"tensorzero": "no wheel"},
    )
    lines = markdown(attack).splitlines()
    assert lines[2] == "| Headgate 1.2.3 | 0.9794 | 0.0000 | 0.0 | 0.9794 | 1,200 | 3,000 | 400 | 3 | 0 |"
    assert lines[3] == "| LiteLLM 1.2.3 | 2.0606 | 1.0606 | 106.1 | - | 1,200 | 3,000 | 400 | 3 | - |"
    assert "- LiteLLM: as it comes." in lines
    assert "- TensorZero: left out: no wheel." in lines


def begun(started: list[subprocess.Popen[bytes]], log: Path) -> subprocess.Popen[bytes]:
    started.append(start_program(["sleep", "60"], log))
    return started[-1]


def test_a_process_that_is_only_just_coming_back_is_not_killed_again(tmp_path: Path) -> None:
    started: list[subprocess.Popen[bytes]] = []
    comes_back = threading.Event()

    def start(at: int, port: int) -> tuple[subprocess.Popen[bytes], Callable[[], int]]:
        def wait() -> int:
            assert not port or comes_back.wait(30)
            return at + 1

        return begun(started, tmp_path / f"{len(started)}.log"), wait

    flock = Flock(start, 2)
    flock.begin()
    try:
        # Both, and then nobody serves, so that nobody is killed and nothing counted.
        assert [flock.kill() for _ in range(4)] == [True, True, False, False]
        comes_back.set()
        deadline = time.monotonic() + 20
        while not flock.kill() and time.monotonic() < deadline:
            time.sleep(0.02)
        assert sum(process.poll() == -signal.SIGKILL for process in started) == 3
    finally:
        comes_back.set()
        flock.end()
    assert all(process.poll() is not None for process in started)


def test_a_process_that_never_serves_is_ended_with_the_others(tmp_path: Path) -> None:
    started: list[subprocess.Popen[bytes]] = []

    def start(at: int, _: int) -> tuple[subprocess.Popen[bytes], Callable[[], int]]:
        def wait() -> int:
            if at:
                raise CannotStart("it does not serve")
            return 1

        return begun(started, tmp_path / f"{at}.log"), wait

    flock = Flock(start, 2)
    with pytest.raises(CannotStart, match="not all"):
        flock.begin()
    flock.end()
    assert len(started) == 2
    assert all(process.poll() is not None for process in started)


def test_a_port_that_is_taken_is_changed_for_another(tmp_path: Path) -> None:
    started: list[subprocess.Popen[bytes]] = []

    def start(at: int, _: int) -> tuple[subprocess.Popen[bytes], Callable[[], int]]:
        def wait() -> int:
            if len(started) == 1:
                raise PortTaken("by another")
            return 2

        return begun(started, tmp_path / f"{len(started)}.log"), wait

    flock = Flock(start, 1)
    try:
        flock.begin()
        assert flock.ports == [2]
    finally:
        flock.end()
    assert len(started) == 2
    assert all(process.poll() is not None for process in started)


@pytest.mark.timeout(180)
def test_a_short_attack_on_headgate_costs_no_more_than_its_dollar(tmp_path: Path) -> None:
    place = tmp_path / "attack.json"
    # With a peer that can't be had: what was found of Headgate before is not lost with it.
    command = [sys.executable, "-m", "bench.overspend", "--only", "headgate,tensorzero", "--seconds", "12"]
    done = subprocess.run(
        [*command, "--output", str(place)],
        cwd=ROOT,
        env=environment_without(tmp_path / "path", ("redis-server", "apt-get")),
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    attack = msgspec.json.decode(place.read_bytes(), type=Attack)
    assert attack.missing == {"tensorzero": "redis-server must be installed for the benchmark"}
    [own] = attack.outcomes
    assert own.killed is not None and 1 <= own.killed <= 3
    assert own.over_pico_usd == 0 and own.lost == 0
    assert own.answered > 20 and own.refused > 100 and own.hung_up > 20
    assert own.counted_pico_usd is not None and own.billed_pico_usd <= own.counted_pico_usd <= 10**12
    assert "Try to overspend" in done.stdout
    assert json.loads(place.read_bytes())["limit_usd"] == 1

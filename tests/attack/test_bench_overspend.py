"""`make overspend` runs: a short attack on Headgate alone, and the table that it makes of results."""

import json
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from bench.overspend_table import Attack, Outcome, markdown

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
    )
    lines = markdown(attack).splitlines()
    assert lines[2] == "| Headgate 1.2.3 | 0.9794 | 0.0000 | 0.0 | 0.9794 | 1,200 | 3,000 | 400 | 0 |"
    assert lines[3] == "| LiteLLM 1.2.3 | 2.0606 | 1.0606 | 106.1 | - | 1,200 | 3,000 | 400 | - |"
    assert "- LiteLLM: as it comes." in lines


@pytest.mark.timeout(180)
def test_a_short_attack_on_headgate_costs_no_more_than_its_dollar(tmp_path: Path) -> None:
    place = tmp_path / "attack.json"
    command = [sys.executable, "-m", "bench.overspend", "--only", "headgate", "--seconds", "12"]
    done = subprocess.run(
        [*command, "--output", str(place)], cwd=ROOT, capture_output=True, text=True, timeout=170, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    [own] = msgspec.json.decode(place.read_bytes(), type=Attack).outcomes
    assert own.over_pico_usd == 0 and own.lost == 0
    assert own.answered > 20 and own.refused > 100 and own.hung_up > 20
    assert own.counted_pico_usd is not None and own.billed_pico_usd <= own.counted_pico_usd <= 10**12
    assert "Try to overspend" in done.stdout
    assert json.loads(place.read_bytes())["limit_usd"] == 1

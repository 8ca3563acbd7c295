"""The guided tour of `make demo` holds all that it claims, without a terminal and without colour."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOUR_S_MAX = 150


@pytest.mark.timeout(TOUR_S_MAX + 20)
def test_every_claim_of_the_tour_holds() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "demo" / "tour.py")],
        cwd=ROOT,
        env={**os.environ, "NO_COLOR": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TOUR_S_MAX,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "FAILED" not in done.stdout
    assert "0 failed" in done.stdout
    assert done.stdout.count("  ok  ") >= 30
    assert "\x1b[" not in done.stdout, "NO_COLOR is respected"
    assert "http://127.0.0.1:4400/" in done.stdout, "it ends with the console's address"

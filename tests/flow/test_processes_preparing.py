"""A start is prepared by a process of its own, which says what came of it and never outlives who asked."""

import asyncio
import subprocess
import time
from pathlib import Path

import psutil
import pytest
from tests.flow.toy_preparing import FAULTS, TOY

from headgate.core.faults import Fault, Misconfigured
from headgate.processes.preparing import prepared_by
from headgate.processes.spec import Prepared, UpOptions

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 30.0
URL = "postgresql://toy:secret@/headgate"


@pytest.fixture(autouse=True)
def in_the_tree(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def prepared(word: str) -> Prepared:
    return asyncio.run(prepared_by((*TOY, word), UpOptions(data_dir="a"), URL))


def test_what_was_prepared_comes_back() -> None:
    assert prepared("well") == Prepared(minted_admin_key="key of a", example_model=URL)


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_raised_as_it_was_there(name: str) -> None:
    with pytest.raises(Fault) as raised:
        prepared(name)
    assert type(raised.value) is FAULTS[name]
    assert raised.value.message == f"{name}, said by the process that prepares"


def test_an_end_without_a_word_points_at_the_log(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(Misconfigured, match="ended with status 1; its log says why"):
        prepared("crash")
    assert "a mistake of ours" in capfd.readouterr().err


def test_it_ends_with_who_asked(tmp_path: Path) -> None:
    asking = subprocess.Popen([*TOY, "alone", str(tmp_path)], cwd=ROOT)
    ends, noted = time.monotonic() + PATIENCE_S, tmp_path / "pid"
    while not (noted.exists() and noted.read_text()):
        assert time.monotonic() < ends, "it never began"
        time.sleep(0.05)
    preparing = psutil.Process(int(noted.read_text()))
    asking.kill()
    asking.wait(PATIENCE_S)
    assert not psutil.wait_procs([preparing], timeout=PATIENCE_S)[1]

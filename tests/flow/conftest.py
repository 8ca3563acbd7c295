"""What the tests of flows share: a running Headgate for those of the data plane, begun at need; commands."""

from collections.abc import Callable, Iterator

import pytest
from demo.running import Running
from tests.flow.cloud_house import Clouds, open_clouds
from tests.flow.gateway_house import House, open_house

from headgate.cli.app import main

Command = Callable[..., tuple[int, str, str]]
"""Runs `headgate` with these words; returns its status and what it said to stdout and stderr."""


@pytest.fixture(scope="session")
def house() -> Iterator[House]:
    with open_house() as opened:
        yield opened


@pytest.fixture(scope="session")
def clouds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clouds]:
    with open_clouds(tmp_path_factory.mktemp("clouds")) as opened:
        yield opened


@pytest.fixture
def command(running: Running, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Commands for the whole server that a test's own file has running."""
    monkeypatch.setenv("HEADGATE_URL", running.url)
    monkeypatch.setenv("HEADGATE_KEY", running.admin_key)

    def run(*words: str) -> tuple[int, str, str]:
        status = main(list(words))
        shown = capsys.readouterr()
        return status, shown.out, shown.err

    return run

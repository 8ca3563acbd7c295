"""The fixtures of replayed traffic, for the `conftest.py` of each folder that uses them."""

from collections.abc import Generator

import pytest
from tests.contract.clients.replayed_providers import Replays, open_replays

__all__ = ["opened_replays", "replays"]


@pytest.fixture(scope="session")
def opened_replays() -> Generator[Replays]:
    """One for all tests of a process."""
    with open_replays() as opened:
        yield opened


@pytest.fixture
def replays(opened_replays: Replays) -> Generator[Replays]:
    """A gateway before providers that replay; a call that its provider would refuse fails the test."""
    opened_replays.take_faults()
    yield opened_replays
    assert not opened_replays.take_faults()

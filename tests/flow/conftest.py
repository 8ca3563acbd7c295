"""What the tests of flows share: one running Headgate for those of the data plane, begun at need."""

from collections.abc import Iterator

import pytest
from tests.flow.gateway_house import House, open_house


@pytest.fixture(scope="session")
def house() -> Iterator[House]:
    with open_house() as opened:
        yield opened

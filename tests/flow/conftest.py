"""What the tests of flows share: one running Headgate for those of the data plane, begun at need."""

from collections.abc import Iterator

import pytest
from tests.flow.cloud_house import Clouds, open_clouds
from tests.flow.gateway_house import House, open_house


@pytest.fixture(scope="session")
def house() -> Iterator[House]:
    with open_house() as opened:
        yield opened


@pytest.fixture(scope="session")
def clouds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clouds]:
    with open_clouds(tmp_path_factory.mktemp("clouds")) as opened:
        yield opened

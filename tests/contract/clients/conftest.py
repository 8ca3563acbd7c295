"""What the client suites run against: an address, a key, and the mock provider's models behind it.

`gateway` is the one fixture that says what stands there. Nothing but the loopback is reached.
"""

import json
import os
import subprocess
import sys
from collections.abc import Generator

import msgspec
import pytest
from demo.running import headgate
from tests.contract.clients.replayed_fixtures import opened_replays, replays

__all__ = ["gateway", "opened_replays", "replays"]

# Read by the clients at import: no posting of usage data, no tracing.
os.environ["HAYSTACK_TELEMETRY_ENABLED"] = "false"
os.environ["LANGSMITH_TRACING"] = "false"
os.environ["LANGCHAIN_TRACING_V2"] = "false"

AGAINST = os.environ.get("HEADGATE_CLIENTS_AGAINST", "gateway")
"""What the suites run against: the whole `gateway`, or, to tell whose fault it is, the `provider` alone."""

KEY = "sk-clients-of-the-suite"

# `mock-large` is an alias as well, so that answers carry the name that was asked for.
CONFIG = """
[providers.mock]
kind = "mock"
seed = 7

[models.mock-large]
targets = ["mock/mock-large"]
"""


class GatewayUnderTest(msgspec.Struct, frozen=True, kw_only=True):
    """An address that speaks all dialects. `prefix` stands before the names of the mock's models;
    `other_model` is a model whose answers carry that very name."""

    url: str
    key: str
    prefix: str = ""
    other_model: str = "mock-large"

    def model(self, name: str = "mock-small") -> str:
        """The name under which clients ask for one of the mock's models, or for a drill."""
        return self.prefix + name


def whole_gateway() -> Generator[GatewayUnderTest]:
    """A real `headgate up` with the mock provider in it."""
    with headgate(CONFIG) as house:
        yield GatewayUnderTest(url=house.url, key=house.admin_key, prefix="mock/")


def provider_alone() -> Generator[GatewayUnderTest]:
    """The mock provider behind a port, and no gateway."""
    command = [sys.executable, "-m", "headgate.standins.served", "--key", KEY, "--seed", "7"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            yield GatewayUnderTest(url=json.loads(process.stdout.readline())["url"], key=KEY)
        finally:
            process.terminate()
            process.wait(timeout=10)


@pytest.fixture(scope="session")
def gateway() -> Generator[GatewayUnderTest]:
    yield from (whole_gateway() if AGAINST == "gateway" else provider_alone())

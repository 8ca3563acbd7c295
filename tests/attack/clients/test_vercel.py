"""The Vercel AI SDK against providers of every outbound dialect: the same is heard, whoever answers."""

from collections.abc import Generator

import pytest
from tests.attack.clients.vercel_asking import PROVIDERS, OfProvider, vercel_clients
from tests.contract.clients.asking import REFUSALS, cases, hold, hold_refusal
from tests.contract.clients.replayed_errors import Error
from tests.contract.clients.replayed_providers import Replays
from tests.contract.clients.replayed_traffic import NAMES, Scenario

from headgate.core.call import AnyDialect

# What npm installs comes with the first test.
pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="module")
def clients(opened_replays: Replays) -> Generator[dict[str, OfProvider]]:
    with vercel_clients(opened_replays.url, opened_replays.key) as made:
        yield made


@pytest.mark.parametrize("scenario", cases(*NAMES))
@pytest.mark.parametrize("name", PROVIDERS)
def test_the_sdk_hears_what_the_provider_says(
    replays: Replays, clients: dict[str, OfProvider], name: str, scenario: Scenario
) -> None:
    hold(scenario, clients[name].ask(scenario))


@pytest.mark.parametrize(("dialect", "error"), REFUSALS)
@pytest.mark.parametrize("name", PROVIDERS)
def test_a_refusal_is_told(
    replays: Replays, clients: dict[str, OfProvider], name: str, dialect: AnyDialect, error: Error
) -> None:
    hold_refusal(clients[name], replays, dialect, error)

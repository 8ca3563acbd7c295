"""The official SDKs against providers of every outbound dialect: the same is heard, whoever answers."""

from collections.abc import Generator

import pytest
from tests.contract.clients.asking import REFUSALS, cases, hold, hold_refusal
from tests.contract.clients.official_asking import OfDialect, official
from tests.contract.clients.replayed_errors import Error
from tests.contract.clients.replayed_providers import Replays
from tests.contract.clients.replayed_traffic import NAMES, Scenario

from headgate.core.call import AnyDialect

CLIENTS = ("openai", "openai-responses", "anthropic", "google-genai")


@pytest.fixture(scope="module")
def clients(opened_replays: Replays) -> Generator[dict[str, OfDialect]]:
    made = official(opened_replays.url, opened_replays.key)
    yield made
    for one in made.values():
        one.close()


@pytest.mark.parametrize("scenario", cases(*NAMES))
@pytest.mark.parametrize("name", CLIENTS)
def test_a_client_hears_what_the_provider_says(
    replays: Replays, clients: dict[str, OfDialect], name: str, scenario: Scenario
) -> None:
    hold(scenario, clients[name].ask(scenario))


@pytest.mark.parametrize(("dialect", "error"), REFUSALS)
@pytest.mark.parametrize("name", CLIENTS)
def test_a_refusal_is_told(
    replays: Replays, clients: dict[str, OfDialect], name: str, dialect: AnyDialect, error: Error
) -> None:
    hold_refusal(clients[name], replays, dialect, error)

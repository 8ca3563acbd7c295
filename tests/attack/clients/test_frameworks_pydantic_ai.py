"""pydantic-ai's agents against providers of every outbound dialect: the same is heard, whoever answers."""

import pytest
from tests.attack.clients.pydantic_ai_asking import pydantic_ai
from tests.contract.clients.asking import REFUSALS, Asking, cases, hold, hold_refusal
from tests.contract.clients.replayed_errors import Error
from tests.contract.clients.replayed_providers import Replays
from tests.contract.clients.replayed_traffic import NAMES, Scenario

from headgate.core.call import AnyDialect

CLIENTS = (
    "pydantic-ai-openai",
    "pydantic-ai-openai-responses",
    "pydantic-ai-anthropic",
    "pydantic-ai-google",
)


@pytest.fixture(scope="module")
def clients(opened_replays: Replays, addresses: None) -> dict[str, Asking]:
    return pydantic_ai(opened_replays.url, opened_replays.key)


@pytest.mark.parametrize("scenario", cases(*NAMES))
@pytest.mark.parametrize("name", CLIENTS)
def test_a_client_hears_what_the_provider_says(
    replays: Replays, clients: dict[str, Asking], name: str, scenario: Scenario
) -> None:
    hold(scenario, clients[name].ask(scenario))


@pytest.mark.parametrize(("dialect", "error"), REFUSALS)
@pytest.mark.parametrize("name", CLIENTS)
def test_a_refusal_is_told(
    replays: Replays, clients: dict[str, Asking], name: str, dialect: AnyDialect, error: Error
) -> None:
    hold_refusal(clients[name], replays, dialect, error)

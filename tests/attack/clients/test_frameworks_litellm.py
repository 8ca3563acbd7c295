"""litellm as a client against providers of every outbound dialect: the same is heard, whoever answers."""

import pytest
from tests.attack.clients.litellm_asking import litellm_clients
from tests.contract.clients.asking import REFUSALS, Asking, cases, hold, hold_refusal
from tests.contract.clients.replayed_errors import Error
from tests.contract.clients.replayed_providers import Replays
from tests.contract.clients.replayed_traffic import NAMES, Scenario

from headgate.core.call import AnyDialect

# Its own code reads members of pydantic by their older names.
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Pydantic serializer warnings"),
]

CLIENTS = ("litellm-openai", "litellm-anthropic", "litellm-gemini")


@pytest.fixture(scope="module")
def clients(opened_replays: Replays, addresses: None) -> dict[str, Asking]:
    return litellm_clients(opened_replays.url, opened_replays.key)


@pytest.mark.parametrize("scenario", cases(*NAMES))
def test_a_client_hears_what_the_provider_says(
    replays: Replays, clients: dict[str, Asking], scenario: Scenario
) -> None:
    hold(scenario, clients["litellm-openai"].ask(scenario))


# Thoughts and schemas it asks for by what it knows of a model's name, which an alias is not.
@pytest.mark.parametrize("scenario", cases("text", "loop", "vision"))
@pytest.mark.parametrize("name", CLIENTS[1:])
def test_a_client_of_another_dialect_hears_it(
    replays: Replays, clients: dict[str, Asking], name: str, scenario: Scenario
) -> None:
    hold(scenario, clients[name].ask(scenario))


@pytest.mark.parametrize(("dialect", "error"), REFUSALS)
@pytest.mark.parametrize("name", CLIENTS)
def test_a_refusal_is_told(
    replays: Replays, clients: dict[str, Asking], name: str, dialect: AnyDialect, error: Error
) -> None:
    hold_refusal(clients[name], replays, dialect, error)

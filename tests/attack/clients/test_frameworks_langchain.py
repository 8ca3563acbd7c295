"""LangChain's chat models against providers of every outbound dialect: the same is heard, whoever answers."""

import pytest
from tests.attack.clients.langchain_asking import langchain
from tests.contract.clients.asking import REFUSALS, Asking, cases, hold, hold_refusal
from tests.contract.clients.replayed_errors import Error
from tests.contract.clients.replayed_providers import Replays
from tests.contract.clients.replayed_traffic import Scenario

from headgate.core.call import AnyDialect

CLIENTS = ("langchain-openai", "langchain-openai-responses", "langchain-anthropic", "langchain-google-genai")
# Structured answers are parsed by a model that is whole, whatever is asked.
CASES = [*cases("text", "loop", "thinking", "vision"), *cases("structured", streamed=[False])]


@pytest.fixture(scope="module")
def clients(opened_replays: Replays, addresses: None) -> dict[str, Asking]:
    return langchain(opened_replays.url, opened_replays.key)


@pytest.mark.parametrize("scenario", CASES)
@pytest.mark.parametrize("name", CLIENTS)
def test_a_client_hears_what_the_provider_says(
    replays: Replays, clients: dict[str, Asking], name: str, scenario: Scenario
) -> None:
    if name == "langchain-google-genai" and scenario.name == "thinking" and "gemini-3" in scenario.model:
        pytest.skip("its library knows no levels of thinking, and Gemini 3 no budgets")
    if (name, scenario.dialect, scenario.name) == ("langchain-google-genai", "google", "loop") and (
        scenario.service == "written"
    ):
        pytest.skip("it writes types as numbers, which the SDK that stands in for Google can't read")
    hold(scenario, clients[name].ask(scenario))


@pytest.mark.parametrize(("dialect", "error"), REFUSALS)
@pytest.mark.parametrize("name", CLIENTS)
def test_a_refusal_is_told(
    replays: Replays, clients: dict[str, Asking], name: str, dialect: AnyDialect, error: Error
) -> None:
    hold_refusal(clients[name], replays, dialect, error)

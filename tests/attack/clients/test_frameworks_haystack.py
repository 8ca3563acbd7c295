"""Haystack's generators against providers of every outbound dialect: the same is heard, whoever answers."""

import pytest
from tests.attack.clients.haystack_asking import haystack
from tests.contract.clients.asking import REFUSALS, Asking, cases, hold, hold_refusal
from tests.contract.clients.replayed_errors import Error
from tests.contract.clients.replayed_providers import Replays
from tests.contract.clients.replayed_traffic import NAMES, Scenario

from headgate.core.call import AnyDialect

CLIENTS = ("haystack-openai", "haystack-openai-responses", "anthropic-haystack", "google-genai-haystack")
_UNSIGNED = (
    "where one part of an answer is signed, it sends back signed parts only, and the call has no signature"
)
LOST = {
    "openai-responses-loop": _UNSIGNED,
    "openai-responses-loop-stream": _UNSIGNED,
    "anthropic-loop-stream": "of two calls in chunks of their own it makes one, which is no JSON any more",
}
"""What its component for Google loses by itself."""
_BESIDE = "it leaves out the text beside a call"
_JOINED = "it joins the parts of a text by blanks"
LOST_OF_WRITTEN = {
    "anthropic-haystack": {
        **{
            f"{dialect}-loop": _BESIDE
            for dialect in ("openai-chat", "openai-responses", "anthropic", "google", "bedrock")
        },
        "google-text": _JOINED,
    },
    "google-genai-haystack": {"google-text": _JOINED, "google-loop": _JOINED},
}
"""What its components lose of answers that are written where none is recorded: they hold more in one."""


@pytest.fixture(scope="module")
def clients(opened_replays: Replays, addresses: None) -> dict[str, Asking]:
    return haystack(opened_replays.url, opened_replays.key)


@pytest.mark.parametrize("scenario", cases(*NAMES))
@pytest.mark.parametrize("name", CLIENTS)
def test_a_client_hears_what_the_provider_says(
    replays: Replays, clients: dict[str, Asking], name: str, scenario: Scenario
) -> None:
    if name == "google-genai-haystack" and scenario.alias in LOST:
        pytest.skip(LOST[scenario.alias])
    lost = LOST_OF_WRITTEN.get(name, {})
    if scenario.service == "written" and scenario.alias in lost:
        pytest.skip(lost[scenario.alias])
    hold(scenario, clients[name].ask(scenario))


@pytest.mark.parametrize(("dialect", "error"), REFUSALS)
@pytest.mark.parametrize("name", CLIENTS)
def test_a_refusal_is_told(
    replays: Replays, clients: dict[str, Asking], name: str, dialect: AnyDialect, error: Error
) -> None:
    hold_refusal(clients[name], replays, dialect, error)

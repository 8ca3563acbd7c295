"""What the suites of frameworks run against, and what keeps those from calling anyone but the loopback."""

import os
from collections.abc import Generator

import pytest
from tests.contract.clients.replayed_fixtures import opened_replays, replays
from tests.contract.clients.replayed_providers import Replays

__all__ = ["addresses", "opened_replays", "replays"]

# Read by the frameworks at import: no posting of usage data, no tracing, no list of prices from elsewhere.
os.environ["HAYSTACK_TELEMETRY_ENABLED"] = "false"
os.environ["LANGSMITH_TRACING"] = "false"
os.environ["LANGCHAIN_TRACING_V2"] = "false"
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
os.environ["LITELLM_TELEMETRY"] = "False"


@pytest.fixture(scope="module")
def addresses(opened_replays: Replays) -> Generator[None]:
    """Where the SDKs below those frameworks look for an address that have no setting for one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ANTHROPIC_BASE_URL", opened_replays.url)
        patch.setenv("GOOGLE_GEMINI_BASE_URL", opened_replays.url)
        yield

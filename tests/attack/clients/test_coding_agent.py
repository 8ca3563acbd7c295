"""A coding agent that speaks Anthropic's Messages mends a file, whatever dialect its model's provider speaks.

The agent reaches Headgate and nobody else; what its provider is asked has to pass that provider's own rules.
"""

import json
from collections.abc import Generator
from pathlib import Path

import pytest
from demo.running import Running, headgate
from tests.attack.clients.agent_host import AgentHost, agent_host
from tests.attack.clients.agent_runs import BROKEN, MENDED, SAID, STEPS, ClaudeCode
from tests.attack.clients.playing import PlayingProvider
from tests.attack.clients.spoken import TOKENS, seal_of

from headgate.core.call import AnyDialect

# What npm installs comes with the first test.
pytestmark = pytest.mark.timeout(400)

_PROVIDER = """
[providers.p-{dialect}]
{provider}
api_key = "env:PLAYED_KEY"

[models.claude-{dialect}]
targets = ["p-{dialect}/{model}"]

[prices."p-{dialect}/{model}"]
input = "1"
output = "2"
max_output = 64000
context_window = 400000
"""
_BASE = 'base_url = "http://127.0.0.1:{port}/{dialect}/{version}"\ndialects = ["{dialect}"]\nkind = "{kind}"'
_BEDROCK = 'base_url = "http://127.0.0.1:{port}/bedrock"\nkind = "bedrock"\nregion = "eu-central-1"'
OUTBOUND: dict[AnyDialect, tuple[str, str, str]] = {
    "openai-chat": ("openai", "v1", "gpt-5.2"),
    "openai-responses": ("openai", "v1", "gpt-5.2"),
    "anthropic": ("anthropic", "v1", "claude-sonnet-4-5"),
    "google": ("google", "v1beta", "gemini-3-pro-preview"),
    "bedrock": ("bedrock", "", "us.anthropic.claude-sonnet-4-5-20250929-v1:0"),
}
"""Every outbound dialect: the kind of its provider, the version in its paths, and a model that thinks."""
WITHOUT_SEALS = ("openai-chat",)
"""Dialects whose thoughts bear nothing that has to go back."""


def _configuration(port: int) -> str:
    parts: list[str] = []
    for dialect, (kind, version, model) in OUTBOUND.items():
        form = _BEDROCK if dialect == "bedrock" else _BASE
        provider = form.format(port=port, dialect=dialect, version=version, kind=kind)
        parts.append(_PROVIDER.format(dialect=dialect, provider=provider, model=model))
    return "".join(parts)


@pytest.fixture(scope="module")
def provider() -> Generator[PlayingProvider]:
    with PlayingProvider() as found:
        yield found


@pytest.fixture(scope="module")
def house(provider: PlayingProvider) -> Generator[Running]:
    with headgate(_configuration(provider.port), environment={"PLAYED_KEY": "sk-canary-44d0"}) as running:
        yield running


@pytest.fixture(scope="module")
def host(house: Running) -> Generator[AgentHost]:
    with agent_host(house.url) as found:
        yield found


@pytest.fixture
def agent(host: AgentHost, tmp_path: Path) -> ClaudeCode:
    return ClaudeCode(host, tmp_path)


@pytest.mark.parametrize("dialect", OUTBOUND)
def test_a_file_is_mended_whoever_answers(
    house: Running, provider: PlayingProvider, agent: ClaudeCode, dialect: AnyDialect
) -> None:
    provider.play(agent.model())
    ended = agent.run(house.make_key(f"agent-{dialect}"), f"claude-{dialect}")
    assert not provider.failures
    assert (ended.status, ended.is_error, ended.said) == (0, False, SAID)
    assert agent.file.read_text() == MENDED
    assert ended.tokens == (TOKENS[0] * (STEPS + 1), TOKENS[1] * (STEPS + 1))
    last = provider.heard[-1]
    assert (last.dialect, len(provider.heard), len(last.results)) == (dialect, STEPS + 1, STEPS)
    assert "return a - b" in last.results[0] and last.results[2].strip() == "5"
    assert (seal_of(dialect) in json.dumps(last.body)) is (dialect not in WITHOUT_SEALS)
    rows = house.wait_for_requests(STEPS + 1, model=f"claude-{dialect}")
    told = {(row["status"], row["usage"]["input"], row["usage"]["output"]) for row in rows}
    assert told == {(200, *TOKENS)}
    changes = {change for row in rows for change in row["changes"]}
    assert not [change for change in changes if change.endswith("(meaning)")]
    assert bool(changes) is (dialect != "anthropic")


def test_its_conversation_goes_from_provider_to_provider(
    house: Running, provider: PlayingProvider, agent: ClaudeCode
) -> None:
    """Tools and results of all that answered before go along, and seals to nobody who did not make them."""
    key = house.make_key("agent-moving")
    conversation = ""
    for place, dialect in enumerate((*OUTBOUND, "anthropic")):
        agent.file.write_text(BROKEN)
        provider.play(agent.model(before=place * STEPS))
        ended = agent.run(key, f"claude-{dialect}", goes_on=conversation)
        assert not provider.failures, dialect
        assert (ended.status, ended.said) == (0, SAID), dialect
        assert agent.file.read_text() == MENDED, dialect
        last = provider.heard[-1]
        assert len(last.results) == (place + 1) * STEPS, dialect
        text = json.dumps(last.body)
        assert [one for one in OUTBOUND if seal_of(one) in text] == [dialect][: dialect not in WITHOUT_SEALS]
        conversation = ended.conversation


def test_its_end_is_told_when_its_key_s_money_is_spent(
    house: Running, provider: PlayingProvider, agent: ClaudeCode
) -> None:
    provider.play(agent.model())
    key = house.make_key("agent-poor", budgets=[{"name": "poor", "limit": "0.000001 USD", "window": "day"}])
    ended = agent.run(key, "claude-google")
    assert ended.is_error and "budget" in ended.said.lower()
    assert not provider.heard and agent.file.read_text() == BROKEN

"""Every service and engine that is promised by name: known, in one file, and answering any client."""

import json
from urllib.parse import urlsplit

import pytest
from tests.flow.cloud_house import SERVICES, Clouds
from tests.flow.cloud_provider import API_KEY
from tests.flow.scripted_provider import DONE, FINISH, answer, completion, delta, stream, usage_chunk

from headgate.catalog.kinds import families, family_of
from headgate.catalog.profiles import profile_rows
from headgate.config.compile import compile_snapshot, resolve_target
from headgate.config.load import load

BY_NAME = {family.name: family for family in families()}
ENGINES = ("vllm", "llama-cpp", "sglang", "tgi")


def test_each_stands_in_the_catalogue_with_what_it_takes() -> None:
    assert set(SERVICES) <= set(BY_NAME)
    told = {name for row in profile_rows() for name in row.services}
    for name in SERVICES:
        family = BY_NAME[name]
        assert family.source.startswith("https://") and family.date and family.output_field
        assert bool(family.hosts) is (name not in ENGINES), name
        for host in family.hosts:
            assert family_of(host) is family
        # Engines that keep to OpenAI's reference are told apart by their row alone.
        assert name in told or name in ("vllm", "sglang"), f"{name} has no row of quirks"


def test_all_are_usable_in_one_file_under_their_own_addresses() -> None:
    parts: list[str] = []
    for name in SERVICES:
        service = f'service = "{name}"\n' if name in ENGINES else ""
        key = f'api_key = "env:{BY_NAME[name].api_key_env[0]}"\n' if BY_NAME[name].api_key_env else ""
        base = f'base_url = "{BY_NAME[name].base_url}"\n'
        parts.append(f'[providers.{name}]\nkind = "openai-compatible"\n{base}{service}{key}')
    snapshot = compile_snapshot(load("".join(parts)))
    assert set(snapshot.providers) == set(SERVICES)
    for name in SERVICES:
        provider = resolve_target(snapshot, f"{name}/some-model").provider
        assert provider.origin.host == urlsplit(BY_NAME[name].base_url).hostname
        assert provider.price_provider == BY_NAME[name].price_provider
        spoken = {endpoint.dialect for endpoint in provider.endpoints}
        assert "openai-chat" in spoken
        assert ("openai-responses" in spoken) is BY_NAME[name].responses


@pytest.mark.parametrize("name", SERVICES)
def test_each_answers_a_client_of_another_dialect(clouds: Clouds, name: str) -> None:
    """Whole and streamed, with the key as a bearer, and the limit under the name that the service knows."""
    model = "some-model"
    said = (delta("hello"), FINISH, usage_chunk(10, 20), DONE)
    clouds.provider.on(name, model, answer(completion()), stream(*said))
    client = clouds.clients["anthropic"]
    for ask in (client.ask, client.stream):
        heard = ask(f"{name}/{model}", [client.user("hi")])
        assert (heard.text, heard.tokens) == ("hello", (10, 20))
        assert heard.headers["x-headgate-target"] == f"{name}/{model}"
    whole, live = clouds.provider.received(name, model)
    for one in (whole, live):
        assert one.target == f"/{name}/v1/chat/completions"
        assert one.header("authorization") == f"Bearer {API_KEY}"
        limits = {"max_tokens", "max_completion_tokens"} & set(json.loads(one.body))
        assert limits == {BY_NAME[name].output_field}
    asks_usage = "stream_options" in json.loads(live.body)
    assert asks_usage is BY_NAME[name].usage_in_stream

from typing import get_args
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.catalog.kinds import (
    endpoint_for,
    endpoints_of,
    expand_regions,
    families,
    family_of,
    fold_regions,
    kinds,
    outgoing_path,
    price_provider_of,
    region_sets,
    service_of,
)
from headgate.catalog.model import KindName
from headgate.core.call import Dialect


def test_every_kind_has_endpoints_a_source_and_a_date():
    assert set(kinds()) == set(get_args(KindName))
    for facts in kinds().values():
        assert facts.endpoints
        assert facts.source
        assert facts.date
        for endpoint in facts.endpoints:
            assert endpoint.path_from.startswith("/")
            assert endpoint.path_to.startswith("/")


@pytest.mark.parametrize(
    ("kind", "dialect", "path", "outgoing", "auth"),
    [
        ("openai", "openai-chat", "/v1/chat/completions", "/chat/completions", "bearer"),
        ("openai", "openai-responses", "/v1/responses", "/responses", "bearer"),
        ("anthropic", "anthropic", "/v1/messages/count_tokens", "/messages/count_tokens", "x-api-key"),
        ("google", "google", "/v1beta/models/{model}:generateContent", "/models/a%3Ab/c:generateContent",
         "x-goog-api-key"),
        ("azure-openai", "openai-chat", "/v1/chat/completions", "/openai/v1/chat/completions", "api-key"),
        ("mock", "google", "/v1beta/models/{model}:embedContent", "/v1beta/models/a%3Ab/c:embedContent",
         "none"),
    ],
)  # fmt: skip
def test_a_client_s_path_becomes_the_provider_s(
    kind: KindName, dialect: Dialect, path: str, outgoing: str, auth: str
):
    endpoint = endpoint_for(kinds()[kind].endpoints, dialect, path)
    assert endpoint is not None
    assert endpoint.auth == auth
    assert outgoing_path(endpoint, path, "a:b/c") == outgoing


def test_a_dialect_that_a_provider_does_not_speak_has_no_endpoint():
    assert endpoint_for(kinds()["openai"].endpoints, "anthropic", "/v1/messages") is None
    assert endpoint_for(kinds()["google"].endpoints, "openai", "/v1/audio/speech") is None
    # Their imitations of OpenAI's chat drop what they don't know, and say nothing: chat is translated.
    for kind in ("anthropic", "google"):
        assert endpoint_for(kinds()[kind].endpoints, "openai-chat", "/v1/chat/completions") is None


def test_well_known_services_are_told_by_their_host():
    for family in families():
        host = urlsplit(family.base_url).hostname
        assert host in family.hosts or (host == "127.0.0.1" and not family.hosts)
        assert bool(family.api_key_env) == bool(family.hosts)
    mistral = family_of("API.mistral.ai.")
    assert mistral is not None
    assert (mistral.name, mistral.output_field) == ("mistral", "max_tokens")
    assert family_of("localhost") is None
    assert price_provider_of("openai-compatible", "api.groq.com") == "groq"
    assert price_provider_of("openai-compatible", "127.0.0.1") is None
    assert price_provider_of("openai", "api.groq.com") == "openai"


def test_an_engine_at_home_is_told_by_its_name():
    vllm = service_of("openai-compatible", "10.0.0.7", "vllm")
    assert vllm is not None and vllm.output_field == "max_tokens"
    assert service_of("openai-compatible", "10.0.0.7") is None
    assert service_of("openai", "api.groq.com", "vllm") is None
    dialects = {one.dialect for one in endpoints_of("openai-compatible", "10.0.0.7", "llama-cpp")}
    assert dialects == {"openai-chat", "openai"}
    assert price_provider_of("openai-compatible", "10.0.0.7", "vllm") is None


def test_what_a_service_lacks_is_not_among_its_endpoints():
    dialects = {endpoint.dialect for endpoint in endpoints_of("openai-compatible", "api.mistral.ai")}
    assert dialects == {"openai-chat", "openai"}
    assert not any(
        endpoint.usage_in_stream for endpoint in endpoints_of("openai-compatible", "api.mistral.ai")
    )
    assert endpoints_of("openai-compatible", "vllm.internal") == kinds()["openai-compatible"].endpoints


def test_region_sets_hold_their_members():
    sets = region_sets()
    assert {"eu", "de", "eu-central-1"} <= sets["eu"]
    assert sets["eu"] < sets["eea"]
    assert not sets["eu"] & sets["us"]
    assert not sets["eu"] & sets["uk"]
    assert not sets["eu"] & sets["ch"]
    assert expand_regions(["eu", "my-cellar"]) == sets["eu"] | {"my-cellar"}
    assert expand_regions([]) == frozenset()


@given(st.sets(st.sampled_from(["eu", "eea", "us", "ch", "uk", "de", "fr", "my-cellar"])))
def test_folded_regions_say_the_same(names: set[str]) -> None:
    expanded = expand_regions(names)
    folded = fold_regions(expanded)
    assert expand_regions(folded) == expanded
    assert len(folded) <= max(len(names), 0)


def test_regions_fold_to_the_outermost_set() -> None:
    assert fold_regions(expand_regions(["eea", "us", "my-cellar"])) == ["eea", "my-cellar", "us"]
    assert fold_regions(["de", "fr"]) == ["de", "fr"]
    assert fold_regions([]) == []

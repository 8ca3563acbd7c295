"""How a file says in which dialects providers are spoken to, and how strict translation is."""

import pytest

from headgate.config.compile import compile_file, resolve_alias
from headgate.config.snapshot import Snapshot
from headgate.core.faults import Misconfigured

PROVIDER = '[providers.p]\nkind = "mock"\n'


def compiled(text: str) -> Snapshot:
    return compile_file(text)


def refusal(text: str) -> str:
    with pytest.raises(Misconfigured) as refused:
        compile_file(text)
    return refused.value.message


def strictness(text: str, name: str) -> str:
    alias = resolve_alias(compiled(text), name)
    assert alias is not None
    return alias.translation


def test_translation_is_strict_unless_the_server_or_the_alias_says_otherwise() -> None:
    alias = '[models.a]\ntargets = ["p/m"]\n'
    lenient = '[server]\ntranslation = "lenient"\n'
    assert strictness(PROVIDER + alias, "a") == "strict"
    assert strictness(PROVIDER + alias, "p/other") == "strict"
    assert strictness(PROVIDER + alias + lenient, "a") == "lenient"
    assert strictness(PROVIDER + alias + lenient, "p/other") == "lenient"
    assert strictness(PROVIDER + alias + 'translation = "strict"\n' + lenient, "a") == "strict"
    assert "translation" in refusal(PROVIDER + alias + 'translation = "loose"\n')


def test_a_provider_is_spoken_to_in_those_of_its_dialects_that_it_names() -> None:
    every = compiled(PROVIDER).providers["p"].endpoints
    some = compiled(PROVIDER + 'dialects = ["google", "anthropic"]\n').providers["p"].endpoints
    assert {one.dialect for one in every} > {one.dialect for one in some} == {"google", "anthropic"}
    said = refusal('[providers.c]\nkind = "anthropic"\nbase_url = "http://h/v1"\ndialects = ["google"]\n')
    assert "google" in said and "speaks anthropic" in said


def test_a_service_is_one_that_is_known_and_of_its_kind() -> None:
    engine = '[providers.e]\nkind = "openai-compatible"\nbase_url = "http://10.0.0.7:8000/v1"\n'
    provider = compiled(engine + 'service = "llama-cpp"\n').providers["e"]
    assert provider.service == "llama-cpp"
    assert "openai-responses" not in {one.dialect for one in provider.endpoints}
    assert "vllm" in refusal(engine + 'service = "vlm"\n')
    assert "openai-compatible only" in refusal(PROVIDER + 'service = "vllm"\n')

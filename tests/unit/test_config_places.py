"""Where clouds are: base URLs, paths and regions from a place; credentials that are more than a key."""

import sys
from datetime import date

import pytest
from tests.unit.test_gateway_signing import key_file

from headgate.catalog.kinds import endpoint_for, kinds, outgoing_path, region_sets
from headgate.catalog.model import Provider
from headgate.config.compile import compile_snapshot, resolve_target
from headgate.config.load import load
from headgate.config.secrets import SECRET_BYTES_MAX, Secrets

PAIR = "AKIAIOSFODNN7EXAMPLE:wJalrXUtnFEMI/K7MDENG"


def provider(kind: str, *lines: str) -> Provider:
    text = "\n".join([f'[providers.p]\nkind = "{kind}"\napi_key = "env:K"', *lines])
    return compile_snapshot(load(text), today=date(2026, 11, 21)).providers["p"]


def resolved(one: Provider, value: str) -> str | None:
    """Why a provider's credential does not serve; None where it does."""
    text = f'[providers.p]\nkind = "{one.kind}"\napi_key = "env:K"\n' + {
        "bedrock": 'region = "eu-central-1"',
        "vertex": 'project = "p"\nlocation = "eu"',
    }.get(one.kind, "")
    secrets = Secrets.resolve(compile_snapshot(load(text)), {"K": value})
    assert "canary" not in f"{secrets} {secrets.readiness()}"
    return secrets.reason_missing("p")


BASES = [
    ("bedrock", 'region = "us-gov-west-1"', "bedrock-runtime.us-gov-west-1.amazonaws.com", "us-gov-west-1"),
    ("bedrock", 'region = "cn-north-1"', "bedrock-runtime.cn-north-1.amazonaws.com.cn", "cn-north-1"),
    ("bedrock", 'region = "eusc-de-east-1"', "bedrock-runtime.eusc-de-east-1.amazonaws.eu", "eusc-de-east-1"),
    ("bedrock-mantle", 'region = "eu-west-1"', "bedrock-mantle.eu-west-1.api.aws", "eu-west-1"),
    ("vertex", 'location = "europe-west4"', "europe-west4-aiplatform.googleapis.com", "europe-west4"),
    ("vertex", 'location = "global"', "aiplatform.googleapis.com", "global"),
    ("vertex", 'location = "eu"', "aiplatform.eu.rep.googleapis.com", "eu"),
    ("vertex", 'base_url = "https://us-east5-aiplatform.googleapis.com"',
     "us-east5-aiplatform.googleapis.com", "us-east5"),
    ("bedrock", 'base_url = "https://vpce-0a1b.bedrock-runtime.ap-southeast-2.vpce.amazonaws.com"',
     "vpce-0a1b.bedrock-runtime.ap-southeast-2.vpce.amazonaws.com", "ap-southeast-2"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "line", "host", "place"), BASES)
def test_a_place_names_the_host_and_the_region(kind: str, line: str, host: str, place: str) -> None:
    project = 'project = "my-project"' if kind == "vertex" else ""
    made = provider(kind, line, project)
    assert (made.origin.scheme, made.origin.host, made.origin.port) == ("https", host, 443)
    assert (made.place, made.regions) == (place, {place})
    stated = provider(kind, line, project, 'regions = ["de"]')
    assert stated.regions == {"de"}, "what is said is better known"


def test_an_address_that_is_not_the_cloud_s_is_nowhere() -> None:
    """A proxy may stand anywhere, whatever region it is asked for."""
    made = provider("bedrock", 'region = "eu-central-1"', 'base_url = "https://proxy.example"')
    assert (made.place, made.regions) == ("eu-central-1", frozenset())


def test_a_project_and_a_location_stand_in_the_path() -> None:
    made = provider("vertex", 'location = "eu"', 'project = "domain.example:p-1"')
    path = "/v1beta/models/{model}:generateContent"
    endpoint = endpoint_for(made.endpoints, "google", path)
    assert endpoint is not None
    moved = outgoing_path(endpoint, path, "gemini-2.5-flash")
    place = "/v1/projects/domain.example:p-1/locations/eu/publishers/google/models"
    assert moved == f"{place}/gemini-2.5-flash:generateContent"
    whole = endpoint_for(made.endpoints, "anthropic", "/v1/messages")
    counting = endpoint_for(made.endpoints, "anthropic", "/v1/messages/count_tokens")
    assert whole is not None and counting is not None
    model = "claude-sonnet-4-5@20250929"
    streamed = outgoing_path(whole, "/v1/messages", model, stream=True)
    assert streamed.endswith(f"/publishers/anthropic/models/{model}:streamRawPredict")
    assert outgoing_path(counting, "/v1/messages/count_tokens", model).endswith("/count-tokens:rawPredict")
    # Vertex has no batches of embeddings: none is asked for.
    assert endpoint_for(made.endpoints, "google", "/v1beta/models/{model}:batchEmbedContents") is None


@pytest.mark.parametrize(
    ("model", "elsewhere"),
    [
        ("anthropic.claude-haiku-4-5", set[str]()),
        ("amazon.nova-lite-v1:0", set[str]()),
        ("eu.anthropic.claude-haiku-4-5", {"eu"}),
        ("us.amazon.nova-lite-v1:0", {"us"}),
        ("global.anthropic.claude-haiku-4-5", {"global"}),
        ("arn:aws:bedrock:eu-central-1:123456789012:application-inference-profile/x", {"global"}),
        ("arn:aws:bedrock:eu-central-1:123456789012:provisioned-model/x", set[str]()),
    ],
)
def test_a_model_s_name_says_where_else_it_is_answered(model: str, elsewhere: set[str]) -> None:
    text = '[providers.p]\nkind = "bedrock"\nregion = "eu-central-1"\napi_key = "env:K"\n'
    assert resolve_target(compile_snapshot(load(text)), f"p/{model}").regions == {"eu-central-1", *elsewhere}
    told = compile_snapshot(load(text + 'regions = ["eu"]\n[models.m]\ntargets = ["p/' + model + '"]\n'))
    known = elsewhere if not model.startswith("arn:") else set[str]()
    assert told.aliases["m"].targets[0].regions == {"eu", *known}
    assert "eu-central-1" in region_sets()["eu"]


def test_a_key_file_of_many_lines_is_taken_for_an_account_alone() -> None:
    account = key_file().reveal().replace(", ", ",\n")
    vertex = provider("vertex", 'location = "eu"', 'project = "p"')
    assert resolved(vertex, account) is None
    openai = provider("openai")
    assert resolved(openai, account) == "env:K holds characters that no header can carry"


@pytest.mark.parametrize(
    ("kind", "value", "said"),
    [
        (
            "vertex",
            '{"type": "canary"',
            "env:K does not serve: it is no JSON of a service account's key file",
        ),
        ("vertex", "x" * (SECRET_BYTES_MAX + 1), f"env:K holds more than the {SECRET_BYTES_MAX} bytes"),
        ("vertex", key_file(private_key="canary").reveal(), "its private_key is no PEM"),
        ("bedrock", "canary:secret", "it is no KEY_ID:SECRET"),
        ("bedrock", PAIR + "\r\nx-evil: canary", "no header can carry"),
    ],
)
def test_a_credential_that_does_not_serve_is_told_without_its_words(kind: str, value: str, said: str) -> None:
    place = ('region = "eu-central-1"',) if kind == "bedrock" else ('location = "eu"', 'project = "p"')
    assert said in (resolved(provider(kind, *place), value) or "")


def test_a_missing_package_is_told_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    bedrock = provider("bedrock", 'region = "eu-central-1"')
    monkeypatch.setitem(sys.modules, "botocore", None)
    assert resolved(bedrock, PAIR) == (
        "env:K does not serve: botocore is not installed, which this provider needs; "
        "install headgate[bedrock]"
    )
    assert resolved(bedrock, "an-api-key-is-shown") is None, "it needs no signature"


def test_every_place_key_has_a_pattern_and_a_base() -> None:
    placed = {name: facts for name, facts in kinds().items() if facts.place_key}
    assert set(placed) == {"bedrock", "bedrock-mantle", "vertex"}
    for facts in placed.values():
        assert facts.place_in_host and "{place}" in facts.place_bases["*"] and facts.base_url is None

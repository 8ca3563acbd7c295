"""From a file to the snapshot: what is compiled, what names it, and how two of them differ."""

from datetime import date
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from headgate.catalog.model import BucketName, Target
from headgate.catalog.prices import UNITS
from headgate.config.compile import (
    compile_file,
    compile_snapshot,
    compile_stored,
    model_not_found,
    nearest_names,
    resolve_alias,
    resolve_target,
    snapshot_id,
)
from headgate.config.document import (
    LIMIT_KEYS,
    MOCK_KEYS,
    Document,
    PriceTable,
    ProviderTable,
    from_json,
    normalised,
)
from headgate.config.environment import default_document
from headgate.config.limits import budget_of
from headgate.config.load import load
from headgate.config.plan import plan
from headgate.config.secrets import Secrets
from headgate.config.snapshot import Snapshot
from headgate.core.faults import Misconfigured, NotFound
from headgate.core.labels import Label
from headgate.core.ports import Origin
from headgate.policy.residency import admit

TODAY = date(2026, 11, 21)

FILE = """
[providers.openai]
kind = "openai"
api_key = "env:OPENAI_API_KEY"
regions = ["us"]

[providers.paris]
kind = "openai-compatible"
base_url = "http://127.0.0.1:8000/v1/"
regions = ["fr"]
headers = { X-Team = "a" }

[providers.mock]
kind = "mock"
latency = "50ms"
first_token = "20ms"
tokens_per_second = 200
output_tokens = 100
error_rate = 0.25
seed = 7

[providers.replayed]
kind = "replay"
file = "exchanges.jsonl"

[models.assistant]
targets = ["openai/gpt-5-mini", { target = "paris/org/model-7b", weight = 3 }]
strategy = "weighted"
timeout = { first_token = "10s", total = "2m" }
retry = { attempts = 3, backoff = "100ms" }
default_max_output = 500

[[budgets]]
name = "monthly"
scope = { provider = "openai" }
limit = "500 USD"
window = "month"
timezone = "Europe/Berlin"
max_cost_per_call = "1 USD"
when_near = "clamp"

[[rate_limits]]
name = "per-user"
scope = { user = "*" }
limit = "60 requests"
window = "minute"

[projects.support-bot]
models = ["assistant", "mock/*"]
regions = ["eu"]
record = "metadata"
retention = "90 days"

[prices."paris/org/model-7b"]
input = "0.20"
output = "0.60"
cache_read = "0.02"
max_output = 4096

[withdrawn."paris/org/model-7b"]
on = "2027-01-31"
instead = "paris/org/model-8b"

[loop_guard]
identical_calls = 20
spend = "5 USD"

[server]
body_bytes_max = 1048576
on_hangup = "drain"
durability = "power"

[[exporters]]
name = "collector"
endpoint = "http://127.0.0.1:4318"

[[experiments]]
name = "larger"
alias = "assistant"
arms = [{ name = "plain", share = 1 }, { name = "large", share = 1, targets = ["openai/gpt-5"] }]
metrics = [{ name = "solved", kind = "event" }]

[models.helper]
targets = ["mock/small"]

[[rollouts]]
name = "smaller"
alias = "helper"
targets = ["mock/tiny"]
shares = [0.1, 0.5]
guardrails = [{ name = "errors", measure = "errors", margin = "0.1" }]
shadow = { share = 0.1, agree = { tools = 0.9 } }

[[canaries]]
name = "sums"
targets = ["mock/small"]
every = "1d"
cases = [{ name = "one", prompt = "1 + 1?", expected = "2", scorer = "contains" }]

[[grounding]]
name = "answers"
share = 0.05
models = ["helper", "mock/small"]
judge = "mock/large"
budget = "2 USD"
alert_below = 0.9

[drift]
months_a_false_alarm = 6

[feedback.shop]
secrets = ["env:SHOP_SECRET"]
outcomes = [{ name = "paid", value = true, user = "$.customer.id", when = { "$.type" = "order.paid" } }]
"""


def compiled(text: str = FILE) -> Snapshot:
    return compile_file(text, today=TODAY)


def test_rules_of_groundedness() -> None:
    (rule,) = compiled().grounding
    assert (rule.name, rule.share, rule.judge, rule.budget_pico_usd) == (
        "answers",
        0.05,
        "mock/large",
        2 * 10**12,
    )
    assert (rule.models, rule.alert_below, rule.calls_a_day) == (("helper", "mock/small"), 0.9, 1000)
    twice = '[[grounding]]\nname = "a"\nprojects = ["nowhere"]\njudge = "nobody/large"\n' * 2
    with pytest.raises(Misconfigured) as refused:
        compiled(twice)
    said = str(refused.value)
    assert "'a' a second time" in said
    assert "'nowhere', which [projects] does not have" in said
    assert "'nobody/large', which is no alias and no model of a provider" in said


def test_providers() -> None:
    providers = compiled().providers
    assert list(providers) == ["openai", "paris", "mock", "replayed"]
    openai, paris, mock, replayed = providers.values()
    assert (openai.origin, openai.path) == (Origin("https", "api.openai.com", 443), "/v1")
    assert (openai.credential, openai.price_provider) == ("env:OPENAI_API_KEY", "openai")
    assert (paris.origin, paris.path) == (Origin("http", "127.0.0.1", 8000), "/v1")
    assert (paris.regions, paris.extra_headers, paris.credential) == ({"fr"}, {"x-team": "a"}, "")
    assert mock.origin == Origin("mock", "mock", 0)
    assert mock.mock is not None
    assert (mock.mock.latency_s, mock.mock.first_token_s, mock.mock.tokens_per_second) == (0.05, 0.02, 200)
    assert (mock.mock.output_tokens, mock.mock.error_rate, mock.mock.seed) == (100, 0.25, 7)
    assert (replayed.origin.scheme, replayed.replay_file) == ("replay", "exchanges.jsonl")
    assert all(provider.endpoints for provider in providers.values())


def test_every_kind_can_be_pointed_at_a_stand_in() -> None:
    for kind in ("openai", "anthropic", "google", "azure-openai", "openai-compatible", "mock"):
        text = f'[providers.a]\nkind = "{kind}"\nbase_url = "http://127.0.0.1:9/v1"\n'
        assert compiled(text).providers["a"].origin == Origin("http", "127.0.0.1", 9)


def test_aliases() -> None:
    alias = compiled().aliases["assistant"]
    assert [(target.name, target.weight) for target in alias.targets] == [
        ("openai/gpt-5-mini", 1),
        ("paris/org/model-7b", 3),
    ]
    assert (alias.strategy, alias.default_max_output) == ("weighted", 500)
    assert (alias.timeouts.connect_s, alias.timeouts.first_token_s, alias.timeouts.total_s) == (5, 10, 120)
    assert (alias.retry.attempts, alias.retry.backoff_s, alias.retry.backoff_s_max) == (3, 0.1, 4)


def test_prices_of_the_file_win_and_are_integers() -> None:
    snapshot = compiled()
    facts = snapshot.aliases["assistant"].targets[1].facts
    assert facts.price is not None
    assert {name: facts.price.buckets[name] for name in ("input", "output", "cache_read")} == {
        "input": 200_000,
        "output": 600_000,
        "cache_read": 20_000,
    }
    assert facts.max_output == 4096
    assert resolve_target(snapshot, "paris/org/model-7b").facts == facts


def test_everything_that_costs_can_be_priced() -> None:
    fields = {field.name for field in msgspec.structs.fields(PriceTable)}
    assert fields == {*get_args(BucketName), *UNITS, "per_call", *LIMIT_KEYS}


def test_known_models_have_the_prices_of_the_table() -> None:
    facts = compiled().aliases["assistant"].targets[0].facts
    assert facts.price is not None and facts.price.buckets["input"] > 0
    assert resolve_target(compiled(), "openai/no-such-model").facts.price is None


def test_a_price_can_be_of_a_call_or_a_use() -> None:
    text = (
        '[providers.mock]\nkind = "mock"\n[prices."mock/x"]\ninput = "1"\n'
        'per_call = "0.01"\nweb_search = "10"\ncontext_window = 8192\n'
    )
    facts = resolve_target(compiled(text), "mock/x").facts
    assert facts.price is not None
    assert (facts.price.per_call_pico_usd, facts.price.units) == (10**10, {"web_search": 10**10})
    assert facts.context_window == 8192


def test_limits() -> None:
    snapshot = compiled()
    (budget,), (rate,) = snapshot.budgets, snapshot.rate_limits
    assert (budget.limit_pico_usd, budget.max_cost_per_call_pico_usd) == (500 * 10**12, 10**12)
    assert (budget.window, budget.timezone, budget.when_near) == ("month", "Europe/Berlin", "clamp")
    assert (budget.scope.provider, budget.reserve_wait_s, budget.managed_by) == ("openai", 2.0, "file")
    assert (rate.limit, rate.unit, rate.window, rate.scope.user) == (60, "requests", "minute", "*")
    assert (snapshot.loop_guard.identical_calls, snapshot.loop_guard.spend_pico_usd) == (20, 5 * 10**12)
    assert (snapshot.limits.body_bytes_max, snapshot.on_hangup, snapshot.durability) == (
        1048576,
        "drain",
        "power",
    )


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        ({"limit": "7 USD"}, True),
        ({"when_near": "refuse"}, True),
        ({"name": "other"}, False),
        ({"window": "day"}, False),
        ({"timezone": "UTC"}, False),
        ({"scope": {"provider": "mock"}}, False),
    ],
)
def test_a_budget_is_the_same_meter_by_name_scope_window_and_zone(
    changes: dict[str, object], same: bool
) -> None:
    table = load(FILE).budgets[0]
    changed = msgspec.convert({**msgspec.to_builtins(table), **changes}, type(table))
    assert (budget_of(table).id == budget_of(changed).id) is same


def test_projects_keep_to_their_regions() -> None:
    snapshot = compiled()
    project = snapshot.project("support-bot")
    assert (project.models, project.record, project.retention_days) == (
        ("assistant", "mock/*"),
        "metadata",
        90,
    )
    admitted = admit(snapshot.aliases["assistant"].targets, project.label)
    assert [target.name for target in admitted.allowed] == ["paris/org/model-7b"]
    assert snapshot.project("another").label == Label()


def test_the_id_names_the_content_and_not_the_writing() -> None:
    one = compiled()
    assert compiled("# a comment\n" + FILE).id == one.id
    assert compiled(FILE.replace("seed = 7", "seed = 8")).id != one.id
    assert snapshot_id(one.document) == one.id
    again = compile_snapshot(from_json(one.document), today=TODAY)
    assert again == one


def test_direct_names_give_any_model_of_a_provider() -> None:
    snapshot = compiled()
    target = resolve_target(snapshot, "mock/anything/at-all")
    assert isinstance(target, Target)
    assert (target.provider.name, target.model) == ("mock", "anything/at-all")


@pytest.mark.parametrize(
    ("name", "close"),
    [("asistant", "assistant"), ("opanai/gpt", "openai/MODEL"), ("mock", "mock/MODEL"), ("", "")],
)
def test_a_name_of_nothing_gets_the_nearest_ones(name: str, close: str) -> None:
    with pytest.raises(NotFound) as caught:
        resolve_target(compiled(), name)
    assert caught.value.code == "model_not_found"
    assert close in caught.value.message


def test_names_resolve_to_aliases_and_repeated_ones_cost_a_lookup() -> None:
    snapshot = compiled()
    assert resolve_alias(snapshot, "assistant") is snapshot.aliases["assistant"]
    direct = resolve_alias(snapshot, "mock/x")
    assert direct is not None and [target.name for target in direct.targets] == ["mock/x"]
    assert resolve_alias(snapshot, "mock/x") is direct
    assert resolve_alias(snapshot, "nobody/x") is None
    assert nearest_names(snapshot, "asistant")[0] == "assistant"
    assert resolve_alias(snapshot, "mock/" + "a" * 5000) is None
    assert resolve_alias(snapshot, "mock/a\nb") is None
    assert model_not_found(snapshot, "a" * 5000).message.startswith("there is no model 'aaa")
    assert len(model_not_found(snapshot, "a" * 5000).message) < 300


def test_a_direct_name_never_comes_from_another_snapshot() -> None:
    one, two = compiled(), compiled(FILE.replace('input = "0.20"', 'input = "0.30"'))
    prices = [resolve_target(each, "paris/org/model-7b").facts.price for each in (one, two, one)]
    assert [price.buckets["input"] for price in prices if price] == [200_000, 300_000, 200_000]


def test_a_stored_document_keeps_its_id_and_an_unreadable_one_is_refused() -> None:
    snapshot = compiled()
    assert (
        compile_stored(snapshot.document, identity="of-another-version", today=TODAY).id
        == "of-another-version"
    )
    for document in (b'{"future": 1}', b"no json"):
        with pytest.raises(Misconfigured, match="snapshot s1 is not one that this version reads"):
            compile_stored(document, identity="s1", today=TODAY)


def test_without_a_file_the_environment_says_which_providers_there_are() -> None:
    document = default_document(
        {
            "OPENAI_API_KEY": "sk-canary",
            "GOOGLE_API_KEY": "canary",
            "MISTRAL_API_KEY": "x",
            "GROQ_API_KEY": " ",
        }
    )
    snapshot = compile_snapshot(document, today=TODAY)
    assert set(snapshot.providers) == {"openai", "google", "mistral", "mock"}
    assert snapshot.providers["google"].credential == "env:GOOGLE_API_KEY"
    assert b"canary" not in snapshot.document
    assert resolve_target(snapshot, "mock/echo").provider.kind == "mock"
    assert set(default_document({}).providers) == {"mock"}


def test_a_file_without_mock_has_none() -> None:
    assert "mock" not in compiled('[providers.a]\nkind = "openai"\napi_key = "env:A"\n').providers


def test_an_empty_file_is_a_configuration() -> None:
    snapshot = compiled("")
    assert (snapshot.providers, snapshot.aliases, snapshot.document) == ({}, {}, b"{}")


def test_secrets_are_resolved_apart_from_the_snapshot(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("sk-canary-file\n")
    text = "".join(
        f'[providers.{name}]\nkind = "openai"\napi_key = "{reference}"\n'
        for name, reference in {
            "a": "env:A",
            "b": f"file:{file}",
            "c": "env:C",
            "d": f"file:{tmp_path}/none",
            "e": "env:E",
            "f": f"file:{tmp_path}/empty",
        }.items()
    )
    (tmp_path / "empty").write_text("\n")
    snapshot = compiled(text + '[providers.mock]\nkind = "mock"\n')
    resolved = Secrets.resolve(snapshot, {"A": " sk-canary-a ", "E": "sk\r\nx-evil: canary"})
    found = {name: secret.reveal() for name, secret in resolved.found.items()}
    assert found == {"a": "sk-canary-a", "b": "sk-canary-file"}
    assert resolved.get("mock") is None and resolved.reason_missing("mock") is None
    assert resolved.reason_missing("c") == "the environment variable C of its api_key is not set"
    assert [line.partition(":")[0] for line in resolved.readiness()] == [
        f"provider {name} is left out" for name in "cdef"
    ]
    assert "No such file" in (resolved.reason_missing("d") or "")
    assert "no header can carry" in (resolved.reason_missing("e") or "")
    assert "is empty" in (resolved.reason_missing("f") or "")
    assert "canary" not in f"{resolved} {resolved.readiness()} {snapshot}"


def test_a_plan_says_what_changes() -> None:
    old = load(FILE)
    new = load(
        FILE.replace('limit = "500 USD"', 'limit = "600 USD"')
        .replace('limit = "60 requests"', 'limit = "61 requests"')
        .replace("seed = 7\n", "")
        .replace('on_hangup = "drain"', "")
        .replace("[projects.support-bot]", "[projects.sales-bot]")
    )
    assert [str(difference) for difference in plan(old, new)] == [
        "providers.mock changed: seed: 7 → unset",
        'projects.sales-bot added: models: unset → ["assistant","mock/*"], record: unset → "metadata", '
        'regions: unset → ["eu"], retention: unset → "90 days"',
        'projects.support-bot removed: models: ["assistant","mock/*"] → unset, record: "metadata" → unset, '
        'regions: ["eu"] → unset, retention: "90 days" → unset',
        'budgets.monthly changed: limit: "500 USD" → "600 USD" (what was spent stays)',
        'rate_limits.per-user changed: limit: "60 requests" → "61 requests"',
        'server changed: on_hangup: "drain" → unset',
    ]
    rescoped = load(FILE.replace('timezone = "Europe/Berlin"', 'timezone = "UTC"'))
    assert [difference.note for difference in plan(old, rescoped)] == [
        "a new meter, seeded from what was spent in its window"
    ]
    assert plan(old, old) == []


def test_a_plan_covers_every_table() -> None:
    empty, full = Document(), load(FILE)
    tables = {difference.object.partition(".")[0] for difference in plan(empty, full)}
    assert tables == {field.name for field in msgspec.structs.fields(Document)}


def test_the_keys_of_mock_are_keys_of_a_provider() -> None:
    fields = {field.name for field in msgspec.structs.fields(ProviderTable)}
    assert set(MOCK_KEYS) <= fields


def test_a_document_survives_its_json() -> None:
    document = load(FILE)
    assert from_json(normalised(document)) == document


def test_a_refusal_without_a_file_names_the_path() -> None:
    document = Document(providers={"a": ProviderTable(kind="openai-compatible")})
    with pytest.raises(Misconfigured, match=r"^providers\.a has no base_url"):
        compile_snapshot(document, today=TODAY)

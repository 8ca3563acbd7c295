"""Each command's output and each command's error, as they are kept in tests/cli/snapshots.

`HEADGATE_UPDATE_SNAPSHOTS=1` writes them again; then read the difference.
"""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.cli.kept_output import KeptOutput
from tests.cli.scripted_api import ScriptedApi, serving, surround

from headgate.cli.app import main

REQUEST: dict[str, Any] = {
    "id": "0197a1b2-0000-7000-8000-000000000001",
    "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
    "started_at": "2026-11-21T08:00:00.125Z",
    "project": "default",
    "key": "k1",
    "user": None,
    "session": None,
    "dialect": "openai-chat",
    "stream": True,
    "model": "assistant",
    "target": "openai/gpt-5-mini",
    "status": 200,
    "code": None,
    "attempts": 2,
    "duration_ms": 812,
    "first_token_ms": 240,
    "usage": {"input": 12, "cache_read": 0, "cache_write": 0, "output": 100, "reasoning": 0},
    "cost_usd": "0.000203",
    "estimated": False,
    "changes": [],
    "snapshot": "s1",
    "release": None,
    "prompts": [],
    "shadow": False,
}
UNPRICED: dict[str, Any] = {
    **REQUEST,
    "id": "0197a1b2-0000-7000-8000-000000000002",
    "cost_usd": None,
    "usage": None,
    "status": 502,
    "shadow": True,
}
DETAIL = {
    **REQUEST,
    "request": '{"model": "assistant"}',
    "response": "data: [DONE]",
    "attempts": [
        {"target": "gemini/gemini-3-flash", "status": 503, "code": "upstream_error", "reserved_usd": "0.01"},
        {
            "target": "openai/gpt-5-mini",
            "status": 200,
            "code": None,
            "reserved_usd": "0.02",
            "cost_usd": "0.000203",
        },
    ],
    "excluded": [{"target": "local/llama-3", "reason": "regions unknown lie outside eu"}],
    "steps": [
        {"step": "authenticate", "duration_us": 31},
        {"step": "read", "duration_us": 1204},
        {"step": "admit", "duration_us": 58},
        {"step": "reserve", "duration_us": 77, "target": "gemini/gemini-3-flash", "attempt": 1},
        {"step": "attempt", "duration_us": 102_400, "target": "gemini/gemini-3-flash", "attempt": 1},
        {"step": "reserve", "duration_us": 64, "target": "openai/gpt-5-mini", "attempt": 2},
        {"step": "attempt", "duration_us": 707_900, "target": "openai/gpt-5-mini", "attempt": 2},
        {"step": "settle", "duration_us": 96},
    ],
    "cost": {
        "items": [
            {
                "attempt": 2,
                "bucket": "input",
                "units": 12,
                "price_usd": "0.25",
                "per": 1_000_000,
                "amount_usd": "0.000003",
            },
            {
                "attempt": 2,
                "bucket": "output",
                "units": 100,
                "price_usd": "2",
                "per": 1_000_000,
                "amount_usd": "0.0002",
            },
        ],
        "prices": [
            {
                "attempt": 2,
                "target": "openai/gpt-5-mini",
                "source": "genai-prices 1.0",
                "date": "2026-11-21",
                "service_tier": None,
            }
        ],
        "unknown": None,
    },
}
BUDGET = {
    "name": "openai-monthly",
    "scope": {"provider": "openai"},
    "window": "month",
    "window_start": "2026-11-01T00:00:00Z",
    "window_end": "2026-12-01T00:00:00Z",
    "limit_usd": "500",
    "spent_usd": "412.50",
    "reserved_usd": "0.25",
    "overrun_usd": "0",
    "on_outage": "deny",
    "managed_by": "file",
}
KEY = {
    "id": "k1",
    "name": "bot",
    "project": "support",
    "role": "member",
    "user": None,
    "models": ["assistant", "openai/*"],
    "tags": [],
    "may_assert": True,
    "created_at": "2026-11-21T08:00:00.000Z",
    "expires_at": None,
}
PROVIDER = {
    "name": "openai",
    "kind": "openai",
    "base_url": "https://api.openai.com/v1",
    "regions": ["us"],
    "has_key": True,
    "state": "closed",
}
MODEL = {
    "id": "assistant",
    "strategy": "fallback",
    "targets": ["openai/gpt-5-mini", "gemini/gemini-3-flash"],
    "details": [
        {"target": "openai/gpt-5-mini", "price": {"per_million_usd": {"input": "0.25"}}},
        {"target": "gemini/gemini-3-flash", "price": None},
    ],
}
COST = {
    "project": "default",
    "model": "assistant",
    "requests": 3,
    "usage": {"input": 40, "output": 2},
    "cost_usd": "1.2",
}
CHANGES = [{"change": "changed", "path": "budgets.openai-monthly.limit", "old": "500 USD", "new": "600 USD"}]

CLERK = """
RULES = "You are a careful clerk. Answer in {language}, with a number."
KEY = "gsk_MADE-UP"

def ask(client, text):
    return client.chat.completions.create(
        model="gpt-4-0613",
        temperature=0.2,
        messages=[
            {"role": "system", "content": RULES.format(language="Dutch")},
            {"role": "user", "content": f"How much is this: {text}?"},
        ],
    )
""".replace("MADE-UP", "Zq8Rw2Lm5Xc9Vb4Nt7Ky3Hd6Js1Pf0Qw")


@pytest.fixture
def api() -> Iterator[ScriptedApi]:
    scripted = ScriptedApi()
    scripted.items("/api/v1/keys", KEY)
    scripted.items("/api/v1/budgets", BUDGET)
    scripted.items("/api/v1/requests", REQUEST, UNPRICED)
    scripted.items("/api/v1/providers", PROVIDER)
    scripted.items("/api/v1/models", MODEL)
    scripted.items("/api/v1/costs", COST)
    scripted.on("GET", f"/api/v1/requests/{REQUEST['id']}", DETAIL)
    scripted.on("POST", "/api/v1/keys", {**KEY, "key": "hg_k1_shown-once"}, status=201)
    rotated = {**KEY, "key": "hg_k1_shown-once", "earlier_until": "2026-11-21T09:00:00Z"}
    scripted.on("POST", "/api/v1/keys/k1/rotate", rotated)
    scripted.on("DELETE", "/api/v1/keys/k1", {"id": "k1", "revoked": True, "not_acknowledged": []})
    scripted.on("POST", "/api/v1/budgets", BUDGET, status=201)
    scripted.on("PATCH", "/api/v1/budgets/openai-monthly", BUDGET)
    scripted.on(
        "DELETE", "/api/v1/budgets/openai-monthly", {"name": "openai-monthly", "not_acknowledged": []}
    )
    scripted.on("POST", "/api/v1/config/plan", {"base": "s1", "snapshot": "s2", "changes": CHANGES})
    scripted.on(
        "POST", "/api/v1/config/apply", {"base": "s1", "snapshot": "s2", "seq": 2, "changes": CHANGES}
    )
    scripted.on("GET", "/healthz", {"status": "ok"})
    own: dict[str, Any] = {"syncs": True, "commits": "on", "synchronous": False, "standbys": 1, "waiting": []}
    scripted.on("GET", "/api/v1/status", {"database": own})
    scripted.on("GET", "/readyz", {"ready": False, "wrong": ["the database is away"], "warnings": []}, 503)
    scripted.items("/api/v1/alerts", {"kind": "journal.growing", "at": "2020-01-01T00:00:00Z"})
    with serving(scripted):
        yield scripted


@pytest.fixture(autouse=True)
def surroundings(api: ScriptedApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder and an environment with nothing in them but the scripted server's address."""
    surround(monkeypatch, api, tmp_path)
    (tmp_path / "headgate.toml").write_text(
        '[providers.openai]\nkind = "openai"\napi_key = "abcdefgh12345"\n'
    )
    (tmp_path / "litellm.yaml").write_text(LITELLM)
    (tmp_path / "agents").mkdir()
    (tmp_path / "agents" / "clerk.py").write_text(CLERK)
    (tmp_path / "agents" / "old.py").write_text("print 'hello'\n")


LITELLM = """
model_list:
  - model_name: gpt
    litellm_params: {model: openai/gpt-5-mini, api_key: os.environ/OPENAI_API_KEY, rpm: 60}
  - model_name: claude
    litellm_params: {model: anthropic/claude-haiku-4-5, api_key: sk-literal-secret, timeout: 30}
router_settings: {fallbacks: [{gpt: [claude]}], redis_host: cache}
litellm_settings: {max_budget: 100, budget_duration: 30d, drop_params: true}
"""

COMMANDS = {
    "keys-list": "keys list",
    "keys-list-json": "keys list --json",
    "keys-create": "keys create bot --project support --model assistant --budget '10 USD/month' --may-assert",
    "keys-create-no-window": "keys create bot --budget 10",
    "keys-create-no-name": "keys create",
    "keys-revoke": "keys revoke k1",
    "keys-rotate": "keys rotate k1 --earlier-lasts-s 3600",
    "keys-revoke-unknown": "keys revoke k9",
    "budgets-list": "budgets list",
    "budgets-set-new": "budgets set everyone --limit '10 USD' --window day --scope user=*",
    "budgets-set-known": "budgets set openai-monthly --limit '600 USD'",
    "budgets-set-bad-scope": "budgets set b --limit 1 --scope team=a",
    "budgets-delete": "budgets delete openai-monthly",
    "budgets-delete-unknown": "budgets delete other",
    "requests": "requests",
    "requests-list-json": "requests list --limit 1 --json",
    "requests-show": f"requests show {REQUEST['id']}",
    "requests-show-unknown": "requests show nothing",
    "providers": "providers",
    "models": "models",
    "costs": "costs --by project,model",
    "costs-json": "costs --json",
    "costs-environment": "costs --by project,model --environment production --project default",
    "plan": "plan",
    "plan-no-file": "plan missing.toml",
    "apply": "apply --yes",
    "apply-no-file": "apply missing.toml",
    "doctor": "doctor",
    "drill-list": "drill list",
    "drill-run-unknown": "drill run earthquake",
    "drill-run-no-server-here": "drill run kill-gateway --yes --data empty",
    "drill-run-no-stand-in": "drill run slow-provider",
    "import-litellm": "import litellm litellm.yaml",
    "import-litellm-missing": "import litellm missing.yaml",
    "scan": "scan agents",
    "scan-json": "prompts scan agents --json",
    "scan-missing": "scan nowhere",
    "scan-no-history": "scan agents --history --cache kept",
    "backup-nothing": "backup file.tar --data empty",
    "restore-nothing": "restore missing.tar --data empty",
    "upgrade-nothing": "upgrade --data empty",
    "up-no-port": "up --port 99999",
    "unknown-command": "kyes list",
    "unknown-option": "keys list --projct a",
}
KEPT = KeptOutput("snapshots", COMMANDS)


def split(line: str) -> list[str]:
    return shlex.split(line)


@pytest.mark.parametrize("name", COMMANDS)
def test_output_is_as_kept(
    name: str, api: ScriptedApi, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, errors = KEPT.check(name, api, capsys, lambda text: mask_disk(text.replace(str(tmp_path), "DIR")))
    if status:
        assert "hint: " in errors or name == "doctor"


def mask_disk(text: str) -> str:
    """Take out what differs from machine to machine: how full the disk is."""
    return re.sub(
        r"^\S+ +disk-has-room[^\n]*(\n {30}(why|fix):[^\n]*)*", "(disk-has-room)", text, flags=re.MULTILINE
    )


def test_no_snapshot_is_left_over() -> None:
    KEPT.assert_none_is_left_over()


def test_bodies_say_what_was_asked_for(api: ScriptedApi) -> None:
    assert main(split(COMMANDS["keys-create"])) == 0
    assert main(split(COMMANDS["budgets-set-new"])) == 0
    assert main(["apply", "--yes"]) == 0
    posted = {path: body for method, path, _, body in api.asked if method == "POST"}
    assert posted["/api/v1/keys"] == {
        "name": "bot",
        "project": "support",
        "models": ["assistant"],
        "may_assert": True,
        "budgets": [{"name": "bot-budget", "limit": "10 USD", "window": "month"}],
    }
    assert posted["/api/v1/budgets"] == {
        "name": "everyone",
        "window": "day",
        "limit": "10 USD",
        "scope": {"user": "*"},
    }
    assert posted["/api/v1/config/apply"]["base"] == "s1"
    assert posted["/api/v1/config/apply"]["toml"].startswith("[providers.openai]")


def test_filters_and_pages_are_asked_for_as_the_api_names_them(api: ScriptedApi) -> None:
    first = {"items": [REQUEST], "next": "c2"}
    api.on("GET", "/api/v1/requests", first)
    assert main(["requests", "list", "--from", "2026-11-21T00:00:00Z", "--user", "anna", "--limit", "2"]) == 0
    queries = [query for _, path, query, _ in api.asked if path == "/api/v1/requests"]
    assert queries[0] == {"from": "2026-11-21T00:00:00Z", "user": "anna", "limit": "2"}
    assert queries[1] == {"from": "2026-11-21T00:00:00Z", "user": "anna", "limit": "1", "next": "c2"}
    assert main(["requests", "--shadow", "no", "--limit", "1"]) == 0
    queries = [query for _, path, query, _ in api.asked if path == "/api/v1/requests"]
    assert queries[-1] == {"shadow": "no", "limit": "1"}


def test_no_server_is_a_status_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["keys", "list", "--url", "http://127.0.0.1:9"]) == 3
    assert "hint: start one with `headgate up`" in capsys.readouterr().err


def test_the_key_is_found_in_the_data_folder_when_the_environment_names_none(
    api: ScriptedApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HEADGATE_KEY")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "admin.key").write_text("hg_from_file\n")
    assert main(["keys", "list", "--data", "elsewhere"]) == 0
    assert api.bearer == "Bearer hg_from_file"


def test_version_is_the_installed_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["version"]) == 0
    assert capsys.readouterr().out.strip().count(".") == 2

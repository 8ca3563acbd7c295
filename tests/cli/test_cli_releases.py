"""The output and the errors of `headgate releases` and `headgate whatif`, as they are kept in
tests/cli/snapshots_releases. `HEADGATE_UPDATE_SNAPSHOTS=1` writes them again; then read the difference."""

import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from demo.repository import git
from tests.cli.kept_output import KeptOutput
from tests.cli.scripted_api import ScriptedApi, serving, surround

from headgate.cli.app import main

COMMIT = "0123456789abcdef0123456789abcdef01234567"
ONE, OTHER = "rel_0123456789abcdef0123", "rel_fedcba9876543210fedc"

RELEASE: dict[str, Any] = {
    "id": ONE,
    "project": "default",
    "name": "2026-11-21.1",
    "commit": COMMIT,
    "dirty": None,
    "note": "the first",
    "environment": "production",
    "created_at": "2026-11-21T08:00:00.000Z",
    "created_by": "k1",
    "parts": {"commit": "aa", "rules": "bb"},
}
MANIFEST = {
    "code": {
        "commit": COMMIT,
        "prompts": [{"path": "app.py", "symbol": "SYSTEM", "version": "aaaa11112222", "text": "Be kind."}],
        "parameters": [
            {"path": "app.py", "symbol": "ask", "name": "temperature", "value": "0.7", "call": "create"}
        ],
        "models": ["gpt-5-mini"],
        "dependencies": {"openai": "2.1.0"},
    },
    "pins": {"assistant": "shop/small"},
    "rules": [{"name": "calm", "version": 3}],
    "managed": {"greeting": {"labels": {"production": 2}, "newest": 3}},
    "prices": "genai-prices 1",
}
ENVIRONMENT: dict[str, Any] = {
    "project": "default",
    "name": "production",
    "release": ONE,
    "commit": COMMIT,
    "prompts": {"greeting": 2},
    "models": {"assistant": "shop/small"},
    "rules": ["calm@3"],
    "moved_at": "2026-11-21T09:00:00.000Z",
    "moved_by": "k1",
    "action": "promote",
    "previous": None,
    "why": "go",
}
UNRELEASED = {
    "project": "default",
    "environment": "production",
    "release": ONE,
    "prompt": "app.py:SYSTEM",
    "version": "bbbb11112222",
    "calls": 12,
    "last_at": "2026-11-21T09:30:00.000Z",
    "released": ["aaaa11112222"],
}
COMPARISON = {
    "a": RELEASE,
    "b": {**RELEASE, "id": OTHER},
    "parts": ["prompts", "pins", "rules"],
    "differences": [
        {
            "part": "prompts", "how": "changed", "name": "app.py:SYSTEM", "before": "aaaa11112222",
            "after": "bbbb11112222", "diff": "@@ -1 +1 @@\n-Be kind.\n+Be brief.",
        },
        {
            "part": "pins", "how": "changed", "name": "assistant", "before": "shop/small",
            "after": "shop/large",
        },
        {
            "part": "rules", "how": "changed", "name": "calm", "before": {"name": "calm", "version": 3},
            "after": {"name": "calm", "version": 4},
        },
        {"part": "models", "how": "added", "name": "gpt-5", "after": True},
    ],
    "calls_a": 1500,
    "calls_b": 20000,
    "sampled": True,
    "measures": [
        {"name": "errors", "sentence": "errors rose by 1.2 to 3.4 points (from 2.0 % to 4.3 %)"},
        {"name": "median latency", "sentence": "median latency: too few calls to tell (from 3 ms to 4 ms)"},
    ],
    "feedback": "none recorded",
    "method": "95 % intervals over the newest calls of each release.",
}  # fmt: skip
ANSWER: dict[str, Any] = {
    "from": "2026-11-14T08:00:00.000Z",
    "to": "2026-11-21T08:00:00.000Z",
    "calls": 3412,
    "looked_at": 3412,
    "complete": True,
    "seed": 1,
    "actual_usd": "12.5",
    "would_usd": {"value_usd": "1.25", "low_usd": "0.8123456", "high_usd": "2.000000001"},
    "change_usd": {"value_usd": "-11.25", "low_usd": "-11.7", "high_usd": "-10.5"},
    "exact": False,
    "unpriced_calls": 0,
    "refused_then": 0,
    "refused_calls": 3,
    "refused_usd": "0.01",
    "refused": ["0197a1b2-0000-7000-8000-000000000001"],
    "groups": [
        {
            "model": "assistant", "target": "shop/large", "new_target": "shop/small", "calls": 3412,
            "actual_usd": "12.5", "exact": False,
            "would_usd": {"value_usd": "1.25", "low_usd": "0.8123456", "high_usd": "2.000000001"},
        }
    ],
    "budgets": [
        {
            "name": "all", "scope": {"project": "default"}, "window": "month",
            "window_start": "2026-11-01T00:00:00Z", "window_end": "2026-12-01T00:00:00Z", "limit_usd": "1",
            "spent_usd": "0.99", "refused_calls": 3, "refused_usd": "0.01",
            "ended_at": "2026-11-20T17:00:00Z",
        }
    ],
    "methods": ["shop/large to shop/small: 0.50 to 2.00 times the tokens out (assumed)"],
}  # fmt: skip
EVENTS = f'event: progress\ndata: {{"done": 0, "of": 3412}}\n\nevent: answer\ndata: {json.dumps(ANSWER)}\n\n'

COMMANDS = {
    "create": "releases create --path shop --note 'the first' --pin assistant=shop/small",
    "create-json": "releases create --path shop --json",
    "create-dirty": "releases create --path dirty",
    "create-no-repository": "releases create --path empty",
    "create-bad-pin": "releases create --path shop --pin assistant",
    "list": "releases list",
    "show": f"releases show {ONE}",
    "show-unknown": "releases show rel_nothing",
    "promote": f"releases promote {ONE} --to production --why go",
    "promote-first": f"releases promote {ONE} --to staging",
    "promote-crossed": f"releases promote {OTHER} --to crossed",
    "rollback": "releases rollback production",
    "environments": "releases environments",
    "history": "releases history production",
    "status": "releases status",
    "status-unknown": "releases status nowhere",
    "compare": f"releases compare {ONE} {OTHER}",
    "whatif": "whatif --model assistant=shop/small --limit all=1 --price shop/small:input=1,output=2",
    "whatif-json": "whatif --since 2026-11-14T08:00:00Z --rules rules.toml --json",
    "whatif-bad-model": "whatif --model assistant",
    "whatif-bad-price": "whatif --price small:input=1",
    "whatif-no-rules": "whatif --rules missing.json",
}
KEPT = KeptOutput("snapshots_releases", COMMANDS)


class StreamingApi(ScriptedApi):
    """One that streams what-ifs."""

    def take(self, method: str, target: str, content: bytes) -> tuple[int, bytes]:
        status, answer = super().take(method, target, content)
        return (200, EVENTS.encode()) if target == "/api/v1/whatif/stream" else (status, answer)


@pytest.fixture
def api() -> Iterator[ScriptedApi]:
    scripted = StreamingApi()
    scripted.items("/api/v1/releases", RELEASE)
    scripted.on("GET", f"/api/v1/releases/{ONE}", {**RELEASE, "manifest": MANIFEST})
    scripted.on(
        "POST", "/api/v1/releases", {**RELEASE, "is_new": True, "counts": {"prompts": 2, "pins": 1}}, 201
    )
    scripted.items("/api/v1/environments", ENVIRONMENT)
    moved = {**ENVIRONMENT, "not_acknowledged": ["gateway 2"]}
    scripted.on("POST", "/api/v1/environments/production", moved)
    scripted.on("POST", "/api/v1/environments/staging", {**moved, "name": "staging", "not_acknowledged": []})
    refusal = {"code": "conflict", "message": "crossed stands at another by now", "hint": "look again"}
    scripted.on("POST", "/api/v1/environments/crossed", {"error": refusal}, 409)
    scripted.on("POST", "/api/v1/environments/production/rollback", moved)
    move = {"action": "promote", "release": ONE, "previous": None, "at": "2026-11-21T09:00:00.000Z"}
    scripted.items("/api/v1/environments/production/history", {**move, "actor": "k1", "why": "go"})
    status = {**ENVIRONMENT, "since": "2026-11-21T09:00:00.000Z", "unreleased": [UNRELEASED]}
    scripted.on("GET", "/api/v1/environments/production/status", status)
    scripted.on("GET", "/api/v1/releases/compare", COMPARISON)
    scripted.on("GET", "/api/v1/whoami", {"key": {"project": "default"}})
    with serving(scripted):
        yield scripted


@pytest.fixture(autouse=True)
def surroundings(api: ScriptedApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Repositories with commits that are the same everywhere, and the scripted server's address."""
    surround(monkeypatch, api, tmp_path)
    for name in ("shop", "dirty"):
        make_repository(tmp_path / name)
    (tmp_path / "dirty" / "new.py").write_text("X = 1\n")
    (tmp_path / "empty").mkdir()
    (tmp_path / "rules.toml").write_text(
        '[[rules]]\nname = "short"\nclamp = { max_output = { most = 10 } }\n'
    )


def make_repository(folder: Path) -> None:
    folder.mkdir()
    (folder / "app.py").write_text('SYSTEM = "You are a careful clerk. Answer with one number."\n')
    for arguments in (("init", "-q", "-b", "main"), ("add", "."), ("commit", "-q", "-m", "first")):
        git(folder, *arguments, at="2026-11-21T08:00:00Z")


@pytest.mark.parametrize("name", COMMANDS)
def test_output_of_releases_is_as_kept(
    name: str, api: ScriptedApi, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, errors = KEPT.check(name, api, capsys, lambda text: text.replace(str(tmp_path), "DIR"))
    if status:
        assert "hint: " in errors


def test_no_snapshot_of_releases_is_left_over() -> None:
    KEPT.assert_none_is_left_over()


def posted(api: ScriptedApi, path: str) -> Any:
    return next(body for method, asked, _, body in api.asked if (method, asked) == ("POST", path))


def test_a_release_is_sent_with_what_the_repository_holds(api: ScriptedApi) -> None:
    assert main(shlex.split(COMMANDS["create"])) == 0
    body = posted(api, "/api/v1/releases")
    assert [each["symbol"] for each in body["prompts"]] == ["SYSTEM"]
    assert (body["note"], body["pins"]) == ("the first", {"assistant": "shop/small"})
    assert len(body["commit"]) == 40
    assert "dirty" not in body


def test_a_promotion_says_from_where(api: ScriptedApi) -> None:
    assert main(shlex.split(COMMANDS["promote"])) == 0
    assert posted(api, "/api/v1/environments/production") == {"release": ONE, "expected": ONE, "why": "go"}
    assert main(shlex.split(COMMANDS["promote-first"])) == 0
    assert posted(api, "/api/v1/environments/staging") == {"release": ONE}


def test_what_is_asked_of_a_what_if_is_what_the_flags_say(api: ScriptedApi) -> None:
    assert main(shlex.split(COMMANDS["whatif"])) == 0
    body = posted(api, "/api/v1/whatif/stream")
    assert body.pop("from").startswith("20")
    assert body == {
        "models": {"assistant": "shop/small"},
        "prices": {"shop/small": {"input": "1", "output": "2"}},
        "limits": {"all": "1"},
        "calls_max": 20000,
        "seed": 1,
    }
    assert main(shlex.split(COMMANDS["whatif-json"])) == 0
    last = [body for _, path, _, body in api.asked if path == "/api/v1/whatif/stream"][-1]
    assert last["from"] == "2026-11-14T08:00:00Z"
    assert last["rules"] == [{"name": "short", "clamp": {"max_output": {"most": 10}}}]

"""`headgate rules`: what it sends, what it shows, and its errors."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.cli.scripted_api import ScriptedApi, serving, surround

from headgate.cli.app import main

RULE: dict[str, Any] = {
    "name": "calm",
    "version": 3,
    "match": {"model": "gpt-*", "headers": {"x-a": "1"}},
    "set": {"temperature": 0.2},
    "remove": ["seed"],
    "clamp": {"max_output": {"most": 2000.0}},
    "replace": [{"old": "a pirate", "new": "a clerk"}],
    "model": "cheap",
    "share": 0.1,
    "expires_at": "2026-12-01T00:00:00.000Z",
    "note": "it shouts",
    "template_versions": 0,
}
TEST: dict[str, Any] = {
    "rule": "rule calm@3",
    "begin": "2026-11-20T08:00:00.000Z",
    "calls": 40,
    "unreadable": 2,
    "matched": 12,
    "changed": 11,
    "fields": [
        {
            "field": "temperature",
            "calls": 11,
            "examples": [
                {"request": "r1", "before": 0.9, "after": 0.2},
                {"request": "r2", "before": None, "after": 0.2},
            ],
        }
    ],
    "refused": [{"reason": "residency: us lies outside eu", "calls": 3}],
    "left_alone": [{"reason": 'top_p is "x", no number to clamp', "calls": 1}],
    "priced": 9,
    "input_tokens_before": 100,
    "input_tokens_after": 100,
    "output_tokens_before": 900,
    "output_tokens_after": 450,
    "cost_before_usd": "0.02",
    "cost_after_usd": "0.011",
    "difference_usd": "-0.009",
    "requests": ["r1"],
    "headers_taken_to_fit": True,
    "more": True,
}


@pytest.fixture
def api() -> Iterator[ScriptedApi]:
    scripted = ScriptedApi()
    scripted.items("/api/v1/rules", RULE)
    scripted.on("GET", "/api/v1/rules/calm", RULE)
    made: dict[str, Any] = {**RULE, "not_acknowledged": []}
    scripted.on("POST", "/api/v1/rules", {**made, "version": 1}, status=201)
    scripted.on("PUT", "/api/v1/rules/calm", {**made, "version": 4, "not_acknowledged": ["gateway 2"]})
    scripted.on("DELETE", "/api/v1/rules/calm", {"name": "calm", "not_acknowledged": []})
    first = {"version": 1, "created_at": "2026-11-20T08:00:00.000Z", "created_by": "k1"}
    scripted.items(
        "/api/v1/rules/calm/versions", {**first, "version": 2, "rule": None}, {**first, "rule": RULE}
    )
    scripted.on("POST", "/api/v1/rules/test", TEST)
    with serving(scripted):
        yield scripted


@pytest.fixture(autouse=True)
def surroundings(api: ScriptedApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    surround(monkeypatch, api, tmp_path)


def shown(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """Standard output and error of a command that ends well, without spaces at the ends of lines."""
    assert main(["rules", *words]) == 0
    captured = capsys.readouterr()
    return "\n".join(line.rstrip() for line in (captured.out + captured.err).splitlines())


def failed(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["rules", *words]) != 0
    return capsys.readouterr().err


def sent(api: ScriptedApi, method: str) -> Any:
    (body,) = [body for asked, _, _, body in api.asked if asked == method]
    return body


def test_the_list(capsys: pytest.CaptureFixture[str], api: ScriptedApi) -> None:
    lines = shown(capsys, "list").splitlines()
    assert lines[0].split() == ["name", "version", "matches", "does", "share", "expires"]
    assert " ".join(lines[1].split()) == (
        "calm 3 model=gpt-* headers=x-a=1 temperature=0.2, no seed, max_output within ..2000, 1 texts "
        "replaced, model cheap 10 % 2026-12-01 00:00:00"
    )
    api.items("/api/v1/rules")
    assert "No rules: calls go as they come." in shown(capsys, "list")


def test_one_in_full(capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(capsys, "show", "calm")
    assert "note               it shouts" in text
    assert text.endswith("replace\na pirate\nwith\na clerk")
    assert "there is no" in failed(capsys, "show", "none")


def test_flags_are_what_the_api_is_sent(capsys: pytest.CaptureFixture[str], api: ScriptedApi) -> None:
    words = (
        "set new --project p --model gpt-* --tag t --header x-a=1=2 --set temperature=0 --set stop=END "
        '--set response_format={"type":"text"} --remove seed --clamp max_output=..2000 --clamp top_p=0.1..1 '
        "--pin cheap --share 10% --expires 2026-12-01T00:00:00Z --note why"
    )
    assert shown(capsys, *words.split(), "--replace", "a => b => c") == "rule new is made: version 1"
    assert sent(api, "POST") == {
        "name": "new",
        "match": {"project": "p", "model": "gpt-*", "tag": "t", "headers": {"x-a": "1=2"}},
        "set": {"temperature": 0, "stop": "END", "response_format": {"type": "text"}},
        "remove": ["seed"],
        "clamp": {"max_output": {"most": 2000.0}, "top_p": {"least": 0.1, "most": 1.0}},
        "replace": [{"old": "a", "new": "b => c"}],
        "model": "cheap",
        "share": 0.1,
        "expires_at": "2026-12-01T00:00:00Z",
        "note": "why",
    }


def test_a_rule_that_is_there_is_put_in_place(capsys: pytest.CaptureFixture[str], api: ScriptedApi) -> None:
    text = shown(capsys, "set", "calm", "--set", "temperature=0")
    assert text == "rule calm is changed: version 4\ngateway gateway 2 does not apply it yet"
    assert sent(api, "PUT") == {"set": {"temperature": 0}}


FILE = """
name = "sober"
model = "cheap"
expires_at = 2099-01-01T00:00:00Z
replace = [{ old = "a pirate", new = "a clerk" }]

[match]
template = "app.py:SYSTEM"

[clamp]
temperature = { most = 1 }
"""


def test_a_file_holds_a_rule_and_flags_come_before_it(
    capsys: pytest.CaptureFixture[str], api: ScriptedApi, tmp_path: Path
) -> None:
    (tmp_path / "rule.toml").write_text(FILE)
    assert "rule sober is made" in shown(capsys, "set", "-f", "rule.toml", "--pin", "large")
    assert sent(api, "POST") == {
        "name": "sober",
        "match": {"template": "app.py:SYSTEM"},
        "clamp": {"temperature": {"most": 1}},
        "replace": [{"old": "a pirate", "new": "a clerk"}],
        "model": "large",
        "expires_at": "2099-01-01T00:00:00+00:00",
    }
    assert "has the rule 'sober'" in failed(capsys, "set", "other", "-f", "rule.toml")


def test_what_a_rule_would_change(capsys: pytest.CaptureFixture[str], api: ScriptedApi) -> None:
    assert shown(capsys, "test", "calm", "--since", "2026-11-20T08:00:00Z", "--limit", "40") == (
        "40 calls since 2026-11-20 08:00:00; there are more: 12 match, 11 would change\n"
        "2 have no whole body on record and were not looked at\n"
        "headers are not on record: they are taken to fit\n"
        "\n"
        "field        calls  before  after\n"
        "temperature     11  0.9     0.2\n"
        "                    -       0.2\n"
        "\n"
        "would be refused\n"
        "calls  reason\n"
        "    3  residency: us lies outside eu\n"
        "\n"
        "left alone\n"
        "calls  reason\n"
        '    1  top_p is "x", no number to clamp\n'
        "\n"
        "estimated over 9 calls: 100 -> 100 tokens in, 900 -> 450 out, $0.02 -> $0.011 ($-0.009)"
    )
    assert sent(api, "POST") == {"name": "calm", "since": "2026-11-20T08:00:00Z", "limit": 40}


def test_history_and_deletion(capsys: pytest.CaptureFixture[str]) -> None:
    lines = [" ".join(line.split()) for line in shown(capsys, "history", "calm").splitlines()]
    assert lines[1] == "2 2026-11-20 08:00:00 k1 - deleted -"
    assert lines[2].startswith("1 2026-11-20 08:00:00 k1 model=gpt-*")
    assert shown(capsys, "delete", "calm") == "rule calm is deleted"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["set", "--set", "seed=1"], "the rule has no name"),
        (["set", "a", "--set", "seed"], "write --set NAME=VALUE"),
        (["set", "a", "--clamp", "top_p=1"], "write LEAST..MOST"),
        (["set", "a", "--clamp", "top_p=a..b"], "write LEAST..MOST"),
        (["set", "a", "--clamp", "top_p=.."], "write LEAST..MOST"),
        (["set", "a", "--replace", "old"], "OLD => NEW"),
        (["set", "a", "--share", "some"], "write such as `10%`"),
        (["set", "a", "--expires", "soon"], "write a span such as"),
        (["set", "a", "-f", "none.toml"], "none.toml can't be read"),
        (["set", "a", "-f", "broken.toml"], "broken.toml is no TOML"),
        (["test"], "no rule is said"),
        (["delete", "none"], "there is no"),
    ],
)
def test_errors_end_with_a_hint(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "broken.toml").write_text("a = = 1")
    error = failed(capsys, *words)
    assert said in error
    assert "\nhint: " in error

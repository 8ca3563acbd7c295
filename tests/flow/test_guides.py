"""Every block of README and of the guides is run as a reader would, and prints what it is said to print."""

import gzip
import json
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from demo.running import Running, headgate
from genai_prices import Usage, calc_price
from tests.flow.guide_runner import ROOT, GuideRun, blocks_of, matches, steps_of

GUIDES = [ROOT / "README.md", *sorted((ROOT / "docs" / "guides").glob("*.md"))]
CONCEPTS = sorted((ROOT / "docs" / "concepts").glob("*.md"))

REPLAYED = """
[providers.openai]
kind = "replay"
price_provider = "openai"
file = "openai.jsonl"

[providers.google]
kind = "replay"
price_provider = "google"
file = "google.jsonl"

[[budgets]]
name = "openai-monthly"
scope = {{ provider = "openai" }}
limit = "{limit} USD"
window = "total"
"""
FALLBACK = "gemini-2.5-pro-preview-05-06"
LOOKED_AT = {"README", "console"}
"""Guides to what one looks at or goes on from; tests/browser walks the console."""
MODELS = ("gpt-4o", "gpt-4o-mini", "gpt-4.1-mini", "gpt-4.1-nano", "gpt-5-mini")


@pytest.mark.timeout(240)
@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.stem)
def test_a_guide_does_what_it_says(guide: Path, scratch_path: Path, request: pytest.FixtureRequest) -> None:
    text = guide.read_text(encoding="utf-8")
    environment: dict[str, str] = {}
    if "$DATABASE_URL" in text:
        environment["DATABASE_URL"] = request.getfixturevalue("database_url")
    run = GuideRun(scratch_path, environment)
    try:
        run.run(text)
    finally:
        run.close()
    assert run.outputs or guide.stem in LOOKED_AT, "a guide without a command shows nothing"


@pytest.mark.parametrize("page", [*GUIDES, *CONCEPTS], ids=lambda path: path.stem)
def test_a_page_names_only_files_that_there_are(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for part in text.split("](")[1:]:
        link = part.partition(")")[0].partition("#")[0]
        if link and "://" not in link:
            assert (page.parent / link).exists(), f"{page.name} links to {link}"


def test_the_runner_sees_what_differs() -> None:
    assert matches(["a ... c", "...", "z"], ["a b c", "d", "e", "z"])
    assert not matches(["a"], ["a", "b"])
    assert not matches(["a", "..."], ["b"])
    block = next(blocks_of("text\n```console\n$ one\nout\n$ two\n^C\n```\n"))
    assert [step.command for step in steps_of(block)] == ["one", "two", "^C"]
    with tempfile.TemporaryDirectory(prefix="hg-") as folder, pytest.raises(AssertionError, match="shows"):
        GuideRun(Path(folder)).run("```console\n$ echo one\ntwo\n```\n")


@pytest.mark.timeout(180)
def test_the_first_hour_on_real_traffic(recorded_path: Path, scratch_path: Path) -> None:
    """The guide's claims, on what OpenAI and Google really answered, with prices computed independently."""
    asked = _real_calls(recorded_path, scratch_path)
    aliases = "".join(
        f'[models."{model}"]\ntargets = ["openai/{model}", "google/{FALLBACK}"]\n' for model in MODELS
    )
    with headgate(REPLAYED.format(limit="2") + aliases, folder=scratch_path) as house:
        key = house.make_key()
        with httpx.Client(base_url=house.url, timeout=60, trust_env=False) as client:
            bearer = {"authorization": f"Bearer {key}"}
            answers = [client.post("/v1/chat/completions", json=body, headers=bearer) for body in asked]
        assert {answer.status_code for answer in answers} == {200}
        targets = [answer.headers["x-headgate-target"].partition("/")[0] for answer in answers]
        middle = targets.index("google")
        assert 10 < middle < len(asked) - 10, "the budget runs out in the middle"
        _agree(house, answers)


def _real_calls(recorded_path: Path, place: Path) -> list[dict[str, Any]]:
    """Write what each provider answered into a file of its own; return OpenAI's requests, as often as to
    spend a budget on them."""
    with gzip.open(recorded_path, "rt") as lines:
        exchanges = [json.loads(line) for line in lines]
    chats = [
        one
        for one in exchanges
        if one["dialect"] == "openai-chat" and one["status"] == 200 and not one["stream"]
    ]
    chosen = {
        "openai": [one for one in chats if one["provider"] == "openai" and one["request"]["model"] in MODELS],
        "google": [one for one in chats if one["provider"] == "google"],
    }
    for provider, found in chosen.items():
        assert found, f"no exchange of {provider} is recorded"
        (place / f"{provider}.jsonl").write_text("".join(json.dumps(one) + "\n" for one in found))
    requests = [one["request"] for one in chosen["openai"] if _is_bounded(one["request"])]
    return (requests * 10)[:300]


def _is_bounded(request: dict[str, Any]) -> bool:
    return "image_url" not in json.dumps(request) and "input_audio" not in json.dumps(request)


def _agree(house: Running, answers: list[httpx.Response]) -> None:
    """Answers, records, costs and the budget, against the price table itself, to the last digit."""
    records = {record["id"]: record for record in house.wait_for_requests(len(answers))}
    assert len(records) == len(answers)
    sums: dict[str, Decimal] = {}
    for answer in answers:
        target = answer.headers["x-headgate-target"]
        cost = _price_of(target, answer.json()["usage"])
        record = records[answer.headers["x-headgate-request-id"]]
        assert Decimal(answer.headers["x-headgate-cost-usd"]) == cost, (target, answer.json()["usage"])
        assert Decimal(record["cost_usd"]) == cost
        assert (record["target"], record["estimated"]) == (target, False)
        sums[target] = sums.get(target, Decimal(0)) + cost
    costs = house.get("/costs", group_by="target")["items"]
    assert {row["target"]: Decimal(row["cost_usd"]) for row in costs} == sums
    spent = sum((cost for target, cost in sums.items() if target.startswith("openai/")), Decimal(0))
    budget = house.get("/budgets")["items"][0]
    assert Decimal(budget["spent_usd"]) == spent <= Decimal(budget["limit_usd"])
    assert Decimal(budget["overrun_usd"]) == 0


def _price_of(target: str, usage: dict[str, Any]) -> Decimal:
    """What the price table says of the usage in an answer. Google counts its thinking into the total only."""
    provider, _, model = target.partition("/")
    given: dict[str, int] = usage.get("prompt_tokens_details") or {"cached_tokens": 0}
    read = Usage(
        input_tokens=usage["prompt_tokens"],
        cache_read_tokens=given["cached_tokens"],
        output_tokens=usage["total_tokens"] - usage["prompt_tokens"],
    )
    return calc_price(
        read, model, provider_id=provider, genai_request_timestamp=datetime.now(UTC)
    ).total_price


def test_commands_named_in_the_guides_exist() -> None:
    named = {
        step.command
        for guide in GUIDES
        for block in blocks_of(guide.read_text(encoding="utf-8"))
        if block.kind == "console"
        for step in steps_of(block)
        if step.command.startswith("headgate ")
    }
    asked = [sys.executable, "-m", "headgate.cli.app", "--help"]
    listed = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
    assert {command.split()[1] for command in named} <= set(listed.split())

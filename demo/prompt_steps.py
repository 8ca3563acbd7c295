"""The steps of the tour about prompts: found in code, known on the wire, changed by rules, released whole."""

import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from demo.repository import git
from demo.running import chat
from demo.stage import Stage

PROGRAM = '''
SYSTEM = """You are the clerk of {shop}, a shop for old maps.
Answer in %s, and never promise a date of delivery."""


def answer(client, shop, letter):
    return client.chat.completions.create(
        model="assistant",
        temperature=0.9,
        messages=[
            {"role": "system", "content": SYSTEM.format(shop=shop)},
            {"role": "user", "content": letter},
        ],
    )
'''
NAME = "clerk.py:SYSTEM"
SHOP = "Mercator"
SOON_S = 15.0


def prompts(stage: Stage) -> None:
    """Prompts are found in the code, and each call says which one of which commit it used."""
    check = stage.claims.check
    with tempfile.TemporaryDirectory(prefix="hg-maps-") as folder:
        first, second = _commit(folder, "Dutch"), _commit(folder, "French")
        found = [json.loads(line) for line in stage.house.command("scan", folder, "--json").splitlines()]
        symbols = [each for each in found if each.get("symbol") == "SYSTEM"]
        check("`headgate scan` finds the prompt, with its holes", symbols[0]["holes"] == ["shop"], NAME)
        stage.house.command("prompts", "push", folder, "--source", "maps", "--cache", f"{folder}/.git/cache")
    for language, commit in (("Dutch", first), ("French", second)):
        answer = _ask(stage, stage.key, language)
        used = _recorded(stage, answer, lambda record: record["prompts"])["prompts"][0]
        shown = f"{used['name']} {used['version']}, commit {used['last_commit'][:8]}, {used['values']}"
        known = used["name"] == NAME and used["last_commit"] == commit and used["values"] == {"shop": SHOP}
        check(f"the call in {language} is known by prompt, version, commit and values", known, shown)


def rules(stage: Stage) -> None:
    """A rule changes a hard-coded temperature on the way; the record shows before and after."""
    check, api = stage.claims.check, stage.house.api
    answer = api.post("/rules", json={"name": "calm", "set": {"temperature": 0.2}, "share": 1.0})
    check("a rule is in force as soon as it is made", answer.status_code == 201, answer.status_code)
    record = _recorded(stage, _ask(stage, stage.key, "Dutch", temperature=0.9), lambda one: one["request"])
    change = record["overrides"][0]
    check("the provider was sent 0.2", record["request"]["temperature"] == 0.2)
    shown = f"{change['field']}: {change['before']} -> {change['after']} by {change['source']}"
    check("the record says what was changed, and by what", change["before"] == 0.9, shown)
    tried = stage.house.command("rules", "test", "--clamp", "max_output=..10")
    check("`headgate rules test` says what a rule would do to recorded calls", "would change" in tried)
    check("a rule that is deleted holds no more", api.delete("/rules/calm").status_code == 200)


def managed(stage: Stage) -> None:
    """A managed prompt is rendered by the gateway, by name and label, in any dialect."""
    check, api = stage.claims.check, stage.house.api
    version = {
        "messages": [{"role": "system", "content": "Greet {{name}} in the name of {{shop}}."}],
        "model": "assistant",
        "parameters": {"temperature": 0.3},
        "labels": ["production"],
    }
    check(
        "a version is made and labelled",
        api.post("/prompts/greeting/versions", json=version).status_code == 201,
    )
    prompt = {"name": "greeting", "version": "production", "variables": {"name": "Anna", "shop": SHOP}}
    record = _recorded(
        stage, chat(stage.house.url, stage.key, "assistant", prompt=prompt), lambda one: one["request"]
    )
    sent = record["request"]["messages"][0]["content"]
    check("the provider got the text", sent == f"Greet Anna in the name of {SHOP}.", sent)
    used = record["prompts"][0]
    check(
        "the record names prompt and version", used["name"] == "greeting", f"{used['name']}@{used['version']}"
    )


def releases(stage: Stage) -> None:
    """A release moves prompts, pins and rules at once, and back, within a second."""
    check, house = stage.claims.check, stage.house
    key = house.make_key("shop", environment="production")
    with tempfile.TemporaryDirectory(prefix="hg-maps-") as folder:
        made: list[str] = []
        for language, pin in (("Dutch", "cheap/small"), ("French", "anthropic/claude-sonnet")):
            _commit(folder, language)
            created = stage.house.command("releases", "create", "--path", folder, "--pin", f"assistant={pin}")
            made.append(created.strip())
            stage.house.command("releases", "promote", made[-1], "--to", "production")
            answer = chat(house.url, key, "assistant", max_tokens=20)
            carried = answer.headers.get("x-headgate-release") == made[-1]
            check(
                f"calls of the environment belong to release {made[-1][:12]}",
                carried and answer.headers["x-headgate-target"] == pin,
                answer.headers["x-headgate-target"],
            )
    compared = stage.house.command("releases", "compare", *made)
    check("`headgate releases compare` says what differs", "assistant" in compared)
    began = time.monotonic()
    back = house.api.post("/environments/production/rollback", json={})
    took = time.monotonic() - began
    answer = chat(house.url, key, "assistant", max_tokens=20)
    check(
        "rolled back, everywhere, within a second",
        answer.headers.get("x-headgate-release") == made[0] and took < 1,
        f"{back.status_code}, {took * 1000:.0f} ms",
    )


def _ask(stage: Stage, key: str, language: str, **fields: Any) -> Any:
    system = (
        f"You are the clerk of {SHOP}, a shop for old maps.\n"
        f"Answer in {language}, and never promise a date of delivery."
    )
    messages: Any = [{"role": "system", "content": system}, {"role": "user", "content": "Where is my atlas?"}]
    return chat(stage.house.url, key, "assistant", messages=messages, **fields)


def _recorded(stage: Stage, answer: Any, enough: Callable[[Any], object]) -> Any:
    """The record of a call, once it holds what is asked for."""
    assert answer.status_code == 200, answer.text
    deadline = time.monotonic() + SOON_S
    while True:
        found = stage.house.api.get(f"/requests/{answer.headers['x-headgate-request-id']}")
        if found.status_code == 200 and enough(found.json()):
            return found.json()
        assert time.monotonic() < deadline, found.text
        time.sleep(0.05)


def _commit(folder: str, language: str) -> str:
    if not (Path(folder) / ".git").exists():
        git(folder, "init", "-q", "-b", "main")
    (Path(folder) / "clerk.py").write_text(PROGRAM % language)
    git(folder, "add", "clerk.py")
    git(folder, "commit", "-q", "-m", f"The clerk answers in {language}")
    return git(folder, "rev-parse", "HEAD")


STEPS = (prompts, rules, managed, releases)

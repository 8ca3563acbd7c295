"""Manifests: the same content is the same release, each part has its digest, and what differs is named."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.releases.manifests import (
    DIFF_LINES_MAX,
    ID_CHARACTERS,
    differences,
    digests_of,
    release_id,
    text_diff,
)
from headgate.releases.model import (
    CodeFacts,
    Environment,
    ManagedInRelease,
    Manifest,
    ParameterInCode,
    PromptInCode,
    Release,
    ToolInCode,
    fixed_by,
)
from headgate.releases.rules import Clamp, Rule

GREETING = PromptInCode(path="app.py", symbol="GREETING", version="aaaa", text="Say hello.\nBe kind.")
PARAMETER = ParameterInCode(path="app.py", symbol="ask", name="temperature", value="0.7", call="create")
CODE = CodeFacts(
    commit="a" * 40,
    prompts=(GREETING,),
    parameters=(PARAMETER,),
    models=("gpt-5",),
    tools=(ToolInCode(path="app.py", name="search", version="t1"),),
    dependencies={"openai": "2.1.0"},
)
CALM = Rule(name="calm", version=3, clamp={"temperature": Clamp(most=0.5)})
WHOLE = Manifest(
    code=CODE,
    pins={"assistant": "mock/small"},
    rules=(CALM,),
    managed={"greeting": ManagedInRelease(labels={"production": 2, "staging": 4}, newest=5)},
    prices="genai-prices 1",
)

CHANGES: dict[str, Manifest] = {
    "commit": msgspec.structs.replace(WHOLE, code=msgspec.structs.replace(CODE, commit="b" * 40)),
    "prompts": msgspec.structs.replace(WHOLE, code=msgspec.structs.replace(CODE, prompts=())),
    "parameters": msgspec.structs.replace(WHOLE, code=msgspec.structs.replace(CODE, parameters=())),
    "models": msgspec.structs.replace(WHOLE, code=msgspec.structs.replace(CODE, models=("gpt-6",))),
    "tools": msgspec.structs.replace(WHOLE, code=msgspec.structs.replace(CODE, tools=())),
    "pins": msgspec.structs.replace(WHOLE, pins={"assistant": "mock/large"}),
    "rules": msgspec.structs.replace(WHOLE, rules=(msgspec.structs.replace(CALM, version=4),)),
    "managed": msgspec.structs.replace(WHOLE, managed={}),
    "dependencies": msgspec.structs.replace(
        WHOLE, code=msgspec.structs.replace(CODE, dependencies={"openai": "2.2.0"})
    ),
    "prices": msgspec.structs.replace(WHOLE, prices="genai-prices 2"),
}


def made(manifest: Manifest, **fields: Any) -> Release:
    said = {"name": "", "dirty": "", "note": "", "label": "", "created_at": "", "created_by": ""}
    return Release(
        project="default",
        id=release_id(digests_of(manifest)),
        commit=manifest.code.commit,
        parts=digests_of(manifest),
        manifest=manifest,
        **{**said, **fields},
    )


@pytest.mark.parametrize("part", CHANGES)
def test_what_changes_changes_its_part_and_no_other_and_the_id(part: str) -> None:
    before, after = digests_of(WHOLE), digests_of(CHANGES[part])
    assert {name for name in before if before[name] != after[name]} == {part}
    assert release_id(before) != release_id(after)
    assert {each.part for each in differences(WHOLE, CHANGES[part])} == {part}
    assert {each.part for each in differences(CHANGES[part], WHOLE)} == {part}


@given(st.permutations(["b", "a", "c"]))
def test_order_of_what_was_found_says_nothing(order: list[str]) -> None:
    prompts = tuple(PromptInCode(path=f"{name}.py", symbol="X", version=name, text=name) for name in order)
    pins = {name: f"mock/{name}" for name in order}
    code = msgspec.structs.replace(CODE, prompts=prompts, models=tuple(order))
    one = Manifest(code=code, pins=pins)
    prompts_sorted = tuple(sorted(prompts, key=lambda each: each.path))
    other = Manifest(
        code=msgspec.structs.replace(CODE, prompts=prompts_sorted, models=tuple(sorted(order))),
        pins=dict(sorted(pins.items())),
    )
    assert release_id(digests_of(one)) == release_id(digests_of(other))
    assert differences(one, other) == []


def test_the_same_content_has_the_same_id_for_ever() -> None:
    identity = release_id(digests_of(WHOLE))
    assert len(identity) == ID_CHARACTERS
    assert identity == release_id(digests_of(msgspec.json.decode(msgspec.json.encode(WHOLE), type=Manifest)))


def test_a_changed_prompt_shows_its_lines() -> None:
    changed = msgspec.structs.replace(GREETING, version="bbbb", text="Say hello.\nBe brief.")
    new = PromptInCode(path="app.py", symbol="NEW", version="cccc", text="Be new.")
    after = msgspec.structs.replace(WHOLE, code=msgspec.structs.replace(CODE, prompts=(changed, new)))
    found = {each.name: each for each in differences(WHOLE, after)}
    assert found["app.py:GREETING"].how == "changed"
    assert (found["app.py:GREETING"].before, found["app.py:GREETING"].after) == ("aaaa", "bbbb")
    assert "-Be kind.\n+Be brief." in found["app.py:GREETING"].diff
    assert found["app.py:NEW"].how == "added"
    assert found["app.py:NEW"].diff.endswith("+Be new.")


def test_namesakes_are_told_apart() -> None:
    twice = (GREETING, msgspec.structs.replace(GREETING, version="bbbb", text="Other."))
    after = msgspec.structs.replace(WHOLE, code=msgspec.structs.replace(CODE, prompts=twice))
    (found,) = differences(WHOLE, after)
    assert (found.name, found.how, found.after) == ("app.py:GREETING#2", "added", "bbbb")


def test_a_long_diff_is_cut() -> None:
    lines = text_diff("", "\n".join(map(str, range(1000)))).splitlines()
    assert len(lines) == DIFF_LINES_MAX + 1
    assert lines[-1] == "... 601 more lines"


def test_an_environment_gets_all_that_the_release_fixes() -> None:
    found = fixed_by(made(WHOLE), "production")
    assert found == Environment(
        project="default",
        name="production",
        release=release_id(digests_of(WHOLE)),
        commit="a" * 40,
        prompts={"greeting": 2},
        models={"assistant": "mock/small"},
        rules=(CALM,),
    )


@pytest.mark.parametrize(
    ("name", "label", "version"),
    [("staging", "", 4), ("canary", "staging", 4), ("canary", "", 5), ("production", "staging", 2)],
)
def test_a_managed_prompts_version_is_that_of_the_environments_label_else_the_releases_else_the_newest(
    name: str, label: str, version: int
) -> None:
    assert fixed_by(made(WHOLE, label=label), name).prompts == {"greeting": version}

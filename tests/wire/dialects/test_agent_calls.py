"""What a coding agent of Anthropic's dialect says beyond a chat crosses into every other dialect."""

import json
from typing import Any

import msgspec
import pytest

from headgate.core.call import AnyDialect
from headgate.core.quirks import PLAIN, Quirks
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.registry import CODECS

OTHERS = [dialect for dialect in CODECS if dialect != "anthropic"]
MARK = {"cache_control": {"type": "ephemeral"}}
USER = json.dumps({"device_id": "9" * 64, "session_id": "72cb4b4c-1a7f-4078-8fd4-a794c963574f"})


def asked() -> dict[str, Any]:
    """A call as Claude Code 2.1.330 makes it in its second turn, with its texts cut short."""
    schema = {"type": "object", "properties": {"file_path": {"type": "string"}}, "required": ["file_path"]}
    read = {"name": "Read", "description": "Reads a file", "input_schema": schema}
    later = {"name": "Later", "description": "Loaded later", "input_schema": {"type": "object"}}
    use = {"type": "tool_use", "id": "toolu_1", "name": "Read", "input": {"file_path": "a.py"}}
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "x = 1", **MARK}
    return {
        "model": "m",
        "max_tokens": 32000,
        "stream": True,
        "system": [
            {"type": "text", "text": "You are an agent."},
            {"type": "text", "text": "Be brief.", **MARK},
        ],
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "Mend it."}]},
            {"role": "system", "content": "# Environment\nYou are in a folder."},
            {"role": "assistant", "content": [{"type": "text", "text": "I look."}, use]},
            {"role": "user", "content": [result]},
            {"role": "system", "content": [{"type": "text", "text": "The file has changed.", **MARK}]},
        ],
        "tools": [read, {**later, "defer_loading": True}],
        "thinking": {"type": "adaptive", "display": "updates"},
        "output_config": {"effort": "high"},
        "context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
        "metadata": {"user_id": USER},
    }


def crossed(
    dialect: AnyDialect, body: dict[str, Any] | None = None, quirks: Quirks = PLAIN
) -> tuple[str, Changes]:
    changes = Changes()
    call = CODECS["anthropic"].read_call(msgspec.json.encode(body or asked()))
    return CODECS[dialect].write_call(call, quirks, changes).decode(), changes


@pytest.mark.parametrize("dialect", OTHERS)
def test_nothing_of_it_changes_the_meaning(dialect: AnyDialect) -> None:
    body, changes = crossed(dialect)
    assert [str(change) for change in changes.of_weight("meaning")] == []
    places = [body.index(text) for text in ("Mend it.", "# Environment", "I look.", "has changed.")]
    assert places == sorted(places)


@pytest.mark.parametrize("dialect", OTHERS)
def test_trap_48_the_name_of_its_user_goes_to_no_other_provider(dialect: AnyDialect) -> None:
    body, changes = crossed(dialect)
    assert "device_id" not in body
    assert "user" in [change.what for change in changes.of_weight("loss")]


@pytest.mark.parametrize("dialect", ["openai-chat", "openai-responses", "google", "bedrock"])
def test_trap_38_an_effort_without_thinking_is_not_missed_by_a_model_that_does_not_think(
    dialect: AnyDialect,
) -> None:
    body = asked()
    _, changes = crossed(dialect, body, Quirks(thinking="none"))
    assert "does not think" in str(changes.of_weight("meaning")[0])
    del body["thinking"]
    _, changes = crossed(dialect, body, Quirks(thinking="none"))
    assert not changes.of_weight("meaning")
    assert "does not think" in " ".join(str(change) for change in changes.of_weight("loss"))

"""Across dialects: a sample of all that was recorded. All of it: `tests/attack/test_attack_across.py`."""

from typing import Any

from tests.wire.dialects import across_walk as answers
from tests.wire.dialects import request_walk as requests
from tests.wire.dialects.provider_rules import broken_rules

from headgate.core.quirks import Quirks


def test_the_official_sdks_hear_what_was_recorded_in_every_callers_dialect():
    table = answers.walk(every=12)
    unexplained = [fault for fault in table.faults if fault[2] not in answers.REASONS]
    assert not unexplained, unexplained[:10]
    assert sum(table.heard.values()) > 450
    assert len({(source, target) for _, source, target in table.heard}) == 20, "a pair of dialects is missing"


def test_recorded_calls_pass_the_types_and_the_rules_of_every_provider():
    table = requests.walk(every=14)
    assert not table.faults, table.faults[:10]
    assert sum(table.heard.values()) > 3000
    kinds = {aim.name for aim in requests.aims()}
    assert {target for _, _, target in table.heard} == kinds, "a target is missing"


def test_strict_schemas_are_those_that_openai_takes():
    for aim in requests.aims():
        if aim.name.startswith(("openai ", "azure-openai ")):
            assert aim.quirks.schema_subset == "openai-strict", aim.name


def test_the_rules_tell_a_call_that_breaks_them():
    """What each of them is for, so that none of them holds for everything."""
    calls = [{"id": "c" * 41, "type": "function", "function": {"name": "a.b", "arguments": "{}"}}]
    schema: Any = {"type": "object", "properties": {"a": {}}}
    body: Any = {
        "messages": [
            {"role": "user", "content": "hi"},
            {"role": "assistant", "tool_calls": calls},
            {"role": "developer", "content": "so"},
        ],
        "max_tokens": 5,
        "seed": 1,
        "n": 2,
        "temperature": 2,
        "tool_choice": "required",
        "response_format": {"type": "json_schema", "json_schema": {"strict": True, "schema": schema}},
    }
    quirks = Quirks(
        has_developer_role=False,
        is_system_first=True,
        takes_prefill=False,
        choices_max=1,
        temperature_max=1.0,
        refused_sampling=frozenset({"seed"}),
        takes_forced_tool=False,
        schema_subset="openai-strict",
    )
    broken = [rule.partition(":")[0] for rule in broken_rules("openai-chat", body, quirks)]
    assert broken == [
        "41", "41", "25, 30", "24", "31", "29", "39", "40", "40", "43", "28", "28", "44", "44",
    ]  # fmt: skip

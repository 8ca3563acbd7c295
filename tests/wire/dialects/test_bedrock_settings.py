"""Settings, thinking, schemas and what stands beside them, written for Bedrock."""

import json
from typing import Any

import msgspec
import pytest
from tests.wire.dialects.bedrock_writing import LOOK, call_of, told, write

from headgate.core.chat import (
    Native,
    OutputFormat,
    Sampling,
    Thinking,
)
from headgate.core.quirks import PLAIN, Quirks

THINKING: list[tuple[Quirks, Thinking, Any]] = [
    (Quirks(thinking="budget"), Thinking(budget_tokens=2000),
     {"thinking": {"type": "enabled", "budget_tokens": 2000}}),
    (Quirks(thinking="budget"), Thinking(effort="low"),
     {"thinking": {"type": "enabled", "budget_tokens": 2048}}),
    (Quirks(thinking="budget"), Thinking(budget_tokens=0), {"thinking": {"type": "disabled"}}),
    (Quirks(thinking="adaptive", efforts=("low", "medium")), Thinking(effort="minimal"),
     {"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}}),
    (Quirks(thinking="adaptive"), Thinking(effort="none"), {"thinking": {"type": "disabled"}}),
    (Quirks(thinking="level"), Thinking(effort="medium"),
     {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "medium"}}),
    (Quirks(thinking="level"), Thinking(effort="none"), {"reasoningConfig": {"type": "disabled"}}),
    (Quirks(thinking="effort", efforts=("low", "high")), Thinking(effort="xhigh"),
     {"reasoning_effort": "high"}),
]  # fmt: skip


@pytest.mark.parametrize(("quirks", "thinking", "fields"), THINKING)
def test_trap_38_thinking_is_asked_for_as_the_model_takes_it(quirks: Quirks, thinking: Thinking, fields: Any):
    body, changes = write(call_of(thinking=thinking, max_output=4000), quirks)
    assert body["additionalModelRequestFields"] == fields
    assert not told(changes)


def test_trap_38_a_model_that_does_not_think_is_told_of():
    body, changes = write(call_of(thinking=Thinking(effort="high")), Quirks(thinking="none"))
    assert "additionalModelRequestFields" not in body
    assert told(changes) == ["thinking"]


def test_trap_38_a_model_that_thinks_takes_no_small_top_p():
    call = call_of(thinking=Thinking(budget_tokens=2000), max_output=4000, sampling=Sampling(top_p=0.5))
    body, changes = write(call, Quirks(thinking="budget"))
    assert "topP" not in body["inferenceConfig"]
    assert told(changes) == ["top_p"]


def test_trap_39_the_default_limit_is_told():
    body, changes = write(call_of(), Quirks(output_limit_default=8192))
    assert body["inferenceConfig"] == {"maxTokens": 8192}
    assert told(changes, "note") == ["max_tokens"]
    assert "inferenceConfig" not in write(call_of())[0]


def test_trap_40_43_settings_that_bedrock_has_not_are_told():
    sampling = Sampling(temperature=1.5, seed=1, choices=2, frequency_penalty=1.0, logprobs=True)
    body, changes = write(call_of(sampling=sampling), Quirks(temperature_max=1.0))
    assert body["inferenceConfig"] == {"temperature": 1.0}
    assert sorted(told(changes)) == ["choices", "frequency_penalty", "logprobs", "seed", "temperature"]


def test_trap_44_a_schema_is_a_text_there():
    schema: Any = {"type": "object", "properties": {"a": {"type": "integer"}}}
    body, changes = write(call_of(output=OutputFormat(kind="schema", name="N", schema=schema, strict=True)))
    text_format = body["outputConfig"]["textFormat"]
    assert text_format["type"] == "json_schema"
    assert text_format["structure"]["jsonSchema"]["name"] == "N"
    assert json.loads(text_format["structure"]["jsonSchema"]["schema"]) == schema
    assert not told(changes)
    for output, quirks in (
        (OutputFormat(kind="json"), PLAIN),
        (OutputFormat(kind="schema", schema=schema), Quirks(schema="instruction")),
    ):
        body, changes = write(call_of(output=output), quirks)
        assert "outputConfig" not in body
        assert told(changes) == ["response_format"]
    assert "outputConfig" not in write(call_of(output=OutputFormat(kind="text")))[0]


def test_trap_44_a_tools_strictness_is_kept_where_the_model_keeps_it():
    strict = msgspec.structs.replace(LOOK, strict=True)
    body, changes = write(call_of(tools=(strict,)))
    assert body["toolConfig"]["tools"][0]["toolSpec"]["strict"] is True
    body, changes = write(call_of(tools=(strict,)), Quirks(schema="tool"))
    assert "strict" not in body["toolConfig"]["tools"][0]["toolSpec"]
    assert told(changes, "loss") == ["tools[0].strict"]


def test_trap_48_what_other_dialects_say_beside_is_told():
    native = Native(dialect="openai-chat", fields={"metadata": {"a": "b"}, "verbosity": "low", "store": None})
    _, changes = write(call_of(user="u", service_tier="flex", native=native))
    assert sorted(told(changes, "loss")) == ["metadata", "service_tier", "user"]
    assert told(changes) == ["verbosity"]
    _, changes = write(call_of(service_tier="auto"))
    assert not list(changes)

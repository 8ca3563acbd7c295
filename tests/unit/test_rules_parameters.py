"""Where the effective value of a parameter came from: caller, code, library, rule, prompt, default."""

from typing import Any

import pytest

from headgate.catalog.defaults import default_rows, defaults_of
from headgate.core.call import Dialect, Operation
from headgate.core.faults import InvalidRequest
from headgate.records.parameters import CallFacts, CodeSettings, effective_parameters
from headgate.releases.parameters import check_name, known_names, place_for
from headgate.wire.parameters import NAMES, PARAMETERS, parameters_in, path_of, place_of

CODE = CodeSettings(
    source="app",
    kind="repository",
    parameters=[
        {"path": "app/chat.py", "line": 7, "name": "temperature", "value": "0.2"},
        {"path": "app/other.py", "line": 9, "name": "top_p", "value": "0.5"},
        {"path": "app/chat.py", "line": 8, "name": "max_tokens", "value": "LIMIT"},
        {"path": "app/chat.py", "line": 3, "name": "stop", "value": "'END'"},
    ],
)
LIBRARY = CodeSettings(
    source="mem0ai",
    kind="library",
    parameters=[{"path": "mem0/embed.py", "line": 4, "name": "embedding_dims", "value": "1536"}],
)
PROMPTS = [
    {"name": "app/chat.py:SYSTEM", "kind": "code", "source": "app"},
    {"name": "mem0/embed.py:ASK", "kind": "code", "source": "mem0ai"},
]


def sources(sent: dict[str, Any] | None, **facts: Any) -> dict[str, tuple[Any, str]]:
    given: dict[str, Any] = {"dialect": "openai-chat", "operation": "chat", "model": "m", **facts}
    found = effective_parameters(CallFacts(sent=sent, **given))
    return {each.name: (each.value, each.source) for each in found}


def test_a_value_that_is_written_beside_a_matched_prompt_comes_from_there() -> None:
    sent = {"temperature": 0.2, "top_p": 0.5, "max_output": 100, "stop": ["END"], "dimensions": 1536}
    assert sources(sent, prompts=PROMPTS, settings=[CODE, LIBRARY]) == {
        "temperature": (0.2, "code app/chat.py:7"),
        "top_p": (0.5, "code app/other.py:9"),
        "max_output": (100, "caller"),
        "stop": (["END"], "code app/chat.py:3"),
        "dimensions": (1536, "library mem0ai mem0/embed.py:4"),
    }


def test_another_value_or_no_matched_prompt_is_the_callers() -> None:
    assert sources({"temperature": 0.3}, prompts=PROMPTS, settings=[CODE])["temperature"][1] == "caller"
    assert sources({"temperature": 0.2}, settings=[CODE])["temperature"][1] == "caller"
    assert sources({"temperature": True}, prompts=PROMPTS, settings=[CODE])["temperature"][1] == "caller"


def test_the_last_change_is_the_source_and_the_first_tells_what_the_caller_sent() -> None:
    overrides = [
        {"source": "rule a@1", "field": "max_tokens", "before": 9, "after": 8},
        {"source": "rule b@2", "field": "max_tokens", "before": 8, "after": 7},
        {"source": "rule b@2", "field": "messages[0].content", "before": "x", "after": "y"},
        {"source": "rule b@2", "field": "model", "before": "x", "after": "y"},
    ]
    (found,) = effective_parameters(
        CallFacts(
            dialect="openai-chat", operation="chat", model="m", sent={"max_output": 7}, overrides=overrides
        )
    )
    assert (found.name, found.value, found.source, found.before) == ("max_output", 7, "rule b@2", 9)


def test_a_documented_default_holds_only_for_what_was_not_sent() -> None:
    found = sources({"temperature": 0.3}, model="gpt-4o-2024-08-06")
    assert found["temperature"] == (0.3, "caller")
    assert found["top_p"] == (1, "default")
    assert sources({}, model="llama-3") == {}
    assert sources(None, model="gpt-4o") == {}, "nothing is said where nothing is on record"


def test_every_default_has_a_source_a_date_and_a_name_that_its_operation_knows() -> None:
    for row in default_rows():
        assert row.source.startswith("https://")
        assert row.date >= "2026-11-21"
        for name in row.values:
            for dialect in row.dialects:
                place = place_of(name, dialect, row.operation)
                assert place is not None or (dialect, name) in {("google", "encoding_format")}
    assert defaults_of("openai", "embeddings", "text-embedding-3-large")["dimensions"] == 3072
    assert defaults_of("openai-chat", "chat", "gpt-5-mini") == {"reasoning_effort": "medium", "n": 1}


def test_each_name_leads_to_its_path_and_back() -> None:
    for dialect, names in NAMES.items():
        for path, name in names.items():
            assert name in PARAMETERS
            assert place_for(path, dialect, PARAMETERS[name].operations[0]) == path_of(path, dialect)


@pytest.mark.parametrize(
    ("dialect", "operation", "name", "path"),
    [
        ("openai-chat", "chat", "max_output", "max_completion_tokens"),
        ("openai-responses", "chat", "reasoning_effort", "reasoning.effort"),
        ("openai", "completions", "max_output", "max_tokens"),
        ("openai", "embeddings", "dimensions", "dimensions"),
        ("anthropic", "chat", "stop", "stop_sequences"),
        ("google", "chat", "max_output", "generationConfig.maxOutputTokens"),
        ("google", "embeddings", "dimensions", "outputDimensionality"),
    ],
)
def test_where_a_parameter_stands(dialect: Dialect, operation: Operation, name: str, path: str) -> None:
    place = place_of(name, dialect, operation)
    assert place is not None
    assert ".".join(spellings[0] for spellings in place) == path


def test_a_parameter_means_nothing_to_other_operations_and_dialects() -> None:
    assert place_of("temperature", "openai", "embeddings") is None
    assert place_of("seed", "anthropic", "chat") is None
    assert place_for("generationConfig.topK", "openai-chat", "chat") is None
    assert place_for("body.guided_json.x", "openai-chat", "chat") == (("guided_json",), ("x",))


def test_what_stands_in_a_body_goes_by_canonical_names() -> None:
    google = (
        b'{"contents":[],"tools":[],"generation_config":{"top_p":1,"thinkingConfig":{"thinkingBudget":5},'
        b'"speechConfig":{"a":1}},"safetySettings":[]}'
    )
    assert parameters_in("google", google) == {
        "top_p": 1,
        "reasoning_budget": 5,
        "generation_config.speechConfig": {"a": 1},
        "safetySettings": [],
    }
    batch = b'{"requests":[{"model":"m","content":{},"outputDimensionality":3},{"outputDimensionality":4}]}'
    assert parameters_in("google", batch) == {"dimensions": 3}
    assert parameters_in("openai-chat", b'{"max_tokens":null,"seed":1,"metadata":{"a":"b"}}') == {"seed": 1}
    assert parameters_in("openai-chat", b"[]") == parameters_in("openai-chat", b"\xff") == {}


def test_parameters_are_bounded_in_number_and_size() -> None:
    many = b"{" + b",".join(b'"a%d":1' % number for number in range(1000)) + b"}"
    assert len(parameters_in("openai-chat", many)) == 64
    long = b'{"response_format":"' + b"x" * 5000 + b'"}'
    assert parameters_in("openai-chat", long) == {"response_format": "(5002 bytes)"}
    deep = b'{"seed":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    assert parameters_in("openai-chat", deep) == {}


@pytest.mark.parametrize("name", known_names())
def test_every_known_name_may_be_written(name: str) -> None:
    check_name(name, "set")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("temprature", "the nearest are temperature"),
        ("model", "write `model` of the rule"),
        ("messages", "use `replace` for text"),
        ("body.stream", "no parameter"),
        ("a b", "no name of a parameter"),
        ("", "no name of a parameter"),
        ("x" * 300, "no name of a parameter"),
        (".".join("abcdefghi"), "no name of a parameter"),
        ("guided_json", "Write `body.guided_json`"),
    ],
)
def test_a_name_that_is_none_is_refused_with_the_nearest(name: str, said: str) -> None:
    with pytest.raises(InvalidRequest, match=said):
        check_name(name, "set")

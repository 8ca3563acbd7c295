"""The texts of messages in every dialect, and what a record says of their prompts."""

import json
from typing import Any

import pytest

from headgate.prompts.catalogue.entries import (
    ENTRIES_MAX,
    VALUE_CHARACTERS_MAX,
    VALUES_CHARACTERS_MAX,
    Named,
    coverage_of,
    cut_values,
    entries_of,
    merged,
)
from headgate.prompts.catalogue.texts import TEXTS_MAX, MessageText, texts_of
from headgate.prompts.matching.model import HoleValue, MatchedPiece

DIALECTS: list[tuple[str, dict[str, Any], list[tuple[int | None, str, str]]]] = [
    (
        "openai-chat",
        {
            "messages": [
                {"role": "developer", "content": "Be brief."},
                {
                    "role": "user",
                    "content": [{"type": "text", "text": "One"}, {"type": "text", "text": "two"}],
                },
                {"role": "assistant", "content": None, "tool_calls": []},
                {"role": "tool", "content": "what a tool said"},
                {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:"}}]},
            ]
        },
        [(0, "system", "Be brief."), (1, "user", "One\ntwo")],
    ),
    (
        "openai-responses",
        {
            "instructions": "Be brief.",
            "input": [
                {"role": "system", "content": [{"type": "input_text", "text": "Really."}]},
                {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Yes"}]},
                {"type": "function_call_output", "output": "no message"},
            ],
        },
        [(None, "system", "Be brief."), (0, "system", "Really."), (1, "assistant", "Yes")],
    ),
    ("openai-responses", {"input": "Only this."}, [(None, "user", "Only this.")]),
    (
        "anthropic",
        {
            "system": [{"type": "text", "text": "Be brief."}, {"type": "text", "text": "Always."}],
            "messages": [
                {"role": "user", "content": "Hello"},
                {"role": "assistant", "content": [{"type": "thinking", "thinking": "hm"}]},
                {"role": "user", "content": [{"type": "tool_result", "content": "no text"}]},
            ],
        },
        [(None, "system", "Be brief.\nAlways."), (0, "user", "Hello")],
    ),
    ("anthropic", {"system": "Be brief.", "messages": []}, [(None, "system", "Be brief.")]),
    (
        "google",
        {
            "systemInstruction": {"parts": [{"text": "Be brief."}]},
            "contents": [
                {"parts": [{"text": "Hello"}, {"inlineData": {}}]},
                {"role": "model", "parts": [{"text": "thought", "thought": True}, {"text": "Yes"}]},
            ],
        },
        [(None, "system", "Be brief."), (0, "user", "Hello"), (1, "assistant", "Yes")],
    ),
    ("google", {"system_instruction": {"parts": {"text": "Be brief."}}}, [(None, "system", "Be brief.")]),
    ("openai", {"prompt": "Once upon a time"}, [(None, "user", "Once upon a time")]),
    ("openai", {"input": "to be embedded"}, []),
]


@pytest.mark.parametrize(("dialect", "body", "expected"), DIALECTS)
def test_texts_are_read_in_every_dialect(
    dialect: str, body: dict[str, Any], expected: list[tuple[int | None, str, str]]
) -> None:
    found = texts_of(dialect, json.dumps(body).encode())
    assert [(each.index, each.role, each.text) for each in found] == expected


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"messages": 7}',
        b'{"messages": [7, null, {"role": 3, "content": {}}]}',
        b'{"messages": [{"role": "user", "content": [7, {"type": "text", "text": 9}]}]}',
        b'{"messages": [{"role": "user", "content": "cut in the mid',
        b"\xff\xfe",
        b"[" * 100_000,
    ],
)
@pytest.mark.parametrize("dialect", ["openai-chat", "openai-responses", "anthropic", "google", "openai"])
def test_what_is_no_body_has_no_texts(dialect: str, body: bytes) -> None:
    assert texts_of(dialect, body) == []


def test_of_very_long_calls_the_beginning_and_the_end_are_read() -> None:
    messages = [{"role": "user", "content": f"message {number}"} for number in range(2 * TEXTS_MAX)]
    found = texts_of("openai-chat", json.dumps({"messages": messages}).encode())
    assert len(found) == TEXTS_MAX
    assert (found[0].index, found[-1].index) == (0, 2 * TEXTS_MAX - 1)


def named(symbol: str, coverage: float, **values: str) -> Named:
    return Named(
        source="shop",
        path="clerk.py",
        symbol=symbol,
        versions=("a" * 12,),
        first_commit="1",
        last_commit="2",
        values=values,
        coverage=coverage,
        exact=True,
    )


def test_what_instructs_the_model_most_names_the_call() -> None:
    found = [
        (MessageText(1, "user", "u"), [named("ASK", 1.0)]),
        (MessageText(0, "system", "s"), [named("SMALL", 0.2), named("LARGE", 0.8)]),
        (MessageText(2, "assistant", "a"), [named("SHOT", 1.0)]),
    ]
    entries = entries_of(found, {"shop": "f" * 40})
    assert [each.name.partition(":")[2] for each in entries] == ["LARGE", "SMALL", "ASK", "SHOT"]
    assert {each.commit for each in entries} == {"f" * 40}
    before = [{"name": "greeting", "kind": "managed"}, {"name": "old", "kind": "code"}]
    assert [each["name"] for each in merged(before, entries[:1])] == ["greeting", "clerk.py:LARGE"]


def test_values_and_entries_are_bounded() -> None:
    cut = cut_values({"letter": "x" * 5000, "nul": "a\0b"})
    assert (len(cut["letter"]), cut["letter"][-1], cut["nul"]) == (VALUE_CHARACTERS_MAX, "…", "a\ufffdb")
    many = [(MessageText(n, "user", "u"), [named(f"S{n}", 1.0, **cut)]) for n in range(2 * ENTRIES_MAX)]
    entries = entries_of(many, {})
    assert len(entries) == ENTRIES_MAX
    assert (
        sum(len(value) for each in entries for value in each.values.values()) <= VALUES_CHARACTERS_MAX + 200
    )


def test_coverage_counts_each_character_once() -> None:
    piece = MatchedPiece(
        source="shop",
        path="clerk.py",
        symbol="RULES",
        versions=("a" * 12,),
        first=0,
        last=1,
        start=0,
        end=40,
        values={},
        exact=True,
        literals=((0, 10), (20, 30)),
        holes=(HoleValue(name="a", start=10, end=20), HoleValue(name="b", start=25, end=40)),
    )
    assert coverage_of(piece, 80) == 0.5

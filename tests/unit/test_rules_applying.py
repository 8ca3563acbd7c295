"""Override rules on bodies: what changes, what never does, and in which order rules hold."""

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.core.call import Dialect
from headgate.releases.applying import Applied, RuleSet, Subject, compile_rules, part_of
from headgate.releases.editing import Body, Wanted, edit
from headgate.releases.rules import Rule
from headgate.releases.texts import Replacement, ascii_text, replace, texts_at
from headgate.wire.model import CallFacts
from headgate.wire.reading import read_call
from headgate.wire.routes import match

SUBJECT = Subject(project="default", now_ms=1000, sticky=b"user anna", resolves=lambda name: name != "gone")
CHAT = "/v1/chat/completions"


def facts_of(body: bytes | dict[str, Any], path: str = CHAT) -> CallFacts:
    route = match("POST", path)
    assert route is not None
    return read_call(route, [], body if isinstance(body, bytes) else json.dumps(body).encode())


def rules_of(*said: dict[str, Any]) -> RuleSet:
    named = [{"name": f"r{number}", "version": number, **each} for number, each in enumerate(said)]
    return compile_rules([msgspec.convert(each, Rule) for each in named])


def applied(facts: CallFacts, *said: dict[str, Any], **subject: Any) -> Applied | None:
    return rules_of(*said).apply(msgspec.structs.replace(SUBJECT, **subject), facts)


def changed(body: bytes | dict[str, Any], *said: dict[str, Any], path: str = CHAT, **subject: Any) -> bytes:
    found = applied(facts_of(body, path), *said, **subject)
    assert found is not None
    return found.body


def chat(**fields: Any) -> dict[str, Any]:
    return {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}], **fields}


ODD = (
    b'{ "temperature" : 1.50 ,"a":"\\u00e9 \\/","model":"gpt-4o","messages":[ ] '
    b', "seed":1e0 , "big":12345678901234567890 }'
)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"set": {"temperature": 0}}, ODD.replace(b"1.50", b"0")),
        ({"remove": ["temperature"]}, ODD.replace(b' "temperature" : 1.50 ,', b"")),
        ({"remove": ["seed"]}, ODD.replace(b' , "seed":1e0', b"")),
        ({"remove": ["body.big"]}, ODD.replace(b' , "big":12345678901234567890', b"")),
        ({"remove": ["temperature", "body.a"]}, ODD.replace(ODD[1 : ODD.index(b'"model"')], b"")),
        ({"clamp": {"temperature": {"most": 1}}}, ODD.replace(b"1.50", b"1")),
        ({"clamp": {"temperature": {"least": 1.75}}}, ODD.replace(b"1.50", b"1.75")),
        ({"set": {"top_p": 0.5}}, ODD.replace(b"7890 }", b'7890,"top_p":0.5 }')),
        ({"model": "b"}, ODD.replace(b'"gpt-4o"', b'"b"')),
    ],
)
def test_no_other_byte_changes(rule: dict[str, Any], expected: bytes) -> None:
    assert changed(ODD, rule) == expected


@pytest.mark.parametrize(
    "rule",
    [
        {"set": {"temperature": 1.5}},
        {"remove": ["top_p"]},
        {"clamp": {"temperature": {"least": 0, "most": 2}}},
        {"clamp": {"top_p": {"most": 0.1}}},
        {"replace": [{"old": "nowhere", "new": "x"}]},
        {"model": "gpt-4o"},
    ],
)
def test_what_is_so_already_is_no_change(rule: dict[str, Any]) -> None:
    found = applied(facts_of(ODD), rule)
    assert found is not None
    assert (found.body, found.overrides, found.notes) == (ODD, (), ())


@pytest.mark.parametrize("number", [b"1e400", b"-1e999", b"1" * 5000])
def test_a_number_that_no_machine_holds_is_set_and_never_clamped(number: bytes) -> None:
    body = b'{"model":"m","temperature":' + number + b"}"
    assert changed(body, {"set": {"temperature": 1}}) == b'{"model":"m","temperature":1}'
    found = applied(facts_of(body), {"clamp": {"temperature": {"most": 1}}})
    assert found is not None
    assert (found.body, found.overrides) == (body, ())
    assert "no number to clamp" in found.notes[0]


@pytest.mark.parametrize(
    ("path", "body", "said", "expected"),
    [
        (
            CHAT,
            {"max_tokens": 9, "max_completion_tokens": 8},
            5,
            {"max_tokens": 5, "max_completion_tokens": 5},
        ),
        (CHAT, {}, 5, {"max_completion_tokens": 5}),
        (CHAT, {"max_tokens": None}, 5, {"max_tokens": None, "max_completion_tokens": 5}),
        ("/v1/responses", {"input": "a"}, 5, {"input": "a", "max_output_tokens": 5}),
        ("/v1/messages", {"max_tokens": 9}, 5, {"max_tokens": 5}),
    ],
)
def test_an_output_limit_in_each_dialect(
    path: str, body: dict[str, Any], said: int, expected: dict[str, Any]
) -> None:
    got = json.loads(changed({"model": "m", **body}, {"set": {"max_output": said}}, path=path))
    assert got == {"model": "m", **expected}


GOOGLE = "/v1beta/models/m:generateContent"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"{}", b'{"generationConfig":{"thinkingConfig":{"thinkingBudget":5}}}'),
        (
            b'{"generationConfig":null}',
            b'{"generationConfig":{"thinkingConfig":{"thinkingBudget":5}}}',
        ),
        (
            b'{"generation_config": {"temperature":1 }}',
            b'{"generation_config": {"temperature":1,"thinkingConfig":{"thinkingBudget":5} }}',
        ),
        (
            b'{"generationConfig":{"thinking_config":{"thinking_budget":9}}}',
            b'{"generationConfig":{"thinking_config":{"thinking_budget":5}}}',
        ),
    ],
)
def test_googles_nested_parameters_in_both_spellings(body: bytes, expected: bytes) -> None:
    assert changed(body, {"set": {"reasoning_budget": 5}}, path=GOOGLE) == expected


def test_several_nested_changes_of_one_object_hold_together() -> None:
    rule = {"set": {"temperature": 0, "top_k": 3}, "remove": ["top_p"]}
    body = b'{"generationConfig":{"topP":1,"temperature":1}}'
    assert changed(body, rule, path=GOOGLE) == b'{"generationConfig":{"temperature":0,"topK":3}}'


def test_thinking_is_switched_on_with_its_budget_and_never_against_the_caller() -> None:
    rule = {"set": {"reasoning_budget": 2000}}
    body: dict[str, Any] = {"model": "m", "max_tokens": 4000, "messages": []}
    got = json.loads(changed(body, rule, path="/v1/messages"))
    assert got["thinking"] == {"type": "enabled", "budget_tokens": 2000}
    found = applied(facts_of({**body, "thinking": {"type": "disabled"}}, "/v1/messages"), rule)
    assert found is not None
    assert found.overrides == ()
    assert found.notes == ('rule r0@0 left alone: thinking.type is not "enabled"',)


def test_what_cannot_be_is_left_alone_while_the_rest_is_done() -> None:
    rule = {
        "set": {"seed": 1, "reasoning_budget": 2, "generationConfig.topK": 1},
        "clamp": {"top_p": {"most": 1}},
        "model": "gone",
    }
    found = applied(facts_of(chat(top_p="high")), rule)
    assert found is not None
    assert json.loads(found.body) == chat(top_p="high", seed=1)
    assert [note.partition(": ")[2] for note in found.notes] == [
        "reasoning_budget is no parameter of openai-chat",
        "generationConfig.topK is no parameter of openai-chat",
        'top_p is "high", no number to clamp',
        "there is no model gone",
    ]
    broken = facts_of({"contents": [], "toolConfig": [1]}, GOOGLE)
    refused = applied(broken, {"set": {"toolConfig.x": 1}})
    assert refused is not None
    assert refused.notes == ("rule r0@0 left alone: toolConfig is no object",)


def test_an_object_that_could_be_read_in_two_ways_is_left_alone() -> None:
    facts = facts_of(b'{"contents":[],"toolConfig":{"a":1,"a":2}}', GOOGLE)
    found = applied(facts, {"set": {"toolConfig.x": 1}})
    assert found is not None
    assert found.body == facts.body
    assert "given twice" in found.notes[0]


TEXTS: list[tuple[str, dict[str, Any], Callable[[str], dict[str, Any]]]] = [
    (CHAT, {}, lambda text: {"messages": [{"role": "system", "content": text}]}),
    (CHAT, {}, lambda text: {"messages": [{"role": "user", "content": [{"type": "text", "text": text}]}]}),
    ("/v1/responses", {}, lambda text: {"input": text}),
    ("/v1/responses", {}, lambda text: {"instructions": text}),
    ("/v1/responses", {}, lambda text: {"input": [{"role": "user", "content": [{"text": text}]}]}),
    ("/v1/completions", {}, lambda text: {"prompt": ["a", text]}),
    ("/v1/messages", {}, lambda text: {"system": text}),
    ("/v1/messages", {}, lambda text: {"system": [{"type": "text", "text": text}]}),
    (GOOGLE, {}, lambda text: {"contents": [{"parts": [{"text": text}]}]}),
    (GOOGLE, {}, lambda text: {"system_instruction": {"parts": [{"text": text}]}}),
    ("/v1beta/models/m:embedContent", {}, lambda text: {"content": {"parts": [{"text": text}]}}),
]
JSON_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


@settings(max_examples=60, deadline=None)
@given(
    place=st.sampled_from(TEXTS),
    before=JSON_TEXT,
    old=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8),
    after=JSON_TEXT,
    new=JSON_TEXT,
    escaped=st.booleans(),
    slashes=st.booleans(),
)
def test_a_fragment_is_found_however_it_is_escaped(
    place: Any, old: str, new: str, *, before: str, after: str, escaped: bool, slashes: bool
) -> None:
    path, more, body_of = place
    text = before + old + after
    body = json.dumps({"model": "m", **more, **body_of(text)}, ensure_ascii=escaped)
    raw = (body.replace("/", "\\/") if slashes else body).encode()
    got = json.loads(changed(raw, {"replace": [{"old": old, "new": new}]}, path=path))
    assert got == {"model": "m", **more, **body_of(text.replace(old, new))}


@settings(max_examples=100, deadline=None)
@given(text=JSON_TEXT)
def test_a_text_is_written_in_ascii_as_json_reads_it(text: str) -> None:
    written = ascii_text(text)
    assert written.isascii()
    assert json.loads(b'"' + written + b'"') == text


@pytest.mark.parametrize("old", ["n", "0", "u00e9", "e9", "\\", '"', "u", "00"])
def test_a_fragment_is_never_found_within_an_escape(old: str) -> None:
    raw = b'{"model":"m","messages":[{"role":"user","content":"x\\n\\u00e9\\\\\\"y"}]}'
    assert json.loads(raw)["messages"][0]["content"] == 'x\né\\"y'
    got = json.loads(changed(raw, {"replace": [{"old": old, "new": "Z"}]}))
    assert got["messages"][0]["content"] == 'x\né\\"y'.replace(old, "Z")


def test_text_stands_in_messages_alone() -> None:
    body = {
        "model": "secret",
        "user": "secret",
        "tools": [{"type": "function", "function": {"name": "secret", "description": "secret"}}],
        "messages": [
            {"role": "system", "name": "secret", "content": "a secret"},
            {
                "role": "assistant",
                "tool_calls": [{"id": "secret", "function": {"arguments": '{"a":"secret"}'}}],
            },
            {"role": "tool", "tool_call_id": "secret", "content": "secret"},
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://secret"}}]},
        ],
    }
    got = json.loads(changed(body, {"replace": [{"old": "secret", "new": "x"}]}))
    assert got["messages"][0]["content"] == "a x"
    got["messages"][0]["content"] = "a secret"
    assert got == body


def test_a_fragment_does_not_reach_over_two_texts() -> None:
    body = chat(messages=[{"role": "user", "content": [{"text": "one"}, {"text": "two"}]}])
    assert changed(body, {"replace": [{"old": "onetwo", "new": "x"}]}) == json.dumps(body).encode()


def test_a_template_matches_by_its_fragments_in_order_and_in_one_text() -> None:
    rule = {
        "match": {"template": "app.py:ASK"},
        "fragments": ["\n  You are \u201ckind\u201d to ", " and brief.\n"],
        "earlier": [["Be good to ", " always."]],
        "set": {"seed": 1},
    }
    ask = "You are \u201ckind\u201d to {} and brief."
    for content, fits in (
        (ask.format("Anna"), True),
        ("Listen! " + ask.format(""), True),
        ("Be good to Anna always.", True),
        (" and brief. You are \u201ckind\u201d to ", False),
        ("You are \u201ckind\u201d to all", False),
    ):
        for escaped in (True, False):
            body = json.dumps(chat(messages=[{"role": "system", "content": content}]), ensure_ascii=escaped)
            found = applied(facts_of(body.encode()), rule)
            assert (found is not None) == fits, content
    apart = chat(
        messages=[
            {"role": "user", "content": part} for part in ("You are \u201ckind\u201d to ", " and brief.")
        ]
    )
    assert applied(facts_of(apart), rule) is None


@pytest.mark.parametrize(
    ("match_", "subject", "fits"),
    [
        ({}, {}, True),
        ({"project": "default"}, {}, True),
        ({"project": "other"}, {}, False),
        ({"model": "gpt-4o"}, {}, True),
        ({"model": "gpt-*"}, {}, True),
        ({"model": "gpt-4"}, {}, False),
        ({"model": "*"}, {}, True),
        ({"tag": "a"}, {"tags": ("b", "a")}, True),
        ({"tag": "a"}, {"tags": ("b",)}, False),
        ({"headers": {"X-A": "1"}}, {"headers": [(b"x-a", b"1")]}, True),
        ({"headers": {"x-a": "1"}}, {"headers": [(b"x-a", b"2")]}, False),
        ({"headers": {"x-a": "1", "x-b": "2"}}, {"headers": [(b"x-a", b"1")]}, False),
    ],
)
def test_every_part_of_a_match_has_to_fit(
    match_: dict[str, Any], subject: dict[str, Any], fits: bool
) -> None:
    found = applied(facts_of(chat()), {"match": match_, "set": {"seed": 1}}, **subject)
    assert (found is not None) == fits


def test_a_rule_holds_until_it_expires() -> None:
    rule = {"set": {"seed": 1}, "expires_ms": 1001}
    assert applied(facts_of(chat()), rule, now_ms=1000) is not None
    assert applied(facts_of(chat()), rule, now_ms=1001) is None


def test_a_share_is_sticky_and_grows_by_the_same_callers() -> None:
    users = [f"user {number}".encode() for number in range(2000)]

    def those(share: float) -> set[bytes]:
        rules = rules_of({"set": {"seed": 1}, "share": share})
        facts = facts_of(chat())
        return {
            user
            for user in users
            if rules.apply(msgspec.structs.replace(SUBJECT, sticky=user), facts) is not None
        }

    assert those(0) == set()
    assert those(1) == set(users)
    assert those(0.1) < those(0.3)
    assert 0.25 < len(those(0.3)) / len(users) < 0.35
    other = {user for user in users if part_of("another", user) < 0.3}
    assert 0.05 < len(other & those(0.3)) / len(users) < 0.13, "rules choose apart from each other"


def test_later_rules_see_the_model_that_an_earlier_one_pinned() -> None:
    rules = (
        {"name": "c", "match": {"model": "b"}, "set": {"seed": 1}},
        {"name": "a", "match": {"model": "b"}, "set": {"top_p": 1}},
        {"name": "b", "match": {"model": "gpt-*"}, "model": "b"},
        {"name": "d", "match": {"model": "gpt-*"}, "set": {"n": 2}},
    )
    assert json.loads(changed(chat(), *rules)) == {**chat(), "model": "b", "seed": 1}


def test_pins_come_before_rules() -> None:
    rule = msgspec.convert({"name": "a", "version": 1, "match": {"model": "b/c"}, "set": {"seed": 1}}, Rule)
    found = compile_rules([rule], [("gpt-4o", "b/c", "release 1a2b")]).apply(SUBJECT, facts_of(chat()))
    assert found is not None
    assert [override.source for override in found.overrides] == ["release 1a2b", "rule a@1"]
    assert found.model == "b/c"


def test_googles_model_is_moved_in_path_and_body() -> None:
    path = "/v1beta/models/old:batchEmbedContents"
    body: dict[str, Any] = {"requests": [{"model": "models/old", "content": {}}, {"content": {}}]}
    found = applied(facts_of(body, path), {"model": "new", "set": {"dimensions": 8}})
    assert found is not None
    assert (found.route.model, found.model) == ("new", "new")
    assert json.loads(found.body)["requests"] == [
        {"model": "models/new", "content": {}, "outputDimensionality": 8},
        {"content": {}, "outputDimensionality": 8},
    ]
    assert [override.field for override in found.overrides] == [
        "requests[0].outputDimensionality",
        "requests[1].outputDimensionality",
        "model",
    ]


def test_what_stands_on_record_is_bounded() -> None:
    body = chat(
        messages=[{"role": "user", "content": f"x {number}"} for number in range(300)], stop="y" * 9000
    )
    found = applied(facts_of(body), {"replace": [{"old": "x ", "new": "z "}], "set": {"stop": "w" * 9000}})
    assert found is not None
    assert len(found.overrides) == 64
    assert all(len(override.before) + len(override.after) < 4500 for override in found.overrides)
    assert all(json.loads(override.after) for override in found.overrides)
    assert found.body.count(b"z ") == 256


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | JSON_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None)
@given(
    body=st.dictionaries(st.sampled_from("abcd"), JSON_VALUES, max_size=4),
    names=st.lists(st.sampled_from(["a", "b", "a.b", "a.c", "e", "e.a"]), max_size=4, unique=True),
    removes=st.booleans(),
    indent=st.sampled_from([None, 1]),
)
def test_edited_bodies_are_json_with_those_changes_alone(
    body: dict[str, Any], names: list[str], removes: bool, indent: int | None
) -> None:
    raw = json.dumps(body, indent=indent).encode()
    wanted = [
        Wanted(
            place=tuple((part,) for part in name.split(".")), change=lambda old: None if removes else b'"new"'
        )
        for name in names
    ]
    got, edits, _ = edit(Body(raw), wanted)
    expected = json.loads(raw)
    for each in edits:
        *above, last = each.field.split(".")
        inner = expected
        for part in above:
            if inner.get(part) is None:
                inner[part] = {}
            inner = inner[part]
        if each.after:
            inner[last] = json.loads(each.after)
        else:
            del inner[last]
    assert json.loads(got.raw) == expected
    assert members_of(got) == members_of(Body(got.raw))
    if not edits:
        assert got.raw == raw


def members_of(body: Body) -> list[tuple[str, str, bytes, int]]:
    return [(each.key, each.path, each.raw, each.start) for each in body.members.values()]


def test_positions_of_texts_are_those_of_the_body() -> None:
    body = b' { "model" : "m" , "messages" : [ { "content" : "one" } , {"content":[ {"text":"two"}]} ] } '
    found = texts_at("openai-chat", Body(body), None)
    assert [(span.path, body[span.start : span.end]) for span in found] == [
        ("messages[0].content", b"one"),
        ("messages[1].content[0].text", b"two"),
    ]
    assert replace("openai-chat", Body(body), Replacement("two", "2")).body.raw == body.replace(b"two", b"2")


def test_a_body_knows_the_members_of_what_a_replacement_makes() -> None:
    body = b' { "model":"m" , "input": "a one" ,"messages":[{"content":"one, one"}], "n":1, "prompt":"one" }'
    expected: dict[Dialect, int] = {"openai-chat": 2, "openai": 2, "openai-responses": 1}
    for dialect, replaced in expected.items():
        made = replace(dialect, Body(body), Replacement("one", "another one")).body
        assert members_of(made) == members_of(Body(made.raw)), dialect
        assert made.raw.count(b"another one") == replaced

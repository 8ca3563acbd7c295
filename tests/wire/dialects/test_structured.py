"""Structured output on any target: the call prepared, the answer restored, and held against its schema."""

import json
from pathlib import Path
from typing import cast

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.wire.dialects.json_schemas import admits, objects, schemas, values

from headgate.core.chat import (
    Candidate,
    ChatAnswer,
    ChatCall,
    Fields,
    Finish,
    FunctionTool,
    Message,
    OutputFormat,
    Part,
    Reasoning,
    Text,
    Thinking,
    ToolCall,
    ToolChoice,
)
from headgate.core.events import (
    ArgumentsDelta,
    Event,
    Finished,
    PartBegan,
    TextDelta,
)
from headgate.core.quirks import PLAIN, Quirks
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.folding import fold, unfold
from headgate.wire.dialects.identifiers import names_of
from headgate.wire.dialects.structured import answer_tool, manner_of, prepared, restored
from headgate.wire.dialects.structured_stream import RestoredStream, is_restored
from headgate.wire.dialects.validating import VIOLATIONS_MAX, fault_of, repairing, violations

PERSON: Fields = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name"],
    "additionalProperties": False,
}
NUMBERS: Fields = {"type": "array", "items": {"$ref": "#/$defs/n"}, "$defs": {"n": {"type": "integer"}}}
LOOK = FunctionTool(name="look")
BY_TOOL = Quirks(schema="tool")
BY_INSTRUCTION = Quirks(schema="instruction")
TEXT = Text(text="Who?")


def chat(schema: Fields | None = PERSON, *, kind: str = "schema", **more: object) -> ChatCall:
    output = OutputFormat(
        kind="json" if kind == "json" else "schema", name="person", schema=schema, strict=True
    )
    plain = ChatCall(
        dialect="openai-chat",
        model="m",
        messages=(
            Message(role="system", parts=(Text(text="Be brief."),)),
            Message(role="user", parts=(TEXT,)),
        ),
        output=output,
    )
    return msgspec.structs.replace(plain, **more)


def answer(*parts: Part, reason: str = "tool_calls") -> ChatAnswer:
    finish = Finish(reason="tool_calls" if reason == "tool_calls" else "stop", native=reason)
    return ChatAnswer(
        dialect="anthropic", id="1", model="m", candidates=(Candidate(parts=parts, finish=finish),)
    )


def final(arguments: str, name: str = "final_answer") -> ToolCall:
    return ToolCall(id="a", name=name, arguments=arguments)


def back(found: ChatAnswer, call: ChatCall, quirks: Quirks) -> Candidate:
    return restored(found, call, quirks, Changes()).candidates[0]


def streamed(found: ChatAnswer, call: ChatCall, quirks: Quirks) -> list[Event]:
    """The restored stream of an answer that comes in pieces of one character."""
    restoring = RestoredStream(call, quirks)
    written: list[Event] = []
    for event in unfold(found):
        for piece in _pieces(event):
            written.extend(restoring.take(piece))
    return [*written, *restoring.end()]


def _pieces(event: Event) -> list[Event]:
    if not isinstance(event, PartBegan):
        return [event]
    part, number = event.part, event.number
    if isinstance(part, Text):
        begun = msgspec.structs.replace(event, part=msgspec.structs.replace(part, text=""))
        return [begun, *(TextDelta(number=number, text=one) for one in part.text)]
    if isinstance(part, ToolCall):
        begun = msgspec.structs.replace(event, part=msgspec.structs.replace(part, arguments=""))
        return [begun, *(ArgumentsDelta(number=number, json=one) for one in part.arguments)]
    return [event]


def texts(candidate: Candidate) -> list[str]:
    return [part.text for part in candidate.parts if isinstance(part, Text)]


def test_trap_44_a_native_schema_and_a_plain_call_stay_as_they_are() -> None:
    for call, quirks in ((chat(), PLAIN), (chat(output=None), BY_TOOL)):
        changes = Changes()
        assert prepared(call, quirks, changes) is call
        assert len(changes) == 0


def test_trap_44_a_schema_becomes_a_tool_that_has_to_be_called() -> None:
    changes = Changes()
    call = prepared(chat(), BY_TOOL, changes)
    (tool,) = call.tools
    assert isinstance(tool, FunctionTool)
    assert (tool.name, tool.parameters, tool.strict) == ("final_answer", PERSON, True)
    assert call.tool_choice == ToolChoice(mode="named", names=("final_answer",))
    assert call.output is None and call.parallel_tools is False
    assert [one.weight for one in changes] == ["note"]


def test_trap_44_beside_tools_of_the_caller_one_of_all_has_to_be_called() -> None:
    call = prepared(chat(tools=(LOOK,)), BY_TOOL, Changes())
    assert call.tool_choice == ToolChoice(mode="required") and len(call.tools) == 2
    assert call.parallel_tools is None
    none = prepared(chat(tools=(LOOK,), tool_choice=ToolChoice(mode="none")), BY_TOOL, Changes())
    assert none.tool_choice == ToolChoice(mode="named", names=("final_answer",))
    for mode in ("required", "named"):
        choice = ToolChoice(mode=mode, names=("look",))
        forced = prepared(chat(tools=(LOOK,), tool_choice=choice), BY_TOOL, Changes())
        assert forced.tools == (LOOK,) and forced.tool_choice == choice and forced.output is None


def test_trap_44_the_name_of_the_tool_is_no_other_tools() -> None:
    taken = FunctionTool(name="final_answer")
    call = chat(tools=(taken,))
    assert answer_tool(call) == "final_answer_2"
    found = answer(final('{"name":"Ada"}'), final('{"name":"Bo"}', "final_answer_2"))
    parts = back(found, call, BY_TOOL).parts
    assert parts == (final('{"name":"Ada"}'), Text(text='{"name":"Bo"}'))


@pytest.mark.parametrize(
    ("call", "quirks"),
    [
        (chat(), BY_INSTRUCTION),
        (chat(), Quirks(schema="tool", takes_forced_tool=False)),
        (
            chat(thinking=Thinking(effort="high")),
            Quirks(schema="tool", takes_forced_tool_with_thinking=False),
        ),
    ],
)
def test_trap_44_where_no_tool_can_be_forced_the_schema_is_an_instruction(
    call: ChatCall, quirks: Quirks
) -> None:
    changes = Changes()
    written = prepared(call, quirks, changes)
    assert [message.role for message in written.messages] == ["system", "system", "user"]
    said = written.messages[1].parts[0]
    assert isinstance(said, Text) and json.dumps(PERSON, separators=(",", ":")) in said.text
    assert written.output is None and not written.tools
    assert [one.weight for one in changes] == ["note"]


def test_trap_44_json_needs_the_word_in_a_message() -> None:
    changes = Changes()
    call = chat(None, kind="json")
    written = prepared(call, PLAIN, changes)
    assert written.output == call.output and len(changes) == 1
    assert "JSON" in str(written.messages[1])
    asked = chat(None, kind="json", messages=(Message(role="user", parts=(Text(text="Give me Json."),)),))
    assert prepared(asked, PLAIN, changes) is asked
    instructed = prepared(asked, BY_TOOL, Changes())
    assert instructed.output is None and len(instructed.messages) == 2


def test_the_tools_call_is_the_text_again() -> None:
    call = chat()
    found = answer(Reasoning(text="Hm."), final('{"name": "Ada"}'))
    candidate = back(found, call, BY_TOOL)
    assert candidate.parts == (Reasoning(text="Hm."), Text(text='{"name": "Ada"}'))
    assert candidate.finish == Finish(reason="stop", native="tool_calls")


def test_words_around_the_answer_are_left_out_and_told() -> None:
    changes = Changes()
    found = answer(Text(text="Here you are:"), final('{"name":"Ada"}'), final('{"name":"Bo"}'))
    (candidate,) = restored(found, chat(), BY_TOOL, changes).candidates
    assert texts(candidate) == ['{"name":"Ada"}']
    assert [one.weight for one in changes] == ["loss", "loss"]
    assert fold(streamed(found, chat(), BY_TOOL)).candidates == (candidate,)


def test_a_call_of_another_tool_or_plain_words_stay_as_they_are() -> None:
    call = chat(tools=(LOOK,))
    for found in (answer(Text(text="I look."), final("{}", "look")), answer(Text(text="No."), reason="stop")):
        assert restored(found, call, BY_TOOL, Changes()) == found
        assert fold(streamed(found, call, BY_TOOL)) == found


def test_an_answer_beside_other_calls_stays_a_turn_with_calls() -> None:
    call = chat(tools=(LOOK,))
    found = answer(final("{}", "look"), final('{"name":"Ada"}'))
    candidate = back(found, call, BY_TOOL)
    assert fold(streamed(found, call, BY_TOOL)).candidates == (candidate,)
    assert [type(part) for part in candidate.parts] == [ToolCall, Text]
    assert candidate.finish is not None and candidate.finish.reason == "tool_calls"


def test_a_schema_that_is_no_objects_is_held_in_a_member() -> None:
    call = chat(NUMBERS)
    (tool,) = prepared(call, BY_TOOL, Changes()).tools
    assert isinstance(tool, FunctionTool) and tool.parameters is not None
    assert tool.parameters["type"] == "object"
    assert admits(tool.parameters, {"answer": [1, 2]}) and not admits(tool.parameters, {"answer": ["x"]})
    assert texts(back(answer(final('{"answer": [1, 2]}')), call, BY_TOOL)) == ["[1, 2]"]
    assert texts(back(answer(final("[1, 2]")), call, BY_TOOL)) == ["[1, 2]"]


def test_a_schema_that_names_itself_stays_whole_as_a_tools() -> None:
    tree: Fields = {"type": "object", "properties": {"below": {"type": "array", "items": {"$ref": "#"}}}}
    forest: Fields = {"type": "array", "items": {"type": "array", "items": {"$ref": "#"}}}
    named: Fields = {
        "$ref": "#/$defs/t",
        "$defs": {"t": {**tree, "properties": {"t": {"$ref": "#/$defs/t"}}}},
    }
    cases: list[tuple[Fields, object, object]] = [
        (tree, {"below": [{"below": []}]}, {"below": [1]}),
        (forest, {"answer": [[[[]]]]}, {"answer": [[[1]]]}),
        (named, {"t": {"t": {}}}, {"t": {"t": 1}}),
    ]
    for schema, good, bad in cases:
        (tool,) = prepared(chat(schema), BY_TOOL, Changes()).tools
        assert isinstance(tool, FunctionTool) and tool.parameters is not None
        assert tool.parameters["type"] == "object"
        assert admits(tool.parameters, good) and not admits(tool.parameters, bad)


def test_code_fences_come_off() -> None:
    for text, plain in (
        ('```json\n{"name": "Ada"}\n```', '{"name": "Ada"}'),
        ('```\n{"name": "Ada"}\n```\n', '{"name": "Ada"}'),
        ('Sure: ```json\n{"name": "Ada"}\n```', 'Sure: ```json\n{"name": "Ada"}\n```'),
        ("```json\nno\n```", "```json\nno\n```"),
        ('{"name": "`"}', '{"name": "`"}'),
        ("``````", "``````"),
        ("```", "```"),
    ):
        found = answer(Text(text=text), reason="stop")
        assert texts(back(found, chat(), BY_INSTRUCTION)) == [plain]
        assert texts(fold(streamed(found, chat(), BY_INSTRUCTION)).candidates[0]) == [plain]


def test_nulls_of_a_strict_schema_are_left_out() -> None:
    strict = Quirks(schema_subset="openai-strict")
    found = answer(Text(text='{"name":"Ada","age":null}'), reason="stop")
    assert texts(back(found, chat(), strict)) == ['{"name":"Ada"}']
    assert texts(back(found, chat(), PLAIN)) == ['{"name":"Ada","age":null}']


@settings(max_examples=150)
@given(schemas | st.just(NUMBERS), values | objects, st.booleans())
def test_a_streamed_answer_is_restored_like_a_whole_one(
    schema: Fields, value: object, has_words: bool
) -> None:
    call = chat(schema, tools=(LOOK,))
    written = json.dumps(value)
    is_object = schema.get("type") == "object"
    arguments = written if is_object else json.dumps({"answer": value})
    words = (Text(text="So:"),) if has_words else ()
    found = answer(Reasoning(text="Hm."), *words, final(arguments))
    whole = restored(found, call, BY_TOOL, Changes())
    assert fold(streamed(found, call, BY_TOOL)) == whole
    assert [json.loads(text) for text in texts(whole.candidates[0])] == [value]


def test_a_stream_holds_back_no_piece_of_the_answer() -> None:
    call = chat()
    restoring = RestoredStream(call, BY_TOOL)
    began = restoring.take(PartBegan(number=0, part=final("")))
    assert began == [PartBegan(number=0, part=Text(text=""))]
    assert restoring.take(ArgumentsDelta(number=0, json='{"na')) == [TextDelta(number=0, text='{"na')]
    assert restoring.take(Finished(finish=Finish(reason="tool_calls", native="tool_use"))) == [
        Finished(finish=Finish(reason="stop", native="tool_use"))
    ]


def test_a_stream_that_is_cut_gives_what_was_held() -> None:
    restoring = RestoredStream(chat(), BY_TOOL)
    held: list[Event] = [PartBegan(number=0, part=Text(text="")), TextDelta(number=0, text="I can't.")]
    assert [restoring.take(event) for event in held] == [[], []]
    assert restoring.end() == held


def test_violations_say_where_an_answer_fails() -> None:
    assert violations('{"name":"Ada"}', PERSON) == []
    assert sorted(violations('{"name":1,"age":"x"}', PERSON)) == [
        '$.age: "x" is not of type "integer"',
        '$.name: 1 is not of type "string"',
    ]
    assert violations("[1, 2.5]", NUMBERS) == ['$[1]: 2.5 is not of type "integer"']
    (line,) = violations('{"name":', PERSON)
    assert line.startswith("$: is no JSON: ")


def test_violations_are_bounded_in_number_and_length() -> None:
    many = violations(json.dumps(["x" * 5_000] * 500), NUMBERS)
    assert len(many) == VIOLATIONS_MAX
    assert all(len(line) <= 300 for line in many)


def test_a_schema_that_can_not_be_used_is_a_violation_and_never_fetched() -> None:
    bad: list[Fields] = [
        {"type": "nope"},
        {"$ref": "https://example.com/schema.json"},
        {"$ref": "file:///etc/hostname"},
        {"$ref": "#/nowhere"},
        {"pattern": "("},
    ]
    for schema in bad:
        assert fault_of(schema) is not None
        assert [line.split(":")[0] for line in violations("{}", schema)] == ["(schema)"]
    assert fault_of(PERSON) is None


def test_no_file_is_read_for_a_schema(tmp_path: Path) -> None:
    file = tmp_path / "schema.json"
    file.write_text('{"type": "string"}')
    schema: Fields = {"$ref": file.as_uri()}
    assert fault_of(schema) is not None
    assert [line.split(":")[0] for line in violations('"x"', schema)] == ["(schema)"]


def test_a_pattern_can_not_run_away() -> None:
    schema: Fields = {"type": "string", "pattern": r"^(?:(a+)+)\1$(?!b)"}
    assert len(violations(json.dumps("a" * 60 + "!"), schema)) == 1


@settings(max_examples=200)
@given(schemas, objects)
def test_violations_agree_with_the_validator(schema: Fields, value: Fields) -> None:
    assert (violations(json.dumps(value), schema) == []) == admits(schema, value)


@settings(max_examples=200)
@given(st.text(max_size=20), values)
def test_whatever_is_held_against_whatever_schema_nothing_is_raised(text: str, schema: object) -> None:
    found = cast("Fields", schema) if isinstance(schema, dict) else {"enum": schema}
    for answered in (text, "1" * 400, "-" + "9" * 5_000, "[" * 5_000, '"\\ud800"', "1e999"):
        assert all(isinstance(line, str) for line in violations(answered, found))


def test_a_repair_shows_the_answer_and_where_it_fails() -> None:
    call = chat()
    again = repairing(call, '{"age":1}', violations('{"age":1}', PERSON))
    assert again.output == call.output
    assert [message.role for message in again.messages] == ["system", "user", "assistant", "user"]
    assert '"name" is a required property' in str(again.messages[-1])
    assert [message.role for message in repairing(call, " ", ["$: is no JSON"]).messages] == [
        "system",
        "user",
        "user",
    ]


def test_trap_31_tools_have_the_callers_names_again_whole_and_streamed() -> None:
    tool = FunctionTool(name="my.tool")
    for quirks in (PLAIN, BY_TOOL):
        call = chat(tools=(tool,)) if quirks is BY_TOOL else chat(tools=(tool,), output=None)
        alias = next(iter(names_of(call, quirks).names))
        found = answer(final("{}", alias))
        assert is_restored(call, quirks)
        assert back(found, call, quirks).parts == (final("{}", "my.tool"),)
        assert fold(streamed(found, call, quirks)) == answer(final("{}", "my.tool"))
    assert not is_restored(chat(), PLAIN)


def test_the_manner_follows_from_call_and_target_alone() -> None:
    assert manner_of(chat(), PLAIN) == "native"
    assert manner_of(chat(), BY_TOOL) == "tool"
    assert manner_of(chat(None, kind="json"), BY_TOOL) == "instruction"
    assert manner_of(chat(output=OutputFormat(kind="text")), BY_TOOL) == "none"

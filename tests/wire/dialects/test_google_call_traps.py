"""Google's side of the traps that lie in calls, each named by its number."""

from typing import Any

import msgspec
import pytest

from headgate.core.chat import (
    ChatCall,
    FunctionTool,
    Media,
    Message,
    OutputFormat,
    Part,
    Reasoning,
    Sampling,
    Seal,
    Text,
    Thinking,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from headgate.core.quirks import PLAIN, Quirks
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.google.codec import CODEC

GEMINI_2 = Quirks(thinking="budget", schema_subset="openapi")
GEMINI_3 = Quirks(thinking="level")
SCHEMA: dict[str, object] = {
    "type": "object",
    "properties": {"city": {"$ref": "#/$defs/City"}, "n": {"type": ["integer", "null"]}},
    "required": ["city"],
    "additionalProperties": False,
    "$defs": {"City": {"type": "string"}},
}
LOOK = FunctionTool(name="look", parameters=SCHEMA)
USER = Message(role="user", parts=(Text(text="Hi"),))


def foreign(*messages: Message, **more: Any) -> ChatCall:
    return ChatCall(dialect="openai-chat", model="m", messages=messages or (USER,), **more)


def written(call: ChatCall, quirks: Quirks = PLAIN) -> tuple[dict[str, Any], Changes]:
    changes = Changes()
    return msgspec.json.decode(CODEC.write_call(call, quirks, changes)), changes


def calls(*parts: Part) -> Message:
    return Message(role="assistant", parts=parts)


def results(*parts: Part) -> Message:
    return Message(role="tool", parts=parts)


def result(identifier: str, text: str, **more: Any) -> ToolResult:
    return ToolResult(call_id=identifier, parts=(Text(text=text),), **more)


def test_trap_24_calls_without_ids_are_matched_by_name_and_order():
    call = CODEC.read_call(
        msgspec.json.encode(
            {
                "contents": [
                    {"role": "user", "parts": [{"text": "?"}]},
                    {"role": "model", "parts": [
                        {"functionCall": {"name": "look", "args": {"n": 1}}},
                        {"functionCall": {"name": "look", "args": {"n": 2}}},
                        {"functionCall": {"name": "now"}},
                    ]},
                    {"role": "user", "parts": [
                        {"functionResponse": {"name": "now", "response": {"output": "12:00"}}},
                        {"functionResponse": {"name": "look", "response": {"output": "one"}}},
                        {"functionResponse": {"name": "look", "response": {"output": "two"}}},
                    ]},
                ]
            }
        )
    )  # fmt: skip
    assert [part.id for part in call.messages[1].parts if isinstance(part, ToolCall)] == ["", "", ""]
    # Written for Google from another dialect, they are in the order of the calls, each with its id.
    other = msgspec.structs.replace(call, dialect="openai-chat", tools=(LOOK,))
    body, _ = written(other)
    made = [part["functionCall"] for part in body["contents"][1]["parts"]]
    came = [part["functionResponse"] for part in body["contents"][2]["parts"]]
    assert [one["id"] for one in made] == [one["id"] for one in came]
    assert [one["response"] for one in came] == [{"output": "one"}, {"output": "two"}, {"output": "12:00"}]


def test_trap_25_parallel_results_stand_in_one_content_after_their_calls():
    body, _ = written(
        foreign(
            USER,
            calls(
                ToolCall(id="a", name="look", arguments="{}"), ToolCall(id="b", name="now", arguments="{}")
            ),
            results(result("b", "12:00")),
            results(result("a", '{"sky":"blue"}')),
            tools=(LOOK, FunctionTool(name="now")),
        )
    )
    assert [content["role"] for content in body["contents"]] == ["user", "model", "user"]
    assert [part["functionResponse"] for part in body["contents"][2]["parts"]] == [
        {"id": "a", "name": "look", "response": {"sky": "blue"}},
        {"id": "b", "name": "now", "response": {"output": "12:00"}},
    ]


@pytest.mark.parametrize(
    ("choice", "config"),
    [
        (ToolChoice(mode="none"), {"mode": "NONE"}),
        (ToolChoice(mode="required"), {"mode": "ANY"}),
        (
            ToolChoice(mode="required", names=("look", "now")),
            {"mode": "ANY", "allowedFunctionNames": ["look", "now"]},
        ),
        (ToolChoice(mode="named", names=("look",)), {"mode": "ANY", "allowedFunctionNames": ["look"]}),
    ],
)
def test_trap_28_tool_choice_is_said_both_ways(choice: ToolChoice, config: dict[str, Any]):
    tools = (LOOK, FunctionTool(name="now"))
    body, _ = written(foreign(tools=tools, tool_choice=choice))
    assert body["toolConfig"] == {"functionCallingConfig": config}
    back = CODEC.read_call(msgspec.json.encode(body)).tool_choice
    assert back is not None
    assert (back.mode, back.names) == (choice.mode, choice.names)


def test_trap_28_auto_is_the_default_and_one_tool_at_a_time_is_told():
    body, changes = written(foreign(tools=(LOOK,), tool_choice=ToolChoice(mode="auto"), parallel_tools=False))
    assert "toolConfig" not in body
    assert [change.what for change in changes.of_weight("meaning")] == ["parallel_tool_calls"]


def test_trap_28_validated_calls_are_those_of_strict_tools():
    function = {"name": "f", "parametersJsonSchema": SCHEMA}
    body: dict[str, Any] = {
        "contents": [],
        "tools": [{"functionDeclarations": [function]}],
        "toolConfig": {"functionCallingConfig": {"mode": "VALIDATED"}},
    }
    call = CODEC.read_call(msgspec.json.encode(body))
    (tool,) = call.tools
    assert isinstance(tool, FunctionTool)
    assert (tool.strict, call.tool_choice and call.tool_choice.mode) == (True, "auto")
    assert written(call)[0] == body


def test_trap_31_errors_of_tools_stand_in_the_response():
    body, _ = written(
        foreign(
            USER,
            calls(ToolCall(id="a", name="look", arguments="{}")),
            results(result("a", "no such city", is_error=True)),
            tools=(LOOK,),
        )
    )
    response = body["contents"][2]["parts"][0]["functionResponse"]["response"]
    assert response == {"error": "no such city"}
    (part,) = CODEC.read_call(msgspec.json.encode(body)).messages[2].parts
    assert isinstance(part, ToolResult)
    assert (part.is_error, part.parts) == (True, (Text(text="no such city"),))


def test_trap_31_a_result_that_looks_like_an_error_is_none():
    body, _ = written(
        foreign(
            USER,
            calls(ToolCall(id="a", name="look", arguments="{}")),
            results(result("a", '{"error": null, "n": 1}')),
            tools=(LOOK,),
        )
    )
    response = body["contents"][2]["parts"][0]["functionResponse"]["response"]
    assert response == {"output": {"error": None, "n": 1}}


def signed(body: dict[str, Any], place: int = 1) -> list[str | None]:
    return [part.get("thoughtSignature") for part in body["contents"][place]["parts"]]


def turn(*parts: Part) -> ChatCall:
    answers = [result(part.id, "done") for part in parts if isinstance(part, ToolCall)]
    return foreign(USER, calls(*parts), results(*answers), tools=(LOOK,))


def test_trap_34_a_signature_stays_on_the_first_call_in_its_own_part():
    body, _ = written(
        turn(
            Text(text="I look."),
            ToolCall(id="a", name="look", arguments="{}", seal=Seal("google", "c2ln")),
            ToolCall(id="b", name="look", arguments="{}"),
        )
    )
    assert signed(body) == [None, "c2ln", None]


def test_trap_34_a_history_of_another_model_gets_the_documented_dummy():
    first = ToolCall(id="a", name="look", arguments="{}", seal=Seal("anthropic", "c2ln"))
    body, changes = written(turn(first, ToolCall(id="b", name="look", arguments="{}")), GEMINI_3)
    assert signed(body) == ["skip_thought_signature_validator", None]
    assert changes.of_weight("loss")


def test_trap_37_foreign_reasoning_never_becomes_text():
    thinking = Reasoning(text="secret", seal=Seal("anthropic", "c2ln"))
    body, changes = written(foreign(USER, calls(thinking, Text(text="So.")), USER))
    assert b"secret" not in msgspec.json.encode(body)
    assert changes.of_weight("loss")


def test_trap_38_budget_or_level_each_where_it_is_taken():
    def config(thinking: Thinking, quirks: Quirks, **more: Any) -> tuple[Any, Changes]:
        body, changes = written(foreign(thinking=thinking, **more), quirks)
        return body["generationConfig"].get("thinkingConfig"), changes

    assert config(Thinking(effort="high", is_shown=True), GEMINI_3)[0] == {
        "thinkingLevel": "high", "includeThoughts": True,
    }  # fmt: skip
    assert config(Thinking(budget_tokens=4096), GEMINI_3)[0] == {"thinkingLevel": "low"}
    assert config(Thinking(effort="medium"), GEMINI_2)[0] == {"thinkingBudget": 8192}
    assert config(Thinking(effort="none"), GEMINI_2)[0] == {"thinkingBudget": 0}
    found, changes = config(Thinking(effort="none"), GEMINI_3)
    assert found == {"thinkingLevel": "minimal"}
    assert changes.of_weight("meaning")
    tight = config(Thinking(effort="high"), GEMINI_2, max_output=4000)[0]
    assert 0 < tight["thinkingBudget"] < 4000


def test_trap_40_settings_that_the_model_refuses_are_told():
    quirks = Quirks(refused_sampling=frozenset({"presence_penalty", "frequency_penalty"}))
    sampling = Sampling(temperature=1.5, presence_penalty=0.5, stop=("a",), logit_bias={"1": 2})
    body, changes = written(foreign(sampling=sampling), quirks)
    assert body["generationConfig"] == {"temperature": 1.5, "stopSequences": ["a"]}
    assert [change.what for change in changes.of_weight("meaning")] == ["presence_penalty", "logit_bias"]
    most = Sampling(stop=("a", "b", "c", "d", "e", "f"))
    body, changes = written(foreign(sampling=most))
    assert body["generationConfig"]["stopSequences"] == ["a", "b", "c", "d", "e"]
    assert [change.what for change in changes.of_weight("meaning")] == ["stop"]


def test_trap_41_system_messages_become_the_system_instruction():
    system = Message(role="system", parts=(Text(text="Be brief."),))
    developer = Message(role="developer", parts=(Text(text="Be kind."),))
    body, changes = written(foreign(system, developer, USER))
    assert body["systemInstruction"] == {"parts": [{"text": "Be brief."}, {"text": "Be kind."}]}
    assert not changes.of_weight("meaning")
    body, changes = written(foreign(system, USER, developer, USER))
    assert body["systemInstruction"] == {"parts": [{"text": "Be brief."}]}
    assert [content["role"] for content in body["contents"]] == ["user", "user", "user"]
    assert body["contents"][1]["parts"] == [{"text": "<system>"}, {"text": "Be kind."}, {"text": "</system>"}]
    assert not changes.of_weight("meaning")


def test_trap_44_schemas_in_the_subset_that_is_taken():
    output = OutputFormat(kind="schema", schema=SCHEMA, name="place")
    body, _ = written(foreign(output=output), GEMINI_2)
    config = body["generationConfig"]
    assert config["responseMimeType"] == "application/json"
    assert config["responseSchema"] == {
        "type": "object",
        "properties": {"city": {"type": "string"}, "n": {"type": "integer", "nullable": True}},
        "required": ["city"],
        "propertyOrdering": ["city", "n"],
    }
    body, _ = written(foreign(output=output, tools=(LOOK,)), GEMINI_3)
    assert body["generationConfig"]["responseJsonSchema"] == SCHEMA
    assert body["tools"] == [{"functionDeclarations": [{"name": "look", "parametersJsonSchema": SCHEMA}]}]
    body, changes = written(foreign(output=output), Quirks(schema="instruction"))
    assert "responseJsonSchema" not in body["generationConfig"]
    assert changes.of_weight("meaning")


def test_trap_44_google_s_own_schemas_are_read_as_json_schema():
    given = {
        "type": "OBJECT",
        "properties": {
            "a": {"type": "STRING", "nullable": True},
            "b": {"type": "ARRAY", "items": {"type": "INTEGER"}, "min_items": "2"},
        },
        "propertyOrdering": ["b", "a"],
    }  # fmt: skip
    fields: dict[str, Any] = {
        "contents": [],
        "generationConfig": {"responseMimeType": "application/json", "responseSchema": given},
    }
    call = CODEC.read_call(msgspec.json.encode(fields))
    assert call.output is not None
    assert call.output.schema == {
        "type": "object",
        "properties": {
            "a": {"type": ["string", "null"]},
            "b": {"type": "array", "items": {"type": "integer"}, "minItems": 2},
        },
        "propertyOrdering": ["b", "a"],
    }
    assert written(call)[0] == fields


def test_trap_45_media_by_value_and_by_address():
    media = (
        Media(kind="image", media_type="image/png", data="AAAA"),
        Media(kind="image", url="https://example.com/cat.WEBP?x=1"),
        Media(kind="image", url="data:image/gif;base64,R0lG"),
        Media(kind="file", media_type="application/pdf", data="JVBE", name="a.pdf"),
        Media(kind="file", file_id="file-of-somebody-else"),
    )
    body, changes = written(foreign(Message(role="user", parts=media)))
    assert body["contents"][0]["parts"] == [
        {"inlineData": {"mimeType": "image/png", "data": "AAAA"}},
        {"fileData": {"mimeType": "image/webp", "fileUri": "https://example.com/cat.WEBP?x=1"}},
        {"inlineData": {"mimeType": "image/gif", "data": "R0lG"}},
        {"inlineData": {"mimeType": "application/pdf", "data": "JVBE"}},
    ]
    assert len(changes.of_weight("meaning")) == 1


def test_trap_45_what_only_google_can_read_is_no_address():
    parts = [
        {"fileData": {"fileUri": "gs://bucket/a.mp4", "mimeType": "video/mp4"}},
        {"file_data": {"file_uri": "https://example.com/a.pdf", "mime_type": "application/pdf"}},
    ]
    call = CODEC.read_call(msgspec.json.encode({"contents": [{"parts": parts}]}))
    film, paper = call.messages[0].parts
    assert isinstance(film, Media)
    assert isinstance(paper, Media)
    assert (film.kind, film.file_id, film.url) == ("video", "gs://bucket/a.mp4", None)
    assert (paper.kind, paper.file_id, paper.url) == ("file", None, "https://example.com/a.pdf")


def test_trap_48_service_tiers_and_the_user_are_forwarded_or_told():
    body, changes = written(foreign(service_tier="flex", user="u"))
    assert body["serviceTier"] == "flex"
    assert [change.what for change in changes] == ["user"]
    body, changes = written(foreign(service_tier="scale"))
    assert "serviceTier" not in body
    assert [change.what for change in changes.of_weight("loss")] == ["service_tier"]

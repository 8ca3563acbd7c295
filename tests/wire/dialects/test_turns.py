"""A conversation in the order that a target takes, by rule and by example."""

from collections.abc import Sequence

import msgspec
from hypothesis import given, settings
from tests.wire.dialects.conversations import broken, chats, each, owns, targets

from headgate.core.call import AnyDialect
from headgate.core.chat import (
    ChatCall,
    Media,
    Message,
    Native,
    NativePart,
    Part,
    Reasoning,
    Role,
    Seal,
    Text,
    ToolCall,
    ToolResult,
)
from headgate.core.quirks import PLAIN, Quirks
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.turns import FILLERS, arranged, declared

IMAGE = Media(kind="image", media_type="image/png", data="aGk=")


def said(role: Role, *parts: Part | str) -> Message:
    return Message(
        role=role, parts=tuple(Text(text=part) if isinstance(part, str) else part for part in parts)
    )


def chat(*messages: Message, dialect: AnyDialect = "openai-chat") -> ChatCall:
    return ChatCall(dialect=dialect, model="m", messages=messages)


def call(identifier: str, name: str = "look") -> ToolCall:
    return ToolCall(id=identifier, name=name, arguments="{}")


def result(identifier: str, *parts: Part | str) -> ToolResult:
    inner = tuple(Text(text=part) if isinstance(part, str) else part for part in parts or ("found",))
    return ToolResult(call_id=identifier, parts=inner)


def done(
    found: ChatCall, quirks: Quirks = PLAIN, own: AnyDialect | None = "anthropic"
) -> tuple[tuple[Message, ...], Changes]:
    changes = Changes()
    return arranged(found, quirks, changes, own=own), changes


def shapes(messages: Sequence[Message]) -> list[tuple[str, list[str]]]:
    return [(message.role, [type(part).__name__ for part in message.parts]) for message in messages]


def spoken(message: Message) -> list[str]:
    return [part.text for part in message.parts if isinstance(part, Text)]


def whys(changes: Changes, weight: str) -> str:
    return "; ".join(str(one) for one in changes if one.weight == weight)


@settings(max_examples=300)
@given(chats, targets, owns)
def test_whatever_comes_in_every_rule_of_the_target_is_kept(
    found: ChatCall, quirks: Quirks, own: AnyDialect | None
) -> None:
    assert broken(arranged(found, quirks, Changes(), own=own), quirks, own) == []


@settings(max_examples=200)
@given(chats, targets, owns)
def test_arranging_twice_changes_nothing_more(
    found: ChatCall, quirks: Quirks, own: AnyDialect | None
) -> None:
    first = arranged(found, quirks, Changes(), own=own)
    tools = declared(found, quirks, Changes())
    changes = Changes()
    again = msgspec.structs.replace(found, messages=first, tools=tools)
    assert arranged(again, quirks, changes, own=own) == first
    assert list(changes) == []


@settings(max_examples=150)
@given(chats, targets, owns)
def test_no_word_is_lost_untold_and_none_is_invented(
    found: ChatCall, quirks: Quirks, own: AnyDialect | None
) -> None:
    changes = Changes()
    written = arranged(found, quirks, changes, own=own)
    before = [t.strip() for m in found.messages for p in each(m.parts) if (t := _words(p)).strip()]
    after = [t.strip() for m in written for p in each(m.parts) if (t := _words(p)).strip()]
    for text in before:
        assert text in after
    ours = (
        *FILLERS,
        "The image",
        "The file",
        "(The image",
        "(The file",
        "Result of",
        "Result for",
        "nothing",
    )
    for text in after:
        assert text in before or text.startswith(ours)
    if any(text not in before for text in after):
        assert len(changes) > 0


def _words(part: Part) -> str:
    return part.text if isinstance(part, Text) else ""


def test_trap_25_parallel_results_stand_directly_after_their_calls_in_one_message() -> None:
    written, changes = done(
        chat(
            said("user", "Look."),
            said("assistant", call("a"), call("b")),
            said("tool", result("b", "two")),
            said("tool", result("a", "one")),
            said("user", "And now?"),
        )
    )
    assert shapes(written) == [
        ("user", ["Text"]),
        ("assistant", ["ToolCall", "ToolCall"]),
        ("user", ["ToolResult", "ToolResult"]),
        ("user", ["Text"]),
    ]
    given_back = [part.call_id for part in written[2].parts if isinstance(part, ToolResult)]
    assert given_back == ["a", "b"]
    assert not changes.of_weight("meaning")


def test_trap_25_items_of_one_turn_become_one_message() -> None:
    items = chat(
        said("user", "Look."),
        said("assistant", call("a")),
        said("assistant", call("b")),
        said("tool", result("a")),
        said("tool", result("b")),
        dialect="openai-responses",
    )
    written, changes = done(items)
    assert shapes(written)[1:] == [
        ("assistant", ["ToolCall", "ToolCall"]),
        ("user", ["ToolResult", "ToolResult"]),
    ]
    assert len(changes) == 0


def test_trap_25_what_the_user_says_among_results_comes_after_them() -> None:
    written, changes = done(
        chat(said("assistant", call("a")), said("user", "Wait.", result("a")), said("user", "Go on."))
    )
    assert shapes(written)[1:] == [("user", ["ToolResult", "Text"]), ("user", ["Text"])]
    assert "messages[1]: results stand directly after their calls" in whys(changes, "note")


def test_trap_25_results_without_ids_go_by_name_and_order() -> None:
    def nameless(name: str, text: str) -> ToolResult:
        return ToolResult(call_id="", name=name, parts=(Text(text=text),))

    written, _ = done(
        chat(
            said("assistant", call("", "find"), call("", "look"), call("", "find")),
            said("user", nameless("look", "1"), nameless("find", "2"), nameless("find", "3")),
            dialect="google",
        )
    )
    made = [part for part in written[0].parts if isinstance(part, ToolCall)]
    given_back = [part for part in written[1].parts if isinstance(part, ToolResult)]
    assert [(one.name, one.call_id) for one in given_back] == [(one.name, one.id) for one in made]
    assert [spoken(said("user", *one.parts)) for one in given_back] == [["2"], ["1"], ["3"]]


def test_trap_24_an_id_that_a_model_uses_again_becomes_two() -> None:
    turns = (said("assistant", call("x")), said("user", result("x", "first")))
    written, _ = done(chat(*turns, *(said("assistant", call("x")), said("user", result("x", "second")))))
    made = [part.id for message in written for part in message.parts if isinstance(part, ToolCall)]
    back = [part for message in written for part in message.parts if isinstance(part, ToolResult)]
    assert made[0] == "x" != made[1]
    assert [(one.call_id, spoken(said("user", *one.parts))) for one in back] == [
        (made[0], ["first"]),
        (made[1], ["second"]),
    ]


def test_trap_24_the_ids_of_a_conversation_stay_when_it_goes_on() -> None:
    turns = (said("assistant", call("x")), said("user", result("x")))
    for rule in ("any", "word", "nine"):
        quirks = Quirks(tool_ids=rule)
        shorter, _ = done(chat(*turns, *turns), quirks)
        longer, _ = done(chat(*turns, *turns, *turns, said("user", "More.")), quirks)
        assert longer[:4] == shorter


def test_trap_26_results_are_alone_where_the_target_wants_that() -> None:
    found = chat(said("assistant", call("a")), said("user", result("a"), "And?"), dialect="anthropic")
    written, changes = done(found, Quirks(are_results_alone=True), "bedrock")
    assert shapes(written)[1:] == [("user", ["ToolResult"]), ("user", ["Text"])]
    assert not changes.of_weight("meaning")
    written, _ = done(found, Quirks(are_results_alone=True, is_alternating=True), "bedrock")
    assert [role for role, _ in shapes(written)] == ["user", "assistant", "user", "assistant", "user"]


def test_trap_27_an_assistant_speaks_between_a_tool_and_the_user() -> None:
    found = chat(said("assistant", call("a")), said("tool", result("a")), said("user", "And?"))
    written, changes = done(found, Quirks(takes_user_after_tool=False), "openai-chat")
    assert [role for role, _ in shapes(written)] == ["assistant", "user", "assistant", "user"]
    assert spoken(written[2]) == ["OK."]
    assert "no user speaks after a tool" in whys(changes, "note")


def test_trap_30_a_call_without_a_result_is_told_and_nothing_is_invented() -> None:
    written, changes = done(
        chat(
            said("user", "Look."), said("assistant", "Yes.", call("a"), call("b")), said("tool", result("b"))
        )
    )
    assert shapes(written)[1:] == [("assistant", ["Text", "ToolCall"]), ("user", ["ToolResult"])]
    assert "messages[1]: a call of a tool that no result follows is left out" in whys(changes, "meaning")


def test_trap_30_a_result_without_a_call_is_told_and_kept_as_text() -> None:
    written, changes = done(chat(said("tool", result("gone", "It was 7.")), said("user", "So?")))
    assert [role for role, _ in shapes(written)] == ["user", "user"]
    assert spoken(written[0])[1] == "It was 7."
    assert "messages[0]: a result of no call" in whys(changes, "meaning")


def test_trap_30_a_second_result_of_a_call_is_an_orphan() -> None:
    _, changes = done(
        chat(said("assistant", call("a")), said("tool", result("a")), said("tool", result("a", "again")))
    )
    assert "messages[2]: a result of no call" in whys(changes, "meaning")


def test_trap_30_a_late_result_goes_back_to_its_call_and_that_is_told() -> None:
    written, changes = done(
        chat(
            said("assistant", call("a"), call("b")),
            said("tool", result("a")),
            said("assistant", "Still waiting."),
            said("tool", result("b")),
        )
    )
    assert shapes(written)[1] == ("user", ["ToolResult", "ToolResult"])
    assert "messages[3]: a result is moved back" in whys(changes, "meaning")


def test_trap_32_an_image_in_a_result_stands_behind_it_with_a_label() -> None:
    found = chat(
        said("assistant", call("a")),
        said("user", result("a", "Here:", IMAGE), "Well?"),
        dialect="anthropic",
    )
    written, changes = done(found, own="openai-chat")
    assert shapes(written)[1] == ("user", ["ToolResult", "Text", "Media", "Text"])
    assert spoken(written[1])[0] == 'The image that tool "look" gave for call a:'
    head = written[1].parts[0]
    assert isinstance(head, ToolResult) and not any(isinstance(part, Media) for part in head.parts)
    assert "media of a tool's result" in whys(changes, "note")
    kept, _ = done(found, Quirks(takes_media_in_results=True), "openai-responses")
    assert kept[1] == msgspec.structs.replace(
        kept[1], parts=(msgspec.structs.replace(result("a", "Here:", IMAGE), name="look"), Text(text="Well?"))
    )


def thought(maker: str, text: str = "Hm.") -> Reasoning:
    return Reasoning(text=text, seal=Seal(maker, "sealed"))


def test_trap_33_reasoning_goes_back_to_its_maker_unchanged_and_first() -> None:
    redacted = Reasoning(seal=Seal("anthropic", "opaque"), is_redacted=True)
    bare = Reasoning(seal=Seal("anthropic", "only"))
    found = chat(
        said("assistant", "Let me see.", thought("anthropic"), redacted, bare, call("a")),
        said("tool", result("a")),
    )
    written, changes = done(found)
    assert written[0].parts == (
        thought("anthropic"),
        redacted,
        bare,
        Text(text="Let me see."),
        call("a"),
    )
    assert not changes.of_weight("loss") and not changes.of_weight("meaning")


def test_trap_34_a_signature_on_a_call_goes_to_its_maker_only() -> None:
    sealed = msgspec.structs.replace(call("a"), seal=Seal("google", "thought"))
    found = chat(said("assistant", sealed), said("tool", result("a")))
    assert done(found, own="google")[0][0].parts == (sealed,)
    written, changes = done(found, own="anthropic")
    assert written[0].parts == (call("a"),)
    assert "another provider's signature" in whys(changes, "loss")


def test_trap_35_a_seal_bound_to_a_credential_goes_to_that_credential_only() -> None:
    found = chat(said("user", "Hi."), said("assistant", thought("openai-responses:eu"), "Hello."))
    kept, _ = done(found, Quirks(maker="openai-responses:eu"), "openai-responses")
    assert kept[1].parts[0] == thought("openai-responses:eu")
    for quirks in (PLAIN, Quirks(maker="openai-responses:us")):
        written, _ = done(found, quirks, "openai-responses")
        assert spoken(written[1]) == ["Hello."] and len(written[1].parts) == 1


def test_trap_36_a_turn_that_calls_tools_brings_its_reasoning_along() -> None:
    quirks = Quirks(wants_reasoning_back=True)
    found = chat(
        said("user", "Hi."),
        said("assistant", Reasoning(text="No tool."), "Hello."),
        said("assistant", Reasoning(text="I look."), call("a")),
        said("tool", result("a")),
        said("assistant", thought("anthropic", "Once more."), call("b")),
        said("tool", result("b")),
        said("assistant", call("c")),
        said("tool", result("c")),
        dialect="anthropic",
    )
    written, changes = done(found, quirks, "openai-chat")
    thoughts = [part for message in written for part in message.parts if isinstance(part, Reasoning)]
    assert [one.text for one in thoughts] == ["No tool.", "I look.", "Once more.", ""]
    assert all(one.seal is None for one in thoughts)
    assert "the target wants the reasoning" in whys(changes, "note")
    plain, _ = done(found, own="openai-chat")
    assert not any(isinstance(part, Reasoning) for message in plain for part in message.parts)


def test_trap_37_foreign_reasoning_is_dropped_and_never_becomes_text() -> None:
    found = chat(said("user", "Hi."), said("assistant", thought("google", "SECRET"), "Hello."))
    written, changes = done(found)
    assert spoken(written[1]) == ["Hello."]
    assert "SECRET" not in str(written)
    assert "messages[1]: another provider's reasoning" in whys(changes, "loss")
    assert not changes.of_weight("meaning")


def test_trap_41_a_system_message_in_the_middle_stays_there() -> None:
    found = chat(said("system", "S1"), said("user", "Hi."), said("developer", "S2"), said("user", "Bye."))
    written, changes = done(found, PLAIN, "openai-responses")
    assert [message.role for message in written] == ["system", "user", "developer", "user"]
    assert len(changes) == 0
    written, changes = done(found, Quirks(has_developer_role=False), "openai-chat")
    assert [message.role for message in written] == ["system", "user", "system", "user"]
    assert not changes.of_weight("meaning")
    apart: list[tuple[Quirks, AnyDialect]] = [
        (PLAIN, "anthropic"),
        (Quirks(is_system_first=True), "openai-chat"),
    ]
    for quirks, own in apart:
        written, changes = done(found, quirks, own)
        assert [(message.role, spoken(message)) for message in written] == [
            ("system", ["S1"]),
            ("user", ["Hi."]),
            ("user", ["<system>", "S2", "</system>"]),
            ("user", ["Bye."]),
        ]
        assert "messages[2]: a system message in the middle" in whys(changes, "note")
        assert not changes.of_weight("meaning")


def test_trap_41_a_system_message_after_results_comes_after_them() -> None:
    found = chat(
        said("user", "Look."), said("assistant", call("a")), said("tool", result("a")), said("system", "S")
    )
    for quirks in (PLAIN, Quirks(is_alternating=True, is_system_first=True)):
        written, changes = done(found, quirks, "bedrock")
        parts = [part for message in written[2:] for part in message.parts]
        assert isinstance(parts[0], ToolResult)
        assert parts[1:] == [Text(text="<system>"), Text(text="S"), Text(text="</system>")]
        assert not changes.of_weight("meaning")


def test_trap_41_without_a_system_role_it_opens_the_first_turn_of_the_user() -> None:
    quirks = Quirks(has_system_role=False)
    written, changes = done(chat(said("system", "Be brief."), said("user", "Hi.")), quirks, "openai-chat")
    assert [(message.role, spoken(message)) for message in written] == [("user", ["Be brief.", "Hi."])]
    assert changes.of_weight("note") and not changes.of_weight("meaning")
    written, _ = done(chat(said("system", "Be brief."), said("assistant", "Hi.")), quirks, "openai-chat")
    assert [message.role for message in written] == ["user", "assistant"]


def test_trap_42_user_and_assistant_take_turns() -> None:
    found = chat(said("assistant", "Welcome."), said("user", "Hi."), said("user", "You?"))
    written, changes = done(found, Quirks(is_alternating=True), "openai-chat")
    assert [message.role for message in written] == ["user", "assistant", "user"]
    assert spoken(written[2]) == ["Hi.", "You?"]
    assert "begins with the user" in whys(changes, "meaning")
    assert done(found, PLAIN, "openai-chat")[0] == found.messages


def test_trap_42_blank_texts_are_left_out() -> None:
    written, changes = done(
        chat(said("user", "", "Hi."), said("assistant", " \n"), said("user", "\t"), said("user", "Ho."))
    )
    assert [(message.role, spoken(message)) for message in written] == [("user", ["Hi."]), ("user", ["Ho."])]
    assert "messages[1]: a message without a word is left out" in whys(changes, "note")


def test_trap_42_somebody_says_something_where_the_target_wants_that() -> None:
    for found in (chat(said("user", " ")), chat(said("system", "Be brief."), said("user", ""))):
        written, changes = done(found)
        assert spoken(written[-1]) == ["(The user says nothing.)"]
        assert "something to answer" in whys(changes, "meaning")
    alone = chat(said("system", "Be brief."))
    assert done(alone, own="openai-chat")[0] == alone.messages
    assert done(chat())[0] == ()


def test_trap_42_the_beginning_of_an_answer() -> None:
    found = chat(said("user", "A haiku."), said("assistant", "Old pond \n"))
    written, changes = done(found)
    assert spoken(written[1]) == ["Old pond"] and not changes.of_weight("meaning")
    written, changes = done(found, Quirks(takes_prefill=False))
    assert [message.role for message in written] == ["user", "assistant", "user"]
    assert "no beginning of its answer" in whys(changes, "meaning")


def test_paths_are_those_of_the_callers_body() -> None:
    bare = said("assistant", call("a"))
    paths: dict[AnyDialect, str] = {
        "anthropic": "messages[1]",
        "google": "contents[1]",
        "openai-chat": "messages[2]",
    }
    for dialect, path in paths.items():
        _, changes = done(chat(said("system", "S"), said("user", "Hi."), bare, dialect=dialect))
        assert [one.what for one in changes.of_weight("meaning")] == [path]


def test_a_text_beside_the_list_of_responses_has_its_own_path() -> None:
    def spelled(message: Message, shape: str) -> Message:
        return msgspec.structs.replace(message, native=Native(dialect="openai-responses", shape=shape))

    first = spelled(said("system", "S"), "instructions")
    bare = said("assistant", call("a"))
    _, changes = done(chat(first, said("user", "Hi."), bare, dialect="openai-responses"))
    assert [one.what for one in changes.of_weight("meaning")] == ["input[1]"]
    _, changes = done(chat(first, spelled(said("user", " "), "input"), dialect="openai-responses"))
    assert [one.what for one in changes] == ["input", "instructions"]


def test_a_part_that_only_another_dialect_knows_is_left_out_and_told() -> None:
    own = NativePart(dialect="anthropic", kind="web_search", value={})
    found = chat(said("user", "Hi."), said("assistant", own, "Found."), dialect="anthropic")
    assert done(found)[0] == found.messages
    written, changes = done(found, own="google")
    assert spoken(written[1]) == ["Found."] and len(written[1].parts) == 1
    assert "web_search" in whys(changes, "meaning")


def test_a_part_in_a_message_of_another_role_gets_one_of_its_own() -> None:
    written, changes = done(chat(said("user", "Hi."), said("assistant", call("a"), result("a"), "So.")))
    assert shapes(written) == [
        ("user", ["Text"]),
        ("assistant", ["ToolCall"]),
        ("user", ["ToolResult"]),
        ("assistant", ["Text"]),
    ]
    assert "parts of another role" in whys(changes, "meaning")

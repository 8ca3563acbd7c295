"""Ids and names of tools: what fits stays, what does not comes back."""

import re

import msgspec
from hypothesis import example, given
from hypothesis import strategies as st
from tests.wire.dialects.conversations import NAMES, chats, targets

from headgate.core.chat import (
    Candidate,
    ChatAnswer,
    ChatCall,
    FunctionTool,
    Message,
    Text,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from headgate.core.events import Ended, PartBegan
from headgate.core.quirks import PLAIN, Quirks
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.identifiers import Rule, fits, fitting, names_of, original
from headgate.wire.dialects.identifiers import given as given_id
from headgate.wire.dialects.turns import arranged, chosen, declared

rules: st.SearchStrategy[Rule] = st.sampled_from(("any", "word", "nine"))


@given(st.text(max_size=80), rules, st.integers(0, 10_000))
@example("functions.look:0", "word", 0)
@example("hgid_", "nine", 3)
def test_trap_24_every_id_fits_and_fitting_again_changes_nothing(text: str, rule: Rule, place: int) -> None:
    found = fitting(text, rule, place)
    assert fits(found, rule)
    assert fitting(found, rule, place) == found
    assert fitting(text, rule, place) == found


def test_trap_24_what_a_provider_gave_fits_its_own_rule() -> None:
    made: list[tuple[str, Rule]] = [
        ("call_abcDEF0123456789abcdef01", "any"),
        ("toolu_01A09q90qw90lq917835lq9", "word"),
        ("tooluse_kZJMlvQmRJ6eAyJE5GIl7Q", "word"),
        ("D681PevKs", "nine"),
    ]
    for identifier, rule in made:
        assert fitting(identifier, rule, 7) == identifier


def test_trap_24_an_id_of_other_characters_travels_inside_one_and_comes_out_again() -> None:
    there = fitting("functions.look:0", "word", 0)
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,64}", there)
    assert original(there) == "functions.look:0"
    assert fitting(there, "any", 5) == "functions.look:0"


def test_trap_24_derived_ids_differ_by_place_and_by_id() -> None:
    made = {fitting(text, "nine", place) for text in ("", "x" * 70, "a.b") for place in range(500)}
    assert len(made) == 1500


def test_trap_24_an_answer_without_ids_gets_the_same_ones_each_time() -> None:
    first = [given_id("resp_1", place) for place in range(3)]
    assert first == [given_id("resp_1", place) for place in range(3)]
    assert len({*first, *(given_id("resp_2", place) for place in range(3))}) == 6
    assert all(fits(one, "any") and fits(one, "word") for one in first)


def chat(*names: str, choice: ToolChoice | None = None) -> ChatCall:
    return ChatCall(
        dialect="openai-chat",
        model="m",
        messages=(Message(role="user", parts=(Text(text="Hi."),)),),
        tools=tuple(FunctionTool(name=name) for name in names),
        tool_choice=choice,
    )


@given(chats, targets)
def test_trap_31_names_fit_differ_and_come_back(found: ChatCall, quirks: Quirks) -> None:
    names = names_of(found, quirks)
    there = {name: names.there(name) for name in NAMES}
    assert names_of(found, quirks) == names
    used = {tool.name for tool in found.tools if isinstance(tool, FunctionTool)}
    for name in used:
        assert re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]*", there[name])
        assert len(there[name]) <= quirks.tool_name_length_max
        assert names.here(there[name]) == name
    assert len({there[name] for name in used}) == len(used)


def test_trap_31_aliases_stand_in_tools_choice_and_history_and_are_turned_back_in_the_answer() -> None:
    long = "n" * 70
    found = chat("my.tool", "plain", long, choice=ToolChoice(mode="named", names=("my.tool",)))
    changes = Changes()
    tools = [tool for tool in declared(found, PLAIN, changes) if isinstance(tool, FunctionTool)]
    choice = chosen(found, PLAIN, changes)
    alias = tools[0].name
    assert alias.startswith("my_tool_") and tools[1].name == "plain" and len(tools[2].name) == 64
    assert choice is not None and choice.names == (alias,)
    assert [one.weight for one in changes] == ["note", "note"]
    names = names_of(found, PLAIN)
    call = ToolCall(id="a", name=alias, arguments="{}")
    answer = ChatAnswer(dialect="anthropic", id="", model="m", candidates=(Candidate(parts=(call,)),))
    back = names.answer(answer).candidates[0].parts[0]
    assert isinstance(back, ToolCall) and back.name == "my.tool"
    event = names.event(PartBegan(number=0, part=call))
    assert isinstance(event, PartBegan) and event.part == back
    assert names.event(Ended()) == Ended()


def test_trap_31_two_names_that_look_alike_get_two_aliases() -> None:
    first, second = declared(chat("a.b", "a:b"), PLAIN, Changes())
    assert isinstance(first, FunctionTool) and isinstance(second, FunctionTool)
    assert first.name != second.name


def test_trap_31_history_keeps_the_alias_of_its_tool() -> None:
    found = chat("a.b")
    call = ToolCall(id="a", name="a.b", arguments="{}")
    history = ChatCall(
        dialect="openai-chat",
        model="m",
        messages=(
            Message(role="assistant", parts=(call,)),
            Message(role="user", parts=()),
        ),
        tools=found.tools,
    )
    (tool,) = declared(history, PLAIN, Changes())
    assert isinstance(tool, FunctionTool) and tool.name == names_of(found, PLAIN).there("a.b")
    written = arranged(
        msgspec.structs.replace(
            history,
            messages=(
                Message(role="assistant", parts=(call,)),
                Message(role="tool", parts=(ToolResult(call_id="a", parts=()),)),
            ),
        ),
        PLAIN,
        Changes(),
    )
    assert [part.name for message in written for part in message.parts if isinstance(part, ToolCall)] == [
        tool.name
    ]

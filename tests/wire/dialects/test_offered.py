"""Tools and how they are to be called, as far as a target takes them."""

from headgate.core.chat import (
    ChatCall,
    FunctionTool,
    Message,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from headgate.core.quirks import PLAIN, Quirks
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.turns import chosen, declared, parallel

LOOK = FunctionTool(name="look", parameters={"type": "object"})
HISTORY = (
    Message(role="assistant", parts=(ToolCall(id="a", name="look", arguments="{}"),)),
    Message(role="tool", parts=(ToolResult(call_id="a", parts=(Text(text="7"),)),)),
)
NO_NONE = Quirks(takes_no_tool_choice=False)


def chat(
    *messages: Message,
    tools: tuple[Tool, ...] = (),
    choice: ToolChoice | None = None,
    is_parallel: bool | None = None,
    thinking: Thinking | None = None,
) -> ChatCall:
    return ChatCall(
        dialect="openai-chat",
        model="m",
        messages=messages,
        tools=tools,
        tool_choice=choice,
        parallel_tools=is_parallel,
        thinking=thinking,
    )


def offered(found: ChatCall, quirks: Quirks) -> tuple[tuple[Tool, ...], ToolChoice | None, list[str]]:
    changes = Changes()
    tools, choice = declared(found, quirks, changes), chosen(found, quirks, changes)
    return tools, choice, [f"{one.weight} {one.what}" for one in changes]


def test_trap_29_tools_of_the_history_are_declared_again_and_not_to_be_called() -> None:
    tools, choice, told = offered(chat(*HISTORY), PLAIN)
    assert [tool.name for tool in tools if isinstance(tool, FunctionTool)] == ["look"]
    assert choice == ToolChoice(mode="none")
    assert told == ["note tools"]


def test_trap_29_a_target_without_none_may_call_them_which_is_told() -> None:
    tools, choice, told = offered(chat(*HISTORY), NO_NONE)
    assert len(tools) == 1 and choice is None
    assert told == ["note tools", "meaning tools"]


def test_trap_29_a_target_that_does_not_need_them_gets_none() -> None:
    assert offered(chat(*HISTORY), Quirks(needs_declared_tools=False)) == ((), None, [])
    assert offered(chat(), PLAIN) == ((), None, [])


def test_trap_28_none_is_said_or_the_tools_are_left_out() -> None:
    none = ToolChoice(mode="none")
    assert offered(chat(tools=(LOOK,), choice=none), PLAIN) == ((LOOK,), none, [])
    assert offered(chat(tools=(LOOK,), choice=none), NO_NONE) == ((), None, ["note tool_choice"])
    with_history = chat(*HISTORY, tools=(LOOK,), choice=none)
    assert offered(with_history, NO_NONE) == ((LOOK,), None, ["meaning tool_choice"])


def test_trap_28_a_forced_tool_that_the_target_refuses_is_told() -> None:
    auto = ToolChoice(mode="auto")
    thinks = Quirks(takes_forced_tool_with_thinking=False)
    for choice in (ToolChoice(mode="required"), ToolChoice(mode="named", names=("look",))):
        found = chat(tools=(LOOK,), choice=choice)
        assert offered(found, PLAIN) == ((LOOK,), choice, [])
        assert offered(found, thinks) == ((LOOK,), choice, [])
        assert offered(found, Quirks(takes_forced_tool=False)) == ((LOOK,), auto, ["meaning tool_choice"])
        thinking = chat(tools=(LOOK,), choice=choice, thinking=Thinking(budget_tokens=2_000))
        assert offered(thinking, thinks) == ((LOOK,), auto, ["meaning tool_choice"])
        assert offered(thinking, PLAIN) == ((LOOK,), choice, [])


def test_trap_28_calling_one_tool_at_a_time_is_said_or_told() -> None:
    no_flag = Quirks(takes_parallel_flag=False)
    for asked, quirks, said, told in (
        (None, PLAIN, None, 0),
        (False, PLAIN, False, 0),
        (True, no_flag, None, 0),
        (False, no_flag, None, 1),
    ):
        changes = Changes()
        assert parallel(chat(tools=(LOOK,), is_parallel=asked), quirks, changes) == said
        assert len(changes.of_weight("meaning")) == told
    assert parallel(chat(is_parallel=False), PLAIN, Changes()) is None

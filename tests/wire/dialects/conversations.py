"""Conversations and targets of every kind, for Hypothesis, and the rules that arranged messages keep."""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, get_args

from hypothesis import strategies as st

from headgate.core.call import AnyDialect
from headgate.core.chat import (
    ChatCall,
    FunctionTool,
    Media,
    Message,
    NativePart,
    Part,
    Reasoning,
    Refusal,
    Role,
    Seal,
    Text,
    ToolCall,
    ToolResult,
)
from headgate.core.quirks import Quirks

DIALECTS: tuple[AnyDialect, ...] = ("openai-chat", "openai-responses", "anthropic", "google", "bedrock")
IDS = ("", "a", "b", "call_1", "functions.look:0", "x" * 60, "Abc123xyz", "hgid_YQ")
NAMES = ("look", "find", "my.tool", "n" * 80, "Wörter", "1st")
ROLES: tuple[Role, ...] = get_args(Role)

texts = st.sampled_from(["", " \n", "Hello", "Bye. \n", "Why?"])
seals = st.none() | st.builds(Seal, st.sampled_from(DIALECTS), st.just("sealed"))
words = st.builds(Text, text=texts, seal=seals)
media = st.builds(Media, kind=st.sampled_from(["image", "file"]), url=st.just("https://example.com/a.png"))
calls = st.builds(
    ToolCall, id=st.sampled_from(IDS), name=st.sampled_from(NAMES), arguments=st.just("{}"), seal=seals
)
results = st.builds(
    ToolResult,
    call_id=st.sampled_from(IDS),
    name=st.sampled_from(("", *NAMES)),
    parts=st.lists(words | media, max_size=2).map(tuple),
)
reasonings = st.builds(Reasoning, text=texts, seal=seals, is_redacted=st.booleans())
natives = st.builds(
    NativePart, dialect=st.sampled_from(DIALECTS), kind=st.just("search"), value=st.just({"type": "search"})
)
refusals = st.just(Refusal(text="No."))
parts = st.one_of(words, calls, results, words, media, reasonings, natives, refusals)


def messages(role: Role, inside: st.SearchStrategy[Part]) -> st.SearchStrategy[Message]:
    return st.builds(Message, role=st.just(role), parts=st.lists(inside, max_size=4).map(tuple))


likely = st.one_of(
    messages("system", words),
    messages("developer", words),
    messages("user", words | media | results),
    messages("assistant", words | calls | reasonings | natives),
    messages("tool", results),
    st.sampled_from(ROLES).flatmap(lambda role: messages(role, parts)),
)
chats = st.builds(
    ChatCall,
    dialect=st.sampled_from(DIALECTS),
    model=st.just("m"),
    messages=st.lists(likely, max_size=9).map(tuple),
    tools=st.lists(st.builds(FunctionTool, name=st.sampled_from(NAMES)), max_size=3).map(tuple),
)
targets = st.builds(
    Quirks,
    maker=st.sampled_from(["", "anthropic:work"]),
    has_developer_role=st.booleans(),
    has_system_role=st.booleans(),
    is_system_first=st.booleans(),
    is_alternating=st.booleans(),
    takes_prefill=st.booleans(),
    tool_ids=st.sampled_from(["any", "word", "nine"]),
    tool_name_length_max=st.sampled_from([24, 64, 128]),
    takes_user_after_tool=st.booleans(),
    are_results_alone=st.booleans(),
    takes_media_in_results=st.booleans(),
    wants_reasoning_back=st.booleans(),
)
owns: st.SearchStrategy[AnyDialect | None] = st.sampled_from((None, *DIALECTS))

_ID_RULES = {"any": r"[^\x00-\x1f]{1,40}", "word": r"[A-Za-z0-9_-]{1,64}", "nine": r"[A-Za-z0-9]{9}"}


def broken(found: Sequence[Message], quirks: Quirks, own: AnyDialect | None) -> list[str]:
    """Every rule that the messages break, in words."""
    return [
        *_of_roles(found, quirks, own),
        *_of_order(found, quirks, own),
        *_of_pairs(found),
        *_of_tools(found, quirks),
        *(fault for message in found for fault in _of_parts(message, quirks, own)),
    ]


def _of_roles(found: Sequence[Message], quirks: Quirks, own: AnyDialect | None) -> Iterator[str]:
    has_developer = quirks.has_developer_role and own in ("openai-chat", "openai-responses")
    roles = [message.role for message in found]
    if "tool" in roles or ("developer" in roles and not has_developer):
        yield "a role that is not taken"
    is_system = [role in ("system", "developer") for role in roles]
    if not quirks.has_system_role and "system" in roles:
        yield "a system role"
    is_apart = own in ("anthropic", "google", "bedrock")
    if (quirks.is_system_first or is_apart) and is_system != sorted(is_system, reverse=True):
        yield "a system message in the middle"


def _of_order(found: Sequence[Message], quirks: Quirks, own: AnyDialect | None) -> Iterator[str]:
    talk = [message for message in found if message.role in ("user", "assistant")]
    for first, second in pairwise(found):
        if first.role == "assistant" == second.role:
            yield "the assistant twice in a row"
    for first, second in pairwise(talk):
        if quirks.is_alternating and first.role == second.role:
            yield "no alternation"
        if not quirks.takes_user_after_tool and second.role == "user" and has_results(first):
            yield "a user after a tool"
    if quirks.is_alternating and talk and talk[0].role != "user":
        yield "the user does not begin"
    if found and not talk and own in ("anthropic", "google", "bedrock"):
        yield "nothing to answer"
    last = found[-1] if found else None
    if last is not None and last.role == "assistant":
        if not quirks.takes_prefill:
            yield "a beginning of the answer"
        ending = last.parts[-1]
        if isinstance(ending, Text) and ending.seal is None and ending.text != ending.text.rstrip():
            yield "white space at the end of a beginning"


def _of_pairs(found: Sequence[Message]) -> Iterator[str]:
    for place, message in enumerate(found):
        made = [part.id for part in message.parts if isinstance(part, ToolCall)]
        after = found[place + 1] if place + 1 < len(found) else None
        given = results_of(after) if after is not None and after.role == "user" else []
        if made and [one.call_id for one in given] != made:
            yield "calls without their results directly after them"
        before = found[place - 1] if place else None
        made_before = before is not None and any(isinstance(part, ToolCall) for part in before.parts)
        if has_results(message) and not made_before:
            yield "results without calls directly before them"
        heads = [isinstance(part, ToolResult) for part in message.parts]
        if heads != sorted(heads, reverse=True):
            yield "results not at the head"


def _of_tools(found: Sequence[Message], quirks: Quirks) -> Iterator[str]:
    made = [part for message in found for part in message.parts if isinstance(part, ToolCall)]
    if len({call.id for call in made}) != len(made):
        yield "an id twice"
    for call in made:
        if not re.fullmatch(_ID_RULES[quirks.tool_ids], call.id):
            yield f"the id {call.id!r}"
        if (
            not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]*", call.name)
            or len(call.name) > quirks.tool_name_length_max
        ):
            yield f"the name {call.name!r}"
    names = {call.id: call.name for call in made}
    for message in found:
        for result in results_of(message):
            if result.name != names.get(result.call_id):
                yield "a result under another name"


def _of_parts(message: Message, quirks: Quirks, own: AnyDialect | None) -> Iterator[str]:
    maker = quirks.maker or own or ""
    if not message.parts:
        yield "an empty message"
    calls_tools = any(isinstance(part, ToolCall) for part in message.parts)
    reasoning = [part for part in message.parts if isinstance(part, Reasoning)]
    if message.role != "assistant" and (calls_tools or reasoning):
        yield "a part in a message of another role"
    if message.role != "user" and has_results(message):
        yield "a result in a message of another role"
    if reasoning and not isinstance(message.parts[0], Reasoning):
        yield "reasoning is not first"
    if quirks.wants_reasoning_back and calls_tools and not reasoning:
        yield "no reasoning comes back"
    for one in reasoning:
        if one.seal is None and not (quirks.wants_reasoning_back and calls_tools):
            yield "another's reasoning"
    rest = [part for part in message.parts if not isinstance(part, ToolResult)]
    is_split = quirks.are_results_alone or not quirks.takes_user_after_tool
    if is_split and has_results(message) and rest:
        yield "results are not alone"
    held = [inner for result in results_of(message) for inner in result.parts if isinstance(inner, Media)]
    if held and not quirks.takes_media_in_results:
        yield "media in a result"
    for part in each(message.parts):
        seal: Any = getattr(part, "seal", None)
        if seal is not None and seal.maker != maker:
            yield "another's seal"
        if isinstance(part, Text) and part.seal is None and not part.text.strip() and part in message.parts:
            yield "a blank text"
        if isinstance(part, NativePart) and own is not None and part.dialect != own:
            yield "another's part"


def results_of(message: Message) -> list[ToolResult]:
    return [part for part in message.parts if isinstance(part, ToolResult)]


def has_results(message: Message) -> bool:
    return bool(results_of(message))


def each(found: Sequence[Part]) -> Iterator[Part]:
    for part in found:
        yield part
        if isinstance(part, ToolResult):
            yield from each(part.parts)

"""What a caller may ask for, each as the words of a call and of the answer that a provider gives to it.

Read next: `cells`, which asks for each in every dialect of every kind of provider.
"""

from collections.abc import Callable
from typing import Any, Final

import msgspec

from headgate.core.call import AnyDialect
from headgate.core.chat import (
    CacheMark,
    ChatCall,
    Fields,
    FunctionTool,
    Media,
    Message,
    OutputFormat,
    Part,
    Reasoning,
    Role,
    Sampling,
    Seal,
    Text,
    Thinking,
    ToolCall,
    ToolChoice,
    ToolResult,
)

TEXT: Final = "The weir is open."
VALUE: Final = {"level": 3}
SCHEMA: Final[Fields] = {
    "type": "object",
    "properties": {"level": {"type": "integer"}},
    "required": ["level"],
    "additionalProperties": False,
}
_PIXEL: Final = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB0C8AAAAASUVORK5CYII="
_IMAGE: Final = Media(kind="image", media_type="image/png", data=_PIXEL)
_LINKED: Final = Media(kind="image", media_type="image/png", url="https://weir.example/gate.png")
_PDF: Final = Media(kind="file", media_type="application/pdf", data="JVBERi0xLjQKJSVFT0YK", name="a.pdf")
_WAVE: Final = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAgD4AAAB9AAACABAAZGF0YQAAAAA="
_SOUND: Final = Media(kind="audio", media_type="audio/wav", data=_WAVE)

Make = Callable[[AnyDialect], ChatCall]


class Feature(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to ask for. `call` makes it for a caller's dialect."""

    name: str
    about: str
    call: Make
    answer: tuple[Part, ...] = (Text(text=TEXT),)
    is_structured: bool = False
    """The answer is `VALUE`, in the form that the target was made to keep."""


def _call(messages: tuple[Message, ...] = (), **more: Any) -> Make:
    said = messages or (_said("How is the weir?"),)

    def made(dialect: AnyDialect) -> ChatCall:
        call = ChatCall(dialect=dialect, model="asked", messages=said, max_output=4000)
        return msgspec.structs.replace(call, **more)

    return made


def _said(text: str, *parts: Part, role: Role = "user") -> Message:
    return Message(role=role, parts=(Text(text=text), *parts))


def _sampled(**settings: Any) -> Make:
    return _call(sampling=Sampling(**settings))


def _shown(part: Media) -> Make:
    return _call((_said("What is this?", part),))


_TOOL: Final = FunctionTool(name="read_level", description="Reads a level.", parameters=SCHEMA)
_CALLS: Final = (
    ToolCall(id="call_1", name="read_level", arguments='{"level":1}'),
    ToolCall(id="call_2", name="read_level", arguments='{"level":2}'),
)
_QUESTION: Final = _said("Read levels 1 and 2.")


def _after_tools(dialect: AnyDialect) -> ChatCall:
    results = tuple(
        ToolResult(call_id=one.id, name=one.name, parts=(Text(text=f"level {place}"),))
        for place, one in enumerate(_CALLS)
    )
    called: tuple[Message, ...] = (Message(role="assistant", parts=_CALLS),)
    told = tuple(Message(role="tool", parts=(one,)) for one in results)
    if dialect == "openai-responses":  # each is an item of its own there
        called = tuple(Message(role="assistant", parts=(one,)) for one in _CALLS)
    if dialect in ("anthropic", "google"):
        told = (Message(role="user", parts=results),)
    messages = (_QUESTION, *called, *told)
    return _call(messages, tools=(_TOOL,))(dialect)


def _thought_before(dialect: AnyDialect) -> ChatCall:
    """A conversation that somebody else has thought in: its seal is none of the target's."""
    is_summary = dialect == "openai-responses"
    thought = Reasoning(text="Look.", seal=Seal("elsewhere", "c2VhbA=="), is_summary=is_summary)
    answer = Message(role="assistant", parts=(thought, Text(text="Yes.")))
    return _call((_said("Is it open?"), answer, _said("Sure?")))(dialect)


_SYSTEM: Final = (_said("You keep a weir.", role="system"), _said("How is it?"))
_TURNS: Final = (_said("Is it open?"), _said("Yes.", role="assistant"), _said("Sure?"))
_MARKED: Final = (
    Message(role="user", parts=(Text(text="A long text.", cache=CacheMark()), Text(text="Sum it up."))),
)
_OUTPUT: Final = OutputFormat(kind="schema", name="level", schema=SCHEMA, strict=True)

FEATURES: Final = (
    Feature(name="text", about="a question and an answer", call=_call()),
    Feature(name="stream", about="the same, as a stream", call=_call(stream=True)),
    Feature(name="system", about="a system prompt", call=_call(_SYSTEM)),
    Feature(name="turns", about="a conversation of three turns", call=_call(_TURNS)),
    Feature(name="heat", about="`temperature` 0.5", call=_sampled(temperature=0.5)),
    Feature(name="top-p", about="`top_p` 0.9", call=_sampled(top_p=0.9)),
    Feature(name="top-k", about="`top_k` 40", call=_sampled(top_k=40)),
    Feature(name="stop", about="a stop sequence", call=_sampled(stop=("END",))),
    Feature(name="seed", about="a seed", call=_sampled(seed=7)),
    Feature(name="n", about="two candidates", call=_sampled(choices=2)),
    Feature(
        name="logprobs", about="log probabilities of tokens", call=_sampled(logprobs=True, top_logprobs=2)
    ),
    Feature(
        name="tools", about="a tool offered, and two calls of it", call=_call(tools=(_TOOL,)), answer=_CALLS
    ),
    Feature(
        name="tools, streamed",
        about="the same, as a stream",
        call=_call(tools=(_TOOL,), stream=True),
        answer=_CALLS,
    ),
    Feature(
        name="forced",
        about="one tool that has to be called",
        call=_call(tools=(_TOOL,), tool_choice=ToolChoice(mode="named", names=("read_level",))),
        answer=_CALLS[:1],
    ),
    Feature(name="results", about="the turn after two calls, with their results", call=_after_tools),
    Feature(
        name="one by one",
        about="tools, but one call at a time",
        call=_call(tools=(_TOOL,), parallel_tools=False),
        answer=_CALLS[:1],
    ),
    Feature(
        name="schema", about="an answer by a JSON schema", call=_call(output=_OUTPUT), is_structured=True
    ),
    Feature(
        name="schema, streamed",
        about="the same, as a stream",
        call=_call(output=_OUTPUT, stream=True),
        is_structured=True,
    ),
    Feature(
        name="thinking",
        about="reasoning of effort `high`, and an answer that shows it",
        call=_call(thinking=Thinking(effort="high", is_shown=True), max_output=40_000),
        answer=(Reasoning(text="Look at the gate."), Text(text=TEXT)),
    ),
    Feature(name="thought", about="a history with reasoning of another provider", call=_thought_before),
    Feature(name="image", about="an image in the call", call=_shown(_IMAGE)),
    Feature(
        name="image URL",
        about="an image by its address",
        call=_shown(_LINKED),
    ),
    Feature(name="PDF", about="a PDF in the call", call=_shown(_PDF)),
    Feature(name="audio", about="sound in the call", call=_shown(_SOUND)),
    Feature(name="cache", about="a prefix marked as worth caching", call=_call(_MARKED)),
    Feature(name="user", about="the end user's id", call=_call(user="user-1")),
)

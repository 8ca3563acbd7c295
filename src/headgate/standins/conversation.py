"""A conversation as a stand-in understands it, whatever dialect it came in: turns, tools, limits.

Pure values, made by the `answers_*` module of each dialect, answered by `standins.answers_reply`.
"""

from typing import Any, Literal

import msgspec

from headgate.core.call import Usage
from headgate.standins.drills import drill_of

Schema = dict[str, Any]

IMAGE_TOKENS = 85
AUDIO_TOKENS = 50
FILE_TOKENS = 120
MESSAGE_TOKENS = 3


class InvalidBody(Exception):
    """The request is not what the dialect says. `parameter` names the field where that is known."""

    def __init__(self, message: str, *, parameter: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.parameter = parameter
        self.code = code


class ToolResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a tool answered: the id of its call, and its output as text."""

    call_id: str
    text: str


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """One message: its text, and counts of what is not text. `calls` are the names of tools called."""

    role: Literal["system", "user", "assistant", "tool"]
    text: str = ""
    images: int = 0
    audio: int = 0
    files: int = 0
    calls: tuple[str, ...] = ()
    results: tuple[ToolResult, ...] = ()


class Tool(msgspec.Struct, frozen=True, kw_only=True):
    """A function that may be called, with the JSON schema of its arguments."""

    name: str
    description: str = ""
    parameters: Schema = msgspec.field(default_factory=dict[str, Any])


class Conversation(msgspec.Struct, frozen=True, kw_only=True):
    """All that decides an answer.

    `tool_choice` is a mode, or `named` together with the names in `forced`. `schema` is the structured
    output that is asked for; `any_json` asks for an object of any shape. `reasoning_tokens` is how much
    thinking was asked for. `cache_key` names a prefix that the provider was asked to keep, of
    `cache_tokens` tokens.
    """

    model: str
    turns: tuple[Turn, ...]
    tools: tuple[Tool, ...] = ()
    tool_choice: Literal["auto", "none", "required", "named"] = "auto"
    forced: tuple[str, ...] = ()
    parallel: bool = True
    schema: Schema | None = None
    any_json: bool = False
    output_max: int | None = None
    stop: tuple[str, ...] = ()
    choices: int = 1
    seed: int = 0
    reasoning_tokens: int = 0
    cache_key: str | None = None
    cache_tokens: int = 0

    @property
    def last_user_text(self) -> str:
        """The text of the last user turn that has any."""
        return next((turn.text for turn in reversed(self.turns) if turn.role == "user" and turn.text), "")

    @property
    def is_unfit(self) -> bool:
        """Whether the model's name asks for an answer that its schema does not admit."""
        unfit = drill_of(self.model).unfit
        if unfit == "unfit-first-answer":
            return not any(turn.role == "assistant" for turn in self.turns)
        return unfit is not None


class ToolCall(msgspec.Struct, frozen=True, kw_only=True):
    """A call of a tool: its id and its arguments as JSON text and as a value."""

    id: str
    name: str
    arguments: str
    value: dict[str, Any]


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """One answer: tokens of text, or calls. `finish` says why it ended; `stopped_by` the sequence."""

    tokens: tuple[str, ...] = ()
    calls: tuple[ToolCall, ...] = ()
    finish: Literal["stop", "length", "tool"] = "stop"
    stopped_by: str | None = None

    @property
    def text(self) -> str:
        """The whole text."""
        return "".join(self.tokens)


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """What is answered to a conversation, with its usage in disjoint buckets. `id` is a hex digest."""

    id: str
    model: str
    choices: tuple[Choice, ...]
    usage: Usage
    thinking: tuple[str, ...] = ()

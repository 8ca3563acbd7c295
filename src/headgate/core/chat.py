"""What a chat call and its answer say, in words that no provider owns: every dialect is read into these.

Frozen values; nothing here knows bytes or JSON (`wire.dialects`), or what a model can do (`core.quirks`).
What a dialect says beyond these words stays beside the node that says it (`Native`), so that writing it back
in the same dialect gives what came. Read next: `core.events` (streams), `wire.dialects.model` (codecs).
"""

from typing import Literal

import msgspec

from headgate.core.call import AnyDialect, Usage

Fields = dict[str, object]
"""A JSON object as it came."""


class Native(msgspec.Struct, frozen=True, kw_only=True):
    """What a node says in its own dialect beyond the words here.

    `fields`: members that have no word, or whose value is not what the word takes (null included), as they
    came. `shape`: how the dialect spelled what it could have spelled otherwise, in its codec's own word.
    """

    dialect: AnyDialect
    fields: Fields = {}
    shape: str = ""


class Seal(msgspec.Struct, frozen=True):
    """An opaque proof that a provider gave with what it made: a signature, or encrypted reasoning.

    It goes back only to its maker: a dialect's name, or `dialect:provider` where it is bound to a credential.
    """

    maker: str
    data: str


class CacheMark(msgspec.Struct, frozen=True):
    """The prefix up to here is worth caching, for `ttl` (`5m`, `1h`) where that is said."""

    ttl: str | None = None


class Citation(msgspec.Struct, frozen=True, kw_only=True):
    """Where a text says that it has something from. `start` and `end` are characters of the cited text part;
    None where the dialect anchors the whole part."""

    url: str | None = None
    title: str | None = None
    quote: str | None = None
    start: int | None = None
    end: int | None = None
    native: Native | None = None


class Text(msgspec.Struct, frozen=True, kw_only=True):
    """Words."""

    text: str
    citations: tuple[Citation, ...] = ()
    seal: Seal | None = None
    cache: CacheMark | None = None
    native: Native | None = None


class Media(msgspec.Struct, frozen=True, kw_only=True):
    """An image, sound, film or document: exactly one of `data` (base64), `url` and `file_id` is set."""

    kind: Literal["image", "audio", "video", "file"]
    media_type: str | None = None
    data: str | None = None
    url: str | None = None
    file_id: str | None = None
    name: str | None = None
    seal: Seal | None = None
    cache: CacheMark | None = None
    native: Native | None = None


class ToolCall(msgspec.Struct, frozen=True, kw_only=True):
    """A call that the model wants made. `arguments` is JSON text, `{}` for none; `id` is empty where the
    dialect gave none."""

    id: str
    name: str
    arguments: str
    seal: Seal | None = None
    cache: CacheMark | None = None
    native: Native | None = None


class ToolResult(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a tool call. `name` is empty where the dialect does not repeat it."""

    call_id: str
    parts: "tuple[Part, ...]"
    name: str = ""
    is_error: bool = False
    cache: CacheMark | None = None
    native: Native | None = None


class Reasoning(msgspec.Struct, frozen=True, kw_only=True):
    """Thinking, as far as the provider shows it. With no text it is only its seal (redacted or encrypted)."""

    text: str = ""
    seal: Seal | None = None
    is_summary: bool = False
    is_redacted: bool = False
    """The provider withholds the text: the seal is what it wants back."""
    id: str = ""
    native: Native | None = None


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """The model's own words of declining."""

    text: str
    native: Native | None = None


class NativePart(msgspec.Struct, frozen=True, kw_only=True):
    """A part that only its dialect knows, such as a block of a tool that the provider runs itself."""

    dialect: AnyDialect
    kind: str
    value: Fields


Part = Text | Media | ToolCall | ToolResult | Reasoning | Refusal | NativePart

Role = Literal["system", "developer", "user", "assistant", "tool"]


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One message of a conversation, in the order in which it came. System prompts that a dialect keeps
    apart come first, with the role `system`."""

    role: Role
    parts: tuple[Part, ...]
    name: str | None = None
    native: Native | None = None


class FunctionTool(msgspec.Struct, frozen=True, kw_only=True):
    """A tool that the client runs. `parameters` is a JSON schema; None where none is given."""

    name: str
    description: str | None = None
    parameters: Fields | None = None
    strict: bool | None = None
    cache: CacheMark | None = None
    native: Native | None = None


class NativeTool(msgspec.Struct, frozen=True, kw_only=True):
    """A tool of the provider's own: searches, code execution, computer use."""

    dialect: AnyDialect
    kind: str
    value: Fields


Tool = FunctionTool | NativeTool


class ToolChoice(msgspec.Struct, frozen=True, kw_only=True):
    """Whether tools are called. `named` forces one of `names`, `required` any (of `names`, where given)."""

    mode: Literal["auto", "none", "required", "named"]
    names: tuple[str, ...] = ()
    native: Native | None = None


class OutputFormat(msgspec.Struct, frozen=True, kw_only=True):
    """What an answer's text has to be: `json` any object, `schema` one that a JSON schema admits."""

    kind: Literal["text", "json", "schema"]
    name: str | None = None
    description: str | None = None
    schema: Fields | None = None
    strict: bool | None = None
    native: Native | None = None


class Sampling(msgspec.Struct, frozen=True, kw_only=True):
    """How tokens are chosen; None where the call leaves it to the provider."""

    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()
    choices: int | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    logit_bias: Fields | None = None


class Thinking(msgspec.Struct, frozen=True, kw_only=True):
    """How much reasoning a call asks for: by effort (`none`, `minimal`, `low`, `medium`, `high`, `xhigh`,
    `max`), by a budget of tokens (0: none), or both left open."""

    effort: str | None = None
    budget_tokens: int | None = None
    is_shown: bool | None = None
    """Whether the answer is to hold its text or a summary of it."""
    native: Native | None = None


NO_SAMPLING = Sampling()


class ChatCall(msgspec.Struct, frozen=True, kw_only=True):
    """A chat call, read from `dialect`. `max_output` counts tokens; `model` is the name to go on with."""

    dialect: AnyDialect
    model: str
    messages: tuple[Message, ...]
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice | None = None
    parallel_tools: bool | None = None
    output: OutputFormat | None = None
    sampling: Sampling = NO_SAMPLING
    thinking: Thinking | None = None
    max_output: int | None = None
    stream: bool = False
    wants_usage: bool = True
    """Whether a stream's client asked for usage; only OpenAI's chat completions leave it open."""
    user: str | None = None
    service_tier: str | None = None
    native: Native | None = None


FinishReason = Literal[
    "stop", "length", "tool_calls", "content_filter", "refusal", "pause", "context_window", "error"
]
"""`stop`: the model ended, or met a stop sequence. `pause`: no end, the turn is to be sent again."""


class Finish(msgspec.Struct, frozen=True, kw_only=True):
    """Why an answer ends. `native` is the provider's own word."""

    reason: FinishReason
    native: str = ""
    sequence: str | None = None
    """The stop sequence that was met, where the provider says which."""


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """One answer of those that were asked for. `finish` is None where the provider names no reason."""

    parts: tuple[Part, ...]
    finish: Finish | None = None
    index: int = 0
    native: Native | None = None


class ChatAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A whole answer. `created_s` is Unix time; `dialect` is the one that it was read from."""

    dialect: AnyDialect
    id: str
    model: str
    candidates: tuple[Candidate, ...]
    usage: Usage | None = None
    created_s: int | None = None
    service_tier: str | None = None
    native: Native | None = None

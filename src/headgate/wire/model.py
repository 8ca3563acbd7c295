"""What is read from a call and from its answer: the shapes that the data plane works with. Pure."""

from typing import Final, Literal, Protocol

import msgspec

from headgate.core.call import Dialect, Operation, ServerTool, Usage
from headgate.core.chat import ChatCall, FinishReason
from headgate.core.embedding import EmbeddingCall


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """A model route: which dialect and operation a path means. `path` is what the endpoint's `path_from`
    is matched with; `model` is set where the path names it; `stream` where the path decides it."""

    dialect: Dialect
    operation: Operation
    path: str
    model: str | None = None
    stream: bool | None = None
    multipart: bool = False


class Media(msgspec.Struct, frozen=True, kw_only=True):
    """Parts whose cost bytes do not bound. Counts; `unbounded` names what has no cap at all."""

    images: int = 0
    audio: int = 0
    files: int = 0
    inline_bytes: int = 0
    """Bytes of the body that are media, which the counts above bound, and not text."""
    unbounded: tuple[str, ...] = ()
    """Such as `server tool web_search`, `file id`, `image URL`, `previous_response_id`."""
    server_tools: tuple[ServerTool, ...] = ()
    """Tools of the provider that a rule of the catalog may bound."""


NO_MEDIA = Media()


class CallFacts(msgspec.Struct, kw_only=True):
    """The few fields of a call that policy needs, and the body that they were read from."""

    route: Route
    model: str
    body: bytes
    stream: bool = False
    wants_usage: bool = False
    """Whether the client asked a stream for usage itself."""
    max_output: int | None = None
    """The request's own limit on output tokens."""
    choices: int = 1
    messages: int = 0
    """How many messages or inputs; each adds template overhead to the bound."""
    media: Media = NO_MEDIA
    service_tier: str | None = None
    model_at: tuple[int, int] | None = None
    """Where the body names the model, in bytes, if that was kept."""
    user: str | None = None
    session: str | None = None
    tags: tuple[str, ...] = ()


Words = ChatCall | EmbeddingCall
"""A whole call in words that no dialect owns: of a chat, a count of its tokens, or embeddings."""


class Ending(msgspec.Struct, frozen=True, gc=False):
    """Why an answer ended, None where nothing says it, and how many tools of the client's it calls."""

    finish: FinishReason | None = None
    tool_calls: int = 0


NO_ENDING: Final = Ending()


class AnswerFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a whole answer says of itself. `usage` is None where it says nothing of tokens."""

    usage: Usage | None
    usage_raw: bytes = b""
    service_tier: str | None = None
    response_id: str | None = None
    """The id that the answer gives itself."""
    model: str | None = None
    """The model that it says it is of."""
    fingerprint: str | None = None
    """What tells the configuration that served it from others (OpenAI's `system_fingerprint`)."""
    ending: Ending = NO_ENDING
    """Why it ended, and how many tools it calls."""


ErrorClass = Literal["request", "target", "exhausted", "limited", "server"]
"""Whose fault a provider's error is: `request` is passed on to the caller; `target` (its key, permission,
model), `exhausted` (its quota), `limited` (429) and `server` (5xx, 529) move the call to the next target."""


class StreamEvent(msgspec.Struct, frozen=True):
    """A piece of a stream: the bytes to relay (maybe empty), and what was seen in them."""

    data: bytes
    commits: bool = False
    """It holds the first non-empty text, reasoning, tool or refusal delta, so far or just now."""


class StreamReader(Protocol):
    """Reads one stream as it passes, keeping nothing but an unfinished event and the facts.

    `data` of all events, joined, equals the provider's bytes, but for what asking for usage had added.
    """

    usage: Usage | None
    usage_raw: bytes
    model: str | None
    service_tier: str | None
    response_id: str | None
    fingerprint: str | None
    finish: FinishReason | None
    """Why the answer ended; of several, the last one."""
    tool_calls: int
    """How many tools of the client's it has called so far."""
    finished: bool
    """The dialect's terminator was seen (`[DONE]`, `message_stop`, a finish reason at the end)."""
    error: str | None
    """The message of an error event inside the stream."""
    output_bytes: int
    """Bytes of visible deltas so far: what bounds the cost of a stream that is cut short."""

    def feed(self, data: bytes) -> StreamEvent:
        """Take the next bytes; return what may be relayed now."""
        ...

    def end(self) -> StreamEvent:
        """The stream has ended; return what was still held."""
        ...

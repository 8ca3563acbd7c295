"""How each recorded exchange is read and written back in its own dialect, whichever that is.

A dialect is deterministic where one meaning has one spelling. JSON is not: order of members, white space and
escapes are free. So bodies are compared in a canonical form (`canonical`): byte for byte but for those three.
What a codec writes itself is deterministic: read and written again, it is the same bytes.
"""

import json
from typing import Any, Protocol

import msgspec
from tests.recorded_exchanges import Exchange

from headgate.core.call import AnyDialect
from headgate.core.chat import ChatAnswer
from headgate.core.embedding import EmbeddingDialect
from headgate.core.events import Event
from headgate.core.quirks import PLAIN
from headgate.wire.dialects import embeddings
from headgate.wire.dialects.anthropic.answers import read_count, write_count
from headgate.wire.dialects.bedrock_invoke import bodies as invoked
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.model import Asked, Codec
from headgate.wire.dialects.registry import CODECS, OWN_ONLY

ASKED = Asked(model="m")
COMPLETIONS, COHERE_FIRST = OWN_ONLY
MODEL_IN_PATH: frozenset[AnyDialect] = frozenset({"google", "bedrock"})


class Returning(Protocol):
    """One way of speaking: each body read, and written as it was."""

    @property
    def dialect(self) -> AnyDialect: ...

    def call(self, body: bytes, changes: Changes) -> bytes: ...

    def answer(self, body: bytes, changes: Changes) -> bytes: ...


class Chat(msgspec.Struct, frozen=True):
    """Chat calls of one codec."""

    codec: Codec
    stream: bool = False

    @property
    def dialect(self) -> AnyDialect:
        return self.codec.dialect

    def call(self, body: bytes, changes: Changes) -> bytes:
        is_in_path = self.dialect in MODEL_IN_PATH
        model, stream = ("m", self.stream) if is_in_path else (None, None)
        return self.codec.write_call(self.codec.read_call(body, model=model, stream=stream), PLAIN, changes)

    def answer(self, body: bytes, changes: Changes) -> bytes:
        return self.codec.write_answer(self.codec.read_answer(body), ASKED, changes)

    def events(self, body: bytes) -> list[Event]:
        reader = self.codec.events_in()
        return reader.feed(body) + reader.end()

    def written(self, events: list[Event]) -> bytes:
        writer = self.codec.events_out(ASKED, Changes())
        return b"".join(writer.write(event) for event in events)

    def whole(self, answer: ChatAnswer) -> bytes:
        return self.codec.write_answer(answer, ASKED, Changes())


class Counting(msgspec.Struct, frozen=True):
    """Anthropic's counting of tokens: a call as it is chatted with, and a number."""

    dialect: AnyDialect = "anthropic"

    def call(self, body: bytes, changes: Changes) -> bytes:
        return Chat(CODECS["anthropic"]).call(body, changes)

    def answer(self, body: bytes, changes: Changes) -> bytes:
        return write_count(read_count(body))


class Invoked(msgspec.Struct, frozen=True):
    """The bodies of InvokeModel."""

    dialect: AnyDialect = "bedrock-invoke"

    def call(self, body: bytes, changes: Changes) -> bytes:
        return invoked.write_call(invoked.read_call(body, model="m"), PLAIN, changes)

    def answer(self, body: bytes, changes: Changes) -> bytes:
        return invoked.write_answer(invoked.read_answer(body), ASKED, changes)


class Embedding(msgspec.Struct, frozen=True):
    """Embeddings; an answer is written for the call that it was given to."""

    spoken: EmbeddingDialect
    asked: bytes

    @property
    def dialect(self) -> AnyDialect:
        return self.spoken

    def call(self, body: bytes, changes: Changes) -> bytes:
        return embeddings.write_call(embeddings.read_call(self.spoken, body), self.spoken, changes)

    def answer(self, body: bytes, changes: Changes) -> bytes:
        asked = embeddings.read_call(self.spoken, self.asked)
        return embeddings.write_answer(embeddings.read_answer(self.spoken, body), asked, changes)


CHATS: dict[str, Codec] = {
    "openai-chat": CODECS["openai-chat"],
    "openai-responses": CODECS["openai-responses"],
    "openai-completions": COMPLETIONS,
    "anthropic-messages": CODECS["anthropic"],
    "google-generate": CODECS["google"],
    "bedrock-converse": CODECS["bedrock"],
}
EMBEDDINGS: dict[str, EmbeddingDialect] = {"openai-embeddings": "openai", "google-embed": "google"}


def returning(one: Exchange) -> Returning:
    """How an exchange is read and written back."""
    if one.dialect in CHATS:
        return Chat(CHATS[one.dialect], one.stream)
    if one.dialect == "cohere-chat":
        return Chat(CODECS["cohere"] if one.path.startswith("/v2/") else COHERE_FIRST)
    if one.dialect in EMBEDDINGS:
        return Embedding(EMBEDDINGS[one.dialect], one.body)
    if one.dialect == "anthropic-count-tokens":
        return Counting()
    assert one.dialect == "bedrock-invoke", one.dialect
    if {"messages", "prompt"} & set(one.request) or "textGenerationConfig" in one.request:
        return Invoked()
    return Embedding("cohere" if "texts" in one.request else "bedrock-invoke", one.body)


def is_streamed(one: Exchange) -> bool:
    """Whether the answer is a stream of events or of lines."""
    return one.content_type.startswith(("text/event-stream", "application/stream+json"))


def canonical(value: Any) -> str:
    """A body whose bytes are the same where it says the same: members sorted, no spaces, numbers as they were
    spelled (`1.0` is not `1`)."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))

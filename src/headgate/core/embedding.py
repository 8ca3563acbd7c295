"""What an embedding call and its answer say, in words that no provider owns. Read next: `core.chat`.

Frozen values; nothing here knows bytes or JSON (`wire.dialects.embeddings`).
"""

from typing import Literal

import msgspec

from headgate.core.call import Usage
from headgate.core.chat import Fields, Media, Text

EmbeddingDialect = Literal["openai", "google", "cohere", "bedrock-invoke"]
"""The wire formats: OpenAI's embeddings, Google's embedContent and batchEmbedContents, Cohere's v2 embed, and
the bodies of Amazon's own models on Bedrock (Titan, Nova)."""

EmbeddingTask = Literal[
    "query",
    "document",
    "similarity",
    "classification",
    "clustering",
    "question_answering",
    "fact_verification",
    "code_query",
]
"""What the vectors are for; models that know tasks give other vectors for each."""


class EmbeddingInput(msgspec.Struct, frozen=True, kw_only=True):
    """What one vector is made of: texts and media, or the tokens that a text would be (never both)."""

    parts: tuple[Text | Media, ...] = ()
    tokens: tuple[int, ...] = ()
    title: str | None = None
    fields: Fields = {}
    """What the dialect says of it beyond these words, as it came."""
    shape: str = ""


class EmbeddingCall(msgspec.Struct, frozen=True, kw_only=True):
    """An embedding call, read from `dialect`. `fields` and `shape` are what it says beyond the words, and how
    it spelled what it could have spelled otherwise; only its own dialect writes them back."""

    dialect: EmbeddingDialect
    model: str
    inputs: tuple[EmbeddingInput, ...]
    dimensions: int | None = None
    task: EmbeddingTask | None = None
    encoding: Literal["float", "base64"] | None = None
    """How the vectors are to be written; None: as the dialect does by itself."""
    truncate: Literal["none", "start", "end"] | None = None
    """Which end of a text that is too long is cut off, if any."""
    user: str | None = None
    fields: Fields = {}
    shape: str = ""


class Vector(msgspec.Struct, frozen=True, kw_only=True):
    """One embedding: its numbers, or `data`, the base64 of them as little-endian floats of four bytes."""

    index: int
    values: tuple[float, ...] = ()
    data: str = ""
    fields: Fields = {}


class EmbeddingAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Vectors in the order of the inputs."""

    dialect: EmbeddingDialect
    model: str
    vectors: tuple[Vector, ...]
    id: str = ""
    usage: Usage | None = None
    fields: Fields = {}
    shape: str = ""

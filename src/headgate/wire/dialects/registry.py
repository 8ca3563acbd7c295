"""Every dialect's codec by its name. The one module that knows all of them. Read next: `wire.translating`."""

from typing import Final

from headgate.core.call import AnyDialect
from headgate.wire.dialects.anthropic.codec import CODEC as ANTHROPIC
from headgate.wire.dialects.bedrock.codec import CODEC as BEDROCK
from headgate.wire.dialects.cohere.codec import CODEC as COHERE
from headgate.wire.dialects.cohere_first.codec import CODEC as COHERE_FIRST
from headgate.wire.dialects.completions.codec import CODEC as COMPLETIONS
from headgate.wire.dialects.google.codec import CODEC as GOOGLE
from headgate.wire.dialects.model import Codec
from headgate.wire.dialects.openai_chat.codec import CODEC as OPENAI_CHAT
from headgate.wire.dialects.openai_responses.codec import CODEC as OPENAI_RESPONSES

CODECS: Final[dict[AnyDialect, Codec]] = {
    codec.dialect: codec for codec in (OPENAI_CHAT, OPENAI_RESPONSES, ANTHROPIC, GOOGLE, BEDROCK, COHERE)
}

OWN_ONLY: Final = (COMPLETIONS, COHERE_FIRST)
"""Codecs that write only what they have read: nothing is translated to what has no conversation or is old."""


def codec_of(dialect: AnyDialect) -> Codec | None:
    """Return a dialect's codec; None for the plain rest of OpenAI's API, which is passed through only."""
    return CODECS.get(dialect)

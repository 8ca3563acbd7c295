"""Which schema an answer is held against, if against any: by what the alias says and how the target is asked.

Unset, only an answer whose form no provider enforces is; with `trusted` none, with the other words every one
that has a form, passed-through ones too. Pure. Read next: `gateway.validated`.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from headgate.core.call import AnyDialect
from headgate.core.chat import ChatCall, Fields, OutputFormat
from headgate.gateway.call import Call
from headgate.gateway.translated import Written
from headgate.gateway.way import Way
from headgate.wire.dialects.model import Codec
from headgate.wire.dialects.registry import codec_of
from headgate.wire.model import CallFacts
from headgate.wire.translating import Translation

_MARKS: Final[Mapping[str, tuple[bytes, ...]]] = {
    "openai-chat": (b'"response_format"',),
    "openai-responses": (b'"format"',),
    "anthropic": (b'"output_format"', b'"output_config"'),
    "google": (b'"response',),
}
"""How members begin that prescribe an answer's form: a body without any of them need not be read."""
_ESCAPED: Final = b"\\u00"
"""A member's name may be spelled in another way."""
_PARAMETERS: Final[Mapping[AnyDialect, str]] = {
    "openai-chat": "response_format.json_schema.schema",
    "openai-responses": "text.format.schema",
    "anthropic": "output_config.format.schema",
    "google": "generationConfig.responseJsonSchema",
}


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    """The form of an attempt's answer: `schema` is the caller's own, as JSON, `codec` that of its dialect."""

    chat: ChatCall
    codec: Codec
    schema: bytes
    repairs: bool
    strips_nulls: Fields | None = None
    """The schema whose optional members a stream says as null, because the target knows no other."""

    @property
    def parameter(self) -> str | None:
        """Where the caller's dialect has the schema."""
        return _PARAMETERS.get(self.codec.dialect)


def expected_of(call: Call, way: Way, made: Written | None) -> Expected | None:
    """Return what an answer of the target is held against. Raises InvalidRequest for a body of no dialect."""
    alias, facts = call.alias, call.facts
    assert alias is not None and facts is not None
    mode = alias.structured_output
    translation = way.translation if isinstance(way.translation, Translation) else None
    if mode == "trusted" or (mode is None and translation is None) or call.route.operation != "chat":
        return None
    codec = codec_of(call.route.dialect)
    if codec is None or (made is None and not may_prescribe(codec.dialect, facts.body)):
        return None
    chat = call.repairing or chat_of(call, facts, codec)
    output = chat.output
    if output is None or output.kind == "text":
        return None
    manner = "native" if translation is None else translation.manner(chat)
    if mode is None and manner in ("native", "none"):
        return None
    return Expected(
        chat=chat,
        codec=codec,
        schema=msgspec.json.encode(_schema_of(output, codec.dialect)),
        repairs=mode == "repaired",
        strips_nulls=output.schema if translation is not None and translation.says_nulls(chat) else None,
    )


def chat_of(call: Call, facts: CallFacts, codec: Codec) -> ChatCall:
    """Return a call in words that no dialect owns, read once. Raises InvalidRequest for one that has none."""
    if call.chat is None:
        route = facts.route
        call.chat = codec.read_call(facts.body, model=route.model, stream=route.stream)
    return call.chat


def may_prescribe(dialect: str, body: bytes) -> bool:
    """Say whether a body may prescribe its answer's form, so that reading it is worth while."""
    marks = _MARKS.get(dialect, (b"",))
    return any(body.find(mark) >= 0 for mark in marks) or body.find(_ESCAPED) >= 0


def _schema_of(output: OutputFormat, dialect: AnyDialect) -> Fields:
    """JSON without a schema is an object, but for Google, where it may be anything."""
    if output.kind == "schema" and output.schema is not None:
        return output.schema
    return {} if dialect == "google" else {"type": "object"}

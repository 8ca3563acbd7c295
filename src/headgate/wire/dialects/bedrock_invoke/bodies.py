"""The bodies of InvokeModel, by what they say: Anthropic's, Converse's (Nova), or one of `families`. Pure.

Their streams are not read: they are frames that hold such bodies. Embeddings are `embeddings_amazon` and
`embeddings_cohere`. Source: Amazon Bedrock, InvokeModel. Read next: `families`.
"""

from typing import cast

import msgspec

from headgate.core.chat import ChatAnswer, ChatCall, Fields
from headgate.core.faults import InvalidRequest, UpstreamError
from headgate.core.quirks import Quirks
from headgate.wire.answers import provider_message
from headgate.wire.dialects.anthropic.codec import CODEC as ANTHROPIC
from headgate.wire.dialects.bedrock.codec import CODEC as CONVERSE
from headgate.wire.dialects.bedrock_invoke import families
from headgate.wire.dialects.bedrock_invoke.families import FAMILIES, OWN
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.fields import Taking, decode
from headgate.wire.dialects.model import Asked, Codec

_OTHERS = {codec.dialect: codec for codec in (ANTHROPIC, CONVERSE)}


def read_call(body: bytes, *, model: str) -> ChatCall:
    """Read a call in the dialect of its body; the path names the model. Raises InvalidRequest."""
    try:
        value = decode(body)
    except ValueError as error:
        raise InvalidRequest(f"the body is no JSON: {error}") from None
    fields = cast("Fields", value) if isinstance(value, dict) else {}
    other = _codec_of_call(fields)
    if other is not None:
        return other.read_call(body, model=model)
    family = next((one for one in FAMILIES if one.prompt in fields), None)
    if family is None:
        raise InvalidRequest("the body is of no family of models that is known here")
    return families.read_call(family, Taking(fields), model)


def _codec_of_call(fields: Fields) -> Codec | None:
    if "anthropic_version" in fields:
        return ANTHROPIC
    return CONVERSE if "schemaVersion" in fields or "inferenceConfig" in fields else None


def write_call(call: ChatCall, quirks: Quirks, changes: Changes) -> bytes:
    """Write a call that was read from such a body; Anthropic's hold no model. Raises InvalidRequest."""
    if call.dialect == OWN:
        try:
            return msgspec.json.encode(families.call_fields(call))
        except RecursionError:
            raise InvalidRequest("the call is nested too deep") from None
    other = _OTHERS.get(call.dialect)
    if other is None:
        raise InvalidRequest("nothing is translated to the bodies of InvokeModel")
    written = other.write_call(call, quirks, changes)
    if other is CONVERSE:
        return written
    fields = msgspec.json.decode(written, type=dict[str, msgspec.Raw])
    fields.pop("model", None)
    return msgspec.json.encode(fields)


def read_answer(body: bytes) -> ChatAnswer:
    """Read a whole answer in the dialect of its body. Raises UpstreamError for what is none."""
    try:
        value = decode(body)
    except ValueError as error:
        raise UpstreamError(f"the provider's answer is no JSON: {error}") from None
    fields = cast("Fields", value) if isinstance(value, dict) else {}
    if fields.get("type") == "message":
        return ANTHROPIC.read_answer(body)
    if "output" in fields:
        return CONVERSE.read_answer(body)
    family = next((one for one in FAMILIES if (one.answers or one.text) in fields), None)
    if family is None:
        raise UpstreamError(f"the provider's answer is none: {provider_message(OWN, body)}")
    return families.read_answer(family, fields)


def write_answer(answer: ChatAnswer, asked: Asked, changes: Changes) -> bytes:
    """Write a whole answer that was read from such a body. Raises UpstreamError for any other."""
    other = _OTHERS.get(answer.dialect)
    if other is not None:
        return other.write_answer(answer, asked, changes)
    if answer.dialect != OWN:
        raise UpstreamError("nothing is translated to the bodies of InvokeModel")
    try:
        return msgspec.json.encode(families.answer_fields(answer))
    except RecursionError:
        raise UpstreamError("the provider's answer is nested too deep") from None

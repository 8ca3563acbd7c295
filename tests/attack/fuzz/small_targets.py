"""Fuzzes what reads the dialects that few speak: Cohere's two, completions, bodies of InvokeModel."""

import json
from collections.abc import Iterable
from typing import Final

from tests.attack.fuzz.codec_checks import answer_holds, call_holds, stream_holds
from tests.attack.fuzz.fuzz_target import Draw, Target
from tests.attack.fuzz.wire_targets import JSON_WORDS
from tests.wire.dialects import small_samples as samples
from tests.wire.dialects.returning import COHERE_FIRST, COMPLETIONS, Embedding, Invoked

from headgate.core.faults import InvalidRequest, UpstreamError
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.registry import CODECS

CODECS_FUZZED: Final = (CODECS["cohere"], COHERE_FIRST, COMPLETIONS)
RETURNING: Final = (Invoked(), Embedding("bedrock-invoke", b'{"inputText":"p"}'))


def read_events(data: bytes) -> None:
    """Any chunking gives the same events and error, and what was read can be written and read again."""
    draw = Draw(data)
    cutter = Draw(draw.take(8))
    stream_holds(CODECS_FUZZED[draw.number(len(CODECS_FUZZED))], draw.rest(), cutter)


def read_bodies(data: bytes) -> None:
    """An answer and a call are written as they came, or refused by name."""
    draw = Draw(data)
    number = draw.number(len(CODECS_FUZZED) + len(RETURNING))
    body = draw.rest()
    if number < len(CODECS_FUZZED):
        answer_holds(CODECS_FUZZED[number], body)
        call_holds(CODECS_FUZZED[number], body)
        return
    if b'"type"' in body or b'"output"' in body or b'"anthropic_version"' in body:
        return  # bodies of Anthropic's and of Converse are fuzzed with their own codecs
    spoken = RETURNING[number - len(CODECS_FUZZED)]
    for take in (spoken.call, spoken.answer):
        try:
            again = take(body, Changes())
        except (UpstreamError, InvalidRequest):
            continue
        assert json.loads(again) == json.loads(body)


def _streams() -> Iterable[bytes]:
    head = bytes(range(1, 9))
    yield head + b"\x00" + samples.events(samples.COHERE_STREAM, is_named=True)
    yield head + b"\x01" + samples.lines(samples.V1_STREAM)
    yield head + b"\x02" + samples.events(samples.COMPLETION_STREAM, is_named=False)
    for one in samples.COHERE_STREAM:
        yield head + b"\x00" + samples.events([one, samples.COHERE_STREAM[-1]], is_named=False)


def _bodies() -> Iterable[bytes]:
    groups = (
        (*samples.COHERE_CALLS, *samples.COHERE_ANSWERS),
        (*samples.V1_CALLS, *samples.V1_ANSWERS),
        (*samples.COMPLETION_CALLS, *samples.COMPLETION_ANSWERS),
        (*samples.INVOKED_CALLS, *samples.INVOKED_ANSWERS),
        (*samples.EMBEDDING_CALLS, *samples.EMBEDDING_ANSWERS),
    )
    for number, group in enumerate(groups):
        for one in group:
            yield bytes([number]) + json.dumps(one).encode()


_WORDS: Final = (
    b'"content-start"', b'"content-delta"', b'"content-end"', b'"tool-plan-delta"', b'"tool-call-start"',
    b'"tool-call-delta"', b'"tool-call-end"', b'"citation-start"', b'"message-end"', b'"index":1',
    b'"delta":{"message":{"content":', b'"thinking":', b'"tool_plan":', b'"citations":[',
    b'"content_index":1',
    b'"event_type":"text-generation"', b'"event_type":"stream-end"', b'"response":{', b'"text":"a"', b"\n\n",
    b'"chat_history":[', b'"role":"CHATBOT"', b'"prompt":["a"]', b'"choices":[{"text":', b'"results":[{',
    b'"outputText":', b'"generation":', b'"inputText":"a"', b'"embedding":[1.5]',
    b'"singleEmbeddingParams":{',
)  # fmt: skip

TARGETS: Final = (
    Target(name="small-streams", run=read_events, seeds=_streams, words=(*_WORDS, *JSON_WORDS)),
    Target(name="small-bodies", run=read_bodies, seeds=_bodies, words=(*_WORDS, *JSON_WORDS)),
)

"""Fuzzes what reads Google's dialect, and embeddings in every dialect."""

from collections.abc import Iterable
from typing import Final

from tests.attack.fuzz.codec_checks import answer_holds, call_holds, stream_holds
from tests.attack.fuzz.fuzz_target import CUT, Draw, Target
from tests.attack.fuzz.wire_targets import JSON_WORDS

from headgate.core.embedding import EmbeddingDialect
from headgate.core.faults import InvalidRequest, UpstreamError
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.embeddings import read_answer, read_call, write_answer, write_call
from headgate.wire.dialects.google.codec import CODEC

EMBEDDINGS: Final[tuple[EmbeddingDialect, ...]] = ("openai", "google", "cohere")
_BEGIN: Final = b'{"candidates":[{"content":{"parts":['


def read_events(data: bytes) -> None:
    """Any chunking gives the same events or the same error, and what was read can be written and read."""
    draw = Draw(data)
    cutter = Draw(draw.take(8))
    is_array = bool(draw.number(2))
    chunks = [_chunk(Draw(piece)) for piece in draw.rest().split(CUT)]
    if is_array:
        body = b"[" + b",\r\n".join(chunks) + b"]"
    else:
        body = b"".join(b"data: " + chunk + b"\r\n\r\n" for chunk in chunks)
    stream_holds(CODEC, body, cutter)


def _chunk(piece: Draw) -> bytes:
    kind = piece.number(4)
    rest = piece.rest()
    if kind == 0:
        return rest
    ends = (
        b"",
        b"]}}]}",
        b']},"finishReason":"STOP"}]}',
        b']},"index":0}],"usageMetadata":{"promptTokenCount":1}}',
    )
    return _BEGIN + rest + ends[kind]


def read_bodies(data: bytes) -> None:
    """An answer and a call are written as they came, or refused by name."""
    if data.lstrip()[:1] != b"[":
        answer_holds(CODEC, data)
    call_holds(CODEC, data, may_change=True)


def read_embeddings(data: bytes) -> None:
    """Calls and answers of embeddings are written as they came, or refused by name, in each dialect."""
    for dialect in EMBEDDINGS:
        try:
            call = read_call(dialect, data, model="m")
            assert read_call(dialect, write_call(call, dialect, Changes()), model="m") == call
            for other in EMBEDDINGS:
                write_call(call, other, Changes())
                write_answer(read_answer(dialect, data), call, Changes())
        except (InvalidRequest, UpstreamError):
            continue


_PARTS: Final = (
    b'{"text":"a"}',
    b'{"text":"a","thought":true},{"text":"","thoughtSignature":"aGdzMS5iM0E"}',
    b'{"functionCall":{"name":"f","args":{"a":1}},"thoughtSignature":"c2ln"}',
    b'{"inlineData":{"mimeType":"image/png","data":"__79"}},{"fileData":{"fileUri":"gs://a"}}',
    b'{"functionResponse":{"name":"f","response":{"output":"a"},"parts":[{"inlineData":{"data":"AA"}}]}}',
    b'{"executableCode":{"language":"PYTHON","code":"1"}},{"toolCall":{"id":"i"}}',
)


def _streams() -> Iterable[bytes]:
    for number, part in enumerate(_PARTS):
        head = bytes(range(1, 9)) + bytes([number % 2])
        yield head + CUT.join((b"\1" + part, b"\3" + part, b"\2" + _PARTS[0]))
    grounding = (
        b'"groundingMetadata":{"groundingSupports":[{"segment":{"endIndex":1},"groundingChunkIndices":[0]}]}'
    )
    yield bytes(9) + b'\0{"candidates":[{"finishReason":"STOP",' + grounding + b"}]}"
    yield bytes(9) + b'\0{"promptFeedback":{"blockReason":"SAFETY"}}' + CUT + b'\0{"error":{"code":503}}'


def _bodies() -> Iterable[bytes]:
    for part in _PARTS:
        yield b'{"contents":[{"role":"user","parts":[' + part + b"]}]}"
        yield _BEGIN + part + b']},"finishReason":"STOP","index":0}],"usageMetadata":{"promptTokenCount":1}}'
    yield (
        b'{"contents":[],"tools":[{"functionDeclarations":[{"name":"f","parameters":{"type":"OBJECT"}}]}],'
        b'"toolConfig":{"functionCallingConfig":{"mode":"ANY"}},"generationConfig":{"topK":1.0,'
        b'"thinkingConfig":{"thinkingBudget":-1},"responseMimeType":"application/json"}}'
    )


def _embeddings() -> Iterable[bytes]:
    return (
        b'{"input":["a",[1]],"model":"m","encoding_format":"base64","dimensions":2}',
        b'{"data":[{"index":0,"embedding":"AACAPwAAgD8="}],"usage":{"prompt_tokens":1}}',
        b'{"requests":[{"content":{"parts":[{"text":"a"}]},"taskType":"CLUSTERING"}]}',
        b'{"embeddings":[{"values":[1.5]}],"usageMetadata":{"promptTokenCount":1}}',
        b'{"texts":["a"],"input_type":"search_query","embedding_types":["float"]}',
        b'{"embeddings":{"float":[[1.5]]},"meta":{"billed_units":{"input_tokens":1}}}',
    )


_WORDS: Final = (
    b'"parts":[', b'"text":"a"', b'"thought":true', b'"thoughtSignature":', b'"thought_signature":',
    b'"functionCall":{', b'"args":{', b'"functionResponse":{', b'"response":{', b'"output":', b'"error":',
    b'"inlineData":{', b'"finishReason":"', b'"index":', b'"groundingMetadata":{', b'"usageMetadata":{',
    b'"generationConfig":{', b'"system_instruction":{', b'"parameters":{', b'"embedding":', b'"values":[',
    b'"createTime":"2026-11-21T10:00:00Z"', b"aGdzMS5iM0E",
)  # fmt: skip

TARGETS: Final = (
    Target(name="google-streams", run=read_events, seeds=_streams, words=(CUT, *_WORDS, *JSON_WORDS)),
    Target(name="google-bodies", run=read_bodies, seeds=_bodies, words=(*_WORDS, *JSON_WORDS)),
    Target(name="embeddings", run=read_embeddings, seeds=_embeddings, words=(*_WORDS, *JSON_WORDS)),
)

"""Fuzzes what reads Anthropic's dialect: streams, answers, and calls."""

from collections.abc import Iterable
from typing import Any, Final

from tests.attack.fuzz.codec_checks import answer_holds, call_holds, stream_holds
from tests.attack.fuzz.fuzz_target import CUT, Draw, Target
from tests.attack.fuzz.wire_targets import JSON_WORDS

from headgate.wire.dialects.anthropic.codec import CODEC

_ADDED: Final = frozenset({"id", "model", "type", "role"})
_HEADS: Final = (
    b'data: {"type":"content_block_delta","index":',
    b'data: {"type":"content_block_start","index":',
    b'data: {"type":"content_block_stop","index":',
    b'data: {"type":"message_delta",',
    b'data: {"type":"message_start","message":',
    b'data: {"type":"message_stop"',
    b'data: {"type":"',
)


def read_events(data: bytes) -> None:
    """Any chunking gives the same events or the same error, and what was read can be written and read."""
    draw = Draw(data)
    cutter = Draw(draw.take(8))
    stream = bytearray()
    for piece in draw.rest().split(CUT):
        inner = Draw(piece)
        number = inner.number(10)
        rest = inner.rest()
        stream += _HEADS[number] + rest + b"}\n\n" if number < len(_HEADS) else rest
    stream_holds(CODEC, bytes(stream), cutter)


def read_bodies(data: bytes) -> None:
    """An answer and a call are written as they came, or refused by name."""
    # A seal that stands beside no part that could have it loses the word which says whose it is.
    answer_holds(CODEC, data, _as_told, may_change=True)
    if b'"encrypted_index"' not in data:
        call_holds(CODEC, data)


def _as_told(again: Any, raw: Any) -> Any:
    """What was written without what it has to say and answers of old do not."""
    assert again.keys() - raw.keys() <= _ADDED
    for block, told in zip(again["content"], raw.get("content", ()), strict=False):
        for name in block.keys() - told.keys():
            assert not block.pop(name), name
    return {name: value for name, value in again.items() if name in raw}


def _streams() -> Iterable[bytes]:
    head = bytes(range(1, 9))
    start = b'\x04{"id":"m","content":[],"usage":{"input_tokens":1,"cache_creation":{}}}'
    end = (b'\x03"delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":2}', b"\x05")
    blocks = (
        (b'{"type":"text","text":""}', b'{"type":"text_delta","text":"a"}'),
        (b'{"type":"text","text":""}', b'{"type":"citations_delta","citation":{"type":"char_location"}}'),
        (b'{"type":"thinking","thinking":"","signature":""}', b'{"type":"thinking_delta","thinking":"a"}'),
        (b'{"type":"thinking","thinking":"","signature":""}', b'{"type":"signature_delta","signature":"a"}'),
        (
            b'{"type":"tool_use","id":"i","name":"n","input":{}}',
            b'{"type":"input_json_delta","partial_json":"{}"}',
        ),
        (b'{"type":"server_tool_use","input":{}}', b'{"type":"input_json_delta","partial_json":"{}"}'),
        (b'{"type":"redacted_thinking","data":"next;hgs1.Z29vZ2xl.x"}', b'{"type":"new_delta"}'),
    )
    for block, delta in blocks:
        said = (b"\x010," + b'"content_block":' + block, b"\x000," + b'"delta":' + delta, b"\x020")
        yield head + CUT.join((start, *said, *end))
        yield head + CUT.join((start, *said[:2], said[0].replace(b"0,", b"1,", 1), *end))
    yield head + CUT.join((start, b'\x06error","error":{"type":"overloaded_error"}', b'\x06ping"'))


def _bodies() -> Iterable[bytes]:
    blocks = (
        b'{"type":"text","text":"a","citations":[{"type":"char_location","cited_text":"q"}]}',
        b'{"type":"thinking","thinking":"a","signature":"s"},{"type":"redacted_thinking","data":"d"}',
        b'{"type":"tool_use","id":"i","name":"n","input":{}}',
        b'{"type":"tool_result","tool_use_id":"i","content":[{"type":"text","text":"a"}],"is_error":false}',
        b'{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AAAA"}}',
        b'{"type":"document","source":{"type":"text","media_type":"text/plain","data":"a"},"title":"t"}',
        b'{"type":"server_tool_use","id":"i","name":"n","input":{}}',
    )
    for block in blocks:
        yield (
            b'{"content":[%b],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":1}}'
            % block
        )
        yield (
            b'{"model":"m","max_tokens":1,"system":"s","messages":[{"role":"user","content":[%b]}],"stream":true,'
            b'"tools":[{"name":"n","input_schema":{}}],"tool_choice":{"type":"auto"},"metadata":{"user_id":"u"},'
            b'"thinking":{"type":"enabled","budget_tokens":1},"output_config":{"effort":"max"}}' % block
        )


_WORDS: Final = (
    b'"delta":', b'"type":"text"', b'"type":"tool_use"', b'"type":"thinking"',
    b'"signature":', b'"citations":[', b'"text":"a"', b'"input":{', b'"partial_json":"{"', b'"stop_reason":',
    b'"stop_sequence":', b'"cache_control":{"type":"ephemeral"}', b'"source":{"type":"base64"',
    b'"is_error":', b'"usage":{', b"next;hgs1.", b"last;hgs1.", b"hgs1.Z29vZ2xl.", b'"output_tokens":',
    b'"cache_creation":{', b'"disable_parallel_tool_use":true',
)  # fmt: skip

TARGETS: Final = (
    Target(name="anthropic-streams", run=read_events, seeds=_streams, words=(CUT, *_WORDS, *JSON_WORDS)),
    Target(name="anthropic-bodies", run=read_bodies, seeds=_bodies, words=(*_WORDS, *JSON_WORDS)),
)

"""Fuzzes what reads OpenAI's chat: streams, answers, and calls."""

from collections.abc import Iterable
from typing import Any, Final

from tests.attack.fuzz.codec_checks import answer_holds, call_holds, stream_holds
from tests.attack.fuzz.fuzz_target import CUT, Draw, Target
from tests.attack.fuzz.wire_targets import JSON_WORDS

from headgate.wire.dialects.openai_chat.codec import CODEC

_HEADS: Final = (
    b'data: {"id":"c","choices":[{"index":0,"delta":',
    b'data: {"id":"c","choices":[{"index":1,"delta":{"content":',
    b'data: {"choices":[{"delta":{"tool_calls":[{"index":',
    b'data: {"choices":[{"delta":{"reasoning_details":[{"index":',
    b'data: {"choices":[],"usage":',
    b'data: {"error":',
    b'data: {"choices":[{"index":0,"delta":{},"finish_reason":',
    b"data: [DONE]",
)
_TAILS: Final = (b"}]}", b"}}]}", b"}]}}]}", b"}]}}]}", b"}", b"}", b"}]}", b"")


def read_events(data: bytes) -> None:
    """Any chunking gives the same events and the same error; what was read is written, and read again."""
    draw = Draw(data)
    cutter = Draw(draw.take(8))
    stream = bytearray()
    for piece in draw.rest().split(CUT):
        inner = Draw(piece)
        number = inner.number(12)
        rest = inner.rest()
        stream += _HEADS[number] + rest + _TAILS[number] + b"\n\n" if number < len(_HEADS) else rest
    stream_holds(CODEC, bytes(stream), cutter)


def read_bodies(data: bytes) -> None:
    """An answer and a call are written as they came, or refused by name."""
    answer_holds(CODEC, data, _as_told)
    call_holds(CODEC, data, may_change=True)


def _as_told(again: Any, raw: Any) -> Any:
    """What was written without the role of messages, where it was not told that they are the assistant's."""
    for choice, told in zip(again["choices"], raw["choices"], strict=True):
        if isinstance(told.get("message"), dict) and "role" not in told["message"]:
            choice["message"].pop("role", None)
    return again


def _streams() -> Iterable[bytes]:
    head = bytes(range(1, 9))
    end = (b'\x06"stop"', b'\x04{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}', b"\x07")
    deltas = (
        b'\x00{"role":"assistant","content":"a","refusal":null}',
        b'\x00{"reasoning_content":"a"}' + CUT + b'\x00{"content":"a"}',
        b'\x00{"refusal":"a"}',
        b'\x020,"id":"i","type":"function","function":{"name":"f","arguments":""}'
        + CUT
        + b'\x020,"function":{"arguments":"{}"}',
        b'\x020,"id":"i","function":{"name":"f"}'
        + CUT
        + b'\x020,"id":"j","function":{"name":"g","arguments":{}}',
        b'\x030,"type":"reasoning.text","text":"a"' + CUT + b'\x030,"type":"reasoning.text","signature":"s"',
        b'\x030,"type":"reasoning.encrypted","data":"hgs1.Z29vZ2xl.x"',
        b'\x00{"content":[{"type":"thinking","thinking":[{"type":"text","text":"a"}]}]}',
        b'\x00{"annotations":[{"type":"url_citation","url_citation":{"url":"u","start_index":0}}],"content":"a"}',
        b'\x00{"audio":{"data":"AAAA"},"images":[{"type":"image_url","image_url":{"url":"u"}}]}',
        b'\x00{"function_call":{"name":"f","arguments":"{}"}},"logprobs":{"content":[1]',
        b'\x05{"message":"m","code":500}',
        b'\x01"b"}, "finish_reason":"length"',
    )
    for delta in deltas:
        yield head + CUT.join((delta, *end))
    yield head + b"\x09: ping\n\nevent: error\ndata: {}\n\n"


def _bodies() -> Iterable[bytes]:
    messages = (
        b'"content":[{"type":"text","text":"a","cache_control":{"type":"ephemeral"}}]',
        b'"content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA","detail":"low"}}]',
        b'"content":[{"type":"file","file":{"file_data":"data:a/b;base64,AAAA"}},{"type":"input_audio"}]',
        b'"tool_calls":[{"id":"i","type":"function","function":{"name":"f","arguments":""},"index":0}]',
        b'"reasoning":"a","reasoning_details":[{"type":"reasoning.text","text":"a","signature":"s","index":0}]',
        b'"content":"a","annotations":[{"type":"url_citation","url_citation":{"url":"u"}},{}],"images":[{}]',
        b'"content":null,"function_call":{"name":"f","arguments":{}},"audio":{"id":"i"},"refusal":"no"',
    )
    for message in messages:
        yield (
            b'{"id":"c","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant",%b},'
            b'"finish_reason":"stop","logprobs":null}],"usage":{"prompt_tokens":1}}' % message
        )
        yield (
            b'{"model":"m","messages":[{"role":"assistant",%b},{"role":"tool","tool_call_id":"i","content":"x"}],'
            b'"tools":[{"type":"function","function":{"name":"f","parameters":{}}}],"tool_choice":"any","stream":true,'
            b'"stream_options":{"include_usage":false},"stop":"a","n":1,"max_tokens":5,"reasoning_effort":"low",'
            b'"response_format":{"type":"json_schema","json_schema":{"name":"n"}}}' % message
        )
    yield (
        b'{"model":"m","messages":[],"functions":[{"name":"f"}],"function_call":{"name":"f"},'
        b'"thinking":{"type":"enabled"}}'
    )


_WORDS: Final = (
    b'"delta":{',
    b'"content":',
    b'"tool_calls":[',
    b'"function":{"name":"f"',
    b'"arguments":"{"',
    b'"type":"function"',
    b'"reasoning_details":[',
    b'"type":"reasoning.summary"',
    b'"summary":"a"',
    b'"signature":"',
    b'"data":"',
    b"hgs1.",
    b'"extra_content":{"google":{"thought_signature":"s"}}',
    b'"annotations":[',
    b'"type":"url_citation"',
    b'"refusal":"a"',
    b'"finish_reason":"tool_calls"',
    b'"logprobs":{"content":[',
    b'"usage":{',
    b'"x_groq":{',
    b'"error":{',
    b'"index":',
    b'"reasoning":{"effort":"low"',
    b'"thinking":{"type":"disabled"}',
    b'"type":"allowed_tools"',
    b'"role":"function"',
)

TARGETS: Final = (
    Target(name="openai-chat-streams", run=read_events, seeds=_streams, words=(CUT, *_WORDS, *JSON_WORDS)),
    Target(name="openai-chat-bodies", run=read_bodies, seeds=_bodies, words=(*_WORDS, *JSON_WORDS)),
)

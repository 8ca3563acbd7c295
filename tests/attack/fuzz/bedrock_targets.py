"""Fuzzes what reads Bedrock: frames with right and wrong checksums, events, answers, and calls."""

from collections.abc import Iterable
from typing import Final

from tests.attack.fuzz.codec_checks import answer_holds, call_holds, stream_holds
from tests.attack.fuzz.fuzz_target import CUT, Draw, Target
from tests.attack.fuzz.wire_targets import JSON_WORDS

from headgate.wire.dialects.bedrock.codec import CODEC
from headgate.wire.dialects.bedrock.frames import write_frame

EVENTS: Final = (
    "messageStart",
    "contentBlockStart",
    "contentBlockDelta",
    "contentBlockStop",
    "messageStop",
    "metadata",
    "amazon-bedrock-invocationMetrics",
)


def read_events(data: bytes) -> None:
    """Any chunking gives the same events and error, and what was read can be written and read again."""
    draw = Draw(data)
    cutter = Draw(draw.take(8))
    stream = bytearray()
    for piece in draw.rest().split(CUT):
        inner = Draw(piece)
        number = inner.number(10)
        if number < len(EVENTS):
            headers = {":event-type": EVENTS[number], ":message-type": "event"}
            stream += write_frame(headers, inner.rest())
        elif number == 7:
            headers = {":exception-type": "throttlingException", ":message-type": "exception"}
            stream += write_frame(headers, inner.rest())
        else:
            stream += inner.rest()
    stream_holds(CODEC, bytes(stream), cutter)


def read_bodies(data: bytes) -> None:
    """An answer and a call are written as they came, or refused by name."""
    answer_holds(CODEC, data)
    call_holds(CODEC, data)


def _streams() -> Iterable[bytes]:
    head = bytes(range(1, 9))
    start, stop, end = (
        b'\x00{"role":"assistant"}',
        b'\x03{"contentBlockIndex":0}',
        b'\x04{"stopReason":"end_turn"}',
    )
    usage = b'\x05{"usage":{"inputTokens":1,"outputTokens":2},"metrics":{}}'
    deltas = (
        b'{"text":"a"}', b'{"reasoningContent":{"text":"a"}}', b'{"reasoningContent":{"signature":"a"}}',
        b'{"reasoningContent":{"redactedContent":"YQ=="}}', b'{"citation":{"title":"a"}}',
        b'{"toolResult":[{"text":"a"}]}',
    )  # fmt: skip
    for delta in deltas:
        yield head + CUT.join((start, b'\x02{"contentBlockIndex":0,"delta":%b}' % delta, stop, end, usage))
    for kind in (b"", b',"type":"server_tool_use"'):
        tool = b'\x01{"contentBlockIndex":0,"start":{"toolUse":{"toolUseId":"i","name":"n"%b}}}' % kind
        more = b'\x02{"contentBlockIndex":0,"delta":{"toolUse":{"input":"{}"}}}'
        yield head + CUT.join((start, tool, more, stop, end, usage))
    yield head + CUT.join((b'\x06{"a":1}', start, b'\x07{"message":"slow"}', b"\x08" + write_frame({}, b"x")))


def _bodies() -> Iterable[bytes]:
    blocks = (
        b'{"text":"a"},{"cachePoint":{"type":"default"}}',
        b'{"toolUse":{"toolUseId":"i","name":"n","input":{}}}',
        b'{"toolResult":{"toolUseId":"i","content":[{"json":[1]},{"text":"a"}],"status":"success"}}',
        b'{"reasoningContent":{"reasoningText":{"text":"a","signature":"b"}}}',
        b'{"reasoningContent":{"redactedContent":"YQ=="}}',
        b'{"image":{"format":"png","source":{"bytes":"AAAA"}}}',
        b'{"document":{"format":"pdf","name":"d","source":{"s3Location":{"uri":"s3://a"}}}}',
        b'{"citationsContent":{"content":[{"text":"a"}],"citations":[{"title":"t","location":{"web":{"url":"u"}}}]}}',
    )  # fmt: skip
    tools = b'{"tools":[{"toolSpec":{"name":"n","inputSchema":{"json":{}}}}],"toolChoice":{"auto":{}}}'
    for block in blocks:
        yield (
            b'{"output":{"message":{"role":"assistant","content":[%b]}},"stopReason":"end_turn",'
            b'"usage":{"inputTokens":1}}' % block
        )
        yield (
            b'{"system":[{"text":"s"}],"messages":[{"role":"user","content":[%b]}],'
            b'"inferenceConfig":{"maxTokens":1,"stopSequences":["a"]},"toolConfig":%b}' % (block, tools)
        )


_WORDS: Final = (
    b'"contentBlockIndex":', b'"delta":', b'"start":', b'"toolUse":', b'"toolResult":',
    b'"citation":', b'"text":"a"', b'"input":"{"', b'"stopReason":', b'"role":', b'"json":', b'"cachePoint":',
    b'"additionalModelResponseFields":', b'"source":{"bytes":"A"}', b'"image":', b'"type":"server_tool_use"',
    b'"reasoningContent":', b'"outputConfig":', b'"message":', b'"content":[', b'"status":"error"',
)  # fmt: skip

TARGETS: Final = (
    Target(name="bedrock-streams", run=read_events, seeds=_streams, words=(CUT, *_WORDS, *JSON_WORDS)),
    Target(name="bedrock-bodies", run=read_bodies, seeds=_bodies, words=(*_WORDS, *JSON_WORDS)),
)

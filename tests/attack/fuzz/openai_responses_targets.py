"""Fuzzes what reads OpenAI's Responses: streams, answers, and calls."""

from collections.abc import Iterable
from typing import Final

import msgspec
from tests.attack.fuzz.codec_checks import answer_holds, call_holds, stream_holds
from tests.attack.fuzz.fuzz_target import CUT, Draw, Target
from tests.attack.fuzz.wire_targets import JSON_WORDS

from headgate.wire.dialects.openai_responses.codec import CODEC

_KINDS: Final = (
    b"response.created",
    b"response.output_item.added",
    b"response.output_item.done",
    b"response.content_part.added",
    b"response.content_part.done",
    b"response.output_text.delta",
    b"response.output_text.done",
    b"response.output_text.annotation.added",
    b"response.reasoning_summary_part.added",
    b"response.reasoning_summary_text.delta",
    b"response.reasoning_text.delta",
    b"response.function_call_arguments.delta",
    b"response.refusal.delta",
    b"response.web_search_call.searching",
    b"response.completed",
    b"response.incomplete",
    b"response.failed",
    b"error",
)

_decode: Final = msgspec.json.Decoder().decode


def read_events(data: bytes) -> None:
    """Any chunking gives the same events and the same error; what was read is written, and read again."""
    draw = Draw(data)
    cutter = Draw(draw.take(8))
    stream = bytearray()
    for piece in draw.rest().split(CUT):
        inner = Draw(piece)
        number = inner.number(24)
        rest = inner.rest()
        known = number < len(_KINDS)
        stream += b'data: {"type":"%b",%b}\n\n' % (_KINDS[number], rest) if known else rest
    stream_holds(CODEC, bytes(stream), cutter)


def read_bodies(data: bytes) -> None:
    """An answer and a call are written as they came, or refused by name."""
    answer_holds(CODEC, data, may_change=True)
    call_holds(CODEC, data, may_change=True)


def _seeds_of_streams() -> Iterable[bytes]:
    head = bytes(range(1, 9))
    begin = b'\x00"response":{"id":"r","model":"m","created_at":1,"output":[]}'
    end = b'\x0e"response":{"id":"r","status":"completed","output":[],"usage":{"input_tokens":1}}'
    message = b'"output_index":0,"item":{"type":"message","id":"i","role":"assistant","content":[%b]}'
    text = (
        b'{"type":"output_text","text":"ab","annotations":[{"type":"url_citation","url":"u"}],"logprobs":[]}'
    )
    at = b'"output_index":0,"content_index":0,'
    bodies = (
        (
            b"\x01" + message % b"",
            b"\x03" + at + b'"part":{"type":"output_text","text":""}',
            b"\x05" + at + b'"delta":"a"',
            b"\x07" + at + b'"annotation":{"type":"url_citation","url":"u"}',
            b"\x06" + at + b'"text":"ab"',
            b"\x04" + at + b'"part":' + text,
            b"\x02" + message % text,
        ),
        (
            b'\x01"output_index":1,"item":{"type":"reasoning","id":"r","summary":[]}',
            b'\x08"output_index":1,"summary_index":0,"part":{"type":"summary_text","text":""}',
            b'\x09"output_index":1,"summary_index":0,"delta":"a"',
            b'\x02"output_index":1,"item":{"type":"reasoning","id":"r","encrypted_content":"next;hgs1.Z29vZ2xl.x",'
            b'"summary":[{"type":"summary_text","text":"ab"}],"content":[{"type":"reasoning_text","text":"c"}]}',
        ),
        (
            b'\x01"output_index":2,"item":{"type":"function_call","id":"f","call_id":"c","name":"n","arguments":""}',
            b'\x0b"output_index":2,"delta":"{"',
            b'\x02"output_index":2,"item":{"type":"function_call","call_id":"c","name":"n","arguments":"{}"}',
        ),
        (
            b'\x01"output_index":3,"item":{"type":"web_search_call","id":"w","status":"in_progress"}',
            b'\x0d"output_index":3,"item_id":"w"',
            b'\x02"output_index":3,"item":{"type":"web_search_call","id":"w","status":"completed"}',
        ),
        (b'\x0c"output_index":0,"content_index":0,"delta":"no"', b'\x0a"output_index":1,"delta":"hm"'),
        (b'\x10"response":{"id":"r","status":"failed","error":{"code":"server_error","message":"no"}}',),
        (b'\x11"code":"c","message":"no"', b'\x17data: {"error":{"message":"no"}}\n\n'),
    )
    for body in bodies:
        yield head + CUT.join((begin, *body, end))


def _seeds_of_bodies() -> Iterable[bytes]:
    items = (
        b'{"role":"user","content":"x"}',
        b'{"type":"message","role":"assistant","id":"m","status":"completed","content":[{"type":"output_text",'
        b'"text":"a","annotations":[{"type":"file_citation","filename":"f","index":0}]},{"type":"refusal",'
        b'"refusal":"no"}]}',
        b'{"role":"user","content":[{"type":"input_image","image_url":"data:image/png;base64,AAAA"},{"type":'
        b'"input_file","file_data":"AAAA"},{"type":"input_audio","input_audio":{"data":"A","format":"wav"}}]}',
        b'{"type":"reasoning","id":"r","summary":[],"encrypted_content":"next;hgs1.Z29vZ2xl.x"}',
        b'{"type":"function_call","call_id":"c","name":"n","arguments":"{}","status":"completed"}',
        b'{"type":"function_call_output","call_id":"c","output":[{"type":"input_text","text":"x"}]}',
        b'{"type":"item_reference","id":"i"}',
        b'{"type":"computer_call","id":"i","action":{}}',
    )
    for item in items:
        yield (
            b'{"id":"r","object":"response","created_at":1,"model":"m","status":"completed","output":[%b],'
            b'"usage":{"input_tokens":1,"output_tokens":1},"incomplete_details":null,"error":null}' % item
        )
        yield (
            b'{"model":"m","instructions":"i","input":[%b],"tools":[{"type":"function","name":"f","parameters":{},'
            b'"strict":true},{"type":"web_search"}],"tool_choice":{"type":"function","name":"f"},"stream":false,'
            b'"text":{"format":{"type":"json_schema","name":"n","schema":{}},"verbosity":"low"},"background":false,'
            b'"reasoning":{"effort":"low","summary":"auto"},"max_output_tokens":5,"include":["x"]}' % item
        )
    yield b'{"model":"m","input":"x","tools":[],"tool_choice":"none","text":{"format":{"type":"text"}}}'


_WORDS: Final = (
    b'"output_index":0',
    b'"content_index":0',
    b'"item":{"type":"message"',
    b'"part":{"type":"output_text","text":"a"}',
    b'"delta":"a"',
    b'"encrypted_content":"hgs1.Z29vZ2xl.x"',
    b'"summary":[{"type":"summary_text","text":"a"}]',
    b'"status":"incomplete","incomplete_details":{"reason":"max_output_tokens"}',
    b'"response":{"output":[',
    CUT,
)

TARGETS: Final = (
    Target(
        name="openai-responses-streams", run=read_events, seeds=_seeds_of_streams, words=_WORDS + JSON_WORDS
    ),
    Target(
        name="openai-responses-bodies", run=read_bodies, seeds=_seeds_of_bodies, words=_WORDS + JSON_WORDS
    ),
)

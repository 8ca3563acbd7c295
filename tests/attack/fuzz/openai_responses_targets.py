"""Fuzzes what reads OpenAI's Responses: streams, answers, and calls."""

from collections.abc import Iterable
from typing import Final

import msgspec
from tests.attack.fuzz.fuzz_target import CUT, Draw, Target
from tests.attack.fuzz.wire_targets import JSON_WORDS

from headgate.core.events import Began, Ended, Event
from headgate.core.faults import InvalidRequest, UpstreamError
from headgate.core.quirks import PLAIN
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.folding import fold
from headgate.wire.dialects.model import Asked
from headgate.wire.dialects.openai_responses.codec import CODEC
from headgate.wire.dialects.seals import MARK

ASKED: Final = Asked(model="m")
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
    body = bytes(stream)
    events, error = _fed([body])
    assert (events, error) == _fed(cutter.cuts(body))
    writer = CODEC.events_out(ASKED, Changes())
    again, broken = _fed([b"".join(writer.write(event) for event in events)])
    assert not broken, broken
    if events and isinstance(events[-1], Ended) and isinstance(events[0], Began):
        assert fold(again).candidates[0].finish == fold(events).candidates[0].finish


def _fed(pieces: list[bytes]) -> tuple[list[Event], str]:
    reader = CODEC.events_in()
    events: list[Event] = []
    try:
        for piece in pieces:
            events += reader.feed(piece)
        events += reader.end()
    except UpstreamError as error:
        return events, error.message
    return events, ""


def read_bodies(data: bytes) -> None:
    """An answer and a call are written as they came, or refused by name; but for seals that carry a mark."""
    is_marked = MARK.encode() in data
    try:
        answer = CODEC.read_answer(data)
    except UpstreamError:
        pass
    else:
        again = _decode(CODEC.write_answer(answer, ASKED, Changes()))
        assert is_marked or again == _decode(data)
    try:
        call = CODEC.read_call(data)
    except InvalidRequest:
        return
    changes = Changes()
    again = _decode(CODEC.write_call(call, PLAIN, changes))
    if not list(changes) and not is_marked:
        assert again == _decode(data)


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
        name="openai_responses_events", run=read_events, seeds=_seeds_of_streams, words=_WORDS + JSON_WORDS
    ),
    Target(
        name="openai_responses_bodies", run=read_bodies, seeds=_seeds_of_bodies, words=_WORDS + JSON_WORDS
    ),
)

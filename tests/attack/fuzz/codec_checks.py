"""What must hold of every codec, whatever bytes it reads: used by the target of each dialect.

Read next: `fuzz_target`, and the dialects' own targets, which make the bytes.
"""

import json
from collections.abc import Callable
from typing import Any, Final

from tests.attack.fuzz.fuzz_target import Draw

from headgate.core.events import Began, Ended, Event
from headgate.core.faults import InvalidRequest, UpstreamError
from headgate.core.quirks import PLAIN
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.folding import fold
from headgate.wire.dialects.model import Asked, Codec
from headgate.wire.dialects.seals import MARK

ASKED: Final = Asked(model="m")


def stream_holds(codec: Codec, body: bytes, cutter: Draw) -> None:
    """Any chunking gives the same events and the same error; what was read is written, and read again."""
    events, error = _fed(codec, [body])
    assert (events, error) == _fed(codec, cutter.cuts(body))
    writer = codec.events_out(ASKED, Changes())
    again, broken = _fed(codec, [b"".join(writer.write(event) for event in events)])
    assert not broken, broken
    if events and isinstance(events[-1], Ended) and any(isinstance(event, Began) for event in events):
        assert fold(again).candidates[0].finish == fold(events).candidates[0].finish


def _fed(codec: Codec, pieces: list[bytes]) -> tuple[list[Event], str]:
    reader = codec.events_in()
    events: list[Event] = []
    try:
        for piece in pieces:
            events += reader.feed(piece)
        events += reader.end()
    except UpstreamError as error:
        return events, error.message
    return events, ""


def answer_holds(
    codec: Codec, data: bytes, plain: Callable[[Any, Any], Any] | None = None, *, may_change: bool = False
) -> None:
    """An answer is written as it came, or refused by name.

    `plain`: takes what was written and what was read, and returns the first without what says nothing.
    `may_change`: where seals that carry a mark are not written as they were read.
    """
    try:
        answer = codec.read_answer(data)
    except UpstreamError:
        return
    again, raw = json.loads(codec.write_answer(answer, ASKED, Changes())), json.loads(data)
    if not (may_change and MARK.encode() in data):
        assert (again if plain is None else plain(again, raw)) == raw


def call_holds(codec: Codec, data: bytes, *, may_change: bool = False) -> None:
    """The same for a call, but for seals. `may_change`: where some can hold what is told instead."""
    try:
        call = codec.read_call(data)
    except InvalidRequest:
        return
    changes = Changes()
    again = json.loads(codec.write_call(call, PLAIN, changes))
    if MARK.encode() not in data and not (may_change and len(changes)):
        assert again == json.loads(data)

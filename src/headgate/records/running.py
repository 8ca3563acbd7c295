"""From a batch of journal entries to calls that still run and calls that ended. Pure.

Read next: `records.sink`, which writes them.
"""

import uuid
from collections.abc import Sequence

import msgspec

from headgate.core.entries import BEGIN, END, SETTLED, Begin, End, Settled
from headgate.core.ports import Envelope
from headgate.records.rows import identity, reserved_pico_usd

_BEGIN = msgspec.msgpack.Decoder(Begin)
_SETTLED = msgspec.msgpack.Decoder(Settled)
_END = msgspec.msgpack.Decoder(End)


class Running(msgspec.Struct):
    """What a batch says of a call that has not ended: its latest attempt, what those before it were charged
    (pico-USD), and whether the latest is still open.

    `begins`: it begins with an attempt. One that was open before that has lost its end with a disk, and is
    charged in full.
    """

    boot: uuid.UUID
    begin: Begin | None = None
    charged: int = 0
    is_open: bool = False
    begins: bool = False


def sort_calls(batch: Sequence[Envelope]) -> tuple[dict[uuid.UUID, Running], list[tuple[uuid.UUID, End]]]:
    """Return the calls that still run, by id, and the ends of the others, each with its boot.

    Raises ValueError or msgspec.MsgspecError for an entry that is none.
    """
    running: dict[uuid.UUID, Running] = {}
    ended: list[tuple[uuid.UUID, End]] = []
    for envelope in batch:
        boot = uuid.UUID(bytes=envelope.boot)
        if envelope.kind == BEGIN:
            begin = _BEGIN.decode(envelope.payload)
            call = running.setdefault(identity(begin.call), Running(boot, begins=True))
            if call.begin is not None and call.is_open:
                call.charged += reserved_pico_usd(call.begin)
            call.begin, call.is_open = begin, True
        elif envelope.kind == SETTLED:
            settled = _SETTLED.decode(envelope.payload)
            call = running.setdefault(identity(settled.call), Running(boot))
            call.charged += settled.cost_pico_usd
            call.is_open = False
        elif envelope.kind == END:
            end = _END.decode(envelope.payload)
            running.pop(identity(end.call), None)
            ended.append((boot, end))
    return running, ended


def interrupted_cost(charged: int, reserved: int, *, is_open: bool) -> int | None:
    """Return what a call costs whose process died, in pico-USD: as its meters are charged.

    None where an attempt was open of which nothing was reserved: nobody knows then.
    """
    if not is_open:
        return charged
    return charged + reserved if reserved else None
